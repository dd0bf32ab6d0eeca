"""ROC curves: how well a test tells asymmetric toys from symmetric ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.errors import DataError
from eμsym.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class Roc(Shown):
    """Result of `roc_curve`.

    Attributes
    ----------
    false_positive, true_positive : ndarray of float, shape (points,)
        Fractions of the null and of the signal toys at or above each
        threshold, from (0, 0) to (1, 1).
    threshold : ndarray of float, shape (points,)
        The thresholds, falling; infinity first.
    auc : float
        Area under the curve: the probability that a signal toy exceeds a null
        toy, ties counting half.
    auc_error : float
        Its standard error from the finite numbers of toys (DeLong et al. 1988).
    """

    false_positive: FloatArray
    true_positive: FloatArray
    threshold: FloatArray
    auc: float
    auc_error: float

    @property
    def statistic(self) -> float:
        """The area under the curve."""
        return self.auc

    def to_dict(self) -> dict[str, Any]:
        """Return the area and the curve at 101 false-positive rates, for JSON."""
        rates = np.linspace(0, 1, 101)
        return {
            "auc": self.auc,
            "auc_error": self.auc_error,
            "false_positive": rates.tolist(),
            "true_positive": np.interp(rates, self.false_positive, self.true_positive).tolist(),
        }


def roc_curve(null: ArrayLike, signal: ArrayLike) -> Roc:
    """Compare a statistic's distributions without and with signal.

    Parameters
    ----------
    null : array_like, shape (n,)
        The statistic of symmetric toys; larger is less symmetric.
    signal : array_like, shape (m,)
        That of asymmetric toys. Infinite values are allowed in both.

    Returns
    -------
    Roc

    Raises
    ------
    DataError
        If either has fewer than two values, or one is NaN.

    Examples
    --------
    >>> roc_curve([0, 1, 2, 3], [2, 3, 4, 5]).auc
    0.875
    """
    x, y = _sorted(null, "null"), _sorted(signal, "signal")
    threshold = np.unique(np.concatenate([x, y]))[::-1]
    false_positive = 1 - np.searchsorted(x, threshold, side="left") / x.size
    true_positive = 1 - np.searchsorted(y, threshold, side="left") / y.size
    # What fraction of the other sample each toy exceeds: the areas of DeLong.
    of_signal = _below(x, y)
    of_null = 1 - _below(y, x)
    variance = np.var(of_signal, ddof=1) / y.size + np.var(of_null, ddof=1) / x.size
    return Roc(
        false_positive=np.concatenate([[0.0], false_positive]),
        true_positive=np.concatenate([[0.0], true_positive]),
        threshold=np.concatenate([[np.inf], threshold]),
        auc=float(np.mean(of_signal)),
        auc_error=float(np.sqrt(variance)),
    )


def _sorted(values: ArrayLike, name: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64).ravel()
    if array.size < 2 or np.any(np.isnan(array)):
        raise DataError(f"{name}: a ROC curve needs two toys or more, none of them NaN")
    return np.sort(array)


def _below(sample: FloatArray, at: FloatArray) -> FloatArray:
    """Return the fraction of a sorted sample below each value, ties counting half."""
    left = np.searchsorted(sample, at, side="left")
    right = np.searchsorted(sample, at, side="right")
    return np.asarray((left + right) / (2 * sample.size))
