"""The pair (A, B): two samples that a symmetry says come from one distribution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from hist import Hist

from eμsym.arrays import BoolArray, FloatArray, IntArray, Rng
from eμsym.binned.merging import MergedBins
from eμsym.binned.nsigma import NSigma, nsigma_of
from eμsym.binned.pair_bins import PairBins
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.calibration.efficiency_ratio import LeptonBins
from eμsym.calibration.equalise import calibrated, check_rule, check_same_rule
from eμsym.coffea_output import events_of, histograms_of
from eμsym.difference import Difference
from eμsym.effects import check_symmetric
from eμsym.errors import DataError
from eμsym.exchange import LEPTONS
from eμsym.expression import Expression
from eμsym.fakes import check_marks
from eμsym.label_rule import LEADING, LabelRule
from eμsym.pool import WEIGHT, Pool
from eμsym.sample import Sample
from eμsym.shown import Shown
from eμsym.symmetry import Exchangeable, FairCoin, Symmetry

#: The column that says which sample an event of the eμ pair belongs to.
ORDER_COLUMN = LEADING.column


@dataclass(frozen=True, eq=False, repr=False)
class Pair(Shown):
    """Two samples that a symmetry says come from one distribution.

    For the eμ symmetry A is eμ (the electron leads) and B is μe (the muon leads).
    Made by `from_columns`, `from_events`, `from_output` or `from_samples`, or read by
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
    rule : LabelRule or None
        By which the events were labelled, where that is recorded.
    cracks : tuple of float or None
        Where the detector's efficiencies may jump in |η|, as the format of its files says:
        the default of ``abseta_edges`` of `equalised`. None if that is not known.

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
    names: tuple[str, str] = LEADING.names
    histograms: tuple[Mapping[str, Hist], Mapping[str, Hist]] = field(
        default_factory=lambda: ({}, {})
    )
    rule: LabelRule | None = None
    cracks: tuple[float, ...] | None = None

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: how many events there are of each, and of what."""
        sizes: dict[str, Any] = {}
        if self.events is not None:
            sizes = dict(zip(self.names, (self.events.n_a, self.events.n_b), strict=True))
            sizes["columns"] = list(self.events.columns)
        stored = {"histograms": list(self.histograms[0])} if any(self.histograms) else {}
        return {**sizes, "symmetry": self.symmetry, **stored}

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
            columns, or ``fake`` marks events though no fakes are subtracted.
        """
        pool = Pool.joined(a, b, names=names)
        symmetry = Exchangeable() if symmetry is None else symmetry
        check_marks(pool, symmetry)
        return cls(pool, symmetry, names)

    @classmethod
    def from_events(
        cls,
        events: Any,
        *,
        by: str = ORDER_COLUMN,
        names: tuple[str, str] = LEADING.names,
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
            If the column is missing, or ``fake`` marks events though no fakes are subtracted.
        """
        pool = Pool.split(events, by=by)
        symmetry = FairCoin(replace(LEPTONS, label=by)) if symmetry is None else symmetry
        check_marks(pool, symmetry)
        return cls(pool, symmetry, names)

    @classmethod
    def from_output(
        cls,
        output: Any,
        *,
        datasets: Iterable[str] | None = None,
        rule: LabelRule = LEADING,
    ) -> Pair:
        """Make a pair of what a coffea run of `EMuProcessor` returned.

        It is the pair that `eμsym.read_pair` gives after ``emusym process``, but for the
        normalisation: weights are those of the files; and for `cracks`, of which the output
        says nothing.

        Parameters
        ----------
        output : mapping
            ``Runner(…)(fileset, EMuProcessor())``. Events keep no order of the executor:
            they come by dataset, file identity and entry.
        datasets : iterable of str, optional
            Which datasets to add up. Default: all.
        rule : LabelRule
            The processor's.

        Raises
        ------
        DataError
            If it is no such output.
        ConfigurationError
            If a dataset is not there, or none is chosen.
        """
        events, names = events_of(output, datasets)
        histograms = histograms_of(output, names, rule.orders)
        pair = cls.from_events(
            events, by=rule.column, names=rule.names, symmetry=FairCoin(rule.exchange)
        )
        return replace(pair, histograms=histograms, rule=rule)

    @classmethod
    def from_samples(
        cls,
        a: Sample,
        b: Sample,
        *,
        names: tuple[str, str] = LEADING.names,
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

    @property
    def counted(self) -> Pair:
        """The raw pair of the events that were counted: without those that estimate fakes."""
        raw = self.raw
        if raw.events is None or not raw.events.fake.any():
            return raw
        pool = raw.events.where(raw.events.fake == 0)
        return replace(raw, events=pool, symmetry=raw.symmetry.of_data).filled_like(self.histograms)

    def filled_like(self, stored: tuple[Mapping[str, Hist], Mapping[str, Hist]]) -> Pair:
        """Return the pair with histograms like those of A and of B, of its raw events."""
        raw = self.raw
        a, b = (
            sample.refilled(like).histograms
            for sample, like in zip((raw.a, raw.b), stored, strict=True)
        )
        return replace(self, histograms=(a, b))

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
        return Sample(part.events).refilled(self.histograms[side])

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
        return self.in_bins(*axes).covariance()

    def nsigma(self, *axes: Any) -> NSigma:
        """Return Nσ of B − A, N(0,1) under the symmetry: see `eμsym.nsigma`.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.
        """
        return nsigma_of(self.difference(*axes))

    def in_bins(self, *axes: Any, merged: MergedBins | None = None) -> PairBins:
        """Return where the events are in bins, with what the symmetry expects there.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.
        merged : MergedBins, optional
            Boxes of these bins, in place of them.

        Raises
        ------
        DataError
            If there is no such histogram or column.
        """
        index, shape = self.bin_index(*axes)
        if merged is not None:
            index, shape = merged.index(index), (len(merged),)
        return PairBins(self.pool, self.symmetry, index, shape)

    def yield_ratio(self, *axes: Any, merged: MergedBins | None = None) -> YieldRatio:
        """Return the expected B/A of raw counts, fakes among them, in every bin, for `eμsym.q0`.

        Take the counts from ``raw.hist(…)``: unlike weighted ones they are Poisson.
        `eμsym.Q0Test` does all that, for a signal in A too.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.
        merged : MergedBins, optional
            Boxes of these bins, to give the ratio of each box.

        Raises
        ------
        DataError
            If the pair is corrected and its raw events are weighted.
        """
        return self.in_bins(*axes, merged=merged).yield_ratio()

    def equalised(
        self,
        correction: Any = "self",
        *,
        exclude: Mapping[str, Sequence[float]] | None = None,
        control: Pair | None = None,
        bins: LeptonBins | None = None,
        by: str | None = None,
        abseta_edges: Sequence[float] | None = None,
        pt_edges: Sequence[float] = (),
        signed_eta: bool = False,
        given: Any = None,
    ) -> Pair:
        """Return the pair with weights that take the detector's difference of A and B out.

        Which efficiencies that is made of, the rule of its labels says: of an eμ/μe pair, and
        of one without a rule, r(pT, |η|) = ε_μ/ε_e of the leading and the sub-leading lepton.

        Parameters
        ----------
        correction : {"self"}, EfficiencyRatio, str or Path
            "self" fits r to the pair's own events, see `self_calibrate`. Or a ratio, or a
            correctionlib file, see `read_correction`, of other events.
        exclude : mapping of str to (float, float), optional
            For "self": a window whose events get weights but are not in the fit,
            such as ``{"m_coll": (110, 140)}``.
        control : Pair, optional
            For "self": other events, to which r is fitted in place of the pair's.
            None of those in the fit may be the pair's too.
        bins : LeptonBins, optional
            For "self": bins of pT and |η| in which r is constant. Default: r is smooth, with
            as many terms as the events bear, see `eμsym.calibration.ratio_terms`.
        by : str, optional
            For "self": a column of few values, which trigger fired, say, or the run period:
            each class of events gets an r of its own, and labels are drawn within it.
        abseta_edges : sequence of float, optional
            For "self": where a smooth r may jump in |η|. Default: `cracks`, or those of
            `eμsym.calibration.ratio_terms` where they are not known.
        pt_edges : sequence of float
            For "self": where it may jump in pT, in GeV: thresholds of triggers.
        signed_eta : bool
            For "self": whether a smooth r may differ between η and −η.
        given : EfficiencyRatio, str or Path, optional
            For "self": efficiencies from elsewhere, such as those of pairs that an OR of
            triggers leaves (see `read_correction`), on top of which r is fitted. Nulls and
            errors have theirs, but for what the fit takes up.

        Returns
        -------
        Pair
            Its symmetry is `Calibrated`: ``difference``, ``nsigma``, ``yield_ratio``
            and nulls carry the uncertainty of the correction. ``symmetry.unchecked`` says
            so where a ratio does not tell which events it was fitted to.

        Raises
        ------
        DataError
            If there are no events, too few, or none to compare some bins by; or if
            control events, or those that a ratio was fitted to, are the pair's.
        ConfigurationError
            If a window or edges are none, such an option goes with a correction that
            needs no fit, the rule of the pair's labels names no efficiencies, or the
            correction is not of those that it names.
        InputFileError
            If a correction file cannot be used.

        Notes
        -----
        With a pair that has been equalised already, the raw events are taken.
        """
        for pair in (self, control or self):
            check_rule(pair.rule, pair.symmetry)
        if control is not None:
            check_same_rule(self.rule, control.rule)
        raw = self.symmetry.raw
        if abseta_edges is None and bins is None and str(correction) == "self":
            abseta_edges = self.cracks
        found = calibrated(
            replace(self, symmetry=raw.of_data),
            correction,
            rule=self.rule,
            exclude=exclude,
            control=control,
            bins=bins,
            by=by,
            abseta_edges=abseta_edges,
            pt_edges=pt_edges,
            signed_eta=signed_eta,
            given=given,
        )
        return replace(self, symmetry=raw.corrected(found))

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
        return drawn.filled_like(self.histograms) if any(self.histograms) else drawn

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

    def where(self, condition: str) -> Pair:
        """Return the events for which a condition on the columns holds, without a correction.

        Stored histograms are filled anew as far as the columns allow it.

        Parameters
        ----------
        condition : str
            See `eμsym.expression.Expression`.

        Raises
        ------
        ConfigurationError
            If it is none, there is no such column, or the exchange of A and B changes it.
        DataError
            If there are no events, or the condition cannot be told of one.
        """
        expression, raw = Expression(condition), self.raw
        expression.check(raw.pool.columns)
        check_symmetric(expression, raw.symmetry.exchange)
        part = replace(raw, events=raw.pool.where(expression.condition(raw.pool.columns)))
        bare = replace(part, histograms=({}, {}))
        a, b = (
            sample.refilled(stored).histograms
            for sample, stored in zip((bare.a, bare.b), self.histograms, strict=True)
        )
        return replace(part, histograms=(a, b))

    def __add__(self, other: Pair) -> Pair:
        """Add a signal, or another process: events joined, histograms summed.

        A correction does not survive: raw events are added. Histograms that only one
        pair has are left out, and so are the events if one pair has none.

        Raises
        ------
        DataError
            If the columns or the binnings differ, or the rules of their labels; or if fakes
        are subtracted from the other.
        """
        if other.symmetry.fake_errors:
            raise DataError("of two pairs the first may have fakes subtracted; add in that order")
        rules = {pair.rule for pair in (self, other)} - {None}
        if len(rules) > 1:
            named = " and ".join(sorted(repr(rule.name) for rule in rules if rule))
            raise DataError(f"pairs of events that are labelled by {named} are not added")
        both = Pair.from_samples(
            self.raw.a + other.raw.a,
            self.raw.b + other.raw.b,
            names=self.names,
            symmetry=self.raw.symmetry,
        )
        cracks = self.cracks if self.cracks == other.cracks else None
        return replace(both, rule=next(iter(rules), None), cracks=cracks)
