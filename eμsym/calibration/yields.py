r"""The ratio of the yields that a calibrated symmetry expects in the bins of a histogram.

Raw counts keep Poisson's statistics, which weighted ones lose: q0 of a corrected
pair is that of B_i ~ Pois(κ_i b_i + μS_i) and A_i ~ Pois(b_i), with κ_i = E[B_i]/E[A_i].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray, IntArray, summed
from eμsym.errors import DataError
from eμsym.pool import Pool

#: A nuisance that moves the counts by less than this, in their standard errors, is left out.
_NEGLIGIBLE = 0.01

#: Fraction of the fit's information that is left where the histogram's bins hold it all.
_FLOOR = 1e-4


@dataclass(frozen=True, eq=False)
class BinnedResponse:
    """Sums over the events of bins, with x the derivative of logit P(eμ) by θ = ln r.

    Attributes
    ----------
    own : ndarray of float, shape (bins,)
        Σ w² p(1 − p): a quarter of the variance of A − B.
    response : ndarray of float, shape (bins, k)
        Σ w p(1 − p) x: half of −d(A − B)/dθ.
    fitted : ndarray of float, shape (bins, k)
        Σ w² p(1 − p) x of the events in the fit: half of the covariance of A − B with
        the score.
    """

    own: FloatArray
    response: FloatArray
    fitted: FloatArray

    def by_terms(self, basis: FloatArray) -> BinnedResponse:
        """Return the sums with x the derivative by terms w, θ = basis @ w."""
        return BinnedResponse(self.own, self.response @ basis, self.fitted @ basis)


@dataclass(frozen=True, eq=False)
class KnownResponse:
    """What the independent errors of efficiencies from elsewhere do, m of them.

    Attributes
    ----------
    response : ndarray of float, shape (bins, m)
        Σ w p(1 − p) times the shift of logit P(eμ): half of that of A − B in bins.
    score : ndarray of float, shape (terms, m)
        The same sum times x over the events in the fit: the shift of its score.
    """

    response: FloatArray
    score: FloatArray

    def after(self, slope: FloatArray) -> KnownResponse:
        """Return the response that a fit leaves, with what the bins gain from its score."""
        return KnownResponse(self.response - slope @ self.score, self.score)


def expected_log_ratio(
    pool: Pool,
    labels: NDArray[Any],
    index: IntArray,
    p: FloatArray,
    sums: BinnedResponse,
    *,
    fisher: FloatArray | None,
    modes: FloatArray | None,
    known: KnownResponse | None = None,
) -> tuple[FloatArray, FloatArray]:
    r"""Return ln E[B]/E[A] of raw counts in bins, and the directions in which it is uncertain.

    κ_i = Σ(1 − p)/Σp over the bin's events of both orders.

    If ln r was fitted to the same events, its uncertainty as it stands would count
    their fluctuations twice: they are in A and B as well. So the nuisances are
    constrained by what the fit knows beyond the bins' sums. With D = A − Σp,
    V its variance, s the score of the fit, J = −dD/dθ and J_f = cov(D, s), that is
    s − J_fᵀV⁻¹D, which does not vary with D; its variance is F − J_fᵀV⁻¹J_f and its
    slope in θ is −(F − J_fᵀV⁻¹J). A likelihood of D and these nuisances is then, to
    first order, that of all events; at μ = 0 it gives back the fitted θ.

    Parameters
    ----------
    pool : Pool
    labels : ndarray of bool or int, shape (entries,)
        As `Pool.labels`: its own, or those of a draw.
    index : ndarray of int, shape (entries,)
        Bins; −1 outside.
    p : ndarray of float, shape (entries,)
        P(eμ).
    sums : BinnedResponse
        By the terms of a fit to the pool's events; else by ln r.
    fisher : ndarray of float, shape (terms, terms), or None
        The information of the fit, its prior's included.
    modes : ndarray of float, shape (m, k), or None
        Without a fit, the directions in which ln r is uncertain; None if it is exact.
    known : KnownResponse, optional
        Of errors that no fit knows of: what they do to the bins, less what the fit takes up.

    Returns
    -------
    log_ratio : ndarray of float, shape (bins,)
    modes : ndarray of float, shape (nuisances, bins)
        Each of one standard deviation.

    Raises
    ------
    DataError
        If the raw events are weighted. Those that estimate fakes may be: they are taken off.
    """
    if np.any(pool.weight[pool.fake == 0] != 1):
        raise DataError("q0 is a likelihood of counts; its yield ratio needs unweighted events")
    n_bins, within = sums.own.size, index >= 0
    amount = pool.weight * pool.sizes
    place, inner, inside = index[within], p[within], amount[within]
    expected_a = summed(place, inside * inner, n_bins)
    expected_b = summed(place, inside * (1 - inner), n_bins)
    some = (expected_a > 0) & (expected_b > 0)
    overall = float(np.log(np.sum(amount * (1 - p)) / np.sum(amount * p)))
    log_ratio = np.full(n_bins, overall)
    log_ratio[some] = np.log(expected_b[some] / expected_a[some])
    observed = summed(place, (pool.weight * labels)[within], n_bins)
    residual = (observed - expected_a)[some]
    width = (expected_a * expected_b)[some] / (expected_a + expected_b)[some]
    squares = summed(place, pool.weight[within] * inside, n_bins)[some]
    variance = width * (squares / (expected_a + expected_b)[some])
    response, fitted = sums.response[some], sums.fitted[some]
    slope = -response / width[:, None]
    # What one standard deviation of each uncertain direction does to ln κ.
    of_fit = of_known = np.zeros((response.shape[0], 0))
    if known is not None:
        of_known = -known.response[some] / width[:, None]
    if fisher is not None:
        rest = _RestOfFit.of(fisher, response, fitted, variance)
        log_ratio[some] += slope @ rest.mean(residual)
        of_fit = slope @ rest.root
        if known is not None:
            of_known = of_known - slope @ rest.taken(known.score, known.response[some])
    elif modes is not None:
        of_fit = slope @ modes.T
    moves = np.concatenate([of_fit, of_known], axis=1)
    directions = np.zeros((0, n_bins))
    if moves.size:
        deviation = np.sqrt(variance)[:, None]
        left, size, _ = np.linalg.svd(deviation * moves, full_matrices=False)
        kept = size > _NEGLIGIBLE
        directions = np.zeros((int(np.count_nonzero(kept)), n_bins))
        directions[:, some] = (left[:, kept] * size[kept] / deviation).T
    return log_ratio, directions


@dataclass(frozen=True, eq=False)
class _RestOfFit:
    """What a fit knows of θ beyond the bins' sums: s − J_fᵀV⁻¹D, solved for θ."""

    scaled: FloatArray
    inverse: FloatArray
    root: FloatArray

    @classmethod
    def of(
        cls, fisher: FloatArray, response: FloatArray, fitted: FloatArray, variance: FloatArray
    ) -> _RestOfFit:
        scaled = fitted / variance[:, None]
        slope = fisher - scaled.T @ response + _FLOOR * fisher
        own = fisher - scaled.T @ fitted + _FLOOR * fisher
        inverse = np.linalg.inv(slope)
        return cls(scaled, np.asarray(inverse), _root(inverse @ own @ inverse.T))

    def mean(self, residual: FloatArray) -> FloatArray:
        """Return the mean of θ − θ̂, from the residuals of the bins."""
        return np.asarray(self.inverse @ -(self.scaled.T @ residual))

    def taken(self, score: FloatArray, response: FloatArray) -> FloatArray:
        """Return the shift of θ̂ that shifts of the score and of the bins' sums cause."""
        return np.asarray(self.inverse @ (score - self.scaled.T @ response))


def _root(matrix: FloatArray) -> FloatArray:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
