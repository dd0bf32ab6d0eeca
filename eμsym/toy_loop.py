"""The one loop over toys, on one core or all: draw a pair from a source, test it.

Toy i draws and tests with child i of one SeedSequence, so the result is the same
for any number of workers.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from eμsym.counts import FloatArray
from eμsym.errors import ConfigurationError, DataError, EmusymError
from eμsym.pair import Pair
from eμsym.sources import Rng, Source, pair_columns

Column = str | tuple[str, ...] | None

#: Seconds in this process before workers are started, which takes about as long.
_ALONE_SECONDS = 1.0
_BAR_AFTER_SECONDS = 2.0
_CHUNK_SECONDS = 0.5

#: A worker is one core's: threads of a BLAS in every one of them would fight over all.
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}


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
    with _bar(int(n), progress) as advance:
        done, seconds = 0, 0.0
        if workers is None or workers == 1:
            limit = _ALONE_SECONDS if workers is None else np.inf
            done, seconds = _alone(toy, seeds, samples, advance, limit)
        if done < n:
            count = _cores() if workers is None else int(workers)
            _shared(toy, seeds, samples, advance, done, seconds, count, threads)
    return samples


@dataclass(frozen=True)
class _Toy:
    """What one toy is, in any process."""

    test: Callable[..., Any]
    source: Source

    def __call__(self, number: int, seed: SeedSequence) -> float:
        for_draw, for_test = (np.random.default_rng(child) for child in _children(seed))
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


def _children(seed: SeedSequence) -> list[SeedSequence]:
    # SeedSequence.spawn counts its children, so a second call would give others.
    return [SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, i)) for i in range(2)]


def _alone(
    toy: _Toy,
    seeds: list[SeedSequence],
    samples: FloatArray,
    advance: Callable[[int], None],
    limit: float,
) -> tuple[int, float]:
    """Run toys here until the time is up; return how many, and the seconds a toy."""
    start = time.monotonic()
    for i, seed in enumerate(seeds):
        samples[i] = toy(i, seed)
        advance(1)
        elapsed = time.monotonic() - start
        left = elapsed / (i + 1) * (len(seeds) - i - 1)
        if elapsed > limit and left > 2 * _ALONE_SECONDS:
            return i + 1, elapsed / (i + 1)
    return len(seeds), 0.0


def _shared(
    toy: _Toy,
    seeds: list[SeedSequence],
    samples: FloatArray,
    advance: Callable[[int], None],
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

    def collect(pool: Executor) -> None:
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

    pool, kill = _pool(min(workers, left), threads)
    # The main thread only waits: an interrupt inside concurrent.futures can leave
    # a lock behind that the pool's shutdown then waits for, for ever.
    with ThreadPoolExecutor(1) as collector:
        result = collector.submit(collect, pool)
        try:
            result.result()
        except BaseException:
            stopped.set()
            kill()
            result.exception()
            raise
        finally:
            pool.shutdown()


def _pool(workers: int, threads: bool) -> tuple[Executor, Callable[[], None]]:
    """Return a started pool and what stops it at once."""
    if threads:
        pool = ThreadPoolExecutor(workers)
        return pool, lambda: pool.shutdown(wait=False, cancel_futures=True)
    import loky

    processes = loky.ProcessPoolExecutor(workers, env=_ONE_THREAD)
    with _interrupts_ignored():
        processes.submit(int)  # starts the workers
    return processes, lambda: processes.shutdown(kill_workers=True)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Have processes that are started here leave Ctrl-C, which all get, to this one."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted, and only it may say so
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _bar(n: int, progress: bool | None) -> Iterator[Callable[[int], None]]:
    """Give a function that counts toys, and shows a bar once they take long."""
    if not (sys.stderr.isatty() if progress is None else progress):
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("toys", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Asked for by name, it is drawn wherever standard error goes.
    console = Console(stderr=True, force_terminal=progress)
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("toys", total=n)
    begin = time.monotonic()
    shown = False

    def advance(count: int) -> None:
        nonlocal shown
        bar.advance(task, count)
        if not shown and time.monotonic() - begin > _BAR_AFTER_SECONDS:
            shown = True
            bar.start()

    try:
        yield advance
    finally:
        if shown:
            bar.stop()


def _cores() -> int:
    import loky

    return int(loky.cpu_count())
