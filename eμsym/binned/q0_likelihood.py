r"""The two likelihoods of q0 as functions of the signal strength alone (DDP Eq. 3-4).

Both are concave in μ. The logarithm of a Poisson probability is concave in its
mean, the mean is linear in (b, μ), and the largest value over b of a jointly
concave function is concave in what remains. So each has one maximum, where the
score :math:`d\ln L/dμ` crosses zero.

With the background profiled, every b_i has a closed form. Write x = 2μS,
N = A + B and :math:`R = \sqrt{(x + A - B)^2 + 4AB}`, which is the root of
C² + 8AμS with C = N − x, as a sum of squares. Then

.. math::
    \hat{\hat b} = \frac{N - x + R}{4}, \quad
    \hat{\hat b} + μS = \frac{N + x + R}{4}, \quad
    g = \frac{B}{\hat{\hat b} + μS} - 1 = 1 - \frac{A}{\hat{\hat b}}
      = \frac{2(B - A) - x}{N + R}

and :math:`d\ln L/dμ = \sum_i S_i g_i`, free of cancellations. A bin with
A = B = 0 has g = −sign(μ): it contributes −\|μ\|S to ln L, a kink at μ = 0.

Shapes throughout: `mu` (toys,), `b` and `a` or `t` (toys or 1, bins), `s` (bins,).
Paper: arXiv:2203.07529.
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlog1py

from eμsym.counts import FloatArray


def known_score(
    mu: FloatArray, b: FloatArray, t: FloatArray, s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return d ln L1/dμ and its slope, each of shape (toys,).

    A bin without expectation has score −S if it is empty, else infinity.
    """
    expected = np.maximum(t + mu[:, None] * s, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = b / expected
        per_count = ratio / expected
    if np.any(empty := (b == 0)):
        ratio, per_count = np.where(empty, 0.0, ratio), np.where(empty, 0.0, per_count)
    return ratio @ s - s.sum(), -(per_count @ s**2)


def known_log_ratio(mu: FloatArray, b: FloatArray, t: FloatArray, s: FloatArray) -> FloatArray:
    """Return 2 ln L1(μ)/L1(0), shape (toys,); infinite if μ = 0 is excluded."""
    x = mu[:, None] * s
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = x / t
        relative[~(x != 0)] = 0.0
        gain = xlog1py(b, np.maximum(relative, -1.0))
    return np.asarray(2 * (gain - x).sum(axis=1))


class ProfiledScore:
    """The score d ln L2/dμ of some toys, without the kink of the empty bins.

    Parameters
    ----------
    b, a : ndarray of float, shape (toys or 1, bins)
        Counts.
    s : ndarray of float, shape (bins,)
        Signal shape.

    Attributes
    ----------
    kink : ndarray of float, shape (toys,)
        Sum of S over the bins with A = B = 0: the score is `self(mu)[0]`
        minus kink · sign(μ).
    """

    def __init__(self, b: FloatArray, a: FloatArray, s: FloatArray) -> None:
        self.s = s
        self.total = a + b
        self.difference = a - b
        self.product = 4 * a * b
        empty = self.total == 0
        self.kink = np.where(empty, s, 0.0).sum(axis=1)
        self.empty = empty if empty.any() else None

    def __call__(self, mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the score and its slope at `mu`, each of shape (toys,)."""
        g, root, shifted = self.terms(mu)
        with np.errstate(invalid="ignore", divide="ignore"):
            bend = g * shifted / root
            bend[root == 0] = 0.0
            curvature = (1.0 + bend) / (self.total + root)
        if self.empty is not None:
            curvature[self.empty] = 0.0
        return g @ self.s, -2 * (curvature @ self.s**2)

    def terms(self, mu: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return g, R and x + A − B, each of shape (toys, bins)."""
        shifted = 2 * mu[:, None] * self.s
        shifted += self.difference
        root = shifted * shifted
        root += self.product
        np.sqrt(root, out=root)
        g = -(shifted + self.difference)
        with np.errstate(invalid="ignore", divide="ignore"):
            g /= self.total + root
        if self.empty is not None:
            g[self.empty] = 0.0
        return g, root, shifted


def profiled_log_ratio(mu: FloatArray, b: FloatArray, a: FloatArray, s: FloatArray) -> FloatArray:
    """Return 2 ln L2(μ, b̂̂)/L2(0, b̂̂), shape (toys,)."""
    g = ProfiledScore(b, a, s).terms(mu)[0]
    x = 2 * mu[:, None] * s
    total = a + b
    empty = total == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        half = x / (2 * total)
    half[empty] = 0.0
    gain = x * g
    gain[empty] = -np.abs(np.broadcast_to(x, gain.shape)[empty])
    gain /= 2
    gain += b * _log_of_mean(half * (1 - g), -x, a, b)
    gain += a * _log_of_mean(-half * (1 + g), x, b, a)
    return np.asarray(2 * gain.sum(axis=1))


def _log_of_mean(
    change: FloatArray, x: FloatArray, other: FloatArray, count: FloatArray
) -> FloatArray:
    """Return ln(1 + change), an expectation over (A + B)/2; zero where its count is zero.

    Where the expectation falls to under half, 1 + change loses digits, and the
    expectation is computed for itself: b̂̂ of these counts, or, with A and B
    exchanged and −x for x, b̂̂ + μS.
    """
    fallen = change < -0.5
    if not fallen.any():
        return np.asarray(np.log1p(change))
    logs = np.log1p(np.where(fallen, 0.0, change))
    fallen &= count > 0
    x, other, count = (np.broadcast_to(v, logs.shape)[fallen] for v in (x, other, count))
    mean = profiled_background(x / 2, other[:, None], count[:, None], np.ones(1))[:, 0]
    logs[fallen] = np.log(2 * mean / (other + count))
    return logs


def profiled_background(mu: FloatArray, b: FloatArray, a: FloatArray, s: FloatArray) -> FloatArray:
    """Return b̂̂ at the given μ, shape (toys, bins): the best background of each bin.

    It is never negative, and neither is b̂̂ + μS.
    """
    x = 2 * mu[:, None] * s
    root = np.sqrt((x + a - b) ** 2 + 4 * a * b)
    c = a + b - x
    # C + R cancels where C < 0; (R² − C²)/(R − C) with R² − C² = 4Ax does not.
    with np.errstate(divide="ignore", invalid="ignore"):
        flipped = a * x / (root - c)
    return np.where(c >= 0, (c + root) / 4, flipped)
