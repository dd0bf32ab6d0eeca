"""One of the two samples of a pair: columns of events, histograms, or both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import awkward as ak
import numpy as np
from hist import Hist
from hist.storage import Weight

from eμsym.arrays import FloatArray, as_numbers
from eμsym.axes import for_axis
from eμsym.counts import check_same_binning
from eμsym.errors import DataError
from eμsym.pool import WEIGHT, Pool
from eμsym.shown import Shown


@dataclass(frozen=True, eq=False, repr=False)
class Sample(Shown):
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

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: how many events there are, and of what."""
        events = self.events
        of_events = {} if events is None else {"events": len(events), "columns": ak.fields(events)}
        stored = {"histograms": list(self.histograms)} if self.histograms else {}
        return {**of_events, **stored}

    @property
    def weight(self) -> FloatArray:
        """The events' weights, shape (n,); ones if there is no such column."""
        events = self.require_events()
        if WEIGHT in ak.fields(events):
            return as_numbers(events[WEIGHT], f"column {WEIGHT!r}")
        return np.ones(len(events))

    def column(self, name: str) -> FloatArray:
        """Return one column as float64, shape (n,).

        Raises
        ------
        DataError
            If there are no events or no such column, or it is not one number an event; the
            message lists the columns there are.
        """
        events = self.require_events()
        if name not in ak.fields(events):
            raise DataError(f"no column {name!r}; there are {', '.join(sorted(ak.fields(events)))}")
        return as_numbers(events[name], f"column {name!r}")

    def require_events(self) -> ak.Array:
        """Return the events, or raise a `DataError` if the sample is only histograms."""
        if self.events is None:
            raise DataError("this sample has histograms only; read one with its events")
        return self.events

    def fill(self, *axes: Any) -> Hist:
        """Histogram the events, with weights; the axes' names say which columns."""
        result = Hist(*axes, storage=Weight())
        values = [for_axis(axis, self.column(axis.name)) for axis in axes]
        result.fill(*values, weight=self.weight)
        return result

    def refilled(self, histograms: Mapping[str, Hist]) -> Sample:
        """Return the events with histograms like these, as far as the columns can fill them."""
        columns = set(ak.fields(self.require_events())) if histograms else set()
        kept = {
            name: self.fill(*histogram.axes)
            for name, histogram in histograms.items()
            if {axis.name for axis in histogram.axes} <= columns
        }
        return Sample(self.events, kept)

    def __add__(self, other: Sample) -> Sample:
        """Join the events and sum the histograms that both have.

        There are no events if one sample has none.

        Raises
        ------
        DataError
            If the columns or the binnings differ.
        """
        events = None
        if self.events is not None and other.events is not None:
            events = joined_events(self, other)
        common = sorted(self.histograms.keys() & other.histograms.keys())
        for name in common:
            check_same_binning(self.histograms[name], other.histograms[name])
        summed = {name: self.histograms[name] + other.histograms[name] for name in common}
        return Sample(events, summed)


def joined_events(left: Sample, right: Sample) -> ak.Array:
    """Return the events of both samples, the left ones first.

    If only one of them has weights, those of the other are ones.

    Raises
    ------
    DataError
        If a sample has no events, or their other columns differ.
    """
    return Pool.joined(left.require_events(), right.require_events()).events
