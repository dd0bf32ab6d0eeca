"""Nσ in every window of a plane, from summed-area tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eμsym.counts import FloatArray, check_same_binning, counts_and_variances
from eμsym.errors import DataError
from eμsym.binned_nsigma import pulls

Shape = Literal["square", "rectangle"]


@dataclass(frozen=True)
class Window:
    """A rectangle of bins and what Nσ is in it.

    Attributes
    ----------
    start, stop : tuple of int
        First bin, and one past the last bin, on each axis.
    z : float
        Local Nσ: what it would be worth had no other window been looked at.
    edges : tuple of (float, float), optional
        Low and high edge on each axis, if the samples were histograms.
    """

    start: tuple[int, int]
    stop: tuple[int, int]
    z: float
    edges: tuple[tuple[float, float], ...] | None = None

    @property
    def slices(self) -> tuple[slice, slice]:
        """The window as an index of the plane."""
        return slice(self.start[0], self.stop[0]), slice(self.start[1], self.stop[1])

    def to_dict(self) -> dict[str, Any]:
        """Return the window, for JSON."""
        return {
            "start": list(self.start),
            "stop": list(self.stop),
            "local_z": self.z,
            "edges": None if self.edges is None else [list(pair) for pair in self.edges],
        }


@dataclass(frozen=True, eq=False)
class WindowScan:
    """Result of `scan_windows`.

    Attributes
    ----------
    best : Window or None
        The window of largest |Nσ|; None if no window holds an entry.
    z : ndarray of float, shape (n_windows,)
        Local Nσ of every window; NaN where all its bins are empty.
    start, stop : ndarray of int, shape (n_windows, 2)
        The windows.
    """

    best: Window | None
    z: FloatArray
    start: NDArray[np.int64]
    stop: NDArray[np.int64]

    @property
    def statistic(self) -> float:
        """The test statistic, the largest |Nσ|; NaN if no window holds an entry."""
        return abs(self.best.z) if self.best else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return the best window and the number of windows, for JSON."""
        return {
            "best": self.best.to_dict() if self.best else None,
            "n_windows": int(self.z.size),
        }


def window_sizes(shape: tuple[int, int], kind: Shape, min_size: int) -> Iterator[tuple[int, int]]:
    """Yield the (rows, columns) of every allowed window size of a plane."""
    rows, columns = shape
    for height in range(min_size, rows + 1):
        widths = range(min_size, columns + 1) if kind == "rectangle" else [height]
        for width in widths:
            if width <= columns:
                yield height, width


def summed_area_table(plane: FloatArray) -> FloatArray:
    """Return the sums over all corners of the last two axes, with a leading row and column of 0."""
    table = np.zeros((*plane.shape[:-2], plane.shape[-2] + 1, plane.shape[-1] + 1))
    np.cumsum(np.cumsum(plane, axis=-2), axis=-1, out=table[..., 1:, 1:])
    return table


def window_sums(table: FloatArray, height: int, width: int) -> FloatArray:
    """Return the sum in every window of one size, from a summed-area table."""
    return (
        table[..., height:, width:]
        - table[..., :-height, width:]
        - table[..., height:, :-width]
        + table[..., :-height, :-width]
    )


def scan_windows(b: Any, a: Any, *, shape: Shape = "square", min_size: int = 1) -> WindowScan:
    """Compute Nσ in every square, or every rectangle, of a plane.

    Parameters
    ----------
    b, a : array_like or histogram, 2-D
        As for `nsigma`; positive Nσ is an excess in B.
    shape : {"square", "rectangle"}
        Squares have as many bins on both axes.
    min_size : int
        Smallest number of bins along either axis.

    Returns
    -------
    WindowScan
        Its `best` is a *local* significance: with thousands of windows tried,
        2 to 4σ are expected with no signal at all.

    Raises
    ------
    DataError
        If the samples are not 2-D, their binnings differ, or no window is allowed.
    """
    check_same_binning(b, a)
    b_counts, b_variance = counts_and_variances(b, name="B")
    a_counts, a_variance = counts_and_variances(a, name="A")
    if b_counts.ndim != 2:
        raise DataError(f"windows are scanned in a plane, the samples have {b_counts.ndim} axes")
    if shape not in ("square", "rectangle"):
        raise DataError(f"shape {shape!r}: choose square or rectangle")
    if not 1 <= min_size <= min(b_counts.shape):
        raise DataError(f"min_size {min_size}: the plane has {b_counts.shape} bins")
    pull = pulls(b_counts, a_counts, b_variance, a_variance)
    used = ~np.isnan(pull)
    pull_table = summed_area_table(np.where(used, pull, 0.0))
    used_table = summed_area_table(used.astype(np.float64))
    zs, starts, stops = [], [], []
    for height, width in window_sizes(b_counts.shape, shape, min_size):
        n_used = window_sums(used_table, height, width)
        with np.errstate(invalid="ignore", divide="ignore"):
            z = window_sums(pull_table, height, width) / np.sqrt(n_used)
        z[n_used == 0] = np.nan
        start = np.stack(np.indices(z.shape), axis=-1).reshape(-1, 2)
        zs.append(z.ravel())
        starts.append(start)
        stops.append(start + (height, width))
    all_z, start, stop = np.concatenate(zs), np.concatenate(starts), np.concatenate(stops)
    return WindowScan(best=_best(all_z, start, stop, b), z=all_z, start=start, stop=stop)


def _best(
    z: FloatArray, start: NDArray[np.int64], stop: NDArray[np.int64], histogram: Any
) -> Window | None:
    if np.all(np.isnan(z)):
        return None
    k = int(np.nanargmax(np.abs(z)))
    low, high = tuple(map(int, start[k])), tuple(map(int, stop[k]))
    edges = None
    if hasattr(histogram, "axes"):
        edges = tuple(
            (float(axis[i][0]), float(axis[j - 1][1]))
            for axis, i, j in zip(histogram.axes, low, high, strict=True)
        )
    return Window(start=(low[0], low[1]), stop=(high[0], high[1]), z=float(z[k]), edges=edges)
