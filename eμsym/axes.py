"""Values for axes of whole numbers, which take no others."""

from __future__ import annotations

from typing import Any

import numpy as np
from boost_histogram.axis import IntCategory
from numpy.typing import NDArray

from eμsym.arrays import FloatArray, IntArray

#: A whole number that no axis has: where NaN, and what is no whole number, goes.
_NOWHERE = -(2**31) + 1


def for_axis(axis: Any, values: FloatArray) -> NDArray[Any]:
    """Return values as an axis takes them.

    Parameters
    ----------
    axis : hist axis
        Of an integer or a category axis the values are made whole numbers; what is none, as
        NaN, lies outside of it. Any other axis takes them as they are, NaN beyond its end.
    values : ndarray of float, shape (n,)

    """
    if not axis.traits.discrete:
        return values
    whole = (np.abs(values) < -_NOWHERE) & (np.floor(values) == values)
    return np.where(whole, values, _NOWHERE).astype(np.int64)


def index_on(axis: Any, values: FloatArray) -> IntArray:
    """Return the bins of values on an axis, shape (n,): −1 below it, its length beyond it.

    What is none of the categories, and NaN on any axis, is outside of it.

    Examples
    --------
    >>> from hist.axis import IntCategory, Integer
    >>> numbers = np.array([0.0, 2.0, np.nan, 1.5])
    >>> for axis in (Integer(0, 3), IntCategory([2, 0])):
    ...     print(index_on(axis, numbers).tolist())
    [0, 2, -1, -1]
    [1, 0, 2, 2]
    """
    given = for_axis(axis, values)
    if not isinstance(axis, IntCategory):
        return np.asarray(axis.index(given), dtype=np.int64)
    # hist refuses a category that it does not know.
    known = np.array(list(axis), dtype=np.int64)
    order = np.argsort(known)
    place = np.minimum(np.searchsorted(known[order], given), known.size - 1)
    return np.where(known[order][place] == given, order[place], known.size)
