r"""Bins joined until each holds enough: what a likelihood of few events a bin needs.

A bin that is empty in both samples and holds signal makes a kink of the profiled likelihood
at μ = 0, which pulls μ̂ to exactly zero; bins of a few entries bias it. So neighbours are
joined before the fit, without looking at the labels: into boxes, which are split where the
signal's contrast w = S_B − S_A gains most,

.. math::
    \frac{w_1^2 - v_1}{n_1} + \frac{w_2^2 - v_2}{n_2} - \frac{w^2 - v}{n} > 0,

n the entries of both samples and v the variance of w that the signal's own statistics give
it, as long as both halves keep enough entries. Boxes and not an order by each bin's own count,
for that would pick downward fluctuations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray, IntArray, summed
from eμsym.counts import check_same_binning
from eμsym.errors import ConfigurationError
from eμsym.shown import Shown

#: Fewest entries of both samples together that a merged bin has, where there are as many.
MIN_COUNT = 50.0

#: First bin and one past the last bin of a box, axis by axis.
Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False, repr=False)
class MergedBins(Shown):
    """Boxes of bins, which together cover all bins once.

    Attributes
    ----------
    shape : tuple of int
        Of the bins.
    boxes : tuple of Box
        First bin and one past the last bin of each box, axis by axis.

    Examples
    --------
    >>> merged = merge_bins([60, 20, 30, 90], [0.1, 0.5, 0.3, 0.1], min_count=50)
    >>> merged.boxes
    (((0, 1),), ((1, 3),), ((3, 4),))
    >>> merged.sums([60, 20, 30, 90]).tolist()
    [60.0, 50.0, 90.0]
    """

    shape: tuple[int, ...]
    boxes: tuple[Box, ...]

    @property
    def group(self) -> IntArray:
        """The number of the box that each bin is in, shape (*bins)."""
        number = np.empty(self.shape, dtype=np.int64)
        for k, box in enumerate(self.boxes):
            number[tuple(slice(*edges) for edges in box)] = k
        return number

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.boxes)

    def sums(self, values: ArrayLike) -> FloatArray:
        """Return the sums of bins over the boxes, shape (boxes,).

        Parameters
        ----------
        values : array_like, shape (*bins)
        """
        flat = np.asarray(values, dtype=np.float64).ravel()
        return summed(self.group.ravel(), flat, len(self))

    def index(self, index: IntArray) -> IntArray:
        """Return the boxes of events from their flat bins, −1 outside.

        Parameters
        ----------
        index : ndarray of int, shape (n,)
        """
        group = self.group.ravel()
        return np.where(index >= 0, group[np.maximum(index, 0)], -1)

    def spread(self, values: ArrayLike) -> FloatArray:
        """Return every bin's value from its box's, shape (*bins).

        Parameters
        ----------
        values : array_like, shape (boxes,)
        """
        return np.asarray(values, dtype=np.float64)[self.group]

    def edges(self, axes: Sequence[Any]) -> list[list[list[float]]]:
        """Return the low and high edge of each box on each axis.

        Parameters
        ----------
        axes : sequence of hist axes
        """
        return [
            [
                [float(axis.edges[low]), float(axis.edges[high])]
                for axis, (low, high) in zip(axes, box, strict=True)
            ]
            for box in self.boxes
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the boxes, for JSON."""
        boxes = [[list(edges) for edges in box] for box in self.boxes]
        return {"shape": list(self.shape), "n_bins": len(self), "boxes": boxes}


def merge_bins(
    entries: ArrayLike,
    contrast: ArrayLike,
    *,
    variance: ArrayLike | None = None,
    min_count: float = MIN_COUNT,
) -> MergedBins:
    """Join bins into boxes of enough entries, looking at neither sample alone.

    Parameters
    ----------
    entries : array_like, shape (*bins)
        Of both samples together: labels have no part in the choice.
    contrast : array_like, shape (*bins)
        What the signal adds to B less what it adds to A, of any normalisation.
    variance : array_like, shape (*bins), optional
        Of the contrast, by the signal's own statistics. Default: none.
    min_count : float
        Fewest entries of a box. With fewer in all there is one box.

    Returns
    -------
    MergedBins

    Raises
    ------
    DataError
        If the shapes differ.
    ConfigurationError
        If `min_count` is not a number above zero.
    """
    if not min_count > 0 or not np.isfinite(min_count):
        raise ConfigurationError(f"min_count {min_count}: a merged bin needs entries, say 50")
    check_same_binning(entries, contrast)
    n, w = (np.asarray(x, dtype=np.float64) for x in (entries, contrast))
    v = np.zeros_like(w) if variance is None else np.asarray(variance, dtype=np.float64)
    done: list[Box] = []
    waiting: list[Box] = [tuple((0, size) for size in n.shape)]
    while waiting:
        box = waiting.pop()
        halves = _split(box, n, w, v, min_count)
        if halves is None:
            done.append(box)
        else:
            waiting += halves[::-1]
    return MergedBins(n.shape, tuple(done))


def _split(
    box: Box, n: FloatArray, w: FloatArray, v: FloatArray, min_count: float
) -> tuple[Box, Box] | None:
    """Return the best halves of a box, or None if no split gains or leaves enough."""
    place = tuple(slice(*edges) for edges in box)
    best, halves = 0.0, None
    for axis, (low, high) in enumerate(box):
        others = tuple(k for k in range(n.ndim) if k != axis)
        left_n, left_w, left_v = (np.cumsum(x[place].sum(axis=others)) for x in (n, w, v))
        right_n, right_w, right_v = (x[-1] - x for x in (left_n, left_w, left_v))
        enough = (left_n >= min_count) & (right_n >= min_count)
        if not enough.any():
            continue
        whole = (left_w[-1] ** 2 - left_v[-1]) / left_n[-1]
        # The largest counts are whole numbers or sums of weights; rounding makes no gain.
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = (left_w**2 - left_v) / left_n + (right_w**2 - right_v) / right_n - whole
        gain = np.where(enough, gain, -np.inf)
        k = int(np.argmax(gain))
        if gain[k] > best + 1e-12 * abs(whole):
            best, cut = float(gain[k]), low + k + 1
            halves = (
                (*box[:axis], (low, cut), *box[axis + 1 :]),
                (*box[:axis], (cut, high), *box[axis + 1 :]),
            )
    return halves
