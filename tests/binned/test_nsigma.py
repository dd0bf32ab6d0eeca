"""Nσ: its null over toys, hand-computed cases, every input it takes, and what it refuses."""

from __future__ import annotations

import json
import math

import boost_histogram as bh
import hist
import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats

from eμsym import EmusymError, nsigma
from eμsym.binned.nsigma import NSigma
from eμsym.difference import pulls
from eμsym.errors import DataError
from tests.binned.binned_samples import (
    assert_standard_normal,
    events,
    falling_plane,
    filled,
    poisson_toys,
)

TOYS = 5_000


def plain_loop(b, a, variance_b=None, variance_a=None):
    """Return Eq. 1-2 of the paper from plain python numbers: (z, bins used, bins left out)."""
    variance_b = b if variance_b is None else variance_b
    variance_a = a if variance_a is None else variance_a
    terms = []
    for b_i, a_i, vb_i, va_i in zip(
        *(np.ravel(x).tolist() for x in (b, a, variance_b, variance_a)), strict=True
    ):
        if vb_i + va_i > 0:
            terms.append((b_i - a_i) / math.sqrt(vb_i + va_i))
    z = math.fsum(terms) / math.sqrt(len(terms)) if terms else math.nan
    return z, len(terms), np.size(b) - len(terms)


# The null


def test_two_poisson_samples_of_one_template_give_a_standard_normal_number():
    template = falling_plane(40, 2_000)
    results = [nsigma(b, a) for b, a in poisson_toys(template, TOYS, seed=1)]
    assert {r.n_bins for r in results} == {784}
    assert_standard_normal([r.z for r in results])


def test_the_width_test_can_tell_a_wrong_variance():
    template = falling_plane(40, 2_000, shape=(8, 8))
    z = np.array([nsigma(b, a).z for b, a in poisson_toys(template, TOYS, seed=2)])
    with pytest.raises(AssertionError):
        assert_standard_normal(1.08 * z)
    with pytest.raises(AssertionError):
        assert_standard_normal(z + 0.1)


def test_weighted_events_give_a_standard_normal_number_too():
    rng = np.random.default_rng(3)
    axis = hist.axis.Regular(40, 0, 1)
    z = []
    for _ in range(1_500):
        samples = []
        for size in rng.poisson(6_000, 2):
            sample = hist.Hist(axis, storage=hist.storage.Weight())
            samples.append(sample.fill(rng.random(size), weight=rng.normal(1, 0.7, size)))
        z.append(nsigma(*samples).z)
    assert_standard_normal(z)


def test_many_sparse_bins_are_flagged_although_their_sum_is_still_near_normal():
    results = [nsigma(b, a) for b, a in poisson_toys(np.full((28, 28), 0.7), TOYS, seed=4)]
    assert all(r.sparse for r in results)
    assert_standard_normal([r.z for r in results])
    # A bin is empty in both samples with probability exp(-1.4).
    empty = np.array([r.n_empty for r in results])
    expected = 784 * math.exp(-1.4)
    assert abs(empty.mean() - expected) < 4 * math.sqrt(expected * (1 - math.exp(-1.4)) / TOYS)


def test_a_single_sparse_bin_is_not_normal_and_says_so():
    results = [nsigma(b, a) for b, a in poisson_toys(np.full(1, 3.0), TOYS, seed=5)]
    assert all(r.sparse for r in results if r.n_bins)
    z = [r.z for r in results if r.n_bins]
    assert stats.kstest(z, "norm").pvalue < 1e-6


# By hand


def test_a_two_by_two_case_by_hand():
    # (160-90)/sqrt(250) + (36-64)/sqrt(100) + (45-36)/sqrt(81) + 0 = 4.42719 - 2.8 + 1, over 2
    result = nsigma([[160, 36], [45, 50]], [[90, 64], [36, 50]])
    assert result == NSigma(
        z=pytest.approx((70 / math.sqrt(250) - 2.8 + 1.0) / 2), n_bins=4, n_empty=0, sparse=False
    )
    assert result.z == pytest.approx(1.313594362, abs=1e-9)


def test_a_positive_number_is_an_excess_in_the_first_sample():
    assert nsigma([64], [36]).z == pytest.approx(2.8)
    assert nsigma([36], [64]).z == pytest.approx(-2.8)


def test_an_empty_bin_leaves_the_sum_and_the_number_of_bins():
    assert nsigma([64, 0, 0, 36], [36, 0, 0, 64]).n_empty == 2
    assert nsigma([64, 0, 0, 0], [36, 0, 0, 0]) == NSigma(pytest.approx(2.8), 1, 3, False)


def test_a_bin_empty_in_one_sample_alone_is_used():
    assert nsigma([49], [0]) == NSigma(pytest.approx(7.0), 1, 0, sparse=True)


@pytest.mark.parametrize("entries, sparse", [(24, True), (25, False)])
def test_a_bin_is_sparse_below_25_entries_in_either_sample(entries, sparse):
    assert nsigma([100, entries], [100, 100]).sparse is sparse
    assert nsigma([100, 100], [100, entries]).sparse is sparse


def test_empty_bins_are_not_what_makes_a_sample_sparse():
    assert not nsigma([100, 0], [100, 0]).sparse


@pytest.mark.parametrize("weight", [0.01, 2.0, 1e6])
def test_one_weight_for_all_events_changes_nothing(weight):
    rng = np.random.default_rng(6)
    x = [rng.random(900), rng.random(1000)]
    plain, scaled = (
        [hist.Hist(hist.axis.Regular(10, 0, 1), storage=hist.storage.Weight()) for _ in x]
        for _ in range(2)
    )
    for i, values in enumerate(x):
        plain[i].fill(values)
        scaled[i].fill(values, weight=weight)
    expected, found = nsigma(*plain), nsigma(*scaled)
    assert found.z == pytest.approx(expected.z, rel=1e-9)
    assert (found.n_bins, found.sparse) == (expected.n_bins, expected.sparse)


def test_few_events_of_large_weight_are_sparse_however_large_their_sum():
    sample = hist.Hist(hist.axis.Regular(1, 0, 1), storage=hist.storage.Weight())
    sample.fill([0.5] * 24, weight=100.0)
    assert nsigma(sample, sample).sparse
    sample.fill([0.5], weight=100.0)
    assert not nsigma(sample, sample).sparse


def test_negative_weights_may_make_a_bin_negative():
    sample = hist.Hist(hist.axis.Regular(1, 0, 1), storage=hist.storage.Weight())
    sample.fill([0.5, 0.5], weight=[-3.0, 1.0])
    # (-2 - 40) / sqrt(10 + 40)
    assert nsigma(sample, [40]).z == pytest.approx(-42 / math.sqrt(50))


def test_variances_may_be_given_for_one_sample_or_both():
    b, a = [10.0, 20.0], [13.0, 16.0]
    assert nsigma(b, a, variance_b=[3, 0], variance_a=[6, 4]).z == pytest.approx(
        (-3 / 3 + 4 / 2) / math.sqrt(2)
    )
    assert nsigma(b, a, variance_b=[3, 9]).z == pytest.approx((-3 / 4 + 4 / 5) / math.sqrt(2))


def test_a_template_without_error_is_a_sample_of_zero_variance():
    assert nsigma([36], [30.0], variance_a=[0.0]).z == pytest.approx(1.0)


def test_pvalues_are_those_of_the_normal_distribution():
    result = nsigma([64], [36])
    assert result.pvalue == pytest.approx(stats.norm.sf(2.8))
    assert nsigma([36], [64]).pvalue == pytest.approx(stats.norm.cdf(2.8))
    both = 2 * stats.norm.sf(2.8)
    assert result.pvalue_two_sided == nsigma([36], [64]).pvalue_two_sided == pytest.approx(both)
    assert result.statistic == result.z


def test_without_any_entry_there_is_no_number_and_json_says_none():
    result = nsigma(np.zeros((3, 4)), np.zeros((3, 4)))
    assert math.isnan(result.z)
    assert (result.n_bins, result.n_empty, result.sparse) == (0, 12, False)
    read = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert read["z"] is read["pvalue"] is read["pvalue_two_sided"] is None


def test_the_result_as_json_has_all_of_it():
    result = nsigma([64, 0], [36, 0])
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == {
        "z": result.z,
        "n_bins": 1,
        "n_empty": 1,
        "sparse": False,
        "pvalue": result.pvalue,
        "pvalue_two_sided": result.pvalue_two_sided,
    }


# Properties

#: Small counts make empty bins frequent.
COUNTS = st.integers(0, 2) | st.integers(0, 5_000)


@st.composite
def pairs_of_counts(draw):
    shape = draw(array_shapes(min_dims=1, max_dims=4, max_side=5))
    return tuple(draw(arrays(np.int64, shape, elements=COUNTS)) for _ in range(2))


@given(pairs_of_counts())
@settings(max_examples=200, deadline=None)
def test_any_counts_of_any_dimension_agree_with_the_plain_loop(pair):
    b, a = pair
    z, n_bins, n_empty = plain_loop(b, a)
    result = nsigma(b, a)
    assert result.z == pytest.approx(z, rel=1e-12, abs=1e-12, nan_ok=True)
    assert (result.n_bins, result.n_empty) == (n_bins, n_empty)
    assert result.n_bins + result.n_empty == b.size
    assert math.isfinite(result.z) == (result.n_bins > 0)


@given(pairs_of_counts())
@settings(max_examples=100, deadline=None)
def test_swapping_the_samples_flips_the_sign_and_nothing_else(pair):
    b, a = pair
    one, other = nsigma(b, a), nsigma(a, b)
    assert one.z == pytest.approx(-other.z, abs=1e-12, nan_ok=True)
    assert (one.n_bins, one.n_empty, one.sparse) == (other.n_bins, other.n_empty, other.sparse)


@given(pairs_of_counts(), st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_bins_does_not_matter(pair, seed):
    b, a = (x.ravel() for x in pair)
    order = np.random.default_rng(seed).permutation(b.size)
    expected = nsigma(b, a).z
    assert nsigma(b[order], a[order]).z == pytest.approx(expected, abs=1e-12, nan_ok=True)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_contents_and_variances_agree_with_the_plain_loop(data):
    shape = data.draw(array_shapes(min_dims=1, max_dims=3, max_side=4))
    contents = arrays(np.float64, shape, elements=st.floats(-1e6, 1e6))
    variances = arrays(np.float64, shape, elements=st.floats(1e-3, 1e6))
    b, a, vb, va = (data.draw(x) for x in (contents, contents, variances, variances))
    result = nsigma(b, a, variance_b=vb, variance_a=va)
    assert result.z == pytest.approx(plain_loop(b, a, vb, va)[0], rel=1e-9, abs=1e-9)


def test_pulls_of_many_toys_are_those_of_each():
    rng = np.random.default_rng(7)
    b, a = rng.poisson(1.0, (2, 50, 4, 3)).astype(float)
    all_toys = pulls(b, a, b, a)
    for i in range(50):
        used = ~np.isnan(all_toys[i])
        assert np.array_equal(used, b[i] + a[i] > 0)
        z = all_toys[i][used].sum() / math.sqrt(used.sum())
        assert z == pytest.approx(nsigma(b[i], a[i]).z, abs=1e-12)


# Inputs


def numpy_counts(dimensions, seed):
    edges = [np.linspace(0, 1, 5 + i) for i in range(dimensions)]
    return np.histogramdd(events(dimensions, seed).T, bins=edges)[0]


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("library", [hist, bh])
@pytest.mark.parametrize("storage", ["Int64", "Double", "Weight"])
def test_histograms_give_what_plain_arrays_give(library, storage, dimensions):
    b, a = (numpy_counts(dimensions, seed) for seed in (1, 2))
    expected = plain_loop(b, a)[0]
    assert nsigma(b, a).z == pytest.approx(expected)
    assert nsigma(b.tolist(), a.tolist()).z == pytest.approx(expected)
    histograms = [filled(library, storage, dimensions, seed) for seed in (1, 2)]
    assert nsigma(*histograms).z == pytest.approx(expected)
    assert nsigma(histograms[0], a).z == pytest.approx(expected)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_histograms_read_from_root_give_what_they_gave_before(dimensions, weighted, tmp_path):
    weights = np.random.default_rng(8).uniform(0.5, 2, (2, 3_000)) if weighted else (None, None)
    storage = "Weight" if weighted else "Double"
    b, a = (filled(hist, storage, dimensions, i, weights[i]) for i in range(2))
    with uproot.recreate(tmp_path / "pair.root") as file:
        file["b"], file["a"] = b, a
    with uproot.open(tmp_path / "pair.root") as file:
        assert file["b"].classname == f"TH{dimensions}D"
        result = nsigma(file["b"], file["a"])
        mixed = nsigma(file["b"], a)
    expected = plain_loop(b.values(), a.values(), b.variances(), a.variances())
    assert (result.z, result.n_bins, result.n_empty) == pytest.approx(expected)
    assert mixed.z == pytest.approx(expected[0])


def test_what_lies_outside_the_axes_does_not_count():
    b, a = (hist.Hist(hist.axis.Regular(2, 0, 1)) for _ in range(2))
    b.fill([0.1] * 30 + [-1.0] * 500 + [7.0] * 500)
    a.fill([0.1] * 30)
    assert nsigma(b, a).z == 0


# What is refused

WEIGHTED_WITHOUT_VARIANCES = hist.Hist(hist.axis.Regular(2, 0, 1), storage=hist.storage.Double())
WEIGHTED_WITHOUT_VARIANCES.fill([0.1, 0.6], weight=[2.0, 3.0])


@pytest.mark.parametrize(
    "b, a, variances, says",
    [
        ([1, 2], [1, 2, 3], {}, "shapes differ"),
        ([[1, 2]], [1, 2], {}, "shapes differ"),
        ([1, np.nan], [1, 2], {}, "^B: .*not finite"),
        ([1, 2], [1, np.nan], {}, "^A: .*not finite"),
        ([1, -2], [1, 2], {}, "^B: .*negative"),
        ([1, 2], [1, -2], {}, "^A: .*negative"),
        ([1, 2], [1, 2], {"variance_b": [1]}, "^B: the variances have shape"),
        ([1, 2], [1, 2], {"variance_a": [[1, 2]]}, "^A: the variances have shape"),
        ([1, 2], [1, 2], {"variance_a": [1, -1]}, "^A: a variance is negative"),
        ([1, 2], [1, 2], {"variance_b": [1, np.inf]}, "^B: .*not finite"),
        ([1, 2], [1, 3], {"variance_b": [1, 0], "variance_a": [1, 0]}, "differs.*no variance"),
        (WEIGHTED_WITHOUT_VARIANCES, [1, 2], {}, "^B: .*no variances"),
        (
            hist.Hist(hist.axis.Regular(2, 0, 1)),
            hist.Hist(hist.axis.Regular(2, 0, 3)),
            {},
            "binnings differ on axis 0",
        ),
        ([[1, 2], [3]], [[1, 2], [3]], {}, "not an array of numbers"),
    ],
)
def test_samples_that_cannot_be_compared_are_refused(b, a, variances, says):
    with pytest.raises(DataError, match=says):
        nsigma(b, a, **variances)
    assert issubclass(DataError, EmusymError)


def test_a_bin_that_a_calibration_has_absorbed_leaves_the_sum():
    """Its rounding is no variance: the bin would come in with a pull of any size."""
    options = {"variance_b": [100, 100], "variance_a": [100, 100]}
    matrix = np.diag([200, 1e-10])
    result = nsigma([120.0, 100 + 5e-5], [80.0, 100.0], covariance=matrix, **options)
    assert (result.n_bins, result.n_empty) == (1, 1)
    assert result.z == pytest.approx(40 / np.sqrt(200))
    assert result.width == pytest.approx(1)
    # A millionth of the variance is still one.
    left = nsigma([120.0, 100.02], [80.0, 100.0], covariance=np.diag([200, 2e-4]), **options)
    assert left.n_bins == 2
    assert left.z == pytest.approx((40 / np.sqrt(200) + 0.02 / np.sqrt(2e-4)) / np.sqrt(2))
