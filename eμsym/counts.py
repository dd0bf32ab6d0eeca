"""From arrays and histograms to bin contents and variances."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.errors import DataError


def counts_and_variances(
    sample: Any, variance: ArrayLike | None = None, *, name: str = "sample"
) -> tuple[FloatArray, FloatArray]:
    """Return the bin contents of a sample and their variances.

    Parameters
    ----------
    sample : array_like or histogram
        Any shape. Histograms are whatever follows the UHI protocol (hist,
        boost-histogram, uproot, PyROOT): their ``values()`` and ``variances()``
        are taken, without the under- and overflow bins.
    variance : array_like, optional
        Variances, of the same shape. Default: the histogram's own, and for an
        array the counts themselves (Poisson).
    name : str
        What to call the sample in an error.

    Returns
    -------
    counts, variances : ndarray of float64
        Of the shape of the sample.

    Raises
    ------
    DataError
        If shapes differ, a value is not a finite number, a variance is negative,
        a count is negative where the variance is to be taken from it, or a
        histogram holds means instead of counts.
    """
    counts = _contents(sample, name)
    given: Any = variance
    if given is None and _is_histogram(sample):
        given = sample.variances()
        if given is None:
            raise DataError(
                f"{name}: the histogram was filled with weights but keeps no variances; "
                "fill one with Weight() storage or pass the variances"
            )
    if not np.all(np.isfinite(counts)):
        raise DataError(f"{name}: a bin content is not finite; remove NaN and infinite counts")
    if given is None:
        if np.any(counts < 0):
            raise DataError(
                f"{name}: a count is negative ({counts.min():g}); "
                "pass the variances if the events are weighted"
            )
        return counts, counts.copy()
    variances = _numbers(given, f"{name}: the variances")
    if variances.shape != counts.shape:
        raise DataError(
            f"{name}: the variances have shape {variances.shape}, the counts {counts.shape}"
        )
    if not np.all(np.isfinite(variances)) or np.any(variances < 0):
        raise DataError(f"{name}: a variance is negative or not finite")
    return counts, variances


def check_same_binning(b: Any, a: Any) -> None:
    """Raise a `DataError` unless two samples have the same shape and bin edges.

    Edges are compared where both samples are histograms with axes.
    """
    axes_b, axes_a = getattr(b, "axes", None), getattr(a, "axes", None)
    if axes_b is None or axes_a is None:
        shape_b, shape_a = _contents(b, "B").shape, _contents(a, "A").shape
        if shape_b != shape_a:
            raise DataError(f"the samples' shapes differ: {shape_b} and {shape_a}")
        return
    if len(axes_b) != len(axes_a):
        raise DataError(f"one histogram has {len(axes_b)} axes, the other {len(axes_a)}")
    for i, (axis_b, axis_a) in enumerate(zip(axes_b, axes_a, strict=True)):
        edges_b, edges_a = _edges(axis_b), _edges(axis_a)
        if len(edges_b) != len(edges_a) or any(
            not _same_edge(left, right) for left, right in zip(edges_b, edges_a, strict=True)
        ):
            raise DataError(f"the histograms' binnings differ on axis {i}")


def _is_histogram(sample: Any) -> bool:
    return callable(getattr(sample, "values", None)) and hasattr(sample, "variances")


def _contents(sample: Any, name: str) -> FloatArray:
    """Return the bin contents of an array or a histogram."""
    if not _is_histogram(sample):
        return _numbers(sample, name)
    if getattr(sample, "kind", None) == "MEAN":
        raise DataError(f"{name}: the histogram holds means (a profile), not counts")
    return _numbers(sample.values(), name)


def _numbers(values: Any, name: str) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: is not an array of numbers ({error})") from error


def _edges(axis: Any) -> list[Any]:
    """Return a UHI axis as a list: (low, high) pairs, or labels."""
    return [axis[i] for i in range(len(axis))]


def _same_edge(left: Any, right: Any) -> bool:
    if isinstance(left, tuple) and isinstance(right, tuple):
        # Rounding moves an edge near zero by much more than a fraction of itself.
        width = abs(left[1] - left[0])
        slack = 1e-9 * width if math.isfinite(width) else 0.0
        return all(
            math.isclose(low, high, rel_tol=1e-12, abs_tol=slack)
            for low, high in zip(left, right, strict=True)
        )
    return bool(left == right)
