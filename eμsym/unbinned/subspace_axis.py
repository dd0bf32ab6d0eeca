"""Columns as ranks: what `SubspaceTest` sees of them, blind to the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from eμsym.arrays import FloatArray, IntArray
from eμsym.errors import DataError

#: Events that a column must have for its views to mean anything.
EVENTS_A_COLUMN = 20


@dataclass(frozen=True, eq=False)
class RankAxis:
    """One column of a pooled sample, by the ranks of its values.

    Attributes
    ----------
    name : str
    x : ndarray of float, shape (n,)
        The values.
    u : ndarray of float, shape (n,)
        Their mid-ranks over n, within 0 and 1; equal values have equal ones.
    """

    name: str
    x: FloatArray
    u: FloatArray

    def cells(self, most: int) -> Cells:
        """Return at most so many cells of about equal content; a value is never divided."""
        flat = np.minimum((self.u * most).astype(np.int64), most - 1)
        filled = np.bincount(flat, minlength=most) > 0
        place = (np.cumsum(filled) - 1)[flat]
        content = np.bincount(place)
        centre = np.bincount(place, self.u) / content
        order = np.argsort(self.x, kind="stable")
        first = np.concatenate([[0], np.cumsum(content)])
        rising = self.x[order]
        # Edges lie halfway between the last value of a cell and the first of the next.
        inner = (rising[first[1:-1] - 1] + rising[first[1:-1]]) / 2
        edges = np.concatenate([[rising[0]], inner, [rising[-1]]])
        return Cells(place, centre, edges)


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a column.

    Attributes
    ----------
    index : ndarray of int, shape (n,)
        That of every event.
    centre : ndarray of float, shape (cells,)
        Mean rank, within 0 and 1.
    edges : ndarray of float, shape (cells + 1,)
        In the column's own unit.
    """

    index: IntArray
    centre: FloatArray
    edges: FloatArray

    def __len__(self) -> int:
        """Return the number of cells."""
        return int(self.centre.size)


def rank_axes(columns: Sequence[tuple[str, FloatArray]]) -> tuple[RankAxis, ...]:
    """Return columns by rank.

    Parameters
    ----------
    columns : sequence of (str, ndarray of float, shape (n,))

    Raises
    ------
    DataError
        If there is none, one is not finite or constant, two are the same, or there are
        fewer than `EVENTS_A_COLUMN` events a column.
    """
    if not columns:
        raise DataError("there is no column to test: name one or more")
    n = columns[0][1].size
    if n < EVENTS_A_COLUMN * len(columns):
        raise DataError(
            f"{n} events are too few for {len(columns)} columns: give at least "
            f"{EVENTS_A_COLUMN} events a column, or fewer columns"
        )
    axes: list[RankAxis] = []
    for name, x in columns:
        if bad := int(np.count_nonzero(~np.isfinite(x))):
            raise DataError(
                f"column {name!r}: {bad} of {n} values are NaN or infinite; remove such events"
            )
        if x.min() == x.max():
            raise DataError(f"column {name!r} is constant, {x[0]:g}: leave it out")
        u = (rankdata(x) - 0.5) / n
        for axis in axes:
            if any(np.allclose(axis.u, ranks, rtol=0, atol=0.25 / n) for ranks in (u, 1 - u)):
                raise DataError(
                    f"columns {axis.name!r} and {name!r} order the events alike: leave one out"
                )
        axes.append(RankAxis(name, x, u))
    return tuple(axes)
