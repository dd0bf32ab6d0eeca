"""What MINUIT minimises if the samples' yields differ by a ratio κ: μ and its nuisances."""

from __future__ import annotations

import numpy as np

from eμsym.binned.q0_ratio import RatioLikelihood, free_side, profile_at
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.counts import FloatArray


class RatioObjective:
    """−2 ln L of `RatioLikelihood`, less an offset, as `profile_fit` wants it.

    Parameters
    ----------
    b, a, s : ndarray of float, shape (bins,)
        Counts, and the signal with ΣS = 1.
    ratio : YieldRatio
        Of flat bins.

    Attributes
    ----------
    names : tuple of str
        Of the nuisances.
    low : float
        The physical boundary of μ: there is none.
    resting_point : float or None
        Zero if μ̂ stands on the kink there, or ln L is level.
    side, offset : float
        On which side of the kink the search goes; what is subtracted from −2 ln L.
    start_is_best : bool
        `start` gives the best nuisances for its μ.
    """

    low = -np.inf
    start_is_best = True

    def __init__(self, b: FloatArray, a: FloatArray, s: FloatArray, ratio: YieldRatio) -> None:
        self.b, self.a = b, a
        self.whole = RatioLikelihood(b, a, s, ratio)
        self.log_ratio, self.modes, self.s = ratio.log_ratio, ratio.modes, s
        self.names = tuple(f"nu[{k}]" for k in range(len(ratio.modes)))
        self.offset = 0.0
        null = profile_at(self.whole, 0.0)
        side = free_side(self.whole, null)
        bent = not self.whole.empty.any() and self.whole.hessian(null)[0, 0] > 0
        self.resting_point = None if side or bent else 0.0
        # Without a kink the sides are one, and MINUIT may cross.
        self.side = side if self.whole.empty.any() else 0.0

    def value(self, values: FloatArray) -> float:
        """Return −2 ln L over the saturated L, less the offset."""
        return self.whole.value(np.asarray(values)) - self.offset

    def gradient(self, values: FloatArray) -> FloatArray:
        """Return its derivatives by μ and by each nuisance."""
        return self.whole.gradient(np.asarray(values), self.side)

    def hessian(self, values: FloatArray) -> FloatArray:
        """Return its second derivatives, shape (parameters, parameters)."""
        return self.whole.hessian(np.asarray(values))

    def start(self, mu: float) -> FloatArray:
        """Return the parameters with the nuisances at their best for this μ."""
        return profile_at(self.whole, mu)

    def errors(self, start: FloatArray) -> FloatArray:
        """Return MINUIT's first steps from a start."""
        return np.concatenate([[np.sqrt(self.b.sum() + 1)], np.ones(start.size - 1)])

    def background(self, values: FloatArray) -> FloatArray:
        """Return the background b̂̂ of every bin of A, shape (bins,)."""
        v = np.asarray(values)
        kappa = np.exp(self.log_ratio + v[1:] @ self.modes)
        result = np.asarray((self.a + self.b) / (1 + kappa))
        told = RatioLikelihood.told(self.b, self.a, self.s, self.modes)
        result[told] = self.whole.means(v)[0]
        return result
