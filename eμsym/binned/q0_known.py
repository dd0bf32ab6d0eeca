r"""ln L of one sample whose background T is known, as a function of μ.

.. math::
    L_1(μ) = \prod_i \mathrm{Pois}(B_i | T_i + μ S_i)

(DDP Eq. 3, arXiv:2203.07529.) It is concave in μ, which may fall to −min(T/S), where the
expectation of a bin vanishes.

Shapes throughout: `mu` (toys,), `b` and `t` (toys or 1, bins), `s` (bins,).
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlog1py

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import MARGIN


class KnownLikelihood:
    """ln L1 of some toys, with the face of `ToyLikelihood`.

    Parameters
    ----------
    b, t : ndarray of float, shape (toys or 1, bins)
        Counts, and their expectation without signal.
    s : ndarray of float, shape (bins,)
        Signal, above zero in every bin.
    """

    level = 0.0

    def __init__(self, b: FloatArray, t: FloatArray, s: FloatArray) -> None:
        self.b, self.t, self.s = b, t, s
        self.left = self.right = np.zeros(1)
        ratio = t / s
        lowest = ratio.min(axis=1, keepdims=True)
        self.low = np.broadcast_to(-lowest[:, 0], len(b))
        self.high = MARGIN * b.sum(axis=1)  # the score is at most ΣB/μ − 1
        # T with −μS in the bins that bound μ, so that T + μS is there exactly zero.
        zeroed = np.where(ratio == lowest, lowest * s, t)
        self.on_boundary = _score(self.low, b, zeroed, s)[0] <= 0

    def score(self, mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return d ln L1/dμ and its slope, each of shape (toys,).

        A bin without expectation has score −S if it is empty, else infinity.
        """
        return _score(mu, self.b, self.t, self.s)

    def log_ratio(self, mu: FloatArray) -> FloatArray:
        """Return 2 ln L1(μ)/L1(0), shape (toys,); infinite if μ = 0 is excluded."""
        x = mu[:, None] * self.s
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = x / self.t
            relative[~(x != 0)] = 0.0
            gain = xlog1py(self.b, np.maximum(relative, -1.0))
        return np.asarray(2 * (gain - x).sum(axis=1))


def _score(
    mu: FloatArray, b: FloatArray, t: FloatArray, s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    expected = np.maximum(t + mu[:, None] * s, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = b / expected
        per_count = ratio / expected
    if np.any(empty := (b == 0)):
        ratio, per_count = np.where(empty, 0.0, ratio), np.where(empty, 0.0, per_count)
    return ratio @ s - s.sum(), -(per_count @ s**2)
