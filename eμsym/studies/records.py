"""What is kept of a toy: a line of a table for each of its tests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from scipy.stats import chi2

from eμsym.errors import DataError
from eμsym.pair import Pair
from eμsym.studies.row_sources import RowSource
from eμsym.studies.study_config import StudyTest
from eμsym.toy_loop import ColumnTest
from eμsym.unbinned.likelihood_ratio import LikelihoodRatio
from eμsym.unbinned.spline import SplineResult

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


class Stop(Protocol):
    """Something that says whether to stop, as `threading.Event`."""

    def is_set(self) -> bool:
        """Return whether to stop."""
        ...  # pragma: no cover


@dataclass(frozen=True, eq=False)
class Work:
    """What a worker must know of a study.

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
        return all(getattr(test.test, "releases_gil", False) for test in self.tests)


def run_chunk(
    work: Work, toys: Sequence[Toy], stopped: Stop | None = None
) -> tuple[list[dict[str, Any]], int, float]:
    """Run some toys.

    Parameters
    ----------
    work : Work
    toys : sequence of (int, int)
    stopped : optional
        Looked at before each toy, for a thread cannot be killed.

    Returns
    -------
    records : list of dict
        Lines of `TABLE`.
    count : int
        How many toys they are of.
    seconds : float
        Time that it took.
    """
    begin = time.perf_counter()
    records: list[dict[str, Any]] = []
    count = 0
    for toy in toys:
        if stopped is not None and stopped.is_set():
            break
        records += run_toy(work, toy)
        count += 1
    return records, count, time.perf_counter() - begin


def run_toy(work: Work, toy: Toy) -> list[dict[str, Any]]:
    """Draw one toy and give it every test; return a line of `TABLE` for each.

    Data that a test refuses make a line with the problem. The seeds being what
    they are, it would be refused again.
    """
    number, index = toy
    row = work.rows[number]
    for_draw, _ = row.seeds(index)
    start = {"row": work.names[number], "toy": index}
    try:
        pair = row.source.draw(np.random.default_rng(for_draw))
    except DataError as error:
        return [{**start, "test": test.name, "problem": str(error)} for test in work.tests]
    start["n_a"], start["n_b"] = (len(sample.require_events()) for sample in (pair.a, pair.b))
    return [{**start, "test": test.name, **_tested(test, row, index, pair)} for test in work.tests]


def _tested(test: StudyTest, row: RowSource, index: int, pair: Pair) -> dict[str, Any]:
    # A test counts the children of its seed: each one is given a fresh copy.
    for_test = row.seeds(index)[1]
    try:
        result = ColumnTest(test.test, row.column, row.scale)(
            pair, rng=np.random.default_rng(for_test)
        )
    except DataError as error:
        return {"problem": str(error)}
    if np.isnan(result.statistic):
        return {"problem": "the test statistic is NaN"}
    record: dict[str, Any] = {"statistic": float(result.statistic)}
    if isinstance(result, LikelihoodRatio):
        record |= _of_networks(result, test.record_epochs)
    elif isinstance(result, SplineResult):
        record |= {
            "t_a": result.t_a,
            "t_b": result.t_b,
            "dof": result.dof,
            "chi2_log_pvalue": result.log_pvalue,
        }
    return record


def _of_networks(result: LikelihoodRatio, epochs: Sequence[int]) -> dict[str, Any]:
    record = {
        "diverged": bool(result.diverged),
        "t_a": result.t_a,
        "t_b": result.t_b,
        "t_last": None if np.isnan(result.t_last) else result.t_last,
        "t_at": [t_at_epoch(result, epoch) for epoch in epochs] if epochs else None,
        "dof": result.dof,
        "chi2_log_pvalue": float(chi2.logsf(result.t, result.dof)) if result.dof else 0.0,
        "accuracy": result.accuracy,
    }
    for net, name in enumerate("fg"[: len(result.best_epochs)]):
        record[f"best_epoch_{name}"] = int(result.best_epochs[net])
        record[f"n_nodes_{name}"] = result.n_nodes[net]
    return record


def t_at_epoch(result: LikelihoodRatio, epoch: int) -> float:
    """Return t with the best parameters until an epoch at which the training was looked at.

    Infinite if a net had run away before.
    """
    total = 0.0
    for history in result.histories:
        found = history[history[:, 0] == epoch, 1]
        total += float(found[0]) if found.size and not np.isnan(found[0]) else np.inf
    return total
