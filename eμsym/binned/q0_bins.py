"""Bins of one data set by (μ, ν), each background and each shift of the signal at its best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import BoolArray, Signal
from eμsym.binned.q0_profiled import Derivatives, ProfiledLikelihood
from eμsym.binned.q0_root import decreasing_root
from eμsym.binned.yield_ratio import YieldRatio

#: The best shift is found once a step is below this, in its standard deviations.
_SHIFT_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Bins:
    """Some of the bins of a data set.

    Attributes
    ----------
    b, a : ndarray of float, shape (bins,)
        Counts.
    signal : Signal
    log_ratio : ndarray of float, shape (bins,)
        ln κ at ν = 0.
    modes : ndarray of float, shape (k, bins)
    shift : tuple of two ndarrays of float, shape (bins,), or None
        By how much S_A and S_B move with one standard deviation of their contrast;
        None if they are exact.
    """

    b: FloatArray
    a: FloatArray
    signal: Signal
    log_ratio: FloatArray
    modes: FloatArray
    shift: tuple[FloatArray, FloatArray] | None

    @classmethod
    def of(
        cls, b: FloatArray, a: FloatArray, signal: Signal, ratio: YieldRatio, some: BoolArray
    ) -> Bins:
        """Return some of the flat bins of a data set."""
        chosen, log_ratio = signal.of_bins(some), ratio.log_ratio[some]
        shift = chosen.shift(np.exp(log_ratio)) if chosen.uncertain else None
        return cls(b[some], a[some], chosen, log_ratio, ratio.modes[:, some], shift)

    def kappa(self, v: FloatArray) -> FloatArray:
        """Return κ of every bin."""
        return np.asarray(np.exp(self.log_ratio + v[1:] @ self.modes))

    def likelihood(self, v: FloatArray) -> tuple[ProfiledLikelihood, FloatArray]:
        """Return ln L with the signal at its best for (μ, ν), and its shifts ξ, shape (bins,)."""
        kappa = self.kappa(v)
        pull = self._best_shift(v[:1], kappa)
        return self._shifted(pull, kappa), pull

    def derivatives(self, v: FloatArray) -> Derivatives:
        """Return the derivatives of ln L − Σξ²/2 by μ and ln κ, the shifts following."""
        likelihood, _ = self.likelihood(v)
        d = likelihood.derivatives(v[:1])
        if self.shift is None:
            return d
        s = likelihood.shift_derivatives(v[:1], *self.shift)
        bend = s.ss - 1
        return Derivatives(
            d.m, d.k, d.mm - s.ms**2 / bend, d.mk - s.ms * s.ks / bend, d.kk - s.ks**2 / bend
        )

    def _shifted(self, pull: FloatArray, kappa: FloatArray) -> ProfiledLikelihood:
        signal = Signal(self.signal.in_a, self.signal.in_b)
        if self.shift is not None:
            by_a, by_b = self.shift
            signal = Signal(signal.in_a + pull * by_a, signal.in_b + pull * by_b)
        return ProfiledLikelihood(self.b[None], self.a[None], signal, kappa)

    def _best_shift(self, mu: FloatArray, kappa: FloatArray) -> FloatArray:
        """Return the ξ at which ln L − ξ²/2 is largest, bin by bin."""
        none = np.zeros(self.b.size)
        if self.shift is None or mu[0] == 0 or not self.b.size:
            return none
        shift = self.shift

        def slope(pull: FloatArray) -> tuple[FloatArray, FloatArray]:
            d = self._shifted(pull, kappa).shift_derivatives(mu, *shift)
            return d.s[0] - pull, d.ss[0] - 1

        # ln L is concave in ξ: its slope at zero is an upper bound of |ξ|. Newton's first step
        # is about as long: begun after it, the search need not bisect.
        first, bend = slope(none)
        low, high = np.minimum(first, 0.0), np.maximum(first, 0.0)
        start = np.clip(-first / bend, low, high)
        return decreasing_root(slope, low, high, start, np.full(none.size, _SHIFT_TOLERANCE))
