"""Reading the Delphes branches that the selection needs, and refusing impossible values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from eμsym.errors import DataError, InputFileError
from eμsym.selection import LEPTON_FIELDS

#: Branches that coffea's DelphesSchema or the selection cannot do without.
NEEDED = {
    "Event": ("Weight",),
    "Electron": LEPTON_FIELDS,
    "Muon": LEPTON_FIELDS,
    "MissingET": ("MET", "Eta", "Phi"),
}

_NEVER_NEGATIVE = ("PT", "MET", "IsolationVar")


@dataclass(frozen=True, eq=False)
class Chunk:
    """The needed columns of some events, read and found possible.

    Attributes
    ----------
    electrons, muons : ak.Array, n * var * {PT, Eta, Phi, Charge, IsolationVar}
    met, met_phi : ak.Array, n * float
        GeV and radians.
    weight : ndarray of float64, shape (n,)
        ``Event.Weight``.
    """

    electrons: ak.Array
    muons: ak.Array
    met: ak.Array
    met_phi: ak.Array
    weight: np.ndarray[Any, np.dtype[np.float64]]


def read_chunk(events: Any) -> Chunk:
    """Read the needed branches of coffea's Delphes events.

    Parameters
    ----------
    events : NanoEvents of DelphesSchema

    Returns
    -------
    Chunk

    Raises
    ------
    InputFileError
        If a branch is missing or its bytes cannot be decoded.
    DataError
        If a value is not finite, or a momentum or isolation is negative.
    """
    metadata = getattr(events, "metadata", None) or {}
    return Chunk(
        electrons=_leptons(events, "Electron", metadata),
        muons=_leptons(events, "Muon", metadata),
        met=_branch(events, "MissingET", "MET", metadata),
        met_phi=_branch(events, "MissingET", "Phi", metadata),
        weight=ak.to_numpy(_branch(events, "Event", "Weight", metadata)).astype(np.float64),
    )


def _leptons(events: Any, collection: str, metadata: Mapping[str, Any]) -> ak.Array:
    columns = {name: _branch(events, collection, name, metadata) for name in LEPTON_FIELDS}
    return ak.zip(columns)


def _branch(events: Any, collection: str, name: str, metadata: Mapping[str, Any]) -> ak.Array:
    file = metadata.get("filename", "events")
    try:
        values = ak.materialize(events[collection][name])
    except Exception as error:
        # Whatever uproot, awkward or a decompressor raises here, the file is at fault.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputFileError(
            f"{file}: branch {collection}.{name} cannot be read ({reason[0]}); "
            "copy or make the file again"
        ) from error
    bad = ~np.isfinite(values)
    if name in _NEVER_NEGATIVE:
        bad = bad | (values < 0)
    if ak.any(bad, axis=None):
        in_event = ak.any(bad, axis=1) if bad.ndim == 2 else bad
        event = int(np.argmax(ak.to_numpy(in_event)))
        value = ak.ravel(values[bad])[0]
        raise DataError(
            f"{file}: {collection}.{name} = {value} in entry "
            f"{metadata.get('entrystart', 0) + event}; such events must be mended or dropped"
        )
    return values
