"""Kinds of arrays, and the sums by index that everything binned is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eμsym.one_thread import blas_in_one_thread

blas_in_one_thread()

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

#: What every function that draws takes.
Rng = np.random.Generator | int | None


def summed(index: Any, values: Any, size: int) -> FloatArray:
    """Return the sums of values by index, shape (size,); index and values have shape (n,)."""
    return np.asarray(np.bincount(index, values, size), dtype=np.float64)
