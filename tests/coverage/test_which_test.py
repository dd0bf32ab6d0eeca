"""The study of which test finds which signal: its signals, and what is stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binomtest, norm, pearsonr

from eμsym import ideal_significance
from eμsym.coverage.which_test import (
    IDEAL,
    N_BACKGROUND,
    ROWS,
    SIGNALS,
    Row,
    compute,
    drawn,
    events_of,
)
from eμsym.coverage.which_test_figure import draw_which_test
from eμsym.coverage.which_test_table import SCHEMA, found_share, table
from eμsym.files import read_json
from eμsym.toy_model import TOY_BACKGROUND, TOY_SIGNALS

STORED = Path(__file__).parents[2] / "docs" / "coverage"


@pytest.fixture(scope="module")
def stored():
    return read_json(STORED / "which_test.json", schema=SCHEMA)


@pytest.mark.parametrize("name", TOY_SIGNALS)
def test_the_paper_s_signals_are_of_the_ideal_significance(name):
    """SYM Eq. 30, integrated."""
    shape = TOY_SIGNALS[name]
    n = events_of(Row(name, 1))
    points = (shape.mean,) if name != "S2" else ()
    z = ideal_significance(
        TOY_BACKGROUND.pdf, shape.pdf, N_BACKGROUND, n, upper=20.0, points=points
    )
    assert z == pytest.approx(IDEAL, rel=0.01)


@pytest.mark.parametrize("name", ["resonance in one", "tail of one"])
def test_signals_in_one_column_are_of_the_ideal_significance(name):
    mean, sigma = {"resonance in one": (0.5, 0.1), "tail of one": (2.5, 0.5)}[name]
    n = events_of(Row(name, 5))

    def density(x):
        b, s = N_BACKGROUND * norm.pdf(x), n * norm.pdf(x, mean, sigma)
        return (b + s) * np.log1p(s / b)

    integral = quad(density, -8, 8, points=[mean], limit=500)[0]
    assert np.sqrt(2 * (integral - n)) == pytest.approx(IDEAL, rel=0.01)


def test_the_correlated_signal_has_the_background_s_marginals():
    x = SIGNALS["correlation of two"].draw(4000, np.random.default_rng(1))
    assert np.std(x, axis=0) == pytest.approx(1, abs=0.04)
    assert np.mean(x, axis=0) == pytest.approx(0, abs=0.06)
    assert pearsonr(*x.T).statistic == pytest.approx(0.95, abs=0.01)


def test_the_signal_is_in_a_and_in_its_columns_alone():
    pair = drawn(Row("local in two", 5), 2000.0, np.random.default_rng(2))
    a = np.stack([pair.a.column(f"x{i}") for i in range(5)], axis=1)
    b = np.stack([pair.b.column(f"x{i}") for i in range(5)], axis=1)
    near_a, near_b = (np.sum(np.all(np.abs(x[:, :2] - 1) < 0.4, axis=1)) for x in (a, b))
    assert near_a > 1500
    assert near_b < 200
    assert np.abs(np.mean(a[:, 2:], axis=0)).max() < 0.1


def test_without_signal_every_test_fires_as_often_as_it_says(stored):
    rows = [row for row in stored["rows"] if row["signal"] == "none"]
    assert [row["columns"] for row in rows] == [1, 2, 5, 10]
    for name in rows[0]["ranks"]:
        found = sum(round(found_share(row, name, stored["n"]) * row["n_toys"]) for row in rows)
        toys = sum(row["n_toys"] for row in rows)
        assert binomtest(found, toys, 0.05).pvalue > 1e-3


def test_what_is_told_of_the_tests_is_in_the_table(stored):
    share = {
        (row["signal"], row["columns"], name): found_share(row, name, stored["n"])
        for row in stored["rows"]
        for name in row["ranks"]
    }
    names = list(stored["rows"][0]["ranks"])
    others = [name for name in names if name != "subspace"]
    for columns in (2, 5, 10):
        local = share["local in two", columns, "subspace"]
        assert local >= 0.5
        assert all(share["local in two", columns, name] < local for name in others)
        for signal in ("resonance in one", "tail of one"):
            assert share[signal, columns, "subspace"] > 0.5
            for name in ("Student", "KS", "energy", "MMD"):
                assert share[signal, columns, name] < share[signal, columns, "subspace"]
    # Among many columns a correlation of two is found by none.
    assert share["correlation of two", 2, "subspace"] == max(
        share["correlation of two", 2, name] for name in names
    )
    assert all(share["correlation of two", 10, name] < 0.2 for name in names)
    assert share["S2", 1, "Student"] == max(share["S2", 1, name] for name in names)


def test_the_stored_table_is_that_of_the_stored_numbers(stored):
    assert (STORED / "which_test.md").read_text(encoding="utf-8") == table(stored)
    kinds = [(row["signal"], row["columns"]) for row in stored["rows"]]
    assert kinds == [(row.signal, row.columns) for row in ROWS]


def test_the_figure_has_a_number_for_every_signal_and_test(stored):
    axes = draw_which_test(stored).axes[0]
    rows = [row for row in stored["rows"] if row["signal"] != "none"]
    names = list(rows[0]["ranks"])
    assert len(axes.texts) == len(rows) * len(names)
    share = found_share(rows[3], names[1], stored["n"])
    assert axes.texts[3 * len(names) + 1].get_text() == f"{100 * share:.0f}"
    assert [label.get_text().split("\n")[0] for label in axes.get_xticklabels()] == names


def test_the_first_toy_is_the_one_that_is_stored(stored):
    found = compute(1, rows=ROWS[:2], workers=1)["rows"]
    for ours, theirs in zip(found, stored["rows"], strict=False):
        for name, ranks in ours["ranks"].items():
            assert theirs["ranks"][name].split()[:1] == ranks.split()
