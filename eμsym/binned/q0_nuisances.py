r"""−2 ln L of one data set by v = (μ, ν_1, …): the signal strength and a ratio's nuisances.

.. math::
    L(μ, ν) = \max_b L(μ, b; κ)\,\prod_k e^{-ν_k^2/2}, \qquad
    \ln κ_i = \ln \hat{κ}_i + \sum_k ν_k m_{ki}

with the L of `q0_profiled`. Where the signal's shape is open within its own statistics, L is
also at the best shift ξ of each bin's signal, times :math:`e^{-ξ^2/2}`. Newton's method and
MINUIT minimise the same `value`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.binned.deviance import deviance
from eμsym.binned.q0_bins import Bins
from eμsym.binned.q0_input import Signal
from eμsym.binned.q0_interval import profile_interval
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.newton import NewtonStep, newton

#: Twice what −2 ln L may still fall by when the fit ends, and from where one step gets there.
_DECREMENT = 1e-20
_LAST_DECREMENT = 1e-10
_MAX_STEPS = 200

#: Rounding of −2 ln L, relative to the entries.
_ROUNDING = 1e-13


class NuisanceLikelihood:
    """−2 ln L over that of the saturated model, with each b_i at its best.

    Parameters
    ----------
    b, a : ndarray of float, shape (bins,)
        Counts.
    signal : Signal
    ratio : YieldRatio
        Of flat bins; without directions only μ is left.

    Attributes
    ----------
    names : tuple of str
        Of the parameters beside μ.
    low : float
        The physical boundary of μ: there is none.
    first_mu : float
        From where to search.
    start_is_best : bool
        `start` gives the best nuisances for its μ.

    Notes
    -----
    Bins with A = B = 0 are straight lines on either side of μ = 0. `side` continues
    that of one side, +1 or −1, beyond zero; with 0 each μ has its own.
    """

    low = -np.inf
    first_mu = 0.0
    start_is_best = True

    def __init__(self, b: FloatArray, a: FloatArray, signal: Signal, ratio: YieldRatio) -> None:
        self.b, self.a, self.signal, self.ratio = b, a, signal, ratio
        self.names = tuple(f"nu[{k}]" for k in range(len(ratio.modes)))
        # Bins tell of μ if they have signal, or entries and nuisances.
        filled = a + b > 0
        told = filled & ((signal.both > 0) | np.any(ratio.modes != 0, axis=0))
        self._filled = Bins.of(b, a, signal, ratio, told)
        self._empty = Bins.of(b, a, signal, ratio, ~filled & (signal.both > 0))
        self.has_kink = self._empty.b.size > 0
        self.entries = float(np.sum(self._filled.b + self._filled.a))

    def value(self, v: FloatArray, side: float = 0.0) -> float:
        """Return −2 ln L."""
        v, bins = np.asarray(v), self._filled
        # A step may try a κ beyond all floats; it is taken back.
        with np.errstate(all="ignore"):
            likelihood, pull = bins.likelihood(v)
            in_a, in_b = (mean[0] for mean in likelihood.means(v[:1]))
            terms = deviance(bins.b, in_b) + deviance(bins.a, in_a)
            kink = self._kink(v, side)[0].sum()
            return float(terms.sum() - 2 * v[0] * kink + v[1:] @ v[1:] + np.sum(pull**2))

    def gradient(self, v: FloatArray, side: float = 0.0) -> FloatArray:
        """Return the derivatives of `value`, shape (1 + k,)."""
        return self.derivatives(v, side)[0]

    def hessian(self, v: FloatArray, side: float = 0.0) -> FloatArray:
        """Return the second derivatives of `value`, shape (1 + k, 1 + k)."""
        return self.derivatives(v, side)[1]

    def derivatives(self, v: FloatArray, side: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Return gradient and Hessian in one go."""
        v = np.asarray(v)
        d = self._filled.derivatives(v)
        slope, by_k, by_kk = self._kink(v, side)
        modes, empty = self._filled.modes, self._empty.modes
        by_mu = d.m.sum() + slope.sum()
        by_nu = modes @ d.k[0] + v[0] * (empty @ by_k)
        gradient = -2 * np.concatenate([[by_mu], by_nu])
        gradient[1:] += 2 * v[1:]
        hessian = np.empty((v.size, v.size))
        hessian[0, 0] = d.mm.sum()
        hessian[0, 1:] = hessian[1:, 0] = modes @ d.mk[0] + empty @ by_k
        hessian[1:, 1:] = (modes * d.kk[0]) @ modes.T + v[0] * (empty * by_kk) @ empty.T
        hessian *= -2
        hessian[1:, 1:] += 2 * np.eye(v.size - 1)
        return gradient, hessian

    def _kink(self, v: FloatArray, side: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return d ln L/dμ of the empty bins and its first two derivatives by ln κ."""
        signal, side = self._empty.signal, side or np.sign(v[0])
        none = np.zeros_like(signal.in_b)
        if side == 0 or not self.has_kink:
            return none, none, none
        if side > 0:
            return -signal.both, none, none
        kappa = self._empty.kappa(v)
        in_a, in_b = kappa * signal.in_a, signal.in_b / kappa
        from_b = in_b >= signal.in_a
        return (
            np.where(from_b, in_b - signal.in_a, in_a - signal.in_b),
            np.where(from_b, -in_b, in_a),
            np.where(from_b, in_b, in_a),
        )

    def profiled(self, mu: float) -> float:
        """Return −2 ln L at this μ, ν at its best; errors as for `start`."""
        return self.value(self.start(mu))

    def interval(self, mu: float, mu_error: float) -> tuple[float, float]:
        """Return the interval of μ, see `profile_interval`; errors as for `start`.

        Parameters
        ----------
        mu, mu_error : float
            μ̂ and its error; NaN if the curvature gives it none.
        """
        step = mu_error if np.isfinite(mu_error) else float(self.steps(np.array([mu]))[0])
        return profile_interval(self.profiled, mu, step)

    def start(self, mu: float) -> FloatArray:
        """Return (μ, ν) with ν at its best for this μ.

        Raises
        ------
        DataError
            If Newton's method finds no minimum.
        """
        v = np.zeros(1 + len(self.names))
        v[0] = mu
        return self._minimum(v, 0.0) if self.names else v

    def _minimum(self, start: FloatArray, side: float) -> FloatArray:
        """Return the parameters of the minimum: on one side of μ = 0, or (side 0) of ν alone."""

        def at(v: FloatArray) -> _Point:
            return _Point(self, v, side, self.value(v, side))

        return newton(
            at,
            at(start),
            tolerance=_DECREMENT,
            last=_LAST_DECREMENT,
            rounding=_ROUNDING * (self.entries + 1),
            max_steps=_MAX_STEPS,
            what="the fit of μ with the ratio's uncertainty",
            remedy="merge bins that are empty in both samples, or give a surer ratio",
        ).theta

    def free_side(self, null: FloatArray) -> float:
        """Return on which side of zero μ̂ lies, +1 or −1, or 0 if it is zero."""
        level = 2 * self._filled.likelihood(null)[0].level
        if self.gradient(null, 1.0)[0] < -level:
            return 1.0
        return -1.0 if self.gradient(null, -1.0)[0] > level else 0.0

    def rest(self) -> tuple[float | None, float]:
        """Return zero if μ̂ stands on the kink there or ln L is level, and the side to search."""
        null = self.start(0.0)
        side = self.free_side(null)
        bent = not self.has_kink and self.hessian(null)[0, 0] > 0
        # Without a kink the sides are one, and a search may cross.
        return None if side or bent else 0.0, side if self.has_kink else 0.0

    def steps(self, start: FloatArray) -> FloatArray:
        """Return MINUIT's first steps from a start."""
        return np.concatenate([[np.sqrt(self.b.sum() + 1)], np.ones(start.size - 1)])

    def background(self, v: FloatArray) -> FloatArray:
        """Return the best background of every bin of A, shape (bins,)."""
        v = np.asarray(v)
        every = Bins.of(self.b, self.a, self.signal, self.ratio, np.ones(self.b.size, dtype=bool))
        return np.asarray(every.likelihood(v)[0].background(v[:1])[0])

    def fit(self) -> FloatArray:
        """Return q0, μ̂, its error and Z, shape (4,), by Newton's method.

        The error is NaN on the kink that bins empty in both samples make at μ = 0,
        and where ln L is straight.

        Raises
        ------
        DataError
            If Newton's method finds no minimum.
        """
        null = self.start(0.0)
        side = self.free_side(null)
        best = null if side == 0 else self._minimum(null, side)
        size = max(0.0, self.value(null) - self.value(best))
        sign = -1.0 if best[0] < 0 else 1.0
        error = np.nan if side == 0 and self.has_kink else self.mu_error(best)
        return np.array([sign * size, best[0] + 0.0, error, sign * np.sqrt(size)])

    def mu_error(self, v: FloatArray) -> float:
        """Return the error of μ from the curvature; NaN where there is none."""
        try:
            variance = 2 * float(np.linalg.inv(self.hessian(v))[0, 0])
        except np.linalg.LinAlgError:
            return float("nan")
        return float(np.sqrt(variance)) if 0 < variance < np.inf else float("nan")


@dataclass(frozen=True, eq=False)
class _Point:
    """Parameters, and the step from them: of all on one side of μ = 0, or of ν alone (side 0)."""

    likelihood: NuisanceLikelihood
    theta: FloatArray
    side: float
    value: float

    def newton_step(self) -> NewtonStep:
        v, side, first = self.theta, self.side, 1 if self.side == 0 else 0
        # In these units all parameters have errors of about one.
        scale = np.ones(v.size)
        scale[0] = np.sqrt(self.likelihood.entries + 1)
        gradient, hessian = self.likelihood.derivatives(v, side)
        slope = (gradient * scale)[first:]
        bend = (hessian * np.outer(scale, scale))[first:, first:]
        step = np.zeros(v.size)
        step[first:] = -_downhill(bend, slope) * scale[first:]
        if side and v[0] == 0 and step[0] * side <= 0:
            step[0] = side * scale[0] * 1e-3
        decrement = -float(slope @ (step / scale)[first:])
        longest = 1.0
        if side and (v[0] + step[0]) * side < 0:
            longest = 0.9 * v[0] / -step[0]  # μ̂ is on this side of the kink
        return NewtonStep(step, decrement, longest)


def _downhill(bend: FloatArray, slope: FloatArray) -> FloatArray:
    """Return H⁻¹ g, with eigenvalues of H that are not well above zero raised."""
    values, vectors = np.linalg.eigh(bend)
    floor = max(1e-10 * float(np.abs(values).max()), 1e-12)
    return np.asarray(vectors @ ((vectors.T @ slope) / np.maximum(np.abs(values), floor)))
