"""Write files in the branch layout of Delphes, from events spelled out in Python.

ROOT nests the members of a collection below a branch of its name; uproot cannot
write nested branches, but a branch *named* "Electron/Electron.PT" reads the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

LEPTON = {
    "PT": np.float32,
    "Eta": np.float32,
    "Phi": np.float32,
    "Charge": np.int32,
    "IsolationVar": np.float32,
}
JET = {**dict.fromkeys(("PT", "Eta", "Phi", "Mass"), np.float32), "BTag": np.uint32}
#: Written if every event has them.
OPTIONAL: dict[str, dict[str, Any]] = {"Jet": JET, "ScalarHT": {"HT": np.float32}}
COLLECTIONS: dict[str, dict[str, Any]] = {
    "Event": {"Weight": np.float32},
    "Electron": LEPTON,
    "Muon": LEPTON,
    "MissingET": {"MET": np.float32, "Eta": np.float32, "Phi": np.float32},
}


def lepton(pt: float, charge: int, **values: float) -> dict[str, float]:
    """A lepton that passes every cut unless told otherwise."""
    return {"PT": pt, "Eta": 0.5, "Phi": 0.1, "Charge": charge, "IsolationVar": 0.01, **values}


def jet(pt: float, eta: float, phi: float, *, tagged: bool = False) -> dict[str, float]:
    return {"PT": pt, "Eta": eta, "Phi": phi, "Mass": 5.0, "BTag": int(tagged)}


def event(
    electrons: list[dict[str, float]] | None = None,
    muons: list[dict[str, float]] | None = None,
    met: float = 20.0,
    weight: float = 1.0,
) -> dict[str, Any]:
    return {
        "Event": [{"Weight": weight}],
        "Electron": electrons or [],
        "Muon": muons or [],
        "MissingET": [{"MET": met, "Eta": 3.0, "Phi": -1.0}],
    }


def emu(pt_e: float = 40.0, pt_mu: float = 30.0, **values: Any) -> dict[str, Any]:
    """A selected event: one electron and one muon of opposite charge."""
    return event([lepton(pt_e, -1)], [lepton(pt_mu, 1, Phi=2.5)], **values)


def write_delphes(
    path: Path,
    events: list[dict[str, Any]],
    *,
    tree: str = "Delphes",
    drop: tuple[str, ...] = (),
) -> Path:
    """Write events; `drop` names members to leave out, such as "Muon.Charge"."""
    more = {name: x for name, x in OPTIONAL.items() if events and all(name in e for e in events)}
    columns = {
        collection: ak.zip(
            {
                name: ak.values_astype(_jagged(events, collection, name), dtype)
                for name, dtype in members.items()
                if f"{collection}.{name}" not in drop
            }
        )
        for collection, members in {**COLLECTIONS, **more}.items()
    }
    with uproot.recreate(path) as file:
        file.mktree(
            tree,
            {name: column.type.content for name, column in columns.items()},
            counter_name=lambda collection: f"{collection}_size",
            field_name=lambda collection, name: f"{collection}/{collection}.{name}",
        )
        if events:
            file[tree].extend(columns)
    return path


def _jagged(events: list[dict[str, Any]], collection: str, name: str) -> ak.Array:
    counts = [len(e[collection]) for e in events]
    flat = np.array([x[name] for e in events for x in e[collection]], dtype=np.float64)
    return ak.unflatten(flat, np.array(counts, dtype=np.int64))
