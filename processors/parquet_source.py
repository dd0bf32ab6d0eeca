"""Columns of a Parquet file, a few row groups at a time."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import awkward as ak
import pyarrow as pa
import pyarrow.parquet as pq

#: With what a Parquet file begins and ends.
MAGIC = b"PAR1"
_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class ParquetSource:
    """An open Parquet file.

    Parameters
    ----------
    file : pyarrow.parquet.ParquetFile
    """

    file: Any

    @cached_property
    def names(self) -> frozenset[str]:
        """All columns."""
        return frozenset(self.file.schema_arrow.names)

    @property
    def entries(self) -> int:
        """Rows."""
        return int(self.file.metadata.num_rows)

    def layout(self, name: str) -> str:
        """Return the type of a column."""
        return str(self.file.schema_arrow.field(name).type)

    @cached_property
    def _edges(self) -> tuple[int, ...]:
        metadata = self.file.metadata
        sizes = (metadata.row_group(i).num_rows for i in range(self.file.num_row_groups))
        return tuple(itertools.accumulate(sizes, initial=0))

    def parts(self, names: Collection[str]) -> tuple[int, ...]:
        """Return the rows at which the row groups begin, and where the last one ends."""
        return self._edges

    def values(self, name: str, start: int, stop: int) -> ak.Array:
        """Return those of a column in some rows; no other row groups are read.

        Raises
        ------
        ValueError
            If one is missing.
        """
        edges = self._edges
        groups = [
            i
            for i, (first, last) in enumerate(itertools.pairwise(edges))
            if first < max(stop, start + 1) and last > start
        ]
        first = edges[groups[0]] if groups else 0
        table = self.file.read_row_groups(groups, columns=[name], use_threads=False)
        column = table.column(name).slice(start - first, stop - start).combine_chunks()
        if pa.types.is_list(column.type):
            column = column.cast(pa.large_list(column.type.value_type))
        values = ak.from_arrow(column)
        if ak.any(ak.is_none(values, axis=-1), axis=None):
            raise ValueError("a value is missing")
        return ak.drop_none(values, axis=-1)


@contextmanager
def opened_parquet(path: str) -> Iterator[ParquetSource]:
    """Open a Parquet file.

    Raises
    ------
    OSError, pyarrow.ArrowInvalid
        If it cannot be opened, or is none.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        yield ParquetSource(file)


def parquet_id(path: str) -> int:
    """Return 64 bits by which a Parquet file is known again: a hash of all its bytes."""
    digest = hashlib.blake2b(digest_size=8)
    with Path(path).open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return int.from_bytes(digest.digest(), "little")
