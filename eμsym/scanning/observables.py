"""Observables of a region, in bins of equal contents that do not know the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray
from eμsym.errors import DataError
from eμsym.scanning.choices import BINS_1D, BINS_2D, ENTRIES_A_BIN, NO_CELL


@dataclass(frozen=True, eq=False)
class BinnedObservable:
    """One observable of a region's events.

    Attributes
    ----------
    name : str
    edges : ndarray of float, shape (bins + 1,)
        In the observable's unit. The first and the last bin hold all that lies beyond, too.
    index : ndarray of uint8, shape (n,)
        The bin of every event; `NO_CELL` where there is no value.
    bins_2d : int
        How many bins it has in a plane: neighbours are taken together.
    """

    name: str
    edges: FloatArray
    index: NDArray[np.uint8]
    bins_2d: int

    @property
    def bins(self) -> int:
        """The number of bins."""
        return self.edges.size - 1

    @property
    def index_2d(self) -> NDArray[np.uint8]:
        """The bin of every event in a plane."""
        wide = self.index.astype(np.int64) * self.bins_2d // self.bins
        return np.where(self.index == NO_CELL, NO_CELL, wide).astype(np.uint8)

    @property
    def edges_2d(self) -> FloatArray:
        """The edges of the bins of a plane."""
        first = -(-np.arange(self.bins_2d + 1) * self.bins // self.bins_2d)
        return np.asarray(self.edges[first])


def numbers_of_bins(n: int, *, bins_1d: int = BINS_1D, bins_2d: int = BINS_2D) -> tuple[int, int]:
    """Return how many bins n events bear, of an observable and along each axis of a plane."""
    most = max(2, int(np.sqrt(n / ENTRIES_A_BIN)))
    two = min(bins_2d, most)
    return min(bins_1d, max(two, -(-bins_1d * two // bins_2d))), two


def binned(name: str, values: FloatArray, bins: int, bins_2d: int) -> BinnedObservable:
    """Return an observable in bins of about equal contents; a value is never divided.

    Parameters
    ----------
    name : str
    values : ndarray of float, shape (n,)
        NaN where there is none, as of a jet that is not there.
    bins, bins_2d : int
        At most; of few values each has a bin of its own.

    Raises
    ------
    DataError
        If there are not two values.
    """
    there = np.isfinite(values)
    known = np.unique(values[there])
    if known.size < 2:
        what = f"is {known[0]:g} in every event" if known.size else "has no value"
        raise DataError(f"{name} {what}")
    if known.size <= bins:
        inner = (known[1:] + known[:-1]) / 2
    else:
        # Of equal values one at most is an edge, and the bins are fewer.
        wanted = np.quantile(values[there], np.arange(1, bins) / bins, method="higher")
        inner = np.unique(wanted[wanted > known[0]])
    edges = np.concatenate([known[:1], inner, known[-1:]])
    index = np.searchsorted(inner, values, side="right")
    cells = np.where(there, index, NO_CELL).astype(np.uint8)
    return BinnedObservable(name, edges, cells, min(bins_2d, inner.size + 1))
