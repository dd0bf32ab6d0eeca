"""The studies of fakes, of resolutions, and of what is left of a signal: what is stored holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from eμsym.coverage import fakes, fakes_table, power, power_table, resolution, resolution_table
from eμsym.coverage.effects import electron_trigger, muon_trigger
from eμsym.coverage.sources import background_events
from eμsym.coverage.tally import Tally
from eμsym.files import read_json

STORED = Path(__file__).parents[2] / "docs" / "coverage"
STUDIES = {"fakes": fakes_table, "resolution": resolution_table, "power": power_table}


@pytest.fixture(scope="module")
def stored():
    return {
        name: read_json(STORED / f"{name}.json", schema=module.SCHEMA)
        for name, module in STUDIES.items()
    }


@pytest.mark.parametrize("name", STUDIES)
def test_the_stored_table_is_that_of_the_stored_numbers(stored, name):
    text = (STORED / f"{name}.md").read_text(encoding="utf-8")
    assert text == STUDIES[name].table(stored[name])


# ---------------------------------------------------------------- fakes


def counts_at_level(row, state, name, n):
    numbers = np.array(row["counts"][state][name].split(), dtype=int)
    return int(np.sum(numbers / (n + 1) <= 0.05 + 1e-9)), numbers.size


def test_p_values_hold_once_fakes_are_subtracted_and_not_before(stored):
    """No cell's 99 % interval, for all cells at once, excludes 5 % after; many are above before."""
    data = stored["fakes"]
    n, rows = data["n_permutations"], data["rows"]
    cells = [(row, name) for row in rows for name in row["counts"]["raw"]]
    assert len(cells) == 4 * 8
    above = 0
    for row, name in cells:
        assert row["not_done"] == 0
        k, size = counts_at_level(row, "subtracted", name, n)
        found = binomtest(k, size).proportion_ci(1 - 0.01 / len(cells))
        assert found.low <= 0.05 <= found.high, (row["n_events"], row["ratio"], name, k, size)
        k, size = counts_at_level(row, "raw", name, n)
        above += binomtest(k, size, 0.05, alternative="greater").pvalue < 0.001
    assert above >= 5


def test_the_first_toys_with_fakes_are_those_stored_in_any_number_of_parts(stored):
    whole = fakes.compute(1, workers=1)
    for new, old in zip(whole["rows"], stored["fakes"]["rows"], strict=True):
        for state, counts in new["counts"].items():
            for name, text in counts.items():
                assert old["counts"][state][name].split()[0] == text
    row = (fakes.Row(600, 0.05, "one", "none"),)
    both = fakes.compute(2, rows=row, workers=1)
    parts = [fakes.compute(1, first=i, rows=row, workers=1) for i in (0, 1)]
    assert fakes.joined(parts) == both


# ---------------------------------------------------------------- resolutions


def tallies(data):
    return {
        (row["n_events"], row["correction"], row["maps"]): Tally.from_dict(row)
        for row in data["rows"]
    }


def test_maps_take_out_what_resolutions_do(stored):
    found = tallies(stored["resolution"])
    before, _, _ = found[120_000, "none", False].z("lead_pt")
    assert before > 2
    assert found[120_000, "none", False].below("Nσ of lead_pt")[0] > 0.5
    for (_, _, maps), tally in found.items():
        if not maps:
            continue
        for name in tally.moments:
            mean, error, width = tally.z(name)
            assert abs(mean) < 0.2 + 3 * error
            assert abs(width - 1) < 0.1 + 3 * width / np.sqrt(2 * tally.n)
        for name in tally.pvalues:
            k, n = tally.pvalues[name][0], tally.counted(name)
            interval = binomtest(k, n).proportion_ci(1 - 0.01 / 50)
            assert interval.low <= 0.05 <= interval.high, (maps, name, k, n)


def test_the_first_toys_of_resolutions_are_among_those_stored(stored):
    rows = resolution.ROWS[:4]
    new = resolution.compute(1, rows=rows, workers=1)
    parts = [resolution.compute(1, first=i, rows=rows[:1], workers=1) for i in (0, 1)]
    both = resolution.compute(2, rows=rows[:1], workers=1)
    one, two = resolution.joined(parts)["rows"][0], both["rows"][0]
    assert one["pvalues"] == two["pvalues"]
    for row, old in zip(new["rows"], stored["resolution"]["rows"], strict=False):
        assert row["n_toys"] == 1
        assert (row["correction"], row["maps"]) == (old["correction"], old["maps"])
        for name, counts in row["pvalues"].items():
            assert np.all(np.array(counts) <= old["pvalues"][name])


def test_leptons_are_measured_as_the_maps_say():
    """Their spread, whose flavour is the worse, and what smearing makes of the better one."""
    n = 40_000
    rng = np.random.default_rng(1)
    true = {
        **{f"{slot}_pt": np.full(n, pt) for slot, pt in (("lead", 60.0), ("sub", 40.0))},
        **{f"{slot}_eta": np.full(n, eta) for slot, eta in (("lead", 0.3), ("sub", -2.0))},
        **{f"{slot}_phi": rng.uniform(-3, 3, n) for slot in ("lead", "sub")},
        "met": np.full(n, 30.0),
        "met_phi": rng.uniform(-3, 3, n),
    }
    for electron_leads in (True, False):
        for maps in (False, True):
            source = resolution.SmearedSource(true, n, maps)
            pool = source.seen(true, np.full(n, electron_leads), 3).pool
            central = {slot: np.abs(pool.column(f"{slot}_eta")) < 1 for slot in ("lead", "sub")}
            at_60, at_40 = (
                np.concatenate(
                    [
                        pool.column(f"{slot}_pt")[chosen == inside]
                        for slot, chosen in central.items()
                    ]
                )
                for inside in (True, False)
            )
            worse, better = 0.05 + 0.001 * at_60.mean(), 0.01 + 0.0002 * 60
            expected = worse if electron_leads or maps else better
            # σ changes with pT within a spread; a standard deviation is known to 0.35 %.
            assert at_60.std() / 60 == pytest.approx(expected, rel=0.03)
            worse, better = 1.5 * 0.09, 1.5 * 0.018
            expected = better if electron_leads and not maps else worse
            assert at_40.std() / 40 == pytest.approx(expected, rel=0.04)


# ---------------------------------------------------------------- power


def test_offered_corrections_leave_the_signal(stored):
    rows = {(row["effect"], row["correction"]): row for row in stored["power"]["rows"]}
    assert len(rows) == 11
    none, _ = power_table.gain(rows["nothing", "none"])
    for (effect, correction), row in rows.items():
        assert row["not_done"] == 0
        more, error = power_table.gain(row)
        assert error < 0.2
        if effect != "resolution":  # whose toys have fewer events, for the cut
            assert more > 0.4 * none, (effect, correction)
    kept, _ = power_table.gain(rows["nothing", "default"])
    assert kept > 0.8 * none


def test_the_first_toys_with_a_signal_are_those_stored(stored):
    new = power.compute(1, cases=("nothing", "trigger"), workers=1)
    old = {(row["effect"], row["correction"]): row for row in stored["power"]["rows"]}
    for row in new["rows"]:
        same = old[row["effect"], row["correction"]]
        assert (row["without"][0], row["with"][0]) == (same["without"][0], same["with"][0])
    assert power.joined([new, new])["rows"][0]["with"] == 2 * new["rows"][0]["with"]


def test_which_trigger_fired_in_a_signal_goes_by_its_own_leptons():
    """In events of one order: P(e alone) ∝ ε_e (1 − ε_μ), and so on."""
    n = 60_000
    columns = {"lead_pt": np.full(n, 26.0), "sub_pt": np.full(n, 20.0)}
    for in_a in (True, False):
        fired = power.fired_by(columns, np.full(n, in_a), np.random.default_rng(1))
        e = electron_trigger(np.array([26.0 if in_a else 20.0]))[0]
        mu = muon_trigger(np.array([20.0 if in_a else 26.0]))[0]
        odds = np.array([e * (1 - mu), (1 - e) * mu, e * mu])
        found = np.array([np.mean(fired == k) for k in (1, 2, 3)])
        assert found == pytest.approx(odds / odds.sum(), abs=0.01)


def test_background_has_what_the_studies_read():
    events = background_events(*resolution.COLUMNS)
    assert set(resolution.COLUMNS) <= events.keys()
    assert events["lead_pt"].min() >= 15
