"""Where the knots of the spline fits are: by the pooled sample alone, blind to the labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.errors import DataError
from eμsym.unbinned.distinct import Distinct

#: Cubic pieces have four coefficients; K splines make K − 3 pieces.
ORDER = 4

#: The intervals between knots hold so many distinct values at least, the two
#: outermost `OUTER_CONTENT`, where there are enough: a function that stands on a
#: few events bends t away from χ².
MIN_CONTENT = 10.0
OUTER_CONTENT = 40.0


@dataclass(frozen=True, eq=False)
class KnotRule:
    """Where the knots are for any weights of the values of one pooled sample.

    They are even in ½F(x) + ½(x − lo)/(hi − lo), with F the pooled sample's
    distribution function, so that they do not depend on who is A; lo and hi
    leave `OUTER_CONTENT` values beyond them. Then they are moved apart until
    every interval holds what it must, or half the mean where there are few.

    Attributes
    ----------
    x : ndarray of float, shape (n,)
        The distinct values, ascending.
    rank : ndarray of float, shape (n,)
        How many values are below each, itself being half below.
    even : ndarray of float, shape (n,)
        Half of (x − lo)/(hi − lo), held within 0 and ½.
    least, outer : float
        How many values an interval must hold, and an outermost one.
    functions : int
        K.
    """

    x: FloatArray
    rank: FloatArray
    even: FloatArray
    least: float
    outer: float
    functions: int

    @classmethod
    def of(cls, x: FloatArray, k: int) -> KnotRule:
        """Prepare the knots of K cubic B-splines.

        Parameters
        ----------
        x : ndarray of float, shape (n,)
            Distinct values, ascending.
        k : int
            Number of functions, at least 4.

        Raises
        ------
        DataError
            If there are fewer than K distinct values.
        """
        if x.size < k:
            raise DataError(
                f"{k} spline functions need {k} distinct values of x, "
                f"the pooled sample has {x.size}"
            )
        intervals = k - ORDER + 1
        rank: FloatArray = np.arange(x.size, dtype=np.float64) + 0.5
        least, outer = np.minimum([MIN_CONTENT, OUTER_CONTENT], 0.5 * x.size / intervals)
        low, high = np.interp([outer, x.size - outer], rank, x)
        # Few values of a single interval have low = high, and no knot to be placed.
        with np.errstate(divide="ignore", invalid="ignore"):
            even = 0.5 * np.clip((x - low) / (high - low), 0.0, 1.0)
        return cls(x, rank, even, float(least), float(outer), k)

    def knots(self, weight: FloatArray) -> FloatArray:
        """Return the knots, rising from the smallest x to the largest, shape (K − 2,).

        Parameters
        ----------
        weight : ndarray of float, shape (n,)
            The values' weights in both samples.
        """
        x, rank, intervals = self.x, self.rank, self.functions - ORDER + 1
        cumulative = np.cumsum(weight) - weight / 2
        mixed = 0.5 * cumulative / float(weight.sum()) + self.even
        content = np.interp(np.linspace(0.0, 1.0, intervals + 1), mixed, rank)
        content[0], content[-1] = 0.0, x.size
        if intervals > 1:
            steps = np.cumsum([0.0, self.outer, *[self.least] * (intervals - 2), self.outer])
            content = np.maximum.accumulate(content - steps)
            content = np.clip(content, 0.0, x.size - steps[-1]) + steps
        knots: FloatArray = np.interp(content, rank, x)
        knots[0], knots[-1] = x[0], x[-1]
        filled = np.diff(np.searchsorted(x, knots))
        if np.any(np.diff(knots) <= 0) or np.any(filled < 1):
            # Hardly more values than functions: put one into every interval.
            knots = np.interp(np.linspace(0, x.size - 1, intervals + 1), np.arange(x.size), x)
        return knots


def make_knots(events: Distinct, k: int) -> FloatArray:
    """Place the knots of K cubic B-splines by `KnotRule`, half by quantiles and half evenly in x.

    Parameters
    ----------
    events : Distinct
        Of one column.
    k : int
        Number of functions, at least 4.

    Returns
    -------
    ndarray of float, shape (K − 2,)
        Rising, from the smallest x to the largest.

    Raises
    ------
    DataError
        If there are fewer than K distinct values.
    """
    return KnotRule.of(events.x[0], k).knots(events.weight)
