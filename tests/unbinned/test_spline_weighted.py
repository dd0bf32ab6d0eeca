"""What t is expected to be for weighted samples of unequal sums of weights."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import BSpline

from eμsym.errors import DataError
from eμsym.unbinned.spline import SplineTest

K = 8


def samples(seed):
    """1,000 events of A and 6,000 of B with one density; weights that vary with x and by chance."""
    rng = np.random.default_rng(seed)
    a, b = rng.exponential(size=1000), rng.exponential(size=6000)
    return a, b, (1 + 0.2 * a) * rng.gamma(2, 1.0, 1000), (1 + 0.2 * b) * rng.gamma(5, 0.1, 6000)


def rao_scott(a, b, w_a, w_b, knots):
    """Mean of t and its degrees of freedom from the eigenvalues of Rao and Scott (1984)."""
    padded = np.concatenate([[knots[0]] * 3, knots, [knots[-1]] * 3])
    x, w = np.concatenate([a, b]), np.concatenate([w_a, w_b])
    # The functions add up to one: without one of them, and centred, no direction is left over.
    phi = BSpline.design_matrix(x, padded, 3).toarray()[:, 1:]
    phi -= np.average(phi, axis=0, weights=w)
    c = w_a.sum() / w.sum()
    expected = c * (1 - c) * (phi.T * w) @ phi
    # The score is (1 − c) Σ_A w φ − c Σ_B w φ.
    share = np.where(np.arange(x.size) < a.size, 1 - c, c)
    actual = (phi.T * (share * w) ** 2) @ phi
    eigenvalues = np.linalg.eigvals(np.linalg.solve(expected, actual)).real
    return eigenvalues.sum(), eigenvalues.sum() ** 2 / np.sum(eigenvalues**2)


@pytest.mark.parametrize("swapped", [False, True])
def test_expected_is_rao_and_scotts(swapped):
    a, b, w_a, w_b = samples(1)
    if swapped:
        a, b, w_a, w_b = b, a, w_b, w_a
    result = SplineTest(K)(a, b, weights_a=w_a, weights_b=w_b)
    mean, dof = rao_scott(a, b, w_a, w_b, result.f.knots)
    assert result.effective_dof == pytest.approx(dof, rel=1e-6)
    # On top there is the term of order 1/N, of some percent.
    assert 1 < result.expected / mean < 1.06
    assert mean > 1.5 * result.dof  # taken for counts, or for equal shares, it would be far off


def test_toys_have_the_mean_that_is_expected():
    t, expected = [], []
    for seed in range(150):
        a, b, w_a, w_b = samples(seed)
        result = SplineTest(K)(a, b, weights_a=w_a, weights_b=w_b)
        t.append(result.t)
        expected.append(result.expected)
    error = np.std(t) / np.sqrt(len(t))
    assert np.mean(t) == pytest.approx(np.mean(expected), abs=3.5 * error)
    assert error < 0.05 * np.mean(expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("unit", [1e-12, 2.0**-30, 1e-3, 1e6, 1e12])
def test_the_unit_of_the_weights_changes_nothing(unit, weighted):
    a, b, w_a, w_b = samples(3)
    if not weighted:
        w_a, w_b = np.ones(a.size), np.ones(b.size)
    one = SplineTest(K)(a, b, weights_a=w_a, weights_b=w_b)
    other = SplineTest(K)(a, b, weights_a=unit * w_a, weights_b=unit * w_b)
    assert other.converged
    assert other.pvalue == pytest.approx(one.pvalue, rel=1e-8)
    # An event of weight 2 counts as two in t.
    assert other.t == pytest.approx(unit * one.t, rel=1e-8)
    assert other.expected == pytest.approx(unit * one.expected, rel=1e-8)
    assert other.effective_dof == pytest.approx(one.effective_dof, rel=1e-8)
    x = np.linspace(0.1, 3, 9)
    np.testing.assert_allclose(other.ratio(x), one.ratio(x), rtol=1e-8)


def test_weights_whose_sum_is_beyond_all_numbers_are_refused():
    a, b, _, w_b = samples(3)
    with np.errstate(over="ignore"), pytest.raises(DataError, match="not finite"):
        SplineTest(K)(a, b, weights_a=np.full(a.size, 1e308), weights_b=w_b)
