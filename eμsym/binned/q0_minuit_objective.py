"""−2 ln of the likelihood ratio to the saturated model, its gradient and its Hessian."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eμsym.binned.q0 import FLAT
from eμsym.binned.q0_likelihood import profiled_background
from eμsym.counts import FloatArray

BoolArray = NDArray[np.bool_]


def deviance(counts: FloatArray, expected: FloatArray) -> FloatArray:
    """Return 2(ν − n + n ln(n/ν)) for each bin: zero where ν = n, infinite for n > 0 = ν."""
    some = counts > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = (expected - counts) / counts
        # ln(1 + r) is exact for small r, where ln(n/ν) would lose all digits.
        terms = counts * (excess - np.log1p(excess))
    return 2 * np.where(some, terms, expected)


def continued_deviance(
    counts: FloatArray, expected: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the deviance and its first two derivatives by ν, for counts above zero.

    Below ν = n/4 it goes on as the parabola that it has there: finite and convex
    wherever a minimiser may step. No profiled fit ends there, since the best
    expectations of L2 are at least half the counts, at any μ.
    """
    floor = counts / 4
    nu = np.maximum(expected, floor)
    below = expected - nu
    slope = 2 * (1 - counts / nu)
    bend = 2 * counts / nu**2
    value = deviance(counts, nu) + slope * below + 0.5 * bend * below**2
    return value, slope + bend * below, bend


class Objective:
    """What MINUIT minimises, over μ and the backgrounds of the `free` bins.

    Parameters
    ----------
    b, reference, s : ndarray of float, shape (bins,)
        Counts, T or A, and the signal with ΣS = 1.
    free : ndarray of bool, shape (bins,)
        Bins whose background is a parameter; b and A must be positive there.
        The others take the best background for each μ, or T.
    known : bool
        Whether the reference is T.

    Attributes
    ----------
    low : float
        The physical boundary of μ, −inf if there is none.
    start_is_best : bool
        Whether `start` gives the best of all other parameters for its μ at any
        minimum; here only if there are none.
    resting_point : float or None
        Where the minimum is, if that is a boundary, a kink or a level stretch
        and so beyond MINUIT; None otherwise.
    """

    def __init__(
        self, b: FloatArray, reference: FloatArray, s: FloatArray, *, free: BoolArray, known: bool
    ) -> None:
        self.known = known
        self.b, self.reference, self.s = b, reference, s
        self.free = free
        self.free_b, self.free_a, self.free_s = b[free], reference[free], s[free]
        # Bins empty in A and in B make a kink: 2|μ|ΣS, handled apart.
        empty = np.zeros(s.size, dtype=bool) if known else (b + reference == 0)
        rest = ~free & ~empty
        self.rest_b, self.rest_reference, self.rest_s = b[rest], reference[rest], s[rest]
        self.kink = 2 * float(s[empty].sum())
        self.side = 0.0
        self.offset = 0.0
        self.start_is_best = not free.any()
        self.low = -float(np.min(reference[s > 0] / s[s > 0])) if known else -np.inf
        self.resting_point = self._resting_point()

    def _resting_point(self) -> float | None:
        if self.known:
            return self.low if self.gradient(self.start(self.low))[0] >= 0 else None
        slope = self._slope_at_zero()
        if abs(slope) <= self.kink + 2 * FLAT:
            bent = self.kink == 0 and self.hessian(self.start(0.0))[0, 0] > 0
            return None if bent else 0.0
        self.side = -1.0 if slope > 0 else 1.0
        return None

    def _slope_at_zero(self) -> float:
        total = self.b + self.reference
        some = total > 0
        difference = (self.reference - self.b)[some]
        return float(2 * np.sum(self.s[some] * difference / total[some]))

    def start(self, mu: float) -> FloatArray:
        """Return the parameters with each background at its best for this μ."""
        return np.concatenate([[mu], self._best(self.free_b, self.free_a, self.free_s, mu)])

    def errors(self, start: FloatArray) -> FloatArray:
        """Return MINUIT's first steps from a start."""
        return np.concatenate([[np.sqrt(self.b.sum() + 1)], np.sqrt(start[1:])])

    def background(self, values: FloatArray) -> FloatArray:
        """Return the background of every bin at given parameters, shape (bins,)."""
        if self.known:
            return self.reference
        best = self._best(self.b, self.reference, self.s, float(values[0]))
        best[self.free] = values[1:]
        return best

    def value(self, values: FloatArray) -> float:
        """Return −2 ln L over the saturated L, less the offset."""
        mu = float(values[0])
        result = self.kink * (mu * self.side if self.side else abs(mu)) - self.offset
        background, expected = self._rest(mu)
        result += float(deviance(self.rest_b, expected).sum())
        if not self.known:
            result += float(deviance(self.rest_reference, background).sum())
        for counts, mean in self._free_terms(values):
            result += float(continued_deviance(counts, mean)[0].sum())
        return result

    def gradient(self, values: FloatArray) -> FloatArray:
        """Return the derivatives by μ and by each free background."""
        mu = float(values[0])
        background, expected = self._rest(mu)
        by_mu = 1 - quotient(self.rest_b, expected)
        if not self.known:
            # Held at b = −μS, the background itself moves with μ.
            by_mu = np.where(expected > 0, by_mu, quotient(self.rest_reference, background) - 1)
        slope = self.kink * (self.side or np.sign(mu)) + 2 * float(self.rest_s @ by_mu)
        (b, nu), (a, background) = self._free_terms(values)
        by_nu = continued_deviance(b, nu)[1]
        by_background = by_nu + continued_deviance(a, background)[1]
        return np.concatenate([[slope + by_nu @ self.free_s], by_background])

    def hessian(self, values: FloatArray) -> FloatArray:
        """Return the second derivatives, shape (parameters, parameters)."""
        (b, nu), (a, background) = self._free_terms(values)
        by_nu = continued_deviance(b, nu)[2]
        diagonal = by_nu + continued_deviance(a, background)[2]
        result = np.diag(np.concatenate([[0.0], diagonal]))
        result[0, 0] = self._rest_curvature(float(values[0])) + by_nu @ self.free_s**2
        result[0, 1:] = result[1:, 0] = by_nu * self.free_s
        return result

    def _free_terms(
        self, values: FloatArray
    ) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
        background = np.asarray(values[1:])
        return (self.free_b, background + values[0] * self.free_s), (self.free_a, background)

    def _rest(self, mu: float) -> tuple[FloatArray, FloatArray]:
        """Return the background and the expectation of B in the bins that are not free."""
        background = self._best(self.rest_b, self.rest_reference, self.rest_s, mu)
        if self.known:
            return background, np.maximum(background + mu * self.rest_s, 0.0)
        # L2 is the same with A and B exchanged and μ reversed: b̂̂ + μS without rounding.
        return background, self._best(self.rest_reference, self.rest_b, self.rest_s, -mu)

    def _best(self, b: FloatArray, reference: FloatArray, s: FloatArray, mu: float) -> FloatArray:
        if self.known:
            return reference
        best = profiled_background(np.array([mu]), b[None], reference[None], s)
        return np.asarray(best[0])

    def _rest_curvature(self, mu: float) -> float:
        """Return the second derivative by μ of the bins in closed form.

        With h = f_bb the profiled curvature is f_μμ − f_μb²/h, or f_μμ alone
        where the background is held: known, or at its smallest.
        """
        background, expected = self._rest(mu)
        by_nu = quotient(self.rest_b, expected**2)
        if not self.known:
            by_b = quotient(self.rest_reference, background**2)
            # On b = 0 the expectation of B is μS; on b = −μS that of A is −μS.
            held = np.where(expected == 0, by_b, by_nu)
            inside = (background > 0) & (expected > 0)
            by_nu = np.asarray(np.where(inside, quotient(by_nu * by_b, by_nu + by_b), held))
        return float(2 * (by_nu @ self.rest_s**2))


def quotient(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return a quotient, zero where the numerator is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(numerator == 0, 0.0, numerator / denominator))
