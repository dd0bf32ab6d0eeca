"""The pair (A, B): two samples that a symmetry says come from one distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from hist import Hist
from hist.storage import Weight
from numpy.typing import NDArray

from eμsym.counts import check_same_binning
from eμsym.errors import DataError

if TYPE_CHECKING:
    from eμsym.calibration.efficiency_ratio import LeptonBins
    from eμsym.calibration.equalisation import EqualisedPair

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
    def weight(self) -> NDArray[np.float64]:
        """The events' weights, shape (n,); ones if there is no such column."""
        events = self.require_events()
        if "weight" in ak.fields(events):
            return np.asarray(ak.to_numpy(events.weight), dtype=np.float64)
        return np.ones(len(events))

    def column(self, name: str) -> NDArray[np.float64]:
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

    Parameters
    ----------
    a, b : Sample
    names : tuple of str
        What to call A and B in tables and figures.

    Examples
    --------
    >>> from hist.axis import Regular
    >>> pair = Pair.from_columns({"x": [1.0, 2.0, 3.0]}, {"x": [1.5, 2.5]})
    >>> a, b = pair.hist(Regular(2, 0, 4, name="x"))
    >>> a.values().tolist(), b.values().tolist()
    ([1.0, 2.0], [1.0, 1.0])
    """

    a: Sample
    b: Sample
    names: tuple[str, str] = ("eμ", "μe")

    @classmethod
    def from_columns(cls, a: Any, b: Any, *, names: tuple[str, str] = ("A", "B")) -> Pair:
        """Make a pair of two sets of columns: mappings of arrays, or record arrays.

        Parameters
        ----------
        a, b : mapping of str to array of shape (n,), or ak.Array of records
        names : tuple of str

        Raises
        ------
        DataError
            If the columns of a sample differ in length.
        """
        return cls(Sample(_records(a, names[0])), Sample(_records(b, names[1])), names)

    @classmethod
    def from_events(cls, events: ak.Array, *, by: str = ORDER_COLUMN) -> Pair:
        """Split events into A, where the column `by` is true, and B.

        Raises
        ------
        DataError
            If the column is missing.
        """
        if by not in ak.fields(events):
            raise DataError(f"no column {by!r} to split by; there are {ak.fields(events)}")
        in_a = ak.values_astype(events[by], bool)
        return cls(Sample(events[in_a]), Sample(events[~in_a]))

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
            if name not in self.a.histograms or name not in self.b.histograms:
                known = ", ".join(sorted(self.a.histograms)) or "none"
                raise DataError(f"no histogram {name!r} in the pair; there are: {known}")
            return self.a.histograms[name], self.b.histograms[name]
        return self.a.fill(*axes), self.b.fill(*axes)

    def permuted(self, *, rng: np.random.Generator | int | None = None) -> Pair:
        """Return a pair with the events' labels drawn anew, sizes kept.

        The histograms are not carried over: they belong to the old labels.

        Parameters
        ----------
        rng : numpy.random.Generator, int or None
        """
        pool = joined_events(self.a, self.b)
        order = np.random.default_rng(rng).permutation(len(pool))
        n_a = len(self.a.require_events())
        return Pair(Sample(pool[order[:n_a]]), Sample(pool[order[n_a:]]), self.names)

    def equalised(
        self,
        correction: Any = "self",
        *,
        exclude: Mapping[str, Sequence[float]] | None = None,
        control: Pair | None = None,
        bins: LeptonBins | None = None,
    ) -> EqualisedPair:
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
        EqualisedPair
            Its ``covariance``, ``nsigma`` and ``yield_ratio`` carry the
            uncertainty of the correction; its null is `calibrated_null`.

        Raises
        ------
        DataError
            If there are no events, too few, or none to compare some bins by.
        ConfigurationError
            If a window or edges are none, or such an option goes with a
            correction that needs no fit.
        InputFileError
            If a correction file cannot be used.

        Notes
        -----
        With a pair that has been equalised already, the raw events are taken.
        """
        from eμsym.calibration.equalisation import equalise

        return equalise(self, correction, exclude=exclude, control=control, bins=bins)

    def __add__(self, other: Pair) -> Pair:
        """Add a signal, or another process: events joined, histograms summed.

        Histograms that only one pair has are left out, and so are the events if
        one pair has none.

        Raises
        ------
        DataError
            If the columns or the binnings differ.
        """
        return Pair(_joined(self.a, other.a), _joined(self.b, other.b), self.names)


def joined_events(left: Sample, right: Sample) -> ak.Array:
    """Return the events of both samples, the left ones first.

    If only one of them has weights, those of the other are ones.

    Raises
    ------
    DataError
        If a sample has no events, or their other columns differ.
    """
    parts = [left.require_events(), right.require_events()]
    fields = [set(ak.fields(events)) for events in parts]
    if different := (fields[0] ^ fields[1]) - {"weight"}:
        raise DataError(f"only one of the samples has the columns {', '.join(sorted(different))}")
    if fields[0] != fields[1]:
        parts = [
            ak.with_field(sample.require_events(), sample.weight, "weight")
            for sample in (left, right)
        ]
    return ak.concatenate(parts)


def _joined(left: Sample, right: Sample) -> Sample:
    events = None
    if left.events is not None and right.events is not None:
        events = joined_events(left, right)
    common = sorted(left.histograms.keys() & right.histograms.keys())
    for name in common:
        check_same_binning(left.histograms[name], right.histograms[name])
    return Sample(events, {k: left.histograms[k] + right.histograms[k] for k in common})


def _records(columns: Any, name: str) -> ak.Array:
    if isinstance(columns, ak.Array):
        return columns
    lengths = {column: len(values) for column, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"{name}: the columns differ in length: {lengths}")
    return ak.zip(dict(columns), depth_limit=1)
