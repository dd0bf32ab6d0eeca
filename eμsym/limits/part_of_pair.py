"""Some of a pair's events, with what the symmetry of all of them expects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from eμsym.arrays import BoolArray, FloatArray, IntArray
from eμsym.binned.merging import MergedBins
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.fakes import FakeCounts
from eμsym.pair import Pair


@dataclass(frozen=True, eq=False)
class PartOfPair:
    """Events of a pair, for `Q0Test` and limits; ln r is that of the whole pair.

    Parameters
    ----------
    whole : Pair
    inside : ndarray of bool, shape (n,)
        Which events of the whole pair's pool are in the part.
    """

    whole: Pair
    inside: BoolArray

    @cached_property
    def raw(self) -> Pair:
        """The events without any correction, and without stored histograms."""
        return self._pair(self.whole.raw, self.inside)

    @cached_property
    def counted(self) -> Pair:
        """The raw pair of those events that were counted; see `Pair.counted`."""
        raw = self.whole.raw
        if not raw.pool.fake.any():
            return self.raw
        data = replace(raw, symmetry=raw.symmetry.of_data)
        return self._pair(data, self.inside & (raw.pool.fake == 0))

    def _pair(self, pair: Pair, inside: BoolArray) -> Pair:
        return replace(pair, events=pair.pool.where(inside), histograms=({}, {}))

    def axes_of(self, *axes: Any) -> tuple[Any, ...]:
        """Return hist axes, or those of the whole pair's histogram that is named."""
        return self.whole.axes_of(*axes)

    def index(self, *axes: Any, merged: MergedBins | None = None) -> tuple[IntArray, int]:
        """Return the flat bin of every event of the whole pool, −1 outside, and how many there are.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `Pair.hist`.
        merged : MergedBins, optional
            Boxes of these bins.
        """
        index, shape = self.whole.bin_index(*axes)
        index, size = np.where(self.inside, index, -1), int(np.prod(shape))
        return (index, size) if merged is None else (merged.index(index), len(merged))

    def prompt_ratio(
        self, *axes: Any, merged: MergedBins | None = None
    ) -> tuple[YieldRatio, FakeCounts | None]:
        """Return the expected B/A without fakes, and the fakes, in flat bins."""
        return self.whole.prompt_ratio_in(*self.index(*axes, merged=merged))

    def yield_ratio(self, *axes: Any, merged: MergedBins | None = None) -> YieldRatio:
        """Return the expected B/A of raw counts, fakes among them, in flat bins."""
        index, size = self.index(*axes, merged=merged)
        return YieldRatio(*self.whole.symmetry.log_yields(self.whole.pool, index, size))

    def expected_ratio(self, *axes: Any, merged: MergedBins | None = None) -> FloatArray:
        """Return κ by the events' probabilities in flat bins; see `Pair.expected_ratio`."""
        return self.whole.expected_ratio_in(*self.index(*axes, merged=merged))
