"""Many tests on the same relabellings, and the p-value that counts them all."""

from __future__ import annotations

import numpy as np
import pytest
from hist.axis import Regular
from scipy.stats import chisquare, kstest

from eμsym import NSigmaTest, Pair, SplineTest, WindowTest
from eμsym.errors import DataError
from eμsym.joint_pvalue import Together
from eμsym.testing import OnColumns, TwoSided
from eμsym.together import together

X, Y = Regular(8, 0, 1, name="x"), Regular(8, 0, 1, name="y")


def pair_of(n, seed, excess=0):
    """Return events of a fair coin, with more of A's below x = 0.2."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.random(n), 0.2 * rng.random(excess)])
    leads = np.concatenate([rng.random(n) < 0.5, np.ones(excess, dtype=bool)])
    return Pair.from_events({"x": x, "y": rng.random(n + excess), "electron_leads": leads})


def three_tests():
    return {
        "x": TwoSided(NSigmaTest((X,))),
        "y": NSigmaTest((Y,)),
        "window": WindowTest((X, Y)),
    }


def plain_global(statistics):
    """Return the global p-value of a table of statistics, the observed ones first, by counting."""
    at_least = [[np.mean(x >= value - 1e-9 * abs(value)) for value in x] for x in statistics.T]
    local = np.array(at_least).T
    vectors = [tuple(np.sort(row).round(12)) for row in local]
    return np.mean([vector <= vectors[0] for vector in vectors]), local[0]


def test_local_and_global_p_are_those_of_plain_counting():
    found = together(three_tests(), pair_of(600, 1), 199, rng=1)
    expected, local = plain_global(found.statistics)
    assert [found.local_pvalue(name) for name in found.names] == pytest.approx(local)
    # Labellings that are alone at the top of a test are ordered by their distance from the rest.
    assert found.pvalue == pytest.approx(expected, abs=3 / 200)
    for name in found.names:
        assert found.null(name).pvalue(found.observed(name)) == pytest.approx(
            found.local_pvalue(name), abs=1.5 / 200
        )


def test_every_test_sees_the_same_relabellings():
    same = {"a": TwoSided(NSigmaTest((X,))), "b": TwoSided(NSigmaTest((X,)))}
    found = together(same, pair_of(300, 2), 50, rng=3)
    assert np.array_equal(found.statistics[:, 0], found.statistics[:, 1])
    # So two of a kind cost nothing, where Bonferroni would double p.
    assert found.pvalue == found.local_pvalue("a")
    spline = OnColumns(SplineTest(k=6), "x")

    def plainly(pair, *, rng=None):
        return spline(pair).statistic

    mixed = together({"one": spline, "again": plainly}, pair_of(200, 2), 9, rng=3)
    assert mixed.statistics[:, 0] == pytest.approx(mixed.statistics[:, 1], rel=1e-5)


def test_the_first_statistic_is_that_of_the_pair():
    pair, tests = pair_of(500, 4, excess=40), three_tests()
    found = together(tests, pair, 20, rng=1)
    assert found.observed("x") == pytest.approx(abs(tests["x"](pair)))
    assert found.observed("window") == pytest.approx(tests["window"](pair).statistic)


@pytest.mark.parametrize("workers", [2])
def test_the_same_bits_on_any_number_of_workers(workers):
    alone = together(three_tests(), pair_of(300, 5), 90, rng=2, workers=1)
    shared = together(three_tests(), pair_of(300, 5), 90, rng=2, workers=workers)
    assert np.array_equal(alone.statistics, shared.statistics)


def test_more_are_drawn_while_p_is_small_up_to_the_limit():
    strong, weak = pair_of(500, 6, excess=200), pair_of(500, 11)
    found = together({"x": TwoSided(NSigmaTest((X,)))}, strong, 40, limit=300, rng=1)
    assert found.n == 300
    assert not found.resolved
    assert found.pvalue == 1 / 301
    few = together({"x": TwoSided(NSigmaTest((X,)))}, weak, 40, limit=300, rng=1)
    assert few.n == 40
    # The first ones of many are those of few.
    more = together({"x": TwoSided(NSigmaTest((X,)))}, weak, 120, rng=1)
    assert np.array_equal(more.statistics[:41], few.statistics)


def test_a_test_that_fails_is_left_out_and_says_why():
    def refuses(pair, *, rng=None):
        raise DataError("no such luck; try another")

    def sometimes(pair, *, rng=None):
        return np.nan if pair.pool.n_a % 2 else 1.0

    tests = {**three_tests(), "refuses": refuses, "sometimes": sometimes}
    found = together(tests, pair_of(300, 8), 40, rng=1)
    assert set(found.names) == {"x", "y", "window"}
    assert found.left_out["refuses"] == "no such luck; try another"
    assert "NaN" in found.left_out["sometimes"]
    assert found.pvalue == together(three_tests(), pair_of(300, 8), 40, rng=1).pvalue


def test_without_tests_or_events():
    nothing = together({}, pair_of(30, 1), 10, rng=1)
    assert nothing.to_dict()["pvalue"] is None
    with pytest.raises(DataError, match="no events"):
        together(
            three_tests(),
            pair_of(30, 1).__class__.from_events(
                {"x": np.zeros(0), "y": np.zeros(0), "electron_leads": np.zeros(0)}
            ),
            10,
        )


def global_pvalues(toys, n, draws):
    return np.array(
        [together(three_tests(), pair_of(n, 100 + i), draws, rng=i).pvalue for i in range(toys)]
    )


def test_equal_smallest_p_values_do_not_tie():
    """Of ten tests and 60 labellings nearly all have a smallest p of 1/60 to 3/60."""
    rng = np.random.default_rng(2)
    p = np.array(
        [Together(tuple("abcdefghij"), rng.normal(size=(60, 10))).pvalue for _ in range(600)]
    )
    steps = np.bincount((60 * p).round().astype(int), minlength=61)[1:]
    assert chisquare(steps).pvalue > 0.001


def test_the_global_p_value_is_uniform():
    p = global_pvalues(150, 300, 39)
    rng = np.random.default_rng(1)
    assert kstest(p - rng.random(p.size) / 40, "uniform").pvalue > 0.001
    # The smallest of the three local ones is far from it.
    assert np.mean(p < 0.2) < 0.32


@pytest.mark.slow
def test_the_global_p_value_is_uniform_in_many_toys():
    p = global_pvalues(2000, 500, 59)
    rng = np.random.default_rng(1)
    assert kstest(p - rng.random(p.size) / 60, "uniform").pvalue > 0.01
