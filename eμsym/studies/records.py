"""What is kept of a toy: a line of a table for each of its tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair
from eμsym.running.work import may_thread
from eμsym.studies.row_sources import RowSource
from eμsym.studies.study_config import StudyTest
from eμsym.testing import on_columns, toys_at_once

#: (number of the row, number of the toy)
Toy = tuple[int, int]

#: One line a toy and test. Null where a test has no such thing, or failed.
TABLE = pa.schema(
    [
        ("row", pa.string()),
        ("toy", pa.int64()),
        ("test", pa.string()),
        # Infinite where an NPLM training diverged; null where the test failed.
        ("statistic", pa.float64()),
        # Why it failed.
        ("problem", pa.string()),
        ("diverged", pa.bool_()),
        ("t_a", pa.float64()),
        ("t_b", pa.float64()),
        ("t_last", pa.float64()),
        # t at the test's record_epochs; infinite where the training had run away by then.
        ("t_at", pa.list_(pa.float64())),
        ("dof", pa.int64()),
        # ln of the p-value of the test's χ² reference.
        ("chi2_log_pvalue", pa.float64()),
        ("accuracy", pa.float64()),
        ("best_epoch_f", pa.int64()),
        ("best_epoch_g", pa.int64()),
        ("n_nodes_f", pa.int64()),
        ("n_nodes_g", pa.int64()),
        # Events in A and in B.
        ("n_a", pa.int64()),
        ("n_b", pa.int64()),
    ]
)


@dataclass(frozen=True, eq=False)
class Work:
    """What a worker must know of a study: `eμsym.running.work.Work` of its toys.

    Attributes
    ----------
    tests : tuple of StudyTest
    rows : tuple of RowSource
    names : tuple of str
        The rows' names.
    """

    tests: tuple[StudyTest, ...]
    rows: tuple[RowSource, ...]
    names: tuple[str, ...]

    @property
    def releases_gil(self) -> bool:
        """Whether the toys may be run in threads."""
        return all(may_thread(test.test) for test in self.tests)

    @property
    def batch(self) -> int:
        """How many toys are best done at once: as many as its most demanding test wants."""
        return max(toys_at_once(test.test) for test in self.tests)

    def __call__(self, toys: Sequence[Toy]) -> list[list[dict[str, Any]]]:
        """Draw toys and give each every test.

        Data that a test refuses make a line with the problem. The seeds being what
        they are, it would be refused again.

        Parameters
        ----------
        toys : sequence of (int, int)

        Returns
        -------
        list of list of dict
            For each toy, a line of `TABLE` for each test.
        """
        drawn = [self._drawn(toy) for toy in toys]
        columns = [_tested(test, drawn) for test in self.tests]
        return [list(lines) for lines in zip(*columns, strict=True)]

    def _drawn(self, toy: Toy) -> _Drawn:
        number, index = toy
        row = self.rows[number]
        for_draw, _ = row.seeds(index)
        start: dict[str, Any] = {"row": self.names[number], "toy": index}
        try:
            pair = row.source.draw(np.random.default_rng(for_draw))
        except DataError as error:
            return _Drawn({**start, "problem": str(error)}, row, index, None)
        start["n_a"], start["n_b"] = (len(s.require_events()) for s in (pair.a, pair.b))
        return _Drawn(start, row, index, pair)


def run_toy(work: Work, toy: Toy) -> list[dict[str, Any]]:
    """Draw one toy and give it every test; return a line of `TABLE` for each."""
    return work([toy])[0]


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A toy, and where its line begins; without a pair that line has the problem."""

    start: dict[str, Any]
    row: RowSource
    index: int
    pair: Pair | None

    @property
    def rng(self) -> np.random.Generator:
        # A test counts the children of its seed: each one is given a fresh copy.
        return np.random.default_rng(self.row.seeds(self.index)[1])


def _tested(test: StudyTest, toys: Sequence[_Drawn]) -> list[dict[str, Any]]:
    """Return a line for each toy."""
    results = iter(_results(test, [toy for toy in toys if toy.pair is not None]))
    lines = []
    for toy in toys:
        start = {**toy.start, "test": test.name}
        lines.append(start if toy.pair is None else {**start, **_record(test, next(results))})
    return lines


def _results(test: StudyTest, toys: Sequence[_Drawn]) -> list[Any]:
    """Return the test's results, or the error where it refuses the data."""
    if len(toys) > 1 and toys_at_once(test.test) > 1:
        try:
            return list(_at_once(test.test, toys))
        except DataError:
            pass  # One at a time they tell which toy it is.
    return [_one(test.test, toy) for toy in toys]


def _at_once(test: Any, toys: Sequence[_Drawn]) -> Any:
    # Toys of rows that read different columns are trained together as well.
    return test.each([_given(test, toy) for toy in toys], rngs=[toy.rng for toy in toys])


def _given(test: Any, toy: _Drawn) -> Any:
    reads: Any = on_columns(test, toy.row.column, toy.row.scale)
    return toy.pair if reads is test else reads.samples(toy.pair)


def _one(test: Any, toy: _Drawn) -> Any:
    try:
        return on_columns(test, toy.row.column, toy.row.scale)(toy.pair, rng=toy.rng)
    except DataError as error:
        return error


def _record(test: StudyTest, result: Any) -> dict[str, Any]:
    if isinstance(result, DataError):
        return {"problem": str(result)}
    statistic = float(getattr(result, "statistic", result))
    if np.isnan(statistic):
        return {"problem": "the test statistic is NaN"}
    record: dict[str, Any] = {"statistic": statistic}
    if hasattr(result, "study_record"):
        record |= result.study_record(test.record_epochs)
    if unknown := record.keys() - set(TABLE.names):
        raise ConfigurationError(
            f"test {test.name!r}: study_record has {min(unknown)!r}, and a study keeps only "
            f"{', '.join(TABLE.names)}"
        )
    return record
