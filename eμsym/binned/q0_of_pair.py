"""q0 of a pair's histogram, as a test: in which sample the signal is, and in which bins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np

from eμsym.arrays import FloatArray, IntArray, summed
from eμsym.binned.merging import MIN_COUNT, MergedBins, merge_bins
from eμsym.binned.pair_bins import PairBins
from eμsym.binned.q0 import Q0, fit_q0
from eμsym.binned.q0_input import (
    Signal,
    as_counts,
    check_choice,
    contents,
    is_signal_pair,
    unweighted_counts,
)
from eμsym.binned.q0_many import q0_many
from eμsym.binned.q0_minuit import ProfileFit, profile_fit
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.counts import check_same_binning
from eμsym.difference import as_axes
from eμsym.errors import DataError
from eμsym.fakes import FakeCounts
from eμsym.pool import Pool
from eμsym.symmetry import Relabellings


class CountedPair(Protocol):
    """What has raw histograms of both samples, and the ratio of their expected yields."""

    @property
    def counted(self) -> Any:
        """The pair of all counts without any correction or subtraction, with ``hist(*axes)``."""
        ...  # pragma: no cover

    def axes_of(self, *axes: Any) -> tuple[Any, ...]:
        """Return hist axes, or those of the stored histogram that is named."""
        ...  # pragma: no cover

    def in_bins(self, *axes: Any, merged: MergedBins | None = None) -> PairBins:
        """Return where the events are in bins, with what the symmetry expects there."""
        ...  # pragma: no cover


@dataclass(frozen=True, eq=False)
class MergedCounts:
    """What q0 of a pair is computed of: all in merged bins.

    Attributes
    ----------
    b, a : ndarray of float, shape (bins,)
        Raw counts.
    signal : Signal
        Its sums over the bins, for one event of signal anywhere.
    ratio : YieldRatio
        Of all that is expected without signal, fakes among it.
    bins : MergedBins
    fakes : FakeCounts or None
        What is added to the background in both samples.
    prompt : YieldRatio or None
        Of the background alone, where there are fakes.
    """

    b: FloatArray
    a: FloatArray
    signal: Signal
    ratio: YieldRatio
    bins: MergedBins
    fakes: FakeCounts | None = None
    prompt: YieldRatio | None = None

    @property
    def of_background(self) -> YieldRatio:
        """The ratio of the free background, to which fakes are added if there are any."""
        return self.ratio if self.prompt is None else self.prompt


@dataclass(frozen=True, eq=False)
class Q0Test:
    r"""Test for a signal of known shape, the background of each sample measured in the other.

    The raw counts are fitted, with the ratio of yields that the pair's symmetry expects
    (see `q0`), in bins that were joined until each holds enough entries of both samples
    together (see `merge_bins`): in sparse ones μ̂ is pulled to zero. What the labels are
    has no part in that. The statistics of the signal's own simulation is one nuisance a
    merged bin, that of the contrast :math:`S_B/κ - S_A`, and Gaussian. Fakes that the pair
    has subtracted are components of both samples instead, see `AddedLikelihood`.

    Parameters
    ----------
    signal : array_like or histogram, or tuple of two
        The signal's shape in the bins of `axes`; or (S_A, S_B), its shapes in both
        samples with their relative size. Of any normalisation: μ counts all its events,
        those in a histogram's under- and overflow as well. Histograms with Weight storage,
        or of whole numbers, bring the variances of their contents; arrays and others are
        exact.
    axes : str, or tuple of hist axes
        As for `Pair.hist`.
    signal_in : {"a", "b"}
        Which sample a single shape is in.
    min_count : float
        Fewest entries of a merged bin.

    Raises
    ------
    ConfigurationError
        If the side is none of the two.

    Examples
    --------
    >>> from hist.axis import Regular
    >>> from eμsym import Pair
    >>> axis = Regular(2, 0, 2, name="x")
    >>> a, b = {"x": [0.5] * 100 + [1.5] * 100}, {"x": [0.5] * 144 + [1.5] * 100}
    >>> result = Q0Test([1, 0], (axis,))(Pair.from_columns(a, b))
    >>> round(result.mu, 6), round(result.z, 3), len(result.bins)
    (44.0, 2.825, 2)
    """

    signal: Any
    axes: Any
    signal_in: Literal["a", "b"] = "b"
    min_count: float = MIN_COUNT

    def __post_init__(self) -> None:
        check_choice("signal_in", self.signal_in, ("a", "b"))

    def __call__(self, pair: CountedPair, *, rng: Any = None) -> Q0:
        """Test a pair, with the interval of μ; nothing is drawn.

        Raises
        ------
        DataError
            As for `q0` and `Pair.yield_ratio`.
        """
        counts = self.counts(pair)
        found = fit_q0(
            counts.b,
            counts.a,
            counts.signal,
            counts.of_background,
            interval=True,
            fakes=counts.fakes,
        )
        return replace(found, bins=counts.bins)

    def profile(self, pair: CountedPair) -> ProfileFit:
        """Return the whole fit by MINUIT: covariance, MINOS interval and scan of μ.

        Raises
        ------
        DataError
            As for a call.
        """
        counts = self.counts(pair)
        found = profile_fit(
            counts.b,
            counts.a,
            counts.signal,
            background="profiled",
            ratio=counts.of_background,
            fakes=counts.fakes,
        )
        return replace(found, bins=counts.bins)

    def counts(self, pair: CountedPair) -> MergedCounts:
        """Return what is fitted: counts, signal and ratio in merged bins.

        Raises
        ------
        DataError
            If the signal has other bins, or the pair is weighted.
        """
        axes = as_axes(self.axes)
        a, b = pair.counted.hist(*axes)
        for shape in self._shapes():
            if hasattr(shape, "axes"):
                check_same_binning(a, shape)
        in_a, in_b = np.asarray(a.values()), np.asarray(b.values())
        signal = self._signal(in_a.shape)
        bins = self._merged(in_a + in_b, signal)
        expected = pair.in_bins(*axes, merged=bins)
        prompt, fakes = expected.prompt_ratio()
        return MergedCounts(
            b=bins.sums(unweighted_counts(b, "B")),
            a=bins.sums(unweighted_counts(a, "A")),
            signal=_merged_signal(signal, bins),
            ratio=prompt if fakes is None else expected.yield_ratio(),
            bins=bins,
            fakes=fakes,
            prompt=None if fakes is None else prompt,
        )

    def on(self, pair: CountedPair) -> Q0Test:
        """Return the test with the axes of a pair's histogram in place of its name."""
        return replace(self, axes=pair.axes_of(*as_axes(self.axes)))

    def alike(self, pool: Pool) -> IntArray:
        """Return the bin of every event: those of one bin are alike to the test."""
        return pool.bin_index(as_axes(self.axes))[0]

    def many(self, pool: Pool, drawn: Relabellings) -> FloatArray:
        """Return the signed q0 of many draws of a pool's labels, shape (draws,)."""
        index, shape = pool.bin_index(as_axes(self.axes))
        # What estimates fakes is no count; it is in the ratio.
        within, size = (index >= 0) & (pool.fake == 0), int(np.prod(shape))
        signal = self._signal(shape)
        entries = summed(index[within], pool.sizes[within], size).reshape(shape)
        bins = self._merged(entries, signal)
        place = bins.index(index)
        if not np.all(bins.sums(entries) > 0):
            raise DataError("there is no event in the bins: nothing to test")
        a = np.stack([summed(place[within], labels[within], len(bins)) for labels in drawn.labels])
        of_data = drawn.symmetry.of_data
        yields = of_data.drawn_yields(pool, replace(drawn, symmetry=of_data), place, len(bins))
        ratios = [YieldRatio(*each) for each in yields]
        fakes = drawn.symmetry.drawn_fakes(pool, drawn, place, len(bins))
        b, merged = bins.sums(entries) - a, _merged_signal(signal, bins)
        return q0_many(b, a, merged, ratios, fakes=fakes)

    def _shapes(self) -> tuple[Any, ...]:
        return self.signal if is_signal_pair(self.signal) else (self.signal,)

    def _merged(self, entries: FloatArray, signal: Signal) -> MergedBins:
        return merge_bins(
            entries,
            signal.in_b - signal.in_a,
            variance=signal.variances[0] + signal.variances[1],
            min_count=self.min_count,
        )

    def _signal(self, shape: tuple[int, ...]) -> Signal:
        """Return the signal in all bins with its variances, for one event of it anywhere."""
        values, variances, total = [], [], 0.0
        for sample in self._shapes():
            content = as_counts(contents(sample), "signal")
            if content.shape != shape:
                raise DataError(f"signal: has {content.shape} bins, the pair {shape}")
            values.append(content)
            variances.append(_variances(sample, content))
            total += _total(sample, content)
        if not sum(float(content.sum()) for content in values) > 0:
            raise DataError("signal: every bin is zero; there is no shape to look for")
        if len(values) == 1:
            none = np.zeros(shape)
            values, variances = [none, *values], [none, *variances]
            if self.signal_in == "a":
                values, variances = values[::-1], variances[::-1]
        (in_a, in_b), (v_a, v_b) = values, variances
        return Signal(in_a / total, in_b / total, v_a / total**2, v_b / total**2)


def _merged_signal(signal: Signal, bins: MergedBins) -> Signal:
    sums = [
        bins.sums(values)
        for values in (signal.in_a, signal.in_b, signal.variance_a, signal.variance_b)
        if values is not None
    ]
    uncertain = bool(np.any(sums[2]) or np.any(sums[3]))
    return Signal(*sums) if uncertain else Signal(sums[0], sums[1])


def _variances(sample: Any, content: FloatArray) -> FloatArray:
    """Return what a histogram's statistics leave its contents open; zero if it is exact."""
    if not hasattr(sample, "variances"):
        return np.zeros_like(content)
    found = sample.variances()
    exact = found is None or (np.array_equal(found, content) and np.any(content % 1))
    return np.zeros_like(content) if exact else np.asarray(found, dtype=np.float64)


def _total(sample: Any, content: FloatArray) -> float:
    """Return all the events of a histogram, or of an array of bins."""
    if not hasattr(sample, "axes"):
        return float(content.sum())
    try:
        return float(np.sum(sample.values(flow=True)))
    except TypeError:  # a UHI histogram need not have flow bins
        return float(content.sum())
