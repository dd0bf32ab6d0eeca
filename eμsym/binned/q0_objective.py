"""What MINUIT minimises: the face of −2 ln L, with T known or every background a parameter."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.binned.deviance import continued_deviance, deviance, quotient
from eμsym.binned.q0_input import Signal
from eμsym.binned.q0_nuisances import NuisanceLikelihood
from eμsym.binned.yield_ratio import YieldRatio


class Objective(Protocol):
    """−2 ln L of one data set over the saturated L, by μ and other parameters.

    `side` is that of μ = 0 whose kink is continued beyond it: +1, −1, or 0 for none.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parameters beside μ."""

    @property
    def low(self) -> float:
        """The physical boundary of μ, −inf if there is none."""

    @property
    def first_mu(self) -> float:
        """The μ from which to search."""

    @property
    def start_is_best(self) -> bool:
        """Whether `start` gives the best of all other parameters for its μ."""

    def value(self, v: FloatArray, side: float = 0.0) -> float:
        """Return −2 ln L."""

    def gradient(self, v: FloatArray, side: float = 0.0) -> FloatArray:
        """Return its derivatives, shape (parameters,)."""

    def hessian(self, v: FloatArray, side: float = 0.0) -> FloatArray:
        """Return its second derivatives, shape (parameters, parameters)."""

    def profiled(self, mu: float) -> float:
        """Return −2 ln L at this μ, minimised over all other parameters."""

    def start(self, mu: float) -> FloatArray:
        """Return the parameters from which to search at this μ."""

    def steps(self, start: FloatArray) -> FloatArray:
        """Return MINUIT's first steps from a start."""

    def rest(self) -> tuple[float | None, float]:
        """Return where μ̂ is, if beyond MINUIT (boundary, kink, level), and the side to search."""

    def background(self, v: FloatArray) -> FloatArray:
        """Return the background of every bin at given parameters, shape (bins,)."""


class KnownObjective:
    """−2 ln L1, of μ alone (DDP Eq. 3, arXiv:2203.07529).

    Parameters
    ----------
    b, t, s : ndarray of float, shape (bins,)
        Counts, their expectation without signal, and the signal.
    """

    names: tuple[str, ...] = ()
    start_is_best = True

    def __init__(self, b: FloatArray, t: FloatArray, s: FloatArray) -> None:
        self.b, self.t, self.s = b, t, s
        self.low = -float(np.min(t[s > 0] / s[s > 0]))
        # From the boundary itself MINUIT sees no slope; zero is the natural start.
        self.first_mu = 0.0 if self.low < 0 else float(b.sum()) / 2

    def _expected(self, v: FloatArray) -> FloatArray:
        return np.asarray(np.maximum(self.t + v[0] * self.s, 0.0))

    def value(self, v: FloatArray, side: float = 0.0) -> float:
        """Return −2 ln L."""
        return float(deviance(self.b, self._expected(v)).sum())

    def gradient(self, v: FloatArray, side: float = 0.0) -> FloatArray:
        """Return its derivative, shape (1,)."""
        return 2 * np.array([self.s @ (1 - quotient(self.b, self._expected(v)))])

    def hessian(self, v: FloatArray, side: float = 0.0) -> FloatArray:
        """Return its second derivative, shape (1, 1)."""
        return 2 * np.array([[quotient(self.b, self._expected(v) ** 2) @ self.s**2]])

    def profiled(self, mu: float) -> float:
        """Return −2 ln L: there are no other parameters."""
        return self.value(np.array([mu]))

    def start(self, mu: float) -> FloatArray:
        """Return μ as the only parameter."""
        return np.array([mu])

    def steps(self, start: FloatArray) -> FloatArray:
        """Return MINUIT's first step."""
        return np.array([np.sqrt(self.b.sum() + 1)])

    def rest(self) -> tuple[float | None, float]:
        """Return the boundary if μ̂ stands on it; there is no kink."""
        return (self.low if self.gradient(self.start(self.low))[0] >= 0 else None), 0.0

    def background(self, v: FloatArray) -> FloatArray:
        """Return T, shape (bins,)."""
        return self.t


class BinsObjective:
    """−2 ln L2 by μ and the backgrounds of bins with signal and entries in both samples.

    The other bins take their best background for each μ.

    Parameters
    ----------
    b, a, s : ndarray of float, shape (bins,)
        Counts, and the signal in B.
    bin_names : list of str
        One for each bin.
    """

    low = -np.inf
    first_mu = 0.0
    start_is_best = False

    def __init__(self, b: FloatArray, a: FloatArray, s: FloatArray, bin_names: list[str]) -> None:
        free = (s > 0) & (b > 0) & (a > 0)
        self.free = free
        self.names = tuple(bin_names[i] for i in np.flatnonzero(free))
        self.b, self.a, self.s = b[free], a[free], s[free]
        signal, equal = Signal(np.zeros_like(s), s), YieldRatio.exact(np.ones(s.size))
        self.every = NuisanceLikelihood(b, a, signal, equal)
        rest = signal.of_bins(~free)
        self.others = NuisanceLikelihood(
            b[~free], a[~free], rest, YieldRatio.exact(np.ones(rest.in_b.size))
        )

    def _terms(self, v: FloatArray) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
        background = np.asarray(v[1:])
        in_b = continued_deviance(self.b, background + v[0] * self.s)
        return in_b, continued_deviance(self.a, background)

    def value(self, v: FloatArray, side: float = 0.0) -> float:
        """Return −2 ln L."""
        terms = sum(float(terms[0].sum()) for terms in self._terms(v))
        return self.others.value(v[:1], side) + terms

    def gradient(self, v: FloatArray, side: float = 0.0) -> FloatArray:
        """Return the derivatives by μ and by each free background."""
        in_b, in_a = self._terms(v)
        slope = self.others.gradient(v[:1], side) + in_b[1] @ self.s
        return np.concatenate([slope, in_b[1] + in_a[1]])

    def hessian(self, v: FloatArray, side: float = 0.0) -> FloatArray:
        """Return the second derivatives, shape (parameters, parameters)."""
        in_b, in_a = self._terms(v)
        result = np.diag(np.concatenate([[0.0], in_b[2] + in_a[2]]))
        result[0, 0] = self.others.hessian(v[:1], side)[0, 0] + in_b[2] @ self.s**2
        result[0, 1:] = result[1:, 0] = in_b[2] * self.s
        return result

    def profiled(self, mu: float) -> float:
        """Return −2 ln L at this μ with each background at its best, in closed form."""
        return self.every.value(np.array([mu]))

    def start(self, mu: float) -> FloatArray:
        """Return the parameters with each background at its best for this μ."""
        return np.concatenate([[mu], self.every.background(np.array([mu]))[self.free]])

    def steps(self, start: FloatArray) -> FloatArray:
        """Return MINUIT's first steps from a start."""
        return np.concatenate([self.every.steps(start[:1]), np.sqrt(start[1:])])

    def rest(self) -> tuple[float | None, float]:
        """Return zero if μ̂ stands on the kink there or ln L is level, and the side to search."""
        return self.every.rest()

    def background(self, v: FloatArray) -> FloatArray:
        """Return the background of every bin at given parameters, shape (bins,)."""
        best = np.array(self.every.background(v[:1]))
        best[self.free] = v[1:]
        return best
