"""The statistics of many views of a region for many labellings at once, compiled.

Imported only where events are scanned, so that ``import eμsym`` needs no numba. A view is a
histogram of one observable, or a plane of two: its sums are made and used while they are in
the processor's cache, so that no labelling's histograms are ever held in memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray
from eμsym.engines.adam_kernel import compiled
from eμsym.scanning.choices import NO_CELL, STATISTICS

#: Labellings that are done at once. Each is a lane of its own: their number changes no bit.
LANES = 32

#: Views whose sums are made together, and events that are read at once: both stay in cache.
_TOGETHER, _BLOCK = 8, 256


def view_statistics(
    cells: NDArray[np.uint8],
    views: NDArray[np.int64],
    scale: FloatArray,
    forms: FloatArray,
    weights: FloatArray,
    residuals: FloatArray,
    *,
    squares: bool,
) -> FloatArray:
    """Return the statistics of views, for every labelling.

    Parameters
    ----------
    cells : ndarray of uint8, shape (axes, n)
        The cell that every event has on every axis; `NO_CELL` for none.
    views : ndarray of int, shape (views, 4)
        The two axes of each (the second is −1 of a view of one observable) and how many
        cells each has.
    scale : ndarray of float, shape (views, 2, bins)
        Of each bin's sum: 1/σ of the events alone, then what makes that the pull, whose σ has
        what a calibration does to it; 0 of a bin that is not used.
    forms : ndarray of float, shape (views, rows, bins)
        Of the sums over the events' own σ, see `weights`.
    weights : ndarray of float, shape (views, 2, rows)
        χ² is the sum of their squares plus the first weights times the forms squared; the
        spline's score is the second weights times the forms squared.
    residuals : ndarray of float, shape (n, LANES)
        w (y − p) of every event in every labelling, y = 1 for A.
    squares : bool
        Whether windows of a plane are squares; else all rectangles.

    Returns
    -------
    ndarray of float, shape (views, 4, LANES)
        As `STATISTICS`: Nσ of B − A, with its sign; χ² of the bins; the largest squared Nσ of
        any window; the spline's score. A sum of pulls is over √M, with M the bins in use.
    """
    result = np.zeros((len(views), len(STATISTICS), residuals.shape[1]))
    _fill(cells, views, scale, forms, weights, residuals, squares, result)
    return result


# No fastmath: sums keep their order, and with it every bit.
@compiled(set())
def _fill(
    cells: Any,
    views: Any,
    scale: Any,
    forms: Any,
    weights: Any,
    residuals: Any,
    squares: Any,
    result: Any,
) -> None:
    n, lanes = residuals.shape
    bins = scale.shape[2]
    sums = np.zeros((_TOGETHER, bins, lanes))
    table = np.zeros((bins * 2 + 2, lanes))
    used = np.zeros(bins * 2 + 2)
    form = np.zeros(lanes)
    for start in range(0, len(views), _TOGETHER):
        stop = min(start + _TOGETHER, len(views))
        sums[:] = 0.0
        for first in range(0, n, _BLOCK):
            last = min(first + _BLOCK, n)
            for view in range(start, stop):
                _add(cells, views[view], residuals, first, last, sums[view - start])
        for view in range(start, stop):
            pull = sums[view - start]
            own, rest = scale[view, 0], scale[view, 1]
            for i in range(bins):
                for lane in range(lanes):
                    pull[i, lane] *= own[i]
                    result[view, 1, lane] += pull[i, lane] * pull[i, lane]
            for row in range(forms.shape[1]):
                for_chi2, for_score = weights[view, 0, row], weights[view, 1, row]
                if for_chi2 == 0.0 and for_score == 0.0:
                    continue
                form[:] = 0.0
                for i in range(bins):
                    factor = forms[view, row, i]
                    if factor != 0.0:
                        for lane in range(lanes):
                            form[lane] += factor * pull[i, lane]
                for lane in range(lanes):
                    square = form[lane] * form[lane]
                    result[view, 1, lane] += for_chi2 * square
                    result[view, 3, lane] += for_score * square
            for i in range(bins):
                for lane in range(lanes):
                    pull[i, lane] *= rest[i]
            _whole(pull, own, result[view, 0])
            rows, columns = views[view, 2], views[view, 3]
            _largest_window(pull, own, rows, columns, squares, table, used, result[view, 2])


@compiled(set())
def _add(cells: Any, view: Any, residuals: Any, first: Any, last: Any, sums: Any) -> None:
    """Add the residuals of some events to a view's sums."""
    lanes = residuals.shape[1]
    one, other, columns = view[0], view[1], view[3]
    for i in range(first, last):
        cell = np.int64(cells[one, i])
        if cell == NO_CELL:
            continue
        if other >= 0:
            second = np.int64(cells[other, i])
            if second == NO_CELL:
                continue
            cell = cell * columns + second
        for lane in range(lanes):
            sums[cell, lane] += residuals[i, lane]


@compiled(set())
def _whole(pull: Any, scale: Any, nsigma: Any) -> None:
    """Write Nσ of B − A over all bins."""
    bins, lanes = pull.shape
    used = 0
    for i in range(bins):
        if scale[i] != 0.0:
            used += 1
            for lane in range(lanes):
                nsigma[lane] -= pull[i, lane]
    if used > 0:
        for lane in range(lanes):
            nsigma[lane] /= np.sqrt(used)


@compiled(set())
def _largest_window(
    pull: Any,
    scale: Any,
    rows: Any,
    columns: Any,
    squares: Any,
    table: Any,
    used: Any,
    largest: Any,
) -> None:
    """Write the largest squared Nσ of any window of a plane of rows × columns bins.

    From summed-area tables, with a leading row and column of zeros.
    """
    lanes = pull.shape[1]
    width = columns + 1
    table[: (rows + 1) * width] = 0.0
    used[: (rows + 1) * width] = 0.0
    for i in range(rows):
        for j in range(columns):
            at, here = (i + 1) * width + j + 1, i * columns + j
            used[at] = used[at - 1] + used[at - width] - used[at - width - 1]
            used[at] += 1.0 if scale[here] != 0.0 else 0.0
            for lane in range(lanes):
                table[at, lane] = (
                    table[at - 1, lane]
                    + table[at - width, lane]
                    - table[at - width - 1, lane]
                    + pull[here, lane]
                )
    square_plane = squares and columns > 1
    for height in range(1, rows + 1):
        low = height if square_plane else 1
        high = min(height, columns) if square_plane else columns
        for across in range(low, high + 1):
            for i in range(rows - height + 1):
                for j in range(columns - across + 1):
                    a, b = i * width + j, (i + height) * width + j
                    count = used[b + across] - used[b] - used[a + across] + used[a]
                    if count < 0.5:
                        continue
                    inverse = 1.0 / count
                    for lane in range(lanes):
                        total = (
                            table[b + across, lane]
                            - table[b, lane]
                            - table[a + across, lane]
                            + table[a, lane]
                        )
                        square = total * total * inverse
                        if square > largest[lane]:
                            largest[lane] = square
