"""The toys of a study, measured row by row on all cores: the same however many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from numpy.random import SeedSequence

from eμsym.progress import Advance
from eμsym.running.loop import answers_of
from eμsym.running.toys import draw_and_test

Answer = TypeVar("Answer")

#: Row, number of the toy in it, seed of what is drawn, and seed of what is then done with it.
Measure = Callable[[int, int, SeedSequence, SeedSequence], Answer]


@dataclass(frozen=True, eq=False)
class _Tasks(Generic[Answer]):
    """The toys of all rows, in any process."""

    measure: Measure[Answer]
    keys: Sequence[int]
    seed: int

    def __call__(self, tasks: Sequence[tuple[int, int]]) -> list[Answer]:
        return [self._measured(*task) for task in tasks]

    def _measured(self, row: int, number: int) -> Answer:
        seed = SeedSequence(self.seed, spawn_key=(self.keys[row], number))
        return self.measure(row, number, *draw_and_test(seed))


def toys_by_row(
    measure: Measure[Answer],
    numbers: Sequence[range],
    *,
    seed: int,
    keys: Sequence[int] | None = None,
    sizes: Sequence[float] | None = None,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> list[list[Answer]]:
    """Measure the toys of rows.

    Parameters
    ----------
    measure : callable
        Called as ``measure(row, number, for_draw, for_test)``, with the two seeds of the toy;
        what it returns can be pickled, and so can it.
    numbers : sequence of range
        The toys of each row.
    seed : int
    keys : sequence of int, optional
        Toy i of a row of key k has child (k, i) of the seed. Default: the rows' own numbers.
    sizes : sequence of float, optional
        How long a toy of each row takes, in any unit: the longest come first, so that all cores
        end together.
    workers, progress
        As for `eμsym.running.loop.run_tasks`.

    Returns
    -------
    list of list
        By row, what was measured of its toys, in their order.
    """
    rows = range(len(numbers))
    order = list(rows) if sizes is None else sorted(rows, key=lambda j: -sizes[j])
    tasks = [(j, i) for j in order for i in numbers[j]]
    work: Any = _Tasks(measure, list(rows) if keys is None else list(keys), seed)
    answers = answers_of(work, tasks, workers=workers, progress=progress)
    found: list[list[Answer]] = [[] for _ in rows]
    for (j, _), answer in zip(tasks, answers, strict=True):
        found[j].append(answer)
    return found


def share_of(share: float, first: int, n_toys: int) -> range:
    """Return the numbers of a row's toys, which has a share of all that are asked for.

    Parameters
    ----------
    share : float
    first : int
        The number of the first toy, where others have been done.
    n_toys : int
    """
    return range(round(first * share), round((first + n_toys) * share))
