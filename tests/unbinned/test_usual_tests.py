"""KS, Student's t, energy distance and MMD, against scipy and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist, pdist
from scipy.stats import energy_distance, ks_2samp, ttest_ind

from eμsym import OnColumns, Pair, null
from eμsym.errors import ConfigurationError, DataError
from eμsym.unbinned import distances
from eμsym.unbinned.distances import EnergyTest, MMDTest
from eμsym.unbinned.moments_and_steps import KSTest, StudentTest


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(1)
    return rng.normal(size=(300, 3)), rng.normal(0.2, 1.3, size=(200, 3))


def test_ks_is_scipy_s(samples):
    a, b = (np.round(x[:, 0], 1) for x in samples)  # with ties
    expected = ks_2samp(a, b, method="asymp")
    found = KSTest()(a, b)
    assert found.statistic == pytest.approx(expected.statistic * np.sqrt(300 * 200 / 500))
    # scipy's asymptotic p has a term for finite sizes.
    assert found.pvalue == pytest.approx(expected.pvalue, rel=0.2)


def test_student_s_t_is_scipy_s(samples):
    a, b = (x[:, 0] for x in samples)
    expected = ttest_ind(a, b, equal_var=False)
    found = StudentTest()(a, b)
    assert found.statistic == pytest.approx(abs(expected.statistic))
    assert found.pvalue == pytest.approx(expected.pvalue)
    assert found.reference.dof == pytest.approx(expected.df)


def test_energy_is_scipy_s(samples):
    a, b = (x[:, 0] for x in samples)
    scale = np.concatenate([a, b]).std()
    rng = np.random.default_rng(2)
    w_a, w_b = rng.exponential(size=300), rng.exponential(size=200)
    found = EnergyTest()(a, b, weights_a=w_a, weights_b=w_b).statistic
    assert found == pytest.approx(energy_distance(a / scale, b / scale, w_a, w_b) ** 2)


def test_mmd_is_the_difference_of_mean_kernels(samples):
    a, b = samples
    x = np.concatenate([a, b])
    scaled = x / x.std(axis=0)
    width = np.median(pdist(scaled))
    kernel = np.exp(-0.5 * cdist(scaled, scaled) ** 2 / width**2)
    expected = kernel[:300, :300].mean() + kernel[300:, 300:].mean() - 2 * kernel[:300, 300:].mean()
    assert MMDTest()(a, b).statistic == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("test", [KSTest(), StudentTest()])
def test_the_largest_column_counts(samples, test):
    a, b = (x.copy() for x in samples)
    b[:, 1] += 3
    found = test(a, b)
    assert found.column == 1
    assert found.statistic == pytest.approx(test(a[:, 1], b[:, 1]).statistic, rel=1e-12)
    assert found.reference is None
    assert np.isnan(found.pvalue)


@pytest.mark.parametrize("test", [KSTest(), StudentTest()])
def test_equal_weights_are_none(samples, test):
    a, b = samples
    weighted = test(a, b, weights_a=np.full(300, 2.0), weights_b=np.full(200, 7.0))
    assert weighted.statistic == pytest.approx(test(a, b).statistic)


@pytest.mark.parametrize("test", [EnergyTest(), MMDTest()])
def test_many_labellings_are_single_ones(samples, test):
    names = ("x", "y", "z")
    pair = Pair.from_columns(*(dict(zip(names, x.T, strict=True)) for x in samples))
    drawn = pair.symmetry.relabel(pair.pool, 35, rng=3)
    values = np.concatenate(samples)
    found = test.many_of(values, pair.pool, drawn)
    for i in (0, 31, 34):
        labels = drawn.labels[i]
        alone = test(values[labels], values[~labels]).statistic
        assert found[i] == pytest.approx(alone, abs=1e-12)
        np.testing.assert_array_equal(test.many_of(values, pair.pool, drawn.one(i)), found[i])
    assert null(OnColumns(test, names), pair, 99, rng=4).pvalue(test(*samples).statistic) == 0.01


def test_what_is_refused(samples, monkeypatch):
    a, b = samples
    for test in (KSTest(), StudentTest(), EnergyTest(), MMDTest()):
        with pytest.raises(DataError, match="B: the sample is empty"):
            test(a, b[:0])
        with pytest.raises(DataError, match="A: a value or weight is NaN"):
            test(np.full((4, 3), np.nan), b)
        with pytest.raises(DataError, match="different columns"):
            test(a[:, :2], b)
        with pytest.raises(DataError, match="weights of shape"):
            test(a, b, weights_a=np.ones(3))
        with pytest.raises(DataError, match="0 or more"):
            test(a, b, weights_a=np.full(300, -1.0))
    for test in (StudentTest(), EnergyTest()):
        with pytest.raises(DataError, match="constant"):
            test(np.ones(5), np.ones(6))
    with pytest.raises(DataError, match="A: the spread of a mean takes two events"):
        StudentTest()([1.0], [1.0, 2.0])
    with pytest.raises(ConfigurationError, match="width"):
        MMDTest(width=0.0)
    monkeypatch.setattr(distances, "MAX_EVENTS", 400)
    with pytest.raises(DataError, match="500 events have too many distances"):
        EnergyTest()(a, b)
