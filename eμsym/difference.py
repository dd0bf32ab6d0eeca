"""The difference B − A over bins, with its covariance: what every binned test compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

from eμsym.arrays import BoolArray, FloatArray, IntArray, summed
from eμsym.counts import check_same_binning, counts_and_variances
from eμsym.errors import DataError
from eμsym.pool import Pool
from eμsym.shown import Shown
from eμsym.symmetry import Labelled, Relabellings, Symmetry

#: A bin that keeps less than this fraction of its variance was used up by a fit.
ABSORBED = 1e-9

#: Directions of a covariance with less than this, of the largest, hold no information.
RANK = 1e-9


@dataclass(frozen=True, repr=False)
class ChiSquare(Shown):
    """χ² of all bins of a difference.

    Attributes
    ----------
    chi2 : float
    dof : int
        Directions of the covariance that hold information.
    """

    chi2: float
    dof: int

    @property
    def pvalue(self) -> float:
        """The p-value of χ²."""
        return float(chi2.sf(self.chi2, self.dof))


@dataclass(frozen=True, eq=False, repr=False)
class Difference(Shown):
    """B − A in bins.

    Parameters
    ----------
    a, b : ndarray of float, shape (*bins)
        Contents of the two samples, so weighted that they expect the same.
    variance_a, variance_b : ndarray of float, shape (*bins)
        Their own variances, Σw².
    covariance : ndarray of float, shape (bins, bins), optional
        Of B − A over the flattened bins, where a calibration has correlated them.
        Default: bins are independent, of the summed variances.
    axes : sequence of UHI axes, optional

    Examples
    --------
    >>> difference = Difference.of(b=[36, 0], a=[64, 0])
    >>> difference.value.tolist(), difference.pull.tolist()
    ([-28.0, 0.0], [-2.8, nan])
    """

    a: FloatArray
    b: FloatArray
    variance_a: FloatArray
    variance_b: FloatArray
    covariance: FloatArray | None = None
    axes: Any = None

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the bins, the two sums, and whether bins are correlated."""
        correlated = self.covariance is not None
        sums = {"b": float(self.b.sum()), "a": float(self.a.sum())}
        return {"bins": self.a.shape, **sums, "correlated": correlated}

    @classmethod
    def of(
        cls,
        *,
        b: Any,
        a: Any,
        variance_b: ArrayLike | None = None,
        variance_a: ArrayLike | None = None,
        covariance: ArrayLike | None = None,
    ) -> Difference:
        """Compare two histograms, or arrays of counts.

        Parameters
        ----------
        b, a : array_like or histogram
            Of any one shape.
        variance_b, variance_a : array_like, optional
            Default: those of the histogram, else the counts (Poisson).
        covariance : array_like, shape (bins, bins), optional

        Raises
        ------
        DataError
            If binnings differ, values are not finite, Poisson counts are negative, or
            the covariance has another shape or is not symmetric.
        """
        check_same_binning(b, a)
        b_counts, b_variance = counts_and_variances(b, variance_b, name="B")
        a_counts, a_variance = counts_and_variances(a, variance_a, name="A")
        matrix = None if covariance is None else _checked_covariance(covariance, b_counts.size)
        return cls(a_counts, b_counts, a_variance, b_variance, matrix, getattr(b, "axes", None))

    @classmethod
    def of_pool(
        cls, pool: Pool, symmetry: Symmetry, index: IntArray, shape: Sequence[int]
    ) -> Difference:
        """Compare the events of a pool as a symmetry has it.

        Parameters
        ----------
        pool : Pool
            Of single events.
        symmetry : Symmetry
            Gives the weights and the covariance.
        index : ndarray of int, shape (n,)
            Flat bins; −1 outside.
        shape : sequence of int
            Of the bins.
        """
        size, within = int(np.prod(shape)), index >= 0
        weight = symmetry.weights(pool)
        (a, variance_a), (b, variance_b) = (
            [summed(index[x], weight[x] ** power, size).reshape(tuple(shape)) for power in (1, 2)]
            for x in (within & pool.labels, within & ~pool.labels)
        )
        covariance = symmetry.spread(pool, index, size)[1]
        return cls(a, b, variance_a, variance_b, covariance)

    @property
    def swapped(self) -> Difference:
        """A − B: the same samples, with a signal in A being an excess."""
        return replace(
            self, a=self.b, b=self.a, variance_a=self.variance_b, variance_b=self.variance_a
        )

    @property
    def value(self) -> FloatArray:
        """B − A, shape (*bins)."""
        return self.b - self.a

    @property
    def variance(self) -> FloatArray:
        """The variance of B − A, shape (*bins); zero where a calibration has used it up."""
        both = self.variance_a + self.variance_b
        if self.covariance is None:
            return both
        return left_variance(self.covariance, both.ravel()).reshape(both.shape)

    @property
    def pull(self) -> FloatArray:
        """(B − A)/σ, shape (*bins); NaN where there is no variance.

        Raises
        ------
        DataError
            If a bin of independent ones has a difference but no variance.
        """
        if self.covariance is None:
            return np.asarray(pulls(self.b, self.a, self.variance_b, self.variance_a))
        return standardised(self.value, self.variance)

    @property
    def entries(self) -> tuple[FloatArray, FloatArray]:
        """(Σw)²/Σw² of A and of B, which is the count for unit weights; 0 if empty."""
        a, b = (
            np.divide(counts**2, variance, out=np.zeros_like(counts), where=variance > 0)
            for counts, variance in ((self.a, self.variance_a), (self.b, self.variance_b))
        )
        return a, b

    def ratio(self) -> tuple[FloatArray, FloatArray]:
        """Return A/B and its standard error in every bin; NaN or infinite where B is empty.

        With a covariance, the error is the standard deviation that the symmetry leaves
        the ratio; without, that of the samples' own statistics.
        """
        a, b = self.a, self.b
        with np.errstate(divide="ignore", invalid="ignore"):
            value = a / b
            if self.covariance is None:
                error = value * np.sqrt(self.variance_a / a**2 + self.variance_b / b**2)
            else:
                sigma = np.sqrt(np.maximum(np.diag(self.covariance), 0.0)).reshape(a.shape)
                error = value * 2 * sigma / (a + b)
        return value, error

    def chi_square(self) -> ChiSquare:
        """Return χ² of all bins, with their correlations."""
        if self.covariance is None:
            pull = self.pull.ravel()
            pull = pull[~np.isnan(pull)]
            return ChiSquare(float(pull @ pull), int(pull.size))
        values, vectors = np.linalg.eigh(self.covariance)
        kept = values > RANK * values[-1]
        projected = (vectors.T @ self.value.ravel())[kept]
        return ChiSquare(float(np.sum(projected**2 / values[kept])), int(np.count_nonzero(kept)))


class Compared(Labelled, Protocol):
    """What has a pool, a symmetry, and differences over bins, as a pair."""

    def difference(self, *axes: Any) -> Difference:
        """Return B − A over bins."""
        ...  # pragma: no cover

    def axes_of(self, *axes: Any) -> tuple[Any, ...]:
        """Return hist axes, or those of the stored histogram that is named."""
        ...  # pragma: no cover


def as_axes(axes: Any) -> tuple[Any, ...]:
    """Return what `Pair.hist` takes: a name, an axis or several as a tuple."""
    return tuple(axes) if isinstance(axes, tuple | list) else (axes,)


def drawn_pulls(
    axes: Sequence[Any], pool: Pool, drawn: Relabellings
) -> tuple[FloatArray, FloatArray | None]:
    """Return the pulls of every draw of a pool's labels.

    Parameters
    ----------
    axes : sequence of hist axes
    pool : Pool
    drawn : Relabellings
        Of this pool.

    Returns
    -------
    pulls : ndarray of float, shape (draws, bins)
        Of the flattened bins; NaN where no variance is left.
    covariance : ndarray of float, shape (bins, bins), or None
        As in `Difference`.
    """
    index, shape = pool.bin_index(axes)
    size = int(np.prod(shape))
    variance, covariance = drawn.symmetry.spread(pool, index, size)
    if covariance is not None:
        variance = left_variance(covariance, variance)
    return standardised(drawn.differences(pool, index, size), variance), covariance


def left_variance(covariance: FloatArray, variance: FloatArray) -> FloatArray:
    """Return the diagonal of a covariance, zero where a calibration has used it up.

    Parameters
    ----------
    covariance : ndarray of float, shape (bins, bins)
    variance : ndarray of float, shape (bins,)
        What it would be without a calibration.
    """
    diagonal = np.diag(covariance)
    return np.where(diagonal > ABSORBED * variance, diagonal, 0.0)


def standardised(difference: FloatArray, variance: FloatArray) -> FloatArray:
    """Return differences over their standard deviations; NaN where there is no variance.

    Parameters
    ----------
    difference : ndarray of float, shape (..., *bins)
        Leading axes may be toys.
    variance : ndarray of float, shape (*bins)
    """
    pull: FloatArray = difference / np.sqrt(np.where(variance > 0, variance, np.nan))
    return pull


def pulls(b: FloatArray, a: FloatArray, variance_b: FloatArray, variance_a: FloatArray) -> Any:
    """Return (B − A)/sqrt(σ²_A + σ²_B) bin by bin; NaN where the variance is zero.

    Parameters
    ----------
    b, a, variance_b, variance_a : ndarray of float64
        Any shapes that broadcast: leading axes may be toys.

    Raises
    ------
    DataError
        If a bin has a difference but no variance.
    """
    variance = variance_b + variance_a
    difference = b - a
    if np.any((variance == 0) & (difference != 0)):
        raise DataError("a bin differs between the samples but has no variance; pass variances")
    with np.errstate(invalid="ignore"):
        return difference / np.sqrt(variance)


def summed_width(covariance: FloatArray, used: BoolArray) -> float:
    """Return the standard deviation of the sum of M correlated pulls over √M.

    Parameters
    ----------
    covariance : ndarray of float, shape (bins, bins)
    used : ndarray of bool, shape (bins,)

    Raises
    ------
    DataError
        If it is zero.
    """
    matrix = covariance[np.ix_(used, used)]
    inverse_sigma = 1 / np.sqrt(np.diag(matrix))
    square = float(inverse_sigma @ matrix @ inverse_sigma) / len(matrix)
    if not square > ABSORBED:
        raise DataError("the covariance leaves the sum of the pulls no variance")
    return float(np.sqrt(square))


def _checked_covariance(covariance: ArrayLike, n_bins: int) -> NDArray[np.float64]:
    matrix = np.asarray(covariance, dtype=np.float64)
    if matrix.shape != (n_bins, n_bins):
        raise DataError(f"the covariance has shape {matrix.shape}, for {n_bins} bins")
    if not np.all(np.isfinite(matrix)) or not np.allclose(matrix, matrix.T, rtol=1e-6):
        raise DataError("the covariance is not symmetric or not finite")
    return matrix
