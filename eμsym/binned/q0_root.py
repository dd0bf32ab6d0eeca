"""A root search on many decreasing functions at once: Newton steps kept inside a bracket."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eμsym.arrays import FloatArray

#: Enough to bisect any bracket of doubles; Newton needs about five.
MAX_STEPS = 200


def decreasing_root(
    function: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    low: FloatArray,
    high: FloatArray,
    start: FloatArray,
    tolerance: FloatArray,
) -> FloatArray:
    """Find where decreasing functions, one a toy, cross zero.

    A step that leaves the bracket, or does not halve the one before, is
    replaced by bisection: the search cannot fail, whatever the curvature.

    Parameters
    ----------
    function : callable
        Takes x, shape (toys,), and returns the values and the slopes there.
        Values may be infinite.
    low, high : ndarray of float, shape (toys,)
        Brackets: no function is negative at `low` nor positive at `high`.
    start : ndarray of float, shape (toys,)
        Where to begin, inside the bracket.
    tolerance : ndarray of float, shape (toys,)
        A toy is done after a step no longer than this. Newton's last step
        leaves an error far below it.

    Returns
    -------
    ndarray of float, shape (toys,)
    """
    x, low, high = start.copy(), low.copy(), high.copy()
    last_step = high - low
    done = ~(high > low)
    x[done] = low[done]
    for _ in range(MAX_STEPS):
        if done.all():
            break
        value, slope = function(x)
        low = np.where(value > 0, x, low)
        high = np.where(value <= 0, x, high)
        with np.errstate(invalid="ignore", divide="ignore"):
            step = -value / slope
        newton = x + step
        # Comparisons with NaN are False: such steps bisect.
        good = (newton >= low) & (newton <= high) & (np.abs(step) <= 0.5 * last_step)
        step = np.where(good, step, 0.5 * (low + high) - x)
        step[(value == 0) | done] = 0.0
        x = x + step
        last_step = np.abs(step)
        done |= last_step <= tolerance + 4 * np.finfo(float).eps * np.abs(x)
    return x
