"""Where files are cut into chunks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from eμsym.processors import EMuConfig
from eμsym.processors.chunk_edges import chunk_edges
from eμsym.processors.fileset import read_fileset
from eμsym.processors.inspection import inspect_file
from eμsym.processors.parquet_source import opened_parquet
from eμsym.processors.runner import process
from tests.delphes_file import COLLECTIONS, emu, write_delphes


@given(
    first=st.integers(0, 50),
    entries=st.integers(0, 300),
    size=st.integers(1, 100),
    parts=st.sets(st.integers(0, 350)).map(sorted),
)
def test_every_entry_is_in_one_chunk(first: int, entries: int, size: int, parts: list[int]) -> None:
    edges = chunk_edges(first, first + entries, size, parts)
    assert (edges[0], edges[-1]) == (first, first + entries)
    sizes = np.diff(edges)
    assert sizes.max() <= size
    assert sizes.min() > 0 or (entries == 0 and len(edges) == 2)
    assert len(sizes) <= max(1, 2 * -(-entries // size))


@pytest.mark.parametrize(
    "size, parts, expected",
    [
        (100, [], [0, 100, 200]),
        (99, [], [0, 66, 133, 200]),
        (99, [0, 60, 130, 200], [0, 60, 130, 200]),  # of two the nearest, as 60 is to 66
        (199, [0, 40, 200], [0, 100, 200]),  # too near: a chunk more for little
        (150, [0, 60, 155, 200], [0, 60, 200]),
        (200, [0, 60, 200], [0, 200]),
    ],
)
def test_chunks_end_where_parts_do(size: int, parts: list[int], expected: list[int]) -> None:
    assert chunk_edges(0, 200, size, parts) == expected


def baskets(path: Path) -> Path:
    """Write 90 events in baskets of 30."""
    part = write_delphes(path.with_suffix(".part"), [emu(40.0 + i) for i in range(30)])
    with uproot.open(part) as file:
        columns = {
            c: ak.zip({n: file["Delphes"][f"{c}/{c}.{n}"].array() for n in members})
            for c, members in COLLECTIONS.items()
        }
    with uproot.recreate(path) as file:
        file.mktree(
            "Delphes",
            {name: column.type.content for name, column in columns.items()},
            counter_name=lambda collection: f"{collection}_size",
            field_name=lambda collection, name: f"{collection}/{collection}.{name}",
        )
        for _ in range(3):
            file["Delphes"].extend(columns)
    return path


def test_baskets_are_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = baskets(tmp_path / "baskets.root")
    assert inspect_file(str(path)).parts == (0, 30, 60, 90)
    unpacked: list[tuple[int, int]] = []
    basket = uproot.models.TBasket.Model_TBasket
    read = basket.read_members

    def counted(self: Any, *args: Any) -> None:
        read(self, *args)
        unpacked.append((id(self.parent), self.parent.num_entries))

    monkeypatch.setattr(basket, "read_members", counted)
    outputs = {}
    for size in (90, 65, 40):
        unpacked.clear()
        outputs[size] = process(read_fileset([path]), EMuConfig(), workers=1, chunksize=size)
        assert len(unpacked) == 17 * 3, size  # each of 17 needed branches has three
    assert ak.to_list(outputs[65].events("data")) == ak.to_list(outputs[90].events("data"))
    assert outputs[40].cutflow == outputs[90].cutflow


def test_row_groups_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "groups.parquet"
    pq.write_table(pa.table({"x": np.arange(10)}), path, row_group_size=4)
    with opened_parquet(str(path)) as source:
        assert source.parts(["x"]) == (0, 4, 8, 10)
        assert source.values("x", 3, 9).to_list() == list(range(3, 9))
        assert source.values("x", 4, 8).to_list() == list(range(4, 8))
