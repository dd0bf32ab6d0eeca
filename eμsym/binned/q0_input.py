"""What the binned likelihoods take: counts that are counts, and a signal that is a shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from eμsym.counts import FloatArray, check_same_binning, counts_and_variances
from eμsym.errors import ConfigurationError, DataError

#: Bins times toys that are worked on at once: temporaries stay in the cache.
CHUNK = 1 << 15


def chunks(n_toys: int, n_bins: int) -> Iterator[slice]:
    """Yield slices of toys that are small enough to work on at once."""
    step = max(1, CHUNK // max(1, n_bins))
    for first in range(0, n_toys, step):
        yield slice(first, first + step)


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise a `ConfigurationError` unless the value is one of the choices."""
    if value not in choices:
        raise ConfigurationError(f"{name} {value!r}: choose {' or '.join(choices)}")


def as_counts(values: Any, name: str) -> FloatArray:
    """Return float64 values; raise a `DataError` if one is negative or not finite."""
    counts = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(counts)):
        raise DataError(f"{name}: a bin content is not finite; remove NaN and infinite counts")
    if np.any(counts < 0):
        raise DataError(f"{name}: a bin content is negative ({counts.min():g})")
    return counts


def normalised_signal(signal: Any) -> FloatArray:
    """Return a signal's shape scaled to a sum of one.

    Parameters
    ----------
    signal : array_like or histogram

    Raises
    ------
    DataError
        If a bin is negative or not finite, or all are zero.
    """
    values = as_counts(contents(signal), "signal")
    total = float(values.sum())
    if not total > 0:
        raise DataError("signal: every bin is zero; there is no shape to look for")
    return values / total


def fit_input(
    b: Any, reference: Any, signal: Any, background: str
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return B, the reference (T or A) and the normalised S, as arrays of one shape.

    Raises
    ------
    DataError
        If binnings differ, a content is negative or not finite, B (or A) is
        weighted, or the signal is all zero.
    """
    check_same_binning(b, reference)
    check_same_binning(b, signal)
    counts = unweighted_counts(b, "B")
    if background == "known":
        other = as_counts(contents(reference), "T")
    else:
        other = unweighted_counts(reference, "A")
    return counts, other, normalised_signal(signal)


def unweighted_counts(sample: Any, name: str) -> FloatArray:
    """Return the contents of a histogram or array; raise a `DataError` if it is weighted."""
    counts, variances = counts_and_variances(sample, name=name)
    if not np.allclose(variances, counts, rtol=1e-9, atol=0.0):
        raise DataError(
            f"{name}: the histogram is weighted (its variances are not its counts); "
            "q0 is a likelihood of counts, use unweighted events"
        )
    return counts


def check_toy_shapes(b: FloatArray, reference: FloatArray, signal: FloatArray) -> None:
    """Raise a `DataError` unless B is (*toys, *bins) and the reference that or (*bins)."""
    bins = signal.shape
    if signal.ndim == 0 or b.shape[b.ndim - signal.ndim :] != bins or b.ndim < signal.ndim:
        raise DataError(f"B has shape {b.shape}, but the signal {bins}; its last axes must be bins")
    if reference.shape not in (bins, b.shape):
        raise DataError(f"the reference has shape {reference.shape}, but B {b.shape}")


def check_populated(b: FloatArray, t: FloatArray, s: FloatArray) -> None:
    """Raise a `DataError` if B has entries where neither T nor S expects any."""
    if np.any((b > 0) & (t == 0) & (s == 0)):
        raise DataError("B has entries in a bin where T and the signal are zero; mend T")


def contents(sample: Any) -> Any:
    """Return a histogram's bin contents, or the array itself."""
    return sample.values() if callable(getattr(sample, "values", None)) else sample


def json_number(x: float) -> float | str | None:
    """Return a number as JSON can hold it: None for NaN, "inf" or "-inf" for infinity."""
    if np.isnan(x):
        return None
    return float(x) if np.isfinite(x) else ("inf" if x > 0 else "-inf")
