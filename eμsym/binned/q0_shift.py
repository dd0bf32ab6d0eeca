"""ln L with the signal of each bin at its best within its own statistics.

The shift ξ of a bin moves (S_A, S_B) along what its contrast leaves open, see `Signal.shift`,
and costs −ξ²/2. For one data set or many: `mu` has shape (n,), counts and κ (n, bins).
"""

from __future__ import annotations

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import Signal
from eμsym.binned.q0_profiled import Derivatives, ProfiledLikelihood
from eμsym.binned.q0_root import decreasing_root

#: By how much S_A and S_B move with one standard deviation; None if they are exact.
Shift = tuple[FloatArray, FloatArray] | None

#: The best shift is found once a step is below this, in its standard deviations.
_TOLERANCE = 1e-9


def at_best_shift(
    b: FloatArray,
    a: FloatArray,
    signal: Signal,
    kappa: FloatArray,
    shift: Shift,
    mu: FloatArray,
) -> tuple[ProfiledLikelihood, FloatArray]:
    """Return ln L at the ξ at which ln L − ξ²/2 is largest, and ξ, shape (n, bins).

    Parameters
    ----------
    b, a : ndarray of float, shape (n, bins)
        Counts.
    signal : Signal
        Of flat bins.
    kappa : ndarray of float, shape (n, bins)
    shift : tuple of two ndarrays of float, shape (bins,) or (n, bins), or None
    mu : ndarray of float, shape (n,)
    """
    none = np.zeros(b.shape)
    exact = Signal(signal.in_a, signal.in_b)
    if shift is None:
        return ProfiledLikelihood(b, a, exact, kappa), none
    by_a, by_b = shift

    def shifted(pull: FloatArray) -> ProfiledLikelihood:
        moved = Signal(exact.in_a + pull * by_a, exact.in_b + pull * by_b)
        return ProfiledLikelihood(b, a, moved, kappa)

    if not mu.any() or not b.size:
        return shifted(none), none

    def slope(pull: FloatArray) -> tuple[FloatArray, FloatArray]:
        d = shifted(pull).shift_derivatives(mu, by_a, by_b)
        return d.s - pull, d.ss - 1

    # ln L is concave in ξ: its slope at zero is an upper bound of |ξ|. Newton's first step is
    # about as long: begun after it, the search need not bisect.
    first, bend = slope(none)
    low, high = np.minimum(first, 0.0), np.maximum(first, 0.0)
    start = np.clip(-first / bend, low, high)
    best = decreasing_root(slope, low, high, start, np.full(none.shape, _TOLERANCE))
    return shifted(best), best


def followed(likelihood: ProfiledLikelihood, mu: FloatArray, shift: Shift) -> Derivatives:
    """Return the derivatives of ln L − Σξ²/2 by μ and ln κ bin by bin, ξ following.

    Parameters
    ----------
    likelihood : ProfiledLikelihood
        At the best ξ, as `at_best_shift` returns it.
    mu : ndarray of float, shape (n,)
    shift : tuple of two ndarrays of float, or None
    """
    d = likelihood.derivatives(mu)
    if shift is None:
        return d
    s = likelihood.shift_derivatives(mu, *shift)
    bend = s.ss - 1
    return Derivatives(
        d.m, d.k, d.mm - s.ms**2 / bend, d.mk - s.ms * s.ks / bend, d.kk - s.ks**2 / bend
    )
