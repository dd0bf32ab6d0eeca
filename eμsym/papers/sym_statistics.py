"""Numbers that are read off toys, with their uncertainties: median Z, quantiles, fractions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy.stats import binomtest, kstest, norm, quantile_test
from scipy.stats import chi2 as chi2_distribution

from eμsym.arrays import FloatArray
from eμsym.distributions import ChiSquared, Null
from eμsym.errors import DataError

#: Probability of one standard deviation to both sides.
ONE_SIGMA = 0.6827


class Reference(Protocol):
    """What gives a statistic its significance, a `Null` or `ChiSquared`."""

    def z(self, statistic: float) -> float:
        """Return Z = Φ⁻¹(1 − p)."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class Estimate:
    """A number with its uncertainty.

    Attributes
    ----------
    value : float
    low, high : float
        One standard deviation to either side.
    """

    value: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Half of the interval."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class MedianZ:
    """Significance of the median of toys.

    Attributes
    ----------
    z : float
    error : float
        The paper's ε, from the toys' spread.
    null_error : float
        From the finite number of the null's toys, binomial; 0 for χ².
    limit : bool
        Whether the median is above the whole null, so that Z is a lower bound.
    """

    z: float
    error: float
    null_error: float
    limit: bool

    @property
    def total_error(self) -> float:
        """Both errors together."""
        return math.hypot(self.error, self.null_error)


def median_z(t: FloatArray, reference: Null | ChiSquared) -> MedianZ:
    """Return the significance of the median of t and its error (SYM section IV B).

    The error is ε = Z(t_med) − Z(t_med − σ/√N), with the standard deviation σ of N toys.

    Parameters
    ----------
    t : ndarray of float, shape (n,)
        Finite statistics.
    reference : Null or ChiSquared

    Raises
    ------
    DataError
        If there is no toy, or a statistic is not finite.
    """
    if t.size == 0 or not np.all(np.isfinite(t)):
        raise DataError("a median Z needs toys, and all of them finite")
    median = float(np.median(t))
    z = reference.z(median)
    shifted = reference.z(median - float(np.std(t)) / math.sqrt(t.size))
    if isinstance(reference, ChiSquared):
        return MedianZ(z, z - shifted, 0.0, False)
    null_error = reference.pvalue_error(median) / float(norm.pdf(z))
    limit = reference.pvalue(median) <= reference.smallest_pvalue
    return MedianZ(z, z - shifted, null_error, limit)


def fraction(count: int, total: int) -> Estimate:
    """Return count/total with its Wilson interval."""
    interval = binomtest(count, total).proportion_ci(ONE_SIGMA, method="wilson")
    return Estimate(count / total, float(interval.low), float(interval.high))


def upper_limit(count: int, total: int, level: float = 0.95) -> float:
    """Return the upper limit of a fraction at a confidence level (Clopper and Pearson)."""
    test = binomtest(count, total, alternative="less")
    return float(test.proportion_ci(level, method="exact").high)


def mean(values: FloatArray) -> Estimate:
    """Return the mean with its standard error; infinite values make it infinite."""
    if not np.all(np.isfinite(values)):
        return Estimate(math.inf, math.nan, math.nan)
    value = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / math.sqrt(values.size) if values.size > 1 else math.nan
    return Estimate(value, value - error, value + error)


def quantile(values: FloatArray, level: float) -> Estimate:
    """Return a quantile with its interval from order statistics, which assumes no distribution.

    Where there are too few values for a bound it is infinite.
    """
    value = float(np.quantile(values, level, method="inverted_cdf"))
    # Not the test but its interval is wanted; infinite values are only ranked.
    interval = quantile_test(values, q=value, p=level).confidence_interval(ONE_SIGMA)
    low = -math.inf if math.isnan(interval.low) else float(interval.low)
    high = math.inf if math.isnan(interval.high) else float(interval.high)
    return Estimate(value, low, high)


def ks_chi2(t: FloatArray, dof: int) -> float:
    """Return the Kolmogorov-Smirnov p-value that t follows χ²."""
    return float(kstest(t, chi2_distribution(dof).cdf).pvalue)


def z_where_chi2_says(null: Null, dof: int, z: float = 2.0) -> Estimate:
    """Return the true significance, by toys, of a t to which χ² gives a Z.

    Above Z, χ² claims too little; below, too much.
    """
    threshold = float(chi2_distribution.isf(norm.sf(z), dof))
    above = int(np.count_nonzero(null.samples >= threshold))
    part = fraction(above, null.samples.size)
    return Estimate(*(float(norm.isf(p)) for p in (part.value, part.high, part.low)))


def crossing(x: Sequence[float], z: Sequence[float], level: float = 2.0) -> float:
    """Return where Z first rises to a level, linear between points; NaN if it does not."""
    for i in range(1, len(x)):
        if z[i - 1] < level <= z[i]:
            return float(x[i - 1] + (x[i] - x[i - 1]) * (level - z[i - 1]) / (z[i] - z[i - 1]))
    return math.nan


def resampled(
    statistic: Callable[..., float],
    samples: Sequence[FloatArray],
    *,
    n: int = 200,
    seed: int = 20401,
) -> Estimate:
    """Return a function of several samples with its bootstrap error.

    Parameters
    ----------
    statistic : callable
        Of as many arrays as there are samples.
    samples : sequence of ndarray of float
        Toys, which are drawn with replacement.
    n : int
        Bootstraps.
    seed : int

    Returns
    -------
    Estimate
        The value of the samples, and it ∓ the bootstraps' standard deviation; NaN
        where a tenth of the bootstraps or more give none.
    """
    rng = np.random.default_rng(seed)
    value = statistic(*samples)
    drawn = np.array([statistic(*(_redrawn(x, rng) for x in samples)) for _ in range(n)])
    good = drawn[np.isfinite(drawn)]
    error = float(np.std(good)) if good.size > 0.9 * n else math.nan
    return Estimate(value, value - error, value + error)


def _redrawn(x: FloatArray, rng: np.random.Generator) -> Any:
    return x[rng.integers(0, x.size, x.size)]
