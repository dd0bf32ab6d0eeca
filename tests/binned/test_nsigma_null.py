"""The binomial null of Nσ: the exact one in a bin, a standard normal in many."""

from __future__ import annotations

import math

import hist
import numpy as np
import pytest
from scipy import stats

from eμsym import nsigma
from eμsym.binned.nsigma import nsigma_null
from eμsym.errors import DataError
from tests.binned.binned_samples import assert_standard_normal, falling_plane, filled, poisson_toys

TOYS = 5_000


@pytest.mark.parametrize("total", [1, 2, 5, 12])
def test_the_null_of_one_bin_is_the_exact_binomial(total):
    null = nsigma_null([total], [0], 20_000, rng=total)
    k = np.arange(total + 1)
    expected = stats.binom.pmf(k, total, 0.5) * null.samples.size
    drawn = np.rint((null.samples * math.sqrt(total) + total) / 2)
    assert null.samples == pytest.approx((2 * drawn - total) / math.sqrt(total))
    observed = [np.count_nonzero(drawn == i) for i in k]
    assert sum(observed) == null.samples.size
    assert stats.chisquare(observed, expected).pvalue > 1e-3


@pytest.mark.parametrize("b, a", [(9, 1), (1, 9), (5, 5), (14, 3), (0, 7)])
def test_pvalues_of_the_null_are_the_exact_binomial_ones_ties_included(b, a):
    null = nsigma_null([b], [a], 40_000, rng=9)
    exact = stats.binomtest(b, b + a, alternative="greater").pvalue
    error = math.sqrt(exact * (1 - exact) / 40_000)
    assert abs(null.pvalue(nsigma([b], [a]).z) - exact) < 4 * error + 1 / 40_000


def test_ties_are_counted_although_the_null_adds_in_another_order():
    rng = np.random.default_rng(10)
    n = 300
    for seed in range(40):
        b, a = rng.poisson(1.0, (2, 3))
        if np.sum(b + a) == 0:
            continue
        total = (b + a)[b + a > 0]
        null = nsigma_null(b, a, n, rng=seed)
        # The same draws of A again: three bins of few entries tie with the observation often.
        drawn = [child.binomial(total, 0.5) for child in np.random.default_rng(seed).spawn(n)]
        observed = round(nsigma(b, a).z, 9)
        above = sum(round(nsigma(total - x, x).z, 9) >= observed for x in drawn)
        assert null.pvalue(nsigma(b, a).z) == pytest.approx((above + 1) / (n + 1))


def test_the_null_of_many_bins_is_a_standard_normal_and_that_of_the_data():
    b, a = next(poisson_toys(falling_plane(40, 400), 1, seed=11))
    null = nsigma_null(b, a, TOYS, rng=12)
    assert_standard_normal(null.samples)
    p = null.pvalue(nsigma(b, a).z)
    assert abs(p - nsigma(b, a).pvalue) < 4 * null.pvalue_error(nsigma(b, a).z)


def test_the_null_needs_only_the_sums_and_takes_histograms_and_any_shape():
    b, a = np.array([[3, 0, 8], [1, 0, 2]]), np.array([[5, 0, 1], [1, 0, 0]])
    expected = nsigma_null(b, a, 20, rng=1).samples
    assert np.array_equal(nsigma_null(a, b, 20, rng=1).samples, expected)
    assert np.array_equal(nsigma_null((b + a).ravel(), [0] * 6, 20, rng=1).samples, expected)
    b_hist, a_hist = (filled(hist, "Weight", 2, seed) for seed in (1, 2))
    from_histograms = nsigma_null(b_hist, a_hist, 20, rng=1).samples
    from_arrays = nsigma_null(b_hist.values(), a_hist.values(), 20, rng=1).samples
    assert np.array_equal(from_histograms, from_arrays)


def test_the_null_repeats_itself_for_one_seed_and_not_for_another():
    b, a = [30, 40], [35, 38]
    first = nsigma_null(b, a, 50, rng=1).samples
    assert np.array_equal(nsigma_null(b, a, 50, rng=1).samples, first)
    assert np.array_equal(nsigma_null(b, a, 50, rng=np.random.default_rng(1)).samples, first)
    assert not np.array_equal(nsigma_null(b, a, 50, rng=2).samples, first)
    assert not np.array_equal(nsigma_null(b, a, 50).samples, nsigma_null(b, a, 50).samples)


def heavy():
    sample = hist.Hist(hist.axis.Regular(2, 0, 1), storage=hist.storage.Weight())
    return sample.fill([0.1, 0.6], weight=[2.0, 2.0])


@pytest.mark.parametrize(
    "b, a, n, says",
    [
        ([1, 2], [1, 2, 3], 10, "shapes differ"),
        ([0.5, 2], [1, 2], 10, "^B: .*unweighted"),
        ([1.5, 2], [1.5, 2], 10, "^B: .*unweighted"),
        ([1, 2], heavy(), 10, "^A: .*unweighted"),
        ([-1, 2], [1, 2], 10, "negative"),
        ([0, 0], [0, 0], 10, "at least one entry"),
        ([1, 2], [1, 2], 0, "one toy"),
    ],
)
def test_a_null_that_cannot_be_drawn_is_refused(b, a, n, says):
    with pytest.raises(DataError, match=says):
        nsigma_null(b, a, n)
