"""Tests with their nulls: those of the events' columns, and any that is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eμsym.analysis.options import Tests
from eμsym.analysis.problem import Problem
from eμsym.distributions import Null
from eμsym.errors import DataError
from eμsym.nulls import null
from eμsym.pair import Pair
from eμsym.processors.columns import LABELS
from eμsym.sources import pair_columns
from eμsym.testing import OnColumns, of_pairs
from eμsym.unbinned.spline import SplineTest
from eμsym.unbinned.symmetrized import SymmetrizedTest

#: The tests want x of order one; the papers take m_coll in units of 100 GeV.
GEV_SCALE = 0.01


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
        return tuple(LABELS.get(name, name) for name in self.names)

    @property
    def scales(self) -> tuple[float, ...]:
        """What each column is multiplied by."""
        return tuple(GEV_SCALE if "[GeV]" in label else 1.0 for label in self.labels)

    def read_by(self, test: Callable[..., Any]) -> Callable[..., Any]:
        """Return a test of pairs: one of arrays that names no columns reads these."""
        reads = of_pairs(test)
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
    null : Null
    """

    result: Any
    null: Null

    @property
    def statistic(self) -> float:
        """The test statistic."""
        return float(getattr(self.result, "statistic", self.result))

    def to_dict(self) -> dict[str, Any]:
        """Return the result, and as ``permutations`` its p, Z and null, for JSON."""
        about = self.result.to_dict() if hasattr(self.result, "to_dict") else {}
        z = self.null.z(self.statistic)
        return {
            **about,
            "permutations": {
                "pvalue": self.null.pvalue(self.statistic),
                "pvalue_error": self.null.pvalue_error(self.statistic),
                "z": z if math.isfinite(z) else None,
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


def against_null(
    test: Callable[..., Any], pair: Pair, n: int, *, seed: int
) -> AgainstNull | Problem:
    """Run a test of pairs, and draw its null under the pair's own symmetry.

    Parameters
    ----------
    test : callable
        Called as ``test(pair, rng=…)``.
    pair : Pair
        With events.
    n : int
        Draws of the null.
    seed : int
    """
    try:
        result = test(pair, rng=seed)
        statistic = float(getattr(result, "statistic", result))
        if np.isnan(statistic):
            raise DataError("the statistic is NaN: it has no p-value")
        return AgainstNull(result, null(test, pair, n, rng=seed))
    except DataError as error:
        return Problem(str(error))


def unbinned(pair: Pair, options: Tests) -> Unbinned:
    """Run the unbinned tests on a pair.

    Parameters
    ----------
    pair : Pair
        With events.
    options : Tests

    Raises
    ------
    DataError
        If the events have no such column.
    """
    columns = Columns(options.columns)
    pair.pool.restricted(columns.names)
    tests: dict[str, Callable[..., Any]] = {}
    if len(columns.names) == 1:
        tests["spline"] = SplineTest()
    if options.symmetrized:
        tests["network"] = SymmetrizedTest(epochs=options.epochs)
    found = {
        name: against_null(columns.read_by(test), pair, options.permutations, seed=options.seed)
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


def extra(pair: Pair, options: Tests) -> dict[str, AgainstNull | Problem]:
    """Run the further tests that were given, each with its null."""
    columns = Columns(options.columns)
    return {
        name: against_null(columns.read_by(test), pair, options.permutations, seed=options.seed)
        for name, test in options.extra.items()
    }
