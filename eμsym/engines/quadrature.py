"""Few nodes that stand for many events of one dimension: two Gauss nodes a cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eμsym.counts import FloatArray
from eμsym.engines.interface import Network, Problem

#: A cell with fewer distinct events than this keeps them: merging gains nothing.
_FEWEST = 5

#: Rounds of splitting; the cells shrink to 2⁻¹⁶.
_MOST_SPLITS = 16

#: A round splits the cells that miss at least this fraction of what the worst one misses.
_SPLIT_FROM = 0.5

IntArray = NDArray[np.int64]


def initial_cells(problem: Problem, cells: int) -> IntArray:
    """Return where cells begin, half of them by quantiles and half of them even in x.

    Quantiles alone lose the tail, where few events spread wide; even cells alone
    lose the bulk.

    Parameters
    ----------
    problem : Problem
        One dimension, x ascending and distinct.
    cells : int

    Returns
    -------
    ndarray of int, shape (at most cells,)
        Index of each cell's first event, ascending from 0.
    """
    x = problem.x[0]
    half = max(cells // 2, 1)
    # Of distinct events, not of weight, so that A and B may swap roles.
    quantiles = x.size * np.arange(half) // half
    even = np.searchsorted(x, np.linspace(x[0], x[-1], half + 1)[1:-1])
    return np.unique(np.concatenate([quantiles, even[even < x.size]])).astype(np.int64)


def merged(problem: Problem, first: IntArray) -> Problem:
    """Return a problem of few nodes with nearly the same loss for every smooth f.

    In each cell two nodes carry the first four moments of the density r (Gauss'
    rule: mass, mean, variance and third moment), so Σ r φ(f) is exact for a
    φ(f) that is cubic in x there. The linear weights a are put on the same two
    nodes such that their mass and mean are kept (Lagrange's weights; one may be
    negative, which Σ a f allows). In a cell where r has no spread, a gets
    two Gauss nodes of its own. A cell of few events keeps them.

    Parameters
    ----------
    problem : Problem
        One dimension, x ascending and distinct.
    first : ndarray of int, shape (cells,)
        As from `initial_cells`.
    """
    (x, r, a), _ = _nodes(problem.x[0], problem.density, problem.linear, first)
    order = np.argsort(x, kind="stable")
    return Problem(x[np.newaxis, order], r[order], a[order], problem.link)


def split_cells(problem: Problem, first: IntArray, network: Network, allowed: float) -> IntArray:
    """Split the cells in which a net is too sharp for two nodes, and only those.

    Parameters
    ----------
    problem : Problem
    first : ndarray of int, shape (cells,)
    network : Network
        The function whose loss the nodes must give.
    allowed : float
        How far the cells' differences may add up, in sum and in quadrature.

    Returns
    -------
    ndarray of int, shape (more cells,)
    """
    x = problem.x[0]
    value = problem.terms(network(x))
    start, stop = first, np.append(first[1:], x.size)
    error = _differences(problem, network, value, start, stop)
    for _ in range(_MOST_SPLITS):
        if max(abs(error.sum()), np.sqrt(np.sum(error**2))) <= allowed:
            break
        chosen = np.abs(error) >= _SPLIT_FROM * np.abs(error).max()
        low, high = start[chosen], stop[chosen]
        middle = (low + high) // 2
        start = np.concatenate([start[~chosen], low, middle])
        stop = np.concatenate([stop[~chosen], middle, high])
        halves = [
            _differences(problem, network, value, *ends) for ends in ((low, middle), (middle, high))
        ]
        error = np.concatenate([error[~chosen], *halves])
    return np.sort(start)


def _differences(
    problem: Problem, network: Network, value: FloatArray, start: IntArray, stop: IntArray
) -> FloatArray:
    """Return by how much the nodes miss the loss in each cell, shape (cells,)."""
    size = stop - start
    first = np.concatenate([[0], np.cumsum(size)[:-1]])  # of the chosen cells' events alone
    index = np.arange(size.sum()) + np.repeat(start - first, size)
    (x, r, a), cell = _nodes(
        problem.x[0, index], problem.density[index], problem.linear[index], first
    )
    nodes = Problem(x[np.newaxis], r, a, problem.link).terms(network(x))
    exact = np.add.reduceat(value[index], first)
    return np.asarray(exact - np.bincount(cell, nodes, minlength=size.size))


def _nodes(
    x: FloatArray, r: FloatArray, a: FloatArray, first: IntArray
) -> tuple[FloatArray, IntArray]:
    """Return the nodes' x, r and a, shape (3, nodes), and their cells, shape (nodes,)."""
    size = np.diff(first, append=x.size)
    support = np.add.reduceat((r > 0).astype(np.int64), first)
    kinds = np.where(size < _FEWEST, 0, np.where(support >= 2, 1, 2))
    kind = np.repeat(kinds, size)
    cell = np.repeat(np.arange(size.size), size)
    kept = (kind == 0) | ((kind == 2) & (r > 0))
    # The events of a cell without spread whose linear weights are merged lose these here.
    parts = [np.stack([x[kept], r[kept], np.where(kind[kept] == 0, a[kept], 0.0)])]
    cells = [cell[kept]]
    for case in (1, 2):
        if not np.any(kinds == case):
            continue
        chosen = kind == case
        starts = np.concatenate([[0], np.cumsum(size[kinds == case])[:-1]])
        if case == 1:
            nodes, density = _gauss(x[chosen], r[chosen], starts)
            linear = _lagrange(x[chosen], a[chosen], starts, nodes)
        else:
            nodes, linear = _gauss(x[chosen], a[chosen], starts)
            density = np.zeros_like(linear)
        parts.append(np.stack([nodes.ravel(), density.ravel(), linear.ravel()]))
        cells.append(np.tile(np.flatnonzero(kinds == case), 2))
    return np.concatenate(parts, axis=1), np.concatenate(cells)


def _gauss(x: FloatArray, w: FloatArray, starts: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return two nodes and their weights for every cell, each of shape (2, cells)."""
    size = np.diff(starts, append=x.size)
    mass = np.add.reduceat(w, starts)
    mean = np.add.reduceat(w * x, starts) / mass
    # About the mean, in a second pass: differences of raw moments would lose digits.
    y = x - np.repeat(mean, size)
    shift = np.add.reduceat(w * y, starts) / mass
    mean = mean + shift
    y -= np.repeat(shift, size)
    deviation = np.sqrt(np.add.reduceat(w * y * y, starts) / mass)
    y /= np.repeat(np.where(deviation > 0, deviation, 1.0), size)
    half = np.add.reduceat(w * y * y * y, starts) / mass / 2
    # The two roots u of u² − 2·half·u − 1, whose product is −1.
    root = np.sqrt(1 + half**2)
    high = np.where(half > 0, half + root, 1 / (root - half))
    low = -1 / high
    nodes = mean + deviation * np.stack([low, high])
    weights = mass * np.stack([high, -low]) / (high - low)
    return nodes, weights


def _lagrange(x: FloatArray, w: FloatArray, starts: IntArray, nodes: FloatArray) -> FloatArray:
    """Return weights on given nodes, shape (2, cells), that keep the mass and the mean of w."""
    size = np.diff(starts, append=x.size)
    mass = np.add.reduceat(w, starts)
    low, high = nodes
    above = np.add.reduceat(w * (x - np.repeat(low, size)), starts) / (high - low)
    return np.stack([mass - above, above])
