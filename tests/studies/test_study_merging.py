"""Stores that are merged, and several processes that share one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from eμsym.errors import ConfigurationError, DataError
from eμsym.studies import merge_stores, read_results, run_study, running
from eμsym.studies.parquet_bytes import from_bytes
from eμsym.studies.store import read_store
from tests.studies.toy_studies import SMALL, finished, half_done, names, parts


@pytest.fixture(autouse=True)
def every_toy_is_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "KEEP_SECONDS", -1.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What toys.parquet holds if nothing happens."""
    return finished(SMALL, tmp_path_factory.mktemp("whole") / "store")


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A store with seven of the eighteen toys."""
    return half_done(tmp_path / "store")


def test_stores_are_merged(tmp_path: Path, whole: bytes) -> None:
    for job in range(3):
        mine = run_study(SMALL, tmp_path / f"job{job}", workers=1, job=job, jobs=3)
        assert mine.done == 6
    folders = [tmp_path / f"job{job}" for job in range(3)]
    partly = merge_stores(folders[:2], tmp_path / "merged")
    assert (partly.done, partly.complete) == (12, False)
    # Into a store that is there, with toys that it has.
    merged = merge_stores(folders[1:], tmp_path / "merged")
    assert merged.complete
    assert (tmp_path / "merged" / "toys.parquet").read_bytes() == whole
    assert names(tmp_path / "merged") == {"study.json", "toys.parquet"}
    assert all(read_results(folder).done == 6 for folder in folders)


def test_stores_with_different_numbers_of_toys_are_merged(half: Path, tmp_path: Path) -> None:
    rows = (replace(SMALL.rows[0], toys=3), replace(SMALL.rows[1], toys=9))
    run_study(replace(SMALL, rows=rows), tmp_path / "wide", workers=1)
    run_study(SMALL, half, workers=1)
    merged = merge_stores([half, tmp_path / "wide"], tmp_path / "merged")
    assert [row.toys for row in merged.study.rows] == [12, 9]
    assert merged.complete


def test_a_toy_that_is_not_the_same_twice_is_told(half: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(half, other)
    store = read_store(other)
    victim = parts(other)[0]
    table, metadata = from_bytes(victim.read_bytes())
    column = table.schema.get_field_index("statistic")
    values = pa.array([1.5, *table["statistic"].to_pylist()[1:]])
    toy, row = table["toy"][0].as_py(), table["row"][0].as_py()
    shutil.rmtree(other / "parts")
    store.write_table_as_part(table.set_column(column, "statistic", values))
    with pytest.raises(DataError, match=rf"toy {toy} of row '{row}' .* 1\.5\b") as e:
        merge_stores([half, other], tmp_path / "merged")
    assert "\n" not in str(e.value)
    assert not (tmp_path / "merged").exists()
    assert metadata["fingerprint"] == store.content.fingerprint


def test_only_stores_of_one_study_are_merged(half: Path, tmp_path: Path) -> None:
    run_study(replace(SMALL, seed=4), tmp_path / "other", workers=1)
    with pytest.raises(ConfigurationError, match="other: is of another study than"):
        merge_stores([half, tmp_path / "other"], tmp_path / "merged")
    with pytest.raises(ConfigurationError, match="other: is of another study: seed is 3"):
        merge_stores([half], tmp_path / "other")
    with pytest.raises(ConfigurationError, match="name the stores"):
        merge_stores([], tmp_path / "merged")


SIDE_BY_SIDE = """
import sys
import eμsym.studies.running as running
from eμsym.studies import run_study
from tests.studies.toy_studies import SMALL
running.KEEP_SECONDS = -1.0
job, jobs = map(int, sys.argv[2:4])
print("ready", flush=True)
sys.stdin.readline()
run_study(SMALL, sys.argv[1], workers=1, job=job, jobs=jobs)
"""


@pytest.mark.parametrize("processes, jobs", [(3, 3), (2, 1)])
def test_processes_side_by_side(tmp_path: Path, whole: bytes, processes: int, jobs: int) -> None:
    """Array jobs that share the toys, or the same command twice: one store, whole."""
    commands = [
        [sys.executable, "-c", SIDE_BY_SIDE, str(tmp_path / "store"), str(job % jobs), str(jobs)]
        for job in range(processes)
    ]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = [subprocess.Popen(command, text=True, **pipes) for command in commands]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)
    # Whoever was last found the toys of the others, and finished the store.
    assert run_study(SMALL, tmp_path / "store").complete
    assert (tmp_path / "store" / "toys.parquet").read_bytes() == whole
    assert names(tmp_path / "store") == {"study.json", "toys.parquet"}
