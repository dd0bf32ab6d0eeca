"""What the binned likelihoods take: counts that are counts, a signal that is a shape, a ratio."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eμsym.arrays import FloatArray
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.counts import check_same_binning, counts_and_variances
from eμsym.errors import ConfigurationError, DataError

BoolArray = NDArray[np.bool_]
Background = Literal["known", "profiled"]
Minimizer = Literal["newton", "minuit"]

#: Bounds of μ̂ that are not physical are widened by this, lest rounding put μ̂ outside.
MARGIN = 1 + 1e-9

#: Bins of fewer entries in both samples together are sparse to a profiled likelihood, and
#: more than this share of a signal in them tells.
SPARSE_ENTRIES, SPARSE_SHARE = 20.0, 0.01

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


@dataclass(frozen=True, eq=False)
class Signal:
    """The shapes of a signal in the two samples, normalised together.

    Attributes
    ----------
    in_a, in_b : ndarray of float, shape (*bins)
        Events of A and of B for each event of signal: Σ(S_A + S_B) = 1, or less where
        part of the signal lies outside the bins.
    variance_a, variance_b : ndarray of float, shape (*bins), or None
        What the statistics of the signal's simulation leave them open; None if they are
        exact. Bins are independent.
    """

    in_a: FloatArray
    in_b: FloatArray
    variance_a: FloatArray | None = None
    variance_b: FloatArray | None = None

    @classmethod
    def normalised(cls, signal: Any) -> Signal:
        """Return a signal in B alone, or from a tuple (S_A, S_B) one in both.

        A tuple of two numbers is a signal in B of two bins. A `Signal` is returned as it is.

        Raises
        ------
        DataError
            If the two are of other bins, one of these is negative or not finite,
            or all are zero.
        """
        if isinstance(signal, Signal):
            return signal
        if not is_signal_pair(signal):
            in_b = normalised_signal(signal)
            return cls(np.zeros_like(in_b), in_b)
        check_same_binning(*signal)
        in_a, in_b = (as_counts(contents(shape), "signal") for shape in signal)
        total = float(in_a.sum()) + float(in_b.sum())
        if not total > 0:
            raise DataError("signal: every bin is zero; there is no shape to look for")
        return cls(in_a / total, in_b / total)

    @property
    def both(self) -> FloatArray:
        """S_A + S_B."""
        return self.in_a + self.in_b

    @property
    def uncertain(self) -> bool:
        """Whether the shapes are open within their variances."""
        return self.variance_a is not None or self.variance_b is not None

    @property
    def variances(self) -> tuple[FloatArray, FloatArray]:
        """The variances of S_A and of S_B; zero where they are exact."""
        none = np.zeros_like(self.in_a)
        v_a, v_b = (none if v is None else v for v in (self.variance_a, self.variance_b))
        return v_a, v_b

    def ravel(self) -> Signal:
        """Return the signal of flat bins."""
        return self._each(lambda values: values.ravel())

    def of_bins(self, chosen: BoolArray) -> Signal:
        """Return the signal in some of the flat bins, as they are."""
        return self._each(lambda values: values[chosen])

    def shift(self, kappa: FloatArray) -> tuple[FloatArray, FloatArray]:
        r"""Return by how much S_A and S_B move with one standard deviation of their contrast.

        A bin with its background profiled knows the signal by w = S_B/κ − S_A alone.
        Of variance :math:`σ^2 = v_B/κ^2 + v_A`, it takes S_A with it by −v_A/σ and S_B by
        v_B/κσ, their regression on w.

        Parameters
        ----------
        kappa : ndarray of float, shape (*bins)
        """
        v_a, v_b = self.variances
        sigma = np.sqrt(v_b / kappa**2 + v_a)
        some = np.where(sigma > 0, sigma, 1.0)
        return -v_a / some, v_b / kappa / some

    def _each(self, change: Callable[[FloatArray], FloatArray]) -> Signal:
        v_a, v_b = (None if v is None else change(v) for v in (self.variance_a, self.variance_b))
        return Signal(change(self.in_a), change(self.in_b), v_a, v_b)


def is_signal_pair(signal: Any) -> bool:
    """Whether a signal is a tuple (S_A, S_B) of arrays or histograms."""
    return (
        isinstance(signal, tuple)
        and len(signal) == 2
        and not any(isinstance(shape, Number) for shape in signal)
    )


def signal_parts(signal: Any) -> tuple[Any, ...]:
    """Return the one or two shapes that a signal is given by."""
    if isinstance(signal, Signal):
        return signal.in_a, signal.in_b
    return signal if is_signal_pair(signal) else (signal,)


def checked_signal(signal: Any, background: str) -> Signal:
    """Return the normalised signal; a known background leaves no A for one to stand in.

    Raises
    ------
    ConfigurationError
        If the background is known and the signal is a pair.
    DataError
        As `Signal.normalised` does.
    """
    if background == "known" and (is_signal_pair(signal) or isinstance(signal, Signal)):
        raise ConfigurationError("a signal (S_A, S_B) is of two samples; with T known give S_B")
    return Signal.normalised(signal)


def checked_ratio(
    ratio: YieldRatio | ArrayLike | None, shape: tuple[int, ...], background: str
) -> YieldRatio:
    """Return the ratio of flat bins; one if there is none.

    Raises
    ------
    DataError
        If it is of other bins, or not a number above zero.
    ConfigurationError
        If the background is known: nothing is left for a ratio to say.
    """
    if ratio is None:
        return YieldRatio.exact(np.ones(int(np.prod(shape))))
    if background != "profiled":
        raise ConfigurationError("a ratio is of two samples; with a known background give T alone")
    result = ratio if isinstance(ratio, YieldRatio) else YieldRatio.exact(ratio)
    if result.log_ratio.shape != shape:
        raise DataError(f"the ratio has shape {result.log_ratio.shape}, the signal {shape}")
    return YieldRatio(
        result.log_ratio.ravel(), result.modes.reshape(len(result.modes), result.log_ratio.size)
    )


def fit_input(
    b: Any, reference: Any, signal: Any, background: str
) -> tuple[FloatArray, FloatArray, Signal]:
    """Return B, the reference (T or A) and the normalised signal, as arrays of one shape.

    Raises
    ------
    DataError
        If binnings differ, a content is negative or not finite, B (or A) is
        weighted, or the signal is all zero.
    ConfigurationError
        As `checked_signal` does.
    """
    check_same_binning(b, reference)
    for shape in signal_parts(signal):
        check_same_binning(b, shape)
    counts = unweighted_counts(b, "B")
    if background == "known":
        other = as_counts(contents(reference), "T")
    else:
        other = unweighted_counts(reference, "A")
    return counts, other, checked_signal(signal, background)


def unweighted_counts(sample: Any, name: str) -> FloatArray:
    """Return the contents of a histogram or array; raise a `DataError` if it is weighted."""
    counts, variances = counts_and_variances(sample, name=name)
    if not np.allclose(variances, counts, rtol=1e-9, atol=0.0):
        raise DataError(
            f"{name}: the histogram is weighted (its variances are not its counts); "
            "q0 is a likelihood of counts, use unweighted events"
        )
    return counts


def is_sparse(b: FloatArray, a: FloatArray, signal: Signal) -> bool:
    """Return whether too much of a signal is in bins of too few entries of both samples.

    Parameters
    ----------
    b, a : ndarray of float, shape (*bins)
    signal : Signal
    """
    both = signal.both
    return bool(both[a + b < SPARSE_ENTRIES].sum() > SPARSE_SHARE * both.sum())


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
