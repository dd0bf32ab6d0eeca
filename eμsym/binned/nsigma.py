"""The Nσ test: the mean pull of two histograms (DDP Eq. 1-2, arXiv:2203.07529)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from eμsym.arrays import FloatArray, IntArray
from eμsym.difference import Compared, Difference, as_axes, drawn_pulls, summed_width
from eμsym.distributions import Normal, Null
from eμsym.errors import DataError
from eμsym.pool import Pool
from eμsym.shown import Shown
from eμsym.symmetry import FairCoin, Relabellings

#: Fewest entries a bin of either sample should have for N(0,1) to hold (DDP, section 3).
MIN_ENTRIES = 25.0


@dataclass(frozen=True, repr=False)
class NSigma(Shown):
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
    def reference(self) -> Normal:
        """What the statistic follows where bins are well filled: N(0,1)."""
        return Normal()

    @property
    def pvalue(self) -> float:
        """One-sided p-value of an excess in B, from N(0,1)."""
        return self.reference.pvalue(self.z)

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
    return nsigma_of(
        Difference.of(b=b, a=a, variance_b=variance_b, variance_a=variance_a, covariance=covariance)
    )


def nsigma_of(difference: Difference) -> NSigma:
    """Return Nσ of a difference B − A; see `nsigma`.

    Raises
    ------
    DataError
        If a bin differs without variance, or the covariance leaves the sum of the
        pulls none.
    """
    pull = difference.pull
    used = ~np.isnan(pull)
    n_bins = int(np.count_nonzero(used))
    z = float(np.sum(pull[used]) / np.sqrt(n_bins)) if n_bins else float("nan")
    width = None
    if difference.covariance is not None and n_bins:
        width = summed_width(difference.covariance, used.ravel())
        z /= width
    return NSigma(
        z=z,
        n_bins=n_bins,
        n_empty=int(pull.size - n_bins),
        sparse=any(bool(np.any(entries[used] < MIN_ENTRIES)) for entries in difference.entries),
        width=width,
    )


@dataclass(frozen=True)
class NSigmaTest:
    """Nσ of a pair's histogram, as a test.

    Parameters
    ----------
    axes : str, or tuple of hist axes
        As for `Pair.hist`.

    Examples
    --------
    >>> from hist.axis import Regular
    >>> from eμsym.pair import Pair
    >>> pair = Pair.from_columns({"x": [1.0] * 64}, {"x": [1.0] * 36})
    >>> NSigmaTest((Regular(1, 0, 2, name="x"),))(pair).z
    -2.8
    """

    axes: Any

    def __call__(self, pair: Compared, *, rng: Any = None) -> NSigma:
        """Test a pair; nothing is drawn."""
        return nsigma_of(pair.difference(*as_axes(self.axes)))

    def on(self, pair: Compared) -> NSigmaTest:
        """Return the test with the axes of a pair's histogram in place of its name."""
        return replace(self, axes=pair.axes_of(*as_axes(self.axes)))

    def alike(self, pool: Pool) -> IntArray:
        """Return the bin of every event: those of one bin are alike to the test."""
        return pool.bin_index(as_axes(self.axes))[0]

    def many(self, pool: Pool, drawn: Relabellings) -> FloatArray:
        """Return Nσ of many draws of a pool's labels, shape (draws,)."""
        pull, covariance = drawn_pulls(as_axes(self.axes), pool, drawn)
        used = ~np.isnan(pull[0])
        if not used.any():
            raise DataError("no bin holds an event whose label is left open: nothing to test")
        width = 1.0 if covariance is None else summed_width(covariance, used)
        return np.asarray(pull[:, used].sum(axis=1) / np.sqrt(np.count_nonzero(used)) / width)


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
        Toy i uses child i of its SeedSequence.

    Returns
    -------
    Null
        `n` values of Nσ.

    Raises
    ------
    DataError
        If the counts are not those of unweighted events, all are zero, or n < 1.
    """
    pool = Pool.of_counts(b=b, a=a)
    if len(pool) == 0 or n < 1:
        raise DataError("the binomial null needs at least one entry and one toy")
    drawn = FairCoin().relabel(pool, n, rng=rng).labels
    scale = 1 / np.sqrt(pool.sizes * float(len(pool)))
    return Null((pool.sizes - 2.0 * drawn) @ scale)
