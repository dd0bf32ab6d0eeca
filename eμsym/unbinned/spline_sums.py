"""Sums over the events of many relabellings, compiled: what a draw's fit needs of its events.

Imported only where relabellings are tested at once, so that ``import eμsym`` needs no numba.
For the same bits in every process what `eμsym.unbinned.spline_kernel` says holds here too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray, IntArray
from eμsym.engines.adam_kernel import compiled

_SUMS = {"reassoc", "contract", "nsz"}

#: Events at a time whose polynomials stay in the first-level cache.
_BLOCK = 256


@compiled(_SUMS)
def weigh(
    labels: NDArray[Any],
    probability: FloatArray,
    place: IntArray,
    sizes: IntArray,
    weight: FloatArray,
    of_a: FloatArray,
    of_b: FloatArray,
) -> None:
    """Sum the weights of A and of B at every distinct value of x.

    An entry of n events, a of them A's, gives A the weight 2(1 − p) a w and B 2p (n − a) w.

    Parameters
    ----------
    labels : ndarray of bool or int, shape (n,)
        As of a draw, by rising x; and so are the others.
    probability : ndarray of float, shape (n,)
        p.
    place : ndarray of int, shape (n,)
        Which distinct value an entry has.
    sizes : ndarray of int, shape (n,)
    weight : ndarray of float, shape (n,)
        Of one event of each.
    of_a, of_b : ndarray of float, shape (distinct,)
        Filled.
    """
    of_a[:] = 0.0
    of_b[:] = 0.0
    for i in range(labels.size):
        a = labels[i]
        of_a[place[i]] += 2.0 * (1.0 - probability[i]) * weight[i] * a
        of_b[place[i]] += 2.0 * probability[i] * weight[i] * (sizes[i] - a)


@compiled(_SUMS)
def localise(x: FloatArray, stops: IntArray, knots: FloatArray, s: FloatArray) -> None:
    """Write the local coordinate of values, which is −1 at one knot and 1 at the next.

    Parameters
    ----------
    x : ndarray of float, shape (n,)
        Ascending.
    stops : ndarray of int, shape (intervals + 1,)
        Where intervals begin, and n.
    knots : ndarray of float, shape (intervals + 1,)
    s : ndarray of float, shape (n,)
        Filled.
    """
    for i in range(knots.size - 1):
        half = (knots[i + 1] - knots[i]) / 2
        middle = knots[i] + half
        own_x, own_s = x[stops[i] : stops[i + 1]], s[stops[i] : stops[i + 1]]
        for n in range(own_x.size):
            own_s[n] = (own_x[n] - middle) / half


@compiled(_SUMS)
def score_of(
    s: FloatArray, weight: FloatArray, stops: IntArray, pieces: FloatArray, score: FloatArray
) -> None:
    """Sum weight φ_k of every function into score, shape (K,); the rest is as for `fit`."""
    score[:] = 0.0
    for i in range(pieces.shape[0]):
        own_s, own_weight = s[stops[i] : stops[i + 1]], weight[stops[i] : stops[i + 1]]
        m0 = m1 = m2 = m3 = 0.0
        for n in range(own_s.size):
            r = own_weight[n]
            m0 += r
            r *= own_s[n]
            m1 += r
            r *= own_s[n]
            m2 += r
            r *= own_s[n]
            m3 += r
        for k in range(4):
            score[i + k] += (
                m0 * pieces[i, 0, k]
                + m1 * pieces[i, 1, k]
                + m2 * pieces[i, 2, k]
                + m3 * pieces[i, 3, k]
            )


@compiled(_SUMS)
def score_of_labels(
    labels: NDArray[Any],
    s: FloatArray,
    weight: FloatArray,
    stops: IntArray,
    pieces: FloatArray,
    score: FloatArray,
) -> None:
    """Sum weight φ_k over events of A, as `score_of`, where no weight changes with its label.

    Parameters
    ----------
    labels : ndarray of bool or int, shape (n,)
        How many of an entry's events are A's.
    s, weight : ndarray of float, shape (n,)
        Of an entry, and of one event of it.
    stops, pieces, score
        As for `score_of`.
    """
    score[:] = 0.0
    for i in range(pieces.shape[0]):
        own_s, own_weight = s[stops[i] : stops[i + 1]], weight[stops[i] : stops[i + 1]]
        own_labels = labels[stops[i] : stops[i + 1]]
        m0 = m1 = m2 = m3 = 0.0
        for n in range(own_s.size):
            r = own_weight[n] * own_labels[n]
            m0 += r
            r *= own_s[n]
            m1 += r
            r *= own_s[n]
            m2 += r
            r *= own_s[n]
            m3 += r
        for k in range(4):
            score[i + k] += (
                m0 * pieces[i, 0, k]
                + m1 * pieces[i, 1, k]
                + m2 * pieces[i, 2, k]
                + m3 * pieces[i, 3, k]
            )


@compiled(_SUMS)
def place_nodes(
    s: FloatArray,
    weight: FloatArray,
    stops: IntArray,
    node_stops: IntArray,
    places: FloatArray,
    transform: FloatArray,
    node_s: FloatArray,
    node_weight: FloatArray,
    content: FloatArray,
) -> None:
    """Put nodes in place of the events of every interval that has more of them.

    The nodes' places are fixed, their weights such that each of the first polynomials
    T_j (Chebyshev's) has the events' sum. A weight may be negative.

    Parameters
    ----------
    s, weight : ndarray of float, shape (n,)
    stops, node_stops : ndarray of int, shape (intervals + 1,)
        Where the events, and the nodes, of intervals begin; where both are as many, the
        nodes are the events.
    places : ndarray of float, shape (m,)
    transform : ndarray of float, shape (m, m)
        Gives the weights from the sums.
    node_s, node_weight : ndarray of float, shape (nodes,)
        Filled.
    content : ndarray of float, shape (intervals,)
        Filled for `most_missed`: half of Σ|weight| over the events and over the nodes; 0
        where events are kept.
    """
    m = places.size
    sums = np.empty(m)
    work = np.empty((3, _BLOCK))
    now, then, twice = work[0], work[1], work[2]
    for i in range(content.size):
        own_s, own_weight = s[stops[i] : stops[i + 1]], weight[stops[i] : stops[i + 1]]
        size = own_s.size
        to = node_stops[i]
        content[i] = 0.0
        if node_stops[i + 1] - to == size:
            for n in range(size):
                node_s[to + n] = own_s[n]
                node_weight[to + n] = own_weight[n]
            continue
        sums[:] = 0.0
        for begin in range(0, size, _BLOCK):
            length = min(_BLOCK, size - begin)
            for n in range(length):
                now[n] = own_weight[begin + n]
                then[n] = own_weight[begin + n] * own_s[begin + n]
                twice[n] = 2 * own_s[begin + n]
            even = 0.0
            odd = 0.0
            for n in range(length):
                even += now[n]
                odd += then[n]
            sums[0] += even
            sums[1] += odd
            for j in range(2, m, 2):
                even = 0.0
                odd = 0.0
                for n in range(length):
                    t = twice[n] * then[n] - now[n]
                    u = twice[n] * t - then[n]
                    now[n] = t
                    then[n] = u
                    even += t
                    odd += u
                sums[j] += even
                sums[j + 1] += odd
        content[i] = sums[0] / 2
        for node in range(m):
            value = 0.0
            for j in range(m):
                value += transform[node, j] * sums[j]
            node_s[to + node] = places[node]
            node_weight[to + node] = value
            content[i] += abs(value) / 2
