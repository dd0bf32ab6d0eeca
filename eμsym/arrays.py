"""Kinds of arrays, and the sums by index that everything binned is made of."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from eμsym.errors import DataError
from eμsym.one_thread import blas_in_one_thread

blas_in_one_thread()

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: What every function that draws takes.
Rng = np.random.Generator | int | None


def as_numbers(values: Any, what: str) -> FloatArray:
    """Return a column as float64, shape (n,).

    Parameters
    ----------
    values : array_like or ak.Array
    what : str
        What to call it in an error.

    Raises
    ------
    DataError
        If it is text, or anything else but one number an event.
    """
    try:
        array = np.asarray(ak.to_numpy(values, allow_missing=False))
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} is not one number an event") from error
    if array.dtype.kind not in "biuf" or array.ndim != 1:
        raise DataError(
            f"{what} has the type {array.dtype} and the shape {array.shape}; it must be one "
            "number an event"
        )
    return array.astype(np.float64)


def summed(index: Any, values: Any, size: int) -> FloatArray:
    """Return the sums of values by index, shape (size,); index and values have shape (n,)."""
    return np.asarray(np.bincount(index, values, size), dtype=np.float64)
