"""Tests with their nulls: those of the events' columns, and any that is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eμsym.analysis.options import SUBSPACE_COLUMNS, Tests
from eμsym.analysis.problem import Problem
from eμsym.analysis.significance import Significance
from eμsym.distributions import Null
from eμsym.errors import DataError
from eμsym.joint_pvalue import Together
from eμsym.pair import Pair
from eμsym.processors.columns import ALL_LABELS
from eμsym.sources import pair_columns
from eμsym.testing import OnColumns, of_pairs
from eμsym.unbinned.spline import SplineTest
from eμsym.unbinned.subspace import SubspaceTest
from eμsym.unbinned.symmetrized import SymmetrizedTest

#: The tests want x of order one; the papers take m_coll in units of 100 GeV.
GEV_SCALE = 0.01

#: More events are looked at in many views only where that is asked for.
USUAL_EVENTS = 1_000_000


@dataclass(frozen=True)
class Columns:
    """The columns that tests of arrays read, and how.

    Attributes
    ----------
    names, labels : tuple of str
        Columns, and what axes call them.
    scales : tuple of float
        What each is multiplied by: GeV are taken in units of 100 GeV.
    """

    names: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """What axes call the columns."""
        return tuple(ALL_LABELS.get(name, name) for name in self.names)

    @property
    def scales(self) -> tuple[float, ...]:
        """What each column is multiplied by."""
        return tuple(GEV_SCALE if "[GeV]" in label else 1.0 for label in self.labels)

    def read_by(self, test: Callable[..., Any]) -> Callable[..., Any]:
        """Return a test of pairs: one of arrays that names no columns reads these."""
        reads = of_pairs(test)
        if isinstance(reads, SubspaceTest) and reads.columns is None:
            return replace(reads, columns=self.names)
        if isinstance(reads, OnColumns) and reads.columns is None:
            columns = self.names[0] if len(self.names) == 1 else self.names
            return replace(reads, columns=columns, scale=self.scales)
        return reads


@dataclass(frozen=True, eq=False)
class AgainstNull:
    """A test of a pair, with its null under the pair's own symmetry.

    Attributes
    ----------
    result : Result, or number
        What the test returned.
    null : Null or None
        None if it was not drawn.
    statistic_drawn : float or None
        The statistic as it was computed with those of the null.
    """

    result: Any
    null: Null | None = None
    statistic_drawn: float | None = None

    @property
    def statistic(self) -> float:
        """The test statistic."""
        return float(getattr(self.result, "statistic", self.result))

    @property
    def significance(self) -> Significance | None:
        """P and Z by relabellings; None if there are none."""
        if self.null is None:
            return None
        drawn = self.statistic if self.statistic_drawn is None else self.statistic_drawn
        return Significance.redrawn(self.null, drawn)

    def to_dict(self) -> dict[str, Any]:
        """Return the result, and as ``permutations`` its p, Z and null, for JSON."""
        about = self.result.to_dict() if hasattr(self.result, "to_dict") else {}
        if self.null is None or self.significance is None:
            return about
        found = self.significance
        return {
            **about,
            "significance": found.to_dict(),
            "permutations": {
                "pvalue": found.pvalue,
                "pvalue_error": found.error,
                "z": found.z if math.isfinite(found.z) else None,
                "smallest_pvalue": self.null.smallest_pvalue,
                "null": self.null.to_dict(),
            },
        }


@dataclass(frozen=True, eq=False)
class Unbinned:
    """The unbinned tests of a pair: splines at once, the network on request.

    Attributes
    ----------
    columns : Columns
    seed : int
    tests : mapping of str to AgainstNull or Problem
    samples : tuple or None
        (a, b, weights of a, weights of b) of the column as the tests saw it, weights
        None where all are one; None if there are several columns.
    """

    columns: Columns
    seed: int
    tests: Mapping[str, AgainstNull | Problem]
    samples: tuple[Any, Any, Any, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """Return the columns, and every test with its null or its ``problem``, for JSON."""
        return {
            "columns": list(self.columns.names),
            "scales": list(self.columns.scales),
            "seed": self.seed,
            **{name: found.to_dict() for name, found in self.tests.items()},
        }


def observed(test: Callable[..., Any], pair: Pair, *, seed: int) -> AgainstNull | Problem:
    """Run a test of pairs; its null comes later, from `eμsym.together`.

    Parameters
    ----------
    test : callable
        Called as ``test(pair, rng=…)``.
    pair : Pair
        With events.
    seed : int
    """
    try:
        result = test(pair, rng=seed)
        if np.isnan(float(getattr(result, "statistic", result))):
            raise DataError("the statistic is NaN: it has no p-value")
        return AgainstNull(result)
    except DataError as error:
        return Problem(str(error))


def with_null(found: AgainstNull | Problem, joint: Together, name: str) -> AgainstNull | Problem:
    """Return a test with its null, or why it has none."""
    if isinstance(found, Problem):
        return found
    if name not in joint.names:
        return Problem(joint.left_out.get(name, "it has no relabellings"))
    return replace(found, null=joint.null(name), statistic_drawn=joint.observed(name))


def unbinned_tests(options: Tests, pair: Pair) -> dict[str, Callable[..., Any] | Problem]:
    """Return the unbinned tests by their names, or why one that is usual is not run.

    Parameters
    ----------
    options : Tests
    pair : Pair
        With the events that they are of.
    """
    columns = Columns(options.read)
    tests: dict[str, Callable[..., Any] | Problem] = {}
    if len(columns.names) == 1:
        tests["spline"] = columns.read_by(SplineTest())
    if len(options.columns) != 1:
        several = options.columns or usual_columns(pair)
        # Without relabellings of its own: those of all tests together serve it.
        tests["subspace"] = (
            several if isinstance(several, Problem) else SubspaceTest(columns=several, n=0)
        )
    if options.symmetrized:
        tests["network"] = columns.read_by(SymmetrizedTest(epochs=options.epochs))
    return tests


def usual_columns(pair: Pair) -> tuple[str, ...] | Problem:
    """Return what the subspace test looks at where nobody names columns, or why at nothing.

    Parameters
    ----------
    pair : Pair
        With events.
    """
    if len(pair.pool) > USUAL_EVENTS:
        return Problem(
            f"it was not run, for {len(pair.pool):,} events need some minutes and gigabytes; ask "
            f"for it with --columns {','.join(SUBSPACE_COLUMNS)}"
        )
    exchange = pair.symmetry.exchange
    there = [x for x in SUBSPACE_COLUMNS if x in pair.pool.columns]
    names = tuple(
        name
        for name in there
        if exchange.effect(name) == "unchanged" and not np.isnan(pair.pool.column(name)).any()
    )
    if len(names) < 2:
        return Problem(
            f"the events have fewer than two of {', '.join(SUBSPACE_COLUMNS)} to compare; name "
            "columns with --columns"
        )
    return names


def unbinned(
    pair: Pair, options: Tests, tests: Mapping[str, Callable[..., Any] | Problem]
) -> Unbinned:
    """Run the unbinned tests on a pair, without their nulls.

    Parameters
    ----------
    pair : Pair
        With events.
    options : Tests
    tests : mapping
        As `unbinned_tests` returns them.

    Raises
    ------
    DataError
        If the events have no such column.
    """
    columns = Columns(options.read)
    pair.pool.restricted(columns.names)
    found = {
        name: test if isinstance(test, Problem) else observed(test, pair, seed=options.seed)
        for name, test in tests.items()
    }
    samples = None
    if len(columns.names) == 1:
        samples = pair_columns(pair, columns.names[0], scale=columns.scales[0])
    return Unbinned(columns, options.seed, found, samples)


def spline_alone(pair: Pair, columns: Columns) -> Any | Problem | None:
    """Return the spline test of one column without its null; None of several columns."""
    if len(columns.names) > 1:
        return None
    try:
        return columns.read_by(SplineTest())(pair)
    except DataError as error:
        return Problem(str(error))


def extra_tests(options: Tests) -> dict[str, Callable[..., Any]]:
    """Return the further tests that were given, those of arrays with the columns they read."""
    columns = Columns(options.read)
    return {name: columns.read_by(test) for name, test in options.extra.items()}
