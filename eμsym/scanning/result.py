"""What a scan found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from eμsym.arrays import FloatArray
from eμsym.joint_pvalue import TIE
from eμsym.scanning.local_pvalues import tail_begins
from eμsym.scanning.places import Place
from eμsym.scanning.regions import Skipped
from eμsym.shown import Shown

#: Fewer events do not hold a strong r well enough: the third row of docs/coverage/scan.md.
ENOUGH_FOR_R = 3_000


@dataclass(frozen=True)
class Entry:
    """One test of one observable or plane in one region.

    Attributes
    ----------
    region : str
    observables : tuple of str
        One or two.
    test : str
        "nsigma", "chi2", "window" or "spline".
    statistic : float
        Nσ of B − A with its sign; χ²; the largest squared Nσ of a window; the score.
    p_local : float
        As if nothing else had been looked at.
    p_adjusted : float
        With all other entries counted, by Westfall and Young's step-down.
    """

    region: str
    observables: tuple[str, ...]
    test: str
    statistic: float
    p_local: float
    p_adjusted: float

    @property
    def name(self) -> str:
        """Test, observables and region in one line."""
        return f"{self.test} of {' × '.join(self.observables)} in {self.region}"

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "region": self.region,
            "observables": list(self.observables),
            "test": self.test,
            "statistic": self.statistic,
            "p_local": self.p_local,
            "p_adjusted": self.p_adjusted,
        }


@dataclass(frozen=True)
class RegionCounts:
    """The events of a region.

    Attributes
    ----------
    where : str or None
        Its condition; None of all events.
    a, b : int
        As counted.
    """

    where: str | None
    a: int
    b: int

    def to_dict(self) -> dict[str, Any]:
        """Return them for JSON."""
        return {"where": self.where, "a": self.a, "b": self.b}


@dataclass(frozen=True, eq=False)
class Expected:
    """How many entries labels alone leave below a local p-value.

    Attributes
    ----------
    pvalue : ndarray of float, shape (k,)
    observed : ndarray of float, shape (k,)
        Entries at or below it.
    quantiles : ndarray of float, shape (5, k)
        Of the relabellings: 2.5, 16, 50, 84 and 97.5 %.
    """

    pvalue: FloatArray
    observed: FloatArray
    quantiles: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Return them for JSON."""
        return {
            "pvalue": self.pvalue.tolist(),
            "observed": self.observed.tolist(),
            "quantiles": self.quantiles.tolist(),
        }


@dataclass(frozen=True, eq=False, repr=False)
class Scan(Shown):
    """Result of `eμsym.scan`.

    Attributes
    ----------
    entries : tuple of Entry
        Region by region.
    regions : mapping of str to RegionCounts
    skipped : tuple of Skipped
        What was left out, and why.
    minus_log_p : ndarray of float32, shape (entries, n + 1)
        −ln of the local p-values of every labelling, the observed one first.
    largest : ndarray of float, shape (n + 1,)
        The largest of each labelling.
    n : int
        Relabellings.
    windows : int
        Intervals and rectangles that were looked at.
    names : tuple of str
        Of A and B.
    source : str
        Where the correction of the pair is from; "none" without one.
    """

    entries: tuple[Entry, ...]
    regions: Mapping[str, RegionCounts]
    skipped: tuple[Skipped, ...]
    minus_log_p: NDArray[np.float32]
    largest: FloatArray
    n: int
    windows: int
    names: tuple[str, str]
    source: str
    _places: Callable[[int], Place]

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the global p-value and what it counts."""
        first = self.ranked[0].name if self.entries else None
        return {
            "p_global": self.p_global,
            "entries": len(self.entries),
            "regions": len(self.regions),
            "n": self.n,
            "first": first,
        }

    @property
    def p_global(self) -> float:
        """How often labels alone give as small a local p-value anywhere, (k+1)/(n+1)."""
        return self.count / (self.n + 1)

    @property
    def count(self) -> int:
        """How many labellings, the observed one included, are as extreme."""
        return int(np.count_nonzero(self.largest >= self.largest[0] * (1 - TIE)))

    @property
    def p_global_error(self) -> float:
        """Its standard error, from the number of relabellings."""
        p = self.p_global
        return float(np.sqrt(p * (1 - p) / (self.n + 1)))

    @property
    def resolved(self) -> bool:
        """Whether more than the observed labelling is as extreme: else p is an upper limit."""
        return self.count > 1

    @property
    def p_global_tail(self) -> float:
        """The global p-value by Gumbel's distribution, fitted to all n + 1 labellings.

        An estimate where too few labellings are as extreme as the observed one.
        """
        scale = float(np.std(self.largest)) * np.sqrt(6) / np.pi
        if not scale > 0:
            return float("nan")
        place = float(np.mean(self.largest)) - np.euler_gamma * scale
        return float(-np.expm1(-np.exp(-(float(self.largest[0]) - place) / scale)))

    @property
    def z(self) -> float:
        """The global significance, Φ⁻¹(1 − p)."""
        return float(norm.isf(self.p_global))

    @property
    def caveat(self) -> str | None:
        """Why the global p-value may be too small, or None: r fitted to few events."""
        events = max((each.a + each.b for each in self.regions.values()), default=0)
        if self.source != "self" or events >= ENOUGH_FOR_R:
            return None
        return (
            f"r is fitted to {events:,} events: so few do not quite follow an r that depends "
            "strongly on pT, and the global p is then a little too small (5.6 ± 0.7 % of 1,000 "
            "samples of 1,500 events without signal had p ≤ 0.05)"
        )

    @property
    def tail(self) -> tuple[float, float]:
        """Where local p-values begin to be of a tail, and its width's relative error."""
        return tail_begins(self.n + 1) / (self.n + 1), float(1 / np.sqrt(2 * (self.n + 1)))

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The entries' numbers, the smallest local p-value first."""
        return np.argsort(-self.minus_log_p[:, 0], kind="stable")

    @property
    def ranked(self) -> tuple[Entry, ...]:
        """The entries, the smallest local p-value first."""
        return tuple(self.entries[i] for i in self.order)

    def first(self, count: int = 10) -> list[tuple[Entry, Place]]:
        """Return the most asymmetric entries, with where they show most.

        Of entries of one region and the same observables, or of one window, the first alone.
        """
        found: list[tuple[Entry, Place]] = []
        seen: set[Any] = set()
        for i in self.order:
            entry = self.entries[i]
            if (key := (entry.region, entry.observables)) in seen:
                continue
            seen.add(key)
            found.append((entry, self._places(int(i))))
            if len(found) == count:
                break
        return found

    def place(self, entry: int) -> Place:
        """Return where an entry, by its number, shows most."""
        return self._places(entry)

    @cached_property
    def expected(self) -> Expected:
        """How many entries have a local p-value below any, and how many labels alone leave."""
        steps = np.arange(0.0, max(4.0, float(self.largest.max()) / np.log(10)) + 0.05, 0.1)
        thresholds = (steps * np.log(10)).astype(np.float32) * np.float32(1 - 1e-6)
        below = np.zeros((self.n + 1, steps.size))
        for part in np.array_split(self.minus_log_p, max(1, len(self.entries) // 2048)):
            place = np.searchsorted(thresholds, part, side="right")
            offset = np.arange(self.n + 1) * (steps.size + 1)
            counts = np.bincount(
                (place + offset).ravel(), minlength=(steps.size + 1) * below.shape[0]
            )
            by_step = counts.reshape(self.n + 1, -1)[:, 1:]
            below += np.cumsum(by_step[:, ::-1], axis=1)[:, ::-1]
        quantiles = np.quantile(below[1:], [0.025, 0.16, 0.5, 0.84, 0.975], axis=0)
        return Expected(10.0**-steps, below[0], quantiles)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the labellings, for JSON."""
        begins, error = self.tail
        tail = self.p_global_tail
        return {
            "p_global": self.p_global,
            "p_global_error": self.p_global_error,
            "p_global_tail": tail if np.isfinite(tail) else None,
            "z_global": self.z if np.isfinite(self.z) else None,
            "resolved": self.resolved,
            "caveat": self.caveat,
            "relabellings": self.n,
            "windows": self.windows,
            "names": list(self.names),
            "source": self.source,
            "tail": {"begins_at_p": begins, "relative_error_of_width": error},
            "regions": {name: each.to_dict() for name, each in self.regions.items()},
            "entries": [entry.to_dict() for entry in self.entries],
            "first": [{**entry.to_dict(), **place.to_dict()} for entry, place in self.first()],
            "expected": self.expected.to_dict(),
            "skipped": [each.to_dict() for each in self.skipped],
        }
