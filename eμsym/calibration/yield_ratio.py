r"""The ratio of the yields that a calibrated symmetry expects in the bins of a histogram.

Raw counts keep Poisson's statistics, which weighted ones lose: q0 of a corrected
pair is that of B_i ~ Pois(κ_i b_i + μS_i) and A_i ~ Pois(b_i), with κ_i = E[B_i]/E[A_i].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eμsym.binned.yield_ratio import YieldRatio
from eμsym.calibration.bradley_terry import IntArray, information, summed
from eμsym.counts import FloatArray
from eμsym.errors import DataError

if TYPE_CHECKING:
    from eμsym.calibration.equalisation import EqualisedPair

#: A nuisance that moves the counts by less than this, in their standard errors, is left out.
_NEGLIGIBLE = 0.01

#: Fraction of the fit's information that is left where the histogram's bins hold it all.
_FLOOR = 1e-4


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
