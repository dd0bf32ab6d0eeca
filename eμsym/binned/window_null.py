"""What the best window is worth among all windows: its global p-value.

A null redraws the pair as the symmetry allows and scans it again, by the same
operations as the observed pair. Three symmetries can be used:

- ``binomial``: unweighted counts. Given A_i + B_i, B_i is Binomial(A_i + B_i, ½).
- ``swap``: weighted histograms. In each bin (A_i, σ²_Ai) and (B_i, σ²_Bi) are
  drawn from one distribution, so swapping them, which flips the pull's sign,
  changes nothing. It holds for any weights and however sparse the bins, as long
  as bins are independent (sizes that are Poisson). It is blind to windows of few
  bins: |Nσ| in a single bin does not change, and an excess in k bins, all of one
  sign, comes back in at least a fraction 2^(1 − k) of the toys.
- events (`window_pvalue_events`): any weights. Which events are A's is drawn
  anew, with N_A and N_B kept or free. It has no such blindness: prefer it where
  events are at hand. With sizes kept, a difference of the totals is not counted
  as a difference, and toys vary less in windows that hold much of the sample;
  with sizes free and unit weights it is the binomial null.

A Gaussian null of the pulls is left out: in the sparse or unevenly weighted
bins where a choice is needed, it is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from eμsym.binned.nsigma import pulls
from eμsym.binned.window_batch import (
    Shape,
    Side,
    best_of_pulls,
    check_scan,
    chunks,
    directed,
    largest_nsigma,
    tie_threshold,
    window_sizes,
)
from eμsym.binned.windows import Window, make_window
from eμsym.counts import FloatArray, check_same_binning, counts_and_variances
from eμsym.errors import DataError
from eμsym.null import Null

Method = Literal["binomial", "swap", "events"]
Draw = Callable[[np.random.Generator], FloatArray]


@dataclass(frozen=True, eq=False)
class WindowPValue:
    """Result of `window_pvalue` and `window_pvalue_events`.

    Attributes
    ----------
    best : Window
        The best window of the observed pair, with its local Nσ.
    null : Null
        The test statistic of the best window of each toy.
    method : {"binomial", "swap", "events"}
        How the toys were drawn.
    side : {"either", "b", "a"}
        Whether the test statistic is |Nσ|, Nσ or −Nσ.
    """

    best: Window
    null: Null
    method: Method
    side: Side = "either"

    @property
    def statistic(self) -> float:
        """The test statistic, the largest |Nσ|, Nσ or −Nσ of any window."""
        return float(directed(np.array(self.best.z), self.side))

    @property
    def pvalue(self) -> float:
        """The global p-value, (k+1)/(n+1), with k toys at or above the observed statistic.

        Discrete data tie often; a toy within a relative 1e-9 below counts as a tie.
        """
        return self.null.pvalue(self._threshold)

    @property
    def pvalue_error(self) -> float:
        """The standard error of `pvalue` from the finite number of toys."""
        return self.null.pvalue_error(self._threshold)

    @property
    def smallest_pvalue(self) -> float:
        """The resolution, 1/(n+1): no smaller p-value can be shown with n toys."""
        return self.null.smallest_pvalue

    @property
    def z(self) -> float:
        """The global significance, Z = Φ⁻¹(1 − p)."""
        return float(norm.isf(self.pvalue))

    @property
    def _threshold(self) -> float:
        return float(tie_threshold(np.array(self.statistic)))

    def to_dict(self) -> dict[str, Any]:
        """Return the window, its local and global significance and the null, for JSON."""
        return {
            "best": self.best.to_dict(),
            "method": self.method,
            "side": self.side,
            "statistic": self.statistic,
            "pvalue": self.pvalue,
            "pvalue_error": self.pvalue_error,
            "smallest_pvalue": self.smallest_pvalue,
            "z": self.z if np.isfinite(self.z) else None,
            "null": self.null.to_dict(),
        }


def window_pvalue(
    b: Any,
    a: Any,
    n: int = 1000,
    *,
    method: Literal["binomial", "swap"] = "binomial",
    variance_b: ArrayLike | None = None,
    variance_a: ArrayLike | None = None,
    shape: Shape = "square",
    min_size: int = 1,
    side: Side = "either",
    rng: np.random.Generator | int | None = None,
) -> WindowPValue:
    """Find the best window of a plane and its global p-value, from two histograms.

    Parameters
    ----------
    b, a : array_like or histogram, 2-D
        As for `scan_windows`; positive Nσ is an excess in B.
    n : int
        Number of toys; no p-value below 1/(n+1) can be shown.
    method : {"binomial", "swap"}
        The null: "binomial" for unweighted counts, exact however sparse they
        are; "swap" for weighted histograms, exact too if bins are independent,
        but blind to windows of few bins (see the module). With the events at
        hand, `window_pvalue_events` is better than "swap".
    variance_b, variance_a : array_like, 2-D, optional
        Variances. Default: those of the histogram, else the counts (Poisson).
    shape, min_size, side
        As for `scan_windows`; the toys are scanned in the same way.
    rng : numpy.random.Generator, int or None
        Source of randomness. Toy i is drawn from child i of its SeedSequence,
        so the first toys of a longer run are those of a shorter one.

    Returns
    -------
    WindowPValue

    Raises
    ------
    DataError
        As for `scan_windows`; or if n < 1, the method is unknown, no window
        holds an entry, or the binomial null is asked for weighted counts.
    """
    check_same_binning(b, a)
    b_counts, b_variance = counts_and_variances(b, variance_b, name="B")
    a_counts, a_variance = counts_and_variances(a, variance_a, name="A")
    check_scan(b_counts.shape, shape, min_size, side)
    pull = pulls(b_counts, a_counts, b_variance, a_variance)
    if method == "binomial":
        for counts, variance in ((b_counts, b_variance), (a_counts, a_variance)):
            # Whole sums of weights, such as 2 + 2, are no counts either.
            if np.any(counts != np.rint(counts)) or np.any(counts != variance):
                raise DataError(
                    "the binomial null needs unweighted counts; for weighted samples "
                    "permute events (window_pvalue_events) or use method='swap'"
                )
        draw = _binomial_draw(b_counts + a_counts)
    elif method == "swap":
        draw = _swap_draw(pull)
    else:
        raise DataError(f"method {method!r}: choose binomial or swap")
    axes = getattr(b, "axes", None)
    return _window_pvalue(pull, draw, n, method, axes, shape, min_size, side, rng)


def window_pvalue_events(
    bins_b: ArrayLike,
    bins_a: ArrayLike,
    axes: Sequence[Any],
    n: int = 1000,
    *,
    weights_b: ArrayLike | None = None,
    weights_a: ArrayLike | None = None,
    keep_sizes: bool = True,
    shape: Shape = "square",
    min_size: int = 1,
    side: Side = "either",
    rng: np.random.Generator | int | None = None,
) -> WindowPValue:
    """Find the best window of a plane and its global p-value, from permuted events.

    Each toy gives the pooled events, with their weights, back to B and A at
    random, and fills both histograms anew. In a bin σ²_A + σ²_B is then Σw² of
    its pooled events, whoever they belong to.

    Parameters
    ----------
    bins_b, bins_a : array_like of int, shape (N_B, 2) and (N_A, 2)
        Each event's bin on each axis, as UHI axes' ``index(column)`` gives it.
        An event beyond the axes (-1 or the number of bins) is in no window, but
        is relabelled as all others are.
    axes : sequence of two UHI axes or int
        The plane: axes of a histogram, or just their numbers of bins.
    n : int
        Number of toys; no p-value below 1/(n+1) can be shown.
    weights_b, weights_a : array_like of float, shape (N_B,) and (N_A,), optional
        Event weights, of any sign. Default: 1.
    keep_sizes : bool
        Whether toys keep N_B and N_A. Else each event goes to either sample
        with probability ½: the sizes are Poisson, of equal expectation, and a
        difference of the totals is part of what is tested.
    shape, min_size, side
        As for `scan_windows`; the toys are scanned in the same way.
    rng : numpy.random.Generator, int or None
        Source of randomness. Toy i is drawn from child i of its SeedSequence,
        so the first toys of a longer run are those of a shorter one.

    Returns
    -------
    WindowPValue

    Raises
    ------
    DataError
        If there is no event, an array has the wrong shape, a weight is not
        finite, n < 1, no window is allowed or none holds an entry.
    """
    if len(axes) != 2:
        raise DataError(f"windows are scanned in a plane, {len(axes)} axes are given")
    plane = tuple(int(x) if isinstance(x, int | np.integer) else len(x) for x in axes)
    check_scan(plane, shape, min_size, side)
    cell_b, weight_b = _events(bins_b, weights_b, plane, name="B")
    cell_a, weight_a = _events(bins_a, weights_a, plane, name="A")
    cell = np.concatenate([cell_b, cell_a])
    weight = np.concatenate([weight_b, weight_a])
    sign = np.repeat(np.array([1.0, -1.0]), [cell_b.size, cell_a.size])
    pull_of = _event_pulls(cell, weight, plane)

    def draw(generator: np.random.Generator) -> FloatArray:
        if keep_sizes:
            return pull_of(generator.permutation(sign))
        free: FloatArray = generator.choice([-1.0, 1.0], sign.size)
        return pull_of(free)

    edges = None if any(isinstance(x, int | np.integer) for x in axes) else axes
    return _window_pvalue(pull_of(sign), draw, n, "events", edges, shape, min_size, side, rng)


def _window_pvalue(
    pull: FloatArray,
    draw: Draw,
    n: int,
    method: Method,
    axes: Any,
    shape: Shape,
    min_size: int,
    side: Side,
    rng: np.random.Generator | int | None,
) -> WindowPValue:
    """Scan the observed pulls and those of `n` draws."""
    if not isinstance(n, int | np.integer) or n < 1:
        raise DataError(f"{n} toys: choose a whole number, 1 or more")
    plane = pull.shape
    sizes = list(window_sizes(plane, shape, min_size))
    best = best_of_pulls(pull[np.newaxis], sizes, side)
    if np.isnan(best.z[0]):
        raise DataError("no window holds an entry; there is nothing to test")
    parent = np.random.default_rng(rng)
    samples = np.empty(n)
    for chunk in chunks(n, plane):
        # Spawning goes on where it stopped, so chunks do not change a toy's child.
        children = parent.spawn(chunk.stop - chunk.start)
        samples[chunk] = largest_nsigma(np.stack([draw(x) for x in children]), sizes, side)
    window = make_window(best.start[0], best.stop[0], float(best.z[0]), axes)
    return WindowPValue(best=window, null=Null(samples), method=method, side=side)


def _binomial_draw(total: FloatArray) -> Draw:
    """Return the draw of B_i ~ Binomial(A_i + B_i, ½), as pulls."""
    used = total > 0
    entries = total[used].astype(np.int64)

    def draw(generator: np.random.Generator) -> FloatArray:
        pull = np.full(total.shape, np.nan)
        pull[used] = (2.0 * generator.binomial(entries, 0.5) - entries) / np.sqrt(total[used])
        return pull

    return draw


def _swap_draw(pull: FloatArray) -> Draw:
    """Return the draw that swaps A and B in every bin with probability ½, as pulls."""

    def draw(generator: np.random.Generator) -> FloatArray:
        return np.where(generator.integers(0, 2, size=pull.shape) == 1, pull, -pull)

    return draw


def _event_pulls(
    cell: NDArray[np.int64], weight: FloatArray, plane: tuple[int, ...]
) -> Callable[[FloatArray], FloatArray]:
    """Return the function from the events' signs (+1 in B, −1 in A) to the plane of pulls."""
    n_cells = plane[0] * plane[1]
    variance = np.bincount(cell, weight**2, n_cells + 1)
    root = np.sqrt(np.where(variance > 0, variance, np.nan))

    def pull_of(sign: FloatArray) -> FloatArray:
        pull: FloatArray = np.bincount(cell, weight * sign, n_cells + 1) / root
        return pull[:n_cells].reshape(plane)

    return pull_of


def _events(
    bins: ArrayLike, weights: ArrayLike | None, plane: tuple[int, ...], *, name: str
) -> tuple[NDArray[np.int64], FloatArray]:
    """Return each event's flat bin, one beyond the last if it is outside, and its weight."""
    index = np.asarray(bins)
    if index.ndim != 2 or index.shape[1] != 2 or not np.issubdtype(index.dtype, np.integer):
        raise DataError(
            f"{name}: bins are whole numbers of shape (events, 2), "
            f"got {index.dtype} of shape {index.shape}"
        )
    if len(index) == 0:
        raise DataError(f"{name}: there is no event")
    weight = np.ones(len(index)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != (len(index),):
        raise DataError(f"{name}: {len(index)} events, but weights of shape {weight.shape}")
    if not np.all(np.isfinite(weight)):
        raise DataError(f"{name}: a weight is not finite; remove NaN and infinite weights")
    inside = np.all((index >= 0) & (index < plane), axis=1)
    flat = index[:, 0].astype(np.int64) * plane[1] + index[:, 1]
    return np.where(inside, flat, plane[0] * plane[1]), weight
