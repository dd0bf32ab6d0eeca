"""Orthonormal polynomials of weighted events, cell by cell: Stieltjes' procedure, in numba.

Imported by the nodes engine only when it runs, so that ``import eμsym`` needs no numba.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray
from eμsym.engines.adam_kernel import compiled


@compiled({"reassoc", "contract", "nsz"})
def recurrence_of_cells(
    y: FloatArray,
    w: FloatArray,
    a: FloatArray,
    ends: NDArray[np.int64],
    matrix: FloatArray,
    moments: FloatArray,
) -> None:
    """Find the first k polynomials p_j that are orthonormal under w, in every cell.

    Each is made orthogonal to all before it twice, which keeps them so to rounding
    even where a cell has hardly more than k events.

    Parameters
    ----------
    y, w, a : ndarray of float, shape (n,)
        Events by cell, best within ±1, and two weights of each. In every cell at
        least k have a w above 0.
    ends : ndarray of int, shape (cells + 1,)
        Where cells begin, and the number of events.
    matrix : ndarray of float, shape (cells, k, k)
        Zeros; takes Σ w y p_i p_j, which is tridiagonal (Jacobi's matrix).
    moments : ndarray of float, shape (cells, k)
        Takes Σ a p_j.
    """
    k = moments.shape[1]
    longest = 0
    for cell in range(ends.size - 1):
        longest = max(longest, ends[cell + 1] - ends[cell])
    p = np.empty((k, longest))
    for cell in range(ends.size - 1):
        start = ends[cell]
        n = ends[cell + 1] - start
        mass = 0.0
        for i in range(n):
            mass += w[start + i]
        for i in range(n):
            p[0, i] = 1.0 / math.sqrt(mass)
        for j in range(k):
            on_diagonal = 0.0
            moment = 0.0
            for i in range(n):
                on_diagonal += w[start + i] * y[start + i] * p[j, i] * p[j, i]
                moment += a[start + i] * p[j, i]
            matrix[cell, j, j] = on_diagonal
            moments[cell, j] = moment
            if j + 1 == k:
                break
            for i in range(n):
                p[j + 1, i] = y[start + i] * p[j, i]
            for _ in range(2):
                for known in range(j + 1):
                    overlap = 0.0
                    for i in range(n):
                        overlap += w[start + i] * p[j + 1, i] * p[known, i]
                    for i in range(n):
                        p[j + 1, i] -= overlap * p[known, i]
            square = 0.0
            for i in range(n):
                square += w[start + i] * p[j + 1, i] * p[j + 1, i]
            norm = math.sqrt(square)
            matrix[cell, j, j + 1] = norm
            matrix[cell, j + 1, j] = norm
            for i in range(n):
                p[j + 1, i] /= norm
