"""A scan of regions, observables and tests: what it looks at, what it finds, what it leaves out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

from eμsym import Pair, scan
from eμsym.errors import ConfigurationError, DataError
from eμsym.regions import Region
from eμsym.running.keepers import InMemory
from tests.scanning.pairs import coin_pair
from tests.scanning.scanned import detector_pair

REGIONS = [("two jets", "n_jets == 2"), ("some jets", "n_jets >= 1"), ("low y", "y < 0.3")]
OBSERVABLES = ["x", "y", "z"]


@pytest.fixture(scope="module")
def found():
    return scan(coin_pair(3000, 1), REGIONS, OBSERVABLES, n=199, rng=3)


def test_every_region_observable_plane_and_test_has_an_entry(found):
    assert list(found.regions) == ["all", "two jets", "some jets", "low y"]
    # Three observables of four tests, three planes of three, in four regions.
    assert len(found.entries) == 4 * (3 * 4 + 3 * 3)
    keys = {(e.region, e.observables, e.test) for e in found.entries}
    assert len(keys) == len(found.entries)
    assert ("low y", ("x", "z"), "spline") not in keys
    assert ("low y", ("z",), "spline") in keys


def test_counts_of_regions_are_those_of_the_events(found):
    pair = coin_pair(3000, 1)
    part = pair.where("n_jets == 2")
    counts = found.regions["two jets"]
    assert (counts.a, counts.b) == (part.pool.n_a, part.pool.n_b)
    assert found.regions["all"].where is None


def test_p_values_are_ordered_as_they_must_be(found):
    for entry in found.entries:
        assert 0 < entry.p_local <= 1
        assert entry.p_adjusted >= entry.p_local * (1 - 1e-6) or entry.p_local < 0.05
        assert entry.p_adjusted >= found.p_global
    ranked = [entry.p_local for entry in found.ranked]
    assert ranked == sorted(ranked)
    assert found.ranked[0].p_adjusted == found.p_global


def test_an_excess_in_one_region_is_found_there_first():
    found = scan(coin_pair(3000, 2, excess=120), REGIONS, OBSERVABLES, n=199, rng=3)
    entry, place = found.first(1)[0]
    assert entry.region in ("two jets", "some jets")
    assert "x" in entry.observables
    assert found.p_global == 1 / 200
    assert not found.resolved
    assert found.p_global_tail < 1e-4
    low, high = place.window[entry.observables.index("x")]
    assert low < 0.2 < high
    assert high - low < 0.3
    assert place.z < -6  # B − A is negative where A has the excess


def test_the_window_holds_the_events_that_it_says():
    pair = coin_pair(3000, 2, excess=120)
    found = scan(pair, REGIONS, ["x"], planes="none", tests=("window",), n=19, rng=3)
    entry, place = found.first(1)[0]
    (low, high), where = place.window[0], found.regions[entry.region].where
    inside = pair.where(f"({where}) and x >= {low!r} and x < {high!r}").pool
    assert (place.a, place.b) == (inside.n_a, inside.n_b)


def test_the_same_seed_gives_the_same_bits_whatever_the_workers(found):
    again = scan(coin_pair(3000, 1), REGIONS, OBSERVABLES, n=199, rng=3, workers=2)
    assert np.array_equal(again.minus_log_p, found.minus_log_p)
    other = scan(coin_pair(3000, 1), REGIONS, OBSERVABLES, n=199, rng=4)
    assert not np.array_equal(other.minus_log_p, found.minus_log_p)


def test_what_a_keeper_has_is_not_done_again():
    kept = InMemory()
    pair = coin_pair(1000, 1)
    first = scan(pair, REGIONS, ["x"], n=99, rng=1, keeper=kept)
    assert sorted(kept.answers) == [0, 1, 2, 3]
    kept.answers[2] = kept.answers[2] * 0
    changed = scan(pair, REGIONS, ["x"], n=99, rng=1, keeper=kept)
    assert not np.array_equal(changed.minus_log_p, first.minus_log_p)


def test_global_p_is_uniform_without_signal():
    regions = [("right", "x > 0.5"), ("two jets", "n_jets == 2")]
    found = [
        scan(coin_pair(400, 100 + i), regions, ["x", "y"], n=39, rng=i, workers=1).p_global
        for i in range(60)
    ]
    spread = np.array(found) - np.random.default_rng(1).uniform(0, 1 / 40, 60)
    assert kstest(spread, "uniform").pvalue > 0.01


def test_the_expected_number_of_entries_is_that_of_the_labellings(found):
    expected = found.expected
    assert expected.observed[0] == len(found.entries)
    assert np.all(np.diff(expected.observed) <= 0)
    at = int(np.argmin(np.abs(expected.pvalue - 0.1)))
    local = np.exp(-found.minus_log_p.astype(np.float64))
    assert expected.observed[at] == np.count_nonzero(local[:, 0] <= expected.pvalue[at] * 1.0001)
    counts = np.count_nonzero(local[:, 1:] <= expected.pvalue[at] * 1.0001, axis=0)
    assert expected.quantiles[2, at] == pytest.approx(np.median(counts), abs=1)


def test_the_default_makes_classes_of_what_there_is():
    rng = np.random.default_rng(1)
    columns = {
        name: rng.exponential(50, 4000) for name in ("met", "lead_pt", "sub_pt", "pt_ll", "m_ll")
    }
    columns |= {
        "lead_charge": rng.choice([-1, 1], 4000),
        "n_jets": rng.integers(0, 4, 4000),
        "electron_leads": rng.integers(0, 2, 4000),
        "lead_isolation": rng.random(4000),
    }
    found = scan(Pair.from_events(columns), observables=["met"], planes="none", n=19, rng=1)
    assert len(found.regions) > 200
    assert {"all", "n_jets = 0", "n_jets >= 1", "n_jets >= 2", "lead_charge = -1"} <= set(
        found.regions
    )
    skipped = {each.what: each.why for each in found.skipped}
    assert 'keep = ["btags"]' in skipped["classes of n_bjets"]


def test_what_is_not_comparable_is_listed():
    rng = np.random.default_rng(1)
    columns = {
        "electron_leads": rng.integers(0, 2, 400),
        "lead_isolation": rng.random(400),
        "electron_pt": rng.random(400),
        "muon_pt": rng.random(400),
        "x": rng.random(400),
    }
    found = scan(Pair.from_events(columns), [], n=19, rng=1)
    assert {entry.observables for entry in found.entries} == {("x",)}
    left_out = {each.what: each.why for each in found.skipped}
    assert "means one thing in A and another in B" in left_out["observable lead_isolation"]
    assert "goes with the label" in left_out["observable muon_pt"]


@pytest.mark.parametrize(
    ("region", "why"),
    [
        (("none", "x > 2"), "holds no event"),
        (("few", "x > 0.99"), "fewer than 100"),
        (("same", "n_jets >= 1 and n_jets < 9"), "holds the same events as some jets"),
        (("everything", "x > -1"), "holds the same events as all"),
        (("unknown", "nosuch > 1"), "no column 'nosuch'"),
    ],
)
def test_a_region_that_is_none_is_a_line_and_loses_nothing_else(region, why):
    found = scan(coin_pair(1000, 1), [*REGIONS, region], ["x"], n=19, rng=1)
    assert set(found.regions) == {"all", "two jets", "some jets", "low y"}
    (line,) = [each.why for each in found.skipped if each.what == f"region {region[0]}"]
    assert why in line


def test_an_observable_of_one_value_in_a_region_is_a_line():
    found = scan(coin_pair(1000, 1), REGIONS, ["n_jets", "x"], n=19, rng=1)
    lines = {each.what: each.why for each in found.skipped}
    assert lines["observable n_jets in region two jets"] == "n_jets is 2 in every event"
    assert any(e.observables == ("n_jets",) and e.region == "low y" for e in found.entries)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"observables": ["nosuch"]}, "no column 'nosuch'"),
        ({"observables": ["electron_leads"]}, "is the label itself"),
        ({"observables": []}, "none is named"),
        ({"observables": ["x"], "planes": [("x", "x")]}, "name two of the observables"),
        ({"observables": ["x"], "planes": "some"}, "choose all, none, or name pairs"),
        ({"tests": ("nosuch",)}, "tests 'nosuch'"),
        ({"tests": ()}, "tests none"),
        ({"windows": "round"}, "choose rectangle or square"),
        ({"fewest": 3}, "20 events or more"),
        ({"bins": (4, 8)}, "bins 4 and 8"),
        ({"n": 3}, "3 relabellings"),
    ],
)
def test_what_no_scan_can_be_had_of_is_one_line(options, message):
    with pytest.raises((ConfigurationError, DataError), match=message) as raised:
        scan(coin_pair(300, 1), REGIONS, **{"n": 19, **options})
    assert "\n" not in str(raised.value)


def test_no_events_are_said():
    nothing = Pair.from_columns({"x": np.zeros(0)}, {"x": np.zeros(0)})
    with pytest.raises(DataError, match="no events"):
        scan(nothing, [], n=19)


def test_a_region_object_is_as_good_as_a_name_and_a_condition():
    one = scan(coin_pair(500, 1), [Region("right", "x > 0.5")], ["x"], n=19, rng=1)
    other = scan(coin_pair(500, 1), [("right", "x > 0.5")], ["x"], n=19, rng=1)
    assert one.entries == other.entries


def test_regions_and_planes_may_be_given_in_short():
    pair, options = coin_pair(500, 1), {"n": 19, "rng": 1}
    plain = scan(pair, [("x > 0.5", "x > 0.5")], ["x", "y"], planes=[("x", "y")], **options)
    for regions in (["x > 0.5"], {"x > 0.5": "x > 0.5"}, [Region("x > 0.5", "x > 0.5")]):
        assert scan(pair, regions, ["x", ("x", "y")], **options).entries == plain.entries
    with pytest.raises(ConfigurationError, match="give a name and a condition"):
        scan(pair, [3], ["x"], **options)


def test_r_that_is_fitted_to_few_events_is_said_beside_the_global_p():
    """docs/coverage/scan.md: with 1,500 events and a strong r it is a little too small."""
    few = scan(detector_pair(1_500).equalised(), [], ["m_coll"], n=19, rng=1)
    assert few.caveat is not None
    assert few.to_dict()["caveat"] == few.caveat
    assert "r is fitted to 1,500 events" in few.caveat
    stored = (Path(__file__).parents[2] / "docs/coverage/scan.md").read_text(encoding="utf-8")
    row = next(line for line in stored.splitlines() if "| strong r, fitted | 1,500" in line)
    assert f"({row.split(' | ')[4]} of 1,000 samples" in few.caveat
    many, uncorrected = detector_pair(3_000).equalised(), detector_pair(1_500)
    for pair in (many, uncorrected):
        assert scan(pair, [], ["m_coll"], n=19, rng=1).caveat is None
