"""The q0 tests of a signal of known shape, by Newton steps (DDP Eq. 3-8, arXiv:2203.07529)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from eμsym.binned.q0_input import (
    as_counts,
    check_choice,
    check_populated,
    check_toy_shapes,
    chunks,
    fit_input,
    json_number,
    normalised_signal,
)
from eμsym.binned.q0_likelihood import (
    ProfiledScore,
    known_log_ratio,
    known_score,
    profiled_log_ratio,
)
from eμsym.binned.q0_root import decreasing_root
from eμsym.counts import FloatArray
from eμsym.errors import DataError

if TYPE_CHECKING:
    from eμsym.binned.yield_ratio import YieldRatio

Background = Literal["known", "profiled"]
Minimizer = Literal["newton", "minuit"]

#: Brackets that are not a physical boundary are widened by this, lest rounding
#: put a root that stands on the end outside.
MARGIN = 1 + 1e-9

#: The root is found once a step is below this fraction of μ's error.
STEP_TOLERANCE = 1e-10

#: A profiled score below this, in sums of numbers up to one, is rounding: ln L is level.
FLAT = 1e-14


@dataclass(frozen=True)
class Q0:
    """Result of `q0`.

    Attributes
    ----------
    q0 : float
        Signed (Eq. 6): −2 ln λ(0) where μ̂ ≥ 0, +2 ln λ(0) where μ̂ < 0.
        Infinite if the data exclude μ = 0 altogether: entries where a known
        background is zero.
    z : float
        sign(q0) sqrt|q0| (Eq. 8); N(0,1) under the symmetry.
    mu : float
        μ̂, the signal strength in events.
    mu_error : float
        Its error from the curvature of the profiled ln L at μ̂. NaN where there
        is none: on the physical boundary, on the kink at μ = 0 that signal bins
        empty in both samples make, or where ln L is straight.
    """

    q0: float
    z: float
    mu: float
    mu_error: float

    @property
    def statistic(self) -> float:
        """The test statistic, the signed q0."""
        return self.q0

    @property
    def pvalue(self) -> float:
        """One-sided p-value of an excess in B, from N(0,1)."""
        return float(norm.sf(self.z))

    def to_dict(self) -> dict[str, Any]:
        """Return the result with its p-value, for JSON; NaN becomes None, infinity "inf"."""
        return {key: json_number(x) for key, x in {**asdict(self), "pvalue": self.pvalue}.items()}


@dataclass(frozen=True, eq=False)
class Q0Toys:
    """Result of `q0_toys`: what `Q0` holds, each an array over toys.

    Attributes
    ----------
    q0, z, mu, mu_error : ndarray of float, shape (*toys)
    """

    q0: FloatArray
    z: FloatArray
    mu: FloatArray
    mu_error: FloatArray

    @property
    def statistic(self) -> FloatArray:
        """The test statistics, the signed q0."""
        return self.q0

    def to_dict(self) -> dict[str, Any]:
        """Return the moments of Z and μ̂ over the toys, for JSON."""
        with np.errstate(invalid="ignore"):  # an infinite Z has no standard deviation
            moments = {
                "z_mean": float(np.mean(self.z)),
                "z_standard_deviation": float(np.std(self.z)),
                "mu_mean": float(np.mean(self.mu)),
                "mu_standard_deviation": float(np.std(self.mu)),
            }
        return {"n": int(self.z.size)} | {key: json_number(x) for key, x in moments.items()}


def q0(
    b: Any,
    reference: Any,
    signal: Any,
    *,
    background: Background,
    minimizer: Minimizer = "newton",
    ratio: YieldRatio | ArrayLike | None = None,
) -> Q0:
    r"""Test for a signal of known shape, the background known or measured in A.

    .. math::
        L_1(μ) = \prod_i \mathrm{Pois}(B_i | T_i + μ S_i), \qquad
        L_2(μ, b) = \prod_i \mathrm{Pois}(B_i | b_i + μ S_i)\,\mathrm{Pois}(A_i | b_i)

    (DDP Eq. 3 and 4.) q0 is −2 ln L(0)/L(μ̂), each L at its best background, and
    carries the sign of μ̂ (Eq. 6).

    Parameters
    ----------
    b : array_like or histogram
        Counts of the sample with the signal. Any number of dimensions; numpy
        arrays, `hist.Hist`, or any UHI histogram. Not weighted: these are
        likelihoods of counts (which may be fractional, as in Asimov data).
    reference : array_like or histogram
        The expected background T if it is known, the sample A if profiled.
        T may be weighted; its own uncertainty is not in the model.
    signal : array_like or histogram
        The signal's shape S, of any normalisation: it is scaled to ΣS = 1, so
        that μ counts events. Bins may be zero.
    background : {"known", "profiled"}
    minimizer : {"newton", "minuit"}
        "newton" searches the root of the profiled score; "minuit" minimises the
        likelihood with MIGRAD, see `profile_fit`, and is far slower.
    ratio : YieldRatio or array_like, optional
        With the background profiled, the expected κ = E[B]/E[A] of every bin
        without signal: B_i ~ Pois(κ_i b_i + μS_i). A `YieldRatio` brings its
        uncertainty as nuisances, see `EqualisedPair.yield_ratio`. Default: 1.

    Returns
    -------
    Q0

    Raises
    ------
    DataError
        If binnings differ; counts are negative, not finite, or weighted; the
        signal is negative or all zero; B has entries where a known T and S
        are both zero; or a ratio is of other bins, or not above zero.
    ConfigurationError
        If a choice is none of those named, or a ratio goes with a known background.

    Notes
    -----
    A known background lets μ fall to −min(T/S), where a bin's expectation
    vanishes. A profiled one rises to make room for any μ < 0. If ln L is flat
    from zero to some μ, μ̂ = 0.

    Examples
    --------
    >>> result = q0([144, 100], [100, 100], [1, 0], background="profiled")
    >>> round(result.mu, 6), round(result.mu_error, 3), round(result.z, 3)
    (44.0, 15.62, 2.825)
    >>> round(q0([144, 100], [100, 100], [1, 0], background="known").z, 3)
    4.125
    """
    check_choice("background", background, ("known", "profiled"))
    check_choice("minimizer", minimizer, ("newton", "minuit"))
    counts, other, shape = fit_input(b, reference, signal, background)
    if minimizer == "minuit":
        # Here, so that the fast way needs no iminuit.
        from eμsym.binned.q0_minuit import profile_fit

        fit = profile_fit(
            counts, other, shape, background=background, scan_size=0, minos=False, ratio=ratio
        )
        if not fit.valid:
            raise DataError("MIGRAD found no minimum for these counts; take minimizer='newton'")
        return Q0(fit.q0, fit.z, fit.mu, fit.mu_error)
    if ratio is not None:
        from eμsym.binned.q0_ratio import checked_ratio, fit_ratio

        flat = checked_ratio(ratio, shape.shape, background)
        value, mu, mu_error, z = fit_ratio(counts.ravel(), other.ravel(), shape.ravel(), flat)
        return Q0(float(value), float(z), float(mu), float(mu_error))
    toys = q0_toys(counts, other, shape, background=background)
    return Q0(float(toys.q0), float(toys.z), float(toys.mu), float(toys.mu_error))


def q0_toys(
    b: ArrayLike, reference: ArrayLike, signal: ArrayLike, *, background: Background
) -> Q0Toys:
    """Compute q0 of many toys at once, from arrays.

    Parameters
    ----------
    b : array_like, shape (*toys, *bins)
        Counts; the last axes are the signal's, any axes before them are toys.
    reference : array_like, shape (*toys, *bins) or (*bins)
        T if the background is known, A if profiled; without toy axes it serves
        every toy.
    signal : array_like, shape (*bins)
        As for `q0`.
    background : {"known", "profiled"}

    Returns
    -------
    Q0Toys

    Raises
    ------
    DataError
        As for `q0`.

    Notes
    -----
    Beyond its input it needs a few megabytes, however many the toys.

    Examples
    --------
    >>> toys = q0_toys([[144, 100], [56, 100]], [100, 100], [1, 0], background="profiled")
    >>> toys.mu.round(6).tolist(), toys.z.round(2).tolist()
    ([44.0, -44.0], [2.82, -3.55])
    """
    check_choice("background", background, ("known", "profiled"))
    shape = normalised_signal(np.asarray(signal, dtype=np.float64))
    counts, other = np.asarray(b), np.asarray(reference)
    check_toy_shapes(counts, other, shape)
    toys_shape = counts.shape[: counts.ndim - shape.ndim]
    s = shape.ravel()
    counts = counts.reshape(-1, s.size)
    other = other.reshape(-1, s.size)
    result = np.empty((4, len(counts)))
    for rows in chunks(len(counts), s.size):
        b_rows = as_counts(counts[rows], "B")
        other_rows = as_counts(
            other if len(other) == 1 else other[rows], "T" if background == "known" else "A"
        )
        fit = _fit_known if background == "known" else _fit_profiled
        result[:, rows] = fit(b_rows, other_rows, s)
    value, mu, mu_error, z = result.reshape(4, *toys_shape)
    return Q0Toys(q0=value, z=z, mu=mu, mu_error=mu_error)


def _fit_known(b: FloatArray, t: FloatArray, s: FloatArray) -> FloatArray:
    """Fit toys of flat bins; return q0, μ̂, its error and Z, shape (4, toys)."""
    check_populated(b, t, s)
    b, t, s = _signal_bins(b, t, s)
    # Where the expectation of a bin vanishes first, as μ falls.
    low = np.broadcast_to(-(t / s).min(axis=1), len(b))
    high = MARGIN * b.sum(axis=1)  # the score is at most ΣB/μ − 1
    at_zero, slope = known_score(np.zeros(len(b)), b, t, s)
    at_low, _ = known_score(low, b, _zeroed_at_boundary(t, s), s)
    on_boundary = at_low <= 0
    mu = decreasing_root(
        lambda mu: known_score(mu, b, t, s),
        np.where(at_zero > 0, 0.0, low),
        np.where(on_boundary, low, np.where(at_zero > 0, high, 0.0)),
        np.where(on_boundary, low, 0.0),
        _tolerance(slope, high - low),
    )
    slope = known_score(mu, b, t, s)[1]
    return _result(known_log_ratio(mu, b, t, s), mu, np.where(on_boundary, 0.0, slope))


def _fit_profiled(b: FloatArray, a: FloatArray, s: FloatArray) -> FloatArray:
    """Fit toys of flat bins; return q0, μ̂, its error and Z, shape (4, toys)."""
    b, a, s = _signal_bins(b, a, s)
    score = ProfiledScore(b, a, s)
    zero = np.zeros(len(b))
    at_zero, slope = score(zero)
    kink = score.kink
    # Away from zero the kink is a constant; within it the maximum is at zero.
    flat = kink + FLAT
    side = np.where(at_zero > flat, 1.0, np.where(at_zero < -flat, -1.0, 0.0))
    # As b̂̂ + μS ≥ μS and b̂̂ ≥ −μS, the maximum lies between −ΣA and ΣB.
    low = np.where(side < 0, -MARGIN * np.broadcast_to(a.sum(axis=1), len(b)), 0.0)
    high = np.where(side > 0, MARGIN * b.sum(axis=1), 0.0)

    def function(mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        value, slope = score(mu)
        return value - side * kink, slope

    mu = decreasing_root(function, low, high, zero, _tolerance(slope, high - low))
    slope = score(mu)[1]
    slope[(mu == 0) & (kink > 0)] = 0.0
    return _result(profiled_log_ratio(mu, b, a, s), mu, slope)


def _signal_bins(
    b: FloatArray, reference: FloatArray, s: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the bins that know of μ, those with signal."""
    if s.all():
        return b, reference, s
    used = s > 0
    return b[:, used], reference[:, used], s[used]


def _zeroed_at_boundary(t: FloatArray, s: FloatArray) -> FloatArray:
    """Return T with −μS in the bins that bound μ, so that T + μS is there exactly zero."""
    ratio = t / s
    lowest = ratio.min(axis=1, keepdims=True)
    return np.where(ratio == lowest, lowest * s, t)


def _tolerance(slope: FloatArray, width: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.asarray(STEP_TOLERANCE * np.fmin(1 / np.sqrt(-slope), width))


def _result(twice_log_ratio: FloatArray, mu: FloatArray, slope: FloatArray) -> FloatArray:
    """Return q0, μ̂, its error and Z, shape (4, toys)."""
    size = np.maximum(twice_log_ratio, 0.0)  # below zero by rounding only
    with np.errstate(divide="ignore"):
        error = 1 / np.sqrt(-slope)
    error[~np.isfinite(error)] = np.nan
    sign = np.where(mu < 0, -1.0, 1.0)
    return np.stack([sign * size, mu + 0.0, error, sign * np.sqrt(size)])
