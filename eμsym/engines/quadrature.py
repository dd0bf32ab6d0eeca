"""Few nodes that stand for many events of one dimension: Gauss nodes in each cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray
from eμsym.engines.interface import Network, Problem

#: Gauss nodes a cell. Of 100 to 250 nodes in all, eight a cell miss least of the
#: trainings of SYM's toy model; two miss ten times as much.
NODES_A_CELL = 8

#: A cell with fewer distinct events than this keeps them: merging gains nothing.
_FEWEST = 2 * NODES_A_CELL

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

    In each cell eight nodes carry the first sixteen moments of the density r
    (Gauss' rule), so Σ r φ(f) is exact for a φ(f) that is a polynomial of degree
    15 in x there. The linear weights a are put on the same nodes such that their
    first eight moments are kept, so Σ a f is exact for f of degree 7; one of them
    may be negative, which the sum allows. In a cell where hardly any event has a
    density, these are kept and a gets Gauss nodes of its own. A cell of few events
    keeps them.

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
    """Split the cells in which a net is too sharp for its nodes, and only those.

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
    of_r, of_a = (np.add.reduceat((w > 0).astype(np.int64), first) for w in (r, a))
    many = size >= _FEWEST
    by_r = many & (of_r >= NODES_A_CELL)
    by_a = many & ~by_r & (of_a >= NODES_A_CELL)
    cell = np.repeat(np.arange(size.size), size)
    kept = ~(by_r | by_a)[cell] | (by_a[cell] & (r > 0))
    # Where a has nodes of its own, the events that are kept lose theirs.
    parts = [np.stack([x[kept], r[kept], np.where(by_a[cell[kept]], 0.0, a[kept])])]
    cells = [cell[kept]]
    for merging, density in ((by_r, r), (by_a, a)):
        if not merging.any():
            continue
        chosen = merging[cell]
        starts = np.concatenate([[0], np.cumsum(size[merging])[:-1]])
        found = _gauss(x[chosen], density[chosen], a[chosen], starts)
        if merging is by_a:
            found[1] = 0.0
        parts.append(found.reshape(3, -1))
        cells.append(np.repeat(np.flatnonzero(merging), NODES_A_CELL))
    return np.concatenate(parts, axis=1), np.concatenate(cells)


def _gauss(x: FloatArray, w: FloatArray, a: FloatArray, starts: IntArray) -> FloatArray:
    """Return the Gauss nodes of w in every cell, their weights, and those that stand for a.

    The nodes are the eigenvalues of the matrix of the recurrence of the polynomials
    p_j that are orthonormal under w (Golub and Welsch). The weights for a are those
    with which the nodes give Σ a p_j for every p_j.

    Parameters
    ----------
    x, w, a : ndarray of float, shape (n,)
        Events by cell, and two weights of each. In every cell at least
        `NODES_A_CELL` have a w above 0.
    starts : ndarray of int, shape (cells,)

    Returns
    -------
    ndarray of float, shape (3, cells, NODES_A_CELL)
    """
    from eμsym.engines.stieltjes import recurrence_of_cells

    ends = np.append(starts, x.size)
    low, high = x[starts], x[ends[1:] - 1]
    middle, half = (low + high) / 2, (high - low) / 2
    cell = np.repeat(np.arange(starts.size), np.diff(ends))
    y = (x - middle[cell]) / half[cell]
    matrix = np.zeros((starts.size, NODES_A_CELL, NODES_A_CELL))
    moments = np.empty((starts.size, NODES_A_CELL))
    recurrence_of_cells(y, w, a, ends, matrix, moments)
    place, vectors = np.linalg.eigh(matrix)
    # Row j of the vectors is p_j at the nodes, times the roots of their weights.
    roots = np.sqrt(np.add.reduceat(w, starts))[:, np.newaxis] * vectors[:, 0]
    linear = roots * np.einsum("cjn,cj->cn", vectors, moments)
    return np.stack([middle[:, np.newaxis] + half[:, np.newaxis] * place, roots**2, linear])
