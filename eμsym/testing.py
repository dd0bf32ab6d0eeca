"""What a test is, what it returns, and on which columns of a pair it is run.

A test of events is called as ``test(a, b)``, A first as in a pair; a function of bins as
``f(b, a)``, for it looks at B − A. A test of pairs spares its user both. The docstring of
`eμsym` says which sample a signal is in, and how to look for one in the other.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from eμsym.arrays import FloatArray, IntArray, Rng
from eμsym.distributions import Reference
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair
from eμsym.pool import Pool
from eμsym.sources import column_names, drawn_pairs, pair_columns, pool_values
from eμsym.symmetry import Relabellings

#: What a test reads of a pair, see `pair_columns`.
Columns = str | tuple[str, ...] | None


class Test(Protocol):
    """A statistic of a pair, or of two samples as arrays.

    Called as ``test(pair, rng=…)`` or ``test(a, b, rng=…)``, arrays with
    ``weights_a`` and ``weights_b`` if their events have weights; it returns a
    `Result` (all that nulls ask for is its ``statistic``) or a number. What it may
    have besides is found by attribute:

    - ``releases_gil``, true if toys may be run in threads;
    - ``batch`` above 1 and ``each(pairs, *, rngs) -> list of results``, if that many
      pairs, each as the test is called with it, are best done at once; what they give
      is what single calls give;
    - ``many(pool, relabellings) -> ndarray``, the statistics of relabellings of
      one pool of events; a test of arrays has ``many_of(values, pool, relabellings)``
      in its place, given the events' values besides;
    - ``columns``, the names of the columns that it reads of a pair.
    """

    def __call__(self, *samples: Any, **options: Any) -> Any:
        """Test a pair, or two samples."""
        ...  # pragma: no cover


# For pytest, which would take it for a class of tests; no part of the protocol.
setattr(Test, "__test__", False)  # noqa: B010 (mypy would refuse the attribute)


@runtime_checkable
class Result(Protocol):
    """What a test returns.

    Attributes
    ----------
    statistic : float
        Larger is less symmetric.
    reference : Reference or None
        The statistic's asymptotic distribution, if it has one.
    pvalue, z : float
        By the reference; NaN without one.
    """

    @property
    def statistic(self) -> float:
        """The test statistic."""
        ...  # pragma: no cover

    @property
    def reference(self) -> Reference | None:
        """Its asymptotic distribution, or None."""
        ...  # pragma: no cover

    @property
    def pvalue(self) -> float:
        """The p-value by the reference."""
        ...  # pragma: no cover

    @property
    def z(self) -> float:
        """Z = Φ⁻¹(1 − p) by the reference."""
        ...  # pragma: no cover

    def to_dict(self) -> dict[str, Any]:
        """Return the result, for JSON."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class OnColumns:
    """A test of arrays as a test of pairs: it reads one column, or several.

    Parameters
    ----------
    test : callable
        Called as ``test(a, b, rng=…)``, with ``weights_a`` and ``weights_b`` if
        the pair has weights.
    columns : str or tuple of str, optional
        One column, giving arrays of shape (n,), or several, giving (n, d).
        Default: the only one there is besides ``weight``.
    scale : float or tuple of float
        The values are multiplied by this, or each column by a number of its own.

    Raises
    ------
    ConfigurationError
        If there is not one scale a column.

    Examples
    --------
    >>> from eμsym import Pair, SplineTest
    >>> rng = np.random.default_rng(1)
    >>> a, b = ({"m_coll": rng.normal(90, 20, 400)} for _ in range(2))
    >>> OnColumns(SplineTest(), "m_coll", scale=0.01)(Pair.from_columns(a, b)).dof
    12
    """

    test: Callable[..., Any]
    columns: Columns = None
    scale: float | tuple[float, ...] = 1.0

    def __post_init__(self) -> None:
        if self.columns is not None and not isinstance(self.columns, str):
            object.__setattr__(self, "columns", tuple(self.columns))
        if np.ndim(self.scale):
            object.__setattr__(self, "scale", tuple(float(x) for x in np.ravel(self.scale)))
            named = len(self.columns) if isinstance(self.columns, tuple) else 1
            if len(np.ravel(self.scale)) != named:
                raise ConfigurationError(
                    f"{len(np.ravel(self.scale))} scales of {named} columns: give one, or one each"
                )

    def __call__(self, pair: Pair, *, rng: Rng = None) -> Any:
        """Test a pair; errors as for `pair_columns` and the test."""
        a, b, *weights = self.samples(pair)
        if not weights:
            return self.test(a, b, rng=rng)
        return self.test(a, b, weights_a=weights[0], weights_b=weights[1], rng=rng)

    def each(self, pairs: Sequence[Pair], *, rngs: Sequence[Any]) -> list[Any]:
        """Test several pairs at once, where the test has ``each``.

        Parameters
        ----------
        pairs : sequence of Pair
        rngs : sequence of (numpy.random.Generator, int or None)
            One a pair.

        Returns
        -------
        list
            What single calls give.
        """
        results: list[Any] = getattr(self.test, "each")(  # noqa: B009 (not every test has it)
            [self.samples(pair) for pair in pairs], rngs=rngs
        )
        return results

    @property
    def many(self) -> Callable[[Pool, Relabellings], FloatArray]:
        """The statistics of relabellings of one pool, where the test has ``many_of``.

        A test without it has no such attribute, and neither has this one.
        """
        many_of = getattr(self.test, "many_of")  # noqa: B009 (not every test has it)

        def many(pool: Pool, drawn: Relabellings) -> FloatArray:
            read = column_names(pool, self.columns)
            if drawn.symmetry.exchange.changes(pool, read):
                if pool.count is not None:
                    raise DataError(
                        f"{', '.join(read)}: changes with the label, so that groups of events "
                        "have no one value; give single events"
                    )
                # The values are those of the labels: no two draws have them in common.
                found = (self(pair) for pair in drawn_pairs(pool, drawn, self.columns))
                return np.array([getattr(each, "statistic", each) for each in found])
            values = pool_values(pool, self.columns) * self._factor
            return np.asarray(many_of(values, pool, drawn), dtype=np.float64)

        return many

    @property
    def batch(self) -> int:
        """How many pairs are best tested at once; 1 if that gains nothing."""
        return toys_at_once(self.test)

    @property
    def releases_gil(self) -> bool:
        """Whether toys may be run in threads."""
        return bool(getattr(self.test, "releases_gil", False))

    def samples(self, pair: Pair) -> tuple[Any, ...]:
        """Return what the test reads: (a, b), or (a, b, weights_a, weights_b) with weights."""
        a, b, *weights = pair_columns(pair, self.columns, scale=self._factor)
        return (a, b) if weights[0] is None else (a, b, *weights)

    @property
    def _factor(self) -> float | FloatArray:
        if not isinstance(self.scale, tuple):
            return self.scale
        return np.array(self.scale) if isinstance(self.columns, tuple) else self.scale[0]


@dataclass(frozen=True)
class TwoSided:
    """|statistic| of a test whose statistic has a sign: large in either direction.

    Parameters
    ----------
    test : callable
        A test of pairs.
    """

    test: Callable[..., Any]

    def __call__(self, pair: Pair, *, rng: Rng = None) -> float:
        """Test a pair, and return |statistic|."""
        result = self.test(pair, rng=rng)
        return abs(float(getattr(result, "statistic", result)))

    def on(self, pair: Pair) -> TwoSided:
        """Return the test as it is for this pair, see `NSigmaTest.on`."""
        return TwoSided(self.test.on(pair)) if hasattr(self.test, "on") else self

    def alike(self, pool: Pool) -> IntArray:
        """Return which events are alike to the test."""
        return np.asarray(getattr(self.test, "alike")(pool))  # noqa: B009 (not every test has it)

    def many(self, pool: Pool, drawn: Relabellings) -> FloatArray:
        """Return |statistic| of many draws of a pool's labels, of a test that has ``many``."""
        return np.asarray(np.abs(getattr(self.test, "many")(pool, drawn)))  # noqa: B009


def toys_at_once(test: Any) -> int:
    """Return how many pairs a test is best given at once: its ``batch`` if it has ``each``."""
    return max(1, int(getattr(test, "batch", 1))) if hasattr(test, "each") else 1


def on_columns(
    test: Callable[..., Any],
    column: Columns,
    scale: float | tuple[float, ...] = 1.0,
) -> Callable[..., Any]:
    """Return a test of pairs: `OnColumns` of a test of arrays, or, without a column, the test.

    A test that has columns of its own (the attribute ``columns``) reads pairs already.

    Raises
    ------
    ConfigurationError
        If a scale is given without a column.
    """
    if column is not None and not hasattr(test, "columns"):
        return OnColumns(test, column, scale)
    if np.ndim(scale) or scale != 1.0:
        raise ConfigurationError(f"a scale of {scale} is of a column: name the column")
    return test


def of_pairs(test: Callable[..., Any]) -> Callable[..., Any]:
    """Return a test of pairs: one of arrays reads the only column that a pair has.

    A test of arrays is told by its second positional argument, ``test(a, b, …)``.
    """
    positional = [
        parameter
        for parameter in inspect.signature(test).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return OnColumns(test) if len(positional) > 1 else test
