"""The spline test against scipy's minimiser, contingency tables, and its own calibration."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline
from scipy.optimize import minimize
from scipy.stats import chi2, chi2_contingency, kstest, norm

from eμsym.arrays import FloatArray
from eμsym.distributions import ScaledChiSquared
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair
from eμsym.sources import columns_pair
from eμsym.toy_model import ToyModel
from eμsym.unbinned.distinct import Distinct
from eμsym.unbinned.spline import SplineResult, SplineScan, SplineTest
from eμsym.unbinned.spline_knots import make_knots


def exponential(n: int, seed: int) -> FloatArray:
    return np.random.default_rng(seed).exponential(size=n)


def by_scipy(a: FloatArray, b: FloatArray, w_a: FloatArray, w_b: FloatArray, result: Any) -> float:
    """t from the plain loss on all events, with scipy's design matrix and minimiser."""
    knots = result.f.knots
    padded = np.concatenate([[knots[0]] * 3, knots, [knots[-1]] * 3])
    x, w = np.concatenate([a, b]), np.concatenate([w_a, w_b])
    phi = BSpline.design_matrix(x, padded, 3).toarray()
    in_a = np.arange(x.size) < a.size
    t = 0.0
    for mine in (in_a, ~in_a):
        share = w[mine].sum() / w.sum()
        score = w[mine] @ phi[mine]

        def loss(theta: FloatArray, share: float = share, score: FloatArray = score) -> float:
            return float(share * w @ np.expm1(phi @ theta) - score @ theta)

        def gradient(
            theta: FloatArray, share: float = share, score: FloatArray = score
        ) -> FloatArray:
            return share * (w * np.exp(phi @ theta)) @ phi - score

        def hessian(
            theta: FloatArray, share: float = share, score: FloatArray = score
        ) -> FloatArray:
            return share * (phi.T * (w * np.exp(phi @ theta))) @ phi

        fit = minimize(
            loss,
            np.zeros(phi.shape[1]),
            jac=gradient,
            hess=hessian,
            method="trust-exact",
            options={"gtol": 1e-7, "maxiter": 2000},
        )
        t -= 2 * fit.fun
    return t


@pytest.mark.parametrize("k", [4, 5, 8, 13])
@pytest.mark.parametrize("n_a, n_b", [(400, 400), (60, 900), (300, 40)])
@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_scipy(k: int, n_a: int, n_b: int, weighted: bool) -> None:
    rng = np.random.default_rng(k + n_a)
    a, b = rng.exponential(size=n_a), rng.exponential(1.1, size=n_b)
    w_a, w_b = np.ones(n_a), np.ones(n_b)
    if weighted:
        w_a, w_b = rng.gamma(2, 0.5, n_a), rng.gamma(0.5, 1, n_b)
    result = SplineTest(k)(a, b, weights_a=w_a, weights_b=w_b)
    assert result.t == pytest.approx(by_scipy(a, b, w_a, w_b, result), abs=1e-5)


@pytest.mark.parametrize(
    "counts",
    [[[30, 22, 51, 7, 12], [25, 31, 40, 9, 3]], [[9, 4] * 3, [12, 5] * 3]],
)
def test_saturated_is_a_contingency_table(counts: list[list[int]]) -> None:
    """With K distinct values every value has its own parameter: t is the G statistic."""
    table = np.array(counts)
    a, b = (np.repeat(np.arange(row.size) ** 1.5, row) for row in table)
    result = SplineTest(k=table.shape[1])(a, b)
    g = chi2_contingency(table, correction=False, lambda_="log-likelihood")
    assert result.t == pytest.approx(g.statistic, abs=1e-7)
    # Williams (1976), for a table of two rows.
    total, rows, columns = table.sum(), table.sum(axis=1), table.sum(axis=0)
    excess = (np.sum(total / rows) - 1) * (np.sum(total / columns) - 1) / (6 * total)
    assert result.expected == pytest.approx(result.dof + excess, rel=1e-9)


def test_empty_cells_of_one_sample() -> None:
    """Where A or B has no events f or g falls for ever, t reaches its supremum."""
    table = np.array([[30, 0, 51, 0, 12, 8], [25, 31, 0, 9, 3, 20]])
    a, b = (np.repeat(np.arange(row.size), row) for row in table)
    g = chi2_contingency(table, correction=False, lambda_="log-likelihood")
    assert SplineTest(k=6)(a, b).t == pytest.approx(g.statistic, abs=1e-7)


def test_separate_samples() -> None:
    a, b = exponential(3000, 1), exponential(1000, 2) + 100
    result = SplineTest()(a, b)
    assert result.t == pytest.approx(2 * (3000 * np.log(4 / 3) + 1000 * np.log(4)), abs=1e-4)
    assert result.pvalue == 0
    assert 60 < result.z < np.inf  # from the logarithm of the p-value
    assert np.isfinite(result.log_pvalue)


def test_expected_is_the_mean_over_permutations() -> None:
    x = exponential(240, 5)
    rng = np.random.default_rng(6)
    test = SplineTest(k=7)
    t, expected = [], []
    for _ in range(2000):
        y = rng.permutation(x)
        result = test(y[:60], y[60:])
        t.append(result.t)
        expected.append(result.expected)
    error = np.std(t) / np.sqrt(len(t))
    assert np.ptp(expected) < 1e-9  # it does not depend on the labels
    assert expected[0] > 6.2  # far from the asymptotic 6 ...
    assert abs(np.mean(t) - expected[0]) < 3 * error + 0.1  # ... and near the truth


@pytest.mark.parametrize(
    "toys, n_a, n_b, k",
    [
        (200, 550, 550, 13),
        (50, 11_000, 11_000, 13),
        *(
            pytest.param(2000, *options, marks=pytest.mark.slow)
            for options in (
                (550, 550, 13),
                (5500, 5500, 13),
                (55_000, 55_000, 13),
                (5500, 1100, 13),
                (5500, 5500, 24),
            )
        ),
    ],
)
def test_chi_squared(toys: int, n_a: int, n_b: int, k: int) -> None:
    """The p-values are uniform, and in large samples t itself is χ²."""
    results = [
        SplineTest(k)(ToyModel(n_a, n_b).draw(np.random.default_rng([n_a, n_b, k, i])))
        for i in range(toys)
    ]
    assert kstest([r.pvalue for r in results], "uniform").pvalue > 0.001
    if min(n_a, n_b) > 10_000:
        assert kstest([r.t for r in results], chi2(k - 1).cdf).pvalue > 0.001


@pytest.mark.parametrize("toys", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_weighted_pvalues_are_uniform(toys: int) -> None:
    """Weights that vary with x and differ between the samples: χ² scaled to mean and variance."""
    rng = np.random.default_rng(8)
    results = []
    wider = np.sqrt(1000 / toys)
    for _ in range(toys):
        a, b = rng.exponential(size=rng.poisson(3000)), rng.exponential(size=rng.poisson(6000))
        # On average they change both densities alike.
        w_a, w_b = (1 + 0.2 * a) * rng.gamma(5, 0.2, a.size), (1 + 0.2 * b) * 0.5
        results.append(SplineTest(k=8)(a, b, weights_a=w_a, weights_b=w_b))
    assert all(r.weighted for r in results)
    assert all(3 < r.effective_dof < 7.001 for r in results)
    assert np.mean([r.t / r.expected for r in results]) == pytest.approx(1, abs=0.1 * wider)
    assert np.mean([r.pvalue < 0.05 for r in results]) == pytest.approx(0.05, abs=0.02 * wider)
    # Taken for counts they would be far off.
    assert np.mean([r.t / r.dof for r in results]) > 1.25


@pytest.mark.parametrize("n, n_signal", [(55_000, 500), (5500, 160)])
def test_signals_of_the_paper(n: int, n_signal: int) -> None:
    """SYM section IV C: about 2σ (2.17 and 2.09 by permutations of a representative toy)."""
    z = [
        SplineTest()(ToyModel(n, n, "S3", n_signal).draw(np.random.default_rng([n, i]))).z
        for i in range(60)
    ]
    assert 1.6 < np.median(z) < 2.6


def fits(a: Any, b: Any, **weights: Any) -> SplineResult:
    return SplineTest(k=9)(a, b, **weights)


@given(seed=st.integers(0, 10_000), n_a=st.integers(2, 200), n_b=st.integers(10, 200))
@settings(max_examples=40, deadline=None)
def test_invariances(seed: int, n_a: int, n_b: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.exponential(size=n_a), rng.exponential(size=n_b)
    result = fits(a, b)
    close = {"abs": 1e-6, "rel": 1e-7}
    swapped = fits(b, a)
    assert swapped.t == pytest.approx(result.t, **close)
    assert swapped.t_a == pytest.approx(result.t_b, **close)
    assert swapped.expected == pytest.approx(result.expected, **close)
    assert fits(rng.permutation(a), rng.permutation(b)).t == pytest.approx(result.t, **close)
    ones = fits(a, b, weights_a=np.ones(n_a), weights_b=np.ones(n_b))
    assert ones.t == result.t
    assert not ones.weighted
    assert fits(3e5 * a - 7, 3e5 * b - 7).t == pytest.approx(result.t, **close)
    twice = rng.integers(1, 3, n_a)
    doubled, weighted = fits(np.repeat(a, twice), b), fits(a, b, weights_a=twice)
    assert weighted.t == pytest.approx(doubled.t, **close)
    assert weighted.n_a == doubled.n_a
    none = fits(np.append(a, 77.0), b, weights_a=np.append(np.ones(n_a), 0))
    assert none.t == result.t


def test_inputs_alike() -> None:
    a, b = exponential(300, 1), exponential(200, 2)
    t = SplineTest()(a, b).t
    assert SplineTest()(ak.Array(a), ak.Array(b)).t == t
    assert SplineTest()(a.tolist(), tuple(b)).t == t
    assert SplineTest()(columns_pair(a, b)).t == t
    assert SplineTest()(Pair.from_columns({"m": a}, {"m": b}), rng=3).t == t
    w = np.full(300, 0.5)
    pair = columns_pair(a, b, w)
    assert SplineTest()(pair).t == SplineTest()(a, b, weights_a=w).t


def test_result() -> None:
    a, b = exponential(20_000, 1), exponential(10_000, 2) * 1.05
    result = SplineTest(k=10)(a, b)
    assert result.statistic == result.t == result.t_a + result.t_b
    assert result.dof == 9
    assert (result.n_a, result.n_b) == (20_000, 10_000)
    assert result.pvalue == pytest.approx(chi2.sf(result.t * 9 / result.expected, 9))
    assert result.z == pytest.approx(norm.isf(result.pvalue))
    # At the optimum e^f carries A's size, and A over B is the ratio of the densities.
    pool = np.concatenate([a, b])
    assert np.exp(result.f(pool)).sum() * 2 / 3 == pytest.approx(20_000)
    x = np.linspace(0.3, 3, 20)
    assert result.ratio(x) == pytest.approx(2 * 1.05 * np.exp(x / 1.05 - x), rel=0.08)
    assert np.isnan(result.f(np.array([-1.0, 99.0]))).all()
    content = result.to_dict()
    assert content["t"] == result.t
    assert len(content["f"]) == len(content["g"]) == content["k"] == 10
    assert len(content["knots"]) == 8


def test_samples_alike_have_no_z() -> None:
    """A = B: t = 0, p = 1, and a Z of minus infinity that JSON does not know."""
    a = exponential(100, 1)
    result = SplineTest(k=5)(a, a)
    assert result.t == pytest.approx(0, abs=1e-9)
    assert result.pvalue == pytest.approx(1)


def log_pvalue(t: float, dof: float) -> float:
    return ScaledChiSquared(dof, dof).log_pvalue(t)


def test_log_of_tiny_pvalues() -> None:
    for t in (1e-3, 10.0, 1300.0, 1400.0, 5000.0, 1e6):
        assert log_pvalue(t, 2) == pytest.approx(-t / 2)  # exact for two degrees of freedom
        assert log_pvalue(t, 4) == pytest.approx(-t / 2 + np.log1p(t / 2))  # and for four
    assert log_pvalue(1335.0, 39) == pytest.approx(log_pvalue(1336.0, 39) + 0.486, abs=1e-3)


def test_knots_hold_events() -> None:
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.exponential(size=5000), 40 + rng.exponential(size=50), [1e6]])
    a, b = x[::2, None], x[1::2, None]
    events = Distinct.of(a, b, np.ones(len(a)), np.ones(len(b)))
    for k in (4, 5, 13, 40):
        knots = make_knots(events, k)
        assert knots.size == k - 2
        assert (knots[0], knots[-1]) == (x.min(), x.max())
        content = np.histogram(x, knots)[0]
        assert content.min() >= 8
        if k > 4:
            assert min(content[0], content[-1]) >= 39


@pytest.mark.parametrize("levels, k", [(13, 13), (20, 13), (41, 40), (30, 24)])
def test_many_ties(levels: int, k: int) -> None:
    """Rounded data, most of them at zero: every interval has a value, and t is finite."""
    rng = np.random.default_rng(levels)
    x = np.minimum(rng.geometric(0.5, 2000) - 1, levels - 1)
    x[:levels] = np.arange(levels)
    result = SplineTest(k)(x[::2], x[1::2])
    assert 0 <= result.t < 200
    assert np.isfinite(result.expected)


def test_scan() -> None:
    a, b = exponential(2000, 1), exponential(2000, 2)
    scan = SplineScan(k=[8, 13])(a, b)  # type: ignore[arg-type]
    single = [SplineTest(k)(a, b) for k in (8, 13)]
    assert [r.t for r in scan.results] == [r.t for r in single]
    best = min(single, key=lambda r: r.pvalue)
    assert scan.best.t == best.t
    assert scan.statistic == pytest.approx(-np.log(best.pvalue))
    assert scan.pvalue_bound == pytest.approx(min(1, 2 * best.pvalue))
    assert scan.to_dict()["best_k"] == best.dof + 1


@pytest.mark.parametrize("sizes", [(1, 200), (200, 1), (7, 6), (1, 12)])
def test_few_events(sizes: tuple[int, int]) -> None:
    result = SplineTest()(exponential(sizes[0], 1), exponential(sizes[1], 2))
    total = sum(sizes)
    bound = 2 * sum(n * np.log(total / n) for n in sizes)  # every event told apart
    assert 0 <= result.t <= bound + 1e-6
    assert 0 < result.pvalue <= 1


@pytest.mark.parametrize("n", [50_000, pytest.param(500_000, marks=pytest.mark.slow)])
def test_many_events(n: int) -> None:
    result = SplineTest()(exponential(n, 1), exponential(n, 2))
    assert 0.001 < result.pvalue < 0.999


GOOD = exponential(50, 9)


@pytest.mark.parametrize(
    "a, b, message",
    [
        ([1.0, np.nan], GOOD, "A: a value is NaN or infinite"),
        (GOOD, [np.inf, 1.0], "B: a value is NaN or infinite"),
        ([], GOOD, "A: the sample is empty"),
        (GOOD, np.empty(0), "B: the sample is empty"),
        (np.ones(30), np.ones(30), "13 distinct values of x, the pooled sample has 1"),
        (GOOD[:6], GOOD[:12], "13 distinct values of x, the pooled sample has 12"),
        (np.ones((30, 2)), GOOD, r"one column, got shape \(30, 2\)"),
        (["a", "b"], GOOD, "A: is not an array of numbers"),
        (ak.Array([[1.0], [2.0, 3.0]]), GOOD, "A: is not an array of numbers"),
        (ak.Array([1.0, None]), GOOD, "A: is not an array of numbers"),
        (np.array([-1.5e308, 1.0]), np.append(GOOD, 1.5e308), "range of its values"),
        (columns_pair(GOOD, GOOD), GOOD, "a pair brings both samples"),
        (Pair.from_columns({"x": GOOD, "y": GOOD}, {"x": GOOD, "y": GOOD}), None, "choose one"),
    ],
)
def test_bad_samples(a: Any, b: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        SplineTest()(a, b)


@pytest.mark.parametrize(
    "weights, message",
    [
        (-np.ones(50), "A: a weight is negative"),
        (np.full(50, np.nan), "A: a weight is negative or not finite"),
        (np.ones(49), "50 events, but weights of shape"),
        (np.zeros(50), "A: the sample is empty"),
    ],
)
def test_bad_weights(weights: FloatArray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        SplineTest()(GOOD, GOOD, weights_a=weights)


@pytest.mark.parametrize("k", [3, 0, -1, 201, 8.5, True, "13"])
def test_bad_k(k: Any) -> None:
    with pytest.raises(ConfigurationError, match="whole number from 4 to 200"):
        SplineTest(k)
    with pytest.raises(ConfigurationError, match="whole number from 4 to 200"):
        SplineScan((8, k))


def test_scan_of_nothing() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        SplineScan(())
