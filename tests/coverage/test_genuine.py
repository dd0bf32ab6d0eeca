"""The study of genuine signals in the lepton columns: its toys, its fit, and what is stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from eμsym.coverage.genuine import ROWS, Events, compute, drawn, joined
from eμsym.coverage.genuine_table import SCHEMA, half_found, pvalues, table, thresholds
from eμsym.files import read_json

STORED = Path(__file__).parents[2] / "docs" / "coverage"


@pytest.fixture(scope="module")
def stored():
    return read_json(STORED / "genuine.json", schema=SCHEMA)


@pytest.fixture(scope="module")
def events():
    return Events.of_background(), Events.of_signal("hlfv_taue")


def test_background_is_symmetric_and_the_signal_in_its_own_order(events):
    background, signal = events
    pair = drawn(background, signal, 0.0, np.random.default_rng(1))
    n_a, n_b = pair.pool.n_a, pair.pool.n_b
    assert n_a + n_b == pytest.approx(12_000, abs=5 * np.sqrt(12_000))
    assert n_a - n_b == pytest.approx(0, abs=5 * np.sqrt(12_000))
    with_signal = drawn(background, signal, 6000.0, np.random.default_rng(1)).pool
    # 2,274 of 2,742 stored events have the electron in the lead.
    expected = 6000 * (2 * 2274 / 2742 - 1)
    assert with_signal.n_a - with_signal.n_b == pytest.approx(expected, abs=5 * np.sqrt(18_000))
    angle = with_signal.column("dphi_sub_met")
    assert angle.min() >= 0
    assert angle.max() <= np.pi
    # The neutrinos of τ→μ go along the muon, which is mostly the second lepton.
    assert np.median(signal.columns["dphi_sub_met"]) < 0.5 * np.median(
        background.columns["dphi_sub_met"]
    )


def test_the_size_of_which_half_is_found_is_where_the_curve_is_a_half():
    sizes = [50, 100, 200, 300]
    shares = norm.cdf(-7 + 1.5 * np.log(sizes))
    assert half_found(sizes, shares) == pytest.approx(np.exp(7 / 1.5), rel=1e-3)


def test_without_signal_every_test_fires_as_often_as_it_says(stored):
    row = stored["rows"][0]
    assert row["n_signal"] == 0
    for name in row["ranks"]:
        p = pvalues(row, name, stored["n"])
        assert binomtest(int(np.sum(p <= 0.05 + 1e-9)), p.size, 0.05).pvalue > 1e-3


def test_what_is_told_of_the_tests_is_in_the_table(stored):
    for signal in ("hlfv_taue", "hlfv_taumu"):
        found = thresholds(stored, signal)
        # With the angle to the neutrinos, or m_T of it, fewer events are enough, without it not.
        columns = found["subspace of 6"]
        for name in ("subspace of 5 with Δφ", "subspace of 5 with m_T"):
            angle = found[name]
            assert angle[2] + 2 * angle[3] < 1
            assert columns[0] > angle[0] + 2 * (angle[1] + columns[1])
        assert found["q0 of it"][2] < 1


def test_the_stored_table_is_that_of_the_stored_numbers(stored):
    assert (STORED / "genuine.md").read_text(encoding="utf-8") == table(stored)
    kinds = [(row["signal"], row["n_signal"]) for row in stored["rows"]]
    assert kinds == [(row.signal, row.n_signal) for row in ROWS]


def test_the_first_toy_is_the_one_that_is_stored(stored):
    parts = [compute(1, first=first, rows=ROWS[2:3], workers=1) for first in (0, 1)]
    (ours,) = joined(parts)["rows"]
    for name, ranks in ours["ranks"].items():
        assert stored["rows"][2]["ranks"][name].split()[:2] == ranks.split()
