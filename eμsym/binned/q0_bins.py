"""Bins of one data set by (μ, ν), each background and each shift of the signal at its best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import BoolArray, Signal
from eμsym.binned.q0_profiled import Derivatives, ProfiledLikelihood
from eμsym.binned.q0_shift import Shift, at_best_shift, followed
from eμsym.binned.yield_ratio import YieldRatio


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
    shift: Shift

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
        """Return ln L with the signal at its best for (μ, ν), and its shifts ξ, shape (1, bins)."""
        counts = self.b[None], self.a[None]
        return at_best_shift(*counts, self.signal, self.kappa(v)[None], self.shift, v[:1])

    def derivatives(self, v: FloatArray) -> Derivatives:
        """Return the derivatives of ln L − Σξ²/2 by μ and ln κ, the shifts following."""
        return followed(self.likelihood(v)[0], v[:1], self.shift)
