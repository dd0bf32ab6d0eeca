"""What the loop is given to do, in any process, and how it is done."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

Task = Hashable
Item = TypeVar("Item")


class Work(Protocol):
    """Tasks turned into answers; it can be pickled, and no answer depends on another task.

    What it may have besides is found by attribute: ``releases_gil``, true if it may
    run in threads, and ``batch``, how many tasks it is best given at once.
    """

    def __call__(self, tasks: Sequence[Any], /) -> Sequence[Any]:
        """Return one answer a task, in their order."""
        ...  # pragma: no cover


class Stop(Protocol):
    """Something that says whether to stop, as `threading.Event`."""

    def is_set(self) -> bool:
        """Return whether to stop."""
        ...  # pragma: no cover


def batch_of(something: Any) -> int:
    """Return how many tasks are best given at once: the attribute ``batch``, else 1."""
    return max(1, int(getattr(something, "batch", 1)))


def may_thread(something: Any) -> bool:
    """Return whether it may run in threads: the attribute ``releases_gil``, else False."""
    return bool(getattr(something, "releases_gil", False))


def groups(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield the items in groups of that size, the last one smaller."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def do(work: Work, tasks: Sequence[Any], stopped: Stop | None = None) -> tuple[list[Any], float]:
    """Do some tasks.

    Parameters
    ----------
    work : Work
    tasks : sequence
    stopped : optional
        Looked at before each batch, for a thread cannot be killed as a process can.

    Returns
    -------
    answers : list
        Of the tasks from the first on; fewer if it was stopped.
    seconds : float
        Time that it took.
    """
    begin = time.perf_counter()
    answers: list[Any] = []
    for batch in groups(tasks, batch_of(work)):
        if stopped is not None and stopped.is_set():
            break
        answers += work(batch)
    return answers, time.perf_counter() - begin
