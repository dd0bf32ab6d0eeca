"""The null of a statistic: p-values by hand, their uniformity, and Z."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from eμsym import Null
from eμsym.errors import DataError

FOUR = Null(np.array([1.0, 2.0, 2.0, 5.0]))


@pytest.mark.parametrize(
    "statistic, above", [(0.0, 4), (1.0, 4), (1.5, 3), (2.0, 3), (2.1, 1), (5.0, 1), (5.1, 0)]
)
def test_the_pvalue_counts_the_observation_and_what_is_at_or_above_it(statistic, above):
    assert FOUR.pvalue(statistic) == (above + 1) / 5


def test_no_pvalue_is_below_the_resolution():
    assert FOUR.smallest_pvalue == FOUR.pvalue(1e9) == FOUR.pvalue(math.inf) == 1 / 5


@pytest.mark.parametrize("statistic", [0.1 + 0.2, -(0.1 + 0.2), 1e-17, 123.456])
def test_rounding_does_not_lose_a_tie(statistic):
    for direction in (-math.inf, math.inf):
        neighbour = float(np.nextafter(statistic, direction))
        assert Null(np.array([neighbour])).pvalue(statistic) == 1.0


def test_what_is_lower_by_more_than_rounding_is_no_tie():
    assert Null(np.array([1.0])).pvalue(1.0 + 1e-9) == 0.5
    assert Null(np.array([1e6])).pvalue(1e6 + 1e-3) == 0.5


def test_pvalues_of_symmetric_data_are_uniform():
    rng = np.random.default_rng(1)
    n, repeats = 39, 8_000
    # Any continuous distribution will do; the observation is one more draw from it.
    p = [Null(draws[1:]).pvalue(draws[0]) for draws in rng.gamma(3.0, 2.0, (repeats, n + 1))]
    counts = np.bincount(np.rint(np.array(p) * (n + 1)).astype(int), minlength=n + 2)[1:]
    assert counts.sum() == repeats
    assert stats.chisquare(counts).pvalue > 1e-3


def test_a_discrete_statistic_rejects_no_more_than_it_may():
    rng = np.random.default_rng(2)
    p = np.array([Null(draws[1:]).pvalue(draws[0]) for draws in rng.poisson(2.0, (4_000, 40))])
    for level in (0.05, 0.1, 0.3, 0.5):
        assert np.mean(p <= level) <= level + 3 * math.sqrt(level * (1 - level) / 4_000)


def test_the_error_of_a_pvalue_is_how_much_it_varies_from_null_to_null():
    rng = np.random.default_rng(3)
    nulls = [Null(samples) for samples in rng.normal(size=(2_000, 400))]
    spread = np.std([null.pvalue(1.0) for null in nulls])
    stated = np.mean([null.pvalue_error(1.0) for null in nulls])
    # A standard deviation of 2,000 draws is known to 1.6 %.
    assert stated == pytest.approx(spread, rel=0.07)


@pytest.mark.parametrize("statistic", [1.5, 2.1, 5.1])
def test_z_is_the_normal_quantile_of_the_pvalue(statistic):
    p = FOUR.pvalue(statistic)
    assert FOUR.z(statistic) == pytest.approx(-stats.norm.ppf(p))
    assert stats.norm.cdf(FOUR.z(statistic)) == pytest.approx(1 - p)


def test_a_statistic_below_all_samples_has_a_pvalue_of_one_and_z_of_minus_infinity():
    assert FOUR.pvalue(0.5) == 1.0
    assert FOUR.z(0.5) == -math.inf
    assert FOUR.pvalue_error(0.5) == 0.0


def test_infinite_samples_are_above_everything():
    null = Null(np.array([0.0, 1.0, math.inf]))
    assert null.pvalue(2.0) == 2 / 4
    assert null.pvalue(math.inf) == 2 / 4


def test_the_summary_agrees_with_numpy_and_is_json():
    samples = np.random.default_rng(4).normal(size=1001)
    summary = json.loads(json.dumps(Null(samples).to_dict(), allow_nan=False))
    ordered = sorted(samples)
    assert summary["n"] == 1001
    assert summary["n_infinite"] == 0
    assert summary["mean"] == pytest.approx(math.fsum(samples) / 1001)
    assert summary["standard_deviation"] == pytest.approx(np.std(samples))
    # With 1001 samples the quantile q is the sample number 1000 q, counted from 0.
    expected = [ordered[25], ordered[160], ordered[500], ordered[840], ordered[975]]
    assert summary["quantiles_2.5_16_50_84_97.5"] == expected


def test_the_summary_of_a_null_with_infinite_samples_is_json_and_counts_them():
    null = Null(np.array([1.0, 3.0, math.inf, -math.inf]))
    summary = json.loads(json.dumps(null.to_dict(), allow_nan=False))
    assert (summary["n"], summary["n_infinite"]) == (4, 2)
    assert (summary["mean"], summary["standard_deviation"]) == (2.0, 1.0)
    assert summary["quantiles_2.5_16_50_84_97.5"][0] is None
    nothing = Null(np.array([math.inf])).to_dict()
    assert nothing["mean"] is nothing["standard_deviation"] is None


@pytest.mark.parametrize("samples", [[1, 2, 3], (1.0, 2.0, 3.0), np.array([1, 2, 3])])
def test_any_sequence_of_numbers_becomes_float64(samples):
    null = Null(samples)
    assert null.samples.dtype == np.float64
    assert null.pvalue(2) == 3 / 4


@pytest.mark.parametrize(
    "samples, says",
    [([], "shape"), ([[1.0]], r"shape \(1, 1\)"), (1.0, "shape"), ([1.0, np.nan], "NaN")],
)
def test_samples_that_are_no_null_are_refused(samples, says):
    with pytest.raises(DataError, match=says):
        Null(np.array(samples))


@pytest.mark.parametrize("ask", [FOUR.pvalue, FOUR.z, FOUR.pvalue_error])
def test_an_observation_that_is_nan_has_no_pvalue(ask):
    with pytest.raises(DataError, match="NaN"):
        ask(math.nan)
