"""Nσ in every window of one plane (DDP Eq. 1-2 over a part of the bins, arXiv:2203.07529)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eμsym.arrays import FloatArray, IntArray
from eμsym.binned.window_batch import (
    Shape,
    Side,
    check_scan,
    count_windows,
    directed,
    largest_nsigma,
    nsigma_of_size,
    pull_tables,
    tie_threshold,
    window_sizes,
)
from eμsym.difference import Compared, Difference, as_axes, drawn_pulls
from eμsym.errors import DataError
from eμsym.pool import Pool
from eμsym.shown import Shown
from eμsym.symmetry import Relabellings

#: More windows than this are not listed one by one (40 bytes each).
MAX_LISTED = 50_000_000


@dataclass(frozen=True, repr=False)
class Window(Shown):
    """A rectangle of bins and what Nσ is in it.

    Attributes
    ----------
    start, stop : tuple of int
        First bin, and one past the last bin, on each axis.
    z : float
        Local Nσ: what it would be worth had no other window been looked at.
    edges : tuple of (float, float), optional
        Low and high edge on each axis, if the samples were histograms with
        numerical axes.
    """

    start: tuple[int, int]
    stop: tuple[int, int]
    z: float
    edges: tuple[tuple[float, float], ...] | None = None

    @property
    def slices(self) -> tuple[slice, slice]:
        """The window as an index of the plane."""
        return slice(self.start[0], self.stop[0]), slice(self.start[1], self.stop[1])

    @property
    def shape(self) -> tuple[int, int]:
        """The number of bins along each axis."""
        return self.stop[0] - self.start[0], self.stop[1] - self.start[1]

    def to_dict(self) -> dict[str, Any]:
        """Return the window, for JSON."""
        return {
            "start": list(self.start),
            "stop": list(self.stop),
            "local_z": self.z,
            "edges": None if self.edges is None else [list(pair) for pair in self.edges],
        }


@dataclass(frozen=True, eq=False, repr=False)
class WindowScan(Shown):
    """Result of `scan_windows`.

    Attributes
    ----------
    best : Window or None
        The window of largest |Nσ| (or of the largest excess in B or in A, by
        `side`); None if no window holds an entry.
    z : ndarray of float, shape (n_windows,)
        Local Nσ of every window; NaN where all its bins are empty.
    start, stop : ndarray of int, shape (n_windows, 2)
        The windows, by rows, columns, first row, first column.
    side : {"either", "b", "a"}
        What `best` is the best of.
    """

    best: Window | None
    z: FloatArray
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    side: Side = "either"

    @property
    def statistic(self) -> float:
        """The test statistic, the largest |Nσ|, Nσ or −Nσ; NaN if no window holds an entry."""
        if self.best is None:
            return float("nan")
        return float(directed(np.array(self.best.z), self.side))

    def to_dict(self) -> dict[str, Any]:
        """Return the best window and the number of windows, for JSON."""
        return BestWindow(self.best, int(self.z.size), self.side).to_dict()


def scan_windows(
    b: Any,
    a: Any,
    *,
    variance_b: ArrayLike | None = None,
    variance_a: ArrayLike | None = None,
    shape: Shape = "square",
    min_size: int = 1,
    side: Side = "either",
) -> WindowScan:
    r"""Compute Nσ in every square, or every rectangle, of a plane.

    .. math::
        N_σ(W) = \frac{1}{\sqrt{M_W}} \sum_{i ∈ W}
                 \frac{B_i - A_i}{\sqrt{σ^2_{A_i} + σ^2_{B_i}}}

    (DDP Eq. 1-2 on the bins of a window W, M_W of which are not empty.) Four
    corners of a summed-area table make a sum, whatever the window's size.

    Parameters
    ----------
    b, a : array_like or histogram, 2-D
        As for `nsigma`; positive Nσ is an excess in B.
    variance_b, variance_a : array_like, 2-D, optional
        Variances. Default: those of the histogram, else the counts (Poisson).
    shape : {"square", "rectangle"}
        Squares have as many bins on both axes.
    min_size : int
        Smallest number of bins along either axis.
    side : {"either", "b", "a"}
        The best window has the largest |Nσ|, the largest excess in B, or the
        largest excess in A.

    Returns
    -------
    WindowScan
        Its `best` is a *local* significance: with thousands of windows tried,
        2 to 4σ are expected with no signal at all; `window_pvalue` says what
        it is worth. Ties, up to a relative 1e-9, go to the first window by
        rows, columns, first row, first column: the smallest.

    Raises
    ------
    DataError
        If the samples are not 2-D, their binnings differ, counts cannot be
        used, no window is allowed, or there are too many to list.

    Examples
    --------
    >>> scan = scan_windows([[25, 64, 30], [30, 64, 25]], [[25, 36, 30], [30, 36, 25]])
    >>> scan.best
    Window(start=(0, 1), stop=(1, 2), z=2.8)
    >>> scan_windows(
    ...     [[25, 64, 30], [30, 64, 25]], [[25, 36, 30], [30, 36, 25]], shape="rectangle"
    ... ).best.slices
    (slice(0, 2, None), slice(1, 2, None))
    """
    difference = Difference.of(b=b, a=a, variance_b=variance_b, variance_a=variance_a)
    return scan_of(difference, shape=shape, min_size=min_size, side=side)


def scan_of(
    difference: Difference, *, shape: Shape = "square", min_size: int = 1, side: Side = "either"
) -> WindowScan:
    """Compute Nσ in every window of a difference B − A; see `scan_windows`.

    Raises
    ------
    DataError
        As for `scan_windows`.
    """
    plane = difference.b.shape
    check_scan(plane, shape, min_size, side)
    n_windows = count_windows(plane, shape, min_size)
    if n_windows > MAX_LISTED:
        raise DataError(
            f"a plane of {plane[0]}×{plane[1]} bins has {n_windows} windows, too many to list; "
            "raise min_size, take wider bins, or use best_windows, which lists none"
        )
    tables = pull_tables(difference.pull[np.newaxis])
    z = np.empty(n_windows)
    start = np.empty((n_windows, 2), dtype=np.int64)
    stop = np.empty_like(start)
    done = 0
    for size in window_sizes(plane, shape, min_size):
        of_size = nsigma_of_size(tables, size)[:, :, 0]
        part = slice(done, done + of_size.size)
        z[part] = of_size.ravel()
        start[part] = np.indices(of_size.shape).reshape(2, -1).T
        stop[part] = start[part] + size
        done = part.stop
    best = _best(z, start, stop, side, difference.axes)
    return WindowScan(best=best, z=z, start=start, stop=stop, side=side)


@dataclass(frozen=True, eq=False, repr=False)
class BestWindow(Shown):
    """Result of `WindowTest`.

    Attributes
    ----------
    best : Window or None
        None if no window holds an entry.
    n_windows : int
        How many were tried.
    side : {"either", "b", "a"}
    reference : None
        The largest of many follows no distribution that is known beforehand: what it is
        worth comes from a null, see `eμsym.null`.
    """

    best: Window | None
    n_windows: int
    side: Side = "either"
    reference: None = None

    @property
    def statistic(self) -> float:
        """The largest |Nσ|, Nσ or −Nσ of any window; NaN if none holds an entry."""
        if self.best is None:
            return float("nan")
        return float(directed(np.array(self.best.z), self.side))

    @property
    def pvalue(self) -> float:
        """NaN: only a null tells."""
        return float("nan")

    @property
    def z(self) -> float:
        """NaN, as `pvalue`; the local Nσ is that of `best`."""
        return float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return the best window and the number of windows, for JSON."""
        return {
            "best": self.best.to_dict() if self.best else None,
            "side": self.side,
            "n_windows": self.n_windows,
        }


@dataclass(frozen=True)
class WindowTest:
    """The best window of a pair's plane, as a test.

    Parameters
    ----------
    axes : str, or tuple of two hist axes
        As for `Pair.hist`.
    shape, min_size, side
        As for `scan_windows`.
    """

    axes: Any
    shape: Shape = "square"
    min_size: int = 1
    side: Side = "either"

    def __call__(self, pair: Compared, *, rng: Any = None) -> BestWindow:
        """Find the best window of a pair; nothing is drawn."""
        difference = pair.difference(*as_axes(self.axes))
        scan = scan_of(difference, shape=self.shape, min_size=self.min_size, side=self.side)
        return BestWindow(scan.best, int(scan.z.size), self.side)

    def on(self, pair: Compared) -> WindowTest:
        """Return the test with the axes of a pair's histogram in place of its name."""
        return replace(self, axes=pair.axes_of(*as_axes(self.axes)))

    def alike(self, pool: Pool) -> IntArray:
        """Return the bin of every event: those of one bin are alike to the test."""
        return pool.bin_index(as_axes(self.axes))[0]

    def many(self, pool: Pool, drawn: Relabellings) -> FloatArray:
        """Return the test statistic of many draws of a pool's labels, shape (draws,)."""
        plane = tuple(len(axis) for axis in as_axes(self.axes))
        check_scan(plane, self.shape, self.min_size, self.side)
        pull = drawn_pulls(as_axes(self.axes), pool, drawn)[0].reshape(-1, *plane)
        return largest_nsigma(pull, list(window_sizes(plane, self.shape, self.min_size)), self.side)


def _best(
    z: FloatArray,
    start: NDArray[np.int64],
    stop: NDArray[np.int64],
    side: Side,
    axes: Any,
) -> Window | None:
    """Return the first of the windows that tie for the largest value."""
    if np.all(np.isnan(z)):
        return None
    values = directed(z, side)
    k = int(np.argmax(values >= tie_threshold(np.asarray(np.nanmax(values)))))
    return make_window(start[k], stop[k], z[k], axes)


def make_window(start: ArrayLike, stop: ArrayLike, z: float, axes: Any = None) -> Window:
    """Return a `Window` with the edges that it has on the axes of a histogram, if any.

    Parameters
    ----------
    start, stop : array_like of int, shape (2,)
    z : float
        Its local Nσ.
    axes : sequence of two UHI axes, optional
    """
    low, high = np.asarray(start), np.asarray(stop)
    return Window(
        start=(int(low[0]), int(low[1])),
        stop=(int(high[0]), int(high[1])),
        z=float(z),
        edges=None if axes is None else _edges(axes, low, high),
    )


def _meant(edge: float, span: float) -> float:
    """Return an edge without the rounding with which an axis of some length works it out.

    Of 28 bins from 30 to 170 one ends at 149.99999999999997, where 150 was meant.
    """
    return 0.0 if abs(edge) < 1e-12 * span else float(f"{edge:.12g}")


def _edges(
    axes: Any, start: NDArray[np.int64], stop: NDArray[np.int64]
) -> tuple[tuple[float, float], ...] | None:
    """Return the window's low and high edge on each axis; None if bins are no intervals."""
    edges = []
    for axis, i, j in zip(axes, start, stop, strict=True):
        first, last = axis[int(i)], axis[int(j) - 1]
        if not isinstance(first, tuple):
            return None
        span = float(axis[len(axis) - 1][1]) - float(axis[0][0])
        edges.append((_meant(first[0], span), _meant(last[1], span)))
    return tuple(edges)
