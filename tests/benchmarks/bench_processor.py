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
    """The selection and m_coll with uproot and awkward alone, all in memory."""
    with uproot.open(path) as file:
        tree = file["Delphes"]
        names = [f"{c}/{c}.{n}" for c, members in COLLECTIONS.items() for n in members]
        events = tree.arrays(names)
    kinds = {}
    for kind, bound in (("Electron", 0.15), ("Muon", 0.25)):
        record = ak.zip(
            {
                n: events[f"{kind}/{kind}.{n}"]
                for n in ("PT", "Eta", "Phi", "Charge", "IsolationVar")
            }
        )
        good = (record.PT >= 15) & (abs(record.Eta) <= 2.3) & (record.IsolationVar < bound)
        kinds[kind] = record[good]
    one = (ak.num(kinds["Electron"]) == 1) & (ak.num(kinds["Muon"]) == 1)
    electron, muon = (kinds[kind][one][:, 0] for kind in ("Electron", "Muon"))
    opposite = electron.Charge * muon.Charge < 0
    electron, muon = electron[opposite], muon[opposite]
    met = events["MissingET/MissingET.MET"][one][opposite][:, 0]
    leads = electron.PT > muon.PT
    first, second = (
        ak.where(leads, x, y) for x, y in ((electron.PT, muon.PT), (muon.PT, electron.PT))
    )
    angle = np.cosh(electron.Eta - muon.Eta) - np.cos(electron.Phi - muon.Phi)
    m_coll = np.sqrt(2 * first * (second + met) * angle)
    histograms = [
        np.histogram(m_coll[leads], 28, (30, 170)),
        np.histogram(m_coll[~leads], 28, (30, 170)),
    ]
    return len(m_coll), histograms


def test_processor_against_plain_uproot(benchmark: Any, big: Path) -> None:
    import time

    given = read_fileset([big])
    start = time.perf_counter()
    n_plain, _ = plain(big)
    seconds_plain = time.perf_counter() - start
    output = benchmark.pedantic(
        lambda: process(given, workers=1), rounds=3, iterations=1, warmup_rounds=1
    )
    selected = output.cutflow["data"]["opposite_charge"]["raw"]
    assert selected == n_plain
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
