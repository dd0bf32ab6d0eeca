"""The eμ selection as functions on awkward arrays, for anyone's own processor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from eμsym.arrays import BoolArray, FloatArray, summed
from eμsym.errors import ConfigurationError, DataError
from eμsym.flat_objects import FlatObjects, flat_objects, records

LEPTON_FIELDS = ("PT", "Eta", "Phi", "Charge", "IsolationVar")

#: Cuts that files of some formats add: on events before all others, and on leptons.
FORMAT_CUTS = ("golden_json", "trigger", "identification")

#: The cuts in the order in which they are applied.
CUT_NAMES = (
    "electron_and_muon",
    "pt",
    "eta",
    "isolation",
    "exactly_one_each",
    "opposite_charge",
)


@dataclass(frozen=True)
class Cuts:
    """What makes a lepton good and a pair of them selected.

    Parameters
    ----------
    pt_min : float
        Smallest transverse momentum, GeV, inclusive.
    eta_max : float
        Largest |η|, inclusive.
    electron_isolation, muon_isolation : float
        Upper bounds on Delphes' ``IsolationVar``, exclusive (ATLAS card: 0.15, 0.25).
    opposite_charge : bool
        Whether the electron and the muon must have opposite charges.

    Raises
    ------
    ConfigurationError
        If a bound is not positive or not finite.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    pt_min: float = 15.0
    eta_max: float = 2.3
    electron_isolation: float = 0.15
    muon_isolation: float = 0.25
    opposite_charge: bool = True

    def __post_init__(self) -> None:
        for name in ("pt_min", "eta_max", "electron_isolation", "muon_isolation"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigurationError(
                    f"cuts.{name} = {getattr(self, name)}: must be positive and finite"
                )

    @property
    def isolation_min(self) -> tuple[float, float]:
        """Lower bounds on the isolation of the electron and the muon, inclusive: none."""
        return -math.inf, -math.inf


@dataclass(frozen=True)
class ControlCuts(Cuts):
    """Cuts of control events, in which a lepton that fails the isolation estimates fakes.

    Parameters
    ----------
    electron_isolation_min, muon_isolation_min : float
        Lower bounds on ``IsolationVar``, inclusive.

    Raises
    ------
    ConfigurationError
        If a lower bound is negative, or not below the upper one.
    """

    electron_isolation_min: float = 0.0
    muon_isolation_min: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("electron_isolation", "muon_isolation"):
            low, high = getattr(self, f"{name}_min"), getattr(self, name)
            if not 0 <= low < high:
                raise ConfigurationError(
                    f"cuts.{name}_min = {low}: must not be negative, and below {name} = {high}"
                )

    @property
    def isolation_min(self) -> tuple[float, float]:
        """Lower bounds on the isolation of the electron and the muon, inclusive."""
        return self.electron_isolation_min, self.muon_isolation_min


def good_leptons(
    leptons: ak.Array, cuts: Cuts, isolation: float, isolation_min: float = -math.inf
) -> dict[str, ak.Array]:
    """Return the leptons' cumulative masks after pT, |η|, identification and isolation.

    Parameters
    ----------
    leptons : ak.Array, n * var * {PT, Eta, IsolationVar, …}
        Where there is a field ``Identified``, it must be true.
    cuts : Cuts
    isolation : float
        Upper bound on ``IsolationVar``, exclusive.
    isolation_min : float
        Lower bound, inclusive.

    Returns
    -------
    dict of ak.Array, n * var * bool
        Keys ``pt``, ``eta``, ``identification`` and ``isolation``; each mask includes the
        ones before it.
    """
    flat = flat_objects(leptons)
    good = good_flat_leptons(flat, cuts, isolation, isolation_min)
    return {name: flat.jagged(mask) for name, mask in good.items()}


def good_flat_leptons(
    leptons: FlatObjects, cuts: Cuts, isolation: float, isolation_min: float
) -> dict[str, BoolArray]:
    """Return what `good_leptons` does, of leptons laid flat: a bool for each of them."""
    pt = leptons["PT"] >= cuts.pt_min
    eta = pt & (np.abs(leptons["Eta"]) <= cuts.eta_max)
    identified = eta & leptons["Identified"] if "Identified" in leptons.members else eta
    found = leptons["IsolationVar"]
    isolated = (found < isolation) & (found >= isolation_min)
    return {
        "pt": pt,
        "eta": eta,
        "identification": identified,
        "isolation": identified & isolated,
    }


def good_of_both(
    electrons: FlatObjects, muons: FlatObjects, cuts: Cuts
) -> tuple[dict[str, BoolArray], dict[str, BoolArray], tuple[str, ...]]:
    """Return the good electrons and the good muons, and the steps that were asked for.

    Parameters
    ----------
    electrons, muons : FlatObjects
        With members PT, Eta, IsolationVar.
    cuts : Cuts

    Returns
    -------
    good_electrons, good_muons : dict of ndarray of bool
        See `good_flat_leptons`.
    steps : tuple of str
        Their keys; without ``identification`` where no leptons have a member ``Identified``.
    """
    least_e, least_mu = cuts.isolation_min
    good_e = good_flat_leptons(electrons, cuts, cuts.electron_isolation, least_e)
    good_mu = good_flat_leptons(muons, cuts, cuts.muon_isolation, least_mu)
    asked = "Identified" in (*electrons.members, *muons.members)
    return good_e, good_mu, tuple(x for x in good_e if asked or x != "identification")


def emu_masks(electrons: ak.Array, muons: ak.Array, cuts: Cuts) -> dict[str, ak.Array]:
    """Return, for every cut, which events pass it; their conjunction is the selection.

    An event is selected if exactly one electron and exactly one muon are good
    and their charges are opposite. Further leptons that are not good do not count.

    Parameters
    ----------
    electrons, muons : ak.Array, n * var * {PT, Eta, Charge, IsolationVar, …}
    cuts : Cuts

    Returns
    -------
    dict of ak.Array, n * bool
        In the order of `CUT_NAMES`, ready for coffea's ``PackedSelection``; before the
        isolation comes ``identification``, if any leptons have a field ``Identified``.
    """
    masks = emu_masks_flat(flat_objects(electrons), flat_objects(muons), cuts)
    return {name: ak.Array(mask) for name, mask in masks.items()}


def emu_masks_flat(electrons: FlatObjects, muons: FlatObjects, cuts: Cuts) -> dict[str, BoolArray]:
    """Return what `emu_masks` does, of leptons laid flat."""
    masks = {"electron_and_muon": (electrons.counts > 0) & (muons.counts > 0)}
    good_e, good_mu, steps = good_of_both(electrons, muons, cuts)
    for name in steps:
        masks[name] = electrons.any(good_e[name]) & muons.any(good_mu[name])
    one_e, one_mu = good_e["isolation"], good_mu["isolation"]
    masks["exactly_one_each"] = (electrons.count(one_e) == 1) & (muons.count(one_mu) == 1)
    # With one good lepton of each kind the sums are those leptons' charges.
    opposite = total_charge(electrons, one_e) * total_charge(muons, one_mu) < 0
    masks["opposite_charge"] = opposite if cuts.opposite_charge else np.ones_like(opposite)
    return masks


def total_charge(leptons: FlatObjects, good: BoolArray) -> FloatArray:
    """Return the sum of the charges of every event's good leptons, shape (n,)."""
    return summed(leptons.event, leptons["Charge"] * good, len(leptons.counts))


def emu_leptons(electrons: ak.Array, muons: ak.Array, cuts: Cuts) -> tuple[ak.Array, ak.Array]:
    """Return the one good electron and the one good muon of events that pass the selection.

    Parameters
    ----------
    electrons, muons : ak.Array, n * var * {PT, Eta, Phi, Charge, IsolationVar, …}
        Selected events only: each must have exactly one good lepton of each kind.
    cuts : Cuts

    Returns
    -------
    electron, muon : ak.Array, n * {PT, Eta, Phi, Charge, IsolationVar}

    Raises
    ------
    DataError
        If an event has no good lepton of a kind, or several.
    """
    found = emu_leptons_flat(flat_objects(electrons), flat_objects(muons), cuts)
    electron, muon = (records(each) for each in found)
    return electron, muon


def emu_leptons_flat(
    electrons: FlatObjects, muons: FlatObjects, cuts: Cuts
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what `emu_leptons` does, as arrays by the names of members."""
    electron, muon = zip(
        (cuts.electron_isolation, cuts.muon_isolation), cuts.isolation_min, strict=True
    )
    return (
        _the_good_one(electrons, cuts, electron, "electron"),
        _the_good_one(muons, cuts, muon, "muon"),
    )


def _the_good_one(
    leptons: FlatObjects, cuts: Cuts, isolation: tuple[float, float], kind: str
) -> dict[str, Any]:
    good = good_flat_leptons(leptons, cuts, *isolation)["isolation"]
    others = np.count_nonzero(leptons.count(good) != 1)
    if others:
        raise DataError(f"{others} events have not exactly one good {kind}; select with emu_masks")
    return {name: leptons[name][good] for name in LEPTON_FIELDS}


def lead_and_sub(electron: ak.Array, muon: ak.Array) -> tuple[ak.Array, ak.Array, ak.Array]:
    """Order the two leptons by pT.

    Parameters
    ----------
    electron, muon : ak.Array, n * {PT, …}
        Records with the same fields.

    Returns
    -------
    lead, sub : ak.Array, n * {PT, …}
        The leading and the sub-leading lepton.
    electron_leads : ak.Array, n * bool
        True for the eμ sample (pT(e) > pT(μ)), False for μe. An exact tie
        counts as μe.
    """
    return into_slots(electron, muon, by="PT")


def into_slots(
    electron: ak.Array, muon: ak.Array, *, by: str
) -> tuple[ak.Array, ak.Array, ak.Array]:
    """Put the two leptons into two slots, the one with more of something first.

    Parameters
    ----------
    electron, muon : ak.Array, n * {PT, …}
        Records with the same fields.
    by : str
        The field that is compared.

    Returns
    -------
    first, second : ak.Array, n * {PT, …}
    electron_first : ak.Array, n * bool
        Of an exact tie false.
    """
    e, mu = ({n: ak.to_numpy(each[n]) for n in ak.fields(electron)} for each in (electron, muon))
    first, second, electron_first = into_slots_flat(e, mu, by=by)
    return records(first), records(second), ak.Array(electron_first)


def into_slots_flat(
    electron: Mapping[str, Any], muon: Mapping[str, Any], *, by: str
) -> tuple[dict[str, Any], dict[str, Any], BoolArray]:
    """Return what `into_slots` does, of arrays by the names of members."""
    electron_first = np.asarray(electron[by] > muon[by])
    return (
        {name: np.where(electron_first, x, muon[name]) for name, x in electron.items()},
        {name: np.where(electron_first, muon[name], x) for name, x in electron.items()},
        electron_first,
    )
