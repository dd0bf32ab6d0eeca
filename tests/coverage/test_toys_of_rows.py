"""Toys of rows: their own numbers, whoever measures them and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.random import SeedSequence

from eμsym.coverage.toys import share_of, toys_by_row


@dataclass(frozen=True)
class Numbers:
    """What is drawn of a toy, and what is done with it."""

    def __call__(
        self, row: int, number: int, for_draw: SeedSequence, for_test: SeedSequence
    ) -> tuple[int, int, float, float]:
        first, second = (float(np.random.default_rng(x).random()) for x in (for_draw, for_test))
        return row, number, first, second


ROWS = [range(3), range(2, 5), range(1)]


def test_a_toy_has_the_numbers_of_its_row_and_place() -> None:
    found = toys_by_row(Numbers(), ROWS, seed=7, keys=[4, 4, 9], workers=1)
    assert [[toy[:2] for toy in toys] for toys in found] == [
        [(0, 0), (0, 1), (0, 2)],
        [(1, 2), (1, 3), (1, 4)],
        [(2, 0)],
    ]
    # The children of numpy's own seed, spawned in turn.
    of_key = SeedSequence(7).spawn(5)[4].spawn(3)[2]
    expected = [float(np.random.default_rng(x).random()) for x in of_key.spawn(2)]
    assert list(found[0][2][2:]) == expected
    assert found[1][0][2:] == found[0][2][2:]
    every = {toy[2] for toys in (found[0], found[2]) for toy in toys}
    assert len(every) == 4


@pytest.mark.parametrize("sizes", [None, [1.0, 3.0, 2.0]])
def test_neither_order_nor_workers_matter(sizes: list[float] | None) -> None:
    alone = toys_by_row(Numbers(), ROWS, seed=7, workers=1)
    assert toys_by_row(Numbers(), ROWS, seed=7, sizes=sizes, workers=2) == alone


def test_parts_of_a_share_are_the_whole() -> None:
    for share in (0.2, 0.625, 1.0):
        parts = [number for first in range(0, 40, 8) for number in share_of(share, first, 8)]
        assert parts == list(share_of(share, 0, 40)) == list(range(round(40 * share)))
