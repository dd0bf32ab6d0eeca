r"""Paired comparisons: the Bradley-Terry model of which lepton of an event is the electron.

Of an event with its leading lepton in bin k1 and its sub-leading one in k2, the
symmetry and the efficiencies of single leptons leave

.. math::
    P(eμ) = \frac{ε_e(k_1) ε_μ(k_2)}{ε_e(k_1) ε_μ(k_2) + ε_μ(k_1) ε_e(k_2)}
          = \frac{1}{1 + e^{θ_{k_1} - θ_{k_2}}}, \qquad θ = \ln(ε_μ/ε_e),

the model of paired comparisons of Bradley and Terry (Biometrika 39 (1952) 324).
A constant in θ cancels, and events with k1 = k2 say nothing of θ.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit
from scipy.stats import gamma

from eμsym.arrays import FloatArray, IntArray, summed
from eμsym.errors import DataError
from eμsym.newton import NewtonStep, newton
from eμsym.pool import Pool
from eμsym.shown import Shown

#: Newton's method ends at this decrement, twice what −ln L can still fall by, and
#: after a step from the other: it squares the error.
_DECREMENT = 1e-18
_LAST_DECREMENT = 1e-9
MAX_STEPS = 60

#: Less information than this, of all, is rounding.
_SINGULAR = 1e-12

#: No fit has ln r of two bins so far apart unless it runs away to infinity.
_RUNAWAY = 15.0


@dataclass(frozen=True, eq=False)
class Cells:
    """Events counted by the bins of their two leptons.

    Cells with k1 = k2 tell nothing of θ, and take part in the goodness of fit alone.

    Attributes
    ----------
    lead, sub : ndarray of int, shape (cells,)
        The bins of the leading and of the sub-leading lepton.
    a : ndarray of float, shape (cells,)
        Summed weights of the eμ events.
    total, sumw2, sumw4 : ndarray of float, shape (cells,)
        Σw, Σw² and Σw⁴ of the events of both orders.
    use : ndarray of float, shape (bins,)
        Share of the leptons that are in each bin: Σ use · θ = 0 fixes the constant.
    """

    lead: IntArray
    sub: IntArray
    a: FloatArray
    total: FloatArray
    sumw2: FloatArray
    sumw4: FloatArray
    use: FloatArray

    @classmethod
    def count(cls, lead: IntArray, sub: IntArray, pool: Pool, bins: int) -> Cells:
        """Count the events of a pool, whose leptons are in the bins of shape (entries,)."""
        pool.check_weights()
        weight, sizes = pool.weight, pool.sizes
        flat, cell = np.unique(lead * bins + sub, return_inverse=True)
        size = np.abs(weight) * sizes
        used = summed(lead, size, bins) + summed(sub, size, bins)
        return cls(
            lead=flat // bins,
            sub=flat % bins,
            a=summed(cell, weight * pool.labels, flat.size),
            total=summed(cell, weight * sizes, flat.size),
            sumw2=summed(cell, weight**2 * sizes, flat.size),
            sumw4=summed(cell, weight**4 * sizes, flat.size),
            use=used / used.sum() if used.sum() > 0 else np.full(bins, 1 / bins),
        )

    @property
    def design(self) -> FloatArray:
        """The derivatives of logit P(eμ) by θ, shape (cells, bins): +1 at k2, −1 at k1."""
        design = np.zeros((self.lead.size, self.use.size))
        rows = np.arange(self.lead.size)
        design[rows, self.sub] += 1.0
        design[rows, self.lead] -= 1.0
        return design

    def with_a(self, a: FloatArray) -> Cells:
        """Return the same events with other labels: other Σw of the eμ events."""
        return Cells(self.lead, self.sub, a, self.total, self.sumw2, self.sumw4, self.use)


def probability(theta: FloatArray, lead: IntArray, sub: IntArray) -> FloatArray:
    """Return P(eμ) of events with their leptons in these bins, shape (n,)."""
    return np.asarray(expit(theta[sub] - theta[lead]))


def negative_log_likelihood(theta: FloatArray, cells: Cells) -> float:
    """Return −ln L(θ)/L(0), so that no digits go into the value at θ = 0."""
    half = (theta[cells.sub] - theta[cells.lead]) / 2
    log_cosh = np.abs(half) + np.log1p(np.expm1(-2 * np.abs(half)) / 2)
    return float(np.sum(cells.total * log_cosh - (2 * cells.a - cells.total) * half))


def score(theta: FloatArray, cells: Cells) -> FloatArray:
    """Return d ln L/dθ, shape (bins,)."""
    rest = cells.a - cells.total * probability(theta, cells.lead, cells.sub)
    bins = theta.size
    return summed(cells.sub, rest, bins) - summed(cells.lead, rest, bins)


def information(theta: FloatArray, cells: Cells, sums: FloatArray | None = None) -> FloatArray:
    """Return Σ n p(1 − p) x xᵀ over the cells, shape (bins, bins), with rows that sum to zero.

    Parameters
    ----------
    sums : ndarray of float, shape (cells,), optional
        The n of each cell. Default: Σw, which gives Fisher's information for unit
        weights; Σw² gives the covariance of the score.
    """
    p = probability(theta, cells.lead, cells.sub)
    n = (cells.total if sums is None else sums) * p * (1 - p)
    bins = theta.size
    between = summed(cells.lead * bins + cells.sub, n, bins * bins).reshape(bins, bins)
    between = between + between.T
    return np.asarray(np.diag(between.sum(axis=1)) - between)


def inverse_information(matrix: FloatArray, use: FloatArray) -> FloatArray:
    """Return the inverse of an information for θ with Σ use · θ = 0.

    Raises
    ------
    DataError
        If the matrix leaves more than a constant open, or is not positive.
    """
    # u uᵀ fills the direction of a constant, and leaves the others as they are.
    scale = np.trace(matrix)
    filled = matrix + scale * np.outer(use, use)
    try:
        # A direction without information survives as rounding, which may be positive.
        open_direction = np.diag(np.linalg.cholesky(filled)).min() ** 2 < _SINGULAR * scale
    except np.linalg.LinAlgError:
        open_direction = True
    if open_direction:
        raise DataError(
            "ln r cannot be fitted: bins of pT and |η| are not compared with each other, "
            "or weights are too negative; choose wider bins"
        )
    return np.asarray(np.linalg.inv(filled) - 1 / scale)


@dataclass(frozen=True, eq=False)
class _Point:
    """θ, −ln L there, and the Newton step from it."""

    cells: Cells
    theta: FloatArray

    @cached_property
    def value(self) -> float:
        return negative_log_likelihood(self.theta, self.cells)

    def newton_step(self) -> NewtonStep:
        self.check_finite()
        gradient = score(self.theta, self.cells)
        inverse = inverse_information(information(self.theta, self.cells), self.cells.use)
        step = inverse @ gradient
        return NewtonStep(step, float(step @ gradient))

    def check_finite(self) -> None:
        if np.ptp(self.theta) > _RUNAWAY:
            raise DataError(
                "ln r runs away to infinity: in a bin of pT and |η| all leptons are of one "
                "flavour; choose wider bins"
            )


def newton_fit(
    cells: Cells, start: FloatArray | None = None, *, max_steps: int = MAX_STEPS
) -> FloatArray:
    """Return the θ of largest likelihood with Σ use · θ = 0, by Newton's method.

    Parameters
    ----------
    cells : Cells
    start : ndarray of float, shape (bins,), optional
        A θ near it. Default: zero.
    max_steps : int

    Raises
    ------
    DataError
        If there is none: some bins' leptons are all of one flavour where they are
        compared with the others (see `check_comparable`). If it has not been found
        after `max_steps`.
    """
    first = np.zeros(cells.use.size) if start is None else start.copy()
    best = newton(
        lambda theta: _Point(cells, theta),
        _Point(cells, first),
        tolerance=_DECREMENT,
        last=_LAST_DECREMENT,
        rounding=1e-13 * float(cells.total.sum()),
        max_steps=max_steps,
        what="the fit of ln r",
        remedy="choose wider bins of pT and |η|",
    )
    best.check_finite()
    return np.asarray(best.theta - float(cells.use @ best.theta))


def fit_covariance(theta: FloatArray, cells: Cells) -> FloatArray:
    """Return the covariance of θ̂: F⁻¹ for unit weights, the sandwich F⁻¹ G F⁻¹ for others.

    G is the covariance of the score, Σw² p(1 − p) x xᵀ (White, Econometrica 50
    (1982) 1, with the model's own variances).
    """
    inverse = inverse_information(information(theta, cells), cells.use)
    if np.array_equal(cells.total, cells.sumw2):
        return inverse
    # By a root of G, so that rounding leaves it symmetric and positive, whatever the weights.
    values, vectors = np.linalg.eigh(information(theta, cells, cells.sumw2))
    half = inverse @ (vectors * np.sqrt(np.maximum(values, 0.0)))
    return np.asarray(half @ half.T)


@dataclass(frozen=True, repr=False)
class GoodnessOfFit(Shown):
    """How well θ alone describes the cells: Pearson's χ² of the eμ share of every cell.

    Attributes
    ----------
    chi2 : float
        Σ (A − np)²/(Σw² p(1 − p)) over the cells.
    dof : float
        Its expectation: cells less fitted parameters, for unit weights.
    variance : float
        Its variance, which is below 2 dof where cells hold few events.
    n_cells : int
    """

    chi2: float
    dof: float
    variance: float
    n_cells: int

    @property
    def pvalue(self) -> float:
        """The p-value, from a scaled χ² with this mean and variance; NaN if dof is zero."""
        if not (self.dof > 0 and self.variance > 0):
            return float("nan")
        scale = self.variance / self.dof
        return float(gamma.sf(self.chi2, self.dof / scale, scale=scale))

    def to_dict(self) -> dict[str, Any]:
        """Return χ², dof, p-value and the number of cells, for JSON."""
        p = self.pvalue
        return {
            "chi2": self.chi2,
            "dof": self.dof,
            "variance": self.variance,
            "pvalue": p if np.isfinite(p) else None,
            "n_cells": self.n_cells,
        }


def goodness_of_fit(theta: FloatArray, cells: Cells) -> GoodnessOfFit:
    """Compare the fit with the cells, however few events they hold.

    No cell is merged: with p near ½ the mean of a cell's χ² is one even for one
    event, and its variance, 2 + (1 − 6pq)/(npq), is known. Mean and variance after
    the fit follow from the fit's linear response, ê = (1 − S⁻¹ V X F⁻¹ Xᵀ S) e in
    standardised residuals e with S² = Σw² pq and V = Σw pq.
    """
    p = probability(theta, cells.lead, cells.sub)
    spread = np.sqrt(cells.sumw2 * p * (1 - p))
    residual = (cells.a - cells.total * p) / spread
    design = cells.design
    inverse = inverse_information(information(theta, cells), cells.use)
    left = (cells.total * p * (1 - p) / spread)[:, None] * design
    right = (spread[:, None] * design) @ inverse
    # TᵀT = 1 + U W Uᵀ with T = 1 − left rightᵀ and U = (left, right).
    bins = theta.size
    columns = np.concatenate([left, right], axis=1)
    middle = np.zeros((2 * bins, 2 * bins))
    middle[:bins, bins:] = middle[bins:, :bins] = -np.eye(bins)
    middle[bins:, bins:] = left.T @ left
    turn = middle @ (columns.T @ columns)
    trace, square = np.trace(turn), np.einsum("ij,ji->", turn, turn)
    n = residual.size
    diagonal = 1 + np.einsum("ij,jk,ik->i", columns, middle, columns, optimize=True)
    kurtosis = (1 / (p * (1 - p)) - 6) * cells.sumw4 / cells.sumw2**2
    return GoodnessOfFit(
        chi2=float(residual @ residual),
        dof=float(n + trace),
        variance=float(2 * (n + 2 * trace + square) + kurtosis @ diagonal**2),
        n_cells=n,
    )


def separated_bins(cells: Cells) -> tuple[list[IntArray], bool]:
    """Return the groups of bins between which θ has no finite estimate.

    A likelihood has a maximum if, for every split of the bins in two, events of
    both kinds cross it: an electron here and a muon there, and the reverse (Ford,
    Am. Math. Monthly 64 (1957) 28).

    Returns
    -------
    groups : list of ndarray of int
        The bins of each group, the largest first; one group if all is well.
    compared : bool
        Whether events link the groups at all.
    """
    bins = cells.use.size
    # A difference of sums may miss zero by rounding.
    least = 1e-9 * np.sqrt(cells.sumw2)
    wins, losses = cells.a > least, cells.total - cells.a > least
    # An edge goes from the bin of the electron to that of the muon.
    start = np.concatenate([cells.lead[wins], cells.sub[losses]])
    stop = np.concatenate([cells.sub[wins], cells.lead[losses]])
    graph = coo_array((np.ones(start.size), (start, stop)), shape=(bins, bins))
    count, label = connected_components(graph, directed=True, connection="strong")
    linked, _ = connected_components(graph, directed=True, connection="weak")
    groups = [np.flatnonzero(label == k) for k in range(count)]
    return sorted(groups, key=len, reverse=True), linked == 1
