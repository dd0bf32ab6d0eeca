"""Where an entry of a scan shows most: its best window, with what it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eμsym.arrays import BoolArray, FloatArray
from eμsym.binned.window_batch import Shape, best_of_pulls, window_sizes
from eμsym.scanning.region_views import RegionViews
from eμsym.shown import Shown

#: A range of one observable; None is without a bound.
Range = tuple[float | None, float | None]


@dataclass(frozen=True, eq=False, repr=False)
class Place(Shown):
    """The bins of an entry, and its best window.

    Attributes
    ----------
    edges : tuple of ndarray
        Of the bins, in the observables' units.
    pull : ndarray of float, shape (*bins)
        (B − A)/σ of each bin; NaN where there are no events.
    window : tuple of (float or None, float or None)
        The best window's range of each observable; the first and the last bin are without
        a bound.
    start, stop : tuple of int
        Its first bin, and one past the last, on each axis.
    z : float
        Its local Nσ, positive for an excess of B.
    a, b : int
        Events in it, as counted.
    """

    edges: tuple[FloatArray, ...]
    pull: FloatArray
    window: tuple[Range, ...]
    start: tuple[int, ...]
    stop: tuple[int, ...]
    z: float
    a: int
    b: int

    def to_dict(self) -> dict[str, Any]:
        """Return the window, for JSON."""
        return {
            "window": [list(each) for each in self.window],
            "z": self.z,
            "a": self.a,
            "b": self.b,
        }


def place_of(views: RegionViews, view: int, residuals: FloatArray, in_a: BoolArray) -> Place:
    """Return where a view shows most.

    Parameters
    ----------
    views : RegionViews
    view : int
    residuals : ndarray of float, shape (n,)
        Of the region's events.
    in_a : ndarray of bool, shape (n,)
    """
    rows, columns = (int(x) for x in views.layout.views[view][2:])
    index = views.layout.flat_cells()[view].astype(np.int64)
    size = views.layout.most_bins + 1
    sums = np.bincount(index, residuals, size)[: rows * columns]
    own, rest = views.scale[view][:, : rows * columns]
    pull = np.where(own > 0, -sums * own * rest, np.nan).reshape(rows, columns)
    alone = len(views.layout.axes(view)) == 1
    shape: Shape = "square" if views.layout.squares and not alone else "rectangle"
    best = best_of_pulls(pull[np.newaxis], list(window_sizes((rows, columns), shape, 1)))
    edges = views.layout.edges(view)
    start, stop = best.start[0][: len(edges)], best.stop[0][: len(edges)]
    window = tuple(
        (
            float(each[low]) if low > 0 else None,
            float(each[high]) if high < each.size - 1 else None,
        )
        for each, low, high in zip(edges, start, stop, strict=True)
    )
    inside = np.zeros((rows, columns), dtype=bool)
    inside[best.start[0][0] : best.stop[0][0], best.start[0][1] : best.stop[0][1]] = True
    chosen = np.append(inside.ravel(), np.zeros(size - rows * columns, dtype=bool))[index]
    return Place(
        edges=edges,
        pull=pull[:, 0] if alone else pull,
        window=window,
        start=tuple(int(x) for x in start),
        stop=tuple(int(x) for x in stop),
        z=float(best.z[0]),
        a=int(np.count_nonzero(chosen & in_a)),
        b=int(np.count_nonzero(chosen & ~in_a)),
    )
