"""Findings are frozen, confirmed on other events, and never on those that they were found with."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binom, kstest

from eμsym import scan
from eμsym.errors import ConfigurationError, DataError, InputFileError
from eμsym.scanning.findings import Finding, FindingTest, Frozen, confirm
from eμsym.scanning.splitting import folds, part_of, split
from tests.scanning.pairs import coin_pair

FINDING = Finding(
    "two jets", "n_jets == 2", {"x": (0.1, 0.3), "y": (None, 1.0)}, "a", -4, 1e-5, 0.1
)


def test_a_finding_is_a_condition():
    assert FINDING.condition == "(n_jets == 2) and x >= 0.1 and x < 0.3 and y < 1.0"
    everything = Finding("all", None, {"x": (None, None)}, "b", 3, 0.1, 1)
    assert everything.condition == "true"
    assert Finding.from_dict(json.loads(json.dumps(FINDING.to_dict()))) == FINDING


def test_nsigma_of_a_finding_is_of_its_events_counted_together():
    pair = coin_pair(3000, 1)
    part = pair.where(FINDING.condition).pool
    expected = (part.n_a - part.n_b) / np.sqrt(part.n_a + part.n_b)
    assert FindingTest(FINDING.condition, "a")(pair) == pytest.approx(expected)
    assert FindingTest(FINDING.condition, "b")(pair) == pytest.approx(-expected)


def test_p_of_a_confirmation_is_the_binomial_one():
    pair = coin_pair(3000, 1)
    part = pair.where(FINDING.condition).pool
    (found,) = confirm(pair, [FINDING], 4000, rng=1).results
    exact = binom.sf(part.n_a - 1, part.n_a + part.n_b, 0.5)
    assert found.pvalue == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4000))
    assert (found.a, found.b) == (part.n_a, part.n_b)


def test_a_real_excess_is_found_in_one_half_and_confirmed_in_the_other():
    explored, other = split(coin_pair(6000, 1, excess=300), 0.5, rng=1)
    assert len(explored.pool) + len(other.pool) == 6300
    found = scan(explored, [("two jets", "n_jets == 2")], ["x", "y"], n=99, rng=1)
    frozen = Frozen.of(found, explored.pool)
    frozen.check_apart(other.pool)
    (confirmed,) = confirm(other, frozen.findings, 999, rng=2).results
    assert confirmed.finding.side == "a"
    assert confirmed.pvalue == 1 / 1000


def test_p_of_a_confirmation_is_uniform_without_signal():
    found = []
    for i in range(60):
        explored, other = split(coin_pair(600, 300 + i), 0.5, rng=i)
        first = scan(explored, [], ["x", "y"], n=19, rng=i, workers=1)
        frozen = Frozen.of(first, explored.pool)
        found.append(confirm(other, frozen.findings, 199, rng=i, workers=1).pvalue)
    spread = np.array(found) - np.random.default_rng(2).uniform(0, 1 / 200, 60)
    # Counts are few, and p of equal ones is the larger: never too small.
    assert kstest(spread, "uniform", alternative="greater").pvalue > 0.01


def test_events_that_were_used_are_refused_however_few(tmp_path):
    pair = coin_pair(2000, 1)
    explored, other = split(pair, 0.5, rng=1)
    found = scan(explored, [], ["x"], n=19, rng=1)
    Frozen.of(found, explored.pool).write(tmp_path / "found.json")
    frozen = Frozen.read(tmp_path / "found.json")
    frozen.check_apart(other.pool)
    one_of_them = part_of(pair, np.isin(pair.pool.identity, explored.pool.identity[:1]))
    both = one_of_them + other
    with pytest.raises(DataError, match=r"1 of the .* events were used to find"):
        frozen.check_apart(both.pool)


def test_events_that_cannot_be_known_again_are_refused():
    explored, other = split(coin_pair(2000, 1), 0.5, rng=1)
    frozen = Frozen.of(scan(explored, [], ["x"], n=19, rng=1), explored.pool)
    bare = other.pool.restricted(["x", "y"])
    with pytest.raises(DataError, match="cannot be told"):
        frozen.check_apart(bare)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"findings": []}, "holds no finding"),
        ({"used": "!"}, "no findings of a scan"),
        ({"n_used": 1}, "names"),
        ({"findings": [{**FINDING.to_dict(), "side": "c"}]}, "side 'c'"),
        ({"findings": [{**FINDING.to_dict(), "where": "x >"}]}, "no findings of a scan"),
        ({"findings": "x"}, "no findings of a scan"),
        ({"equalise": None}, "no findings of a scan"),
    ],
)
def test_a_file_that_holds_no_findings_is_one_line(tmp_path, change, message):
    explored = coin_pair(500, 1)
    frozen = Frozen.of(scan(explored, [], ["x"], n=19, rng=1), explored.pool)
    path = tmp_path / "found.json"
    path.write_text(json.dumps({**frozen.to_dict(), **change}), encoding="utf-8")
    with pytest.raises(InputFileError, match=message) as raised:
        Frozen.read(path)
    assert "\n" not in str(raised.value)


def test_another_schema_is_refused(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"schema": "emusym/results"}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="schema"):
        Frozen.read(path)


def test_a_finding_without_events_or_columns_is_one_line():
    pair = coin_pair(500, 1)
    empty = Finding("all", "x > 5", {"x": (None, None)}, "a", 1, 1, 1)
    with pytest.raises(DataError, match="no event of it"):
        confirm(pair, [empty], 19, rng=1)
    with pytest.raises(ConfigurationError, match="no column 'nosuch'"):
        confirm(pair, [Finding("all", "nosuch > 1", {}, "a", 1, 1, 1)], 19, rng=1)


def test_every_event_is_in_one_fold():
    pair = coin_pair(1001, 1)
    parts = list(folds(pair, 4, rng=1))
    identities = np.concatenate([part.pool.identity for _, part in parts])
    assert sorted(identities) == sorted(pair.pool.identity)
    for others, part in parts:
        assert not np.isin(part.pool.identity, others.pool.identity).any()
        assert len(others.pool) + len(part.pool) == 1001


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_a_share_is_between_zero_and_one(share):
    with pytest.raises(ConfigurationError, match="share"):
        split(coin_pair(100, 1), share)
