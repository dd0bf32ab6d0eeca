"""Numbers that are read off toys, against closed forms, scipy and known truths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, chi2, ncx2, norm

from eμsym.distributions import ChiSquared, Null
from eμsym.errors import DataError
from eμsym.papers.sym_claims import Claim, near, shown, shown_range
from eμsym.papers.sym_power import at_2sigma, perfect_fit_at_2sigma, power_points
from eμsym.papers.sym_statistics import (
    Estimate,
    crossing,
    fraction,
    ks_chi2,
    mean,
    median_z,
    quantile,
    resampled,
    upper_limit,
    z_where_chi2_says,
)
from eμsym.unbinned.references import ideal_significance_binned, ideal_symmetrized_score


def test_median_z_by_chi2_and_its_error_are_the_paper_s_formula():
    t = np.array([20.0, 22.0, 25.0, 30.0, 31.0])
    found = median_z(t, ChiSquared(12))
    assert found.z == pytest.approx(norm.isf(chi2.sf(25, 12)))
    shifted = 25 - np.std([20.0, 22.0, 25.0, 30.0, 31.0]) / math.sqrt(5)
    assert found.error == pytest.approx(found.z - norm.isf(chi2.sf(shifted, 12)))
    assert (found.null_error, found.limit) == (0, False)


def test_median_z_by_toys_counts_them():
    null = Null(np.arange(1.0, 100.0))  # 99 toys
    found = median_z(np.array([89.5, 90.5, 91.5]), null)
    p = (9 + 1) / 100  # 91 … 99 are above
    assert found.z == pytest.approx(norm.isf(p))
    assert found.null_error == pytest.approx(math.sqrt(p * (1 - p) / 100) / norm.pdf(norm.isf(p)))
    assert found.total_error == pytest.approx(math.hypot(found.error, found.null_error))
    assert not found.limit


def test_a_median_above_the_null_is_a_lower_bound():
    null = Null(np.arange(1.0, 100.0))
    found = median_z(np.array([150.0, 160.0]), null)
    assert found.limit
    assert found.z == pytest.approx(norm.isf(1 / 100))
    # one more toy above makes it none
    assert not median_z(np.array([98.5, 98.6]), null).limit


@pytest.mark.parametrize("t", [[], [1.0, math.inf], [math.nan]])
def test_a_median_of_nothing_or_of_infinity_is_refused(t):
    with pytest.raises(DataError, match="finite"):
        median_z(np.array(t), ChiSquared(12))


@pytest.mark.parametrize("count, total", [(0, 500), (14, 500), (500, 500)])
def test_fraction_is_wilson_s(count, total):
    p, z = count / total, norm.isf((1 - 0.6827) / 2)
    centre = (p + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(p * (1 - p) / total + z**2 / (4 * total**2))
    found = fraction(count, total)
    assert found.value == p
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half), abs=1e-9)


def test_upper_limit_is_exact():
    assert upper_limit(0, 500) == pytest.approx(1 - 0.05 ** (1 / 500))
    limit = upper_limit(3, 500)
    assert binom.cdf(3, 500, limit) == pytest.approx(0.05)


def test_mean_has_its_standard_error():
    found = mean(np.array([1.0, 2.0, 3.0, 6.0]))
    assert found.value == 3
    assert found.error == pytest.approx(np.std([1, 2, 3, 6], ddof=1) / 2)
    assert math.isinf(mean(np.array([1.0, math.inf])).value)


@pytest.mark.parametrize("level", [0.16, 0.5, 0.975])
def test_the_interval_of_a_quantile_covers_the_truth(level):
    """At least as often as one σ, for whatever distribution."""
    rng, truth, inside = np.random.default_rng(5), float(chi2.ppf(level, 12)), 0
    for _ in range(300):
        found = quantile(rng.chisquare(12, 200), level)
        assert found.low <= found.value <= found.high
        inside += found.low <= truth <= found.high
    # Order statistics cover with more than the nominal 68 %, and not always.
    assert 0.6827 - 3 * math.sqrt(0.68 * 0.32 / 300) < inside / 300 < 0.9


def test_a_quantile_without_values_beyond_has_no_bound():
    found = quantile(np.array([1.0, 2.0, 3.0]), 0.975)
    assert found.value == 3
    assert math.isinf(found.high)
    assert math.isinf(quantile(np.array([1.0, 2.0, math.inf]), 0.9).value)


def test_z_of_chi2_s_two_sigma():
    probabilities = (np.arange(20_000) + 0.5) / 20_000
    exact = Null(chi2.ppf(probabilities, 12))
    assert z_where_chi2_says(exact, 12).value == pytest.approx(2, abs=0.01)
    # of a wider null, χ² claims too much: Z(2) = Φ⁻¹(1 − P(1.2 χ² > t₂))
    wide = z_where_chi2_says(Null(1.2 * exact.samples), 12)
    truth = norm.isf(chi2.sf(chi2.isf(norm.sf(2), 12) / 1.2, 12))
    assert wide.value == pytest.approx(truth, abs=0.01)
    assert wide.low < wide.value < wide.high
    none = z_where_chi2_says(Null(np.ones(500)), 12)
    assert math.isinf(none.value)
    assert shown(none) == f"above {none.low:.2f}"
    assert none.low == pytest.approx(norm.isf(fraction(0, 500).high))


def test_ks_is_of_the_right_degrees_of_freedom():
    exact = chi2.ppf((np.arange(500) + 0.5) / 500, 12)
    assert ks_chi2(exact, 12) > 0.99
    assert ks_chi2(exact, 13) < 0.01


def test_crossing_is_linear_between_points():
    assert crossing([0, 1, 2, 4], [0, 1, 1.5, 2.5]) == pytest.approx(3)
    assert crossing([0, 1], [0, 2.0]) == 1
    assert math.isnan(crossing([0, 1, 2], [0, 1, 1.9]))
    assert crossing([0, 1, 2, 3], [0, 3, 1, 3]) == pytest.approx(2 / 3)


def test_the_bootstrap_error_of_a_mean_is_its_standard_error():
    x = np.random.default_rng(2).normal(size=400)
    found = resampled(lambda values: float(np.mean(values)), [x], n=400)
    assert found.value == pytest.approx(x.mean())
    assert found.error == pytest.approx(x.std() / 20, rel=0.15)
    assert math.isnan(resampled(lambda values: math.nan, [x], n=20).error)


def test_where_a_curve_reaches_two_sigma():
    """Toys whose medians are exact quantiles of the null cross where the line between them does."""
    null = chi2.ppf((np.arange(4000) + 0.5) / 4000, 12)
    toys = [np.full(100, chi2.isf(norm.sf(z), 12)) for z in (1.0, 1.5, 2.5)]
    found = at_2sigma([2.0, 4.0, 6.0], null, toys)
    assert found.value == pytest.approx(5, abs=0.05)
    assert 0 < found.error < 0.3  # of the null alone: the toys have no spread
    assert math.isnan(at_2sigma([2.0, 4.0], null, toys[:2]).value)
    assert at_2sigma([2.0], null, [np.array([])]) is None
    assert at_2sigma([2.0], np.array([]), toys[:1]) is None
    points = power_points(Null(null), [(2.0, toys[0]), (4.0, np.array([])), (6.0, toys[2])])
    assert [point.x for point in points] == [2, 6]
    assert [point.z for point in points] == pytest.approx([1, 2.5], abs=0.05)
    assert [point.by_chi2.z for point in points] == pytest.approx([1, 2.5], abs=1e-6)


@pytest.mark.parametrize("ratio", [1, 10, 100])
def test_what_a_perfect_fit_needs_is_appendix_c(ratio):
    """A signal in one of many bins, of the ideal Z that is said, has the score of 2σ."""
    z = perfect_fit_at_2sigma(ratio)
    a, signal = np.full(1000, 1e6), np.zeros(1000)
    signal[500] = z * 1e3  # Z = s/√b
    assert ideal_significance_binned(a, signal) == pytest.approx(z, rel=2e-3)
    score = ideal_symmetrized_score(signal, a, ratio * a)
    assert score == pytest.approx(z**2 * ratio / (1 + ratio), rel=5e-3)
    assert norm.isf(chi2.sf(ncx2.ppf(0.5, 12, score), 12)) == pytest.approx(2, abs=0.02)


def test_claims_say_numbers_with_their_errors():
    assert shown(Estimate(2.237, 2.1, 2.3), unit="σ") == "2.24 ± 0.10 σ"
    assert shown(Estimate(0.02, 0.01, 0.03), 1, scale=100, unit="%") == "2.0 ± 1.0 %"
    assert shown(Estimate(math.nan, math.nan, math.nan)) == "–"
    assert shown(Estimate(3.0, 2.0, math.inf)) == "3.00"
    text = shown_range(Estimate(0.006, 0.003, 0.011), 1, scale=100, unit="%")
    assert text == "0.6 (0.3 to 1.1) %"
    assert near(2.3, 2.17, 0.1) is True
    assert near(2.5, 2.17, 0.1) is False
    assert near(math.nan, 2.17, 0.1) is None
    claim = Claim("x", "1", "2", np.float64("inf"), np.float64(1), np.bool_(True)).to_dict()
    assert claim["value"] is None
    assert (type(claim["error"]), claim["holds"]) == (float, True)
