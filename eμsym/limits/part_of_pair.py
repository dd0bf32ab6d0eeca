"""Some of a pair's events, with what the symmetry of all of them expects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from eμsym.arrays import BoolArray
from eμsym.binned.merging import MergedBins
from eμsym.binned.pair_bins import PairBins
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

    def in_bins(self, *axes: Any, merged: MergedBins | None = None) -> PairBins:
        """Return where the whole pair's events are, with those outside the part in no bin.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `Pair.hist`.
        merged : MergedBins, optional
            Boxes of these bins, in place of them.
        """
        every = self.whole.in_bins(*axes, merged=merged)
        return replace(every, index=np.where(self.inside, every.index, -1))
