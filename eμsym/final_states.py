"""Final states: an electron and a muon, two leptons of a kind, or one lepton with jets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eμsym.arrays import BoolArray
from eμsym.flat_objects import FlatObjects
from eμsym.selection import (
    LEPTON_FIELDS,
    Cuts,
    emu_leptons_flat,
    emu_masks_flat,
    good_of_both,
    into_slots_flat,
    total_charge,
)


@dataclass(frozen=True, eq=False)
class OneEach:
    """One lepton of every event: ``lepton.PT``, or ``lepton["PT"]``, has shape (n,).

    Parameters
    ----------
    members : mapping of str to ndarray, shape (n,)
        Keys: `eμsym.selection.LEPTON_FIELDS`.
    """

    members: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.members[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.members:
            raise AttributeError(name)
        return self.members[name]


@dataclass(frozen=True, eq=False)
class Leptons:
    """The selected leptons of events.

    Attributes
    ----------
    lead : OneEach
        The leading one.
    sub : OneEach or None
        The sub-leading one; None where there is one lepton alone.
    electron_leads : ndarray of bool, shape (n,)
        Whether the leading one is an electron.
    """

    lead: OneEach
    sub: OneEach | None
    electron_leads: BoolArray

    @property
    def all(self) -> tuple[OneEach, ...]:
        """The leptons, one of each slot an event."""
        return (self.lead,) if self.sub is None else (self.lead, self.sub)


@dataclass(frozen=True)
class FinalState:
    """What an event must have, and the leptons of those that have it.

    Attributes
    ----------
    masks : callable
        (electrons, muons, cuts) → for every cut, which events pass it, shape (n,).
    leptons : callable
        (electrons, muons, cuts) of events that pass all → `Leptons`.
    cuts : tuple of str
        The names of the cuts.
    """

    masks: Callable[[FlatObjects, FlatObjects, Cuts], dict[str, BoolArray]]
    leptons: Callable[[FlatObjects, FlatObjects, Cuts], Leptons]
    cuts: tuple[str, ...]


def _emu(electrons: FlatObjects, muons: FlatObjects, cuts: Cuts) -> Leptons:
    electron, muon = emu_leptons_flat(electrons, muons, cuts)
    lead, sub, electron_leads = into_slots_flat(electron, muon, by="PT")
    return Leptons(OneEach(lead), OneEach(sub), electron_leads)


def _same_flavour_masks(
    electrons: FlatObjects, muons: FlatObjects, cuts: Cuts
) -> dict[str, BoolArray]:
    """Two good leptons of one flavour, none of the other, of opposite charge."""
    good_e, good_mu, steps = good_of_both(electrons, muons, cuts)
    masks = {"two_leptons": (electrons.counts > 1) | (muons.counts > 1)}
    for name in steps:
        masks[name] = (electrons.count(good_e[name]) > 1) | (muons.count(good_mu[name]) > 1)
    one_e, one_mu = good_e["isolation"], good_mu["isolation"]
    n_e, n_mu = electrons.count(one_e), muons.count(one_mu)
    masks["exactly_two"] = ((n_e == 2) & (n_mu == 0)) | ((n_mu == 2) & (n_e == 0))
    opposite = total_charge(electrons, one_e) + total_charge(muons, one_mu) == 0
    masks["opposite_charge"] = opposite if cuts.opposite_charge else np.ones_like(opposite)
    return masks


def _one_lepton_masks(
    electrons: FlatObjects, muons: FlatObjects, cuts: Cuts
) -> dict[str, BoolArray]:
    """One good lepton, whatever its flavour, and no other."""
    good_e, good_mu, steps = good_of_both(electrons, muons, cuts)
    masks = {"a_lepton": (electrons.counts > 0) | (muons.counts > 0)}
    for name in steps:
        masks[name] = electrons.any(good_e[name]) | muons.any(good_mu[name])
    one_e, one_mu = good_e["isolation"], good_mu["isolation"]
    masks["exactly_one"] = electrons.count(one_e) + muons.count(one_mu) == 1
    return masks


def _in_order(
    electrons: FlatObjects, muons: FlatObjects, cuts: Cuts, number: int
) -> tuple[list[OneEach], BoolArray]:
    """Return the good leptons of both kinds, the hardest first, and whether they are electrons.

    Every event has the same `number` of good leptons. Of an exact tie the electron, or
    the one that stands first, is first.
    """
    good_e, good_mu, _ = good_of_both(electrons, muons, cuts)
    one_e, one_mu = good_e["isolation"], good_mu["isolation"]
    both = {n: np.append(electrons[n][one_e], muons[n][one_mu]) for n in LEPTON_FIELDS}
    event = np.append(electrons.event[one_e], muons.event[one_mu])
    order = np.lexsort((-both["PT"].astype(np.float64), event))
    each = [OneEach({n: x[order[i::number]] for n, x in both.items()}) for i in range(number)]
    return each, electrons.any(one_e)


def _same_flavour(electrons: FlatObjects, muons: FlatObjects, cuts: Cuts) -> Leptons:
    (lead, sub), are_electrons = _in_order(electrons, muons, cuts, 2)
    return Leptons(lead, sub, are_electrons)


def _one_lepton(electrons: FlatObjects, muons: FlatObjects, cuts: Cuts) -> Leptons:
    (lead,), is_electron = _in_order(electrons, muons, cuts, 1)
    return Leptons(lead, None, is_electron)


_LAST = ("pt", "eta", "isolation")
FINAL_STATES = {
    "emu": FinalState(
        emu_masks_flat, _emu, ("electron_and_muon", *_LAST, "exactly_one_each", "opposite_charge")
    ),
    "same_flavour": FinalState(
        _same_flavour_masks,
        _same_flavour,
        ("two_leptons", *_LAST, "exactly_two", "opposite_charge"),
    ),
    "one_lepton": FinalState(
        _one_lepton_masks, _one_lepton, ("a_lepton", *_LAST, "exactly_one", "a_jet")
    ),
}
#: Those of which an event must also have a good jet.
WITH_JETS = ("one_lepton",)
