"""The axes of histograms: equal bins, edges, whole numbers or categories of one column."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import hist
import numpy as np

from eμsym.errors import ConfigurationError
from eμsym.processors.columns import ALL_LABELS

#: Of one histogram: so many are filled and written without harm.
MOST_BINS = 1_000_000
#: Where a last bin ends that takes everything beyond: JSON has no infinity, and ROOT's moments
#: square it.
BEYOND = 1e100


@dataclass(frozen=True)
class Binning:
    """An axis over one column: equal bins, edges, integers, or categories.

    Parameters
    ----------
    column : str
        Such as those of `eμsym.processors.columns.LABELS`, or one of the user's.
    bins : int, optional
        Number of equal bins from `start` to `stop`.
    start, stop : float, optional
        Edges of the first and the last bin, in the column's unit.
    edges : tuple of float
        In place of those: edges of any bins, ascending.
    integers : tuple of (int, int), optional
        In place of those: the first and the last of whole numbers, a bin each.
    categories : tuple of int
        In place of those: any whole numbers, a bin each, in this order.
    overflow : bool
        Whether the last bin also takes what lies beyond it; of equal bins and of edges.

    Raises
    ------
    ConfigurationError
        If there is no bin, there are more or finer ones than can be filled, or it is not said
        in one of the four ways.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    column: str
    bins: int | None = None
    start: float | None = None
    stop: float | None = None
    edges: tuple[float, ...] = ()
    integers: tuple[int, int] | None = None
    categories: tuple[int, ...] = ()
    overflow: bool = False

    def __post_init__(self) -> None:
        equal = [x is not None for x in (self.bins, self.start, self.stop)]
        ways = [any(equal), bool(self.edges), self.integers is not None, bool(self.categories)]
        if sum(ways) != 1 or any(equal) != all(equal):
            raise ConfigurationError(
                f"binning of {self.column}: give bins, start and stop, or edges, or integers, or "
                "categories"
            )
        if self.overflow and (ways[2] or ways[3]):
            raise ConfigurationError(
                f"binning of {self.column}: overflow is of equal bins and of edges alone"
            )
        if self.bins is not None and self.start is not None and self.stop is not None:
            self._check_equal_bins(self.bins, self.start, self.stop)
        elif self.edges:
            self._check_edges()
        elif self.integers is not None:
            first, last = self.integers
            if not (0 <= last - first < MOST_BINS and max(abs(first), abs(last)) < 2**31 - 1):
                raise ConfigurationError(
                    f"binning of {self.column}: integers from {first} to {last}; give the first "
                    f"and the last, {MOST_BINS:,} at most"
                )
        elif len(set(self.categories)) < len(self.categories) or any(
            abs(x) >= 2**31 - 1 for x in self.categories
        ):
            raise ConfigurationError(
                f"binning of {self.column}: categories {list(self.categories)}; give whole numbers "
                "of 31 bits, each once"
            )

    def _check_equal_bins(self, bins: int, start: float, stop: float) -> None:
        if not 1 <= bins <= MOST_BINS or not start < stop:
            raise ConfigurationError(
                f"binning of {self.column}: {bins} bins from {start} to {stop}; "
                f"give at least one bin, {MOST_BINS:,} at most, and start < stop"
            )
        width = (stop - start) / bins
        if not np.isfinite(width) or width <= np.spacing(max(abs(start), abs(stop))):
            raise ConfigurationError(
                f"binning of {self.column}: bins {width} wide from {start} to {stop} "
                "are beyond the precision of numbers"
            )

    def _check_edges(self) -> None:
        ascending = all(a < b for a, b in zip(self.edges, self.edges[1:], strict=False))
        if not (2 <= len(self.edges) <= MOST_BINS and ascending):
            raise ConfigurationError(
                f"binning of {self.column}: edges {list(self.edges)[:10]}; give two or more, "
                f"{MOST_BINS:,} at most, in ascending order"
            )
        if not all(math.isfinite(x) for x in self.edges):
            raise ConfigurationError(
                f"binning of {self.column}: an edge is infinite; for a last bin without an end "
                "give overflow = true"
            )

    @property
    def n_bins(self) -> int:
        """The number of bins."""
        if self.integers is not None:
            return self.integers[1] - self.integers[0] + 1
        return self.bins or len(self.categories) or len(self.edges) - 1

    @property
    def ordered(self) -> bool:
        """Whether neighbouring bins are neighbouring values."""
        return not self.categories

    @property
    def axis(self) -> Any:
        """The axis, named after the column and labelled with its unit."""
        return self.labelled(ALL_LABELS.get(self.column, self.column))

    def labelled(self, label: str) -> Any:
        """Return the axis with another label."""
        about = {"name": self.column, "label": label}
        if self.integers is not None:
            return hist.axis.Integer(self.integers[0], self.integers[1] + 1, **about)
        if self.categories:
            return hist.axis.IntCategory(list(self.categories), **about)
        if self.bins is not None and not self.overflow:
            return hist.axis.Regular(self.bins, self.start, self.stop, **about)
        edges = list(self.edges)
        if self.bins is not None and self.start is not None and self.stop is not None:
            edges = np.linspace(self.start, self.stop, self.bins + 1).tolist()
        return hist.axis.Variable([*edges[:-1], BEYOND] if self.overflow else edges, **about)


#: 5 GeV bins of the DDP paper (arXiv:2203.07529, section 3). It says "28×28 bins" and
#: "10-140 GeV" of leading pT, which disagree; we keep 28 bins and the lower edge.
M_COLL = Binning("m_coll", 28, 30.0, 170.0)
LEAD_PT = Binning("lead_pt", 28, 10.0, 150.0)
SUB_PT = Binning("sub_pt", 28, 10.0, 150.0)

#: Of one lepton with jets.
ONE_LEPTON = (
    Binning("mt_lead", 28, 0.0, 140.0),
    LEAD_PT,
    Binning("jet1_pt", 28, 20.0, 300.0),
)
