"""Many files and many datasets: time for each further one, and memory, as there are more.

Run with: make bench
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from eμsym.recipes import embedded_fileset
from tests.command_line import run
from tests.delphes_file import COLLECTIONS, emu, write_delphes

#: Files of so many genuine events, in one dataset; and datasets of one file of so few.
FILES, EVENTS_OF_A_FILE = 200, 5_000
DATASETS, EVENTS_OF_A_DATASET = 2_000, 25
#: What stands in every file, in place of a UUID and of the missing momenta, for others.
MARK = bytes(range(0x80, 0x90))


def template(path: Path, source: Path, entries: int) -> tuple[bytes, bytes]:
    """Return the bytes of an uncompressed file of the first events, and its missing momenta."""
    with uproot.open(source) as file:
        columns = {
            collection: ak.zip(
                {
                    name: file["Delphes"][f"{collection}/{collection}.{name}"].array(
                        entry_stop=entries
                    )
                    for name in members
                }
            )
            for collection, members in COLLECTIONS.items()
        }
    with uproot.recreate(
        path, compression=None, uuid_function=lambda: uuid.UUID(bytes=MARK)
    ) as file:
        file.mktree(
            "Delphes",
            {name: column.type.content for name, column in columns.items()},
            counter_name=lambda collection: f"{collection}_size",
            field_name=lambda collection, name: f"{collection}/{collection}.{name}",
        )
        file["Delphes"].extend(columns)
    met = ak.to_numpy(ak.flatten(columns["MissingET"].MET)).astype(">f4").tobytes()
    content = path.read_bytes()
    assert content.count(met) == 1
    path.unlink()
    return content, met


def write_files(folder: Path, content: bytes, met: bytes, n: int) -> list[Path]:
    """Write files of other events each: another UUID, and missing momenta of its own."""
    rng, paths = np.random.default_rng(1), []
    for number in range(n):
        own = rng.exponential(30.0, len(met) // 4).astype(">f4").tobytes()
        path = folder / f"{number}.root"
        path.write_bytes(content.replace(MARK, rng.bytes(16)).replace(met, own))
        paths.append(path)
    return paths


#: The command in a process of its own; prints its CPU time and its largest memory.
MEASURED = """
import resource, sys
from eμsym.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code
used = resource.getrusage(resource.RUSAGE_SELF)
print(f"measured {used.ru_utime + used.ru_stime} {used.ru_maxrss // 1024}")
"""


def measured(fileset: Path, output: Path) -> tuple[dict[str, Any], float, float, int]:
    """Return results.json, and the wall time, CPU time (s) and memory (MiB) of the command."""
    command = ["process", str(fileset), "-o", str(output), "--workers", "1"]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=True
    )
    wall = time.perf_counter() - start
    _, cpu, memory = done.stdout.splitlines()[-1].split()
    results = json.loads((output / "results.json").read_text(encoding="utf-8"))
    return results, wall, float(cpu), int(memory)


def compare(folder: Path, whole: dict[str, list[Path]], what: str) -> dict[str, Any]:
    """Measure some of the files, twice and twice again as many; print how time and memory grow."""
    files = [(name, path) for name, paths in whole.items() for path in paths]
    results: dict[str, Any] = {}
    before: tuple[int, float] | None = None
    for part in (len(files) // 8, len(files) // 4, len(files) // 2, len(files)):
        listed: dict[str, Any] = {}
        for name, path in files[:part]:
            listed.setdefault(name, {"files": {}})["files"][str(path)] = "Delphes"
        fileset = folder / f"{part}.json"
        fileset.write_text(json.dumps(listed), encoding="utf-8")
        results, wall, cpu, memory = measured(fileset, folder / f"out-{part}")
        events = sum(flow["all"]["raw"] for flow in results["cutflow"].values())
        further = ""
        if before is not None:
            each = (cpu - before[1]) / (part - before[0])
            further = f"; {1e3 * each:.0f} ms of CPU for each more than {before[0]:,}"
        print(
            f"{part:,} {what}, {events:,} events: {wall:.1f} s, {cpu:.1f} s of CPU, "
            f"{memory} MiB{further}",
            flush=True,
        )
        before = part, cpu
    return results


@pytest.fixture
def genuine(tmp_path: Path) -> tuple[bytes, bytes]:
    source = embedded_fileset().parent / "ttbar.root"
    return template(tmp_path / "template.root", source, EVENTS_OF_A_FILE)


def test_many_files_of_which_one_is_listed_twice(
    tmp_path: Path, genuine: tuple[bytes, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    paths = write_files(tmp_path, *genuine, FILES)
    names = [str(path) for path in [*paths, paths[FILES // 2]]]
    (tmp_path / "twice.json").write_text(json.dumps({"tt": {"files": names}}), encoding="utf-8")
    start = time.perf_counter()
    assert run("process", tmp_path / "twice.json", "-o", tmp_path / "out") == 2
    line = capsys.readouterr().err
    assert f"{names[-1]} is listed twice" in line
    with capsys.disabled():
        seconds = time.perf_counter() - start
        print(f"\none of {FILES} listed twice: exit 2 after {seconds:.2f} s, {line.strip()}")
        results = compare(tmp_path, {"tt": paths}, "files")
    assert results["cutflow"]["tt"]["all"]["raw"] == FILES * EVENTS_OF_A_FILE
    assert results["repeated_events"] == {"tt": 0}


def test_many_datasets_of_few_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(2)
    pts = rng.exponential(25.0, (EVENTS_OF_A_DATASET, 3)) + 15.0
    source = write_delphes(
        tmp_path / "source.root", [emu(pt_e, pt_mu, met=met) for pt_e, pt_mu, met in pts]
    )
    content, met = template(tmp_path / "template.root", source, EVENTS_OF_A_DATASET)
    paths = write_files(tmp_path, content, met, DATASETS)
    with capsys.disabled():
        print()
        results = compare(tmp_path, {path.stem: [path] for path in paths}, "datasets")
    flows = results["cutflow"].values()
    assert {flow["opposite_charge"]["raw"] for flow in flows} == {EVENTS_OF_A_DATASET}
    assert len(results["cutflow"]) == DATASETS
