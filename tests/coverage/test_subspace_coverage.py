"""The study of the subspace test's p-value: its toys, and its table."""

from __future__ import annotations

import numpy as np

from eμsym.coverage.ranks import uniformity
from eμsym.coverage.subspace import ROWS, ExchangeableColumns, compute, table


def test_toys_have_ties_discrete_columns_and_weights():
    pool = ExchangeableColumns(5, 3000).draw(1).pool
    assert np.unique(pool.column("x0")).size < 150
    assert set(pool.column("x4")) == {-1.0, 1.0}
    assert np.unique(pool.column("x3")).size < 10
    assert np.corrcoef(pool.column("x1"), pool.column("x2"))[0, 1] > 0.25
    assert not pool.unit


def test_a_toy_depends_on_its_number_alone():
    rows = ROWS[:1]
    first, second = (compute(n, rows=rows, workers=1)["rows"][0] for n in (1, 3))
    assert first["ranks"].split() == second["ranks"].split()[:1]
    assert len(second["ranks"].split()) == 3
    assert f"| exchangeable | 2 | 400 | 3 | {100 * uniformity(second, 39)[1]:.1f} ±" in table(
        {"n": 39, "rows": [second]}
    )


def test_uniformity_sees_what_is_not_uniform():
    ranks = np.tile(np.arange(1, 41), 25)
    even = {"ranks": " ".join(map(str, ranks))}
    skewed = {"ranks": " ".join(map(str, np.maximum(ranks - 4, 1)))}
    assert uniformity(even, 39)[0] > 0.5
    assert uniformity(even, 39)[1] == 0.05
    assert uniformity(skewed, 39)[0] < 0.01
