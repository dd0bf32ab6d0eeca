"""Local p-values of many statistics, for every labelling alike.

A statistic's p-value is its rank among the n + 1 labellings, the observed one included, as long
as that is not among the first few: there ranks say little, and a tail goes on from the rank
where it begins. Its form is the statistic's own (normal, χ², or that of the largest of many), its
place and width those of all n + 1 labellings. As no labelling is treated unlike another, whatever
is made of these p-values holds exactly, however well or badly the tail fits; the tail decides how
entries are weighed against each other, and what is printed of one alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from eμsym.arrays import FloatArray, IntArray
from eμsym.joint_pvalue import TIE
from eμsym.workers import in_threads

#: The tail begins at this part of the labellings, and at so many of them at least.
TAIL, FEWEST = 0.05, 10


def tail_begins(labellings: int) -> int:
    """Return the rank from which on p-values are of a tail."""
    return min(labellings, max(FEWEST, round(TAIL * labellings)))


def minus_log_pvalues(
    statistics: NDArray[np.floating[Any]], kinds: NDArray[np.str_], *, workers: int = 1
) -> NDArray[np.float32]:
    """Return −ln p of statistics.

    Parameters
    ----------
    statistics : ndarray of float, shape (entries, labellings)
    kinds : ndarray of str, shape (entries,)
        "nsigma", normal and large in either direction; "chi2" and "spline", sums of squares;
        "window", the largest of many squares.
    workers : int
        Threads.

    Returns
    -------
    ndarray of float32, shape (entries, labellings)
        Zero of a statistic that no labelling changes.
    """
    result: NDArray[np.float32] = np.zeros(statistics.shape, dtype=np.float32)
    parts = []
    for kind in np.unique(kinds):
        chosen = np.flatnonzero(kinds == kind)
        parts += [(str(kind), part) for part in np.array_split(chosen, -(-chosen.size // 256))]

    def fill(part: tuple[str, IntArray]) -> None:
        kind, rows = part
        result[rows] = _of_kind(statistics[rows].astype(np.float64), kind)

    in_threads(fill, parts, workers)
    return result


def _of_kind(values: FloatArray, kind: str) -> FloatArray:
    size = values.shape[1]
    tail = _tail(values, kind)
    # Rank 1 is the largest; equal ones all have the last of their ranks, in whatever order.
    order = np.argsort(-tail, axis=1)
    falling = np.take_along_axis(tail, order, axis=1)
    last = np.ones(falling.shape, dtype=bool)
    last[:, :-1] = falling[:, :-1] - falling[:, 1:] > TIE * np.abs(falling[:, :-1])
    ranks = np.where(last, np.arange(1, size + 1), size + 1)
    ranks = np.minimum.accumulate(ranks[:, ::-1], axis=1)[:, ::-1]
    found = -np.log(ranks / size)
    begins = tail_begins(size)
    at = falling[:, begins - 1 : begins]
    beyond = falling - at + np.log(size / begins)
    found = np.where(falling > at, np.maximum(beyond, np.log(size / begins)), found)
    found = np.where(np.ptp(values, axis=1, keepdims=True) > 0, found, 0.0)
    result = np.empty_like(found)
    np.put_along_axis(result, order, found, axis=1)
    return result


def _tail(values: FloatArray, kind: str) -> FloatArray:
    """Return −ln p as the statistic's own form has it, larger for less symmetric."""
    x = np.cbrt(values) if kind in ("chi2", "spline") else values
    mean, width = x.mean(axis=1, keepdims=True), x.std(axis=1, keepdims=True)
    z = (x - mean) / np.where(width > 0, width, 1.0)
    if kind == "nsigma":
        return np.asarray(-log_ndtr(-np.abs(z)) - np.log(2))
    if kind == "window":
        # Gumbel's distribution, of mean 0 and variance 1.
        y = z * np.pi / np.sqrt(6) + np.euler_gamma
        small = np.exp(-np.maximum(y, -3.0))
        # ln(1 − exp(−e^−y)) is −y far out.
        log_p = np.where(y > 30, -y, np.log(-np.expm1(-small)))
        # Below, where it is one, the order is kept.
        return np.asarray(-log_p + np.minimum(y + 3.0, 0.0))
    # Wilson and Hilferty (Proc. Natl. Acad. Sci. 17 (1931) 684): ∛χ² is nearly normal.
    return np.asarray(-log_ndtr(-z))
