"""The study of the p-value of all tests together: what is stored, and the first toys anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from eμsym.coverage.global_line import ROWS, compute, main
from eμsym.coverage.global_table import SCHEMA, table, uniformity
from eμsym.files import read_json

STORED = Path(__file__).parents[2] / "docs" / "coverage"


@pytest.fixture(scope="module")
def stored():
    return read_json(STORED / "global_line.json", schema=SCHEMA)


def test_the_stored_table_is_that_of_the_stored_numbers(stored):
    assert (STORED / "global_line.md").read_text(encoding="utf-8") == table(stored)


def test_the_stored_p_values_are_uniform(stored):
    for kind, row in zip(ROWS, stored["rows"], strict=True):
        assert row["n_toys"] >= 2000 * kind.share
        assert row["not_done"] == 0
        found = uniformity(row, stored["n_permutations"])
        # Together they are below 0.05 by chance in one study of twenty.
        assert found.ks > 0.05 / len(stored["rows"])
        assert abs(found.below[1] - 0.05) < 4 * np.sqrt(0.05 * 0.95 / row["n_toys"])
        # Taken as they stand, the printed p-values are below 0.05 far too often.
        assert found.any_below > 0.15


def test_the_stored_rows_are_those_of_the_study(stored):
    kinds = [(r["n_events"], r["ratio"], r["options"], r["correction"]) for r in stored["rows"]]
    assert kinds == [(r.n_events, r.ratio, r.options, r.correction) for r in ROWS]


def test_what_is_stored_is_what_is_computed(stored):
    again = compute(2, rows=ROWS[:1], workers=1)
    new, old = again["rows"][0], stored["rows"][0]
    assert new["counts"].split() == old["counts"].split()[:2]
    for name, text in new["local_counts"].items():
        assert text.split() == old["local_counts"][name].split()[:2]


def test_p_values_that_are_no_such_are_told():
    row = {"counts": " ".join(["3"] * 500 + ["30"] * 500), "local_counts": {"a": "1 " * 1000}}
    assert uniformity(row, 59).ks < 1e-6
    even = np.random.default_rng(1).integers(1, 61, 2000)
    row = {"counts": " ".join(map(str, even)), "local_counts": {"a": " ".join(map(str, even))}}
    assert uniformity(row, 59).ks > 0.01
    assert uniformity(row, 59).any_below == uniformity(row, 59).below[1]


def test_the_command_writes_both_files(tmp_path):
    result = CliRunner().invoke(main, ["-n", "2", "-w", "1", "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    data = read_json(tmp_path / "global_line.json", schema=SCHEMA)
    assert (tmp_path / "global_line.md").read_text(encoding="utf-8") == table(data)
