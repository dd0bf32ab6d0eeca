"""The spline test on many relabellings of one pool: what they share is computed once.

The knots, and the functions, depend on the pooled sample alone. Where no weight changes with
its label they are the same for all draws, and a draw only sums the functions over its
events of A. Else the pooled weights, and with them the knots, are those of the draw, as
they are for a pair. Either way the fits are of few nodes in place of the events, unless
these may miss anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebpts1, chebvander
from numpy.typing import NDArray

from eμsym.arrays import BoolArray, FloatArray, IntArray, summed
from eμsym.errors import DataError
from eμsym.pool import WEIGHT, Pool
from eμsym.symmetry import Relabellings
from eμsym.unbinned.distinct import Distinct
from eμsym.unbinned.spline_fit import (
    MAX_STEPS,
    TOLERANCE,
    SplineProblem,
    cubic_pieces,
    minimise,
)
from eμsym.unbinned.spline_kernel import fit, most_missed, sums_of
from eμsym.unbinned.spline_knots import ORDER, KnotRule
from eμsym.unbinned.spline_samples import unit_of
from eμsym.unbinned.spline_sums import localise, place_nodes, score_of, score_of_labels, weigh

#: Nodes of an interval between two knots: its events' sums of polynomials of degree 31 at most.
NODES = 32

#: An interval of fewer values keeps them: there f may fall too steeply for nodes.
_FEWEST = 16 * NODES

#: Nodes are worth the while in place of so many times more values.
_GAIN = 4

_PLACES = chebpts1(NODES)
#: From Σ w T_j to the weights of nodes that have the same sums: the inverse of T_j at the nodes.
_TRANSFORM = chebvander(_PLACES, NODES - 1) * np.where(np.arange(NODES) == 0, 1, 2) / NODES


def drawn_statistics(x: FloatArray, pool: Pool, drawn: Relabellings, k: int) -> FloatArray:
    """Return t of many draws of a pool's labels, each to rounding that of its own pair.

    Parameters
    ----------
    x : ndarray of float, shape (entries,)
        Finite.
    pool : Pool
        Its weights finite and not negative.
    drawn : Relabellings
    k : int
        Number of functions.

    Returns
    -------
    ndarray of float, shape (draws,)

    Raises
    ------
    DataError
        If a draw leaves a sample empty, or there are fewer than k distinct values.
    """
    turned = pool.turned
    own = drawn.symmetry.probabilities(pool)

    def probability(log_ratio: FloatArray | None) -> FloatArray:
        p = own(log_ratio)
        return np.where(turned, 1 - p, p) if turned.any() else p

    if turned.any():  # what is subtracted from one sample is added to the other
        pool = pool.with_columns({WEIGHT: np.abs(pool.weight)})
        drawn = replace(drawn, labels=_turned(drawn.labels, turned, pool.sizes))
    unit = unit_of(pool.weight[pool.weight > 0])
    entries = _Entries.of(x, pool, unit)
    rule = KnotRule.of(entries.x, k)
    if drawn.log_ratio is None:
        p = probability(None)
        if np.all(p == 0.5):
            shared = _Shared.of(entries, rule)
            return unit * np.array([shared.statistic(labels) for labels in drawn.labels])
        each = [_own_statistic(entries, rule, labels, p) for labels in drawn.labels]
        return unit * np.array(each)
    t = np.empty(len(drawn))
    for i, labels in enumerate(drawn.labels):
        t[i] = _own_statistic(entries, rule, labels, probability(drawn.log_ratio[i]))
    return unit * t


def _turned(labels: NDArray[Any], turned: BoolArray, sizes: IntArray) -> NDArray[Any]:
    """Return labels, or how many have A's, with those of some entries exchanged."""
    other = ~labels if labels.dtype == np.bool_ else sizes - labels
    return np.where(turned, other, labels)


@dataclass(frozen=True, eq=False)
class _Entries:
    """The entries of a pool by rising x, and the distinct values that they have.

    Weights are in a unit in which they are near one.
    """

    x: FloatArray
    place: IntArray
    order: IntArray
    sizes: IntArray
    weight: FloatArray

    @classmethod
    def of(cls, x: FloatArray, pool: Pool, unit: float) -> _Entries:
        some = np.flatnonzero((pool.weight > 0) & (pool.sizes > 0))
        order = some[np.argsort(x[some])]
        rising = x[order]
        new = np.concatenate([[True], rising[1:] != rising[:-1]])
        weight = pool.weight[order] / unit
        return cls(rising[new], np.cumsum(new) - 1, order, pool.sizes[order], weight)


@dataclass(frozen=True, eq=False)
class _Shared:
    """A pool in which no weight changes with its label: only the sums of A are a draw's."""

    entries: _Entries
    pooled: _Pooled
    #: Of entries, of which several may have one of the pooled values.
    s: FloatArray
    stops: IntArray

    @classmethod
    def of(cls, entries: _Entries, rule: KnotRule) -> _Shared:
        place = entries.place
        pooled = _Pooled.of(rule, summed(place, entries.weight * entries.sizes, rule.x.size))
        stops = np.searchsorted(place, pooled.stops)
        return cls(entries, pooled, pooled.s[place], stops)

    def statistic(self, labels: NDArray[Any]) -> float:
        entries, pooled = self.entries, self.pooled
        mine = labels[entries.order]
        _check_both(bool(mine.any()), bool(np.any(mine < entries.sizes)))
        score = np.empty(pooled.score.size)
        score_of_labels(mine, self.s, entries.weight, self.stops, pooled.pieces, score)
        return pooled.statistic(score)


def _own_statistic(
    entries: _Entries, rule: KnotRule, labels: NDArray[Any], probability: FloatArray
) -> float:
    """Return t of a draw that has weights, and knots, of its own."""
    of_a, of_b = np.empty((2, entries.x.size))
    order, place = entries.order, entries.place
    weigh(labels[order], probability[order], place, entries.sizes, entries.weight, of_a, of_b)
    _check_both(bool(of_a.any()), bool(of_b.any()))
    weight = of_a + of_b
    if not weight.all():  # an event of no weight is none
        left = weight > 0
        rule, of_a, weight = KnotRule.of(rule.x[left], rule.functions), of_a[left], weight[left]
    pooled = _Pooled.of(rule, weight)
    score = np.empty(pooled.score.size)
    score_of(pooled.s, of_a, pooled.stops, pooled.pieces, score)
    return pooled.statistic(score)


def _check_both(some_a: bool, some_b: bool) -> None:
    for some, name in ((some_a, "A"), (some_b, "B")):
        if not some:
            raise DataError(f"{name}: the sample is empty")


@dataclass(frozen=True, eq=False)
class _Nodes:
    """What stands for the values of both samples in the fits."""

    s: FloatArray
    weight: FloatArray
    stops: IntArray
    content: FloatArray

    @classmethod
    def of(cls, s: FloatArray, weight: FloatArray, stops: IntArray) -> _Nodes | None:
        """Return the nodes of weighted values; None if they would be hardly fewer."""
        sizes = np.diff(stops)
        counts = np.where(sizes >= _FEWEST, NODES, sizes)
        ends = np.concatenate([[0], np.cumsum(counts)])
        if _GAIN * ends[-1] > s.size:
            return None
        found = cls(np.empty(ends[-1]), np.empty(ends[-1]), ends, np.empty(sizes.size))
        place_nodes(
            s, weight, stops, ends, _PLACES, _TRANSFORM, found.s, found.weight, found.content
        )
        return found


@dataclass(frozen=True, eq=False)
class _Pooled:
    """The weighted values of both samples, cut at the knots."""

    x: FloatArray
    s: FloatArray
    weight: FloatArray
    stops: IntArray
    knots: FloatArray
    pieces: FloatArray
    moments: FloatArray
    score: FloatArray
    nodes: _Nodes | None

    @classmethod
    def of(cls, rule: KnotRule, weight: FloatArray) -> _Pooled:
        x, knots = rule.x, rule.knots(weight)
        stops = np.append(np.searchsorted(x, knots[:-1]), x.size)
        pieces, s = cubic_pieces(knots), np.empty(x.size)
        localise(x, stops, knots, s)
        nodes = _Nodes.of(s, weight, stops)
        few = (s, weight, stops) if nodes is None else (nodes.s, nodes.weight, nodes.stops)
        moments, score = np.empty((len(pieces), 7)), np.empty(knots.size + 2)
        sums_of(*few, moments)
        score_of(*few, pieces, score)
        return cls(x, s, weight, stops, knots, pieces, moments, score, nodes)

    def statistic(self, score: FloatArray) -> float:
        """Return t = t(A) + t(B) where this is Σ w φ_k over the events of A."""
        return self._fitted(score) + self._fitted(self.score - score)

    def _fitted(self, score: FloatArray) -> float:
        """Return −2 times the smallest loss of one sample."""
        common = self.pieces, self.moments, score, TOLERANCE, MAX_STEPS
        cubic = np.empty((len(self.pieces), ORDER))
        if (nodes := self.nodes) is not None:
            t, converged = fit(nodes.s, nodes.weight, nodes.stops, *common, cubic)
            if converged and most_missed(cubic, nodes.content, NODES) < TOLERANCE:
                return float(t)
        t, converged = fit(self.s, self.weight, self.stops, *common, cubic)
        if converged:
            return float(t)
        # How far a fit that does not arrive has come is for that of one pair to say.
        both = Distinct(self.x[np.newaxis], self.weight, np.zeros_like(self.weight))
        return minimise(SplineProblem(both, self.knots), score)[0]
