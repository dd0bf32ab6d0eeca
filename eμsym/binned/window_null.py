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
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from eμsym.arrays import FloatArray, Rng
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
from eμsym.difference import Difference, standardised
from eμsym.distributions import Null
from eμsym.errors import DataError
from eμsym.pool import Pool
from eμsym.shown import Shown
from eμsym.symmetry import Exchangeable, FairCoin, Relabellings, Symmetry

Method = Literal["binomial", "swap", "events"]


@dataclass(frozen=True, eq=False, repr=False)
class WindowPValue(Shown):
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

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the fields, and the p-value."""
        return {"pvalue": self.pvalue, **super().shown()}

    @property
    def statistic(self) -> float:
        """The test statistic, the largest |Nσ|, Nσ or −Nσ of any window."""
        return float(directed(np.array(self.best.z), self.side))

    @property
    def reference(self) -> Null:
        """What the statistic is compared with: its null."""
        return self.null

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
    difference = Difference.of(b=b, a=a, variance_b=variance_b, variance_a=variance_a)
    check_scan(difference.b.shape, shape, min_size, side)
    if method == "binomial":
        pool = Pool.of_counts(
            b=difference.b, a=difference.a, variances=(difference.variance_b, difference.variance_a)
        )
        draw = _binomial_pulls(pool, difference.b.shape)
    elif method == "swap":
        pool = Pool({}, np.ones(difference.b.size, dtype=bool))
        draw = _swapped_pulls(difference.pull)
    else:
        raise DataError(f"method {method!r}: choose binomial or swap")
    null = _null_of(FairCoin(), pool, draw, n, difference.b.shape, shape, min_size, side, rng)
    return _pvalue_of(difference, null, method, shape, min_size, side)


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
    pool = Pool.joined({"bin": cell_a, "weight": weight_a}, {"bin": cell_b, "weight": weight_b})
    index, size = np.asarray(pool.columns["bin"]), plane[0] * plane[1]
    symmetry = Exchangeable() if keep_sizes else FairCoin()
    variance = symmetry.spread(pool, index, size)[0]

    def draw(drawn: Relabellings) -> FloatArray:
        return standardised(drawn.differences(pool, index, size), variance).reshape(-1, *plane)

    difference = Difference.of_pool(pool, symmetry, index, plane)
    if not any(isinstance(x, int | np.integer) for x in axes):
        difference = replace(difference, axes=axes)
    null = _null_of(symmetry, pool, draw, n, plane, shape, min_size, side, rng)
    return _pvalue_of(difference, null, "events", shape, min_size, side)


def _null_of(
    symmetry: Symmetry,
    pool: Pool,
    draw: Callable[[Relabellings], FloatArray],
    n: int,
    plane: tuple[int, ...],
    shape: Shape,
    min_size: int,
    side: Side,
    rng: Rng,
) -> Null:
    """Scan the planes of pulls that n relabellings of a pool make."""
    if not isinstance(n, int | np.integer) or n < 1:  # type: ignore[redundant-expr]
        raise DataError(f"{n} toys: choose a whole number, 1 or more")
    sizes = list(window_sizes(plane, shape, min_size))
    parent = np.random.default_rng(rng)
    samples = np.empty(n)
    for chunk in chunks(n, plane):
        # Spawning goes on where it stopped, so chunks do not change a toy's child.
        children = parent.spawn(chunk.stop - chunk.start)
        pull = draw(symmetry.relabel_each(pool, children))
        samples[chunk] = largest_nsigma(pull, sizes, side)
    if np.isnan(samples).any():
        raise DataError("no window holds an entry; there is nothing to test")
    return Null(samples)


def _pvalue_of(
    difference: Difference, null: Null, method: Method, shape: Shape, min_size: int, side: Side
) -> WindowPValue:
    """Compare the observed best window with a null."""
    plane = difference.b.shape
    best = best_of_pulls(
        difference.pull[np.newaxis], list(window_sizes(plane, shape, min_size)), side
    )
    window = make_window(best.start[0], best.stop[0], float(best.z[0]), difference.axes)
    return WindowPValue(best=window, null=null, method=method, side=side)


def _binomial_pulls(pool: Pool, plane: tuple[int, ...]) -> Callable[[Relabellings], FloatArray]:
    """Return the pulls of bins whose A_i is drawn from A_i + B_i."""

    def draw(drawn: Relabellings) -> FloatArray:
        pull = np.full((len(drawn), int(np.prod(plane))), np.nan)
        difference = pool.sizes - 2.0 * drawn.labels
        pull[:, pool.columns["bin"]] = difference / np.sqrt(pool.sizes)
        return pull.reshape(-1, *plane)

    return draw


def _swapped_pulls(pull: FloatArray) -> Callable[[Relabellings], FloatArray]:
    """Return the pulls of bins in which A and B change places where the label is B's."""

    def draw(drawn: Relabellings) -> FloatArray:
        return np.where(drawn.labels.reshape(-1, *pull.shape), pull, -pull)

    return draw


def _events(
    bins: ArrayLike, weights: ArrayLike | None, plane: tuple[int, ...], *, name: str
) -> tuple[NDArray[np.int64], FloatArray]:
    """Return each event's flat bin, −1 if it is outside, and its weight."""
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
    return np.where(inside, flat, -1), weight
