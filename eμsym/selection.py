"""The eμ selection as functions on awkward arrays, for anyone's own processor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import awkward as ak
import numpy as np

from eμsym.errors import ConfigurationError, DataError

LEPTON_FIELDS = ("PT", "Eta", "Phi", "Charge", "IsolationVar")

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
    """Return the leptons' cumulative masks after pT, |η| and isolation.

    Parameters
    ----------
    leptons : ak.Array, n * var * {PT, Eta, IsolationVar, …}
    cuts : Cuts
    isolation : float
        Upper bound on ``IsolationVar``, exclusive.
    isolation_min : float
        Lower bound, inclusive.

    Returns
    -------
    dict of ak.Array, n * var * bool
        Keys ``pt``, ``eta``, ``isolation``; each mask includes the ones before it.
    """
    pt = leptons.PT >= cuts.pt_min
    eta = pt & (abs(leptons.Eta) <= cuts.eta_max)
    isolated = (leptons.IsolationVar < isolation) & (leptons.IsolationVar >= isolation_min)
    return {"pt": pt, "eta": eta, "isolation": eta & isolated}


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
        In the order of `CUT_NAMES`, ready for coffea's ``PackedSelection``.
    """
    masks = {"electron_and_muon": (ak.num(electrons) > 0) & (ak.num(muons) > 0)}
    least_e, least_mu = cuts.isolation_min
    good_e = good_leptons(electrons, cuts, cuts.electron_isolation, least_e)
    good_mu = good_leptons(muons, cuts, cuts.muon_isolation, least_mu)
    for name in ("pt", "eta", "isolation"):
        masks[name] = ak.any(good_e[name], axis=1) & ak.any(good_mu[name], axis=1)
    one_e, one_mu = good_e["isolation"], good_mu["isolation"]
    masks["exactly_one_each"] = (ak.sum(one_e, axis=1) == 1) & (ak.sum(one_mu, axis=1) == 1)
    # With one good lepton of each kind the sums are those leptons' charges.
    charge_e = ak.sum(electrons.Charge[one_e], axis=1)
    charge_mu = ak.sum(muons.Charge[one_mu], axis=1)
    opposite = charge_e * charge_mu < 0
    masks["opposite_charge"] = opposite if cuts.opposite_charge else ak.full_like(opposite, True)
    return masks


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
    electron, muon = zip(
        (cuts.electron_isolation, cuts.muon_isolation), cuts.isolation_min, strict=True
    )
    return (
        _the_good_one(electrons, cuts, electron, "electron"),
        _the_good_one(muons, cuts, muon, "muon"),
    )


def _the_good_one(
    leptons: ak.Array, cuts: Cuts, isolation: tuple[float, float], kind: str
) -> ak.Array:
    good = good_leptons(leptons, cuts, *isolation)["isolation"]
    others = ak.sum(ak.sum(good, axis=1) != 1)
    if others:
        raise DataError(f"{others} events have not exactly one good {kind}; select with emu_masks")
    chosen = ak.flatten(leptons[good])
    return ak.Array({name: ak.to_numpy(chosen[name]) for name in LEPTON_FIELDS})


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
    # One number an event: numpy does what awkward does, and costs less where events are few.
    e, mu = ({n: ak.to_numpy(each[n]) for n in ak.fields(electron)} for each in (electron, muon))
    electron_first = e[by] > mu[by]
    first = {name: np.where(electron_first, e[name], mu[name]) for name in e}
    second = {name: np.where(electron_first, mu[name], e[name]) for name in e}
    return ak.Array(first), ak.Array(second), ak.Array(electron_first)
