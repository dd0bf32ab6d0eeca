"""The likelihood ratio with splines of two columns: scipy's fit, χ², and the score test."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.interpolate import BSpline
from scipy.optimize import minimize
from scipy.stats import chi2, chi2_contingency, kstest

from eμsym import Exchangeable, Pair
from eμsym.errors import ConfigurationError, DataError
from eμsym.unbinned.spline_plane import SplinePlaneTest
from eμsym.unbinned.subspace_axis import rank_axes
from eμsym.unbinned.subspace_views import CELLS_2D, GridBlock, Moments


def normal(n, seed):
    return np.random.default_rng(seed).normal(size=(n, 2))


def test_two_columns_of_few_values_are_a_contingency_table():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 4, (700, 2)).astype(float), rng.integers(0, 4, (900, 2)).astype(float)
    counts = [np.histogramdd(x, bins=(np.arange(5), np.arange(5)))[0].ravel() for x in (a, b)]
    expected = chi2_contingency(counts, lambda_="log-likelihood", correction=False)
    result = SplinePlaneTest(k=4)(a, b)
    assert result.t == pytest.approx(expected.statistic, rel=1e-7)
    assert result.dof == expected.dof == 15
    assert result.pvalue == pytest.approx(expected.pvalue, rel=1e-6)


def test_it_agrees_with_scipy_and_an_unlike_minimiser():
    """Of so few events that every one is a cell of its own."""
    rng = np.random.default_rng(2)
    a = rng.normal(size=(24, 2))
    b = rng.normal(0.3, 1, size=(24, 2))
    x = np.concatenate([a, b])
    ranks = (np.argsort(np.argsort(x, axis=0), axis=0) + 0.5) / 48
    knots = np.concatenate([[0.0] * 3, [0.0, 1.0], [1.0] * 3])
    u, v = (BSpline.design_matrix(ranks[:, j], knots, 3).toarray() for j in (0, 1))
    phi = np.einsum("ik,il->ikl", u, v).reshape(48, -1)
    t = 0.0
    for mine in (np.arange(48) < 24, np.arange(48) >= 24):

        def loss(theta, mine=mine):
            f = phi @ theta
            slope = 0.5 * phi.T @ np.exp(f) - phi[mine].sum(axis=0)
            return 0.5 * np.sum(np.expm1(f)) - np.sum(f[mine]), slope

        options = {"gtol": 1e-9, "ftol": 1e-14, "maxiter": 20000, "maxfun": 40000}
        t -= 2 * minimize(loss, np.zeros(16), jac=True, method="L-BFGS-B", options=options).fun
    result = SplinePlaneTest(k=4)(a, b)
    assert result.converged
    assert result.t == pytest.approx(t, abs=2e-3)


def test_t_is_chi_squared_over_labellings_and_near_the_score():
    x = normal(6000, 3)
    pair = Pair.from_columns(
        {"x": x[:2600, 0], "y": x[:2600, 1]}, {"x": x[2600:, 0], "y": x[2600:, 1]}
    )
    drawn = Exchangeable().relabel(pair.pool, 200, rng=4)
    test = SplinePlaneTest(k=5)
    t = test.many(pair.pool, drawn)
    assert kstest(t, chi2(24).cdf).pvalue > 0.01
    assert t[0] == test(pair.relabelled(drawn.labels[0], None)).t
    # Rao's score is the likelihood ratio, to the order of one over the root of a cell's events.
    share = 2600 / 6000
    axes = rank_axes([(name, pair.pool.column(name)) for name in "xy"])
    moments = Moments(np.full(6000, share * (1 - share)), centred=True)
    block = GridBlock(("x", "y"), tuple(axis.cells(CELLS_2D) for axis in axes), moments)
    score = block.statistics((drawn.labels - share).T.astype(np.float64))[0]
    assert np.corrcoef(score, t)[0, 1] > 0.99
    assert np.max(np.abs(t - score) / score) < 0.15


def test_a_correlation_that_no_column_shows_is_found():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2000, 2)), rng.normal(size=(2000, 2))
    a[:300, 1] = -a[:300, 0] + rng.normal(0, 0.1, 300)
    assert SplinePlaneTest()(a, b).pvalue < 1e-6
    assert SplinePlaneTest()(a[300:], b).pvalue > 0.01


def test_regions_of_one_sample_alone():
    rng = np.random.default_rng(6)
    a, b = rng.random((300, 2)), rng.random((300, 2))
    result = SplinePlaneTest(k=4)(a, b + np.array([2.0, 0.0]))
    # Told apart for certain 2 N ln 2 is the most; one cubic cannot step from ln 2 to −∞.
    assert 0.85 < result.t / (2 * 600 * np.log(2)) < 1
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["dof"] == 15


def test_weights_count_as_events():
    a, b = normal(300, 7), normal(200, 8)
    twice = SplinePlaneTest(4)(np.repeat(a, 2, axis=0), np.repeat(b, 2, axis=0))
    weighted = SplinePlaneTest(4)(a, b, weights_a=np.full(300, 2.0), weights_b=np.full(200, 2.0))
    assert weighted.t == pytest.approx(twice.t, rel=0.02)


@pytest.mark.parametrize("k", [3, 13, 5.0])
def test_numbers_of_functions_out_of_range(k):
    with pytest.raises(ConfigurationError, match="k: a whole number, 4 to 12"):
        SplinePlaneTest(k)


def test_samples_that_cannot_be_used():
    with pytest.raises(DataError, match="two columns"):
        SplinePlaneTest()(np.zeros((50, 3)), np.zeros((50, 3)))
    with pytest.raises(DataError, match="negative"):
        SplinePlaneTest()(normal(50, 1), normal(50, 2), weights_a=np.full(50, -1.0))
    with pytest.raises(DataError, match="the sample is empty"):
        SplinePlaneTest()(normal(50, 1), np.zeros((0, 2)))
    with pytest.raises(DataError, match="give a pair"):
        SplinePlaneTest()(normal(50, 1))
