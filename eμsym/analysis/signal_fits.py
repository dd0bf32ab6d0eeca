"""The fits of the signals' strengths: q0 of counts, expected numbers of scaled simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eμsym.analysis.signals import SignalShape
from eμsym.analysis.significance import Significance
from eμsym.arrays import FloatArray, IntArray
from eμsym.binned.expected import Expected, expected_significance
from eμsym.binned.merging import merge_bins
from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.binned.q0 import Q0
from eμsym.binned.q0_minuit import ProfileFit
from eμsym.binned.q0_of_pair import MergedCounts, Q0Test
from eμsym.distributions import Null
from eμsym.errors import DataError
from eμsym.limits.kept import kept_in
from eμsym.pair import Pair
from eμsym.pool import Pool
from eμsym.symmetry import Relabellings

#: Two signals are mirror images if their contrasts, bin by bin, are as opposite as this.
MIRROR = -0.9


@dataclass(frozen=True, eq=False)
class SignalFit:
    """The fit of a signal's strength, each sample being the other's measured background.

    Attributes
    ----------
    shape : SignalShape
    minimizer : {"minuit", "newton"}
    n_nuisances : int or None
        Of the correction; None if they are not known.
    fit : ProfileFit, Q0 or None
        With MINUIT the whole fit; None if the likelihood cannot be had.
    kept : float or None
        How much of the signal a self-calibration leaves, see `signal_kept`; None if
        nothing was calibrated with the pair's own events.
    expected : Expected or None
        Of weighted events, in place of the fit.
    mirror : str or None
        The signal that is its mirror image: one row stands for both.
    null : Null or None
        The larger q0 of both mirror images, or q0, of relabellings.
    problem : str or None
        Why there is no fit, or nothing expected.
    """

    shape: SignalShape
    minimizer: str
    n_nuisances: int | None = None
    fit: ProfileFit | Q0 | None = None
    kept: float | None = None
    expected: Expected | None = None
    mirror: str | None = None
    null: Null | None = None
    problem: str | None = None

    @property
    def significance(self) -> Significance | None:
        """P and Z of the fit by N(0,1); with a mirror image of the favoured one of both."""
        if self.fit is None:
            return None
        return Significance.favoured(self.fit.z, 1 if self.mirror is None else 2)

    def to_dict(self) -> dict[str, Any]:
        """Return what was fitted and the result, or its ``problem``, for JSON."""
        found: dict[str, Any] = {
            "order": self.shape.order,
            "shape": self.shape.origin,
            "background": "profiled",
            "minimizer": self.minimizer,
            "mirror": self.mirror,
        }
        if self.n_nuisances is not None:
            found["n_nuisances"] = self.n_nuisances
        if self.fit is not None:
            found |= self.fit.to_dict()
        if self.kept is not None:
            found["kept_by_calibration"] = self.kept
        if self.significance is not None:
            found["significance"] = self.significance.to_dict()
        if self.null is not None:
            found["permutations"] = self.null.to_dict()
        if self.expected is not None:
            found["expected"] = self.expected.to_dict()
        if self.problem is not None:
            found["problem"] = self.problem
        return found


@dataclass(frozen=True, eq=False)
class Favoured:
    """The larger signed q0 of several signals, as a test: the one that the data favour.

    Parameters
    ----------
    tests : tuple of Q0Test
        Of one set of axes.
    """

    tests: tuple[Q0Test, ...]

    def __call__(self, pair: Pair, *, rng: Any = None) -> float:
        """Test a pair, and return the largest q0."""
        return max(test(pair).statistic for test in self.tests)

    def on(self, pair: Pair) -> Favoured:
        """Return the tests with the axes of a pair's histogram in place of its name."""
        return Favoured(tuple(test.on(pair) for test in self.tests))

    def alike(self, pool: Pool) -> IntArray:
        """Return the bin of every event: those of one bin are alike to the tests."""
        return self.tests[0].alike(pool)

    def many(self, pool: Pool, drawn: Relabellings) -> FloatArray:
        """Return the largest q0 of many draws of a pool's labels, shape (draws,)."""
        every = np.stack([test.many(pool, drawn) for test in self.tests])
        return np.asarray(every.max(axis=0))


def fit_signal(pair: Pair, shape: SignalShape, *, minimizer: str) -> SignalFit:
    """Fit the strength of a signal in the plane.

    Parameters
    ----------
    pair : Pair
        Unweighted. Of a corrected one the raw counts are fitted, with the ratio of yields
        that its correction expects.
    shape : SignalShape
    minimizer : {"minuit", "newton"}
    """
    try:
        axes = pair.axes_of("plane")
        test = shape.test(axes)
        counts = test.counts(pair)
        fit: ProfileFit | Q0 = test.profile(pair) if minimizer == "minuit" else test(pair)
        kept = _kept(pair, shape, axes, counts)
    except DataError as error:
        return SignalFit(shape, minimizer, problem=str(error))
    return SignalFit(shape, minimizer, len(counts.ratio.modes), fit, kept)


def _kept(
    pair: Pair, shape: SignalShape, axes: Sequence[Any], counts: MergedCounts
) -> float | None:
    if not pair.symmetry.used(pair.pool).any():
        return None
    return kept_in(pair, shape.events.pool, axes=axes, bins=counts.bins, signal=counts.signal)


def expect_signal(pair: Pair, shape: SignalShape, *, luminosity_ifb: float | None) -> SignalFit:
    """Return what q0 is expected to give of simulation that is scaled to a luminosity.

    Parameters
    ----------
    pair : Pair
        Of the backgrounds, weighted; with a correction, its ratio of yields is taken as exact.
    shape : SignalShape
        A dataset's events are as many as expected; of a stored shape only the error of μ
        is told.
    luminosity_ifb : float or None
        That luminosity, fb⁻¹.
    """
    try:
        axes = pair.axes_of("plane")
        a, b = pair.raw.hist(*axes)
        s_a, s_b = shape.planes(axes)
        size = 1.0 if shape.origin == "dataset" else 1 / _sum(s_a, s_b)
        bins = merge_bins(
            np.maximum(a.values() + b.values(), 0.0),
            s_b.values() - s_a.values(),
            variance=s_a.variances() + s_b.variances(),
        )
        found = expected_significance(
            bins.sums(a.values()),
            bins.sums(b.values()),
            size * bins.sums(s_a.values()),
            size * bins.sums(s_b.values()),
            variances=(bins.sums(a.variances()), bins.sums(b.variances())),
            signal_variances=(
                size**2 * bins.sums(s_a.variances()),
                size**2 * bins.sums(s_b.variances()),
            ),
            ratio=pair.in_bins(*axes, merged=bins).expected_ratio(),
            luminosity_ifb=luminosity_ifb,
        )
    except DataError as error:
        return SignalFit(shape, "newton", problem=str(error))
    if shape.origin != "dataset":
        # One event is no expectation: only the error without signal is one.
        found = replace(found, z=np.nan, z_error=np.nan, z_unbiased=np.nan, mu=np.nan)
    return SignalFit(shape, "newton", expected=found)


def _sum(*histograms: Any) -> float:
    return float(sum(np.sum(x.values(flow=True)) for x in histograms))


def mirror_images(shapes: Sequence[SignalShape], pair: Pair) -> list[tuple[SignalShape, ...]]:
    """Return the signals, each with its mirror image if there is one among them.

    Two signals are mirror images if what one adds to B less A, bin by bin and in units of
    the statistical error, is what the other adds to A less B: one fluctuation then favours
    one and disfavours the other.

    Parameters
    ----------
    shapes : sequence of SignalShape
    pair : Pair
        Unweighted; only the events of both samples together are looked at.

    Raises
    ------
    DataError
        If a signal's events lack a column, or none is in the plane.
    """
    left = list(shapes)
    found: list[tuple[SignalShape, ...]] = []
    while left:
        one = left.pop(0)
        image = next((x for x in left if _cosine(one, x, pair) < MIRROR), None)
        if image is None:
            found.append((one,))
        else:
            left.remove(image)
            found.append((one, image))
    return found


def _cosine(one: SignalShape, other: SignalShape, pair: Pair) -> float:
    """Return the cosine of the angle between two signals' contrasts in merged bins."""
    axes = pair.axes_of("plane")
    a, b = pair.counted.hist(*axes)
    planes = one.planes(axes), other.planes(axes)
    contrasts = [s_b.values() - s_a.values() for s_a, s_b in planes]
    bins = merge_bins(a.values() + b.values(), contrasts[0])
    error = np.sqrt(np.maximum(bins.sums(a.values() + b.values()), 1.0))
    first, second = (bins.sums(contrast) / error for contrast in contrasts)
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / size if size else 0.0


def fit_signals(
    pair: Pair, shapes: Sequence[SignalShape], *, minimizer: str
) -> dict[str, SignalFit]:
    """Fit all signals, see `fit_signal`; mirror images are told of each other."""
    fits = {shape.name: fit_signal(pair, shape, minimizer=minimizer) for shape in shapes}
    fitted = [shape for shape in shapes if fits[shape.name].fit is not None]
    for one, *images in mirror_images(fitted, pair):
        for image in images:
            fits[one.name] = replace(fits[one.name], mirror=image.name)
            fits[image.name] = replace(fits[image.name], mirror=one.name)
    return fits


def row_name(names: Sequence[str]) -> str:
    """Return what the row of a signal, or of one and its mirror image, is called."""
    return f"q0 of {' | '.join(sorted(names))}"


def name_of_row(fit: SignalFit) -> str:
    """Return the name of the row that a fit is in."""
    return row_name([fit.shape.name] if fit.mirror is None else [fit.shape.name, fit.mirror])


def q0_tests(shapes: Sequence[SignalShape], pair: Pair) -> dict[str, Favoured]:
    """Return the test behind each row of q0, by the row's name; errors as `mirror_images`."""
    axes = pair.axes_of("plane")
    return {
        row_name([shape.name for shape in group]): Favoured(
            tuple(shape.test(axes) for shape in group)
        )
        for group in mirror_images(shapes, pair)
    }


def workspace(pair: Pair, shape: SignalShape, orders: tuple[str, str]) -> dict[str, Any]:
    """Return the likelihood of a signal's fit as a pyhf workspace, the correction in it.

    Parameters
    ----------
    pair : Pair
    shape : SignalShape
    orders : tuple of str
        What to call the channels of A and of B.
    """
    counts = shape.test(pair.axes_of("plane")).counts(pair)
    return pyhf_workspace(
        counts.b,
        counts.a,
        counts.signal,
        ratio=counts.of_background,
        channels=orders,
        fakes=counts.fakes,
    )
