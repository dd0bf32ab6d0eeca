"""Tables of toys put together: sorted, each toy once, and no two that contradict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from eμsym.errors import DataError
from eμsym.studies.records import TABLE, Toy
from eμsym.studies.study_config import Study


def combined(tables: Sequence[pa.Table], study: Study) -> pa.Table:
    """Put tables together.

    Parameters
    ----------
    tables : sequence of pyarrow.Table
        Of the schema `TABLE`; a toy may be in several of them.
    study : Study
        Whose rows and tests say the order.

    Returns
    -------
    pyarrow.Table
        Sorted by row, toy and test.

    Raises
    ------
    DataError
        If a toy that comes twice is not the same, or is none of the study's.
    """
    table = pa.concat_tables([TABLE.empty_table(), *tables]).combine_chunks()
    keys = _keys(table, study)
    order = np.lexsort(keys[::-1])
    table = table.take(pa.array(order))
    keys = keys[:, order]
    same = np.all(keys[:, 1:] == keys[:, :-1], axis=0)
    for i in np.flatnonzero(same):
        _refuse_contradiction(*table.slice(int(i), 2).to_pylist())
    return table.take(pa.array(np.flatnonzero(np.concatenate([[True], ~same])[: len(order)])))


def toys_in(table: pa.Table, study: Study) -> set[Toy]:
    """Return the toys (number of the row, number of the toy) that a table holds."""
    rows, toys, _ = _keys(table, study)
    return set(zip(rows.tolist(), toys.tolist(), strict=True))


def _keys(table: pa.Table, study: Study) -> Any:
    """Return numbers of rows, toys and tests, shape (3, n)."""
    rows = _numbers(table["row"], [row.name for row in study.rows], "row")
    tests = _numbers(table["test"], [test.name for test in study.tests], "test")
    toys = table["toy"].to_numpy()
    return np.stack([rows, toys, tests]).astype(np.int64)


def _numbers(names: pa.ChunkedArray, known: list[str], what: str) -> Any:
    encoded = names.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    found = encoded.dictionary.to_pylist()
    if unknown := [name for name in found if name not in known]:
        raise DataError(f"the store holds toys of a {what} {unknown[0]!r} that the study lacks")
    places = np.array([known.index(name) for name in found], dtype=np.int64)
    return places[encoded.indices.to_numpy()] if found else np.empty(0, dtype=np.int64)


def _refuse_contradiction(first: dict[str, Any], second: dict[str, Any]) -> None:
    for name, value in first.items():
        if not _same(value, second[name]):
            raise DataError(
                f"toy {first['toy']} of row {first['row']!r} was done twice, and test "
                f"{first['test']!r} has {name} = {value} and {second[name]}: they come from "
                "different programs or machines; do one of them again"
            )


def _same(x: Any, y: Any) -> bool:
    if isinstance(x, float) and isinstance(y, float):
        return x == y or (math.isnan(x) and math.isnan(y))
    return bool(x == y)
