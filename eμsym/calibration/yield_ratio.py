r"""The ratio of the yields that a calibrated symmetry expects in the bins of a histogram.

Raw counts keep Poisson's statistics, which weighted ones lose: q0 of a corrected
pair is that of B_i ~ Pois(κ_i b_i + μS_i) and A_i ~ Pois(b_i), with κ_i = E[B_i]/E[A_i].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.calibration.bradley_terry import IntArray, information, summed
from eμsym.counts import FloatArray
from eμsym.errors import DataError

if TYPE_CHECKING:
    from eμsym.calibration.equalisation import EqualisedPair

#: A nuisance that moves the counts by less than this, in their standard errors, is left out.
_NEGLIGIBLE = 0.01

#: Fraction of the fit's information that is left where the histogram's bins hold it all.
_FLOOR = 1e-4


@dataclass(frozen=True, eq=False)
class YieldRatio:
    """ln κ of every bin, ln κ = log_ratio + Σ_k ν_k modes_k with ν_k ~ N(0, 1).

    Parameters
    ----------
    log_ratio : array_like, shape (*bins)
    modes : array_like, shape (k, *bins)
        The directions in which ln κ is uncertain, each of one standard deviation.
        None is allowed: shape (0, *bins).

    Raises
    ------
    DataError
        If shapes do not fit, or a value is not finite.

    Examples
    --------
    >>> ratio = YieldRatio(np.log([1.1, 1.2]), [[0.03, 0.0], [0.04, 0.01]])
    >>> ratio.error.round(3).tolist()
    [0.05, 0.01]
    """

    log_ratio: FloatArray
    modes: FloatArray

    def __post_init__(self) -> None:
        log_ratio = np.asarray(self.log_ratio, dtype=np.float64)
        modes = np.asarray(self.modes, dtype=np.float64)
        if modes.shape[1:] != log_ratio.shape or modes.ndim != log_ratio.ndim + 1:
            raise DataError(
                f"ln κ has shape {log_ratio.shape}, its uncertain directions {modes.shape}"
            )
        if not (np.all(np.isfinite(log_ratio)) and np.all(np.isfinite(modes))):
            raise DataError("ln κ or its uncertainty is not finite; ratios must be above zero")
        object.__setattr__(self, "log_ratio", log_ratio)
        object.__setattr__(self, "modes", modes)

    @classmethod
    def exact(cls, ratio: ArrayLike) -> YieldRatio:
        """Return a ratio κ, shape (*bins), without uncertainty."""
        values = np.asarray(ratio, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            return cls(np.log(values), np.zeros((0, *values.shape)))

    @property
    def ratio(self) -> FloatArray:
        """κ of every bin, at ν = 0."""
        return np.asarray(np.exp(self.log_ratio))

    @property
    def error(self) -> FloatArray:
        """The standard error of ln κ in every bin."""
        return np.asarray(np.sqrt(np.sum(self.modes**2, axis=0)))

    def inverse(self) -> YieldRatio:
        """Return the ratio with A and B exchanged."""
        return YieldRatio(-self.log_ratio, -self.modes)

    def to_dict(self) -> dict[str, Any]:
        """Return κ, the error of ln κ and the number of nuisances, for JSON."""
        return {
            "ratio": self.ratio.tolist(),
            "log_error": self.error.tolist(),
            "n_nuisances": len(self.modes),
        }


def expected_ratio(pair: EqualisedPair, index: IntArray, shape: tuple[int, ...]) -> YieldRatio:
    r"""Return E[B]/E[A] of raw counts in the bins `index` of an equalised pair.

    κ_i = Σ(1 − p)/Σp over the bin's events of both orders.

    If ln r was fitted to the same events, its uncertainty as it stands would count
    their fluctuations twice: they are in A and B as well. So the nuisances are
    constrained by what the fit knows beyond the bins' sums. With D = A − Σp,
    V its variance, s the score of the fit, J = −dD/dθ and J_f = cov(D, s), that is
    s − J_fᵀV⁻¹D, which does not vary with D; its variance is F − J_fᵀV⁻¹J_f and its
    slope in θ is −(F − J_fᵀV⁻¹J). A likelihood of D and these nuisances is then, to
    first order, that of all events; at μ = 0 it gives back the fitted θ.

    Raises
    ------
    DataError
        If the raw events are weighted.
    """
    events = pair.events
    if np.any(events.weight != 1):
        raise DataError("q0 is a likelihood of counts; its yield ratio needs unweighted events")
    n_bins = int(np.prod(shape))
    within = index >= 0
    p = pair.probability[within]
    place = index[within]
    expected_a = summed(place, p, n_bins)
    expected_b = summed(place, 1 - p, n_bins)
    some = expected_a > 0
    overall = float(np.log(np.sum(1 - pair.probability) / np.sum(pair.probability)))
    log_ratio = np.full(n_bins, overall)
    log_ratio[some] = np.log(expected_b[some] / expected_a[some])
    counts_a = summed(place, events.in_a[within], n_bins)

    from eμsym.calibration.equalisation import bin_sums

    _, response, fitted = bin_sums(pair, index, n_bins)
    variance = (expected_a * expected_b)[some] / (expected_a + expected_b)[some]
    # The constant in ln r is of no account: the first bin's is held.
    response, fitted = response[some, 1:], fitted[some, 1:]
    slope = -response / variance[:, None]
    shift, root = _prior(pair, response, fitted, variance, (counts_a - expected_a)[some])
    log_ratio[some] += slope @ shift
    modes = np.zeros((0, n_bins))
    if root.size:
        deviation = np.sqrt(variance)[:, None]
        left, size, _ = np.linalg.svd(deviation * slope @ root, full_matrices=False)
        kept = size > _NEGLIGIBLE
        modes = np.zeros((int(np.count_nonzero(kept)), n_bins))
        modes[:, some] = (left[:, kept] * size[kept] / deviation).T
    return YieldRatio(log_ratio.reshape(shape), modes.reshape(len(modes), *shape))


def _prior(
    pair: EqualisedPair,
    response: FloatArray,
    fitted: FloatArray,
    variance: FloatArray,
    residual: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return the mean of θ − θ̂ and a root of its covariance, from all but the bins' sums."""
    k = response.shape[1]
    if not pair.in_sample:
        covariance = pair.log_ratio_covariance
        if covariance is None:
            return np.zeros(k), np.zeros((k, 0))
        # Relative to the first bin.
        relative = covariance - covariance[0] - covariance[:, :1] + covariance[0, 0]
        return np.zeros(k), _root(relative[1:, 1:])
    fisher = information(pair.log_ratio, pair.events.cells())[1:, 1:]
    scaled = fitted / variance[:, None]
    slope = fisher - scaled.T @ response + _FLOOR * fisher
    own = fisher - scaled.T @ fitted + _FLOOR * fisher
    inverse = np.linalg.inv(slope)
    return inverse @ -(scaled.T @ residual), _root(inverse @ own @ inverse.T)


def _root(matrix: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
