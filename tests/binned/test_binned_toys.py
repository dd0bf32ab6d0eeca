"""Toys, their tests' distributions, expected Z curves and ROC curves."""

import json

import hist
import numpy as np
import pytest
from scipy.stats import kstest, mannwhitneyu, norm

from eμsym.binned.injection import asimov_z, injection_strength
from eμsym.binned.nsigma import nsigma
from eμsym.binned.q0 import q0, q0_toys
from eμsym.binned.roc import roc_curve
from eμsym.binned.toys import asimov_pair, draw_toys, expected_z
from eμsym.errors import ConfigurationError, DataError

X, Y = np.indices((28, 28))
#: A plane like the paper's: a falling background with 25 more a bin, and a narrow signal.
TEMPLATE = 25 + 2000 * np.exp(-((X - 10) ** 2 + (Y - 8) ** 2) / 60)
SIGNAL = np.exp(-((X - 17) ** 2 + (Y - 12) ** 2) / 8)
N_TOYS = 20_000


@pytest.fixture(scope="module")
def significances():
    """Z of 20,000 toys, as the paper has them: (without, with signal) for each likelihood."""
    mu = injection_strength(TEMPLATE, SIGNAL, 5, background="known")
    toys = draw_toys(TEMPLATE, SIGNAL, mu, N_TOYS, rng=1)
    result = {}
    for background, reference in (("known", TEMPLATE), ("profiled", toys.a)):
        without = q0_toys(toys.b, reference, SIGNAL, background=background).z
        signal = q0_toys(toys.b_signal, reference, SIGNAL, background=background).z
        result[background] = (
            without,
            signal,
            float(asimov_z(TEMPLATE, SIGNAL, mu, background=background)),
        )
    return result


@pytest.mark.parametrize("background", ["known", "profiled"])
def test_standard_normal_under_the_symmetry(significances, background):
    assert kstest(significances[background][0], "norm").pvalue > 0.01


@pytest.mark.parametrize("background", ["known", "profiled"])
def test_signal_toys_scatter_about_the_asimov_value(significances, background):
    _, signal, expected = significances[background]
    assert signal.mean() == pytest.approx(expected, abs=0.03)
    assert signal.var() == pytest.approx(1, abs=0.05)


def test_published_numbers(significances):
    # Z_avg and the area under the ROC curve of Z_inj = 5 (DDP section 4); they
    # hardly depend on the template.
    assert significances["known"][2] == pytest.approx(5.0, abs=1e-6)
    assert significances["profiled"][2] == pytest.approx(3.53, abs=0.02)
    assert roc_curve(*significances["known"][:2]).auc == pytest.approx(1.0, abs=1e-3)
    assert roc_curve(*significances["profiled"][:2]).auc == pytest.approx(0.994, abs=1e-3)


def test_window_of_a_flat_signal_is_as_good_as_the_profiled_likelihood():
    template = np.full((28, 28), 1e4)
    signal = np.zeros((28, 28))
    window = np.s_[11:17, 11:17]
    signal[window] = 1
    curve = expected_z(template, signal, [1, 2, 5, 8], window=window)
    np.testing.assert_allclose(curve.nsigma, curve.profiled, rtol=0.02)
    np.testing.assert_allclose(curve.known, [1, 2, 5, 8], rtol=1e-9)
    np.testing.assert_allclose(curve.profiled, np.array([1, 2, 5, 8]) / np.sqrt(2), rtol=0.01)
    # Toys say the same of one pair, exactly as `nsigma` does.
    a, b = asimov_pair(template, signal, curve.mu[2])
    assert nsigma(b[window], a[window]).z == pytest.approx(curve.nsigma[2])
    assert q0(b, a, signal, background="profiled").z == pytest.approx(curve.profiled[2])


def test_two_sigma_of_the_profiled_likelihood():
    # A signal of 3.5σ for the ideal test is 2.5σ profiled (DDP Fig. 5).
    curve = expected_z(TEMPLATE, SIGNAL, 3.5)
    assert curve.profiled[0] == pytest.approx(2.5, abs=0.05)
    assert curve.nsigma[0] < curve.profiled[0]
    assert json.loads(json.dumps(curve.to_dict()))["z_injected"] == [3.5]


def test_expected_z_leaves_empty_bins_out():
    curve = expected_z([0.0, 50, 50], [0, 1, 1], [2.0])
    full = expected_z([50.0, 50], [1, 1], [2.0])
    assert curve.nsigma == pytest.approx(full.nsigma)
    with pytest.raises(DataError, match="window"):
        expected_z([0.0, 50, 50], [0, 1, 1], [2.0], window=[0])


def test_toys_are_the_same_for_any_number_of_workers():
    whole = draw_toys([50.0, 60], [1, 0], 10, 7, rng=3)
    parts = [draw_toys([50.0, 60], [1, 0], 10, n, rng=3, first=k) for k, n in [(0, 3), (3, 4)]]
    for name in ("a", "b", "b_signal"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(getattr(whole, name), joined)
    other = draw_toys([50.0, 60], [1, 0], 99, 7, rng=3)
    np.testing.assert_array_equal(other.b, whole.b)
    assert len(whole) == 7


def test_a_generator_goes_on():
    rng = np.random.default_rng(4)
    first, second = (draw_toys([50.0] * 9, [1.0] * 9, 0, 2, rng=rng) for _ in range(2))
    assert not np.array_equal(first.a, second.a)
    again = draw_toys([50.0] * 9, [1.0] * 9, 0, 2, rng=np.random.default_rng(4))
    np.testing.assert_array_equal(first.a, again.a)


def test_toys_have_the_moments_of_poisson():
    toys = draw_toys([0.0, 5, 400], [0, 1, 3], 40, 4000, rng=5)
    expected = np.array([[0, 5, 400], [0, 5, 400], [0, 15, 430]])
    for sample, mean in zip((toys.a, toys.b, toys.b_signal), expected, strict=True):
        error = np.sqrt(mean / 4000)
        assert np.all(np.abs(sample.mean(axis=0) - mean) <= 4 * error)
        assert np.all(np.abs(sample.var(axis=0) - mean) <= 4 * mean * np.sqrt(2 / 4000) + error)
    fixed = draw_toys([0.0, 5, 400], [0, 1, 3], 40, 3, rng=5, fluctuate_signal=False)
    np.testing.assert_array_equal(fixed.b_signal - fixed.b, [[0, 10, 30]] * 3)


def test_toys_of_histograms():
    t = hist.Hist(hist.axis.Regular(3, 0, 3)).fill([0.5, 1.5, 1.5, 2.5])
    s = hist.Hist(hist.axis.Regular(3, 0, 3)).fill([0.5])
    assert draw_toys(t, s, 3, 4, rng=1).b_signal.shape == (4, 3)
    a, b = asimov_pair(t, s, 3)
    np.testing.assert_allclose(b - a, [3, 0, 0])


def test_bad_toys():
    with pytest.raises(DataError, match="at least 0"):
        draw_toys([1.0], [1], -1, 1)
    with pytest.raises(ConfigurationError, match="0 toys"):
        draw_toys([1.0], [1], 1, 0)
    with pytest.raises(DataError, match="template: a bin content is negative"):
        draw_toys([-1.0], [1], 1, 1)
    with pytest.raises(DataError, match="every bin is zero"):
        asimov_pair([1.0], [0], 1)
    with pytest.raises(DataError, match="shapes differ"):
        asimov_pair([1.0, 2], [1], 1)


def test_roc_of_two_normals():
    rng = np.random.default_rng(6)
    roc = roc_curve(rng.normal(size=20_000), rng.normal(1.5, size=10_000))
    assert roc.auc == pytest.approx(norm.cdf(1.5 / np.sqrt(2)), abs=4 * roc.auc_error)
    assert roc.auc == pytest.approx(np.trapezoid(roc.true_positive, roc.false_positive), abs=1e-12)
    at = np.interp(norm.sf(1.0), roc.false_positive, roc.true_positive)
    assert at == pytest.approx(norm.sf(-0.5), abs=0.02)
    assert len(json.loads(json.dumps(roc.to_dict()))["true_positive"]) == 101


def test_roc_with_ties_and_infinities():
    null = np.array([0, 1, 1, 2, 3, -np.inf, 5])
    signal = np.array([1, 2, 2, np.inf, np.inf, 4])
    roc = roc_curve(null, signal)
    statistic = mannwhitneyu(np.clip(signal, -99, 99), np.clip(null, -99, 99)).statistic
    assert roc.auc == pytest.approx(statistic / (null.size * signal.size))
    assert roc.auc == pytest.approx(np.trapezoid(roc.true_positive, roc.false_positive))
    assert roc.true_positive[-1] == roc.false_positive[-1] == 1
    assert roc_curve([0, 1], [2, 3]).auc == 1.0
    for bad in ([np.nan, 1], [1]):
        with pytest.raises(DataError, match="ROC"):
            roc_curve(bad, [1, 2])


def test_error_of_the_area_is_the_scatter_of_areas():
    rng = np.random.default_rng(7)
    rocs = [roc_curve(rng.normal(size=80), rng.normal(1, size=60)) for _ in range(400)]
    scatter = np.std([roc.auc for roc in rocs])
    assert np.mean([roc.auc_error for roc in rocs]) == pytest.approx(scatter, rel=0.15)
