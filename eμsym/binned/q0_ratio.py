r"""q0 of two samples whose yields differ by a known ratio κ, uncertain or not.

.. math::
    L(μ, b, ν) = \prod_i \mathrm{Pois}(B_i | κ_i b_i + μ S_i)\, \mathrm{Pois}(A_i | b_i)
                 \prod_k e^{-ν_k^2/2}, \qquad \ln κ_i = \ln \hat{κ}_i + \sum_k ν_k m_{ki}

With κ = 1 it is L2 (DDP Eq. 4, arXiv:2203.07529). Each b_i still has a closed form:
with x = μS_i, N = A + B and :math:`R^2 = ((1 + κ)x + κ(A - B))^2 + 4κ^2 AB`,

.. math::
    \hat{\hat b} = \frac{κN - (1 + κ)x + R}{2κ(1 + κ)}, \quad
    κ\hat{\hat b} + x = \frac{κN + (1 + κ)x + R}{2(1 + κ)},

so that the fit is one of μ and the few ν.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from eμsym.binned.q0_minuit_objective import BoolArray, deviance, quotient
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.counts import FloatArray
from eμsym.errors import ConfigurationError, DataError

#: Twice what −2 ln L may still fall by when the fit ends.
_DECREMENT = 1e-14
_MAX_STEPS = 200

#: A slope of −2 ln L in μ below this, times the entries, is rounding.
_LEVEL = 1e-14


class RatioLikelihood:
    """−2 ln L over that of the saturated model, with each b_i at its best.

    Its parameters are v = (μ, ν_1, …).

    Parameters
    ----------
    b, a, s : ndarray of float, shape (bins,)
        Counts, and the signal with ΣS = 1.
    ratio : YieldRatio
        Of flat bins.

    Notes
    -----
    Bins with A = B = 0 make a kink at μ = 0. Away from it they are part of
    `value`, `gradient` and `hessian`; there, `kinks` has their slopes.
    """

    def __init__(self, b: FloatArray, a: FloatArray, s: FloatArray, ratio: YieldRatio) -> None:
        told = self.told(b, a, s, ratio.modes)
        self.b, self.a, self.s = b[told], a[told], s[told]
        self.log_ratio, self.modes = ratio.log_ratio[told], ratio.modes[:, told]
        self.empty = self.a + self.b == 0

    @staticmethod
    def told(b: FloatArray, a: FloatArray, s: FloatArray, modes: FloatArray) -> BoolArray:
        """Return which bins tell of μ: those with signal, or with entries and nuisances."""
        return np.asarray((s > 0) | ((a + b > 0) & np.any(modes != 0, axis=0)))

    def kinks(self, v: FloatArray) -> tuple[float, float]:
        """Return the slopes in μ that bins with A = B = 0 add left and right of μ = 0."""
        s = self.s[self.empty]
        return -2 * float(np.sum(s / self._kappa(v)[self.empty])), 2 * float(np.sum(s))

    def value(self, v: FloatArray) -> float:
        """Return −2 ln L."""
        background, expected = self.means(v)
        terms = deviance(self.b, expected) + deviance(self.a, background)
        return float(terms.sum() + v[1:] @ v[1:])

    def means(self, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return b̂̂ and κb̂̂ + μS, each of shape (bins,) and without cancellation."""
        kappa, x = self._kappa(v), v[0] * self.s
        up, total = (1 + kappa) * x, kappa * (self.a + self.b)
        root = np.sqrt((up + kappa * (self.a - self.b)) ** 2 + 4 * kappa**2 * self.a * self.b)
        low, high = total - up, total + up
        with np.errstate(divide="ignore", invalid="ignore"):
            background = np.where(
                low >= 0, (low + root) / (2 * kappa * (1 + kappa)), 2 * self.a * x / (root - low)
            )
            expected = np.where(
                high >= 0,
                (high + root) / (2 * (1 + kappa)),
                -2 * kappa * self.b * x / (root - high),
            )
        return background, expected

    def gradient(self, v: FloatArray, side: float = 0.0) -> FloatArray:
        """Return the derivatives of `value`, shape (1 + k,); at μ = 0 those of one side."""
        by_x, by_l = self._slopes(v, side)
        result = -2 * np.concatenate([[by_x @ self.s], self.modes @ by_l])
        result[1:] += 2 * v[1:]
        return result

    def hessian(self, v: FloatArray) -> FloatArray:
        """Return the second derivatives of `value`, shape (1 + k, 1 + k)."""
        xx, xl, ll = self._bends(v)
        size = v.size
        result = np.empty((size, size))
        result[0, 0] = xx @ self.s**2
        result[0, 1:] = result[1:, 0] = self.modes @ (xl * self.s)
        result[1:, 1:] = (self.modes * ll) @ self.modes.T
        result *= -2
        result[1:, 1:] += 2 * np.eye(size - 1)
        return result

    def _kappa(self, v: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self.log_ratio + v[1:] @ self.modes))

    def _slopes(self, v: FloatArray, side: float) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives of ln L by x = μS and by ln κ, bin by bin."""
        kappa = self._kappa(v)
        background, expected = self.means(v)
        excess = quotient(self.b, expected) - 1
        by_x, by_l = excess, excess * kappa * background
        # Where B's expectation is zero, b = −x/κ moves with x and κ.
        held = (expected <= 0) & (background > 0)
        if held.any():
            by_a = quotient(self.a, background)[held] - 1
            by_x[held] = -by_a / kappa[held]
            by_l[held] = -by_a * background[held]
        if v[0] == 0:
            by_x[self.empty] = np.where(side < 0, 1 / kappa[self.empty], -1.0 if side > 0 else 0.0)
        return by_x, by_l

    def _bends(self, v: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the second derivatives of ln L by (x, x), (x, ln κ) and (ln κ, ln κ)."""
        kappa = self._kappa(v)
        background, expected = self.means(v)
        mean = kappa * background
        excess = quotient(self.b, expected) - 1
        h = -quotient(self.b, expected**2)
        xx, xl, ll = h, h * mean, h * mean**2 + excess * mean
        free = (background > 0) & (expected > 0)
        bb = h * kappa**2 - quotient(self.a, background**2)
        bx, bl = h * kappa, (h * mean + excess) * kappa
        free &= bb < 0
        with np.errstate(divide="ignore", invalid="ignore"):
            xx = np.where(free, xx - bx**2 / bb, xx)
            xl = np.where(free, xl - bx * bl / bb, xl)
            ll = np.where(free, ll - bl**2 / bb, ll)
        held = (expected <= 0) & (background > 0)
        if held.any():
            by_a = quotient(self.a, background**2)
            xx = np.where(held, -by_a / kappa**2, xx)
            xl = np.where(held, -1 / kappa, xl)
            ll = np.where(held, -background, ll)
        flat = self.empty if v[0] == 0 else (background <= 0) & (expected <= 0)
        return tuple(np.where(flat, 0.0, bend) for bend in (xx, xl, ll))  # type: ignore[return-value]


def checked_ratio(
    ratio: YieldRatio | ArrayLike, shape: tuple[int, ...], background: str
) -> YieldRatio:
    """Return the ratio of flat bins.

    Raises
    ------
    DataError
        If it is of other bins, or not a number above zero.
    ConfigurationError
        If the background is known: nothing is left for a ratio to say.
    """
    if background != "profiled":
        raise ConfigurationError("a ratio is of two samples; with a known background give T alone")
    result = ratio if isinstance(ratio, YieldRatio) else YieldRatio.exact(ratio)
    if result.log_ratio.shape != shape:
        raise DataError(f"the ratio has shape {result.log_ratio.shape}, the signal {shape}")
    return YieldRatio(
        result.log_ratio.ravel(), result.modes.reshape(len(result.modes), result.log_ratio.size)
    )


def fit_ratio(b: FloatArray, a: FloatArray, s: FloatArray, ratio: YieldRatio) -> FloatArray:
    """Return q0, μ̂, its error and Z of flat bins, shape (4,).

    The error is NaN on the kink that bins empty in both samples make at μ = 0,
    and where ln L is straight.
    """
    likelihood = RatioLikelihood(b, a, s, ratio)
    null = profile_at(likelihood, 0.0)
    side = free_side(likelihood, null)
    best = null if side == 0 else minimise(likelihood, null, side)
    size = max(0.0, likelihood.value(null) - likelihood.value(best))
    sign = -1.0 if best[0] < 0 else 1.0
    error = np.nan
    if side != 0 or not likelihood.empty.any():
        error = mu_error(likelihood, best)
    return np.array([sign * size, best[0] + 0.0, error, sign * np.sqrt(size)])


def mu_error(likelihood: RatioLikelihood, v: FloatArray) -> float:
    """Return the error of μ from the curvature; NaN where there is none."""
    try:
        variance = 2 * float(np.linalg.inv(likelihood.hessian(v))[0, 0])
    except np.linalg.LinAlgError:
        return float("nan")
    return float(np.sqrt(variance)) if 0 < variance < np.inf else float("nan")


def free_side(likelihood: RatioLikelihood, null: FloatArray) -> float:
    """Return on which side of zero μ̂ lies, +1 or −1, or 0 if it is zero."""
    slope = float(likelihood.gradient(null)[0])
    left, right = likelihood.kinks(null)
    level = _LEVEL * float(np.sum(likelihood.a + likelihood.b) + 1)
    if slope + right < -level:
        return 1.0
    return -1.0 if slope + left > level else 0.0


def profile_at(likelihood: RatioLikelihood, mu: float) -> FloatArray:
    """Return (μ, ν) with ν at its best for this μ."""
    start = np.zeros(1 + len(likelihood.modes))
    start[0] = mu
    if start.size == 1:
        return start
    return minimise(likelihood, start, 0.0)


def minimise(likelihood: RatioLikelihood, start: FloatArray, side: float) -> FloatArray:
    """Minimise −2 ln L by Newton steps: of all parameters on one side of μ = 0, or of ν alone.

    Parameters
    ----------
    side : float
        +1 or −1; 0 holds μ.
    """
    first = 1 if side == 0 else 0
    v = start.copy()
    value = likelihood.value(v)
    # In these units all parameters have errors of about one.
    scale = np.ones(v.size)
    scale[0] = np.sqrt(float(np.sum(likelihood.a + likelihood.b)) + 1)
    for _ in range(_MAX_STEPS):
        slope = (likelihood.gradient(v, side) * scale)[first:]
        bend = (likelihood.hessian(v) * np.outer(scale, scale))[first:, first:]
        step = np.zeros(v.size)
        step[first:] = -_downhill(bend, slope) * scale[first:]
        if side and v[0] + step[0] * side <= 0 and v[0] == 0:
            step[0] = side * scale[0] * 1e-3
        decrement = -float(slope @ (step / scale)[first:])
        if decrement < _DECREMENT * max(1.0, abs(value)):
            break
        length = 1.0
        if side and (v[0] + step[0]) * side < 0:
            length = 0.9 * v[0] / -step[0]  # μ̂ is on this side of the kink
        for _ in range(60):
            trial = v + length * step
            if (lower := likelihood.value(trial)) <= value:
                break
            length /= 2
        else:
            break
        v, value = trial, lower
    return v


def _downhill(bend: FloatArray, slope: FloatArray) -> FloatArray:
    """Return H⁻¹ g, with eigenvalues of H that are not well above zero raised."""
    values, vectors = np.linalg.eigh(bend)
    floor = max(1e-10 * float(np.abs(values).max()), 1e-12)
    return np.asarray(vectors @ ((vectors.T @ slope) / np.maximum(np.abs(values), floor)))
