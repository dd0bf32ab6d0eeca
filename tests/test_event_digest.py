"""Events beside a results file that are not those that were written, or only look different."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eμsym import read_pair
from eμsym.errors import InputFileError
from eμsym.event_digest import events_digest

Change = Callable[[pa.Table], pa.Table]
RNG = np.random.default_rng(1)
events = st.lists(
    st.tuples(st.floats(width=32, allow_nan=False), st.booleans(), st.integers(0, 2**64 - 1)),
    min_size=2,
    max_size=8,
    unique=True,
)


def columns(rows: list[tuple[float, bool, int]]) -> list[np.ndarray]:
    types = (np.float32, np.bool_, np.uint64)
    return [np.array(x, dtype=t) for x, t in zip(zip(*rows, strict=True), types, strict=True)]


@given(events, st.randoms())
def test_order_parts_and_types_are_of_no_account(rows, random):
    found = events_digest(columns(rows))
    assert 0 <= found < 2**64
    x, flag, number = columns(random.sample(rows, len(rows)))
    assert events_digest([x.astype(np.float64), flag.astype(np.int8), number]) == found
    in_parts = events_digest([each[1:] for each in columns(rows)])
    assert events_digest([each[:1] for each in columns(rows)], in_parts) == found
    assert events_digest([each[:0] for each in columns(rows)], found) == found


@given(events, st.data())
def test_any_other_value_is_seen(rows, data):
    found = columns(rows)
    column, row = data.draw(st.integers(0, 2)), data.draw(st.integers(0, len(rows) - 1))
    changed = [each.copy() for each in found]
    changed[column][row] = {0: np.nan, 1: not changed[1][row], 2: changed[2][row] ^ np.uint64(1)}[
        column
    ]
    assert events_digest(changed) != events_digest(found)
    # Which values stand together, too.
    if found[0][0] != found[0][1] and (rows[0][1:] != rows[1][1:]):
        swapped = found[0].copy()
        swapped[[0, 1]] = swapped[[1, 0]]
        assert events_digest([swapped, *found[1:]]) != events_digest(found)
    # An event of zeros adds nothing: that it is gone, their number says.
    without = events_digest([each[1:] for each in found])
    assert (without == events_digest(found)) == (
        not any(each[:1].view(np.uint8).any() for each in found)
    )


def with_column(name: str, change: Callable[[np.ndarray], object]) -> Change:
    def changed(table: pa.Table) -> pa.Table:
        place = table.column_names.index(name)
        return table.set_column(place, name, pa.array(change(np.asarray(table[name]))))

    return changed


@pytest.fixture
def folder(processed_sample: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(processed_sample, tmp_path / "out"))


def rewrite(folder: Path, change: Change) -> Path:
    path = max((folder / "events").glob("*.parquet"), key=lambda each: each.stat().st_size)
    pq.write_table(change(pq.read_table(path)), path)
    return path


OTHERS: dict[str, Change] = {
    "an event in another's place": lambda t: t.take([*range(len(t) - 1), 0]),
    "labels of other events": with_column("electron_leads", lambda x: np.roll(x, 1)),
    "not a number": with_column("lead_pt", lambda x: np.where(np.arange(len(x)), x, np.nan)),
    "half precision": with_column("m_coll", lambda x: x.astype(np.float16)),
    "whole numbers": with_column("lead_eta", lambda x: x.astype(np.int32)),
    "another unit": with_column("met", lambda x: 1000 * x),
    "all one entry": with_column("entry", lambda x: 0 * x),
}
SAME: dict[str, Change] = {
    "in another order": lambda t: t.take(RNG.permutation(len(t))),
    "in double precision": with_column("lead_pt", lambda x: x.astype(np.float64)),
    "with a dictionary": lambda t: t.set_column(
        t.column_names.index("lead_charge"), "lead_charge", t["lead_charge"].dictionary_encode()
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_values_are_refused(folder: Path, what: str) -> None:
    path = rewrite(folder, OTHERS[what])
    with pytest.raises(InputFileError, match="holds other values than were written") as refused:
        read_pair(folder)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("what", SAME)
def test_the_same_values_written_otherwise_are_read(folder: Path, what: str) -> None:
    before = read_pair(folder)
    rewrite(folder, SAME[what])
    after = read_pair(folder)
    for name in ("lead_pt", "m_coll", "weight"):
        assert sorted(before.pool.column(name)) == sorted(after.pool.column(name))


def test_folders_of_before_there_was_a_digest_are_read(folder: Path) -> None:
    path = folder / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["events"]
    path.write_text(json.dumps(content), encoding="utf-8")
    assert len(read_pair(folder).pool)
