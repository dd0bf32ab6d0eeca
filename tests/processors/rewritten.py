"""Genuine Delphes events, written once more in the layouts of other formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import uproot

NANO = {
    "pt": "PT",
    "eta": "Eta",
    "phi": "Phi",
    "charge": "Charge",
}
ISOLATION = {
    "Electron": ("pfRelIso03_all", "ptvarcone30_Nonprompt_All_MaxWeightTTVALooseCone_pt1000"),
    "Muon": ("pfRelIso04_all", "ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt1000"),
}
TRIGGER = "HLT_Ele27_WPTight_Gsf"
GEV = np.float32(1000)


def delphes(path: Path) -> dict[str, Any]:
    """Return what the formats have in common: leptons, missing momentum, weight."""
    with uproot.open(path) as file:
        tree = file["Delphes"]
        found: dict[str, Any] = {
            kind: {
                name: tree[f"{kind}/{kind}.{name}"].array()
                for name in ("PT", "Eta", "Phi", "Charge", "IsolationVar")
            }
            for kind in ("Electron", "Muon")
        }
        for name, branch in (
            ("MET", "MissingET/MissingET.MET"),
            ("Phi", "MissingET/MissingET.Phi"),
        ):
            found[name] = ak.to_numpy(ak.flatten(tree[branch].array()))
        found["Weight"] = ak.to_numpy(ak.flatten(tree["Event/Event.Weight"].array()))
    return found


def nano_columns(path: Path, *, data: bool = False) -> dict[str, Any]:
    """Return the events by NanoAOD's names; every lepton is identified, every trigger fired."""
    given = delphes(path)
    n = len(given["MET"])
    columns: dict[str, Any] = {}
    for kind, flag, value in (
        ("Electron", "cutBased", np.int32(4)),
        ("Muon", "mediumId", np.True_),
    ):
        members = given[kind]
        for name, member in NANO.items():
            columns[f"{kind}_{name}"] = members[member]
        columns[f"{kind}_{ISOLATION[kind][0]}"] = members["IsolationVar"]
        columns[f"{kind}_{flag}"] = ak.values_astype(
            ak.full_like(members["Charge"], value), np.asarray(value).dtype
        )
    columns["PuppiMET_pt"], columns["PuppiMET_phi"] = given["MET"], given["Phi"]
    columns["run"] = np.full(n, 297050 if data else 1, dtype=np.uint32)
    columns["luminosityBlock"] = (np.arange(n) // 100 + 1).astype(np.uint32)
    columns["event"] = np.arange(n, dtype=np.uint64) + 10**10
    columns[TRIGGER] = np.ones(n, dtype=bool)
    if not data:
        columns["genWeight"] = given["Weight"]
    return columns


def write_nano(path: Path, columns: dict[str, Any], *, rntuple: bool = False) -> Path:
    """Write NanoAOD as a TTree whose collections have one counter each, or as an RNTuple."""
    with uproot.recreate(path) as file:
        if rntuple:
            counts = {
                f"n{kind}": ak.to_numpy(ak.num(columns[f"{kind}_pt"])).astype(np.int32)
                for kind in ("Electron", "Muon")
            }
            file.mkrntuple("Events", {**columns, **counts})
            return path
        zipped = {
            kind: ak.zip(
                {
                    name.removeprefix(f"{kind}_"): values
                    for name, values in columns.items()
                    if name.startswith(f"{kind}_")
                }
            )
            for kind in ("Electron", "Muon", "Jet")
            if f"{kind}_pt" in columns
        }
        starts = tuple(f"{kind}_" for kind in zipped)
        zipped |= {name: x for name, x in columns.items() if not name.startswith(starts)}
        write_tree(file, "Events", zipped)
    return path


def write_tree(file: Any, name: str, columns: dict[str, Any]) -> None:
    types = {key: ak.type(ak.Array(values)).content for key, values in columns.items()}
    file.mktree(name, types, counter_name=lambda each: f"n{each.replace('.', '_')}")
    file[name].extend(columns)


def write_physlite(path: Path, source: Path) -> Path:
    """Write the events by PHYSLITE's names, in MeV, the missing momentum as the only term."""
    given = delphes(source)
    columns: dict[str, Any] = {}
    for kind, flag, value in (
        ("Electron", "DFCommonElectronsLHMedium", np.int8(1)),
        ("Muon", "quality", np.uint8(9)),
    ):
        container, members = f"Analysis{kind}sAuxDyn", given[kind]
        columns[f"{container}.pt"] = members["PT"] * GEV
        columns[f"{container}.eta"], columns[f"{container}.phi"] = members["Eta"], members["Phi"]
        columns[f"{container}.charge"] = ak.values_astype(members["Charge"], np.float32)
        columns[f"{container}.{ISOLATION[kind][1]}"] = members["IsolationVar"] * (
            members["PT"] * GEV
        )
        columns[f"{container}.{flag}"] = ak.values_astype(
            ak.full_like(members["Charge"], value), value.dtype
        )
    n = len(given["MET"])
    for name, along in (("mpx", np.cos), ("mpy", np.sin)):
        values = (given["MET"] * GEV * along(given["Phi"])).astype(np.float32)
        columns[f"MET_FinalAuxDyn.{name}"] = ak.unflatten(values, np.ones(n, dtype=np.int64))
    weights = np.stack([given["Weight"], np.full(n, 7.0, dtype=np.float32)], axis=1).ravel()
    columns["EventInfoAuxDyn.mcEventWeights"] = ak.unflatten(weights, np.full(n, 2))
    columns["EventInfoAuxDyn.runNumber"] = np.full(n, 300000, dtype=np.uint32)
    columns["EventInfoAuxDyn.lumiBlock"] = np.full(n, 5, dtype=np.uint32)
    columns["EventInfoAuxDyn.eventNumber"] = np.arange(n, dtype=np.uint64)
    with uproot.recreate(path) as file:
        write_tree(file, "CollectionTree", columns)
    return path


def write_flat(path: Path, events: ak.Array, **changed: Any) -> Path:
    """Write selected events as any framework could, some rows in every row group."""
    kept = ("pt", "eta", "phi", "charge", "isolation")
    names = [f"{slot}_{name}" for slot in ("lead", "sub") for name in kept]
    names += ["met", "met_phi", "electron_leads", "weight"]
    columns = {name: ak.to_numpy(events[name]) for name in names} | changed
    table = pa.table({name: x for name, x in columns.items() if x is not None})
    pq.write_table(table, path, row_group_size=100)
    return path
