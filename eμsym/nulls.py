"""Nulls of any test: from relabellings, toys and bootstraps, over all cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from eμsym.arrays import Rng
from eμsym.distributions import Null
from eμsym.errors import DataError
from eμsym.pair import Pair
from eμsym.running.toys import toy_statistics
from eμsym.sources import PoolSource, Relabelled, Source, columns_pair
from eμsym.testing import Columns, of_pairs, on_columns


def null(
    test: Callable[..., Any], pair: Pair, n: int = 1000, *, rng: Rng = None, **options: Any
) -> Null:
    """Return the null of any test under the pair's own symmetry.

    Every draw gives the pair's events new labels, as `Pair.symmetry` allows, and tests
    the pair that they make; r = ε_μ/ε_e is fitted to the new labels where it was fitted
    to the pair's. The p-value of the observed statistic is (k+1)/(n+1).

    Parameters
    ----------
    test : callable
        Called as ``test(pair, rng=…)``; or as ``test(a, b, rng=…)``, which is given the
        only column there is: choose it with `eμsym.testing.OnColumns`.
    pair : Pair
        With events.
    n : int
        Number of draws: no p-value below 1/(n+1) can be shown.
    rng : numpy.random.Generator, int or None
        Draw i uses child i of its SeedSequence.
    **options
        ``workers``, ``threads`` and ``progress``, as for `toy_statistics`.

    Returns
    -------
    Null

    Raises
    ------
    DataError
        If the pair has no events or no such column, or a draw cannot be tested.
    ConfigurationError
        If n or workers is not a whole number of at least 1.

    Examples
    --------
    >>> from eμsym import OnColumns, SplineTest
    >>> generator = np.random.default_rng(3)
    >>> events = {"x": generator.exponential(size=700), "electron_leads": np.arange(700) % 2}
    >>> pair = Pair.from_events(events)
    >>> test = OnColumns(SplineTest(k=6), "x")
    >>> bool(null(test, pair, 99, rng=1).pvalue(test(pair).statistic) > 0.01)
    True
    """
    test = of_pairs(test)
    if hasattr(test, "on"):
        test = test.on(pair)
    columns = getattr(test, "columns", None)
    columns = (columns,) if isinstance(columns, str) else columns
    if columns is not None:
        pair.pool.restricted(columns)
    return toy_null(test, Relabelled(pair, columns), n, column=None, rng=rng, **options)


def toy_null(test: Callable[..., Any], source: Source, n: int, **options: Any) -> Null:
    """Return the null of a test from a symmetric source, such as a toy model without signal.

    Parameters and errors are those of `toy_statistics`.
    """
    return Null(toy_statistics(test, source, n, **options))


def permutation_null(
    test: Callable[..., Any],
    pair: Pair | tuple[Any, ...],
    n: int = 1000,
    *,
    column: Columns = None,
    scale: float | tuple[float, ...] = 1.0,
    **options: Any,
) -> Null:
    """Return the null of a test from permutations of an observed pair.

    The sizes are kept, and weights stay with their events. It assumes nothing of
    the distribution, and is exact for exchangeable events: under the symmetry
    p = (k+1)/(n+1) is uniform (SYM section III E, arXiv:2401.09530).

    Parameters
    ----------
    test : callable
        As for `toy_statistics`.
    pair : Pair, or tuple of arrays
        Or (a, b) or (a, b, weights_a, weights_b), of shape (n,) or (n, d). The events
        of a corrected pair are not exchangeable: its labels are drawn as its own
        symmetry has them, see `null`.
    n : int
        Number of permutations: no p-value below 1/(n+1) can be shown.
    column : str, tuple of str or None
        What the test reads of the pair. None gives it the pair.
    scale : float or tuple of float
        The column is multiplied by this, as in `OnColumns`.
    **options
        As for `toy_statistics`.

    Returns
    -------
    Null

    Raises
    ------
    DataError
        As for `toy_statistics`, or if the pair has no such column.

    Examples
    --------
    >>> from eμsym.unbinned.spline import SplineTest
    >>> rng = np.random.default_rng(3)
    >>> a, b = rng.exponential(size=300), rng.exponential(size=400)
    >>> null = permutation_null(SplineTest(k=6), (a, b), 99, rng=1)
    >>> bool(null.pvalue(SplineTest(k=6)(a, b).statistic) > 0.01)
    True
    """
    if not isinstance(pair, Pair):
        if len(pair) not in (2, 4):
            raise DataError("a pair of arrays is (a, b) or (a, b, weights_a, weights_b)")
        column, scale = _array_columns(pair[0]), 1.0
        pair = columns_pair(*pair)
    permuted = replace(pair, symmetry=pair.symmetry.keeping_sizes())
    return null(on_columns(test, column, scale), permuted, n, **options)


def bootstrap_null(
    test: Callable[..., Any],
    pool: Any,
    n: int = 1000,
    *,
    n_a: float,
    n_b: float,
    column: Columns,
    **options: Any,
) -> Null:
    """Return the null of a test from pairs drawn with replacement from one pool of events.

    The sizes are Poisson, as the paper draws eμ events (SYM section III A). Events
    that come twice tie: the pool should be larger than the samples.

    Parameters
    ----------
    test : callable
        As for `toy_statistics`.
    pool : ak.Array, n * {column: number}, or mapping of str to array of shape (n,)
    n : int
        Number of toys.
    n_a, n_b : float
        Expected sizes of A and B.
    column : str, tuple of str or None
        What the test reads of the pair. None gives it the pair.
    **options
        As for `toy_statistics`.

    Returns
    -------
    Null

    Raises
    ------
    DataError
        As for `toy_statistics` and `PoolSource`.
    """
    return toy_null(test, PoolSource(pool, n_a, n_b), n, column=column, **options)


def _array_columns(values: Any) -> str | tuple[str, ...]:
    shape = np.shape(values)
    return _numbered(shape[1]) if len(shape) == 2 else "x"


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"x{j}" for j in range(count))
