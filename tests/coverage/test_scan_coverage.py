"""The study of the scan: what is stored holds, its toys, and the first of them anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hist import Hist
from hist.axis import Regular

from eμsym.binned.templates import Templates
from eμsym.coverage.ranks import uniformity
from eμsym.coverage.scan import ROWS, Row, compute, measured
from eμsym.coverage.scan_sources import (
    BUMP,
    CLASS,
    REGIONS,
    TemplateSource,
    events_of_a,
    fewer_of_a,
    thirds,
)
from eμsym.coverage.scan_table import SCHEMA, below, pvalues, table
from eμsym.files import read_json
from eμsym.pair import Pair
from eμsym.scanning.result import ENOUGH_FOR_R
from eμsym.scanning.scan import scan
from eμsym.symmetry import Exchangeable, FairCoin

STORED = Path(__file__).parents[2] / "docs" / "coverage"


@pytest.fixture(scope="module")
def stored():
    return read_json(STORED / "scan.json", schema=SCHEMA)


@pytest.fixture(scope="module")
def rows(stored):
    return {row["number"]: row for row in stored["rows"]}


def columns(n, rng):
    return {
        "m_coll": rng.normal(90, 20, n),
        "lead_pt": rng.exponential(30, n) + 15,
        "sub_pt": rng.exponential(15, n) + 15,
        "met": rng.exponential(35, n),
        "pt_ll": rng.exponential(30, n),
        "m_ll": rng.exponential(60, n),
        "dphi_ll": rng.uniform(0, np.pi, n),
        "lead_charge": rng.choice([-1.0, 1.0], n),
    }


# ---------------------------------------------------------------- what is stored


def test_the_stored_tables_are_those_of_the_stored_numbers(stored):
    assert (STORED / "scan.md").read_text(encoding="utf-8") == table(stored)


@pytest.mark.parametrize("number", [0, 1, 2, 13, 14])
def test_the_stored_global_pvalues_are_uniform(rows, number):
    row = rows[number]
    assert not row["n_added"]
    ks, share, size = uniformity(row, row["n"])
    assert size + row["not_done"] >= 1000
    assert row["not_done"] <= 0.01 * size
    assert min(int(x) for x in row["entries"].split()) >= 1000
    # A strong r that is fitted to few events leaves a little; the command says so, too.
    few = row["kind"] == "fitted" and row["n_events"] < ENOUGH_FOR_R
    assert ks > (0.001 if few else 0.05 / 5)
    for level in (0.05, 0.01):
        share, error = below(row, "ranks", level)
        assert abs(share - level) < 3 * error


def test_entries_that_share_no_event_with_an_asymmetry_keep_their_error(rows):
    kept = [r for r in rows.values() if r["kind"] in ("coins", "given") and r["added"] == CLASS]
    assert {row["kind"] for row in kept} == {"coins", "given"}
    for row in kept:
        share, error = below(row, "others", 0.05)
        assert share < 0.05 + 3 * error
        # The asymmetry itself is seen.
        assert below(row, "ranks", 0.05)[0] > 0.8


def test_what_is_fitted_or_kept_leaks_against_the_asymmetry(rows):
    for kind in ("sizes", "fitted"):
        leaks = [r for r in rows.values() if r["kind"] == kind and r["added"]]
        for row in leaks:
            shift = np.array(row["shift"].split(), dtype=float)
            # More of A in one class: more of B, by what is fitted or kept, in the others.
            error = shift.std() / np.sqrt(shift.size)
            assert shift.mean() > 2 * error or row["n_added"] < 100


def test_regions_find_a_signal_that_the_whole_sample_does_not(rows):
    power = [r for r in rows.values() if r["added"] == BUMP]
    assert power
    largest = max(power, key=lambda row: row["n_added"])
    assert below(largest, "ranks", 0.01)[0] > below(largest, "alone", 0.01)[0]
    assert largest["first"].split().count("whole") >= 0.3 * pvalues(largest, "ranks").size


@pytest.mark.slow
def test_what_is_stored_is_what_is_computed(rows):
    numbers = [0, 1, 2, 4, 13, 14]
    again = compute(2, rows=[Row(**{**vars(ROWS[i]), "share": 1.0}) for i in numbers], workers=1)
    for new in again["rows"]:
        old = rows[new["number"]]
        assert new["ranks"].split() == old["ranks"].split()[:2]
        assert new["entries"].split() == old["entries"].split()[:2]
        if "others" in new:
            assert new["others"].split() == old["others"].split()[:2]


# ---------------------------------------------------------------- how it is made


def test_what_is_kept_of_a_scan_with_an_asymmetry_in_one_class():
    rng = np.random.default_rng(1)
    background = columns(900, rng)
    signal = events_of_a(background, CLASS).columns
    added = {name: np.tile(values, 3) for name, values in signal.items()}
    in_a = rng.random(900) < 0.5
    a, b = ({k: v[x] for k, v in background.items()} for x in (in_a, ~in_a))
    a = {k: np.concatenate([v, added[k]]) for k, v in a.items()}
    found = scan(
        Pair.from_columns(a, b, symmetry=FairCoin()),
        REGIONS, ["m_coll"], n=39, rng=1, workers=1,
    )  # fmt: skip
    kept = measured(found, signal)
    assert kept["rank"] == 1
    assert kept["first"] in ("whole", "all")
    others = [e.p_adjusted for e in found.entries if "met < " in e.region]
    assert kept["others"] == round(40 * min(others)) > 1
    untouched = next(e for e in found.entries if e.region == "met < 25" and e.test == "nsigma")
    assert np.sign(kept["shift"]) == np.sign(untouched.statistic)
    assert measured(found, None) == {"rank": 1, "entries": len(found.entries)}


def test_signals_are_events_of_their_region_in_a():
    background = columns(2000, np.random.default_rng(2))
    signal = events_of_a(background, BUMP)
    assert len(signal) > 20
    assert signal.electron_leads.all()
    assert signal.columns["met"].min() >= 45
    assert set(signal.columns["lead_charge"]) == {1.0}
    assert 110 <= signal.columns["m_coll"].min() <= signal.columns["m_coll"].max() < 130


def test_sizes_that_are_kept_are_two_to_three():
    rng = np.random.default_rng(3)
    pair = Pair.from_columns(columns(3000, rng), columns(3000, rng))
    fewer = fewer_of_a(pair)
    assert (fewer.pool.n_a, fewer.pool.n_b) == (2000, 3000)
    assert isinstance(fewer.symmetry, Exchangeable)


def test_the_plane_has_the_templates_events_and_columns_that_know_nothing_of_it():
    axes = Regular(4, 0, 40, name="m_coll"), Regular(4, 0, 40, name="lead_pt")
    t, s = Hist(*axes), Hist(*axes)
    t.view()[:] = 400.0
    s.view()[1, 2] = 1.0
    background = columns(500, np.random.default_rng(4))
    source = TemplateSource(Templates(t, s), background, 8.0)
    pair = source.draw(5)
    a, b = (each.values() for each in pair.hist(*axes))
    assert a.sum() + b.sum() == len(pair.pool)
    assert abs(a.sum() - 6400) < 4 * 80
    # 8σ of 400 events in one bin.
    assert b[1, 2] - 400 == pytest.approx(8 * 20, abs=4 * 30)
    assert set(pair.pool.column("met")) <= set(background["met"])
    assert np.abs(np.corrcoef(pair.pool.column("met"), pair.pool.column("m_coll"))[0, 1]) < 0.05
    assert len(thirds(background)) >= 100


def test_a_row_of_few_toys_is_tabulated():
    data = {
        "rows": [
            {"number": 0, "kind": "coins", "n_events": 9, "added": "", "n_added": 0, "n": 99,
             "not_done": 1, "ranks": "5 50 100 1", "entries": "10 10 12 12"},
            {"number": 3, "kind": "given", "n_events": 9, "added": CLASS, "n_added": 7, "n": 99,
             "not_done": 0, "ranks": "1 1", "others": "5 6", "entries": "9 9", "shift": "1.0 0.0",
             "first": "whole part", "own": 0},
            {"number": 12, "kind": "plane", "n_events": 9, "added": "", "n_added": 0, "n": 99,
             "not_done": 0, "ranks": "2 60 50 4 80", "alone": "5 40 30 10 20",
             "entries": "7 7 7 7 7", "first": "all part part part all", "regions": 3},
        ]
    }  # fmt: skip
    lines = table(data).splitlines()
    assert "| fair coins | 9 | 11 | 4 | 50.0 ± 10.9 % | 25.0 ± 5.0 % | " in "\n".join(lines)
    assert "| strong r, given | 9 | 7 | 2 | 100 % | 50.0 ± 15.4 % | +0.50 ± 0.35 |" in lines
    quartiles = "0.50 (0.04 to 0.60) | 40 ± 22 % | 0.20 (0.10 to 0.30) | 20 ± 18 %"
    assert f"| 5 | 3 | 7 | 2 | {quartiles} |" in lines
