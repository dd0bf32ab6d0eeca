"""The study of the subspace test's p-value: its toys, and its table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from eμsym.coverage.ranks import uniformity
from eμsym.coverage.subspace import ROWS, SCHEMA, ExchangeableColumns, compute, joined, table
from eμsym.files import read_json

STORED = Path(__file__).parents[2] / "docs" / "coverage"


@pytest.fixture(scope="module")
def stored():
    return read_json(STORED / "subspace.json", schema=SCHEMA)


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
    parts = [compute(n, first=at, rows=rows, workers=1) for at, n in ((0, 1), (1, 2))]
    assert joined(parts)["rows"] == [second]
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


def test_the_stored_p_is_uniform_and_nearly_so_where_r_is_fitted(stored):
    for row in stored["rows"]:
        ks, below, size = uniformity(row, stored["n"])
        assert size >= 1000
        assert row["not_done"] == 0
        if row["kind"] == "exchangeable":
            assert ks > 0.01
            assert binomtest(round(below * size), size, 0.05).pvalue > 0.01
        else:  # the fit of r makes labellings but nearly exchangeable
            assert ks > 1e-3
            assert 0.04 < below < 0.07


def test_the_stored_table_is_that_of_the_stored_numbers(stored):
    assert (STORED / "subspace.md").read_text(encoding="utf-8") == table(stored)
    kinds = [(row["kind"], row["columns"]) for row in stored["rows"]]
    assert kinds == [(row.kind, row.columns) for row in ROWS]


def test_the_first_toys_are_those_that_are_stored(stored):
    for row, found in zip(stored["rows"], compute(2, workers=1)["rows"], strict=True):
        assert row["ranks"].split()[:2] == found["ranks"].split()
