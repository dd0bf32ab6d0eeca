"""One p-value of many statistics on the same labellings, however they are correlated.

Of n + 1 labellings, the observed one included, each has a local p-value in each statistic, by its
rank there; the smallest of them is the statistic whose rank among the n + 1 is the global p-value
(Westfall and Young, Resampling-Based Multiple Testing, Wiley 1993); where the smallest tie, the
next smallest decide. Under the symmetry all n + 1 are alike, so that it is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.stats import norm

from eμsym.arrays import FloatArray
from eμsym.distributions import Null
from eμsym.shown import Shown

#: Statistics closer than this, relatively, are ties: sums differ with the order of their terms.
TIE = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Together(Shown):
    """Result of `together`.

    Attributes
    ----------
    names : tuple of str
        Of the tests that are counted.
    statistics : ndarray of float, shape (n + 1, tests)
        Of the observed labels, then of every relabelling; larger is less symmetric.
    left_out : mapping of str to str
        Tests that are not counted, and why.
    """

    names: tuple[str, ...]
    statistics: FloatArray
    left_out: Mapping[str, str] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the global p-value and what it counts."""
        found: dict[str, Any] = {"pvalue": self.pvalue, "tests": list(self.names), "n": self.n}
        return found | ({"left_out": list(self.left_out)} if self.left_out else {})

    @property
    def n(self) -> int:
        """The number of relabellings."""
        return len(self.statistics) - 1

    def null(self, name: str) -> Null:
        """Return the null of one of the tests."""
        return Null(self.statistics[1:, self.names.index(name)])

    def observed(self, name: str) -> float:
        """Return the observed statistic of one of the tests."""
        return float(self.statistics[0, self.names.index(name)])

    def local_pvalue(self, name: str) -> float:
        """Return the p-value of one of the tests by its rank, (k+1)/(n+1)."""
        return float(self._ranks[0, self.names.index(name)] / (self.n + 1))

    @property
    def smallest(self) -> str | None:
        """The test with the smallest local p-value; None without tests."""
        return self.names[int(np.argmin(self._local[0]))] if self.names else None

    @cached_property
    def _ranks(self) -> FloatArray:
        """How many of the n + 1 labellings are at or above each, in each test."""
        ranks = np.empty(self.statistics.shape)
        for column, values in zip(ranks.T, self.statistics.T, strict=True):
            ordered = np.sort(values)
            finite = np.isfinite(values)
            least = np.where(finite, values - TIE * np.abs(np.where(finite, values, 0.0)), values)
            column[:] = values.size - np.searchsorted(ordered, least, side="left")
        return ranks

    @cached_property
    def _local(self) -> FloatArray:
        """Local p-values of all labellings in all tests.

        Ranks; but one that is alone at the top of a test goes on below 1/(n + 1), as an
        exponential tail of all n + 1 would have it: else the largest of every test would tie.
        """
        n = len(self.statistics)
        local = self._ranks / n
        for j, values in enumerate(self.statistics.T):
            top = int(np.argmax(values))
            if self._ranks[top, j] != 1:
                continue
            tail = np.sort(values)[::-1][: max(2, n // 10) + 1]
            excess = tail[1:-1] - tail[-1] if tail.size > 2 else np.zeros(1)
            scale = float(np.mean(excess)) if np.all(np.isfinite(tail)) else 0.0
            beyond = (tail[0] - tail[1]) / scale if scale > 0 else np.inf
            local[top, j] = np.exp(-beyond) / n
        return local

    @property
    def count(self) -> int:
        """How many labellings, the observed one included, are as extreme in any test.

        Of equal smallest p-values the next smallest decide, and so on: ranks of a few
        labellings tie often.
        """
        ordered = np.sort(self._local, axis=1)
        less = np.zeros(len(ordered), dtype=bool)
        equal = np.ones(len(ordered), dtype=bool)
        for column in ordered.T:
            less |= equal & (column < column[0] * (1 - TIE))
            equal &= np.abs(column - column[0]) <= TIE * column[0]
        return int(np.count_nonzero(less | equal))

    @property
    def pvalue(self) -> float:
        """The global p-value: how often labels alone give as small a local one in any test."""
        return self.count / (self.n + 1) if self.names else float("nan")

    @property
    def pvalue_error(self) -> float:
        """The standard error of `pvalue` from the finite number of relabellings."""
        p = self.pvalue
        return float(np.sqrt(p * (1 - p) / (self.n + 1)))

    @property
    def z(self) -> float:
        """The global significance, Z = Φ⁻¹(1 − p)."""
        return float(norm.isf(self.pvalue))

    @property
    def resolved(self) -> bool:
        """Whether more than the observed labelling is as extreme: else p is an upper limit."""
        return self.count > 1

    def to_dict(self) -> dict[str, Any]:
        """Return the global p-value and what is counted, for JSON."""
        known = bool(self.names)
        z = self.z if known else np.nan
        return {
            "pvalue": self.pvalue if known else None,
            "pvalue_error": self.pvalue_error if known else None,
            "z": float(z) if np.isfinite(z) else None,
            "resolved": self.resolved if known else False,
            "n": self.n,
            "smallest": self.smallest,
            "tests": {name: self.local_pvalue(name) for name in self.names},
            "left_out": dict(self.left_out),
        }
