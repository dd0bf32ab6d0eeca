"""Running jobs on several cores, with the results in the order of the jobs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from eμsym.workers import LostWorkersError, collect_apart, start_pool

Job = TypeVar("Job")
Result = TypeVar("Result")

#: Jobs under way for every worker: it never waits, and few results wait for their turn.
_AHEAD = 3
#: What is done sooner than this shows no bar.
BAR_AFTER_SECONDS = 2.0


def run_in_order(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    consume: Callable[[Result], None],
    *,
    workers: int,
) -> None:
    """Do jobs in several processes and hand their results on in the order of the jobs.

    Parameters
    ----------
    work : callable
        Called as ``work(job)`` in a worker.
    jobs : sequence
    consume : callable
        Called as ``consume(result)`` in this process, one at a time.
    workers : int
        Processes; 1 works in this one.

    Raises
    ------
    Exception
        The first that a job or `consume` raises; the other jobs are stopped. So they
        are by Ctrl-C, and no process is left behind.
    LostWorkersError
        If a worker is killed.
    """
    if workers == 1:
        for job in jobs:
            consume(work(job))
        return
    pool, kill = start_pool(workers, threads=False)
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        kill()

    ahead = workers * _AHEAD
    try:
        with pool:
            collect_apart(lambda: _collect(pool, work, jobs, consume, ahead, stopped), stop)
    except BrokenExecutor as error:
        raise LostWorkersError(
            "a worker was killed, perhaps for lack of memory; try fewer --workers"
        ) from error


def _collect(
    pool: Executor,
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    consume: Callable[[Result], None],
    ahead: int,
    stopped: threading.Event,
) -> None:
    left = iter(jobs)
    under_way: list[Future[Result]] = [pool.submit(work, job) for job in islice(left, ahead)]
    try:
        while under_way and not stopped.is_set():
            consume(under_way.pop(0).result())
            under_way += [pool.submit(work, job) for job in islice(left, 1)]
    finally:
        for future in under_way:
            future.cancel()


@contextmanager
def progress_bar(n_events: int, progress: bool | None) -> Iterator[Callable[[int], None]]:
    """Give a function that counts events, and show a bar once they take long.

    Parameters
    ----------
    n_events : int
        Until it is full.
    progress : bool or None
        Whether to show one, on standard error. None: if that is a terminal.
    """
    if not (sys.stderr.isatty() if progress is None else progress):
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("events", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Asked for by name, it is drawn wherever standard error goes.
    bar = Progress(*columns, console=Console(stderr=True, force_terminal=progress), transient=True)
    task = bar.add_task("events", total=n_events)
    shown = False

    def advance(count: int) -> None:
        bar.advance(task, count)

    def show() -> None:
        nonlocal shown
        shown = True
        bar.start()

    # The first job may take longer than that, so the clock decides.
    timer = threading.Timer(BAR_AFTER_SECONDS, show)
    timer.daemon = True
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        timer.join()
        if shown:
            bar.stop()
