"""The loop over tasks of any kind, and what keeps their answers."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from eμsym.running import loop
from eμsym.running.keepers import InMemory
from eμsym.running.loop import answers_of, run_tasks
from eμsym.workers import LostWorkersError


@dataclass(frozen=True)
class Squares:
    """Squares of numbers; some are deadly the first time, or always."""

    folder: Path | None = None
    deadly: int = -1
    releases_gil: bool = False
    batch: int = 1

    def __call__(self, tasks: Sequence[int]) -> list[int]:
        for task in tasks:
            if task == self.deadly and (self.folder is None or not self._was_here(self.folder)):
                os.kill(os.getpid(), signal.SIGKILL)
        return [task**2 for task in tasks]

    def _was_here(self, folder: Path) -> bool:
        path = folder / "was here"
        before = path.exists()
        path.touch()
        return before


@pytest.mark.parametrize(
    "options", [{"workers": 1}, {"workers": 2}, {"dask": "local", "workers": 2}]
)
@pytest.mark.parametrize("batch", [1, 7])
def test_answers_come_in_the_order_of_their_tasks(options: dict[str, Any], batch: int) -> None:
    tasks = [9, 3, 40, *range(100, 150)]
    assert answers_of(Squares(batch=batch), tasks, **options) == [task**2 for task in tasks]


def test_threads_are_used_where_the_work_allows_them() -> None:
    def local(tasks: Sequence[int]) -> list[int]:
        return [os.getpid() for _ in tasks]

    assert answers_of(local, range(5), workers=2, threads=True) == [os.getpid()] * 5
    assert set(answers_of(local, range(5), workers=2)).isdisjoint({os.getpid()})


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    tasks = list(range(60))
    assert answers_of(Squares(tmp_path, 30), tasks, workers=2) == [task**2 for task in tasks]
    assert (tmp_path / "was here").exists()


def test_a_task_that_always_kills_is_given_up() -> None:
    with pytest.raises(LostWorkersError, match=r"killed 4 times .*; run again with fewer workers"):
        answers_of(Squares(deadly=3), range(9), workers=2)


@dataclass
class Durable(InMemory):
    """Keeps what it is given, in so many pieces."""

    pieces: int = 0
    noted: list[str] = field(default_factory=list)

    def note(self, answers: Sequence[Any]) -> str:
        return f"{max(answers)} is the last"

    def keep(self, tasks: Sequence[Any], answers: Sequence[Any]) -> None:
        self.pieces += 1
        super().keep(tasks, answers)


def test_what_is_done_is_kept_when_another_task_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(tasks: Sequence[int]) -> list[int]:
        return [6 // (3 - task) for task in tasks]

    kept = Durable()
    with pytest.raises(ZeroDivisionError):
        run_tasks(failing, range(5), kept, workers=1)
    assert kept.answers == {0: 2, 1: 3, 2: 6}
    assert kept.pieces == 2  # the first at once, the others at the end
    monkeypatch.setattr(loop, "KEEP_SECONDS", -1.0)
    kept = Durable()
    with pytest.raises(ZeroDivisionError):
        run_tasks(failing, range(5), kept, workers=1)
    assert kept.pieces == 3


def test_what_is_told_of_the_progress() -> None:
    told: list[tuple[int, str]] = []

    def tell(count: int, note: str = "") -> None:
        told.append((count, note))

    run_tasks(Squares(batch=4), range(6), Durable(), workers=1, progress=tell)
    assert told == [(4, "9 is the last"), (2, "25 is the last")]
    run_tasks(Squares(), [], Durable(), progress=tell)
    assert len(told) == 2
