"""Final states: an electron and a muon, two leptons of a kind, or one lepton with jets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import awkward as ak

from eμsym.selection import LEPTON_FIELDS, Cuts, emu_leptons, emu_masks, good_leptons, into_slots


@dataclass(frozen=True, eq=False)
class Leptons:
    """The selected leptons of events.

    Attributes
    ----------
    lead : ak.Array, n * {PT, Eta, Phi, Charge, IsolationVar}
        The leading one.
    sub : ak.Array or None
        The sub-leading one; None where there is one lepton alone.
    electron_leads : ak.Array, n * bool
        Whether the leading one is an electron.
    """

    lead: ak.Array
    sub: ak.Array | None
    electron_leads: ak.Array

    @property
    def all(self) -> tuple[ak.Array, ...]:
        """The leptons, one of each slot an event."""
        return (self.lead,) if self.sub is None else (self.lead, self.sub)


@dataclass(frozen=True)
class FinalState:
    """What an event must have, and the leptons of those that have it.

    Attributes
    ----------
    masks : callable
        (electrons, muons, cuts) → for every cut, which events pass it, n * bool.
    leptons : callable
        (electrons, muons, cuts) of events that pass all → `Leptons`.
    cuts : tuple of str
        The names of the cuts.
    """

    masks: Callable[[ak.Array, ak.Array, Cuts], dict[str, ak.Array]]
    leptons: Callable[[ak.Array, ak.Array, Cuts], Leptons]
    cuts: tuple[str, ...]


def _emu(electrons: ak.Array, muons: ak.Array, cuts: Cuts) -> Leptons:
    electron, muon = emu_leptons(electrons, muons, cuts)
    return Leptons(*into_slots(electron, muon, by="PT"))


def _good(
    electrons: ak.Array, muons: ak.Array, cuts: Cuts
) -> tuple[dict[str, ak.Array], dict[str, ak.Array], tuple[str, ...]]:
    good_e = good_leptons(electrons, cuts, cuts.electron_isolation)
    good_mu = good_leptons(muons, cuts, cuts.muon_isolation)
    asked = "Identified" in (*electrons.fields, *muons.fields)
    steps = ("pt", "eta", *(("identification",) if asked else ()), "isolation")
    return good_e, good_mu, steps


def _same_flavour_masks(electrons: ak.Array, muons: ak.Array, cuts: Cuts) -> dict[str, ak.Array]:
    """Two good leptons of one flavour, none of the other, of opposite charge."""
    good_e, good_mu, steps = _good(electrons, muons, cuts)
    masks = {"two_leptons": (ak.num(electrons) > 1) | (ak.num(muons) > 1)}
    for name in steps:
        masks[name] = (ak.sum(good_e[name], axis=1) > 1) | (ak.sum(good_mu[name], axis=1) > 1)
    n_e, n_mu = (ak.sum(good["isolation"], axis=1) for good in (good_e, good_mu))
    masks["exactly_two"] = ((n_e == 2) & (n_mu == 0)) | ((n_mu == 2) & (n_e == 0))
    charge = ak.sum(electrons.Charge[good_e["isolation"]], axis=1)
    charge = charge + ak.sum(muons.Charge[good_mu["isolation"]], axis=1)
    opposite = charge == 0
    masks["opposite_charge"] = opposite if cuts.opposite_charge else ak.full_like(opposite, True)
    return masks


def _one_lepton_masks(electrons: ak.Array, muons: ak.Array, cuts: Cuts) -> dict[str, ak.Array]:
    """One good lepton, whatever its flavour, and no other."""
    good_e, good_mu, steps = _good(electrons, muons, cuts)
    masks = {"a_lepton": (ak.num(electrons) > 0) | (ak.num(muons) > 0)}
    for name in steps:
        masks[name] = ak.any(good_e[name], axis=1) | ak.any(good_mu[name], axis=1)
    n_good = ak.sum(good_e["isolation"], axis=1) + ak.sum(good_mu["isolation"], axis=1)
    masks["exactly_one"] = n_good == 1
    return masks


def _in_order(electrons: ak.Array, muons: ak.Array, cuts: Cuts) -> tuple[ak.Array, ak.Array]:
    """Return the good leptons of both kinds, the hardest first, and whether they are electrons."""
    good_e, good_mu, _ = _good(electrons, muons, cuts)
    both: dict[str, Any] = {
        name: ak.concatenate(
            [electrons[name][good_e["isolation"]], muons[name][good_mu["isolation"]]], axis=1
        )
        for name in LEPTON_FIELDS
    }
    leptons = ak.zip(both)
    order = ak.argsort(leptons.PT, axis=1, ascending=False, stable=True)
    return leptons[order], ak.sum(good_e["isolation"], axis=1) > 0


def _same_flavour(electrons: ak.Array, muons: ak.Array, cuts: Cuts) -> Leptons:
    leptons, are_electrons = _in_order(electrons, muons, cuts)
    return Leptons(leptons[:, 0], leptons[:, 1], are_electrons)


def _one_lepton(electrons: ak.Array, muons: ak.Array, cuts: Cuts) -> Leptons:
    leptons, is_electron = _in_order(electrons, muons, cuts)
    return Leptons(leptons[:, 0], None, is_electron)


_LAST = ("pt", "eta", "isolation")
FINAL_STATES = {
    "emu": FinalState(
        emu_masks, _emu, ("electron_and_muon", *_LAST, "exactly_one_each", "opposite_charge")
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
