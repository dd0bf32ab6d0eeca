"""Limits on a signal in a pair's histogram: the counts, bins and nuisances of `Q0Test`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.binned.merging import MergedBins
from eμsym.binned.q0_input import Signal, as_counts, contents, is_signal_pair
from eμsym.binned.q0_of_pair import CountedPair, MergedCounts, Q0Test
from eμsym.counts import check_same_binning
from eμsym.difference import as_axes
from eμsym.errors import DataError
from eμsym.limits.added import scaled_fakes
from eμsym.limits.kept import kept_in, with_what_is_kept
from eμsym.limits.part_of_pair import PartOfPair
from eμsym.limits.region import Region, ShapeVariation, in_units, log_normal
from eμsym.limits.upper_limit import UpperLimit, check_cl, region_limit
from eμsym.pair import Pair
from eμsym.pool import Pool


def pair_limit(
    test: Q0Test,
    pair: Pair | PartOfPair,
    *,
    cl: float = 0.95,
    signal_events: Pool | None = None,
    normalisations: Mapping[str, float] | None = None,
    shapes: Mapping[str, tuple[Any, Any]] | None = None,
) -> UpperLimit:
    """Return the CLs limit on the signal of a test in a pair, by the asymptotic formulae.

    The likelihood is that of the test: raw counts in merged bins, the ratio of yields that
    the pair's symmetry expects with its nuisances, the statistics of the signal's simulation.

    Parameters
    ----------
    test : Q0Test
    pair : Pair
    cl : float
    signal_events : Pool, optional
        The signal's events in both samples. Of a pair whose ratio was fitted to its own
        events they tell how much of a signal that leaves, for which the limit allows; see
        `eμsym.limits.kept.kept_in`. Without them it is too strong by the part that is taken.
    normalisations : mapping of str to float, optional
        Relative uncertainties of the signal's size.
    shapes : mapping of str to (up, down), optional
        What effects of one standard deviation make of the signal, each of the form and the
        normalisation of the test's signal, in the bins of its axes.

    Returns
    -------
    UpperLimit
        In events of the signal, of both samples and wherever they are in the histogram.

    Raises
    ------
    DataError
        As for `Q0Test` and `eμsym.upper_limit`.
    ConfigurationError
        If `cl` is not between zero and one.

    Examples
    --------
    >>> from hist.axis import Regular
    >>> from eμsym import Pair
    >>> axis = Regular(2, 0, 2, name="x")
    >>> a, b = {"x": [0.5] * 100 + [1.5] * 100}, {"x": [0.5] * 110 + [1.5] * 100}
    >>> found = pair_limit(Q0Test([1, 0], (axis,)), Pair.from_columns(a, b))
    >>> round(found.observed, 2), round(found.median, 2)
    (35.92, 28.53)
    """
    check_cl(cl)
    region = pair_region(
        "", test, pair, signal_events=signal_events, normalisations=normalisations, shapes=shapes
    )
    return region_limit([region], cl=cl)


def pair_region(
    name: str,
    test: Q0Test,
    pair: Pair | PartOfPair,
    *,
    signal_events: Pool | None = None,
    normalisations: Mapping[str, float] | None = None,
    shapes: Mapping[str, tuple[Any, Any]] | None = None,
) -> Region:
    """Return the region that a test fits in a pair; parameters and errors as of `pair_limit`."""
    counts = test.counts(pair)
    region = counted_region(name, test, counts, normalisations=normalisations, shapes=shapes)
    if signal_events is None:
        return region
    axes = as_axes(test.on(pair).axes)
    kept = kept_in(pair, signal_events, axes=axes, bins=counts.bins, signal=counts.signal)
    return with_what_is_kept(region, [kept])


def counted_region(
    name: str,
    test: Q0Test,
    counts: MergedCounts,
    *,
    normalisations: Mapping[str, float] | None = None,
    shapes: Mapping[str, tuple[Any, Any]] | None = None,
) -> Region:
    """Return the region of counts that a test has; errors as of `pair_limit`."""
    return Region(
        name,
        counts.b,
        counts.a,
        (counts.signal,),
        counts.of_background,
        normalisations={
            effect: (log_normal(x, effect),) for effect, x in (normalisations or {}).items()
        },
        shapes={
            effect: (_variation(effect, test, counts, pair),)
            for effect, pair in (shapes or {}).items()
        },
        fakes=counts.fakes,
    )


def _variation(
    effect: str, test: Q0Test, counts: MergedCounts, pair: tuple[Any, Any]
) -> ShapeVariation:
    if not (isinstance(pair, tuple) and len(pair) == 2):  # type: ignore[redundant-expr]
        raise DataError(f"{effect}: give a shape up and one down")
    nominal = _both(test, test.signal)
    per_event = counts.signal.both.sum() / sum(
        float(counts.bins.sums(as_counts(contents(x), effect)).sum()) for x in nominal
    )
    parts: list[FloatArray] = []
    for varied in pair:
        if is_signal_pair(varied) != is_signal_pair(test.signal):
            raise DataError(f"{effect}: give it as the signal is given, of one or of both samples")
        for given, shape in zip(_both(test, varied), nominal, strict=True):
            check_same_binning(shape, given)
            parts.append(per_event * counts.bins.sums(as_counts(contents(given), effect)))
    return ShapeVariation(*parts)


def _both(test: Q0Test, signal: Any) -> tuple[Any, Any]:
    """Return a signal in A and in B."""
    if is_signal_pair(signal):
        return signal[0], signal[1]
    none = np.zeros_like(np.asarray(contents(signal), dtype=np.float64))
    return (signal, none) if test.signal_in == "a" else (none, signal)


def joint_region(
    name: str, tests: Sequence[Q0Test], pair: CountedPair, *, events: Sequence[float] | None = None
) -> Region:
    """Return the region of several signals in a pair, in the bins that suit the first.

    Parameters
    ----------
    name : str
    tests : sequence of Q0Test
        One a signal, of one histogram.
    pair : Pair
    events : sequence of float, optional
        Events of each signal for one unit of its strength. Default: one.

    Raises
    ------
    DataError
        As for `pair_limit`.
    """
    first = tests[0].counts(pair)
    units = [1.0] * len(tests) if events is None else list(events)
    signals = [_in_bins(test, test.counts(pair), first.bins) for test in tests]
    return Region(
        name,
        first.b,
        first.a,
        tuple(in_units(signal, unit) for signal, unit in zip(signals, units, strict=True)),
        first.of_background,
        fakes=first.fakes,
    )


def _in_bins(test: Q0Test, own: MergedCounts, bins: MergedBins) -> Signal:
    """Return a test's signal in the bins of another one."""
    parts = _both(test, test.signal)
    values = [np.asarray(contents(x), dtype=np.float64) for x in parts]
    total = sum(float(own.bins.sums(x).sum()) for x in values) / float(own.signal.both.sum())
    sums = [bins.sums(x) / total for x in values]
    if not own.signal.uncertain:
        return Signal(sums[0], sums[1])
    variances = [
        bins.sums(x.variances()) / total**2 if hasattr(x, "variances") else np.zeros(len(bins))
        for x in parts
    ]
    return Signal(sums[0], sums[1], variances[0], variances[1])


def expected_region(region: Region, *, scale: float = 1.0, background: Any = None) -> Region:
    """Return a region with the counts that are expected without signal, at a luminosity.

    Parameters
    ----------
    region : Region
    scale : float
        What the luminosity is in that of the counts.
    background : array_like, shape (bins,), optional
        Expected counts of A at a scale of one, without fakes. Default: (A + B)/(1 + κ), of
        what is no fakes.

    Raises
    ------
    DataError
        If the scale is not above zero.
    """
    if not 0 < scale < np.inf:
        raise DataError(f"scale: {scale} is no factor on a luminosity; give one above zero")
    kappa, fakes = region.ratio.ratio, region.fakes
    of_a, of_b = (0.0, 0.0) if fakes is None else (fakes.in_a, fakes.in_b)
    mean = background
    if background is None:
        mean = np.maximum(region.a + region.b - of_a - of_b, 0.0) / (1 + kappa)
    return replace(
        region,
        a=scale * (np.asarray(mean) + of_a),
        b=scale * (kappa * np.asarray(mean) + of_b),
        fakes=None if fakes is None else scaled_fakes(fakes, scale),
    )
