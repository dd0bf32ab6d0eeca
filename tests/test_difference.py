"""Differences of two samples over bins: pulls, χ², ratios, and who may be without variance."""

from __future__ import annotations

import hist
import numpy as np
import pytest
from hist.axis import Regular
from scipy.stats import chi2, kstest

from eμsym import Difference, Pair, nsigma
from eμsym.binned.nsigma import nsigma_of
from eμsym.errors import DataError
from tests.calibration.toy_detector import BINS, ToyDetector

M_COLL = Regular(14, 30, 170, name="m_coll")


def test_pulls_of_counts_are_those_of_poisson():
    difference = Difference.of(b=[[36, 4], [0, 9]], a=[[64, 0], [0, 16]])
    assert difference.value.tolist() == [[-28, 4], [0, -7]]
    assert difference.variance.tolist() == [[100, 4], [0, 25]]
    np.testing.assert_allclose(difference.pull, [[-2.8, 2.0], [np.nan, -1.4]])
    with pytest.raises(DataError, match="no variance; pass variances"):
        Difference.of(b=[1], a=[2], variance_b=[0], variance_a=[0]).pull  # noqa: B018


def test_entries_are_effective_ones():
    heavy = hist.Hist(Regular(2, 0, 2), storage=hist.storage.Weight())
    heavy.fill([0.5] * 4, weight=[1, 2, 3, 4])
    a, b = Difference.of(b=heavy, a=heavy).entries
    assert a.tolist() == b.tolist() == [100 / 30, 0]


def test_chi_square_with_a_covariance_is_the_quadratic_form_of_its_inverse():
    rng = np.random.default_rng(1)
    root = rng.normal(size=(5, 5))
    matrix = 1e3 * (root @ root.T)
    b, a = rng.uniform(50, 100, (2, 5))
    found = Difference.of(b=b, a=a, covariance=matrix).chi_square()
    assert found.dof == 5
    assert found.chi2 == pytest.approx((b - a) @ np.linalg.inv(matrix) @ (b - a), rel=1e-8)
    assert found.pvalue == pytest.approx(chi2.sf(found.chi2, 5))
    plain = Difference.of(b=[36, 50, 0], a=[64, 50, 0]).chi_square()
    assert (plain.chi2, plain.dof) == (pytest.approx(7.84), 2)


def test_directions_that_a_fit_has_used_up_hold_no_information():
    """Two bins whose difference is one number: half a degree of freedom is not counted."""
    matrix = 100 * np.array([[1.0, -1.0], [-1.0, 1.0]]) + 1e-9 * np.eye(2)
    found = Difference.of(b=[60, 40], a=[50, 50], covariance=matrix).chi_square()
    assert found.dof == 1
    assert found.chi2 == pytest.approx(1.0)


def test_the_ratio_of_independent_samples_has_the_error_of_a_quotient():
    value, error = Difference.of(b=[400.0], a=[100.0]).ratio()
    assert value[0] == 0.25
    assert error[0] == pytest.approx(0.25 * np.sqrt(1 / 100 + 1 / 400))


def test_a_pair_s_difference_is_that_of_its_histograms_with_the_symmetry_s_covariance():
    raw = ToyDetector(2000).draw(rng=1)
    a, b = raw.hist(M_COLL)
    plain = raw.difference(M_COLL)
    assert np.array_equal(plain.value, b.values() - a.values())
    assert plain.covariance is None
    assert nsigma_of(plain) == nsigma(b, a)
    equal = raw.equalised(bins=BINS)
    corrected = equal.difference(M_COLL)
    assert np.array_equal(corrected.covariance, equal.covariance(M_COLL))
    assert corrected.variance == pytest.approx(np.diag(equal.covariance(M_COLL)))
    # The samples' own variances are those of their weights: nothing is forged.
    assert np.array_equal(corrected.variance_a, equal.hist(M_COLL)[0].variances())
    assert not np.allclose(corrected.variance_a + corrected.variance_b, corrected.variance)


@pytest.mark.parametrize("bins", [None, BINS])
def test_the_other_direction_has_the_same_pulls_with_the_other_sign(bins):
    pair = ToyDetector(2000).draw(rng=2)
    if bins is not None:
        pair = pair.equalised(bins=bins)
    difference = pair.difference(M_COLL)
    other = difference.swapped
    np.testing.assert_array_equal(other.pull, -difference.pull)
    assert np.array_equal(other.variance, difference.variance)
    assert np.array_equal(other.entries, difference.entries[::-1])
    assert nsigma_of(other).z == -nsigma_of(difference).z
    np.testing.assert_allclose(other.ratio()[0], 1 / difference.ratio()[0])
    assert np.array_equal(other.swapped.value, difference.value)


def test_stored_histograms_without_their_events_have_differences_too():
    pair = ToyDetector(500).draw(rng=1)
    a, b = pair.hist(M_COLL)
    stored = Pair(None, pair.symmetry, pair.names, ({"m": a}, {"m": b}))
    assert np.array_equal(stored.difference("m").pull, pair.difference(M_COLL).pull)


def test_chi_square_of_corrected_pairs_is_chi_square():
    pvalues = [
        ToyDetector(1200).draw(rng=i).equalised(bins=BINS).difference(M_COLL).chi_square().pvalue
        for i in range(60)
    ]
    assert kstest(pvalues, "uniform").pvalue > 0.01
