"""Writing events in the branch layout of Delphes, without ROOT.

ROOT nests the members of a collection below a branch of its name. uproot cannot write
nested branches, but one that is called "Electron/Electron.PT" reads the same: in coffea,
and in uproot under that full name. There is no branch "Electron" above it, so that the
short name "Electron.PT", which finds the nested branch in a file of ROOT, does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import awkward as ak
import numpy as np
import uproot

from eμsym.arrays import FloatArray
from eμsym.input_files import parse_json
from eμsym.recipes.simulation.jets import Jets
from eμsym.recipes.simulation.pythia_events import Generated
from eμsym.recipes.simulation.response import Leptons, Reconstructed
from eμsym.root_io import undated

Columns = dict[str, ak.Array]

#: Name of the tree, and of the text beside it that says how the sample was made.
TREE, RECORD = "Delphes", "emusym"

_LEPTON = {
    "PT": np.float32,
    "Eta": np.float32,
    "Phi": np.float32,
    "Charge": np.int32,
    "IsolationVar": np.float32,
    "IsolationVarRhoCorr": np.float32,
    "SumPtCharged": np.float32,
    "SumPtNeutral": np.float32,
    "SumPtChargedPU": np.float32,
    "SumPt": np.float32,
}
_MISSING = {"MET": np.float32, "Eta": np.float32, "Phi": np.float32}
#: Collections, their members as Delphes calls them, and their types.
MEMBERS: dict[str, dict[str, Any]] = {
    "Event": {
        "Number": np.int64,
        "Weight": np.float32,
        "Scale": np.float32,
        "AlphaQED": np.float32,
        "AlphaQCD": np.float32,
        "ID1": np.int32,
        "ID2": np.int32,
        "X1": np.float32,
        "X2": np.float32,
        "ScalePDF": np.float32,
        "PDF1": np.float32,
        "PDF2": np.float32,
    },
    "Weight": {"Weight": np.float32},
    "GenMissingET": _MISSING,
    "Jet": {
        "PT": np.float32,
        "Eta": np.float32,
        "Phi": np.float32,
        "Mass": np.float32,
        "Flavor": np.uint32,
        "BTag": np.uint32,
        "EhadOverEem": np.float32,
    },
    "Electron": _LEPTON,
    "Muon": _LEPTON,
    "MissingET": _MISSING,
}


def delphes_columns(made: Generated, seen: Reconstructed) -> Columns:
    """Return events as Delphes' collections.

    Parameters
    ----------
    made : Generated
    seen : Reconstructed
        Of the same events.

    Returns
    -------
    dict of str to ak.Array, n * var * {members}
        With the keys of `MEMBERS`.
    """
    info, one = made.info, np.ones(made.n_events, dtype=np.int64)
    event = {
        "Number": made.number,
        "Weight": made.weight,
        "Scale": np.sqrt(info["q2_renormalisation"]),
        "AlphaQED": info["alpha_qed"],
        "AlphaQCD": info["alpha_qcd"],
        "ID1": info["id1"],
        "ID2": info["id2"],
        "X1": info["x1"],
        "X2": info["x2"],
        "ScalePDF": np.sqrt(info["q2_factorisation"]),
        "PDF1": info["pdf1"],
        "PDF2": info["pdf2"],
    }
    flat: dict[str, tuple[dict[str, Any], Any]] = {
        "Event": (event, one),
        "Weight": ({"Weight": made.weight}, one),
        "GenMissingET": (_missing(seen.gen_missing), one),
        "Jet": _jets(seen.jets, made.n_events),
        "Electron": _leptons(seen.electrons, made.n_events),
        "Muon": _leptons(seen.muons, made.n_events),
        "MissingET": (_missing(seen.missing), one),
    }
    return {name: _collection(name, *given) for name, given in flat.items()}


def _jets(jets: Jets, n_events: int) -> tuple[dict[str, Any], Any]:
    members = {
        "PT": jets.pt,
        "Eta": jets.eta,
        "Phi": jets.phi,
        "Mass": jets.mass,
        "Flavor": jets.flavour,
        "BTag": jets.b_tag,
        "EhadOverEem": jets.had_over_em,
    }
    return members, np.bincount(jets.event, minlength=n_events)


def _leptons(leptons: Leptons, n_events: int) -> tuple[dict[str, Any], Any]:
    members = {
        "PT": leptons.pt,
        "Eta": leptons.eta,
        "Phi": leptons.phi,
        "Charge": leptons.charge,
        "IsolationVar": leptons.isolation,
        "IsolationVarRhoCorr": leptons.isolation,
        "SumPtCharged": leptons.sum_pt_charged,
        "SumPtNeutral": leptons.sum_pt_neutral,
        "SumPtChargedPU": np.zeros_like(leptons.pt),
        "SumPt": leptons.sum_pt_charged + leptons.sum_pt_neutral,
    }
    return members, np.bincount(leptons.event, minlength=n_events)


def _missing(momentum: FloatArray) -> dict[str, Any]:
    x, y, z = momentum
    met = np.hypot(x, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = np.where(met > 0, np.arcsinh(z / met), 0.0)
    return {"MET": met, "Eta": eta, "Phi": np.arctan2(y, x)}


def _collection(name: str, members: Mapping[str, Any], counts: Any) -> ak.Array:
    columns = {
        member: ak.unflatten(np.asarray(members[member]).astype(dtype), counts)
        for member, dtype in MEMBERS[name].items()
    }
    return ak.zip(columns)


def joined(parts: Iterable[Columns]) -> Columns:
    """Return the events of several parts, one after the other; of none, no events."""
    parts = list(parts)
    if not parts:
        nothing: FloatArray = np.zeros(0)
        none = np.zeros(0, dtype=np.int64)
        return {
            name: _collection(name, dict.fromkeys(members, nothing), none)
            for name, members in MEMBERS.items()
        }
    return {name: ak.concatenate([part[name] for part in parts]) for name in MEMBERS}


class DelphesFile:
    """A ROOT file that events are added to.

    Parameters
    ----------
    path : Path
    uuid : UUID
        Identity that is written into the file; of the same sample always the same.
    """

    def __init__(self, path: Path, uuid: UUID) -> None:
        # By its path, uproot would write its name of the moment into it.
        self._stream = path.open("w+b")
        with undated():
            self._file = uproot.recreate(
                self._stream, compression=uproot.LZMA(4), uuid_function=lambda: uuid
            )
        self._tree: Any = None
        self._undated = undated()

    def __enter__(self) -> Self:
        self._undated.__enter__()
        self._file.__enter__()
        types = {name: column.type.content for name, column in joined([]).items()}
        self._tree = self._file.mktree(
            TREE,
            types,
            counter_name=lambda collection: f"{collection}_size",
            field_name=lambda collection, member: f"{collection}/{collection}.{member}",
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._file.__exit__(kind, value, traceback)
        finally:
            self._stream.close()
            self._undated.__exit__(kind, value, traceback)

    def add(self, columns: Columns) -> None:
        """Write events after those that are there."""
        if len(columns["Event"]):
            self._tree.extend(columns)

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Write beside the tree how the sample was made, as JSON in a TObjString."""
        self._file[RECORD] = json.dumps(record, ensure_ascii=True, allow_nan=False)


def read_record(path: str | Path) -> dict[str, Any] | None:
    """Return what `DelphesFile.write_record` wrote; None if there is no such thing."""
    with uproot.open({str(path): None}) as file:
        if RECORD not in file.keys(cycle=False):
            return None
        record: dict[str, Any] = parse_json(str(file[RECORD]), f"{path}: {RECORD}")
        return record
