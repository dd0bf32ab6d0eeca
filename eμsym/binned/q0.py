"""The q0 tests of a signal of known shape, by Newton steps (DDP Eq. 3-8, arXiv:2203.07529)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.binned.merging import MergedBins
from eμsym.binned.q0_added import likelihood_of
from eμsym.binned.q0_fit import fit_toys
from eμsym.binned.q0_input import (
    Background,
    Minimizer,
    Signal,
    as_counts,
    check_choice,
    check_populated,
    check_toy_shapes,
    checked_ratio,
    checked_signal,
    chunks,
    fit_input,
    is_sparse,
)
from eμsym.binned.q0_known import KnownLikelihood
from eμsym.binned.q0_profiled import ProfiledLikelihood
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.distributions import SignedChiSquared
from eμsym.errors import ConfigurationError, DataError
from eμsym.fakes import FakeCounts
from eμsym.files import json_number
from eμsym.shown import Shown


@dataclass(frozen=True, repr=False)
class Q0(Shown):
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
    interval : tuple of float
        Where −2 ln λ rises by one on each side of μ̂, by `Q0Test`; NaN of `q0`, and
        where it does not.
    sparse : bool
        With the background profiled, whether more than a hundredth of the signal is in
        bins of fewer than 20 entries in both samples together: then z is not N(0,1),
        and μ̂ is pulled to zero. `Q0Test` merges such bins first.
    bins : MergedBins or None
        What `Q0Test` merged.
    """

    q0: float
    z: float
    mu: float
    mu_error: float
    interval: tuple[float, float] = (float("nan"), float("nan"))
    sparse: bool = False
    bins: MergedBins | None = None

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the fields that say something."""
        known = {k: v for k, v in super().shown().items() if k not in ("interval", "bins")}
        if not np.isnan(self.interval).all():
            known["interval"] = self.interval
        return known if self.bins is None else {**known, "bins": len(self.bins)}

    @property
    def statistic(self) -> float:
        """The test statistic, the signed q0."""
        return self.q0

    @property
    def reference(self) -> SignedChiSquared:
        """What q0 follows under the symmetry: its signed root, `z`, is N(0,1)."""
        return SignedChiSquared()

    @property
    def pvalue(self) -> float:
        """One-sided p-value of a signal, of μ > 0."""
        return self.reference.pvalue(self.q0)

    def to_dict(self) -> dict[str, Any]:
        """Return the result with its p-value, for JSON; NaN becomes None, infinity "inf"."""
        numbers = {name: getattr(self, name) for name in ("q0", "z", "mu", "mu_error", "pvalue")}
        numbers |= dict(zip(("mu_low", "mu_high"), self.interval, strict=True))
        found: dict[str, Any] = {key: json_number(x) for key, x in numbers.items()}
        found["sparse"] = self.sparse
        return found if self.bins is None else {**found, "bins": self.bins.to_dict()}


@dataclass(frozen=True, eq=False, repr=False)
class Q0Toys(Shown):
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
        L_2(μ, b) = \prod_i \mathrm{Pois}(B_i | κ_i b_i + μ S^B_i)\,
                    \mathrm{Pois}(A_i | b_i + μ S^A_i)

    (DDP Eq. 3, and 4 with κ = 1 and S^A = 0.) q0 is −2 ln L(0)/L(μ̂), each L at its
    best background b ≥ 0, and carries the sign of μ̂ (Eq. 6).

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
        The signal's shape S in B, of any normalisation: it is scaled to ΣS = 1, so
        that μ counts events. Bins may be zero. With the background profiled also a
        tuple (S_A, S_B) of a signal in both samples, scaled to Σ(S_A + S_B) = 1: μ
        counts the events of both.
    background : {"known", "profiled"}
    minimizer : {"newton", "minuit"}
        "newton" searches the root of the profiled score; "minuit" minimises the
        likelihood with MIGRAD, see `profile_fit`, and is far slower.
    ratio : YieldRatio or array_like, optional
        With the background profiled, the expected κ = E[B]/E[A] of every bin
        without signal. A `YieldRatio` brings its
        uncertainty as nuisances, see `Pair.yield_ratio`. Default: 1.

    Returns
    -------
    Q0

    Raises
    ------
    DataError
        If binnings differ; counts are negative, not finite, or weighted; the
        signal is negative or all zero; B has entries where a known T and S
        are both zero; a ratio is of other bins, or not above zero; or the fit of
        its nuisances does not converge.
    ConfigurationError
        If a choice is none of those named, or a ratio or a signal in both samples
        goes with a known background.

    Notes
    -----
    A known background lets μ fall to −min(T/S), where a bin's expectation
    vanishes. A profiled one rises to make room for any μ < 0. If ln L is flat
    from zero to some μ, μ̂ = 0: so it is if the signal is in both samples as the
    backgrounds are, S_B = κS_A.

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
    if minimizer == "minuit":
        # Here, so that the fast way needs no iminuit.
        from eμsym.binned.q0_minuit import profile_fit

        fit = profile_fit(
            b, reference, signal, background=background, scan_size=0, minos=False, ratio=ratio
        )
        if not fit.valid:
            raise DataError("MIGRAD found no minimum for these counts; take minimizer='newton'")
        return Q0(fit.q0, fit.z, fit.mu, fit.mu_error, sparse=fit.sparse)
    counts, other, shapes = fit_input(b, reference, signal, background)
    kappa = checked_ratio(ratio, counts.shape, background)
    counts, other, shapes = counts.ravel(), other.ravel(), shapes.ravel()
    if background == "profiled":
        return fit_q0(counts, other, shapes, kappa)
    result = _fit(counts[None], other[None], shapes, kappa.ratio, background)[:, 0]
    value, mu, mu_error, z = result.tolist()
    return Q0(value, z, mu, mu_error)


def fit_q0(
    b: FloatArray,
    a: FloatArray,
    signal: Signal,
    ratio: YieldRatio,
    *,
    interval: bool = False,
    fakes: FakeCounts | None = None,
) -> Q0:
    """Return q0 of flat bins, the background profiled; the core of `q0` and of `Q0Test`.

    Parameters
    ----------
    b, a : ndarray of float, shape (bins,)
    signal : Signal
        As it is: μ counts events of which it has its share in the bins.
    ratio : YieldRatio
    interval : bool
        Whether to find the interval of μ too.
    fakes : FakeCounts, optional
        What both samples have besides the background and the signal.

    Raises
    ------
    DataError
        If the fit of nuisances does not converge.
    """
    likelihood = likelihood_of(b, a, signal, ratio, fakes)
    if likelihood.names or signal.uncertain:
        result = likelihood.fit()
    else:
        result = _fit(b[None], a[None], signal, ratio.ratio, "profiled")[:, 0]
    value, mu, mu_error, z = result.tolist()
    found = Q0(value, z, mu, mu_error, sparse=is_sparse(b, a, signal))
    return replace(found, interval=likelihood.interval(mu, mu_error)) if interval else found


def q0_toys(
    b: ArrayLike,
    reference: ArrayLike,
    signal: ArrayLike | tuple[ArrayLike, ArrayLike],
    *,
    background: Background,
    ratio: YieldRatio | ArrayLike | None = None,
) -> Q0Toys:
    """Compute q0 of many toys at once, from arrays.

    Parameters
    ----------
    b : array_like, shape (*toys, *bins)
        Counts; the last axes are the signal's, any axes before them are toys.
    reference : array_like, shape (*toys, *bins) or (*bins)
        T if the background is known, A if profiled; without toy axes it serves
        every toy.
    signal : array_like, shape (*bins), or a tuple of two
        As for `q0`.
    background : {"known", "profiled"}
    ratio : array_like, shape (*bins), optional
        As for `q0`, but known exactly: no `YieldRatio` with directions.

    Returns
    -------
    Q0Toys

    Raises
    ------
    DataError
        As for `q0`.
    ConfigurationError
        As for `q0`, or if the ratio is uncertain.

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
    shapes = checked_signal(signal, background)
    bins = shapes.in_b.shape
    counts, other = np.asarray(b), np.asarray(reference)
    check_toy_shapes(counts, other, shapes.in_b)
    kappa = checked_ratio(ratio, bins, background)
    if len(kappa.modes):
        raise ConfigurationError("q0_toys takes an exact ratio; for an uncertain one call q0")
    toys_shape = counts.shape[: counts.ndim - len(bins)]
    shapes = shapes.ravel()
    counts = counts.reshape(-1, shapes.in_b.size)
    other = other.reshape(-1, shapes.in_b.size)
    result = np.empty((4, len(counts)))
    for rows in chunks(len(counts), shapes.in_b.size):
        b_rows = as_counts(counts[rows], "B")
        other_rows = as_counts(
            other if len(other) == 1 else other[rows], "T" if background == "known" else "A"
        )
        result[:, rows] = _fit(b_rows, other_rows, shapes, kappa.ratio, background)
    value, mu, mu_error, z = result.reshape(4, *toys_shape)
    return Q0Toys(q0=value, z=z, mu=mu, mu_error=mu_error)


def _fit(
    b: FloatArray, reference: FloatArray, signal: Signal, kappa: FloatArray, background: Background
) -> FloatArray:
    """Fit toys of flat bins; return q0, μ̂, its error and Z, shape (4, toys)."""
    if background == "known":
        check_populated(b, reference, signal.in_b)
    used = signal.both > 0  # the others know nothing of μ
    if not used.all():
        b, reference, kappa = b[:, used], reference[:, used], kappa[used]
        signal = signal.of_bins(used)
    if background == "known":
        return fit_toys(KnownLikelihood(b, reference, signal.in_b), len(b))
    return fit_toys(ProfiledLikelihood(b, reference, signal, kappa), len(b))
