"""The global p-value and the adjusted ones, by Westfall and Young's step-down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray
from eμsym.joint_pvalue import TIE


@dataclass(frozen=True, eq=False)
class Adjusted:
    """Result of `adjusted_pvalues`.

    Attributes
    ----------
    pvalue : ndarray of float, shape (entries,)
        The adjusted p-value of each entry: with all others counted.
    largest : ndarray of float, shape (labellings,)
        The largest −ln p of any entry in each labelling, the observed one first.
    """

    pvalue: FloatArray
    largest: FloatArray

    @property
    def p_global(self) -> float:
        """How often labels alone give as small a local p-value in any entry."""
        return float(np.mean(self.largest >= self.largest[0] * (1 - TIE)))


def adjusted_pvalues(minus_log_p: NDArray[np.floating[Any]]) -> Adjusted:
    """Return p-values that count all entries, however they are correlated.

    The step-down procedure of smallest p-values (Westfall and Young, Resampling-Based Multiple
    Testing, Wiley 1993, algorithm 2.8): the smallest local p-value is compared with the
    smallest of all entries in every labelling, the next with the smallest of all but the first,
    and so on; an entry's p-value is no smaller than those before it.

    Parameters
    ----------
    minus_log_p : ndarray of float, shape (entries, labellings)
        −ln of the local p-values; the observed labelling first.

    Examples
    --------
    >>> local = np.array([[3.0, 1.0, 0.5, 0.1], [1.0, 2.0, 0.3, 0.4]])
    >>> adjusted_pvalues(local).pvalue.tolist()
    [0.25, 0.5]
    """
    entries, labellings = minus_log_p.shape
    order = np.argsort(-minus_log_p[:, 0], kind="stable")
    largest = np.full(labellings, -np.inf)
    ordered = np.empty(entries)
    for place in range(entries - 1, -1, -1):
        row = minus_log_p[order[place]].astype(np.float64)
        np.maximum(largest, row, out=largest)
        ordered[place] = np.count_nonzero(largest >= row[0] * (1 - TIE))
    found = np.empty(entries)
    found[order] = np.maximum.accumulate(ordered) / labellings
    return Adjusted(found, largest)
