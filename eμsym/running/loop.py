"""The one loop over tasks: in this process first, then on all cores or Dask.

A task is a number, or a few of them: of a toy, or of a row and a toy. What is done
of it depends on the task alone, so the answers are the same for any number of
workers, and after any restart.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field
from typing import Any

from eμsym.progress import Advance, toy_bar
from eμsym.running.keepers import InMemory, Keeper
from eμsym.running.pools import Workers, start_workers
from eμsym.running.work import Work, batch_of, do, groups, may_thread
from eμsym.workers import LostWorkersError, collect_apart, cores

#: Answers wait no longer than this to be kept: it is what a kill can cost.
KEEP_SECONDS = 1.0
#: Seconds in this process before workers are started, which takes about as long.
ALONE_SECONDS = 2.0
#: Work that a worker is given at once.
CHUNK_SECONDS = 0.5
BAR_AFTER_SECONDS = 2.0
#: How often local workers may die before the loop gives up.
POOLS = 4


def run_tasks(
    work: Work,
    tasks: Sequence[Any],
    keeper: Keeper,
    *,
    workers: int | None = None,
    dask: str | None = None,
    threads: bool | None = None,
    done_before: int = 0,
    progress: bool | Advance | None = None,
) -> None:
    """Do tasks, and keep each answer as it is done.

    Parameters
    ----------
    work : Work
        What is done of them; it is sent to other processes.
    tasks : sequence of hashable
        In the order in which they are begun.
    keeper : Keeper
        Given the answers, in any order, at least every second.
    workers : int, optional
        Processes, or threads, at once; 1 works in this one alone. Default: all
        cores, once the tasks prove to take longer than starting workers does.
    dask : str, optional
        ``"local"`` for a Dask cluster of `workers` processes on this machine, or
        the address of a scheduler.
    threads : bool, optional
        Threads in place of processes. Default: as the work's ``releases_gil`` says.
    done_before : int
        Tasks that the bar counts as done.
    progress : bool or callable, optional
        Whether a bar on standard error shows the time left, after two seconds, or
        what is told instead. Default: if that is a terminal.

    Raises
    ------
    LostWorkersError
        If workers die again and again, or a scheduler is gone.
    ConfigurationError
        If Dask is not installed or the scheduler does not answer.
    """
    if not tasks:
        return
    total = done_before + len(tasks)
    with toy_bar(total, progress, after=BAR_AFTER_SECONDS, done=done_before) as advance:
        loop = _Loop(work, list(tasks), keeper, advance)
        loop.run(workers, dask, may_thread(work) if threads is None else threads)


def answers_of(work: Work, tasks: Sequence[Any], **options: Any) -> list[Any]:
    """Return the answers to tasks, in their order; options and errors as for `run_tasks`."""
    memory = InMemory()
    run_tasks(work, tasks, memory, **options)
    return [memory.answers[task] for task in tasks]


@dataclass
class _Loop:
    """The tasks that are missing, on their way to the keeper."""

    work: Work
    tasks: list[Any]
    keeper: Keeper
    advance: Advance
    seconds: float = 0.0
    finished: set[Any] = field(default_factory=set)
    #: Tasks whose answers are not kept yet, and the answers.
    waiting: list[tuple[Any, Any]] = field(default_factory=list)
    kept: float = -float("inf")

    def run(self, workers: int | None, dask: str | None, threads: bool) -> None:
        """Do them all."""
        try:
            if dask is None and workers in (None, 1):
                self._alone(ALONE_SECONDS if workers is None else float("inf"))
            if self._left():
                self._shared(cores() if workers is None else int(workers), dask, threads)
        finally:
            self._keep()

    def _left(self) -> list[Any]:
        return [task for task in self.tasks if task not in self.finished]

    def _alone(self, limit: float) -> None:
        """Do tasks in this process until the time is up, or all if they are soon done."""
        for batch in groups(self.tasks, batch_of(self.work)):
            self._take(batch, *do(self.work, batch))
            done = len(self.finished)
            left = self.seconds / done * (len(self.tasks) - done)
            if self.seconds > limit and left > 2 * ALONE_SECONDS:
                return

    def _shared(self, workers: int, dask: str | None, threads: bool) -> None:
        for attempt in range(1, POOLS + 1):
            count = min(workers, len(self._left()))
            try:
                with start_workers(
                    self.work, count, dask=dask, threads=threads, remedy=self.keeper.remedy
                ) as pool:
                    collect_apart(functools.partial(self._collect, pool), pool.stop)
                return
            except BrokenExecutor as error:
                if attempt == POOLS:
                    raise LostWorkersError(
                        f"{self.keeper.where}worker processes were killed {POOLS} times (is "
                        f"the memory enough?); {self.keeper.remedy}"
                    ) from error

    def _collect(self, pool: Workers) -> None:
        waiting: dict[Future[Any], list[Any]] = {}
        todo = self._left()[::-1]
        slots, asked = pool.slots(), time.monotonic()
        try:
            while (todo or waiting) and not pool.stopped.is_set():
                if time.monotonic() - asked > KEEP_SECONDS:
                    slots, asked = pool.slots(), time.monotonic()
                while todo and len(waiting) < 2 * slots:
                    tasks = [todo.pop() for _ in range(self._chunk_size(len(todo), slots))]
                    waiting[pool.submit(tasks)] = tasks
                found, _ = wait(waiting, timeout=KEEP_SECONDS, return_when=FIRST_COMPLETED)
                for future in found:
                    self._take(waiting.pop(future), *future.result())
                self._keep_if_due()
        finally:
            for future in waiting:
                future.cancel()

    def _chunk_size(self, left: int, slots: int) -> int:
        """Return how many tasks a worker is given: half a second's, less towards the end."""
        batch = batch_of(self.work)
        size = int(CHUNK_SECONDS * len(self.finished) / self.seconds) if self.seconds else 1
        size = min(size, left // (4 * slots))
        return min(max(1, size // batch) * batch, left)

    def _take(self, tasks: Sequence[Any], answers: Sequence[Any], seconds: float) -> None:
        # A worker that was told to stop has answered only the first ones.
        answered = tasks[: len(answers)]
        self.waiting += zip(answered, answers, strict=True)
        self.finished.update(answered)
        self.seconds += seconds
        self.advance(len(answers), self.keeper.note(answers))
        self._keep_if_due()

    def _keep_if_due(self) -> None:
        if self.waiting and time.monotonic() - self.kept > KEEP_SECONDS:
            self._keep()

    def _keep(self) -> None:
        self.kept = time.monotonic()
        if self.waiting:
            tasks, answers = zip(*self.waiting, strict=True)
            # Dropped only then: interrupted, they are kept once more.
            self.keeper.keep(tasks, answers)
            self.waiting = []
