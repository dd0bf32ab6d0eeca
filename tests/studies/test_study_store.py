"""A study's folder: what is kept, what is refused, what survives whom."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eμsym.errors import ConfigurationError, DataError, InputFileError, OutputError
from eμsym.running import loop
from eμsym.studies import (
    PairRow,
    Study,
    StudyTest,
    read_results,
    run_study,
)
from eμsym.studies.parquet_bytes import from_bytes, to_bytes
from eμsym.unbinned.spline import SplineTest
from tests.studies.toy_studies import SMALL, finished, half_done, names, parts


@pytest.fixture(autouse=True)
def every_toy_is_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "KEEP_SECONDS", -1.0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What toys.parquet holds if nothing happens."""
    return finished(SMALL, tmp_path_factory.mktemp("whole") / "store")


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A store with seven of the eighteen toys."""
    return half_done(tmp_path / "store")


@dataclass
class Count:
    """Counts the toys that are done."""

    toys: int = 0

    def __call__(self, count: int, note: str = "") -> None:
        self.toys += count


COUNT_THREADS = """
import sys
from pathlib import Path
from eμsym.studies.parquet_bytes import from_bytes
content, tasks = Path(sys.argv[1]).read_bytes(), Path("/proc/self/task")
before = len(list(tasks.iterdir()))
from_bytes(content)
print(len(list(tasks.iterdir())) - before)
"""


def test_reading_starts_no_thread(tmp_path: Path, whole: bytes) -> None:
    """One that holds an object of Python when Python ends aborts the process, now and then."""
    path = tmp_path / "toys.parquet"
    path.write_bytes(whole)
    command = [sys.executable, "-c", COUNT_THREADS, str(path)]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"0\n"


def test_only_what_is_missing_is_done(half: Path, whole: bytes) -> None:
    partly = read_results(half)
    assert (partly.done, partly.complete) == (7, False)
    done = Count()
    assert run_study(SMALL, half, workers=1, progress=done).complete
    assert done.toys == 18 - 7
    assert (half / "toys.parquet").read_bytes() == whole
    assert names(half) == {"study.json", "toys.parquet"}
    run_study(SMALL, half, workers=1, progress=done)
    assert done.toys == 18 - 7
    assert read_results(half).table.equals(from_bytes(whole)[0])


def test_killed_between_the_last_two_steps(half: Path, whole: bytes) -> None:
    """All toys in toys.parquet, and still in parts, with a half-written one beside them."""
    kept = {path.name: path.read_bytes() for path in parts(half)}
    run_study(SMALL, half, workers=1)
    (half / "parts").mkdir()
    for name, content in kept.items():
        (half / "parts" / name).write_bytes(content)
    (half / "parts" / ".x.parquet.1234.partial").write_bytes(b"PAR1")
    assert read_results(half).done == 18
    assert run_study(SMALL, half, workers=1).done == 18
    assert (half / "toys.parquet").read_bytes() == whole
    assert names(half) == {"study.json", "toys.parquet"}


def test_more_toys_later(half: Path, tmp_path: Path) -> None:
    """A finished store may be asked for more toys, never for fewer."""
    run_study(SMALL, half, workers=1)
    rows = tuple(replace(row, toys=row.toys + 5) for row in SMALL.rows)
    more = replace(SMALL, rows=rows)
    grown = run_study(more, half, workers=1)
    direct = run_study(more, tmp_path / "direct", workers=1)
    assert grown.done == 28
    assert grown.table.equals(direct.table)
    for name in ("toys.parquet", "study.json"):
        assert (half / name).read_bytes() == (tmp_path / "direct" / name).read_bytes()
    with pytest.raises(ConfigurationError, match="row 'null' has 17 toys there, and 12 are asked"):
        run_study(SMALL, half)


@pytest.mark.parametrize(
    "other, message",
    [
        (replace(SMALL, seed=4), "seed is 4, and was 3"),
        (
            replace(SMALL, rows=(SMALL.rows[0], replace(SMALL.rows[1], n_signal=21.0))),
            r"rows\.1\.n_signal is 21\.0, and was 20\.0",
        ),
        (
            replace(SMALL, tests=(StudyTest("five", SplineTest(6)), SMALL.tests[1])),
            r"tests\.0\.k is 6, and was 5",
        ),
        (replace(SMALL, tests=SMALL.tests[:1]), r"tests\.1\.name is not given, and was \"eight\""),
        (
            replace(SMALL, rows=(*SMALL.rows, PairRow("p", 3, "permutation", of="null"))),
            r"rows\.2\.name is \"p\", and was not given",
        ),
        (replace(SMALL, rows=SMALL.rows[::-1]), r"rows\.0\.name is \"signal\", and was \"null\""),
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
    for use in (lambda: run_study(SMALL, half), lambda: read_results(half)):
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
        run_study(SMALL, half)
    assert run_study(SMALL, half, workers=1, any_version=True).complete
    assert json.loads(path.read_text(encoding="utf-8"))["versions"] == [
        {**here, "numpy": "1.0"},
        here,
    ]
    run_study(SMALL, half)  # nothing is left to be done: nothing to refuse


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "zeros": lambda content: bytes(len(content)),
    "one bit": lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_corrupt_part_is_set_aside_and_its_toys_are_done_again(
    half: Path, whole: bytes, damage: str
) -> None:
    victim = parts(half)[3]
    victim.write_bytes(DAMAGES[damage](victim.read_bytes()))
    with pytest.raises(InputFileError, match=rf"{victim.name}: is corrupt .*; emusym toys sets"):
        read_results(half)
    done = Count()
    results = run_study(SMALL, half, workers=1, progress=done)
    assert done.toys == 18 - 6
    (note,) = results.notes
    assert f"{victim}: is corrupt" in note
    assert "\n" not in note
    assert (half / "toys.parquet").read_bytes() == whole
    assert names(half) == {"study.json", "toys.parquet", f"{victim.name}.corrupt"}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_corrupt_table_is_told_and_left(half: Path, damage: str) -> None:
    run_study(SMALL, half, workers=1)
    path = half / "toys.parquet"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    for use in (lambda: run_study(SMALL, half), lambda: read_results(half)):
        with pytest.raises(InputFileError, match=r"toys\.parquet: is corrupt .* remove it") as e:
            use()
        assert "\n" not in str(e.value)
    path.unlink()
    assert run_study(SMALL, half, workers=1).complete


def test_every_flipped_bit_of_the_table_s_numbers_is_found(half: Path) -> None:
    """What a disk may do to it: a wrong number is never read."""
    run_study(SMALL, half, workers=1)
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
    run_study(replace(SMALL, seed=4), other, workers=1, jobs=18)
    (foreign,) = parts(other)
    shutil.copy(foreign, half / "parts")
    with pytest.raises(ConfigurationError, match=rf"{foreign.name}: is of another study; move"):
        run_study(SMALL, half)
    (half / "parts" / foreign.name).unlink()
    assert run_study(SMALL, half, workers=1).complete


def test_folders_that_are_not_ours(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(OutputError, match="full: holds other files"):
        run_study(SMALL, tmp_path / "full")
    with pytest.raises(OutputError, match=r"thesis\.tex: is a file"):
        run_study(SMALL, tmp_path / "full" / "thesis.tex")
    with pytest.raises(InputFileError, match=r"full: has no study\.json"):
        read_results(tmp_path / "full")
    (tmp_path / "empty").mkdir()
    assert run_study(SMALL, tmp_path / "empty", workers=1).complete


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
