"""What the spline test reads: two samples of one column, checked, sorted and merged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from eμsym.arrays import FloatArray
from eμsym.errors import DataError
from eμsym.pair import Pair
from eμsym.sources import pair_columns
from eμsym.unbinned.distinct import Distinct


@dataclass(frozen=True, eq=False)
class Samples:
    """Two checked samples, and what of their weights the p-value needs."""

    events: Distinct
    n_a: float
    n_b: float
    #: Σ of squared weights at each of `events.x`, for A and for B; None if all weights are one.
    squares: tuple[FloatArray, FloatArray] | None
    #: What the weights of `events` and `squares` are in units of.
    unit: float = 1.0


def read_samples(a: Any, b: Any, weights_a: Any, weights_b: Any) -> Samples:
    """Return two samples as the spline test is given them.

    Raises
    ------
    DataError
        As for `SplineTest`.
    """
    if isinstance(a, Pair):
        if b is not None or weights_a is not None or weights_b is not None:
            raise DataError("a pair brings both samples and their weights; give it alone")
        a, b, weights_a, weights_b = pair_columns(a)
    x_a, w_a = checked_sample(a, weights_a, "A")
    x_b, w_b = checked_sample(b, weights_b, "B")
    check_range(min(x_a.min(), x_b.min()), max(x_a.max(), x_b.max()))
    n_a, n_b = float(w_a.sum()), float(w_b.sum())
    unit = unit_of(np.concatenate([w_a, w_b]))
    w_a, w_b = w_a / unit, w_b / unit
    events = Distinct.of(x_a[:, None], x_b[:, None], w_a, w_b)
    squares = None
    if np.any(w_a != 1) or np.any(w_b != 1):
        squares = (_summed(events.x[0], x_a, w_a**2), _summed(events.x[0], x_b, w_b**2))
    return Samples(events, n_a, n_b, squares, unit)


def unit_of(weights: FloatArray) -> float:
    """Return a unit in which weights are near one, for which the fit's precision is made.

    Equal weights are one in it, as events without weights have; otherwise it is a power of
    two, which changes no digit.

    Parameters
    ----------
    weights : ndarray of float, shape (n,)
        Above zero.
    """
    if not weights.size or weights.min() == weights.max():
        return float(weights[0]) if weights.size else 1.0
    return float(2.0 ** round(math.log2(weights.mean())))


def checked_sample(values: Any, weights: Any, name: str) -> tuple[FloatArray, FloatArray]:
    """Return the values and weights of the events that count.

    Raises
    ------
    DataError
        If there are none, or a value or a weight cannot be used; the message has the name.
    """
    x = _numbers(values, name)
    if x.ndim != 1:
        raise DataError(
            f"{name}: splines test one column, got shape {x.shape}; choose one of its columns"
        )
    if not np.all(np.isfinite(x)):
        raise DataError(f"{name}: a value is NaN or infinite; remove such events")
    w = np.ones(x.size) if weights is None else _numbers(weights, f"{name}: the weights")
    if w.shape != x.shape:
        raise DataError(f"{name}: {x.size} events, but weights of shape {w.shape}")
    if not np.isfinite(w.sum()) or np.any(w < 0):
        raise DataError(f"{name}: a weight is negative or not finite; the fit would have no end")
    counts = w > 0
    if not counts.any():
        raise DataError(f"{name}: the sample is empty")
    return (x, w) if counts.all() else (x[counts], w[counts])


def check_range(low: float, high: float) -> None:
    """Raise a `DataError` if values are further apart than a float can say."""
    with np.errstate(over="ignore"):
        span = np.subtract(high, low)
    if not np.isfinite(span):
        raise DataError("x: the range of its values is not finite; rescale or cut them")


def _numbers(values: Any, name: str) -> FloatArray:
    try:
        array = ak.to_numpy(values, allow_missing=False) if isinstance(values, ak.Array) else values
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: is not an array of numbers, one an event") from error


def _summed(distinct: FloatArray, x: FloatArray, weight: FloatArray) -> FloatArray:
    place = np.searchsorted(distinct, x)
    return np.asarray(np.bincount(place, weight, distinct.size), dtype=np.float64)
