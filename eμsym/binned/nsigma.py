"""The Nσ test: the mean pull of two histograms (DDP Eq. 1-2, arXiv:2203.07529)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from eμsym.counts import FloatArray, check_same_binning, counts_and_variances
from eμsym.errors import DataError
from eμsym.null import Null

#: Fewest entries a bin of either sample should have for N(0,1) to hold (DDP, section 3).
MIN_ENTRIES = 25.0

#: A bin that keeps less than this fraction of its variance was used up by a fit.
ABSORBED = 1e-9


@dataclass(frozen=True)
class NSigma:
    """Result of `nsigma`.

    Attributes
    ----------
    z : float
        Nσ; positive where B has the excess. NaN if no bin has any information.
    n_bins : int
        Bins used, the M of Eq. 1.
    n_empty : int
        Bins left out, for they have no variance.
    sparse : bool
        Whether a used bin has fewer than 25 effective entries in A or in B, so
        that N(0,1) is no longer assured.
    width : float or None
        Of correlated bins, the standard deviation of the mean pull times √M, by
        which z has been divided; None for independent ones.
    """

    z: float
    n_bins: int
    n_empty: int
    sparse: bool
    width: float | None = field(default=None, repr=False)

    @property
    def statistic(self) -> float:
        """The test statistic, Nσ."""
        return self.z

    @property
    def pvalue(self) -> float:
        """One-sided p-value of an excess in B, from N(0,1)."""
        return float(norm.sf(self.z))

    @property
    def pvalue_two_sided(self) -> float:
        """p-value of a difference of either sign, from N(0,1)."""
        return float(2 * norm.sf(abs(self.z)))

    def to_dict(self) -> dict[str, Any]:
        """Return the result with its p-values, for JSON; NaN becomes None."""
        values: dict[str, Any] = asdict(self)
        if self.width is None:
            del values["width"]
        values |= {"pvalue": self.pvalue, "pvalue_two_sided": self.pvalue_two_sided}
        return {k: None if v != v else v for k, v in values.items()}


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


def nsigma(
    b: Any,
    a: Any,
    *,
    variance_b: ArrayLike | None = None,
    variance_a: ArrayLike | None = None,
    covariance: ArrayLike | None = None,
) -> NSigma:
    r"""Compare two histograms of one binning by their mean pull.

    .. math::
        N_σ(B, A) = \frac{1}{\sqrt{M}} \sum_{i=1}^{M}
                    \frac{B_i - A_i}{\sqrt{σ^2_{A_i} + σ^2_{B_i}}}

    (DDP Eq. 1-2.) Under the symmetry it follows N(0,1) if every bin has at
    least 25 entries. Bins of zero variance leave both the sum and M.

    Parameters
    ----------
    b, a : array_like or histogram
        Any number of dimensions; numpy arrays of counts, `hist.Hist`, or any UHI
        histogram, weighted or not. Positive Nσ is an excess in B. In this
        package A is eμ and B is μe.
    variance_b, variance_a : array_like, optional
        Variances. Default: those of the histogram, else the counts (Poisson).
    covariance : array_like, shape (bins, bins), optional
        The covariance C of B − A over the flattened bins, when a calibration has
        correlated them. Then σ_i² = C_ii takes the place of the sum of variances,
        and Nσ is divided by the standard deviation that the sum of the pulls then
        has, :math:`\sqrt{\sum_{ij} C_{ij}/(σ_i σ_j)/M}`, which keeps it N(0,1). A
        bin whose variance the calibration has used up leaves sum and M.

    Returns
    -------
    NSigma

    Raises
    ------
    DataError
        If binnings differ, values are not finite, Poisson counts are negative, or
        the covariance has another shape, is not symmetric, or leaves the sum of
        the pulls no variance.

    Examples
    --------
    >>> round(nsigma([[36, 64], [100, 0]], [[64, 36], [100, 0]]).z, 6)
    0.0
    >>> nsigma([36, 0], [64, 0])
    NSigma(z=-2.8, n_bins=1, n_empty=1, sparse=False)
    """
    check_same_binning(b, a)
    b_counts, b_variance = counts_and_variances(b, variance_b, name="B")
    a_counts, a_variance = counts_and_variances(a, variance_a, name="A")
    width = None
    if covariance is None:
        pull = pulls(b_counts, a_counts, b_variance, a_variance)
    else:
        matrix = _checked_covariance(covariance, b_counts.size)
        variance = (b_variance + a_variance).ravel()
        pull = correlated_pulls((b_counts - a_counts).ravel(), variance, matrix)
        pull = pull.reshape(b_counts.shape)
    used = ~np.isnan(pull)
    n_bins = int(np.count_nonzero(used))
    z = float(np.sum(pull[used]) / np.sqrt(n_bins)) if n_bins else float("nan")
    if covariance is not None and n_bins:
        width = summed_width(matrix, used.ravel())
        z /= width
    return NSigma(
        z=z,
        n_bins=n_bins,
        n_empty=int(pull.size - n_bins),
        sparse=bool(
            np.any(_effective_entries(b_counts, b_variance)[used] < MIN_ENTRIES)
            or np.any(_effective_entries(a_counts, a_variance)[used] < MIN_ENTRIES)
        ),
        width=width,
    )


def correlated_pulls(
    difference: FloatArray, variance: FloatArray, covariance: FloatArray
) -> FloatArray:
    """Return differences over the roots of their covariance's diagonal.

    Parameters
    ----------
    difference : ndarray of float64, shape (..., bins)
        B − A; leading axes may be toys.
    variance : ndarray of float64, shape (bins,)
        Its variance before any calibration.
    covariance : ndarray of float64, shape (bins, bins)
        Its covariance after it.

    Returns
    -------
    ndarray of float64, shape (..., bins)
        NaN where no variance is left.
    """
    diagonal = np.diag(covariance)
    left = diagonal > ABSORBED * variance
    pull: FloatArray = difference / np.sqrt(np.where(left, diagonal, np.nan))
    return pull


def _checked_covariance(covariance: ArrayLike, n_bins: int) -> FloatArray:
    matrix = np.asarray(covariance, dtype=np.float64)
    if matrix.shape != (n_bins, n_bins):
        raise DataError(f"the covariance has shape {matrix.shape}, for {n_bins} bins")
    if not np.all(np.isfinite(matrix)) or not np.allclose(matrix, matrix.T, rtol=1e-6):
        raise DataError("the covariance is not symmetric or not finite")
    return matrix


def summed_width(covariance: FloatArray, used: NDArray[np.bool_]) -> float:
    """Return the standard deviation of the sum of M correlated pulls over √M.

    Parameters
    ----------
    covariance : ndarray of float64, shape (bins, bins)
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


def _effective_entries(counts: FloatArray, variances: FloatArray) -> FloatArray:
    """Return (Σw)²/Σw² of every bin, which is the count for unit weights; 0 if empty."""
    return np.divide(counts**2, variances, out=np.zeros_like(counts), where=variances > 0)


def nsigma_null(b: Any, a: Any, n: int, *, rng: Any = None) -> Null:
    """Draw the null of Nσ for unweighted samples, exact however sparse they are.

    Under the symmetry, given the sum n_i = A_i + B_i, B_i is Binomial(n_i, ½).

    Parameters
    ----------
    b, a : array_like of int, or histogram
        The observed counts, of any one shape.
    n : int
        Number of toys.
    rng : numpy.random.Generator, int or None
        Source of randomness.

    Returns
    -------
    Null
        `n` values of Nσ.

    Raises
    ------
    DataError
        If the counts are not those of unweighted events, all are zero, or n < 1.
    """
    check_same_binning(b, a)
    total: Any = 0.0
    for sample, name in ((b, "B"), (a, "A")):
        counts, variances = counts_and_variances(sample, name=name)
        if np.any(counts != np.rint(counts)) or np.any(counts != variances):
            raise DataError(f"{name}: the binomial null needs the counts of unweighted events")
        total = total + counts.ravel()
    total = total[total > 0].astype(np.int64)
    if total.size == 0 or n < 1:
        raise DataError("the binomial null needs at least one entry and one toy")
    drawn = np.random.default_rng(rng).binomial(total, 0.5, size=(n, total.size))
    scale = 1 / np.sqrt(total * float(total.size))
    return Null((2.0 * drawn - total) @ scale)
