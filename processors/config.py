"""What the processor is told: cuts, plane and observables, as frozen dataclasses."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import hist
import numpy as np

from eμsym.errors import ConfigurationError
from eμsym.label_rule import LEADING
from eμsym.processors.columns import LABELS
from eμsym.processors.resolution import Resolution
from eμsym.selection import Cuts

#: Of one histogram: so many are filled and written without harm.
MOST_BINS = 1_000_000


@dataclass(frozen=True)
class Binning:
    """A regular axis over one column.

    Parameters
    ----------
    column : str
        One of `eμsym.processors.columns.LABELS`.
    bins : int
    start, stop : float
        Edges of the first and the last bin, in the column's unit.

    Raises
    ------
    ConfigurationError
        If there is no such column, no bin, or more or finer ones than can be filled.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    column: str
    bins: int
    start: float
    stop: float

    def __post_init__(self) -> None:
        if self.column not in LABELS:
            raise ConfigurationError(
                f"no column {self.column!r} to histogram; there are {', '.join(LABELS)}"
            )
        if not 1 <= self.bins <= MOST_BINS or not self.start < self.stop:
            raise ConfigurationError(
                f"binning of {self.column}: {self.bins} bins from {self.start} to {self.stop}; "
                f"give at least one bin, {MOST_BINS:,} at most, and start < stop"
            )
        width = (self.stop - self.start) / self.bins
        largest = max(abs(self.start), abs(self.stop))
        if not np.isfinite(width) or width <= np.spacing(largest):
            raise ConfigurationError(
                f"binning of {self.column}: bins {width} wide from {self.start} to {self.stop} "
                "are beyond the precision of numbers"
            )

    @property
    def axis(self) -> hist.axis.Regular:
        """The axis, named after the column and labelled with its unit."""
        return hist.axis.Regular(
            self.bins, self.start, self.stop, name=self.column, label=LABELS[self.column]
        )


#: 5 GeV bins of the DDP paper (arXiv:2203.07529, section 3). It says "28×28 bins" and
#: "10-140 GeV" of leading pT, which disagree; we keep 28 bins and the lower edge.
M_COLL = Binning("m_coll", 28, 30.0, 170.0)
LEAD_PT = Binning("lead_pt", 28, 10.0, 150.0)
SUB_PT = Binning("sub_pt", 28, 10.0, 150.0)


@dataclass(frozen=True)
class EMuConfig:
    """Everything that `EMuProcessor` can be told.

    Parameters
    ----------
    cuts : Cuts
    plane : tuple of two Binning
        Axes of the histogram ``plane``.
    observables : tuple of Binning
        One histogram each, named after its column.
    resolution : Resolution, optional
        By which electrons and muons are given equal resolutions before anything is cut on.
        Default: they are taken as they were measured.

    Raises
    ------
    ConfigurationError
        If two observables, or the two axes of the plane, are the same column, or the
        plane has too many bins.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    cuts: Cuts = field(default_factory=Cuts)
    plane: tuple[Binning, Binning] = (M_COLL, LEAD_PT)
    observables: tuple[Binning, ...] = (M_COLL, LEAD_PT, SUB_PT)
    resolution: Resolution | None = None

    def __post_init__(self) -> None:
        for what, binnings in (("plane", self.plane), ("observables", self.observables)):
            names = [binning.column for binning in binnings]
            if len(set(names)) != len(names):
                raise ConfigurationError(f"{what}: the same column twice ({', '.join(names)})")
        n_bins = math.prod(binning.bins for binning in self.plane)
        if n_bins > MOST_BINS:
            raise ConfigurationError(f"plane: {n_bins:,} bins; give {MOST_BINS:,} at most")

    def histograms(
        self, *datasets: str, orders: tuple[str, str] = LEADING.orders
    ) -> dict[str, hist.Hist]:
        """Return empty histograms: axes dataset, order (A's and B's), then the observables.

        Parameters
        ----------
        *datasets : str
            Categories of the first axis; more are added as they are filled.
        orders : tuple of str
            Categories of the second, see `eμsym.label_rule.LabelRule`.
        """
        wanted = {binning.column: (binning,) for binning in self.observables}
        return {
            name: hist.Hist(
                hist.axis.StrCategory(list(datasets), growth=True, name="dataset"),
                hist.axis.StrCategory(list(orders), name="order", overflow=False),
                *(binning.axis for binning in binnings),
                storage=hist.storage.Weight(),
            )
            for name, binnings in {**wanted, "plane": self.plane}.items()
        }
