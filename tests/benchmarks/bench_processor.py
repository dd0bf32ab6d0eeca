"""Events per second of the processor, beside plain uproot + awkward, and its memory.

Run with: make bench
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
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
ROUNDS = 15
LZMA = uproot.LZMA(4)
#: As the embedded sample is written, and as Delphes and ROOT do unless told otherwise.
COMPRESSIONS = {"LZMA": LZMA, "ZLIB": uproot.ZLIB(1)}


def concatenated(path: Path, entries: int, compression: Any = LZMA) -> Path:
    """Repeat the genuine ttbar events, with the branches that the selection reads."""
    with uproot.open(embedded_fileset().parent / "ttbar.root") as file:
        tree = file["Delphes"]
        columns = {
            collection: ak.zip({name: tree[f"{collection}.{name}"].array() for name in members})
            for collection, members in COLLECTIONS.items()
        }
    block = len(columns["Event"])
    with uproot.recreate(path, compression=compression) as file:
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


def plain(path: Path) -> tuple[list[int], dict[str, Any], dict[tuple[str, str], Any]]:
    """The same cuts, cutflow, columns and histograms with uproot and awkward alone, in memory."""
    with uproot.open(path) as file:
        tree = file["Delphes"]
        read = {**COLLECTIONS, "MissingET": ("MET", "Phi")}
        events = tree.arrays([f"{c}/{c}.{n}" for c, members in read.items() for n in members])
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
    weight = ak.to_numpy(events["Event/Event.Weight"][one][opposite][:, 0]).astype(float)
    columns = {"met": met, "met_phi": met_phi, "electron_leads": leads, "weight": weight}
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
    mass, pt = (30, 170), (10, 150)
    histograms = {}
    for order, chosen in (("emu", leads), ("mue", ~leads)):
        here = {name: columns[name][chosen] for name in ("m_coll", "lead_PT", "sub_PT", "weight")}
        for name, edges in (("m_coll", mass), ("lead_PT", pt), ("sub_PT", pt)):
            found, _ = np.histogram(here[name], 28, edges, weights=here["weight"])
            histograms[order, name.lower()] = found
        both = here["m_coll"], here["lead_PT"]
        plane, *_ = np.histogram2d(*both, 28, (mass, pt), weights=here["weight"])
        histograms[order, "plane"] = plane
    return cutflow, columns, histograms


def clock_and_cpu(function: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds that a call takes, by the clock and of CPU."""
    clock, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - clock, time.process_time() - cpu


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_processor_against_plain_uproot(tmp_path: Path, compression: str) -> None:
    path = concatenated(tmp_path / "big.root", ENTRIES, COMPRESSIONS[compression])
    given = read_fileset([path])
    output = process(given, workers=1)
    flow, selected = output.cutflow["data"], output.events("data")
    cutflow, columns, histograms = plain(path)
    assert cutflow == [flow[cut]["raw"] for cut in list(flow)[1:7]]
    for name, values in columns.items():
        found = ak.to_numpy(selected[name.lower().replace("isolationvar", "isolation")])
        np.testing.assert_allclose(found, values, rtol=1e-6, atol=1e-5, err_msg=name)
    for (order, name), values in histograms.items():
        moved = np.abs(output.histograms[name]["data", order, ...].values() - values).sum()
        assert moved < 1e-3 * values.sum(), (order, name)  # rounded to float32 at an edge
    # By turns, so that both meet the same neighbours on the machine.
    ours, theirs = zip(
        *(
            (clock_and_cpu(lambda: process(given, workers=1)), clock_and_cpu(lambda: plain(path)))
            for _ in range(ROUNDS)
        ),
        strict=True,
    )
    (clock, cpu), (plain_clock, plain_cpu) = (np.min(each, axis=0) for each in (ours, theirs))
    print(
        f"\n{compression}: {ENTRIES:,} events, {len(selected):,} selected, one core, best of "
        f"{ROUNDS}: processor {ENTRIES / clock:,.0f} events/s ({len(selected) / clock:,.0f} "
        f"selected/s), plain uproot + awkward {ENTRIES / plain_clock:,.0f} events/s; ratio "
        f"{plain_clock / clock:.2f} by the clock, {plain_cpu / cpu:.2f} of CPU "
        f"({cpu:.3f} and {plain_cpu:.3f} s)"
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
