"""Values for axes of whole numbers, which take no others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray

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

    Examples
    --------
    >>> from hist.axis import IntCategory, Integer
    >>> numbers = np.array([0.0, 2.0, np.nan, 1.5])
    >>> for axis in (Integer(0, 3), IntCategory([2, 0])):
    ...     print(axis.index(for_axis(axis, numbers)).tolist())
    [0, 2, -1, -1]
    [1, 0, 2, 2]
    """
    if not axis.traits.discrete:
        return values
    whole = (np.abs(values) < -_NOWHERE) & (np.floor(values) == values)
    return np.where(whole, values, _NOWHERE).astype(np.int64)
