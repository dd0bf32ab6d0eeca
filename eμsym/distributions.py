"""What a test statistic is compared with: toys, or a distribution that it nears.

All have one face: ``pvalue``, ``z`` and ``to_dict``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, gammaln, ndtri_exp
from scipy.stats import chi2, norm

from eμsym.errors import DataError
from eμsym.shown import Shown

#: Relative, and below one absolute, difference that may be rounding.
_ROUNDING = 1e-12


@runtime_checkable
class Reference(Protocol):
    """What tells how unusual a test statistic is."""

    def pvalue(self, statistic: float) -> float:
        """Return the probability to be at or above the statistic."""
        ...  # pragma: no cover

    def z(self, statistic: float) -> float:
        """Return Z = Φ⁻¹(1 − p) of the statistic."""
        ...  # pragma: no cover

    def to_dict(self) -> dict[str, Any]:
        """Return what it is, for JSON."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class Normal:
    """N(0,1): an excess is at the upper end."""

    def pvalue(self, statistic: float) -> float:
        """Return the probability to be at or above the statistic."""
        return float(norm.sf(statistic))

    def z(self, statistic: float) -> float:
        """Return the statistic, which is its own significance."""
        return float(statistic)

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution's name, for JSON."""
        return {"distribution": "normal"}


@dataclass(frozen=True)
class SignedChiSquared:
    """That of sign(x) x² with x from N(0,1): χ² of one degree of freedom, with a sign."""

    def pvalue(self, statistic: float) -> float:
        """Return the probability to be at or above the statistic."""
        return float(norm.sf(self.z(statistic)))

    def z(self, statistic: float) -> float:
        """Return Z = Φ⁻¹(1 − p) of the statistic: its signed root."""
        return float(np.copysign(np.sqrt(abs(statistic)), statistic))

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution's name, for JSON."""
        return {"distribution": "signed chi2", "dof": 1}


@dataclass(frozen=True)
class ChiSquared:
    """The χ² distribution: a reference, exact for large samples only.

    Parameters
    ----------
    dof : float
        Degrees of freedom: the number of parameters less one.
    """

    dof: float

    def log_pvalue(self, statistic: float) -> float:
        """Return the logarithm of the probability to be at or above the statistic."""
        return float(chi2.logsf(statistic, self.dof)) if self.dof else 0.0

    def pvalue(self, statistic: float) -> float:
        """Return the probability to be at or above the statistic."""
        return float(chi2.sf(statistic, self.dof)) if self.dof else 1.0

    def z(self, statistic: float) -> float:
        """Return Z = Φ⁻¹(1 − p) of the statistic."""
        return float(norm.isf(self.pvalue(statistic)))

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution's name and parameter, for JSON."""
        return {"distribution": "chi2", "dof": self.dof}


@dataclass(frozen=True)
class ScaledChiSquared:
    """A multiple of χ², of a given mean; exact far beyond the p-values that a float holds.

    Parameters
    ----------
    dof : float
    mean : float
    """

    dof: float
    mean: float

    def log_pvalue(self, statistic: float) -> float:
        """Return the logarithm of the probability to be at or above the statistic."""
        return _log_chi2_sf(statistic * self.dof / self.mean, self.dof)

    def pvalue(self, statistic: float) -> float:
        """Return the probability to be at or above the statistic."""
        return math.exp(self.log_pvalue(statistic))

    def z(self, statistic: float) -> float:
        """Return Z = Φ⁻¹(1 − p) of the statistic."""
        return float(-ndtri_exp(self.log_pvalue(statistic)))

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution's name and parameters, for JSON."""
        return {"distribution": "scaled chi2", "dof": self.dof, "mean": self.mean}


@dataclass(frozen=True, eq=False, repr=False)
class Null(Shown):
    """Samples of a test statistic under the symmetry.

    Parameters
    ----------
    samples : ndarray of float, shape (n,)
        One value a toy; larger is less symmetric. Infinite values are allowed
        (a diverged fit is a result); NaN is not.

    Raises
    ------
    DataError
        If there is no sample, or one is NaN.
    """

    samples: NDArray[np.float64]

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples, dtype=np.float64)
        if samples.ndim != 1 or samples.size == 0:
            raise DataError(f"a null needs a 1-D array of samples, got shape {samples.shape}")
        if np.any(np.isnan(samples)):
            raise DataError("a null holds NaN; drop or repeat the toys that failed")
        object.__setattr__(self, "samples", samples)

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the size, and the range."""
        return {
            "n": self.samples.size,
            "smallest": self.samples.min(),
            "largest": self.samples.max(),
        }

    def pvalue(self, statistic: float) -> float:
        """Return p = (k+1)/(n+1), with k toys at or above the observed statistic.

        The observed value counts as one more draw, so that p is never zero and
        a test at level α rejects at most a fraction α of symmetric data. A toy
        that is below the observed value by rounding alone counts as a tie:
        discrete data tie often, and sums differ with the order of their terms.

        Raises
        ------
        DataError
            If the statistic is NaN, which has no place among the samples.
        """
        if np.isnan(statistic):
            raise DataError("the observed statistic is NaN: it has no p-value")
        rounding = _ROUNDING * max(1.0, abs(statistic)) if np.isfinite(statistic) else 0.0
        above = int(np.count_nonzero(self.samples >= statistic - rounding))
        return (above + 1) / (self.samples.size + 1)

    def pvalue_error(self, statistic: float) -> float:
        """Return the binomial standard error of `pvalue` from the finite number of toys."""
        p = self.pvalue(statistic)
        return float(np.sqrt(p * (1 - p) / (self.samples.size + 1)))

    def z(self, statistic: float) -> float:
        """Return Z = Φ⁻¹(1 − p) of the observed statistic."""
        return float(norm.isf(self.pvalue(statistic)))

    @property
    def smallest_pvalue(self) -> float:
        """The resolution: no p-value below this can be shown with so many toys."""
        return 1 / (self.samples.size + 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the null's size, moments and quantiles, for JSON.

        Infinite samples are counted and left out of the moments; a quantile
        that is infinite is None.
        """
        finite = self.samples[np.isfinite(self.samples)]
        levels = [0.025, 0.16, 0.5, 0.84, 0.975]
        quantiles = [float(q) for q in np.quantile(self.samples, levels, method="lower")]
        return {
            "n": int(self.samples.size),
            "n_infinite": int(self.samples.size - finite.size),
            "mean": float(np.mean(finite)) if finite.size else None,
            "standard_deviation": float(np.std(finite)) if finite.size else None,
            "quantiles_2.5_16_50_84_97.5": [q if np.isfinite(q) else None for q in quantiles],
        }


def _log_chi2_sf(t: float, dof: float) -> float:
    """Return ln of the survival function of χ², also where it is too small for a float."""
    a, x = dof / 2, t / 2
    p = float(gammaincc(a, x))
    if p > 1e-290:
        return math.log(p)
    # Γ(a, x) = x^(a−1) e^−x (1 + (a−1)/x + (a−1)(a−2)/x² + …): x is far above a here.
    term = series = 1.0
    for j in range(1, 40):
        term *= (a - j) / x
        series += term
        if abs(term) < 1e-15:
            break
    return float((a - 1) * math.log(x) - x - gammaln(a) + math.log(series))
