"""The histograms and planes of one region's events: which, and which bin an event is in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray
from eμsym.binned.window_batch import Shape, count_windows
from eμsym.scanning.choices import NO_CELL
from eμsym.scanning.observables import BinnedObservable


@dataclass(frozen=True, eq=False)
class ViewLayout:
    """Views of a region: each of its observables alone first, then planes of two.

    Attributes
    ----------
    observables : tuple of BinnedObservable
        Of the region's events.
    planes : tuple of (int, int)
        Which two of the observables.
    squares : bool
        Whether windows of planes are squares; else all rectangles.
    """

    observables: tuple[BinnedObservable, ...]
    planes: tuple[tuple[int, ...], ...]
    squares: bool

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.observables) + len(self.planes)

    def axes(self, view: int) -> tuple[int, ...]:
        """Return the numbers of a view's observables: one or two."""
        alone = view < len(self.observables)
        return (view,) if alone else self.planes[view - len(self.observables)]

    def edges(self, view: int) -> tuple[FloatArray, ...]:
        """Return the edges of a view's bins."""
        if view < len(self.observables):
            return (self.observables[view].edges,)
        return tuple(self.observables[axis].edges_2d for axis in self.axes(view))

    @property
    def n_windows(self) -> int:
        """How many windows there are: intervals, and rectangles or squares."""
        found = 0
        for _, other, rows, columns in self.views:
            shape: Shape = "square" if self.squares and other >= 0 else "rectangle"
            found += count_windows((int(rows), int(columns)), shape, 1)
        return found

    @cached_property
    def views(self) -> NDArray[np.int64]:
        """The axes and bins of every view, as `view_statistics` takes them."""
        axes, found = len(self.observables), []
        for i, axis in enumerate(self.observables):
            found.append((i, -1, axis.bins, 1))
        for i, j in self.planes:
            one, other = self.observables[i], self.observables[j]
            found.append((axes + i, axes + j, one.bins_2d, other.bins_2d))
        return np.array(found, dtype=np.int64).reshape(-1, 4)

    @cached_property
    def cells(self) -> NDArray[np.uint8]:
        """The cells of every event: of observables alone, then in planes."""
        one = [axis.index for axis in self.observables]
        return np.stack([*one, *(axis.index_2d for axis in self.observables)])

    @property
    def most_bins(self) -> int:
        """The bins of the largest view."""
        views = self.views
        return int(np.max(views[:, 2] * views[:, 3]))

    def flat_cells(self) -> NDArray[np.uint8]:
        """Return the bin of every event in every view, shape (views, n); one past all for none."""
        cells, none = self.cells.astype(np.int64), self.most_bins
        found = []
        for one, other, _, columns in self.views:
            index, missing = cells[one], cells[one] == NO_CELL
            if other >= 0:
                index = index * columns + cells[other]
                missing = missing | (cells[other] == NO_CELL)
            found.append(np.where(missing, none, index).astype(np.uint8))
        return np.stack(found)
