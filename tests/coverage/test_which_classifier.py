"""The study of what boosted trees find, on the toys of which test finds which signal."""

from __future__ import annotations

from pathlib import Path

import pytest
from scipy.stats import binomtest

from eμsym.coverage.which_classifier import ROWS, SCHEMA, STATISTICS, compute, joined, table
from eμsym.files import read_json

STORED = Path(__file__).parents[2] / "docs" / "coverage"


@pytest.fixture(scope="module")
def stored():
    return read_json(STORED / "which_classifier.json", schema=SCHEMA)


def test_without_signal_trees_fire_as_often_as_they_say(stored):
    for name in STATISTICS:
        ranks = [
            int(rank)
            for row in stored["rows"]
            if row["signal"] == "none"
            for rank in row["ranks"][name].split()
        ]
        assert binomtest(ranks.count(1), len(ranks), 0.05).pvalue > 1e-3


def test_the_stored_table_is_that_of_the_stored_numbers(stored):
    assert (STORED / "which_classifier.md").read_text(encoding="utf-8") == table(stored)
    kinds = [(row["signal"], row["columns"]) for row in stored["rows"]]
    assert kinds == [(row.signal, row.columns) for row in ROWS]


def test_the_first_toys_are_those_that_are_stored(stored):
    parts = [compute(1, first=first, rows=ROWS[3:4], workers=1) for first in (0, 1)]
    (ours,) = joined(parts)["rows"]
    for name in STATISTICS:
        assert stored["rows"][3]["ranks"][name].split()[:2] == ours["ranks"][name].split()
