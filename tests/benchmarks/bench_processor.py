"""Events per second of the processor, beside plain uproot + awkward, and its memory.

Run with: make bench
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import psutil
import pytest
import uproot

from eμsym.processors.fileset import read_fileset
from eμsym.processors.runner import process
from eμsym.recipes import embedded_fileset
from tests.delphes_file import COLLECTIONS

ENTRIES = 120_000
CHUNKSIZE = 20_000


def concatenated(path: Path, entries: int) -> Path:
    """Repeat the genuine ttbar events, with the branches that the selection reads."""
    with uproot.open(embedded_fileset().parent / "ttbar.root") as file:
        tree = file["Delphes"]
        columns = {
            collection: ak.zip({name: tree[f"{collection}.{name}"].array() for name in members})
            for collection, members in COLLECTIONS.items()
        }
    block = len(columns["Event"])
    with uproot.recreate(path, compression=uproot.LZMA(4)) as file:
        file.mktree(
            "Delphes",
            {name: column.type.content for name, column in columns.items()},
            counter_name=lambda collection: f"{collection}_size",
            field_name=lambda collection, name: f"{collection}/{collection}.{name}",
        )
        for start in range(0, entries, block):
            stop = min(block, entries - start)
            file["Delphes"].extend({name: column[:stop] for name, column in columns.items()})
    return path


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return concatenated(tmp_path_factory.mktemp("big") / "big.root", ENTRIES)


def plain(path: Path) -> tuple[int, Any]:
    """The same cuts, cutflow, columns and histograms with uproot and awkward alone, in memory."""
    with uproot.open(path) as file:
        tree = file["Delphes"]
        names = [f"{c}/{c}.{n}" for c, members in COLLECTIONS.items() for n in members]
        events = tree.arrays(names)
    kinds, passed = {}, []
    for kind, bound in (("Electron", 0.15), ("Muon", 0.25)):
        record = ak.zip(
            {
                n: events[f"{kind}/{kind}.{n}"]
                for n in ("PT", "Eta", "Phi", "Charge", "IsolationVar")
            }
        )
        hard = record.PT >= 15
        central = hard & (abs(record.Eta) <= 2.3)
        good = central & (record.IsolationVar < bound)
        passed.append([ak.num(record) > 0, *(ak.any(x, axis=1) for x in (hard, central, good))])
        kinds[kind] = record[good]
    cutflow = [int(ak.sum(x & y)) for x, y in zip(*passed, strict=True)]
    one = (ak.num(kinds["Electron"]) == 1) & (ak.num(kinds["Muon"]) == 1)
    electron, muon = (kinds[kind][one][:, 0] for kind in ("Electron", "Muon"))
    opposite = electron.Charge * muon.Charge < 0
    cutflow += [int(ak.sum(one)), int(ak.sum(opposite))]
    electron, muon = electron[opposite], muon[opposite]
    met, met_phi = (
        ak.to_numpy(events[f"MissingET/MissingET.{n}"][one][opposite][:, 0]).astype(float)
        for n in ("MET", "Phi")
    )
    leads = ak.to_numpy(electron.PT > muon.PT)
    columns = {"met": met, "met_phi": met_phi, "electron_leads": leads}
    for name in ("PT", "Eta", "Phi", "Charge", "IsolationVar"):
        x, y = (ak.to_numpy(lepton[name]).astype(float) for lepton in (electron, muon))
        columns[f"lead_{name}"] = np.where(leads, x, y)
        columns[f"sub_{name}"] = np.where(leads, y, x)
    first, second = columns["lead_PT"], columns["sub_PT"]
    apart = columns["lead_Phi"] - columns["sub_Phi"]
    columns["dphi_ll"] = np.abs((apart + np.pi) % (2 * np.pi) - np.pi)
    columns["deta_ll"] = np.abs(columns["lead_Eta"] - columns["sub_Eta"])
    angle = np.cosh(columns["deta_ll"]) - np.cos(apart)
    columns["m_coll"] = np.sqrt(2 * first * (second + met) * angle)
    columns["m_ll"] = np.sqrt(2 * first * second * angle)
    columns["pt_ll"] = np.sqrt(first**2 + second**2 + 2 * first * second * np.cos(apart))
    for name, pt in (("lead", first), ("sub", second)):
        turn = 1 - np.cos(columns[f"{name}_Phi"] - met_phi)
        columns[f"mt_{name}"] = np.sqrt(2 * pt * met * turn)
    ranges = {"m_coll": (28, 30, 170), "lead_PT": (27, 15, 150), "sub_PT": (27, 15, 150)}
    histograms: list[Any] = []
    for order in (leads, ~leads):
        for name, (n, low, high) in ranges.items():
            histograms.append(np.histogram(columns[name][order], n, (low, high)))
        both = columns["m_coll"][order], first[order]
        histograms.append(np.histogram2d(*both, (28, 27), ((30, 170), (15, 150))))
    return len(leads), (cutflow, columns, histograms)


def test_processor_against_plain_uproot(benchmark: Any, big: Path) -> None:
    import time

    given = read_fileset([big])
    start = time.perf_counter()
    n_plain, (cutflow, *_) = plain(big)
    seconds_plain = time.perf_counter() - start
    output = benchmark.pedantic(
        lambda: process(given, workers=1), rounds=3, iterations=1, warmup_rounds=1
    )
    flow = output.cutflow["data"]
    selected = flow["opposite_charge"]["raw"]
    assert selected == n_plain
    assert cutflow == [flow[cut]["raw"] for cut in list(flow)[1:7]]
    seconds = benchmark.stats.stats.median
    print(
        f"\n{ENTRIES} events, {selected} selected, one core: "
        f"processor {ENTRIES / seconds:,.0f} events/s ({selected / seconds:,.0f} selected/s), "
        f"plain uproot + awkward {ENTRIES / seconds_plain:,.0f} events/s; "
        f"ratio {seconds_plain / seconds:.2f}"
    )


_MEMORY = """
import sys, resource
from pathlib import Path
from eμsym.processors.fileset import read_fileset
from eμsym.processors.runner import process
process(read_fileset([sys.argv[1]]), workers=1, chunksize=int(sys.argv[2]), spill=Path(sys.argv[3]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = {}
    for entries in (ENTRIES, 10 * ENTRIES):
        path = concatenated(tmp_path / f"{entries}.root", entries)
        done = subprocess.run(
            [sys.executable, "-c", _MEMORY, str(path), str(CHUNKSIZE), str(tmp_path / "spill")],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks[entries] = int(done.stdout)
    small, large = peaks.values()
    print(
        f"\npeak memory: {small} MiB for {ENTRIES:,} events, {large} MiB for {10 * ENTRIES:,}; "
        f"ratio {large / small:.3f} (machine: {psutil.virtual_memory().total >> 20} MiB)"
    )
