"""Test statistics of toys: pairs drawn from a source, or relabellings of one pool.

Toy i draws and tests with child i of one SeedSequence, so the result is the same
for any number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.random import SeedSequence

from eμsym.arrays import FloatArray, Rng
from eμsym.errors import ConfigurationError, DataError, EmusymError
from eμsym.progress import Advance
from eμsym.running.loop import answers_of
from eμsym.running.work import Work, may_thread
from eμsym.sources import Source
from eμsym.testing import Columns, on_columns, toys_at_once

#: Relabellings that are drawn at once of a source that does not say how many.
DRAWS_AT_ONCE = 256


@runtime_checkable
class RelabellingSource(Protocol):
    """A source whose draws are relabellings of one pool of events.

    A test with ``many(pool, relabellings)`` is given many of them at once. The source
    may also have ``draws_at_once(pool) -> int``, how many the memory allows;
    256 otherwise.
    """

    def pool_for(self, test: Any) -> Any:
        """Return the pool, with what the test reads of it."""
        ...  # pragma: no cover

    def relabel(self, pool: Any, generators: Sequence[np.random.Generator]) -> Any:
        """Draw one relabelling a generator."""
        ...  # pragma: no cover


def toy_statistics(
    test: Callable[..., Any],
    source: Source,
    n: int,
    *,
    column: Columns = "x",
    scale: float | tuple[float, ...] = 1.0,
    rng: Rng = None,
    workers: int | None = None,
    threads: bool | None = None,
    dask: str | None = None,
    progress: bool | Advance | None = None,
) -> FloatArray:
    """Return the test statistics of pairs drawn from a source.

    Of a symmetric source they are a null, of one with a signal the test's power.

    Parameters
    ----------
    test : callable
        Called as ``test(a, b, rng=…)`` on the column, or, without a column or with
        columns of its own (`OnColumns`), as ``test(pair, rng=…)``; returns a number
        or a result with ``statistic``. Toys are handed to its ``each`` or ``many``
        if it has them, see `eμsym.testing.Test`.
    source : Source
        Anything with ``draw(rng) -> Pair``, or, for a test with ``many``, a
        `RelabellingSource`.
    n : int
        Number of toys.
    column : str, tuple of str or None
        What the test reads of the pair, as for `OnColumns`; None gives it the
        pair. Default: x, as the toy models call it.
    scale : float or tuple of float
        The column is multiplied by this.
    rng : numpy.random.Generator, int or None
        Toy i uses child i of its SeedSequence: one of two for the draw, the
        other for the test; a relabelling is drawn with child i itself.
    workers : int, optional
        Processes, or threads, at once; 1 works in this one alone. Default: all
        cores, once the toys prove to take longer than starting workers does.
    threads : bool, optional
        Threads in place of processes, for tests that release the GIL. Default:
        as the test's attribute ``releases_gil`` says, else processes.
    dask : str, optional
        ``"local"`` for a Dask cluster of `workers` processes on this machine, or
        the address of a scheduler.
    progress : bool or callable, optional
        Whether a bar on standard error shows the time left, after two seconds; or
        what is called with the number of toys done since, in its place. Default:
        if that is a terminal.

    Returns
    -------
    ndarray of float, shape (n,)
        Infinite where a fit diverged.

    Raises
    ------
    DataError
        If a toy cannot be tested, or its statistic is NaN.
    ConfigurationError
        If n or workers is not a whole number of at least 1, or a scale is given
        without a column.
    LostWorkersError
        If worker processes die again and again.
    """
    for value, name in ((n, "toys"), (1 if workers is None else workers, "workers")):
        if not isinstance(value, int | np.integer) or value < 1:  # type: ignore[redundant-expr]
            raise ConfigurationError(f"{value} {name}: choose a whole number, 1 or more")
    parent = np.random.default_rng(rng).bit_generator.seed_seq
    first: SeedSequence = parent.spawn(int(n))[0]  # type: ignore[attr-defined]
    work = _work(on_columns(test, column, scale), source, first)
    values = answers_of(
        work, range(int(n)), workers=workers, threads=threads, dask=dask, progress=progress
    )
    return np.array(values, dtype=np.float64)


def draw_and_test(seed: SeedSequence) -> tuple[SeedSequence, SeedSequence]:
    """Return the two children of a toy's seed, for its draw and for its test.

    The same ones every time; `SeedSequence.spawn` counts, and gives others.
    """
    first, second = (SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, i)) for i in range(2))
    return first, second


def seed_of(first: SeedSequence, number: int) -> SeedSequence:
    """Return the seed of a toy; `first` is that of toy 0."""
    *before, last = first.spawn_key
    return SeedSequence(
        first.entropy, spawn_key=(*before, last + number), pool_size=first.pool_size
    )


def _work(test: Callable[..., Any], source: Source, first: SeedSequence) -> Work:
    if hasattr(test, "many") and isinstance(source, RelabellingSource):
        pool = source.pool_for(test)
        at_once = getattr(source, "draws_at_once", lambda pool: DRAWS_AT_ONCE)(pool)
        return _Relabellings(test, source, pool, first, int(at_once))
    return _Toys(test, source, first)


@dataclass(frozen=True, eq=False)
class _Toys:
    """Statistics of toys, in any process."""

    test: Any
    source: Source
    first: SeedSequence

    @property
    def batch(self) -> int:
        return toys_at_once(self.test)

    @property
    def releases_gil(self) -> bool:
        return may_thread(self.test)

    def __call__(self, numbers: Sequence[int]) -> list[float]:
        if len(numbers) > 1:
            try:
                values = self._at_once(numbers)
            except EmusymError:
                pass  # One at a time they tell which toy it is.
            else:
                if not np.isnan(values).any():
                    return values
        return [self._one(number) for number in numbers]

    def _at_once(self, numbers: Sequence[int]) -> list[float]:
        seeds = [draw_and_test(seed_of(self.first, number)) for number in numbers]
        pairs = [self.source.draw(np.random.default_rng(for_draw)) for for_draw, _ in seeds]
        rngs = [np.random.default_rng(for_test) for _, for_test in seeds]
        return [_statistic(result) for result in self.test.each(pairs, rngs=rngs)]

    def _one(self, number: int) -> float:
        for_draw, for_test = map(np.random.default_rng, draw_and_test(seed_of(self.first, number)))
        try:
            value = _statistic(self.test(self.source.draw(for_draw), rng=for_test))
        except EmusymError as error:
            raise DataError(f"toy {number}: {error}") from error
        return _not_nan(value, number)


@dataclass(frozen=True, eq=False)
class _Relabellings:
    """Statistics of relabellings of one pool, in any process."""

    test: Any
    source: Any
    pool: Any
    first: SeedSequence
    batch: int

    @property
    def releases_gil(self) -> bool:
        return may_thread(self.test)

    def __call__(self, numbers: Sequence[int]) -> list[float]:
        generators = [np.random.default_rng(seed_of(self.first, number)) for number in numbers]
        try:
            drawn = self.source.relabel(self.pool, generators)
            values = np.asarray(self.test.many(self.pool, drawn), dtype=np.float64)
        except EmusymError as error:
            raise DataError(f"toys {numbers[0]} to {numbers[-1]}: {error}") from error
        if values.shape != (len(numbers),):
            raise DataError(
                f"{len(numbers)} relabellings gave statistics of shape {values.shape}: "
                "many returns one each"
            )
        return [_not_nan(float(v), number) for number, v in zip(numbers, values, strict=True)]


def _statistic(result: Any) -> float:
    return float(getattr(result, "statistic", result))


def _not_nan(value: float, number: int) -> float:
    if np.isnan(value):
        raise DataError(f"toy {number}: its test statistic is NaN")
    return value
