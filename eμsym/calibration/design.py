r"""Which efficiencies are in the probability of an event's label, and with which signs.

.. math::
    \ln \frac{P(A)}{P(B)} = \sum_j s_j\,θ_{k_j},

one term for every object j of the event whose efficiency changes in the exchange: at the level
k_j of its kinematics, and with the sign s_j. A constant is a term of its own, with a level that
every event has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit

from eμsym.arrays import BoolArray, FloatArray, IntArray, summed

#: The leading lepton's ln r counts against A, where it is the electron; the other's for it.
_ORDERS = np.array([[-1.0], [1.0]])


@dataclass(frozen=True, eq=False)
class Design:
    """The levels and signs of the objects of events.

    Attributes
    ----------
    levels : ndarray of int, shape (objects, entries)
    signs : ndarray of float, shape (objects, entries), or (objects, 1) if all events agree

    Examples
    --------
    >>> design = Design.of_orders(np.array([0, 1]), np.array([1, 1]))
    >>> design.logit(np.array([0.2, 0.5])).tolist()
    [0.3, 0.0]
    """

    levels: IntArray
    signs: FloatArray

    @classmethod
    def of_orders(cls, lead: IntArray, sub: IntArray) -> Design:
        """Return that of the electron leading: θ_sub − θ_lead, of levels of shape (entries,)."""
        return cls(np.stack([lead, sub]), _ORDERS)

    def __len__(self) -> int:
        """Return the number of entries."""
        return int(self.levels.shape[1])

    def where(self, chosen: Any) -> Design:
        """Return that of some of the entries, by a mask, numbers or a slice."""
        signs = self.signs if self.signs.shape[1] == 1 else self.signs[:, chosen]
        return Design(self.levels[:, chosen], signs)

    @property
    def keys(self) -> tuple[IntArray, ...]:
        """Numbers of which entries agree in all if they agree in levels and signs."""
        if self.signs.shape[1] == 1:
            return tuple(self.levels)
        return (*self.levels, *(self.signs > 0).astype(np.int64))

    @property
    def informative(self) -> BoolArray:
        """Whether a change of some θ changes the logit of an entry, shape (entries,)."""
        found = np.zeros(len(self), dtype=bool)
        for own in self.levels:
            alike = self.levels == own
            found |= np.sum(alike * self.signs, axis=0) != 0
        return found

    def logit(self, theta: FloatArray) -> FloatArray:
        """Return ln P(A)/P(B) of every entry, shape (entries,)."""
        total = self.signs[0] * theta[self.levels[0]]
        for sign, level in zip(self.signs[1:], self.levels[1:], strict=True):
            total = total + sign * theta[level]
        return np.asarray(total)

    def probability(self, theta: FloatArray, offset: FloatArray | None = None) -> FloatArray:
        """Return P(A) of every entry, shape (entries,); an offset is added to the logit."""
        logit = self.logit(theta)
        return np.asarray(expit(logit if offset is None else logit + offset))

    def rows(self, basis: FloatArray) -> FloatArray:
        """Return d logit/dw for θ = basis @ w, shape (entries, terms)."""
        total = self.signs[0][:, None] * basis[self.levels[0]]
        for sign, level in zip(self.signs[1:], self.levels[1:], strict=True):
            total += sign[:, None] * basis[level]
        return np.asarray(total)

    def sparse_rows(self, by_level: csr_array) -> csr_array:
        """Return as `rows` for a sparse basis."""
        total = 0
        for sign, level in zip(self.signs, self.levels, strict=True):
            total = total + by_level[level].multiply(sign[:, None])
        return csr_array(total)

    def by_level(self, values: FloatArray, size: int) -> FloatArray:
        """Return Σ over the entries of values times d logit/dθ, shape (size,)."""
        total = np.zeros(size)
        for sign, level in zip(self.signs, self.levels, strict=True):
            total += summed(level, sign * values, size)
        return total

    def by_place(self, place: IntArray, values: FloatArray, n_places: int, size: int) -> FloatArray:
        """Return those sums over the entries of each place, shape (places, size).

        Parameters
        ----------
        place : ndarray of int, shape (entries,)
        values : ndarray of float, shape (entries,)
        n_places, size : int
            How many places and levels there are.
        """
        flat, total = place * size, np.zeros(n_places * size)
        for sign, level in zip(self.signs, self.levels, strict=True):
            total += summed(flat + level, sign * values, n_places * size)
        return total.reshape(n_places, size)
