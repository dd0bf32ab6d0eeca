"""Workers that tasks are given to: threads or processes of this machine, or Dask."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from eμsym.running.work import Work, do
from eμsym.workers import LostWorkersError, dask_client, dask_losses, start_pool

#: How long a local cluster may be without workers; one elsewhere may wait for a batch system.
_NO_WORKERS_SECONDS = 60.0


@dataclass(frozen=True, eq=False)
class Workers:
    """Workers of any kind.

    Attributes
    ----------
    submit : callable
        Takes tasks, gives a Future of what `do` returns.
    slots : callable
        Says how many chunks of them can be done at once.
    stopped : threading.Event
        Set if they are no longer wanted.
    kill : callable
    """

    submit: Callable[[Sequence[Any]], Future[Any]]
    slots: Callable[[], int]
    stopped: threading.Event
    kill: Callable[[], None]

    def stop(self) -> None:
        """Have all work end."""
        self.stopped.set()
        self.kill()


@contextmanager
def start_workers(
    work: Work, workers: int, *, dask: str | None, threads: bool, remedy: str
) -> Iterator[Workers]:
    """Give workers that know what is to be done.

    Parameters
    ----------
    work : Work
    workers : int
        Of this machine.
    dask : str, optional
        ``"local"``, or the address of a scheduler, whose workers they are then.
    threads : bool
        Whether workers of this machine without Dask are threads.
    remedy : str
        What to do if they are lost.

    Raises
    ------
    ConfigurationError
        If Dask is not installed or the scheduler does not answer.
    LostWorkersError
        If its workers die again and again, or it is gone.
    """
    stopped = threading.Event()
    if dask is None:
        ask = (stopped,) if threads else ()
        pool, kill = start_pool(workers, threads=threads, work=work)
        try:
            yield Workers(
                lambda tasks: pool.submit(do, work, tasks, *ask),
                lambda: workers,
                stopped,
                kill,
            )
        finally:
            pool.shutdown()
        return
    with dask_client(dask, workers) as client, dask_losses(dask, remedy):
        executor: Executor = client.get_executor(pure=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            # As a task, not scattered: it is made again where a worker dies with it.
            sent = client.submit(_same, work, pure=False)
        yield Workers(
            lambda tasks: executor.submit(do, sent, tasks),
            _Slots(client, dask, remedy),
            stopped,
            lambda: executor.shutdown(wait=False),
        )


@dataclass
class _Slots:
    """Says how many chunks a Dask cluster can do at once, now."""

    client: Any
    address: str
    remedy: str
    seen: float = field(default_factory=time.monotonic)

    def __call__(self) -> int:
        try:
            slots = int(sum(self.client.nthreads().values()))
        except (OSError, RuntimeError) as error:
            raise LostWorkersError(
                f"--dask {self.address}: the scheduler is gone; {self.remedy}"
            ) from error
        if slots:
            self.seen = time.monotonic()
        elif self.address == "local" and time.monotonic() - self.seen > _NO_WORKERS_SECONDS:
            raise LostWorkersError(f"--dask local: no worker is left; {self.remedy}")
        return max(1, slots)


def _same(work: Work) -> Work:
    return work
