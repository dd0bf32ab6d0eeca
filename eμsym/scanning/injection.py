"""What a scan would see: a signal added to relabelled events, and the scan repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eμsym.arrays import Rng
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair
from eμsym.pool import WEIGHT, Pool
from eμsym.scanning.findings import Finding, FindingTest
from eμsym.scanning.result import Scan

#: An entry is the signal's if the added events alone make so many σ of its window.
OWN_SIGMA = 2.0


@dataclass(frozen=True)
class Injected:
    """One scan of relabelled events with a signal.

    Attributes
    ----------
    n_signal : int
        Events that were added.
    p_global : float
    rank : int or None
        The place of the first entry that is the signal's, among observables and planes of a
        region; None beyond those that were looked at.
    first : str
        The name of the first entry.
    """

    n_signal: int
    p_global: float
    rank: int | None
    first: str

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "n_signal": self.n_signal,
            "p_global": self.p_global,
            "rank": self.rank,
            "first": self.first,
        }


@dataclass(frozen=True)
class Sensitivity:
    """Result of `inject`.

    Attributes
    ----------
    signal : str
    events : float
        Expected, of both orders.
    samples : tuple of Injected
    """

    signal: str
    events: float
    samples: tuple[Injected, ...]

    def share(self, rank: int) -> float:
        """Return in which part of the samples the signal is among the first so many entries."""
        found = [each.rank is not None and each.rank <= rank for each in self.samples]
        return float(np.mean(found))

    @property
    def median_p_global(self) -> float:
        """The median of the global p-values."""
        return float(np.median([each.p_global for each in self.samples]))

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "signal": self.signal,
            "events": self.events,
            "first": self.share(1),
            "in_first_ten": self.share(10),
            "median_p_global": self.median_p_global,
            "samples": [each.to_dict() for each in self.samples],
        }


def with_signal(pair: Pair, signal: Pool, events: float, *, rng: Rng = None) -> tuple[Pair, int]:
    """Return a pair with its labels drawn anew and a signal added, as it came; and how many.

    Parameters
    ----------
    pair : Pair
        Its symmetry draws the labels: what is new in it is gone.
    signal : Pool
        Events of the signal; drawn with replacement as often as their weights say, each with
        its own label.
    events : float
        Expected number.
    rng : numpy.random.Generator, int or None

    Raises
    ------
    DataError
        If the signal has no event, or lacks a column of the pair.
    """
    for_labels, for_signal = np.random.default_rng(rng).spawn(2)
    pool = pair.pool
    lacking = [name for name in pool.columns if name not in signal.columns and name != WEIGHT]
    if lacking:
        raise DataError(f"the signal lacks the columns {', '.join(lacking)}; process it alike")
    weight = np.maximum(signal.weight, 0.0)
    if not weight.sum() > 0:
        raise DataError("the signal has no event")
    labels = pair.symmetry.relabel_each(pool, [for_labels]).labels[0].astype(bool)
    number = int(for_signal.poisson(events))
    chosen = for_signal.choice(len(signal), number, p=weight / weight.sum())
    columns = {}
    for name, values in pool.columns.items():
        added = np.ones(number) if name == WEIGHT else signal.columns[name][chosen]
        columns[name] = np.concatenate([np.asarray(values), np.asarray(added)])
    both = Pool(columns, np.concatenate([labels, signal.labels[chosen].astype(bool)]))
    return replace(pair.raw, events=both, histograms=({}, {})), number


def rank_of_signal(scan: Scan, pair: Pair, n_signal: int, most: int = 10) -> int | None:
    """Return the place of the first entry that is the signal's; None if it is not there.

    Parameters
    ----------
    scan : Scan
        Of the pair.
    pair : Pair
        Its last events are the signal's.
    n_signal : int
    most : int
        Entries that are looked at.
    """
    pool = pair.pool
    is_signal = np.arange(len(pool)) >= len(pool) - n_signal
    for rank, (entry, place) in enumerate(scan.first(most), start=1):
        finding = Finding.of(entry, place, scan.regions[entry.region].where)
        inside = FindingTest(finding.condition, finding.side).alike(pool) == 0
        own = np.where(pool.labels, -1.0, 1.0)[inside & is_signal].sum()
        if own * np.sign(place.z) >= OWN_SIGMA * np.sqrt(np.count_nonzero(inside)):
            return rank
    return None


def inject(
    pair: Pair,
    signal: Pool,
    events: float,
    scanned: Callable[[Pair, int], tuple[Pair, Scan]],
    *,
    name: str = "signal",
    samples: int = 10,
    seed: int = 0,
    done: Callable[[Sequence[Injected]], None] = lambda found: None,
) -> Sensitivity:
    """Scan relabelled events with a signal, again and again.

    Parameters
    ----------
    pair : Pair
        Corrected, so that its symmetry knows what labels may do.
    signal : Pool
    events : float
        Expected signal events of both orders.
    scanned : callable
        Given the raw pair with the signal and a seed, returns the corrected one and its scan.
    name : str
    samples : int
    seed : int
    done : callable
        Told of the samples so far, after each.

    Raises
    ------
    ConfigurationError
        If the number of events or of samples is none.
    DataError
        As for `with_signal` and the scan.
    """
    if not (np.isfinite(events) and events > 0) or samples < 1:
        raise ConfigurationError(f"{events} events in {samples} samples: choose more than zero")
    found: list[Injected] = []
    for i, generator in enumerate(np.random.default_rng(seed).spawn(samples)):
        raw, number = with_signal(pair, signal, events, rng=generator)
        corrected, scan = scanned(raw, seed + i)
        rank = rank_of_signal(scan, corrected, number)
        found.append(Injected(number, scan.p_global, rank, scan.ranked[0].name))
        done(found)
    return Sensitivity(name, events, tuple(found))
