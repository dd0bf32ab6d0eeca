"""The jets of an event that are kept: cuts, and the leptons that are no jets taken out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from eμsym.errors import ConfigurationError


@dataclass(frozen=True)
class JetCuts:
    """What makes a jet one that is counted.

    Parameters
    ----------
    pt_min : float
        Smallest transverse momentum, GeV, inclusive.
    eta_max : float
        Largest |η|, inclusive. b-tags need the tracker, so 2.5.
    overlap : float
        A jet nearer than this to a selected lepton, in ΔR = sqrt(Δη² + Δφ²), is that lepton
        seen once more. 0 keeps every jet.

    Raises
    ------
    ConfigurationError
        If a bound is negative, not finite, or 0 where it must not be.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    pt_min: float = 25.0
    eta_max: float = 2.5
    overlap: float = 0.4

    def __post_init__(self) -> None:
        for name in ("pt_min", "eta_max"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigurationError(
                    f"jets.{name} = {getattr(self, name)}: must be positive and finite"
                )
        if not 0 <= self.overlap < math.inf:
            raise ConfigurationError(
                f"jets.overlap = {self.overlap}: must be a distance, 0 or more and finite"
            )


def good_jets(jets: ak.Array, leptons: Sequence[ak.Array], cuts: JetCuts) -> ak.Array:
    """Return the jets that pass the cuts and are none of the leptons, the hardest first.

    Parameters
    ----------
    jets : ak.Array, n * var * {PT, Eta, Phi, …}
    leptons : sequence of ak.Array, n * {Eta, Phi, …}
        The selected ones, one of each kind an event.
    cuts : JetCuts
    """
    good = (jets.PT >= cuts.pt_min) & (abs(jets.Eta) <= cuts.eta_max)
    if cuts.overlap > 0:
        for lepton in leptons:
            good = good & (delta_r(jets, lepton) >= cuts.overlap)
    kept = jets[good]
    return kept[ak.argsort(kept.PT, axis=1, ascending=False, stable=True)]


def delta_r(one: Any, other: Any) -> Any:
    """Return ΔR = sqrt(Δη² + Δφ²) of records with Eta and Phi; Δφ is taken around the circle."""
    dphi = ak.values_astype(one.Phi, np.float64) - ak.values_astype(other.Phi, np.float64)
    deta = ak.values_astype(one.Eta, np.float64) - ak.values_astype(other.Eta, np.float64)
    around = np.abs(dphi) % (2 * np.pi)
    return np.hypot(deta, np.minimum(around, 2 * np.pi - around))


def jet_columns(jets: ak.Array) -> dict[str, Any]:
    """Return what is kept of the good jets of an event.

    Parameters
    ----------
    jets : ak.Array, n * var * {PT, Eta, …}
        As `good_jets` returns them, with ``BTag`` if it is known.

    Returns
    -------
    dict of ndarray, shape (n,)
        ``n_jets``; ``n_bjets`` with b-tags; ``ht``: the scalar sum of their pT, GeV, 0 without any;
        ``jet1_pt``, ``jet1_eta``, ``jet2_pt``, ``jet2_eta``: of the two hardest, NaN where there
        is none, which no bin counts and of which no comparison is true.
    """
    first_two = ak.pad_none(jets, 2, axis=1, clip=True)
    found: dict[str, Any] = {
        "n_jets": ak.to_numpy(ak.num(jets)),
        "ht": ak.to_numpy(ak.sum(ak.values_astype(jets.PT, np.float64), axis=1)),
    }
    if "BTag" in jets.fields:
        found["n_bjets"] = ak.to_numpy(ak.sum(jets.BTag, axis=1))
    for i in (0, 1):
        for name in ("PT", "Eta"):
            values = ak.fill_none(first_two[name][:, i], np.nan)
            found[f"jet{i + 1}_{name.lower()}"] = ak.to_numpy(values)
    return found
