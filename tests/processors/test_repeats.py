"""Events that a dataset holds twice: found whatever the files are called, and only those."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from eμsym.cli import main
from eμsym.files import read_json, write_json
from eμsym.processors.columns import COLUMNS, record_array
from eμsym.processors.fileset import read_fileset
from eμsym.processors.repeats import (
    RepeatedEvents,
    SharedEvents,
    fingerprints,
    repeated_events,
    shared_events,
)
from eμsym.processors.runner import process
from tests.delphes_file import emu

MEASURED = {f"{lepton}_{x}" for lepton in ("lead", "sub") for x in ("pt", "eta", "phi")}
MEASURED |= {"met", "met_phi"}


def random_columns(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    return {name: rng.uniform(1.0, 100.0, n) for name in COLUMNS}


def test_every_bit_of_what_was_measured_counts_and_nothing_else() -> None:
    columns = random_columns(50)
    before = fingerprints(record_array(columns))
    for name in COLUMNS:
        as_stored = columns[name].astype(np.float32)
        other = np.nextafter(as_stored, np.float32(np.inf)) if name in MEASURED else as_stored + 7
        changed = fingerprints(record_array({**columns, name: other})) != before
        assert np.all(changed == (name in MEASURED)), name


def test_different_events_have_different_fingerprints() -> None:
    n = 200_000
    # Momenta on a coarse grid, so that events differ in few bits.
    columns = {name: np.round(values) for name, values in random_columns(n).items()}
    events = record_array(columns)
    rows = zip(*(ak.to_numpy(events[name]).tolist() for name in sorted(MEASURED)), strict=True)
    assert len(np.unique(fingerprints(events))) == len(set(rows))
    assert fingerprints(record_array()).shape == (0,)


@pytest.fixture
def files(delphes_file: Callable[..., Path]) -> list[Path]:
    """Three files: the second holds part of the first again, the third nothing of them."""
    first = [emu(40.0 + i, met=30.0 + i) for i in range(10)]
    more = [emu(60.0 + i) for i in range(5)]
    made = delphes_file(first, "first.root"), delphes_file(first[4:8] + more, "second.root")
    return [*made, delphes_file([emu(80.0 + i) for i in range(6)], "third.root")]


@pytest.mark.parametrize("options", [{}, {"chunksize": 3}])
def test_shared_events_are_told_and_kept(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any]
) -> None:
    out = tmp_path / "out"
    flags = [f"--{name}={value}" for name, value in options.items()]
    main(["process", *map(str, files), "-o", str(out), *flags])
    line = (
        f"dataset data: 4 of its 25 selected events repeat others of it (in {files[0]}, "
        f"{files[1]}), which so count more than once; give every event once"
    )
    assert f"! {line}\n" in capsys.readouterr().out
    results = read_json(out / "results.json")
    assert results["repeated_events"] == {"data": 4}
    assert results["warnings"] == [line]
    assert results["cutflow"]["data"]["emu"]["raw"] == 25


def test_counts_of_events_that_are_there_thrice(delphes_file: Callable[..., Path]) -> None:
    numbers = [[1, 2, 3, 3], [2, 3, 4], [3, 5]]
    paths = [
        delphes_file([emu(40.0 + number) for number in held], f"{i}.root")
        for i, held in enumerate(numbers)
    ]
    output = process(read_fileset(paths), chunksize=2)
    found = repeated_events(output, "data", fingerprints(output.events("data")))
    every = Counter(number for held in numbers for number in held)
    assert found.repeated == sum(count - 1 for count in every.values()) == 4
    assert found.files == tuple(map(str, paths))
    warning = found.warning()
    assert warning is not None
    assert f"(in {paths[0]}, {paths[1]} and 1 more)" in warning
    assert RepeatedEvents("data", 9, 0).warning() is None


def test_events_of_several_datasets(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {
        name: {"files": {str(path): "Delphes"}, "metadata": {"role": role}}
        for name, path, role in zip(
            ("first", "second", "third"), files, ("data", "data", "data"), strict=True
        )
    }
    # A dataset outside of the pair may hold what it likes.
    content["simulated"] = {"files": {str(files[0]): "Delphes"}, "metadata": {"role": "signal"}}
    fileset = tmp_path / "fileset.json"
    write_json(fileset, content)
    main(["process", str(fileset), "-o", str(tmp_path / "out")])
    results = read_json(tmp_path / "out" / "results.json")
    assert results["repeated_events"] == dict.fromkeys(content, 0)
    assert results["shared_events"] == {"shared": 4, "datasets": ["first", "second"]}
    line = (
        "datasets first, second: share 4 selected events, which so count more than once in "
        "the pair; give every event once, or choose with --pair"
    )
    assert results["warnings"] == [line]
    assert f"! {line}\n" in capsys.readouterr().out
    main(["process", str(fileset), "-o", str(tmp_path / "apart"), "--pair", "first,third"])
    results = read_json(tmp_path / "apart" / "results.json")
    assert results["shared_events"] == {"shared": 0, "datasets": []}


def test_what_one_dataset_repeats_is_not_shared() -> None:
    seen = {
        name: np.array(numbers, dtype=np.uint64)
        for name, numbers in {"a": [1, 1, 2], "b": [2, 3, 3], "c": [2, 3], "d": [9]}.items()
    }
    # 2 is in three datasets, 3 in two.
    assert shared_events(seen) == SharedEvents(3, ("a", "b", "c"))
    assert shared_events({}) == SharedEvents(0)


def test_genuine_events_are_all_different(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    main(["process", str(sample / "fileset.json"), "-o", str(out)])
    results = read_json(out / "results.json")
    assert results["repeated_events"] == dict.fromkeys(results["datasets"], 0)
    assert results["warnings"] == []
