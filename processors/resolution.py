"""Leptons of a chunk with the momentum resolution of the other flavour, where that is worse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import awkward as ak
import numpy as np

from eμsym.calibration.resolution_maps import ResolutionMaps, normal_of_leptons
from eμsym.errors import ConfigurationError
from eμsym.processors.formats import Chunk

_MOST_SEEDS = 2**63
_FLAVOURS = {"electrons": 11, "muons": 13}


@dataclass(frozen=True)
class Resolution:
    """How resolutions are to be equalised, see `eμsym.calibration.resolution_maps`.

    Parameters
    ----------
    file : str
        correctionlib JSON with ``resolution_electron`` and ``resolution_muon``.
    seed : int
        Of the random numbers; which event gets which does not depend on chunks or workers.

    Raises
    ------
    ConfigurationError
        If the seed is none.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    file: str
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.seed < _MOST_SEEDS:
            raise ConfigurationError(
                f"resolution.seed = {self.seed}: give 0 to {_MOST_SEEDS - 1:,}"
            )


def equal_resolution(chunk: Chunk, maps: ResolutionMaps, seed: int) -> Chunk:
    """Return a chunk whose better-measured leptons are smeared to the worse of the two flavours.

    The missing momentum takes up what a lepton gained, and isolation, which is relative to the
    lepton's pT, changes with it.

    Parameters
    ----------
    chunk : Chunk
    maps : ResolutionMaps
    seed : int

    Raises
    ------
    DataError
        If the maps do not say of a lepton.
    """
    x, y = chunk.met * np.cos(chunk.met_phi), chunk.met * np.sin(chunk.met_phi)
    leptons: dict[str, ak.Array] = {}
    for name, smear in (("electrons", maps.smeared_electrons), ("muons", maps.smeared_muons)):
        found = getattr(chunk, name)
        pt, eta, phi = (
            ak.to_numpy(ak.flatten(found[each])).astype(np.float64) for each in ("PT", "Eta", "Phi")
        )
        after = smear(pt, eta, normal_of_leptons(seed, _FLAVOURS[name], pt, eta, phi))
        leptons[name] = _with_pt(found, pt, after)
        gained = ak.unflatten(after - pt, ak.num(found.PT))
        angle = ak.unflatten(phi, ak.num(found.PT))
        x = x - ak.sum(gained * np.cos(angle), axis=1)
        y = y - ak.sum(gained * np.sin(angle), axis=1)
    return replace(chunk, **leptons, met=np.hypot(x, y), met_phi=np.arctan2(y, x))


def _with_pt(leptons: ak.Array, before: Any, after: Any) -> ak.Array:
    """Return leptons with another pT, of the type that it had, and isolation relative to it."""
    dtype = ak.to_numpy(ak.flatten(leptons.PT)).dtype
    counts = ak.num(leptons.PT)
    isolation = ak.to_numpy(ak.flatten(leptons.IsolationVar))
    # A lepton of no momentum is none; whatever its isolation, it is not selected.
    ratio = np.divide(before, after, out=np.ones_like(before), where=after > 0)
    columns = {name: leptons[name] for name in ak.fields(leptons)}
    columns["PT"] = ak.unflatten(after.astype(dtype), counts)
    columns["IsolationVar"] = ak.unflatten((isolation * ratio).astype(isolation.dtype), counts)
    return ak.zip(columns)
