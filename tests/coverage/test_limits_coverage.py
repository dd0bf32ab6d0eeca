"""The study of whether limits hold: what is promised, its toys, what is stored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from eμsym.coverage.limits import CORRECTIONS, Row, compute, joined, promised
from eμsym.coverage.limits_table import summary, table
from eμsym.errors import DataError


@pytest.mark.parametrize("times", [0.5, 1.0, 2.0])
def test_what_is_promised_is_what_gaussian_estimates_give(times: float) -> None:
    n, median = 200_000, norm.ppf(0.975)
    estimates = np.random.default_rng(1).normal(times * median, 1, n)
    limits = estimates - norm.ppf(0.05 * norm.cdf(estimates))
    held = np.mean(limits >= times * median)
    assert promised(times) == pytest.approx(held, abs=5 * np.sqrt(held * (1 - held) / n))


def test_the_numbers_that_are_known() -> None:
    assert promised(0) == 1
    assert promised(1) == pytest.approx(0.975, abs=1e-6)
    assert promised(2) == pytest.approx(0.951, abs=1e-3)


ROWS = (Row(600, 0.0), Row(600, 2.0))


@pytest.fixture(scope="module")
def study() -> dict[str, object]:
    return compute(2, rows=ROWS, median_toys=2, seed=3, workers=1)


def test_rows_have_the_signal_that_they_are_to_have(study: dict[str, object]) -> None:
    none, twice = study["rows"]  # type: ignore[misc]
    assert none["n_signal"] == 0
    expected = [float(x) for x in none["corrections"]["true"]["median"].split()]
    assert twice["n_signal"] == pytest.approx(2 * np.median(expected), rel=0.5)
    assert none["n_toys"] == twice["n_toys"] == 2
    for correction in CORRECTIONS:
        assert none["corrections"][correction]["not_fitted"] <= 2
    found = summary(none, "true")
    assert found is not None
    assert found.coverage == 1.0
    assert found.n == 2


def test_the_table_has_a_line_a_row_and_correction(study: dict[str, object]) -> None:
    lines = [line for line in table(study).splitlines() if line.startswith("| 600 |")]
    assert len(lines) == 2 * len(CORRECTIONS)
    assert "100.0 ± 0.0 %" in lines[0]


def test_parts_make_the_whole(study: dict[str, object]) -> None:
    first, second = (
        compute(1, rows=ROWS, first=first, median_toys=2, seed=3, workers=1) for first in (0, 1)
    )
    assert joined([first, second]) == study
    other = {**second, "rows": [{**row, "n_signal": 1.0} for row in second["rows"]]}
    with pytest.raises(DataError, match="not of one study"):
        joined([first, other])


def test_what_is_stored_is_what_the_limits_promise() -> None:
    stored = Path(__file__).parents[2] / "docs" / "coverage"
    data = json.loads((stored / "limits.json").read_text(encoding="utf-8"))
    assert (stored / "limits.md").read_text(encoding="utf-8") == table(data)
    text = (stored.parent / "limits.md").read_text(encoding="utf-8")
    for row in data["rows"]:
        assert row["n_toys"] >= 2000
        for correction in CORRECTIONS:
            found = summary(row, correction)
            assert found is not None
            assert found.n == row["n_toys"]
            assert found.coverage == pytest.approx(row["promised"], abs=0.015)
            assert f"{100 * found.coverage:.1f} ± {100 * found.coverage_error:.1f} %" in text


def test_summaries_by_hand() -> None:
    cell = {"observed": "10 20 30 40", "median": "25 25 25 25", "not_fitted": 1}
    row = {"n_signal": 15.0, "corrections": {"true": cell}}
    found = summary(row, "true")
    assert found is not None
    assert (found.coverage, found.observed, found.expected) == (0.75, 25.0, 25.0)
    assert found.above == 0.5
    nothing = {"observed": "", "median": "", "not_fitted": 5}
    assert summary({"n_signal": 0.0, "corrections": {"true": nothing}}, "true") is None
