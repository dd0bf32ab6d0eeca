"""The study of what the subspace test reaches: what is stored of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from eμsym.coverage.subspace_power import IDEAL, ROWS, SHAPES, compute, z_of
from eμsym.coverage.subspace_power_table import SCHEMA, median, table, values
from eμsym.files import read_json

STORED = Path(__file__).parents[2] / "docs" / "coverage"


@pytest.fixture(scope="module")
def stored():
    return read_json(STORED / "subspace_power.json", schema=SCHEMA)


def test_p_counts_the_statistics_that_are_as_large():
    z = z_of(np.array([2.0, 0.5, 9.0]), np.array([3.0, 1.0, 2.0]))
    np.testing.assert_allclose(z, norm.isf([3 / 4, 1, 1 / 4]))


def test_the_error_of_a_median_is_that_of_normal_numbers():
    middle, error = median(np.random.default_rng(1).normal(3, 1, 400))
    assert middle == pytest.approx(3, abs=0.2)
    assert error == pytest.approx(np.sqrt(np.pi / 2 / 400), rel=0.3)


def test_what_is_told_of_the_goal_is_in_the_table(stored):
    for row in stored["rows"]:
        z, single = values(row["z"]), values(row["z_of_best_view"])
        assert z.size >= 50
        assert row["n_null"] >= 5000
        known = {name: np.median(values(row["shape_known"][name])) for name in ("z", "z_at_place")}
        # B in place of a known background costs √2, the search the rest.
        assert known["z_at_place"] == pytest.approx(IDEAL / np.sqrt(2), abs=0.3)
        assert known["z"] < 3
        middle, error = median(z)
        assert middle < known["z"] + 2 * error
        # Among ten pairs of columns the view that looks there is worth more than one of two.
        if row["columns"] == 5:
            assert np.median(single) > middle + 0.5


def test_the_stored_table_is_that_of_the_stored_numbers(stored):
    assert (STORED / "subspace_power.md").read_text(encoding="utf-8") == table(stored)
    assert [(row["signal"], row["columns"]) for row in stored["rows"]] == [
        (row.signal, row.columns) for row in ROWS
    ]
    assert {row.signal for row in ROWS} <= set(SHAPES)


def test_the_first_toy_is_the_one_that_is_stored(stored):
    ours = compute(1, rows=ROWS[:1], n_shape=(2, 2), workers=1)["rows"][0]
    theirs = stored["rows"][0]
    assert ours["n_signal"] == theirs["n_signal"]
    assert ours["statistic"] == theirs["statistic"].split()[0]
