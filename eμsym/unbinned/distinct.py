"""The distinct events of two samples together, and what each weighs in either."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eμsym.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Distinct:
    """The distinct events of A and B together.

    Attributes
    ----------
    x : ndarray of float, shape (d, n)
        In lexicographic order, so that no result depends on the order of the input.
    a, b : ndarray of float, shape (n,)
        Weight of the event in A and in B: of equal events, summed.
    """

    x: FloatArray
    a: FloatArray
    b: FloatArray

    @classmethod
    def of(cls, a: FloatArray, b: FloatArray, w_a: FloatArray, w_b: FloatArray) -> Distinct:
        """Sort two samples together and merge equal events.

        Parameters
        ----------
        a, b : ndarray of float, shape (n_a, d) and (n_b, d)
        w_a, w_b : ndarray of float, shape (n_a,) and (n_b,)
            Weights; events whose weight is zero are left out.
        """
        pool = np.concatenate([a, b])
        weight = np.zeros((2, len(pool)))
        weight[0, : len(w_a)] = w_a
        weight[1, len(w_a) :] = w_b
        if not (used := weight.any(axis=0)).all():
            pool, weight = pool[used], weight[:, used]
        # One column needs no stable sort, which is the slower.
        order = np.argsort(pool[:, 0]) if pool.shape[1] == 1 else np.lexsort(pool.T[::-1])
        pool, weight = pool[order], weight[:, order]
        new = np.concatenate([[True], np.any(pool[1:] != pool[:-1], axis=1)])
        if not new.all():
            first = np.flatnonzero(new)
            pool, weight = pool[first], np.add.reduceat(weight, first, axis=1)
        return cls(np.ascontiguousarray(pool.T), weight[0], weight[1])

    @property
    def n_a(self) -> float:
        """Ñ_A, A's sum of weights."""
        return float(np.sum(self.a))

    @property
    def n_b(self) -> float:
        """Ñ_B, B's sum of weights."""
        return float(np.sum(self.b))

    @cached_property
    def weight(self) -> FloatArray:
        """The weights in both samples, shape (n,)."""
        return self.a + self.b
