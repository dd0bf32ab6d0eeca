"""The pair (A, B): two samples that a symmetry says come from one distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from hist import Hist
from hist.storage import Weight

from eμsym.arrays import BoolArray, FloatArray, IntArray, Rng
from eμsym.binned.nsigma import NSigma, nsigma_of
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.calibration.calibrated import Calibrated, Correction
from eμsym.calibration.correction_file import EfficiencyMaps, read_correction
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins
from eμsym.calibration.self_calibration import lepton_columns, self_calibrate
from eμsym.counts import check_same_binning
from eμsym.difference import Difference
from eμsym.errors import ConfigurationError, DataError
from eμsym.pool import WEIGHT, Pool
from eμsym.symmetry import LEPTONS, Exchangeable, FairCoin, Symmetry

#: The column that says which sample an event of the eμ pair belongs to.
ORDER_COLUMN = "electron_leads"


@dataclass(frozen=True, eq=False)
class Sample:
    """One of the two samples: columns of events, histograms, or both.

    Parameters
    ----------
    events : ak.Array, n * {column: number}, optional
        One record an event. A column ``weight`` holds the event weights;
        without it every event counts once.
    histograms : mapping of str to hist.Hist
    """

    events: ak.Array | None = None
    histograms: Mapping[str, Hist] = field(default_factory=dict)

    @property
    def weight(self) -> FloatArray:
        """The events' weights, shape (n,); ones if there is no such column."""
        events = self.require_events()
        if WEIGHT in ak.fields(events):
            return np.asarray(ak.to_numpy(events[WEIGHT]), dtype=np.float64)
        return np.ones(len(events))

    def column(self, name: str) -> FloatArray:
        """Return one column as float64, shape (n,).

        Raises
        ------
        DataError
            If there are no events or no such column; the message lists those there are.
        """
        events = self.require_events()
        if name not in ak.fields(events):
            raise DataError(f"no column {name!r}; there are {', '.join(sorted(ak.fields(events)))}")
        return np.asarray(ak.to_numpy(events[name]), dtype=np.float64)

    def require_events(self) -> ak.Array:
        """Return the events, or raise a `DataError` if the sample is only histograms."""
        if self.events is None:
            raise DataError("this sample has histograms only; read one with its events")
        return self.events

    def fill(self, *axes: Any) -> Hist:
        """Histogram the events, with weights; the axes' names say which columns."""
        result = Hist(*axes, storage=Weight())
        result.fill(*[self.column(axis.name) for axis in axes], weight=self.weight)
        return result


@dataclass(frozen=True, eq=False)
class Pair:
    """Two samples that a symmetry says come from one distribution.

    For the eμ symmetry A is eμ (the electron leads) and B is μe (the muon leads).
    Made by `from_columns`, `from_events` or `from_samples`, or read by
    `eμsym.read_pair`.

    Parameters
    ----------
    events : Pool or None
        The events of both samples with their labels, as they came; None if there are
        histograms only.
    symmetry : Symmetry
        What the labels may do if there is nothing new.
    names : tuple of str
        What to call A and B in tables and figures.
    histograms : tuple of two mappings of str to hist.Hist
        Stored histograms of A and of B, of the raw events.

    Examples
    --------
    >>> from hist.axis import Regular
    >>> pair = Pair.from_columns({"x": [1.0, 2.0, 3.0]}, {"x": [1.5, 2.5]})
    >>> a, b = pair.hist(Regular(2, 0, 4, name="x"))
    >>> a.values().tolist(), b.values().tolist()
    ([1.0, 2.0], [1.0, 1.0])
    >>> pair.symmetry
    Exchangeable()
    """

    events: Pool | None
    symmetry: Symmetry = field(default_factory=FairCoin)
    names: tuple[str, str] = ("eμ", "μe")
    histograms: tuple[Mapping[str, Hist], Mapping[str, Hist]] = field(
        default_factory=lambda: ({}, {})
    )

    @classmethod
    def from_columns(
        cls,
        a: Any,
        b: Any,
        *,
        names: tuple[str, str] = ("A", "B"),
        symmetry: Symmetry | None = None,
    ) -> Pair:
        """Make a pair of two sets of columns: mappings of arrays, or record arrays.

        Parameters
        ----------
        a, b : mapping of str to array of shape (n,), or ak.Array of records
            If only one of them has weights, those of the other are ones.
        names : tuple of str
        symmetry : Symmetry, optional
            Default: `Exchangeable`, that of two arbitrary samples.

        Raises
        ------
        DataError
            If the columns of a sample differ in length, or the samples have different
            columns.
        """
        pool = Pool.joined(a, b, names=names)
        return cls(pool, Exchangeable() if symmetry is None else symmetry, names)

    @classmethod
    def from_events(
        cls,
        events: Any,
        *,
        by: str = ORDER_COLUMN,
        names: tuple[str, str] = ("eμ", "μe"),
        symmetry: Symmetry | None = None,
    ) -> Pair:
        """Split events into A, where the column `by` is true, and B.

        Parameters
        ----------
        events : ak.Array of records, or mapping of str to array of shape (n,)
        by : str
        names : tuple of str
        symmetry : Symmetry, optional
            Default: `FairCoin`, for which of the samples an event falls into is chance.

        Raises
        ------
        DataError
            If the column is missing.
        """
        exchange = replace(LEPTONS, label=by)
        return cls(
            Pool.split(events, by=by),
            FairCoin(exchange) if symmetry is None else symmetry,
            names,
        )

    @classmethod
    def from_samples(
        cls,
        a: Sample,
        b: Sample,
        *,
        names: tuple[str, str] = ("eμ", "μe"),
        symmetry: Symmetry | None = None,
    ) -> Pair:
        """Make a pair of two samples with events, histograms or both.

        Without the events of one of them the pair has histograms only.

        Parameters
        ----------
        a, b : Sample
        names : tuple of str
        symmetry : Symmetry, optional
            Default: `FairCoin`.

        Raises
        ------
        DataError
            As for `from_columns`.
        """
        pool = None
        if a.events is not None and b.events is not None:
            pool = Pool.joined(a.events, b.events, names=names)
        symmetry = FairCoin() if symmetry is None else symmetry
        return cls(pool, symmetry, names, (a.histograms, b.histograms))

    @property
    def pool(self) -> Pool:
        """The events of both samples with their labels, as they came.

        Raises
        ------
        DataError
            If the pair is only histograms.
        """
        if self.events is None:
            raise DataError("this pair has histograms only; read one with its events")
        return self.events

    @property
    def raw(self) -> Pair:
        """The pair without any correction."""
        raw = self.symmetry.raw
        return self if raw is self.symmetry else replace(self, symmetry=raw)

    @cached_property
    def weight(self) -> FloatArray:
        """The weights with which the samples are compared, shape (n,) of the pool."""
        return self.symmetry.weights(self.pool)

    @cached_property
    def a(self) -> Sample:
        """The sample A, with the weights of the correction if there is one."""
        return self._sample(0)

    @cached_property
    def b(self) -> Sample:
        """The sample B, with the weights of the correction if there is one."""
        return self._sample(1)

    def _sample(self, side: int) -> Sample:
        if self.events is None:
            return Sample(None, self.histograms[side])
        chosen = self.events.labels if side == 0 else ~self.events.labels
        part = self.events.where(chosen)
        if self.weight is self.events.weight:
            return Sample(part.events, self.histograms[side])
        # Stored histograms are those of the events as they came.
        part = part.with_columns({WEIGHT: self.weight[chosen]})
        return _filled(Sample(part.events), self.histograms[side])

    def hist(self, *axes: Any) -> tuple[Hist, Hist]:
        """Return the two samples' histograms, A first.

        Parameters
        ----------
        *axes : str, or hist axes
            The name of a stored histogram, or axes whose names are columns.

        Raises
        ------
        DataError
            If there is no such histogram or column.
        """
        if len(axes) == 1 and isinstance(axes[0], str):
            name = axes[0]
            stored = self.a.histograms, self.b.histograms
            if name not in stored[0] or name not in stored[1]:
                known = ", ".join(sorted(stored[0])) or "none"
                raise DataError(f"no histogram {name!r} in the pair; there are: {known}")
            return stored[0][name], stored[1][name]
        return self.a.fill(*axes), self.b.fill(*axes)

    def axes_of(self, *axes: Any) -> tuple[Any, ...]:
        """Return hist axes, or those of the stored histogram that is named.

        Raises
        ------
        DataError
            If there is no such histogram.
        """
        if len(axes) == 1 and isinstance(axes[0], str):
            return tuple(self.hist(axes[0])[0].axes)
        return axes

    def bin_index(self, *axes: Any) -> tuple[IntArray, tuple[int, ...]]:
        """Return the flat bin of every event of the pool, −1 outside, and the bins' shape.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.

        Raises
        ------
        DataError
            If there is no such histogram or column.
        """
        return self.pool.bin_index(self.axes_of(*axes))

    def difference(self, *axes: Any) -> Difference:
        """Return B − A over bins, with the covariance that the symmetry gives it.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.

        Raises
        ------
        DataError
            If there is no such histogram or column.
        """
        a, b = self.hist(*axes)
        covariance = None
        if self.events is not None:
            index, shape = self._known_bins(a)
            if index is not None:
                covariance = self.symmetry.spread(self.events, index, int(np.prod(shape)))[1]
        return replace(Difference.of(b=b, a=a), covariance=covariance)

    def _known_bins(self, histogram: Hist) -> tuple[IntArray | None, tuple[int, ...]]:
        """Return the events' bins, if the histogram is of columns that they have."""
        if not {axis.name for axis in histogram.axes} <= self.pool.columns.keys():
            return None, ()
        return self.pool.bin_index(tuple(histogram.axes))

    def covariance(self, *axes: Any) -> FloatArray:
        """Return the covariance of B − A (or A − B) over flattened bins.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.

        Returns
        -------
        ndarray of float, shape (bins, bins)
            With what a calibration adds and takes up, see `Calibrated.spread`.
        """
        index, shape = self.bin_index(*axes)
        variance, covariance = self.symmetry.spread(self.pool, index, int(np.prod(shape)))
        return np.diag(variance) if covariance is None else covariance

    def nsigma(self, *axes: Any) -> NSigma:
        """Return Nσ of B − A, N(0,1) under the symmetry: see `eμsym.nsigma`.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.
        """
        return nsigma_of(self.difference(*axes))

    def yield_ratio(self, *axes: Any) -> YieldRatio:
        """Return the expected B/A of raw counts in every bin, for `eμsym.q0`.

        Take the counts from ``raw.hist(…)``: unlike weighted ones they are Poisson.
        For a signal in A, the ratio to give is ``yield_ratio(…).inverse()``.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.

        Raises
        ------
        DataError
            If the pair is corrected and its raw events are weighted.
        """
        index, shape = self.bin_index(*axes)
        log_ratio, modes = self.symmetry.log_yields(self.pool, index, int(np.prod(shape)))
        return YieldRatio(log_ratio.reshape(shape), modes.reshape(len(modes), *shape))

    def equalised(
        self,
        correction: Any = "self",
        *,
        exclude: Mapping[str, Sequence[float]] | None = None,
        control: Pair | None = None,
        bins: LeptonBins | None = None,
    ) -> Pair:
        """Return the pair with weights that take the detector's e/μ difference out.

        Parameters
        ----------
        correction : {"self"}, EfficiencyRatio, str or Path
            "self" fits r(pT, |η|) = ε_μ/ε_e to the pair's own events, see
            `self_calibrate`. Or a ratio, or a correctionlib file, see
            `read_correction`.
        exclude : mapping of str to (float, float), optional
            For "self": a window whose events get weights but are not in the fit,
            such as ``{"m_coll": (110, 140)}``.
        control : Pair, optional
            For "self": other events, to which r is fitted in place of the pair's.
            None of them may be the pair's too.
        bins : LeptonBins, optional
            For "self": bins of pT and |η|. Default: chosen by the events' number.

        Returns
        -------
        Pair
            Its symmetry is `Calibrated`: ``difference``, ``nsigma``, ``yield_ratio``
            and nulls carry the uncertainty of the correction.

        Raises
        ------
        DataError
            If there are no events, too few, or none to compare some bins by; or if the
            control events are the pair's.
        ConfigurationError
            If a window or edges are none, or such an option goes with a
            correction that needs no fit.
        InputFileError
            If a correction file cannot be used.

        Notes
        -----
        With a pair that has been equalised already, the raw events are taken.
        """
        raw = self.raw
        if isinstance(correction, str) and correction == "self":
            fit = self_calibrate(raw if control is None else control, exclude=exclude, bins=bins)
            source = "self"
            if control is not None:
                if np.isin(control.pool.identity, raw.pool.identity).any():
                    raise DataError(
                        "control: some of its events are the pair's too; a fit to them is that "
                        "of 'self'"
                    )
                fit, source = replace(fit, control=True), "control"
            symmetry = Calibrated(fit.ratio, fit, source, raw.symmetry)
        else:
            if exclude is not None or control is not None or bins is not None:
                raise ConfigurationError(
                    "exclude, control and bins are of a self-calibration; a correction from "
                    "elsewhere has been fitted already"
                )
            found, source = _correction(correction, raw.pool)
            symmetry = Calibrated(found, None, source, raw.symmetry)
        return replace(raw, symmetry=symmetry)

    def relabelled(self, labels: BoolArray, log_ratio: FloatArray | None = None) -> Pair:
        """Return the pair with other labels, and what the symmetry exchanges with them.

        Stored histograms are filled anew where the columns allow it.

        Parameters
        ----------
        labels : ndarray of bool, shape (n,)
            Of the pool.
        log_ratio : ndarray of float, shape (k,), optional
            ln r of the draw, see `Relabellings`.
        """
        pool = self.symmetry.exchange.apply(self.pool, labels)
        symmetry = self.symmetry.redrawn(pool, labels, log_ratio)
        drawn = replace(self, events=pool, symmetry=symmetry, histograms=({}, {}))
        if not any(self.histograms):
            return drawn
        raw = drawn.raw
        filled = [
            _filled(s, h).histograms for s, h in zip((raw.a, raw.b), self.histograms, strict=True)
        ]
        return replace(drawn, histograms=(filled[0], filled[1]))

    def permuted(self, *, rng: Rng = None) -> Pair:
        """Return a pair with the events' labels drawn anew, sizes kept.

        The labels of a corrected pair are drawn as its symmetry has them: its events
        are not exchangeable. The histograms are not carried over: they belong to the
        old labels.

        Parameters
        ----------
        rng : numpy.random.Generator, int or None
        """
        symmetry = self.symmetry.keeping_sizes()
        labels, log_ratio = symmetry.relabeller(self.pool)(np.random.default_rng(rng))
        bare = replace(self, symmetry=symmetry, histograms=({}, {}))
        return bare.relabelled(labels, log_ratio)

    def __add__(self, other: Pair) -> Pair:
        """Add a signal, or another process: events joined, histograms summed.

        A correction does not survive: raw events are added. Histograms that only one
        pair has are left out, and so are the events if one pair has none.

        Raises
        ------
        DataError
            If the columns or the binnings differ.
        """
        return Pair.from_samples(
            _joined(self.raw.a, other.raw.a),
            _joined(self.raw.b, other.raw.b),
            names=self.names,
            symmetry=self.raw.symmetry,
        )


def joined_events(left: Sample, right: Sample) -> ak.Array:
    """Return the events of both samples, the left ones first.

    If only one of them has weights, those of the other are ones.

    Raises
    ------
    DataError
        If a sample has no events, or their other columns differ.
    """
    return Pool.joined(left.require_events(), right.require_events()).events


def _correction(correction: Any, pool: Pool) -> tuple[Correction, str]:
    """Return a correction from elsewhere, and what to call it."""
    source = "given"
    if isinstance(correction, str | Path):
        source, correction = str(correction), read_correction(correction)
    pool.finite_weight  # noqa: B018 (asking checks them)
    if isinstance(correction, EfficiencyRatio):
        return correction, source
    if not isinstance(correction, EfficiencyMaps):
        raise ConfigurationError(
            f"correction {correction!r}: give 'self', an EfficiencyRatio or a correctionlib file"
        )
    name = correction.path if source == "given" else source
    return correction.at(*lepton_columns(pool)), name


def _joined(left: Sample, right: Sample) -> Sample:
    events = None
    if left.events is not None and right.events is not None:
        events = joined_events(left, right)
    common = sorted(left.histograms.keys() & right.histograms.keys())
    for name in common:
        check_same_binning(left.histograms[name], right.histograms[name])
    return Sample(events, {k: left.histograms[k] + right.histograms[k] for k in common})


def _filled(sample: Sample, histograms: Mapping[str, Hist]) -> Sample:
    """Return the sample with those of the histograms that its columns can fill."""
    columns = set(ak.fields(sample.require_events())) if histograms else set()
    kept = {
        name: sample.fill(*histogram.axes)
        for name, histogram in histograms.items()
        if {axis.name for axis in histogram.axes} <= columns
    }
    return Sample(sample.events, kept)
