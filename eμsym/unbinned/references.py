"""What an ideal analysis would find, and what an overfit one could (SYM, arXiv:2401.09530)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad
from scipy.special import xlog1py, xlogy

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import as_counts, contents
from eμsym.counts import check_same_binning
from eμsym.errors import DataError

Density = Callable[[Any], Any]


def ideal_significance(
    background: Density,
    signal: Density,
    n_background: float,
    n_signal: float,
    *,
    lower: float = 0.0,
    upper: float = math.inf,
    points: Sequence[float] = (),
) -> float:
    """Return the significance where background and signal shape are known (SYM Eq. 30).

    Z² = 2 ( −N_s + ∫ (N_b b + N_s S) ln(1 + N_s S / (N_b b)) dx ), the Asimov q0.

    Parameters
    ----------
    background, signal : callable
        Normalised densities of x, on arrays or numbers.
    n_background, n_signal : float
        Expected events in the sample with the signal.
    lower, upper : float
        The range of x.
    points : sequence of float
        Where the integrand changes quickly, say a narrow signal's centre and
        a few widths to either side. Without them a resonance can be missed.

    Returns
    -------
    float
        Infinite if the signal reaches where there is no background.

    Raises
    ------
    DataError
        If a number of events is negative or not finite, the range is empty, or
        the signal's integral is not one to 10⁻⁶.

    Examples
    --------
    >>> from eμsym.toy_model import TOY_BACKGROUND, TOY_SIGNALS
    >>> z = ideal_significance(
    ...     TOY_BACKGROUND.pdf, TOY_SIGNALS["S3"].pdf, 5.5e4, 500, points=(1.0, 1.6, 2.2)
    ... )
    >>> round(z, 1)
    6.2
    """
    for value, name in ((n_background, "n_background"), (n_signal, "n_signal")):
        if not math.isfinite(value) or value < 0:
            raise DataError(f"{name}: a number of events is at least 0 and finite, got {value}")
    if not lower < upper:
        raise DataError(f"the range from {lower} to {upper} is empty")

    def integrand(x: float) -> float:
        b, s = n_background * float(background(x)), n_signal * float(signal(x))
        if s == 0:
            return 0.0
        if b == 0:
            return math.inf
        # The −N_s of the equation is taken into the integral: large terms cancel there.
        return (b + s) * math.log1p(s / b) - s

    edges = _edges(lower, upper, points)
    with np.errstate(all="ignore"):
        norm = _integral(lambda x: float(signal(x)), edges)
        if not abs(norm - 1) < 1e-6:
            raise DataError(
                f"signal: its integral from {lower} to {upper} is {norm:.8g}, not 1; "
                "normalise it, or name points near a narrow one"
            )
        half = _integral(integrand, edges)
    return math.inf if not math.isfinite(half) else math.sqrt(2 * max(0.0, half))


def ideal_significance_binned(background: Any, signal: Any) -> float:
    """Return the significance of expected bin contents (SYM Eq. 29).

    Z² = 2 ( −N_s + Σ (N_b(x) + N_s(x)) ln(1 + N_s(x) / N_b(x)) ). It depends on
    the binning: more bins never lower it.

    Parameters
    ----------
    background, signal : array_like or histogram, shape (*bins)
        Expected events of the sample with the signal.

    Returns
    -------
    float
        Infinite if there is signal in a bin without background.

    Raises
    ------
    DataError
        If binnings differ, or a content is negative or not finite.
    """
    check_same_binning(background, signal)
    b = as_counts(contents(background), "background")
    s = as_counts(contents(signal), "signal")
    used = s > 0
    b, s = b[used], s[used]
    if np.any(b == 0):
        return math.inf
    return math.sqrt(2 * max(0.0, float(np.sum(xlog1py(b + s, s / b) - s))))


def ideal_symmetrized_score(
    signal: Any, background_a: Any, background_b: Any, *, known_background: bool = False
) -> float:
    """Return the symmetrized score t of a perfect fit (SYM Eq. C1 and C2).

    C2, for unknown sizes of the background, is the likelihood ratio of the two
    samples' contents with every bin free. C1 is for known ones, and tends to the
    square of the ideal significance for N_B ≫ N_A. N_tot in both includes the signal.

    Parameters
    ----------
    signal : array_like or histogram, shape (*bins)
        Expected signal, in A.
    background_a, background_b : array_like or histogram, shape (*bins)
        Expected background in A and in B, of one shape.
    known_background : bool
        Whether the expected sizes are known (C1).

    Returns
    -------
    float

    Raises
    ------
    DataError
        If binnings differ, a content is negative or not finite, a background is
        all zero, or that of A is zero in a bin where the others are not.
    """
    check_same_binning(signal, background_a)
    check_same_binning(background_b, background_a)
    s = as_counts(contents(signal), "signal")
    a = as_counts(contents(background_a), "background A")
    b = as_counts(contents(background_b), "background B")
    if a.sum() == 0 or b.sum() == 0:
        raise DataError("a background is all zero: there is no pair to compare")
    if np.any((a == 0) & (s + b > 0)):
        raise DataError("background A is zero in a bin where the signal or B is not; merge bins")
    used = a > 0
    s, a, b = s[used], a[used], b[used]
    n_s, n_a, n_b = s.sum(), a.sum(), b.sum()
    first = -n_s if known_background else xlog1py(n_s + n_a, -n_s / (n_s + n_a))
    own = np.sum(xlogy(s + a, (s + a) / a))
    both = np.sum(xlogy(s + a + b, n_a * (s + a + b) / ((n_s + n_a + n_b) * a)))
    return float(2 * (first + own - both))


@dataclass(frozen=True)
class OverfitBound:
    """Result of `overfit_bound`.

    Attributes
    ----------
    t, t_a, t_b : float
        The score, and its parts from f and from g.
    removed_from_b, removed_from_a : int
        N*_B events of B that f removes, and N*_A of A that g removes.
    """

    t: float
    t_a: float
    t_b: float
    removed_from_b: int
    removed_from_a: int

    @property
    def statistic(self) -> float:
        """The score, t."""
        return self.t

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes, for JSON."""
        return asdict(self)


def overfit_bound(a: ArrayLike, b: ArrayLike, *, sinks: int = 2) -> OverfitBound:
    """Return the score that an overfit network reaches by removing runs (SYM App. D).

    In t(A) a sink of f, where e^f → 0, costs nothing over a run of events of B
    alone. With N*_B events of B removed and f constant elsewhere, and likewise g,

    t = 2 N_A ln(N/(N − N*_B)) + 2 N_B ln(N/(N − N*_A)), N = N_A + N_B,

    which mends D4-D5 and agrees with D6. No fit that is stopped or smooth comes
    near; a fully trained one can be above, as f need not be constant elsewhere.

    Parameters
    ----------
    a, b : array_like, shape (n_a,) and (n_b,)
        Samples. Values that both have, to the last bit, cannot be removed.
    sinks : int
        Sinks a function can have: two with four sigmoids, two for each.

    Returns
    -------
    OverfitBound

    Raises
    ------
    DataError
        If a sample is empty or not one-dimensional, a value is not finite, or
        `sinks` is negative.
    """
    x_a, x_b = _values(a, "A"), _values(b, "B")
    if sinks < 0:
        raise DataError(f"sinks: at least 0, got {sinks}")
    n_a, n_b = x_a.size, x_b.size
    from_b, from_a = _longest_runs(x_b, x_a, sinks), _longest_runs(x_a, x_b, sinks)
    t_a = -2 * n_a * math.log1p(-from_b / (n_a + n_b))
    t_b = -2 * n_b * math.log1p(-from_a / (n_a + n_b))
    return OverfitBound(t=t_a + t_b, t_a=t_a, t_b=t_b, removed_from_b=from_b, removed_from_a=from_a)


def _longest_runs(x: FloatArray, other: FloatArray, count: int) -> int:
    """Return how many of x are in the `count` longest runs without an event of `other`."""
    fences = np.unique(other)
    # Gap i lies between fence i-1 and fence i; events on a fence are in none.
    left, right = np.searchsorted(fences, x, "left"), np.searchsorted(fences, x, "right")
    runs: NDArray[np.int64] = np.bincount(left[left == right], minlength=1)
    return int(np.sort(runs)[::-1][:count].sum())


def _values(sample: ArrayLike, name: str) -> FloatArray:
    x = np.asarray(sample, dtype=np.float64)
    if x.ndim != 1 or x.size == 0:
        raise DataError(f"{name}: needs one column with an event at least, got shape {x.shape}")
    if not np.all(np.isfinite(x)):
        raise DataError(f"{name}: a value is NaN or infinite; remove such events")
    return x


def _edges(lower: float, upper: float, points: Sequence[float]) -> list[float]:
    inside = sorted({float(x) for x in points if lower < x < upper})
    return [lower, *inside, upper]


def _integral(f: Callable[[float], float], edges: list[float]) -> float:
    total = 0.0
    for low, high in pairwise(edges):
        value, _ = quad(f, low, high, limit=500, epsabs=1e-10, epsrel=1e-10)
        total += value
    return total
