r"""The logistic regression of the labels: paired comparisons, and what is like them.

Of an event with its leading lepton at level k1 and its sub-leading one at k2, the
symmetry and the efficiencies of single leptons leave

.. math::
    P(eμ) = \frac{ε_e(k_1) ε_μ(k_2)}{ε_e(k_1) ε_μ(k_2) + ε_μ(k_1) ε_e(k_2)}
          = \frac{1}{1 + e^{θ_{k_1} - θ_{k_2}}}, \qquad θ = \ln(ε_μ/ε_e),

the model of paired comparisons of Bradley and Terry (Biometrika 39 (1952) 324).
A constant in θ cancels, and events with k1 = k2 say nothing of θ. Other symmetries have other
objects and signs in place of these two, see `eμsym.calibration.design`. θ is linear in terms w,
θ = Xw (`eμsym.calibration.ratio_terms`), which makes it a logistic regression: what is fitted
is the w of largest likelihood times prior.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from eμsym.arrays import FloatArray, IntArray, summed
from eμsym.calibration.design import Design
from eμsym.calibration.ratio_terms import RatioTerms
from eμsym.errors import DataError
from eμsym.newton import NewtonStep, newton
from eμsym.pool import Pool

#: Newton's method ends at this decrement, twice what −ln L can still fall by, and
#: after a step from the other: it squares the error.
_DECREMENT = 1e-18
_LAST_DECREMENT = 1e-9
MAX_STEPS = 60

#: Steps with the second derivatives of a near fit end here, in units of the terms' errors squared;
#: after so many of them, or if they converge slowly, they are Newton's.
_NEAR_DECREMENT = 1e-16
_NEAR_STEPS = 25

#: Less information than this, of all, is rounding.
_SINGULAR = 1e-12

#: No fit has ln r of two levels so far apart unless it runs away to infinity.
_RUNAWAY = 15.0

#: Cells whose terms are held in memory at a time.
_CHUNK = 50_000


@dataclass(frozen=True, eq=False)
class Cells:
    """Events counted by the levels and signs of their objects.

    Attributes
    ----------
    design : Design
        Of the cells.
    a : ndarray of float, shape (cells,)
        Summed weights of the events of A.
    total, sumw2 : ndarray of float, shape (cells,)
        Σw and Σw² of the events of both labels.
    use : ndarray of float, shape (levels,)
        Share of the objects that are at each level.
    basis : ndarray of float, shape (levels, terms)
        θ = basis @ w.
    precision : ndarray of float, shape (terms,)
        Of the terms' Gaussian prior of mean zero, times `unit`; zero if they are free.
    unit : float
        Σw²/Σw: what one event counts. The prior weighs as it does for so many events of
        weight one as these are worth, whatever the unit of the weights.
    offset : ndarray of float, shape (cells,), or None
        What else is in logit P(A); None if nothing is.
    """

    design: Design
    a: FloatArray
    total: FloatArray
    sumw2: FloatArray
    use: FloatArray
    basis: FloatArray
    precision: FloatArray
    unit: float = 1.0
    offset: FloatArray | None = None

    @classmethod
    def count(
        cls, design: Design, pool: Pool, terms: RatioTerms, offset: FloatArray | None = None
    ) -> Cells:
        """Count the events of a pool, which have this design."""
        return cls.counted(design, pool, terms, offset)[0]

    @classmethod
    def counted(
        cls, design: Design, pool: Pool, terms: RatioTerms, offset: FloatArray | None = None
    ) -> tuple[Cells, IntArray]:
        """Return the cells, and which of them each entry of the pool is in."""
        pool.check_weights()
        weight, sizes, levels = pool.weight, pool.sizes, len(terms.basis)
        flat = np.zeros(len(design), dtype=np.int64)
        for key in design.keys:
            flat = flat * max(levels, 2) + key
        _, first, cell = np.unique(flat, return_index=True, return_inverse=True)
        if offset is not None:
            both = np.stack([cell.astype(np.float64), offset])
            _, first, cell = np.unique(both, axis=1, return_index=True, return_inverse=True)
        cell = np.asarray(cell, dtype=np.int64).ravel()
        used = np.zeros(levels)
        for level in design.levels:
            used += summed(level, np.abs(weight) * sizes, levels)
        use = used / used.sum() if used.sum() > 0 else np.full(levels, 1 / levels)
        unit = float(np.sum(weight**2 * sizes) / (np.sum(weight * sizes) or 1.0)) or 1.0
        cells = cls(
            design=design.where(first),
            a=summed(cell, weight * pool.labels, first.size),
            total=summed(cell, weight * sizes, first.size),
            sumw2=summed(cell, weight**2 * sizes, first.size),
            use=use,
            basis=terms.basis,
            precision=terms.precision * unit,
            unit=unit,
            offset=None if offset is None else offset[first],
        )
        return cells, cell

    def with_a(self, a: FloatArray) -> Cells:
        """Return the same events with other labels: other Σw of A's."""
        return replace(self, a=a)

    def logit(self, w: FloatArray) -> FloatArray:
        """Return logit P(A) of every cell, shape (cells,)."""
        logit = self.design.logit(self.basis @ w)
        return logit if self.offset is None else logit + self.offset

    def by_terms(self, values: FloatArray) -> FloatArray:
        """Return Σ over the cells of values times d logit/dw, shape (terms,)."""
        return np.asarray(self.design.by_level(values, len(self.basis)) @ self.basis)

    def chunks(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield parts of the cells with d logit/dw of each, shape (cells of it, terms)."""
        for start in range(0, len(self.design), _CHUNK):
            part = slice(start, start + _CHUNK)
            yield part, self.design.where(part).rows(self.basis)


def probability(
    theta: FloatArray, lead: IntArray, sub: IntArray, offset: FloatArray | None = None
) -> FloatArray:
    """Return P(eμ) of events with their leptons at these levels, shape (n,)."""
    return Design.of_orders(lead, sub).probability(theta, offset)


def negative_log_likelihood(w: FloatArray, cells: Cells) -> float:
    """Return −ln of likelihood and prior at w, over those at w = 0 without an offset."""
    half = cells.logit(w) / 2
    log_cosh = np.abs(half) + np.log1p(np.expm1(-2 * np.abs(half)) / 2)
    own = np.sum(cells.total * log_cosh - (2 * cells.a - cells.total) * half)
    return float(own + 0.5 * cells.precision @ w**2)


def score(w: FloatArray, cells: Cells) -> FloatArray:
    """Return the derivative of ln of likelihood and prior by w, shape (terms,)."""
    rest = cells.a - cells.total * expit(cells.logit(w))
    return cells.by_terms(rest) - cells.precision * w


def information(w: FloatArray, cells: Cells, sums: FloatArray | None = None) -> FloatArray:
    """Return Σ n p(1 − p) x xᵀ over the cells, shape (terms, terms), without the prior's.

    Parameters
    ----------
    sums : ndarray of float, shape (cells,), optional
        The n of each cell. Default: Σw, which gives Fisher's information for unit
        weights; Σw² gives the covariance of the score.
    """
    p = expit(cells.logit(w))
    n = (cells.total if sums is None else sums) * p * (1 - p)
    result = np.zeros((w.size, w.size))
    for part, x in cells.chunks():
        result += (x * n[part, None]).T @ x
    return result


@dataclass(frozen=True, eq=False)
class _Point:
    """w, −ln L there, and the Newton step from it."""

    cells: Cells
    theta: FloatArray

    @cached_property
    def value(self) -> float:
        return negative_log_likelihood(self.theta, self.cells)

    def newton_step(self) -> NewtonStep:
        self.check_finite()
        gradient = score(self.theta, self.cells)
        step = cho_solve(_factor(self.theta, self.cells), gradient)
        return NewtonStep(step, float(step @ gradient))

    def check_finite(self) -> None:
        free = np.any(self.cells.precision == 0)
        if free and np.ptp(self.cells.basis @ self.theta) > _RUNAWAY:
            raise DataError(
                "ln r runs away to infinity: in a bin of pT and |η| all events are of one "
                "sample; choose wider bins"
            )


def _factor(w: FloatArray, cells: Cells) -> Any:
    """Return the Cholesky factor of the information with the prior's.

    Raises
    ------
    DataError
        If it leaves a direction open, or is not positive.
    """
    matrix = information(w, cells)
    scale = float(np.max(np.diag(matrix), initial=0.0))
    try:
        factor, lower = cho_factor(matrix + np.diag(cells.precision))
        least = np.min(np.diag(factor), initial=np.inf) ** 2
        # A direction without information survives as rounding, which may be positive.
        if np.any(cells.precision == 0) and least < _SINGULAR * scale:
            raise LinAlgError("open")
    except (LinAlgError, ValueError):
        raise DataError(
            "ln r cannot be fitted: bins of pT and |η| are not compared with each other, "
            "or weights are too negative; choose wider bins"
        ) from None
    return factor, lower


def newton_fit(
    cells: Cells, start: FloatArray | None = None, *, max_steps: int = MAX_STEPS
) -> FloatArray:
    """Return the terms w of largest likelihood and prior, by Newton's method.

    Parameters
    ----------
    cells : Cells
    start : ndarray of float, shape (terms,), optional
        A w near it. Default: zero.
    max_steps : int

    Raises
    ------
    DataError
        If there is none: some bins' leptons are all of one flavour where they are
        compared with the others (see `separated_bins`), and no prior holds them. If it has
        not been found after `max_steps`.
    """
    first = np.zeros(cells.precision.size) if start is None else start.copy()
    best = newton(
        lambda w: _Point(cells, w),
        _Point(cells, first),
        tolerance=_DECREMENT * abs(cells.unit),
        last=_LAST_DECREMENT * abs(cells.unit),
        rounding=1e-13 * float(cells.total.sum()),
        max_steps=max_steps,
        what="the fit of ln r",
        remedy="choose wider bins of pT and |η|",
    )
    best.check_finite()
    return np.asarray(best.theta)


@dataclass(frozen=True, eq=False)
class NearFit:
    """Fits to other labels of the same events, which start from a fit to theirs.

    A step takes the second derivatives of that fit, which are about the right ones, so that
    a fit costs no more than a few sums over the cells.

    Attributes
    ----------
    cells : Cells
    start : ndarray of float, shape (terms,)
        The fit.
    """

    cells: Cells
    start: FloatArray

    @cached_property
    def inverse(self) -> FloatArray:
        """The inverse of the second derivatives at the start."""
        return np.asarray(cho_solve(_factor(self.start, self.cells), np.eye(self.start.size)))

    def __call__(self, a: FloatArray) -> FloatArray:
        """Return the terms fitted to cells with these Σw of A's events.

        Raises
        ------
        DataError
            As `newton_fit`.
        """
        cells, w, before = self.cells.with_a(a), self.start, np.inf
        for _ in range(_NEAR_STEPS):
            gradient = score(w, cells)
            step = self.inverse @ gradient
            decrement = float(gradient @ step)
            if not decrement < before:
                break
            w, before = w + step, decrement
            if decrement < _NEAR_DECREMENT * abs(cells.unit):
                return w
        return newton_fit(cells, self.start)


def inverse_information(w: FloatArray, cells: Cells) -> FloatArray:
    """Return the inverse of the information with the prior's, shape (terms, terms).

    Raises
    ------
    DataError
        If it has none.
    """
    return np.asarray(cho_solve(_factor(w, cells), np.eye(w.size)))


def fit_covariance(w: FloatArray, cells: Cells) -> FloatArray:
    """Return the covariance of the fitted terms, shape (terms, terms).

    F⁻¹ for unit weights, F with the prior's information: of what the terms may be, after the
    events. The sandwich F⁻¹ (G + P) F⁻¹ for others: G is the covariance of the score,
    Σw² p(1 − p) x xᵀ (White, Econometrica 50 (1982) 1, with the model's own variances), and P
    the prior's precision times the unit of the weights squared.
    """
    inverse = inverse_information(w, cells)
    if np.array_equal(cells.total, cells.sumw2):
        return inverse
    # By a root, so that rounding leaves it symmetric and positive, whatever the weights.
    middle = information(w, cells, cells.sumw2) + np.diag(cells.precision * cells.unit)
    values, vectors = np.linalg.eigh(middle)
    half = inverse @ (vectors * np.sqrt(np.maximum(values, 0.0)))
    return np.asarray(half @ half.T)


def separated_bins(cells: Cells) -> tuple[list[IntArray], bool]:
    """Return the groups of levels between which θ of one term a level has no finite estimate.

    Of events whose electron leads or not, which compare two levels. A likelihood has a maximum
    if, for every split of the levels in two, events of both kinds cross it: an electron here
    and a muon there, and the reverse (Ford, Am. Math. Monthly 64 (1957) 28).

    Returns
    -------
    groups : list of ndarray of int
        The levels of each group, the largest first; one group if all is well.
    compared : bool
        Whether events link the groups at all.
    """
    bins = cells.use.size
    # A difference of sums may miss zero by rounding.
    least = 1e-9 * np.sqrt(cells.sumw2)
    wins, losses = cells.a > least, cells.total - cells.a > least
    # An edge goes from the bin of the electron to that of the muon.
    lead, sub = cells.design.levels
    start = np.concatenate([lead[wins], sub[losses]])
    stop = np.concatenate([sub[wins], lead[losses]])
    graph = coo_array((np.ones(start.size), (start, stop)), shape=(bins, bins))
    count, label = connected_components(graph, directed=True, connection="strong")
    linked, _ = connected_components(graph, directed=True, connection="weak")
    groups = [np.flatnonzero(label == k) for k in range(count)]
    return sorted(groups, key=len, reverse=True), linked == 1
