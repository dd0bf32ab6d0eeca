"""Views of several columns at once: a forest of partitions, and a kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from eμsym.arrays import BoolArray, FloatArray, summed
from eμsym.unbinned.subspace_axis import RankAxis
from eμsym.unbinned.subspace_sums import cell_sums
from eμsym.unbinned.subspace_views import Moments, Place, View

#: Splits of a partition, at most, and the events that a leaf holds at least.
DEPTH, _LEAF = 6, 25

#: Columns of a partition, at most.
_MOST_COLUMNS = 4

#: A split is at a quantile between these.
_SPLIT = 0.35, 0.65

#: Widths of the kernel per root of the number of columns, and its random frequencies.
WIDTHS, FREQUENCIES = (0.3, 0.7, 1.5), 64

#: Events whose products are added up at once in single precision, before they go on in double.
_ROWS = 4096


class ForestBlock:
    """Random partitions of events by several columns, into leaves of about equal content.

    Each partition draws some of the columns and splits again and again near the median of one
    of them. The statistics are the mean χ² of the partitions, at three depths, and the
    largest square of a leaf's excess over its standard deviation in any of them.

    Parameters
    ----------
    axes : tuple of RankAxis
    moments : Moments
    trees : int
    rng : numpy.random.Generator
    """

    def __init__(
        self,
        axes: tuple[RankAxis, ...],
        moments: Moments,
        trees: int,
        rng: np.random.Generator,
    ) -> None:
        n = axes[0].u.size
        self._depth = int(np.clip(np.log2(n / _LEAF), 1, DEPTH))
        self._axes = axes
        most = min(len(axes), _MOST_COLUMNS)
        self._chosen = [
            np.sort(rng.permutation(len(axes))[: rng.integers(2, most + 1)]) for _ in range(trees)
        ]
        self._leaves: NDArray[np.uint8] = np.stack(
            [_partition([axes[j].u for j in chosen], self._depth, rng) for chosen in self._chosen]
        )
        size = 2**self._depth
        variance = np.stack([summed(leaves, moments.variance, size) for leaves in self._leaves])[
            :, :, np.newaxis
        ]
        self._depths = sorted({max(1, self._depth - 4), max(1, self._depth - 2), self._depth})
        self._variances = [_pruned(variance, self._depth - depth) for depth in self._depths]
        names = tuple(axis.name for axis in axes)
        self.views = (
            *(View(f"forest {2**depth}", names, "sum") for depth in self._depths),
            View("forest leaf", names, "largest"),
        )

    def statistics(self, residuals: FloatArray) -> FloatArray:
        """Return the statistics, shape (views, labellings), of (n, labellings) residuals."""
        squares = self._squares(residuals)
        means = [np.mean(np.sum(each, axis=1), axis=0) for each in squares]
        largest = [np.max(each, axis=(0, 1)) for each in squares]
        return np.stack([*means, np.max(largest, axis=0)])

    def place(self, view: int, residuals: FloatArray) -> Place:
        """Return the leaf with the largest excess, of residuals of shape (n,)."""
        squares = [each[..., 0] for each in self._squares(residuals[:, np.newaxis])]
        which = int(np.argmax([each.max() for each in squares]))
        tree, leaf = np.unravel_index(int(np.argmax(squares[which])), squares[which].shape)
        inside: BoolArray = self._leaves[tree] >> (self._depth - self._depths[which]) == leaf
        region = {}
        for j in self._chosen[tree]:
            x = self._axes[j].x[inside]
            region[self._axes[j].name] = (float(x.min()), float(x.max()))
        sign = np.sign(np.sum(residuals[inside]))
        return Place(region, float(sign * np.sqrt(squares[which][tree, leaf])))

    def _squares(self, residuals: FloatArray) -> list[FloatArray]:
        """Return the squares of the leaves' pulls at every depth."""
        sums = cell_sums(self._leaves, residuals, 2**self._depth)
        found = []
        for depth, variance in zip(self._depths, self._variances, strict=True):
            pruned = _pruned(sums, self._depth - depth)
            filled = np.where(variance > 0, variance, np.inf)
            found.append(pruned**2 / filled)
        return found


def _partition(u: list[FloatArray], depth: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the leaf of every event, shape (n,): ranks are split near the median, ties kept."""
    leaf = np.zeros(u[0].size, dtype=np.uint8)
    nodes = [np.arange(u[0].size)]
    for _ in range(depth):
        children = []
        for node in nodes:
            column, quantile = u[rng.integers(len(u))], rng.uniform(*_SPLIT)
            if not node.size:
                children += [node, node]
                continue
            values = column[node]
            middle = min(int(quantile * node.size), node.size - 1)
            above = values >= np.partition(values, middle)[middle]
            if above.all():  # the median is the smallest of few values: the rest is above it
                above = values > values.min()
            children += [node[~above], node[above]]
        nodes = children
    for number, node in enumerate(nodes):
        leaf[node] = number
    return leaf


def _pruned(sums: FloatArray, levels: int) -> FloatArray:
    """Return sums by the leaves of a partition that is so many levels less deep."""
    trees, size, labellings = sums.shape
    return np.asarray(sums.reshape(trees, size >> levels, 1 << levels, labellings).sum(axis=2))


class KernelBlock:
    """The squared distance of A and B by Gaussian kernels of all columns, at several widths.

    Of normal scores of the ranks, with random Fourier features in place of the kernel
    (Rahimi and Recht, NIPS 2007): Σ_k (Σ_i φ_k(x_i) (y_i − p_i))², the maximum mean
    discrepancy (Gretton et al., J. Mach. Learn. Res. 13 (2012) 723).

    Parameters
    ----------
    axes : tuple of RankAxis
    moments : Moments
    rng : numpy.random.Generator
    """

    def __init__(
        self, axes: tuple[RankAxis, ...], moments: Moments, rng: np.random.Generator
    ) -> None:
        self._axes = axes
        n = axes[0].u.size
        scores = np.stack([ndtri(axis.u) for axis in axes], axis=1)
        frequencies = [
            rng.normal(0.0, 1.0 / (width * np.sqrt(len(axes))), (len(axes), FREQUENCIES))
            for width in WIDTHS
        ]
        # Half the memory; a feature's seventh digit is no matter, and it is the same every time.
        features = np.empty((len(WIDTHS), 2, FREQUENCIES, n), dtype=np.float32)
        for first in range(0, n, _ROWS):
            rows = slice(first, first + _ROWS)
            for i, omega in enumerate(frequencies):
                phase = (scores[rows] @ omega).T
                features[i, 0, :, rows] = np.cos(phase)
                features[i, 1, :, rows] = np.sin(phase)
        self._features: NDArray[np.float32] = features.reshape(-1, n)
        names = tuple(axis.name for axis in axes)
        self.views = tuple(View(f"kernel {width:g}", names, "sum") for width in WIDTHS)
        self._mean_variance = float(np.mean(moments.variance))

    def statistics(self, residuals: FloatArray) -> FloatArray:
        """Return the statistics, shape (views, labellings), of (n, labellings) residuals."""
        sums = _product(self._features, residuals)
        squares = (sums**2).reshape(len(WIDTHS), 2 * FREQUENCIES, -1).sum(axis=1)
        n = residuals.shape[0]
        return np.asarray(squares / (FREQUENCIES * n * self._mean_variance))

    def place(self, view: int, residuals: FloatArray) -> Place:
        """Return the event at which A's kernel density exceeds B's most, or the reverse."""
        rows = slice(view * 2 * FREQUENCIES, (view + 1) * 2 * FREQUENCIES)
        features = self._features[rows]
        witness = (features @ residuals.astype(np.float32)).astype(np.float64) @ features
        at = int(np.argmax(np.abs(witness)))
        half = 0.5 * WIDTHS[view]
        region = {}
        for axis in self._axes:
            near = np.abs(ndtri(axis.u) - ndtri(axis.u[at])) <= half
            region[axis.name] = (float(axis.x[near].min()), float(axis.x[near].max()))
        deviation = np.sqrt(np.sum((features[:, at] @ features) ** 2.0) * self._mean_variance)
        return Place(region, float(witness[at] / max(deviation, 1e-300)))


def _product(features: NDArray[np.float32], residuals: FloatArray) -> FloatArray:
    """Return features times residuals, (features, n) by (n, labellings)."""
    result = np.zeros((len(features), residuals.shape[1]))
    single = residuals.astype(np.float32)
    for first in range(0, residuals.shape[0], _ROWS):
        rows = slice(first, first + _ROWS)
        result += features[:, rows] @ single[rows]
    return result
