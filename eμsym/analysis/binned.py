"""The binned comparisons of a pair, with p and Z: Nσ of histograms, the best window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import hist

from eμsym.analysis.significance import Significance
from eμsym.binned.nsigma import NSigma, nsigma_of
from eμsym.binned.window_null import WindowPValue
from eμsym.binned.windows import BestWindow
from eμsym.difference import Difference
from eμsym.distributions import Null
from eμsym.pair import Pair


@dataclass(frozen=True, eq=False)
class Comparison:
    """A histogram of both samples, their difference, and its Nσ.

    Attributes
    ----------
    a, b : hist.Hist
        With the weights of the correction, if there is one.
    difference : Difference
    nsigma : NSigma
    null : Null or None
        |Nσ| of relabellings; None without events.
    """

    a: hist.Hist
    b: hist.Hist
    difference: Difference
    nsigma: NSigma
    null: Null | None = None

    @classmethod
    def of(cls, pair: Pair, name: str) -> Comparison:
        """Compare a histogram of a pair."""
        difference = pair.difference(name)
        return cls(*pair.hist(name), difference, nsigma_of(difference))

    @property
    def by_normal(self) -> Significance | None:
        """P and Z of |Nσ| by N(0,1); None without entries."""
        if self.nsigma.z != self.nsigma.z:
            return None
        return Significance.normal(self.nsigma.z, sided="two")

    @property
    def significance(self) -> Significance | None:
        """P and Z of |Nσ|: by relabellings where bins are sparse, else by N(0,1)."""
        if self.nsigma.sparse and self.null is not None and self.by_normal is not None:
            return Significance.redrawn(self.null, abs(self.nsigma.z), sided="two")
        return self.by_normal

    def to_dict(self) -> dict[str, Any]:
        """Return Nσ with its p and Z, for JSON."""
        found, normal = self.significance, self.by_normal
        return {
            **self.nsigma.to_dict(),
            "significance": None if found is None else found.to_dict(),
            "by_normal": None if normal is None else normal.to_dict(),
            "permutations": None if self.null is None else self.null.to_dict(),
        }


@dataclass(frozen=True, eq=False)
class WindowSearch:
    """The best window of the plane, and what it is worth among all.

    Attributes
    ----------
    found : BestWindow
    shape : {"square", "rectangle"}
    seed : int
        Of the toys.
    worth : WindowPValue or None
        None if no window holds an event.
    """

    found: BestWindow
    shape: str
    seed: int
    worth: WindowPValue | None

    @property
    def beyond_all_toys(self) -> bool:
        """Whether no toy has so large a window: the p-value is then only a limit."""
        return self.worth is not None and self.worth.pvalue <= self.worth.smallest_pvalue

    @property
    def significance(self) -> Significance | None:
        """P and Z of the largest of all windows; None if there is none, or no null."""
        if self.worth is None:
            return None
        return Significance.redrawn(self.worth.null, self.worth.statistic, sided="two")

    def to_dict(self) -> dict[str, Any]:
        """Return the best window and its global p-value, for JSON."""
        worth = None
        if self.worth is not None:
            worth = {**self.worth.to_dict(), "beyond_all_toys": self.beyond_all_toys}
        found = self.significance
        return {
            **self.found.to_dict(),
            "shape": self.shape,
            "seed": self.seed,
            "global": worth,
            "significance": None if found is None else found.to_dict(),
        }
