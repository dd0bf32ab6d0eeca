"""Few nodes that stand for many events of one dimension: two Gauss nodes a cell."""

from __future__ import annotations

import numpy as np

from eμsym.counts import FloatArray
from eμsym.engines.interface import Problem

#: A cell with fewer distinct events than this keeps them: merging gains nothing.
_FEWEST = 5


def cell_edges(x: FloatArray, weight: FloatArray, cells: int) -> FloatArray:
    """Return the edges of cells, half of them quantiles and half of them even in x.

    Quantiles alone lose the tail, where few events spread wide; even cells alone
    lose the bulk.

    Parameters
    ----------
    x : ndarray of float, shape (n,)
        Ascending.
    weight : ndarray of float, shape (n,)
        Sum to more than zero.
    cells : int

    Returns
    -------
    ndarray of float, shape (at most cells − 1,)
        Inner edges, ascending.
    """
    half = max(cells // 2, 1)
    cumulative = np.cumsum(weight)
    levels = cumulative[-1] * np.arange(1, half) / half
    quantiles = x[np.minimum(np.searchsorted(cumulative, levels), x.size - 1)]
    even = np.linspace(x[0], x[-1], half + 1)[1:-1]
    return np.unique(np.concatenate([quantiles, even]))


def merged(problem: Problem, cells: int) -> Problem:
    """Return a problem of few nodes with nearly the same loss for every smooth f.

    In each cell two nodes carry the first four moments of the density r (Gauss'
    rule: mass, mean, variance and third moment), so Σ r φ(f) is exact for a
    φ(f) that is cubic in x there. The linear weights a are put on the same two
    nodes such that their mass and mean are kept (Lagrange's weights; one may be
    negative, which Σ a f allows). In a cell where r has no spread, a gets
    two Gauss nodes of its own.

    Parameters
    ----------
    problem : Problem
        One dimension, x ascending and distinct.
    cells : int

    Returns
    -------
    Problem
        The same one if it has no more events than the nodes would be.
    """
    x, r, a = problem.x[0], problem.density, problem.linear
    if x.size <= 2 * cells:
        return problem
    cell = np.searchsorted(cell_edges(x, r + a, cells), x, side="right")
    first = np.flatnonzero(np.diff(cell, prepend=-1))
    size = np.diff(first, append=x.size)
    support = np.add.reduceat((r > 0).astype(np.int64), first)
    kept = np.repeat(size < _FEWEST, size)
    spread = (size >= _FEWEST) & (support >= 2)
    narrow = (size >= _FEWEST) & (support < 2)
    parts = [np.stack([x[kept], r[kept], a[kept]])]
    if np.any(spread):
        chosen = np.repeat(spread, size)
        starts = np.concatenate([[0], np.cumsum(size[spread])[:-1]])
        nodes, weights = _gauss(x[chosen], r[chosen], starts)
        linear = _lagrange(x[chosen], a[chosen], starts, nodes)
        parts.append(np.stack([nodes.ravel(), weights.ravel(), linear.ravel()]))
    if np.any(narrow):
        chosen = np.repeat(narrow, size)
        lone = chosen & (r > 0)
        parts.append(np.stack([x[lone], r[lone], np.zeros(np.count_nonzero(lone))]))
        starts = np.concatenate([[0], np.cumsum(size[narrow])[:-1]])
        nodes, weights = _gauss(x[chosen], a[chosen], starts)
        parts.append(np.stack([nodes.ravel(), np.zeros(nodes.size), weights.ravel()]))
    columns = np.concatenate(parts, axis=1)
    x, r, a = columns[:, np.argsort(columns[0], kind="stable")]
    return Problem(x[np.newaxis], r.copy(), a.copy(), problem.link)


def _gauss(x: FloatArray, w: FloatArray, starts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return two nodes and their weights for every cell, each of shape (2, cells)."""
    size = np.diff(starts, append=x.size)
    mass = np.add.reduceat(w, starts)
    mean = np.add.reduceat(w * x, starts) / mass
    # About the mean, in a second pass: differences of raw moments would lose digits.
    y = x - np.repeat(mean, size)
    shift = np.add.reduceat(w * y, starts) / mass
    mean = mean + shift
    y -= np.repeat(shift, size)
    deviation = np.sqrt(np.add.reduceat(w * y**2, starts) / mass)
    y /= np.repeat(np.where(deviation > 0, deviation, 1.0), size)
    half = np.add.reduceat(w * y**3, starts) / mass / 2
    # The two roots u of u² − 2·half·u − 1, whose product is −1.
    root = np.sqrt(1 + half**2)
    high = np.where(half > 0, half + root, 1 / (root - half))
    low = -1 / high
    nodes = mean + deviation * np.stack([low, high])
    weights = mass * np.stack([high, -low]) / (high - low)
    return nodes, weights


def _lagrange(
    x: FloatArray, w: FloatArray, starts: FloatArray, nodes: FloatArray
) -> FloatArray:
    """Return weights on given nodes, shape (2, cells), that keep the mass and the mean of w."""
    size = np.diff(starts, append=x.size)
    mass = np.add.reduceat(w, starts)
    low, high = nodes
    above = np.add.reduceat(w * (x - np.repeat(low, size)), starts) / (high - low)
    return np.stack([mass - above, above])
