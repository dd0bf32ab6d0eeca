"""Spline fits of many relabellings, compiled: Newton's steps on events, or on few nodes.

Imported only where relabellings are tested at once, so that ``import eμsym`` needs no numba.
What is fitted, and when it has arrived, is as in `eμsym.unbinned.spline_fit`.
"""

from __future__ import annotations

import math

import numpy as np

from eμsym.arrays import FloatArray, IntArray
from eμsym.engines.adam_kernel import compiled, exponential

_SUMS = {"reassoc", "contract", "nsz"}

_MAX_HALVINGS = 60

# For the same bits in every process:
# - Functions that others here call are inlined. Compiled alone they may add up otherwise, and
#   which of the two runs would depend on whether they come from disk.
# - No loop both adds up and writes to an array, unless their distance is fixed. LLVM checks
#   whether arrays are near each other, and adds up in another order where they are.


@compiled(_SUMS, inline="always")
def interval_moments(
    s: FloatArray, weight: FloatArray, stops: IntArray, cubic: FloatArray, moments: FloatArray
) -> None:
    """Sum weight e^f s^j, j = 0 … 6, of every interval.

    Parameters
    ----------
    s, weight : ndarray of float, shape (n,)
    stops : ndarray of int, shape (intervals + 1,)
        Where intervals begin, and n.
    cubic : ndarray of float, shape (intervals, 4)
        The coefficients of f by s.
    moments : ndarray of float, shape (intervals, 7)
        Filled.
    """
    for i in range(cubic.shape[0]):
        c0 = cubic[i, 0]
        c1 = cubic[i, 1]
        c2 = cubic[i, 2]
        c3 = cubic[i, 3]
        own_s, own_weight = s[stops[i] : stops[i + 1]], weight[stops[i] : stops[i + 1]]
        m0 = m1 = m2 = m3 = m4 = m5 = m6 = 0.0
        for n in range(own_s.size):
            z = own_s[n]
            r = own_weight[n] * exponential(((c3 * z + c2) * z + c1) * z + c0)
            m0 += r
            r *= z
            m1 += r
            r *= z
            m2 += r
            r *= z
            m3 += r
            r *= z
            m4 += r
            r *= z
            m5 += r
            r *= z
            m6 += r
        moments[i, 0] = m0
        moments[i, 1] = m1
        moments[i, 2] = m2
        moments[i, 3] = m3
        moments[i, 4] = m4
        moments[i, 5] = m5
        moments[i, 6] = m6


@compiled(_SUMS, inline="always")
def newton_step(
    bands: FloatArray, gradient: FloatArray, scale: FloatArray, factor: FloatArray, step: FloatArray
) -> bool:
    """Solve bands · step = −gradient, as the fit of one pair does; return whether it could be.

    Parameters
    ----------
    bands : ndarray of float, shape (K, 4)
        Element [k, d] is that of functions k and k + d.
    gradient : ndarray of float, shape (K,)
    scale, factor : ndarray of float, shape (K,) and (K, 4)
        To work in.
    step : ndarray of float, shape (K,)
        Filled.
    """
    size = gradient.size
    for k in range(size):
        scale[k] = 1 / math.sqrt(max(bands[k, 0], 1e-280))
    ridge = 1e-13
    solved = False
    while not solved and ridge < 1.0:
        solved = True
        # Cholesky's factor L, [k, d] being L[k + d, k].
        for k in range(size):
            for d in range(min(4, size - k)):
                value = 1.0 + ridge if d == 0 else bands[k, d] * scale[k] * scale[k + d]
                for before in range(max(0, k + d - 3), k):
                    value -= factor[before, k - before] * factor[before, k + d - before]
                if d > 0:
                    factor[k, d] = value / factor[k, 0]
                elif value > 0.0:
                    factor[k, 0] = math.sqrt(value)
                else:
                    solved = False
                    factor[k, 0] = 1.0
        ridge *= 10.0
    for k in range(size):
        value = -scale[k] * gradient[k]
        for before in range(max(0, k - 3), k):
            value -= factor[before, k - before] * step[before]
        step[k] = value / factor[k, 0]
    for back in range(size):
        k = size - 1 - back
        value = step[k]
        for after in range(k + 1, min(size, k + 4)):
            value -= factor[k, after - k] * step[after]
        step[k] = value / factor[k, 0]
    for k in range(size):
        step[k] *= scale[k]
    return solved


@compiled(_SUMS)
def fit(
    s: FloatArray,
    weight: FloatArray,
    stops: IntArray,
    pieces: FloatArray,
    pool: FloatArray,
    score: FloatArray,
    tolerance: float,
    max_steps: int,
    cubic: FloatArray,
) -> tuple[float, bool]:
    """Fit one sample: min over θ of c Σ_{A∪B} w (e^f − 1) − θ·score, by Newton's steps.

    Near the minimum the loss is its parabola but for the third order, which for a step
    that moves f by at most h is below h/6 of the decrement: where that is below the
    tolerance the parabola's minimum is taken.

    Parameters
    ----------
    s, weight, stops
        The events of both samples, or nodes in place of them, as for `interval_moments`.
    pieces : ndarray of float, shape (K − 3, 4, 4)
        The functions as cubics in s: [interval, power, function].
    pool : ndarray of float, shape (K − 3, 7)
        The moments of the weights.
    score : ndarray of float, shape (K,)
        Σ w φ_k over the sample's events.
    tolerance : float
    max_steps : int
    cubic : ndarray of float, shape (K − 3, 4)
        Takes the coefficients by s of f as it was last.

    Returns
    -------
    t : float
        −2 times the smallest loss.
    converged : bool
        Whether it was reached.
    """
    size = score.size
    intervals = size - 3
    total = 0.0
    for i in range(intervals):
        total += pool[i, 0]
    share = 0.0
    for k in range(size):
        share += score[k]
    share /= total
    rounding = 1e-12 * total
    theta = np.zeros(size)
    trial = np.empty(size)
    gradient = np.empty(size)
    step = np.empty(size)
    scale = np.empty(size)
    bands = np.empty((size, 4))
    factor = np.empty((size, 4))
    half = np.empty((4, 4))
    moments = pool.copy()
    found = np.empty((intervals, 7))
    cubic[:] = 0.0
    value = 0.0
    decrement = np.inf
    for _ in range(max_steps):
        for k in range(size):
            gradient[k] = -score[k]
            for d in range(4):
                bands[k, d] = 0.0
        for i in range(intervals):
            for k in range(4):
                part = 0.0
                for j in range(4):
                    part += moments[i, j] * pieces[i, j, k]
                gradient[i + k] += share * part
                for j in range(4):
                    part = 0.0
                    for m in range(4):
                        part += moments[i, j + m] * pieces[i, m, k]
                    half[j, k] = share * part
            for k in range(4):
                for m in range(k, 4):
                    part = 0.0
                    for j in range(4):
                        part += pieces[i, j, k] * half[j, m]
                    bands[i + k, m - k] += part
        if not newton_step(bands, gradient, scale, factor, step):
            return max(0.0, -2.0 * value), False
        decrement = 0.0
        largest = 0.0
        for k in range(size):
            decrement -= gradient[k] * step[k]
            largest = max(largest, abs(step[k]))
        if decrement <= tolerance:
            return max(0.0, -2.0 * value), True
        if decrement * largest <= tolerance and largest < 1.0:
            return max(0.0, -2.0 * value + decrement), True
        # Far from the minimum e^f is a poor parabola: no f may move by more than this.
        length = 8.0 / max(8.0, largest)
        lower = False
        for _ in range(_MAX_HALVINGS):
            for k in range(size):
                trial[k] = theta[k] + length * step[k]
            for i in range(intervals):
                for j in range(4):
                    part = 0.0
                    for k in range(4):
                        part += pieces[i, j, k] * trial[i + k]
                    cubic[i, j] = part
            interval_moments(s, weight, stops, cubic, found)
            loss = -share * total
            for i in range(intervals):
                loss += share * found[i, 0]
            for k in range(size):
                loss -= score[k] * trial[k]
            if loss <= value - 0.1 * length * decrement + rounding:
                lower = True
                break
            length /= 2
        if not lower:
            break
        theta, trial = trial, theta
        moments, found = found, moments
        value = loss
    return max(0.0, -2.0 * value), decrement <= rounding


@compiled(_SUMS)
def sums_of(s: FloatArray, weight: FloatArray, stops: IntArray, moments: FloatArray) -> None:
    """Sum weight s^j, j = 0 … 6, of every interval, as `interval_moments` of f = 0."""
    cubic = np.zeros((moments.shape[0], 4))
    interval_moments(s, weight, stops, cubic, moments)


@compiled(_SUMS)
def most_missed(cubic: FloatArray, content: FloatArray, nodes: int) -> float:
    """Return by how much nodes may miss Σ w e^f at most, over all intervals.

    e^f is analytic. If it stays below M in the ellipse of foci ±1 and half axes (r ± 1/r)/2,
    a polynomial of degree d = nodes − 1 is nowhere on [−1, 1] further from it than
    2 M r^−d/(r − 1) (Trefethen, Approximation Theory and Approximation Practice, theorem
    8.2), and that polynomial the nodes sum exactly. M follows from f's coefficients
    by Chebyshev's polynomials, of which |T_j| ≤ (r^j + r^−j)/2 there.

    Parameters
    ----------
    cubic : ndarray of float, shape (intervals, 4)
        The coefficients of f by s.
    content : ndarray of float, shape (intervals,)
        As from `place_nodes`.
    nodes : int
        Of an interval.
    """
    degree = nodes - 1
    missed = 0.0
    for i in range(content.size):
        if content[i] == 0.0:
            continue
        first = abs(cubic[i, 1] + 0.75 * cubic[i, 3])
        second = abs(cubic[i, 2]) / 2
        third = abs(cubic[i, 3]) / 4
        least = np.inf
        r = 1.25
        while r < 40.0:
            u = 1 / r
            spread = first * (r + u) + second * (r * r + u * u) + third * (r * r * r + u * u * u)
            least = min(least, spread / 2 - degree * math.log(r) - math.log(r - 1))
            r *= 1.25
        level = cubic[i, 0] + cubic[i, 2] / 2 + math.log(4 * content[i])
        missed += math.exp(min(level + least, 700.0))
    return missed
