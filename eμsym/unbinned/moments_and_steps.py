"""The usual tests of single columns: Kolmogorov and Smirnov's, and Student's.

Of several columns the largest statistic counts, whose p-value is that of a null, as
`eμsym.null` draws it: so the choice of the column is paid for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import kstwobign, norm, t

from eμsym.arrays import FloatArray
from eμsym.distributions import Reference
from eμsym.errors import DataError
from eμsym.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class TwoSampleResult(Shown):
    """Result of `KSTest`, `StudentTest`, `EnergyTest` and `MMDTest`.

    Attributes
    ----------
    statistic : float
        Larger is less symmetric.
    reference : Reference or None
        Its distribution in large samples; None of several columns, and of distances.
    column : int or None
        Of several, the one with the largest statistic.
    """

    statistic: float
    reference: Reference | None = None
    column: int | None = None

    @property
    def pvalue(self) -> float:
        """The p-value by the reference; NaN without."""
        return float("nan") if self.reference is None else self.reference.pvalue(self.statistic)

    @property
    def z(self) -> float:
        """Z = Φ⁻¹(1 − p) by the reference; NaN without."""
        return float("nan") if self.reference is None else self.reference.z(self.statistic)

    def to_dict(self) -> dict[str, Any]:
        """Return the result for JSON."""
        known = self.reference is not None
        return {
            "statistic": self.statistic,
            "column": self.column,
            "pvalue": self.pvalue if known else None,
            "z": self.z if known and math.isfinite(self.z) else None,
        }


@dataclass(frozen=True)
class Kolmogorov:
    """Kolmogorov's distribution, that of √n times the largest difference of two functions."""

    def pvalue(self, statistic: float) -> float:
        """Return the probability to be at or above the statistic."""
        return float(kstwobign.sf(statistic))

    def z(self, statistic: float) -> float:
        """Return Z = Φ⁻¹(1 − p) of the statistic."""
        return float(norm.isf(self.pvalue(statistic)))

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution's name, for JSON."""
        return {"distribution": "Kolmogorov"}


@dataclass(frozen=True)
class TwoSidedStudent:
    """|t| of Student's distribution.

    Parameters
    ----------
    dof : float
    """

    dof: float

    def pvalue(self, statistic: float) -> float:
        """Return the probability to be at or above the statistic in either direction."""
        return float(2 * t.sf(statistic, self.dof))

    def z(self, statistic: float) -> float:
        """Return Z = Φ⁻¹(1 − p) of the statistic."""
        return float(norm.isf(self.pvalue(statistic)))

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution's name and parameter, for JSON."""
        return {"distribution": "two-sided Student's t", "dof": self.dof}


@dataclass(frozen=True)
class KSTest:
    """Kolmogorov and Smirnov's test: the largest difference of two distribution functions.

    The statistic is √(n_A n_B/(n_A + n_B)) times that, n the number of events, or
    (Σw)²/Σw² of weighted ones.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.normal(size=500), rng.normal(size=500)
    >>> KSTest()(a, b).pvalue > 0.01
    True
    """

    def __call__(
        self,
        a: Any,
        b: Any,
        *,
        weights_a: ArrayLike | None = None,
        weights_b: ArrayLike | None = None,
        rng: Any = None,
    ) -> TwoSampleResult:
        """Test two samples.

        Parameters
        ----------
        a, b : array_like, shape (n,) or (n, d)
        weights_a, weights_b : array_like, shape (n,), optional
        rng : object
            Not used. All tests take it.

        Returns
        -------
        TwoSampleResult

        Raises
        ------
        DataError
            If a sample is empty, the shapes do not fit, a value is not finite, or the weights
            of a sample do not add up to more than 0.
        """
        sides = two_samples(a, b, weights_a, weights_b)
        n_a, n_b = (_effective(w) for _, w in sides)
        found = [
            largest_step(sides[0][0][:, j], sides[1][0][:, j], sides[0][1], sides[1][1])
            for j in range(sides[0][0].shape[1])
        ]
        return _largest(np.array(found) * math.sqrt(n_a * n_b / (n_a + n_b)), [Kolmogorov()])


@dataclass(frozen=True)
class StudentTest:
    """Student's test of the means, of unequal variances (Welch, Biometrika 34 (1947) 28).

    The statistic is |t|. Of weighted events the mean is weighted, and its variance that of
    weighted sums; the degrees of freedom are those of (Σw)²/Σw² events.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> a, b = rng.normal(size=500), rng.normal(1.0, 1.0, size=500)
    >>> StudentTest()(a, b).z > 5
    True
    """

    def __call__(
        self,
        a: Any,
        b: Any,
        *,
        weights_a: ArrayLike | None = None,
        weights_b: ArrayLike | None = None,
        rng: Any = None,
    ) -> TwoSampleResult:
        """Test two samples; parameters and errors as for `KSTest`.

        Raises
        ------
        DataError
            Also if a sample has a single event, or nothing varies.
        """
        sides = two_samples(a, b, weights_a, weights_b)
        means, variances, sizes = [], [], []
        for (x, w), name in zip(sides, "AB", strict=True):
            n = _effective(w)
            if n <= 1:
                raise DataError(f"{name}: the spread of a mean takes two events, it has one")
            mean = w @ x / w.sum()
            spread = (w**2) @ (x - mean) ** 2 / w.sum() ** 2 * n / (n - 1)
            means.append(mean)
            variances.append(spread)
            sizes.append(n)
        total = variances[0] + variances[1]
        if np.any(total <= 0):
            raise DataError("a column is constant in both samples: leave it out")
        dof = total**2 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))
        statistics = np.abs(means[0] - means[1]) / np.sqrt(total)
        return _largest(statistics, [TwoSidedStudent(float(each)) for each in np.ravel(dof)])


def two_samples(
    a: Any, b: Any, weights_a: Any = None, weights_b: Any = None
) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
    """Return two samples as arrays of shape (n, d), each with its weights.

    Raises
    ------
    DataError
        As for `KSTest`.
    """
    sides = []
    for values, weights, name in ((a, weights_a, "A"), (b, weights_b, "B")):
        x = np.asarray(values, dtype=np.float64)
        x = x[:, np.newaxis] if x.ndim == 1 else x
        if x.ndim != 2:
            raise DataError(f"{name}: a sample has shape (n,) or (n, d), got {x.shape}")
        w = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
        if w.shape != (len(x),):
            raise DataError(f"{name}: {len(x)} events and weights of shape {w.shape}")
        if not len(x):
            raise DataError(f"{name}: the sample is empty")
        if not (np.all(np.isfinite(x)) and np.all(np.isfinite(w))):
            raise DataError(f"{name}: a value or weight is NaN or infinite; remove such events")
        if np.any(w < 0) or w.sum() <= 0:
            raise DataError(f"{name}: weights are 0 or more, and some above 0")
        sides.append((x, w))
    if sides[0][0].shape[1] != sides[1][0].shape[1]:
        shapes = " and ".join(str(x.shape) for x, _ in sides)
        raise DataError(f"A and B have different columns: shapes {shapes}")
    return sides[0], sides[1]


def largest_step(a: FloatArray, b: FloatArray, w_a: FloatArray, w_b: FloatArray) -> float:
    """Return the largest difference of two weighted distribution functions."""
    x = np.concatenate([a, b])
    steps = np.concatenate([w_a / w_a.sum(), -w_b / w_b.sum()])
    order = np.argsort(x, kind="stable")
    height = np.cumsum(steps[order])
    last = np.append(x[order][1:] != x[order][:-1], True)  # of equal values
    return float(np.max(np.abs(height[last])))


def _effective(weights: FloatArray) -> float:
    return float(weights.sum() ** 2 / np.sum(weights**2))


def _largest(statistics: FloatArray, references: list[Any]) -> TwoSampleResult:
    if statistics.size == 1:
        return TwoSampleResult(float(statistics[0]), references[0])
    best = int(np.argmax(statistics))
    return TwoSampleResult(float(statistics[best]), column=best)
