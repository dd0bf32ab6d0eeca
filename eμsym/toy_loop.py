"""The one loop over toys, on one core or all: draw a pair from a source, test it.

Toy i draws and tests with child i of one SeedSequence, so the result is the same
for any number of workers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from eμsym.counts import FloatArray
from eμsym.errors import ConfigurationError, DataError, EmusymError
from eμsym.pair import Pair
from eμsym.progress import Advance, toy_bar
from eμsym.sources import Rng, Source, pair_columns
from eμsym.workers import collect_apart, cores, start_pool

Column = str | tuple[str, ...] | None

#: Seconds in this process before workers are started, which takes about as long.
ALONE_SECONDS = 1.0
#: What is done sooner than this shows no bar.
BAR_AFTER_SECONDS = 2.0
_CHUNK_SECONDS = 0.5


@dataclass(frozen=True)
class ColumnTest:
    """A test of arrays as a test of pairs: it reads one column, or several.

    Parameters
    ----------
    test : callable
        Called as ``test(a, b, rng=…)``, with ``weights_a`` and ``weights_b`` if
        the pair has weights.
    column : str or tuple of str, optional
        As for `pair_columns`.
    scale : float
        The values are multiplied by this.
    """

    test: Callable[..., Any]
    column: Column = None
    scale: float = 1.0

    def __call__(self, pair: Pair, *, rng: Rng = None) -> Any:
        """Test a pair."""
        a, b, weights_a, weights_b = pair_columns(pair, self.column, scale=self.scale)
        if weights_a is None:
            return self.test(a, b, rng=rng)
        return self.test(a, b, weights_a=weights_a, weights_b=weights_b, rng=rng)


def toy_statistics(
    test: Callable[..., Any],
    source: Source,
    n: int,
    *,
    column: Column = "x",
    scale: float = 1.0,
    rng: Rng = None,
    workers: int | None = None,
    threads: bool | None = None,
    progress: bool | None = None,
) -> FloatArray:
    """Return the test statistics of pairs drawn from a source.

    Of a symmetric source they are a null, of one with a signal the test's power.

    Parameters
    ----------
    test : callable
        Called as ``test(a, b, rng=…)`` on the column, or, without a column, as
        ``test(pair, rng=…)``; returns a number or a result with ``statistic``.
    source : Source
        Anything with ``draw(rng) -> Pair``.
    n : int
        Number of toys.
    column : str, tuple of str or None
        What the test reads of the pair, as for `pair_columns`; None gives it the
        pair. Default: x, as the toy models call it.
    scale : float
        The column is multiplied by this.
    rng : numpy.random.Generator, int or None
        Toy i uses child i of its SeedSequence: one of two for the draw, the
        other for the test.
    workers : int, optional
        Processes, or threads, at once; 1 works in this one alone. Default: all
        cores, once the toys prove to take longer than starting workers does.
    threads : bool, optional
        Threads in place of processes, for tests that release the GIL. Default:
        as the test's attribute ``releases_gil`` says, else processes.
    progress : bool, optional
        Whether a bar on standard error shows the time left, after two seconds.
        Default: if that is a terminal.

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
    """
    for value, name in ((n, "toys"), (1 if workers is None else workers, "workers")):
        if not isinstance(value, int | np.integer) or value < 1:
            raise ConfigurationError(f"{value} {name}: choose a whole number, 1 or more")
    if column is None and scale != 1.0:
        raise ConfigurationError(f"a scale of {scale:g} is of a column: name the column")
    threads = bool(getattr(test, "releases_gil", False)) if threads is None else threads
    toy = _Toy(test if column is None else ColumnTest(test, column, scale), source)
    parent = np.random.default_rng(rng).bit_generator.seed_seq
    seeds: list[SeedSequence] = parent.spawn(int(n))  # type: ignore[attr-defined]
    samples = np.empty(int(n))
    with toy_bar(int(n), progress, after=BAR_AFTER_SECONDS) as advance:
        done, seconds = 0, 0.0
        if workers is None or workers == 1:
            limit = ALONE_SECONDS if workers is None else np.inf
            done, seconds = _alone(toy, seeds, samples, advance, limit)
        if done < n:
            count = cores() if workers is None else int(workers)
            _shared(toy, seeds, samples, advance, done, seconds, count, threads)
    return samples


@dataclass(frozen=True)
class _Toy:
    """What one toy is, in any process."""

    test: Callable[..., Any]
    source: Source

    def __call__(self, number: int, seed: SeedSequence) -> float:
        for_draw, for_test = (np.random.default_rng(child) for child in draw_and_test(seed))
        try:
            result = self.test(self.source.draw(for_draw), rng=for_test)
        except EmusymError as error:
            raise DataError(f"toy {number}: {error}") from error
        value = float(getattr(result, "statistic", result))
        if np.isnan(value):
            raise DataError(f"toy {number}: its test statistic is NaN")
        return value

    def chunk(
        self, start: int, seeds: list[SeedSequence], stopped: threading.Event | None = None
    ) -> tuple[int, list[float]]:
        values = []
        for i, seed in enumerate(seeds):
            # A thread cannot be killed as a process can: it must ask.
            if stopped is not None and stopped.is_set():
                break
            values.append(self(start + i, seed))
        return start, values


def draw_and_test(seed: SeedSequence) -> tuple[SeedSequence, SeedSequence]:
    """Return the two children of a toy's seed, for its draw and for its test.

    The same ones every time; `SeedSequence.spawn` counts, and gives others.
    """
    first, second = (SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, i)) for i in range(2))
    return first, second


def _alone(
    toy: _Toy,
    seeds: list[SeedSequence],
    samples: FloatArray,
    advance: Advance,
    limit: float,
) -> tuple[int, float]:
    """Run toys here until the time is up; return how many, and the seconds a toy."""
    start = time.monotonic()
    for i, seed in enumerate(seeds):
        samples[i] = toy(i, seed)
        advance(1)
        elapsed = time.monotonic() - start
        left = elapsed / (i + 1) * (len(seeds) - i - 1)
        if elapsed > limit and left > 2 * ALONE_SECONDS:
            return i + 1, elapsed / (i + 1)
    return len(seeds), 0.0


def _shared(
    toy: _Toy,
    seeds: list[SeedSequence],
    samples: FloatArray,
    advance: Advance,
    done: int,
    seconds: float,
    workers: int,
    threads: bool,
) -> None:
    """Run the toys from number `done` on over several workers."""
    left = len(seeds) - done
    size = int(_CHUNK_SECONDS / seconds) if seconds > 0 else left // (32 * workers)
    size = max(1, min(size, left // (4 * workers)))
    stopped = threading.Event()
    ask = (stopped,) if threads else ()

    def collect() -> None:
        waiting = {
            pool.submit(toy.chunk, i, seeds[i : i + size], *ask)
            for i in range(done, len(seeds), size)
        }
        try:
            while waiting and not stopped.is_set():
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    start, values = future.result()
                    samples[start : start + len(values)] = values
                    advance(len(values))
        finally:
            for future in waiting:
                future.cancel()

    def stop() -> None:
        stopped.set()
        kill()

    pool, kill = start_pool(min(workers, left), threads=threads, work=toy)
    try:
        collect_apart(collect, stop)
    finally:
        pool.shutdown()
