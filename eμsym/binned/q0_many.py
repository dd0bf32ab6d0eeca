"""q0 of many data sets of the same bins at once, each with a ratio of its own.

It is the fit of `NuisanceLikelihood`, for the relabellings of one pool of events: Newton's
method on all of them together. No bin is empty in both samples, so that no kink is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eμsym.arrays import BoolArray, FloatArray
from eμsym.binned.deviance import deviance
from eμsym.binned.q0_added import AddedBins
from eμsym.binned.q0_input import Signal
from eμsym.binned.q0_profiled import ProfiledLikelihood
from eμsym.binned.q0_shift import Shift, at_best_shift, followed
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import DataError
from eμsym.fakes import FakeCounts

#: Twice what −2 ln L may still fall by when a fit ends; a smaller one is squared by a step.
_DECREMENT = 1e-10
_MAX_STEPS = 100
_MAX_HALVINGS = 40
_ROUNDING = 1e-12


def q0_many(
    b: FloatArray,
    a: FloatArray,
    signal: Signal,
    ratios: Sequence[YieldRatio],
    *,
    fakes: Sequence[FakeCounts] | None = None,
) -> FloatArray:
    """Return the signed q0 of many data sets, shape (n,).

    Parameters
    ----------
    b, a : ndarray of float, shape (n, bins)
        Counts; no bin is empty in both.
    signal : Signal
        Of the bins.
    ratios : sequence of n YieldRatio
        Of the bins.
    fakes : sequence of n FakeCounts, optional
        What both samples have besides.

    Raises
    ------
    DataError
        If Newton's method finds no minimum.
    """
    likelihood = _Likelihoods.of(b, a, signal, ratios)
    if fakes is not None:
        likelihood = _WithFakes.beside(likelihood, AddedBins.of(b, a, signal, ratios, fakes))
    null = likelihood.minimum(np.zeros((len(b), 1 + likelihood.n_nuisances)), mu=False)
    best = likelihood.minimum(null, mu=True)
    size = np.maximum(likelihood.values(null) - likelihood.values(best), 0.0)
    return np.where(best[:, 0] < 0, -size, size)


@dataclass(frozen=True, eq=False)
class _Likelihoods:
    """−2 ln L of n data sets by v = (μ, ν_1, …), shape (n, 1 + k)."""

    b: FloatArray
    a: FloatArray
    signal: Signal
    log_ratio: FloatArray
    modes: FloatArray
    shift: Shift

    @classmethod
    def of(
        cls, b: FloatArray, a: FloatArray, signal: Signal, ratios: Sequence[YieldRatio]
    ) -> _Likelihoods:
        most = max((len(ratio.modes) for ratio in ratios), default=0)
        modes = np.zeros((len(b), most, b.shape[1]))
        for own, ratio in zip(modes, ratios, strict=True):
            own[: len(ratio.modes)] = ratio.modes
        log_ratio = np.stack([ratio.log_ratio for ratio in ratios])
        shift = signal.shift(np.exp(log_ratio)) if signal.uncertain else None
        return cls(b, a, signal, log_ratio, modes, shift)

    @property
    def n_nuisances(self) -> int:
        """The number of parameters beside μ."""
        return int(self.modes.shape[1])

    def of_rows(self, rows: BoolArray) -> _Likelihoods:
        shift = None if self.shift is None else (self.shift[0][rows], self.shift[1][rows])
        return _Likelihoods(
            self.b[rows], self.a[rows], self.signal, self.log_ratio[rows], self.modes[rows], shift
        )

    def values(self, v: FloatArray) -> FloatArray:
        """Return −2 ln L over that of the saturated model, shape (n,)."""
        # A step may try a κ beyond all floats; it is taken back.
        with np.errstate(all="ignore"):
            likelihood, pull = self._at(v)
            in_a, in_b = likelihood.means(v[:, 0])
            terms = deviance(self.b, in_b) + deviance(self.a, in_a) + pull**2
            return np.asarray(terms.sum(axis=1) + np.sum(v[:, 1:] ** 2, axis=1))

    def derivatives(self, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the gradients and Hessians of `values`."""
        d = followed(self._at(v)[0], v[:, 0], self.shift)
        k = self.modes.shape[1]
        gradient = np.empty((len(v), 1 + k))
        gradient[:, 0] = -2 * d.m.sum(axis=1)
        gradient[:, 1:] = -2 * np.einsum("nkb,nb->nk", self.modes, d.k) + 2 * v[:, 1:]
        hessian = np.empty((len(v), 1 + k, 1 + k))
        hessian[:, 0, 0] = -2 * d.mm.sum(axis=1)
        hessian[:, 0, 1:] = -2 * np.einsum("nkb,nb->nk", self.modes, d.mk)
        hessian[:, 1:, 0] = hessian[:, 0, 1:]
        hessian[:, 1:, 1:] = -2 * np.einsum("nkb,nb,nlb->nkl", self.modes, d.kk, self.modes)
        hessian[:, 1:, 1:] += 2 * np.eye(k)
        return gradient, hessian

    def steps(self, v: FloatArray, *, mu: bool) -> tuple[FloatArray, FloatArray]:
        """Return Newton's step and its decrement, of ν alone or of μ too."""
        gradient, hessian = self.derivatives(v)
        first = 0 if mu else 1
        # In these units all parameters have errors of about one.
        scale = np.ones(v.shape)
        scale[:, 0] = np.sqrt(np.sum(self.a + self.b, axis=1) + 1)
        slope = (gradient * scale)[:, first:]
        bent = (hessian * scale[:, :, None] * scale[:, None, :])[:, first:, first:]
        if not slope.shape[1]:
            return np.zeros_like(v), np.zeros(len(v))
        sizes, vectors = np.linalg.eigh(bent)
        floor = np.maximum(1e-10 * np.abs(sizes).max(axis=1), 1e-12)
        inner = np.einsum("nij,ni->nj", vectors, slope)
        inner /= np.maximum(np.abs(sizes), floor[:, None])
        step = np.zeros_like(v)
        move = np.einsum("nij,nj->ni", vectors, inner)
        step[:, first:] = -move * scale[:, first:]
        return step, np.einsum("ni,ni->n", slope, move)

    def minimum(self, start: FloatArray, *, mu: bool) -> FloatArray:
        """Return the parameters of the minima: of ν alone, or of μ too."""
        v = start.copy()
        value = self.values(v)
        left = np.ones(len(v), dtype=bool)
        rounding = _ROUNDING * (np.sum(self.a + self.b, axis=1) + 1)
        for _ in range(_MAX_STEPS):
            rows = self.of_rows(left)
            step, decrement = rows.steps(v[left], mu=mu)
            v[left], value[left] = rows.lowered(v[left], step, value[left], rounding[left])
            left[left] = decrement > _DECREMENT
            if not left.any():
                return v
        raise DataError(
            f"the fit of μ: {np.count_nonzero(left)} of {left.size} relabellings reached no "
            f"minimum in {_MAX_STEPS} steps; merge more bins, or give a surer ratio"
        )

    def lowered(
        self, v: FloatArray, step: FloatArray, value: FloatArray, rounding: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return v + step, the step halved where the value rises, and the values there."""
        length = np.ones(len(v))
        moved, reached = v + step, self.values(v + step)
        for _ in range(_MAX_HALVINGS):
            high = ~(reached <= value + rounding)
            if not high.any():
                return moved, reached
            length[high] /= 2
            moved[high] = (v + length[:, None] * step)[high]
            reached[high] = self.of_rows(high).values(moved[high])
        high = ~(reached <= value + rounding)
        return np.where(high[:, None], v, moved), np.where(high, value, reached)

    def _at(self, v: FloatArray) -> tuple[ProfiledLikelihood, FloatArray]:
        kappa = np.exp(self.log_ratio + np.einsum("nk,nkb->nb", v[:, 1:], self.modes))
        return at_best_shift(self.b, self.a, self.signal, kappa, self.shift, v[:, 0])


@dataclass(frozen=True, eq=False)
class _WithFakes(_Likelihoods):
    """−2 ln L with fakes as components of both samples, in all their parameters."""

    model: AddedBins

    @classmethod
    def beside(cls, plain: _Likelihoods, model: AddedBins) -> _WithFakes:
        own = (plain.b, plain.a, plain.signal, plain.log_ratio, plain.modes, plain.shift)
        return cls(*own, model)

    @property
    def n_nuisances(self) -> int:
        return self.model.n_parameters - 1

    def of_rows(self, rows: BoolArray) -> _WithFakes:
        return _WithFakes.beside(_Likelihoods.of_rows(self, rows), self.model.of_rows(rows))

    def values(self, v: FloatArray) -> FloatArray:
        return self.model.values(v)

    def derivatives(self, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self.model.derivatives(v)
