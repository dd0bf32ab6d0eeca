"""Many tests of one pair at once: one p-value that counts them all, however they are correlated.

Every relabelling of the pair is given to every test. Of the n + 1 labellings, the observed one
included, each has a local p-value in each test, by its rank there; the smallest of them is the
statistic whose rank among the n + 1 is the global p-value (Westfall and Young, Resampling-Based
Multiple Testing, Wiley 1993); where the smallest tie, the next smallest decide. Under the symmetry
all n + 1 are alike, so that it is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from eμsym.arrays import FloatArray, Rng
from eμsym.errors import DataError, EmusymError
from eμsym.joint_pvalue import Together
from eμsym.pair import Pair
from eμsym.pool import Pool
from eμsym.progress import Advance
from eμsym.running.loop import answers_of
from eμsym.running.toys import draw_and_test, seed_of
from eμsym.sources import Relabelled, drawn_pairs
from eμsym.symmetry import Relabellings
from eμsym.testing import of_pairs

#: More relabellings are drawn while fewer than this, the observed one included, are as extreme.
ENOUGH = 10

#: How many times as many there are then.
FACTOR = 5


def together(
    tests: Mapping[str, Callable[..., Any]],
    pair: Pair,
    n: int = 200,
    *,
    limit: int | None = None,
    rng: Rng = None,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> Together:
    """Run tests of a pair on the same relabellings, and find the p-value that counts them all.

    Parameters
    ----------
    tests : mapping of str to test
        Called as ``test(pair, rng=…)``, see `eμsym.testing.Test`; one with ``many`` is
        given many relabellings at once.
    pair : Pair
        With events.
    n : int
        Relabellings to begin with.
    limit : int, optional
        As long as a p-value is small, of fewer than `ENOUGH` labellings, there are five
        times as many, up to this. Default: n.
    rng : numpy.random.Generator, int or None
        Relabelling i uses child i of its SeedSequence.
    workers : int, optional
        As for `eμsym.running.toys.toy_statistics`.
    progress : bool or callable, optional

    Returns
    -------
    Together
        A test that fails on the pair or a relabelling, or whose statistic is NaN, is left
        out, with the reason.

    Raises
    ------
    DataError
        If the pair has no events.

    Examples
    --------
    >>> from hist.axis import Regular
    >>> from eμsym import NSigmaTest, Pair
    >>> events = {"x": np.arange(400) / 400, "electron_leads": np.arange(400) % 2}
    >>> axes = Regular(4, 0, 1, name="x"), Regular(2, 0, 1, name="x")
    >>> tests = {f"{len(axis)} bins": NSigmaTest((axis,)) for axis in axes}
    >>> found = together(tests, Pair.from_events(events), 99, rng=1)
    >>> found.names, bool(found.pvalue > 0.1)
    (('4 bins', '2 bins'), True)
    """
    if not len(pair.pool):
        raise DataError("there are no events: nothing to test")
    parent = np.random.default_rng(rng).bit_generator.seed_seq
    first: SeedSequence = parent.spawn(1)[0]  # type: ignore[attr-defined]
    names = tuple(tests)
    work = _Labellings(tuple(_on(tests[name], pair) for name in names), pair, first)
    most = n if limit is None else max(n, limit)
    done, wanted, rows = _OBSERVED, n, list[_Row]()
    found = Together(names, np.zeros((0, len(names))))
    while found.names and done < wanted:
        kept = tuple(names.index(name) for name in found.names)
        more = answers_of(work.of(kept), range(done, wanted), workers=workers, progress=progress)
        rows += [_Row.spread(row, kept, len(names)) for row in more]
        found, done = _gathered(names, rows), wanted
        small = [found.local_pvalue(name) * (done + 1) for name in found.names]
        if found.names and min(*small, found.count, ENOUGH) < ENOUGH:
            wanted = min(most, FACTOR * done)
    return found


#: The task that is the pair as it was observed.
_OBSERVED = -1


@dataclass(frozen=True)
class _Row:
    """The statistics of one labelling; NaN and the reason of those that failed."""

    values: tuple[float, ...]
    reasons: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def spread(cls, row: _Row, kept: Sequence[int], size: int) -> _Row:
        """Return the row of all tests from that of some; the others had failed before."""
        values = [np.nan] * size
        for place, value in zip(kept, row.values, strict=True):
            values[place] = value
        return cls(tuple(values), {kept[i]: reason for i, reason in row.reasons.items()})


def _gathered(names: Sequence[str], rows: Sequence[_Row]) -> Together:
    statistics = np.array([row.values for row in rows]).reshape(len(rows), len(names))
    left_out: dict[str, str] = {}
    for row in rows:
        for i, reason in row.reasons.items():
            left_out.setdefault(names[i], reason)
    kept = [name not in left_out for name in names]
    counted = tuple(name for name in names if name not in left_out)
    return Together(counted, statistics[:, kept], left_out)


def _on(test: Callable[..., Any], pair: Pair) -> Callable[..., Any]:
    test = of_pairs(test)
    return test.on(pair) if hasattr(test, "on") else test


@dataclass(frozen=True, eq=False)
class _Labellings:
    """The statistics of all tests for labellings of a pair, in any process."""

    tests: tuple[Callable[..., Any], ...]
    pair: Pair
    first: SeedSequence

    def of(self, kept: Sequence[int]) -> _Labellings:
        """Return the same for some of the tests."""
        return _Labellings(tuple(self.tests[i] for i in kept), self.pair, self.first)

    @property
    def batch(self) -> int:
        """How many labellings are best done at once."""
        return Relabelled(self.pair).draws_at_once(self.pair.pool)

    def __call__(self, numbers: Sequence[int]) -> list[_Row]:
        drawn = self._labellings(numbers)
        columns, reasons = [], {}
        for i in range(len(self.tests)):
            try:
                values = self._statistics(i, drawn, numbers)
                if np.isnan(values).any():
                    raise DataError("its statistic is NaN")
            except EmusymError as error:
                values = np.full(len(numbers), np.nan)
                reasons[i] = str(error)
            columns.append(values)
        return [
            _Row(tuple(float(values[k]) for values in columns), reasons)
            for k in range(len(numbers))
        ]

    def _labellings(self, numbers: Sequence[int]) -> Relabellings:
        """Return draws by their numbers; the first may be the labels as they were observed."""
        symmetry, pool = self.pair.symmetry, self.pair.pool
        observed = numbers[0] == _OBSERVED
        parts = [symmetry.observed(pool)] if observed else []
        seeds = [seed_of(self.first, number) for number in numbers[int(observed) :]]
        if seeds:
            parts.append(symmetry.relabel_each(pool, [np.random.default_rng(x) for x in seeds]))
        return Relabellings.joined(parts)

    def _statistics(self, i: int, drawn: Relabellings, numbers: Sequence[int]) -> FloatArray:
        test: Any = self.tests[i]
        if not hasattr(test, "many"):
            found = [self._single(test, drawn, k, number) for k, number in enumerate(numbers)]
            return np.array(found)
        pool = self.pair.pool
        if self._groups[i] is not None:
            pool, number = self._groups[i]
            drawn = drawn.of_groups(number, len(pool))
        return np.asarray(test.many(pool, drawn), dtype=np.float64)

    def _single(self, test: Any, drawn: Relabellings, k: int, number: int) -> float:
        seed = draw_and_test(seed_of(self.first, number))[1] if number >= 0 else self.first
        result = test(self._drawn(test, drawn, k, number), rng=np.random.default_rng(seed))
        return float(getattr(result, "statistic", result))

    def _drawn(self, test: Any, drawn: Relabellings, k: int, number: int) -> Pair:
        """Return the pair of one labelling, with no more than the test reads."""
        if number == _OBSERVED:
            return self.pair
        own = drawn.one(k)
        columns = getattr(test, "columns", None)
        if columns is not None:
            return next(drawn_pairs(self.pair.pool, own, columns))
        log_ratio = None if own.log_ratio is None else own.log_ratio[0]
        return self.pair.relabelled(own.labels[0], log_ratio)

    @cached_property
    def _groups(self) -> list[Any]:
        """The groups of events that are alike to each test, and who is in which."""
        return [self._group(test) for test in self.tests]

    def _group(self, test: Any) -> tuple[Pool, Any] | None:
        pool = self.pair.pool
        if not (hasattr(test, "many") and hasattr(test, "alike")):
            return None
        groups, number = self.pair.symmetry.grouping(pool, test.alike(pool))
        return None if groups is pool else (groups, number)
