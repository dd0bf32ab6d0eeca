"""Sums of residuals by cell for many labellings at once, compiled.

Imported only where events are tested, so that ``import eμsym`` needs no numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray
from eμsym.engines.adam_kernel import compiled

#: Labellings that are summed at once. Each is a lane of its own: their number changes no bit.
LANES = 32

#: Events that are read at once, so that they stay near while all partitions are summed.
_BLOCK = 1024


def cell_sums(cells: NDArray[Any], residuals: FloatArray, size: int) -> FloatArray:
    """Return the sums of residuals by cell, for several partitions and many labellings.

    Parameters
    ----------
    cells : ndarray of unsigned int, shape (partitions, n)
        The cell that every event has in every partition.
    residuals : ndarray of float, shape (n, labellings)
    size : int
        Cells a partition.

    Returns
    -------
    ndarray of float, shape (partitions, size, labellings)
        Added up in the order of the events.
    """
    result = np.zeros((len(cells), size, residuals.shape[1]))
    _add(cells, residuals, result)
    return result


# No fastmath: sums keep their order, and with it every bit.
@compiled(set())
def _add(cells: Any, residuals: Any, result: Any) -> None:
    n, lanes = residuals.shape
    for first in range(0, n, _BLOCK):
        last = min(first + _BLOCK, n)
        for partition in range(cells.shape[0]):
            for i in range(first, last):
                cell = cells[partition, i]
                for lane in range(lanes):
                    result[partition, cell, lane] += residuals[i, lane]
