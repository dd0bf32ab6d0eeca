"""A study's folder: what is kept, what is refused, what survives whom."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eμsym.errors import ConfigurationError, DataError, InputFileError, OutputError
from eμsym.spline import SplineTest
from eμsym.studies import (
    PairRow,
    Study,
    StudyTest,
    ToyRow,
    durable_file,
    merge_stores,
    read_results,
    run_study,
    running,
)
from eμsym.studies.parquet_bytes import from_bytes, to_bytes
from eμsym.studies.store import read_store

STUDY = Study(
    "small",
    3,
    (StudyTest("five", SplineTest(5)), StudyTest("eight", SplineTest(8))),
    (ToyRow("null", 12, 90, 80), ToyRow("signal", 6, 90, 80, "S3", 20)),
)


@pytest.fixture(autouse=True)
def every_toy_is_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_KEEP_SECONDS", -1.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What toys.parquet holds if nothing happens."""
    folder = tmp_path_factory.mktemp("whole") / "store"
    run_study(STUDY, folder, workers=1)
    return (folder / "toys.parquet").read_bytes()


class StoppedError(Exception):
    """Something that stops a study."""


@contextmanager
def stopped_after(toys: int) -> Iterator[None]:
    """Stop the study after so many of its toys."""
    left = [toys]
    run_chunk = running.run_chunk

    def counted(*arguments: Any) -> Any:
        if not left[0]:
            raise StoppedError
        left[0] -= 1
        return run_chunk(*arguments)

    running.run_chunk = counted
    try:
        with pytest.raises(StoppedError):
            yield
    finally:
        running.run_chunk = run_chunk


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A store with seven of the eighteen toys."""
    folder = tmp_path / "store"
    with stopped_after(7):
        run_study(STUDY, folder, workers=1)
    assert len(parts(folder)) == 7
    return folder


def parts(folder: Path) -> list[Path]:
    return sorted((folder / "parts").iterdir())


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list that every toy that is done is put into."""
    done: list[Any] = []
    run_chunk = running.run_chunk

    def run(work: Any, toys: Any, *more: Any) -> Any:
        done.extend(toys)
        return run_chunk(work, toys, *more)

    monkeypatch.setattr(running, "run_chunk", run)
    return done


def test_only_what_is_missing_is_done(
    half: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    partly = read_results(half)
    assert (partly.done, partly.complete) == (7, False)
    done = counted(monkeypatch)
    assert run_study(STUDY, half, workers=1).complete
    assert len(done) == len(set(done)) == 18 - 7
    assert (half / "toys.parquet").read_bytes() == whole
    assert names(half) == {"study.json", "toys.parquet"}
    run_study(STUDY, half, workers=1)
    assert len(done) == 18 - 7
    assert read_results(half).table.equals(from_bytes(whole)[0])


def test_killed_between_the_last_two_steps(half: Path, whole: bytes) -> None:
    """All toys in toys.parquet, and still in parts, with a half-written one beside them."""
    kept = {path.name: path.read_bytes() for path in parts(half)}
    run_study(STUDY, half, workers=1)
    (half / "parts").mkdir()
    for name, content in kept.items():
        (half / "parts" / name).write_bytes(content)
    (half / "parts" / ".x.parquet.1234.partial").write_bytes(b"PAR1")
    assert read_results(half).done == 18
    assert run_study(STUDY, half, workers=1).done == 18
    assert (half / "toys.parquet").read_bytes() == whole
    assert names(half) == {"study.json", "toys.parquet"}


def test_more_toys_later(half: Path, tmp_path: Path) -> None:
    """A finished store may be asked for more toys, never for fewer."""
    run_study(STUDY, half, workers=1)
    rows = tuple(replace(row, toys=row.toys + 5) for row in STUDY.rows)
    more = replace(STUDY, rows=rows)
    grown = run_study(more, half, workers=1)
    direct = run_study(more, tmp_path / "direct", workers=1)
    assert grown.done == 28
    assert grown.table.equals(direct.table)
    for name in ("toys.parquet", "study.json"):
        assert (half / name).read_bytes() == (tmp_path / "direct" / name).read_bytes()
    with pytest.raises(ConfigurationError, match="row 'null' has 17 toys there, and 12 are asked"):
        run_study(STUDY, half)


@pytest.mark.parametrize(
    "other, message",
    [
        (replace(STUDY, seed=4), "seed is 4, and was 3"),
        (
            replace(STUDY, rows=(STUDY.rows[0], replace(STUDY.rows[1], n_signal=21.0))),
            r"rows\.1\.n_signal is 21\.0, and was 20\.0",
        ),
        (
            replace(STUDY, tests=(StudyTest("five", SplineTest(6)), STUDY.tests[1])),
            r"tests\.0\.k is 6, and was 5",
        ),
        (replace(STUDY, tests=STUDY.tests[:1]), r"tests\.1\.name is not given, and was \"eight\""),
        (
            replace(STUDY, rows=(*STUDY.rows, PairRow("p", 3, "permutation", of="null"))),
            r"rows\.2\.name is \"p\", and was not given",
        ),
        (replace(STUDY, rows=STUDY.rows[::-1]), r"rows\.0\.name is \"signal\", and was \"null\""),
    ],
)
def test_another_study_is_refused(half: Path, other: Study, message: str) -> None:
    before = {path: path.read_bytes() for path in half.rglob("*") if path.is_file()}
    with pytest.raises(ConfigurationError, match=f"is of another study: {message}; choose"):
        run_study(other, half)
    assert {path: path.read_bytes() for path in half.rglob("*") if path.is_file()} == before


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    "change, error, message",
    [
        (
            lambda c: c.update(version=99),
            ConfigurationError,
            "version 99 of emusym/study, this program reads 1",
        ),
        (lambda c: c.update(schema="x"), ConfigurationError, "schema is 'x'"),
        (lambda c: c["study"].update(seed=9), ConfigurationError, "was changed after"),
        (lambda c: c["study"].pop("seed"), ConfigurationError, "seed is missing"),
        (lambda c: c.pop("study"), InputFileError, "a part is missing or damaged"),
        (lambda c: c.update(inputs=3), InputFileError, "a part is missing or damaged"),
    ],
)
def test_another_version_or_a_changed_file(
    half: Path, change: Any, error: type[Exception], message: str
) -> None:
    edited(half / "study.json", change)
    for use in (lambda: run_study(STUDY, half), lambda: read_results(half)):
        with pytest.raises(error, match=rf"study\.json: .*{message}") as raised:
            use()
        assert "\n" not in str(raised.value)
    assert len(parts(half)) == 7


def test_a_store_made_with_other_packages(half: Path) -> None:
    path = half / "study.json"
    here = json.loads(path.read_text(encoding="utf-8"))["versions"][0]
    edited(path, lambda c: c["versions"][0].update(numpy="1.0"))
    assert read_results(half).done == 7  # reading needs no package but to read
    with pytest.raises(ConfigurationError, match=r"with numpy 1\.0, this is .*--any-version"):
        run_study(STUDY, half)
    assert run_study(STUDY, half, workers=1, any_version=True).complete
    assert json.loads(path.read_text(encoding="utf-8"))["versions"] == [
        {**here, "numpy": "1.0"},
        here,
    ]
    run_study(STUDY, half)  # nothing is left to be done: nothing to refuse


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "zeros": lambda content: bytes(len(content)),
    "one bit": lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_corrupt_part_is_set_aside_and_its_toys_are_done_again(
    half: Path, whole: bytes, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = parts(half)[3]
    victim.write_bytes(DAMAGES[damage](victim.read_bytes()))
    with pytest.raises(InputFileError, match=rf"{victim.name}: is corrupt .*; emusym toys sets"):
        read_results(half)
    done = counted(monkeypatch)
    results = run_study(STUDY, half, workers=1)
    assert len(done) == 18 - 6
    (note,) = results.notes
    assert f"{victim}: is corrupt" in note
    assert "\n" not in note
    assert (half / "toys.parquet").read_bytes() == whole
    assert names(half) == {"study.json", "toys.parquet", f"{victim.name}.corrupt"}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_corrupt_table_is_told_and_left(half: Path, damage: str) -> None:
    run_study(STUDY, half, workers=1)
    path = half / "toys.parquet"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    for use in (lambda: run_study(STUDY, half), lambda: read_results(half)):
        with pytest.raises(InputFileError, match=r"toys\.parquet: is corrupt .* remove it") as e:
            use()
        assert "\n" not in str(e.value)
    path.unlink()
    assert run_study(STUDY, half, workers=1).complete


def test_every_flipped_bit_of_the_table_s_numbers_is_found(half: Path) -> None:
    """What a disk may do to it: a wrong number is never read."""
    run_study(STUDY, half, workers=1)
    path = half / "toys.parquet"
    good = path.read_bytes()
    table = from_bytes(good)[0]
    rng = np.random.default_rng(1)
    found = 0
    for place in rng.integers(0, len(good), 150):
        bad = bytearray(good)
        bad[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        try:
            same = read_results(half).table.equals(table)
        except (InputFileError, ConfigurationError, DataError):
            found += 1
        else:
            assert same, place
    assert found > 75


def test_a_part_of_another_study_is_refused(half: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with stopped_after(1):
        run_study(replace(STUDY, seed=4), other, workers=1)
    (foreign,) = parts(other)
    shutil.copy(foreign, half / "parts")
    with pytest.raises(ConfigurationError, match=rf"{foreign.name}: is of another study; move"):
        run_study(STUDY, half)
    (half / "parts" / foreign.name).unlink()
    assert run_study(STUDY, half, workers=1).complete


def test_folders_that_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(OutputError, match="full: holds other files"):
        run_study(STUDY, tmp_path / "full")
    with pytest.raises(OutputError, match=r"thesis\.tex: is a file"):
        run_study(STUDY, tmp_path / "full" / "thesis.tex")
    with pytest.raises(InputFileError, match=r"full: has no study\.json"):
        read_results(tmp_path / "full")
    (tmp_path / "empty").mkdir()
    assert run_study(STUDY, tmp_path / "empty", workers=1).complete


# Merging, and several processes at once


def test_stores_are_merged(tmp_path: Path, whole: bytes) -> None:
    for job in range(3):
        mine = run_study(STUDY, tmp_path / f"job{job}", workers=1, job=job, jobs=3)
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
    rows = (replace(STUDY.rows[0], toys=3), replace(STUDY.rows[1], toys=9))
    run_study(replace(STUDY, rows=rows), tmp_path / "wide", workers=1)
    run_study(STUDY, half, workers=1)
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
    run_study(replace(STUDY, seed=4), tmp_path / "other", workers=1)
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
from tests.test_study_store import STUDY
running._KEEP_SECONDS = -1.0
job, jobs = map(int, sys.argv[2:4])
print("ready", flush=True)
sys.stdin.readline()
run_study(STUDY, sys.argv[1], workers=1, job=job, jobs=jobs)
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
    assert run_study(STUDY, tmp_path / "store").complete
    assert (tmp_path / "store" / "toys.parquet").read_bytes() == whole
    assert names(tmp_path / "store") == {"study.json", "toys.parquet"}


# Disks


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disk_that_refuses(
    half: Path, whole: bytes, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync
    calls = [0]

    def refuse(handle: int) -> None:
        calls[0] += 1
        if calls[0] > 4:
            raise OSError(code, os.strerror(code))
        fsync(handle)

    before = parts(half)
    monkeypatch.setattr(durable_file.os, "fsync", refuse)
    with pytest.raises(OutputError, match=rf"parts.*parquet: cannot be .*{os.strerror(code)}") as e:
        run_study(STUDY, half, workers=1)
    assert "\n" not in str(e.value)
    monkeypatch.undo()
    assert set(before) < set(parts(half))
    assert all(path.suffix == ".parquet" for path in parts(half))
    assert run_study(STUDY, half, workers=1).complete
    assert (half / "toys.parquet").read_bytes() == whole


def in_a_disk_of_its_own(script: str, mount: Path, options: str) -> str:
    """Run a script where a small file system is mounted, as only a namespace allows anyone to."""
    command = f"mount -t tmpfs -o {options} none '{mount}' && {script}"
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{done.stdout}{done.stderr}exit {done.returncode}"


def namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--map-root-user", "--mount", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


TOML = """
name = "small"
seed = 3
tests = [{kind = "spline", k = 5}]
rows = [{name = "null", source = "toy", n_a = 90, n_b = 80, toys = 60}]
"""


@pytest.mark.skipif(not namespaces(), reason="no user namespaces: no disk of our own to fill")
def test_a_disk_that_is_full_and_one_that_is_read_only(tmp_path: Path) -> None:
    """For real: the command on a disk of 64 kB, then of more, then read-only."""
    (tmp_path / "study.toml").write_text(TOML, encoding="utf-8")
    mount = tmp_path / "disk"
    mount.mkdir()
    code = (
        "import eμsym.studies.running as r; r._KEEP_SECONDS = -1.0; "
        "from eμsym.cli import main; main()"
    )
    toys = f"'{sys.executable}' -c '{code}' toys '{tmp_path}/study.toml' -o '{mount}/store' 2>&1"
    script = (
        f"{toys}; echo first $?; ls '{mount}/store/parts' | grep -c parquet; "
        f"ls -A '{mount}/store/parts' | grep -c partial; "
        f"mount -o remount,ro '{mount}'; {toys}; echo second $?; "
        f"mount -o remount,rw,size=9m '{mount}'; {toys} > /dev/null; echo third $?; "
        f"mount -o remount,ro '{mount}'; {toys}; echo fourth $?; ls -A '{mount}/store'"
    )
    lines = in_a_disk_of_its_own(script, mount, "size=64k").splitlines()
    errors = [line for line in lines if line.startswith("emusym: error:")]
    assert "No space left on device" in errors[0]
    assert lines[1] == "first 2"
    assert int(lines[2]) >= 3  # the parts that were kept
    assert lines[3] == "0"
    assert "Read-only file system" in errors[1]
    assert lines[5:7] == ["second 2", "third 0"]
    # Whole, it is read without anything being written.
    assert len(errors) == 2
    assert lines[-4:] == ["fourth 0", "study.json", "toys.parquet", "exit 0"]
    assert any(line.startswith("null") and " 60 " in line for line in lines[7:])


# Parquet


def test_the_same_table_has_the_same_bytes(whole: bytes) -> None:
    table, metadata = from_bytes(whole)
    chunked = pa.concat_tables([table.slice(i, 5) for i in range(0, table.num_rows, 5)])
    assert to_bytes(chunked, dict(reversed(metadata.items()))) == whole


def test_other_programs_read_it(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "toys.parquet").write_bytes(whole)
    table = pq.read_table(tmp_path / "toys.parquet")
    assert table.num_rows == 2 * 18
    assert table.column_names[:4] == ["row", "toy", "test", "statistic"]
    keys = list(zip(*(table[name].to_pylist() for name in ("row", "toy", "test")), strict=True))
    assert keys == [
        (row, toy, test)
        for row, n in (("null", 12), ("signal", 6))
        for toy in range(n)
        for test in ("five", "eight")
    ]
