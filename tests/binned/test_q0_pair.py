"""q0 of a signal in both samples against plain likelihoods minimised by scipy, and pyhf."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hist import Hist
from hist.axis import Regular
from scipy.optimize import minimize_scalar

from eμsym.binned.q0 import q0, q0_toys
from eμsym.binned.q0_minuit import profile_fit
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import ConfigurationError, DataError


def twice_nll(counts, expected):
    """−2 ln of the Poisson probability over the one at ν = n, bin by bin."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(counts > 0, counts * np.log(expected / counts), 0.0)
    return 2 * (expected - counts - logs)


def plain(mu, b, a, s_a, s_b, kappa):
    """−2 ln L with every background found by a golden-section search, all bins at once."""
    low = np.maximum(np.maximum(-mu * s_a, -mu * s_b / kappa), 0.0)
    high = low + a + b / kappa + 1.0
    share = (np.sqrt(5) - 1) / 2

    def value(x):
        in_a, in_b = np.maximum(x + mu * s_a, 0), np.maximum(kappa * x + mu * s_b, 0)
        return twice_nll(a, in_a) + twice_nll(b, in_b)

    bound = value(low)
    for _ in range(70):
        left, right = high - share * (high - low), low + share * (high - low)
        smaller = value(left) < value(right)
        low, high = np.where(smaller, low, left), np.where(smaller, right, high)
    return np.minimum.reduce([value(low), value(high), bound]).sum()


def plain_q0(arguments, span):
    """Signed q0 and μ̂, searched on either side of zero: it may be a kink."""
    at_zero = plain(0.0, *arguments)
    best, mu = at_zero, 0.0
    for bounds in ((-span, 0), (0, span)):
        fit = minimize_scalar(
            plain, bounds=bounds, args=arguments, method="bounded", options={"xatol": 1e-7}
        )
        if fit.fun < best:
            best, mu = fit.fun, fit.x
    return np.copysign(at_zero - best, mu), mu, best


def draw(seed):
    """B, A, S_A, S_B and κ of a few bins: empty ones, ones without signal, an excess or a dip."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    kappa = np.exp(rng.normal(0, 0.5, n))
    s_a, s_b = (rng.random(n) * (rng.random(n) < 0.7) for _ in range(2))
    s_b[0] += 0.1
    level = rng.choice([0.2, 2.0, 20.0, 200.0], n)
    mu = rng.choice([-1, 0, 1, 4]) * np.sqrt(level.sum())
    total = (s_a + s_b).sum()
    s_a, s_b = s_a / total, s_b / total
    a = rng.poisson(np.maximum(level + mu * s_a, 0)).astype(float)
    b = rng.poisson(np.maximum(kappa * level + mu * s_b, 0)).astype(float)
    return b, a, s_a, s_b, kappa


@pytest.mark.parametrize("seed", range(60))
def test_scipy_finds_the_same(seed):
    b, a, s_a, s_b, kappa = arguments = draw(seed)
    ours = q0(b, a, (3 * s_a, 3 * s_b), background="profiled", ratio=kappa)
    value, mu, best = plain_q0(arguments, 200 * (a + b).sum() + 20)
    assert ours.q0 == pytest.approx(value, abs=2e-6)
    assert plain(ours.mu, *arguments) <= best + 1e-7
    if np.isfinite(ours.mu_error):
        assert ours.mu == pytest.approx(mu, abs=3e-3 * ours.mu_error)


@pytest.mark.parametrize("seed", range(30))
def test_minuit_finds_the_same(seed):
    b, a, s_a, s_b, kappa = arguments = draw(seed)
    ours = q0(b, a, (s_a, s_b), background="profiled", ratio=kappa)
    fit = profile_fit(b, a, (s_a, s_b), background="profiled", ratio=kappa, scan_size=5)
    assert fit.valid
    assert fit.z == pytest.approx(ours.z, abs=1e-6)
    profile = [plain(mu, *arguments) - plain(fit.mu, *arguments) for mu in fit.scan_mu]
    assert fit.scan == pytest.approx(profile, abs=1e-6)
    assert np.all(fit.background >= 0)
    # So small a nuisance that it changes nothing takes the way of large ones.
    tiny = YieldRatio(np.log(kappa), np.full((1, kappa.size), 1e-9))
    same = q0(b, a, (s_a, s_b), background="profiled", ratio=tiny)
    assert same.z == pytest.approx(ours.z, abs=1e-6)
    if np.isfinite(ours.mu_error):
        assert fit.mu == pytest.approx(ours.mu, abs=1e-5 * ours.mu_error)
        assert fit.mu_error == pytest.approx(ours.mu_error, rel=1e-4)


def test_the_background_is_held_at_zero():
    """Where what A has is less than its share of what B has, all events are signal."""
    b, a, kappa = np.array([44.0, 45.0]), np.array([7.0, 8.0]), np.array([1.0, 1.5])
    s = (np.array([0.1, 0.1]), np.array([0.4, 0.4]))
    result = q0(b, a, s, background="profiled", ratio=kappa)
    value, mu, _ = plain_q0((b, a, *s, kappa), 300)
    assert result.q0 == pytest.approx(value, abs=1e-6)
    assert result.mu == pytest.approx(mu, abs=1e-4)
    # With b = 0 in both, Σ N ln μ − μ is largest at μ = ΣN, whose error is its root.
    assert result.mu == pytest.approx(104, rel=1e-9)
    assert result.mu_error == pytest.approx(np.sqrt(104), rel=1e-9)


def test_the_kink_of_bins_empty_in_both():
    """ln L falls by S_A + S_B on the right, by the larger of S_B/κ − S_A and κS_A − S_B left."""
    b, a, kappa = np.array([60.0, 0.0]), np.array([40.0, 0.0]), np.array([1.0, 4.0])
    for s_a, s_b in [([0.1, 0.1], [0.5, 0.3]), ([0.3, 0.3], [0.1, 0.3]), ([0.1, 0.1], [0.4, 0.4])]:
        arguments = (b, a, np.array(s_a), np.array(s_b), kappa)
        for counts in (arguments, (a, b, *arguments[2:])):
            ours = q0(*counts[:2], (s_a, s_b), background="profiled", ratio=kappa)
            value, mu, _ = plain_q0(counts, 1000)
            assert ours.q0 == pytest.approx(value, abs=1e-6)
            assert ours.mu == pytest.approx(mu, abs=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_in_a_is_a_signal_in_b(seed):
    b, a, _, s_b, kappa = draw(seed)
    for ratio in (None, kappa, YieldRatio(np.log(kappa), np.full((1, kappa.size), 0.05))):
        one = q0(b, a, s_b, background="profiled", ratio=ratio)
        other = q0(b, a, (np.zeros(s_b.size), s_b), background="profiled", ratio=ratio)
        np.testing.assert_equal(asdict(other), asdict(one))


@pytest.mark.parametrize("seed", range(40))
def test_exchanging_the_samples(seed):
    """b' = κb names the backgrounds anew: κ becomes 1/κ, and S_A and S_B change places."""
    b, a, s_a, s_b, kappa = draw(seed)
    ratio = YieldRatio(np.log(kappa), np.full((1, kappa.size), 0.1))
    for forth, back in ((kappa, 1 / kappa), (ratio, ratio.inverse())):
        one = q0(b, a, (s_a, s_b), background="profiled", ratio=forth)
        other = q0(a, b, (s_b, s_a), background="profiled", ratio=back)
        assert other.q0 == pytest.approx(one.q0, rel=1e-9, abs=1e-9)
        if np.isfinite(one.mu_error):
            assert other.mu == pytest.approx(one.mu, abs=1e-6 * one.mu_error)
            assert other.mu_error == pytest.approx(one.mu_error, rel=1e-5)


def test_a_signal_like_the_backgrounds_cannot_be_told():
    result = q0([30, 50], [20, 25], ([1, 1], [1, 2]), background="profiled", ratio=[1, 2])
    assert (result.q0, result.mu) == (0.0, 0.0)
    assert np.isnan(result.mu_error)


@pytest.mark.parametrize("pair", [False, True])
def test_toys_are_the_single_fits(pair):
    rng = np.random.default_rng(3)
    s_a, s_b, kappa = rng.random((2, 3)), rng.random((2, 3)), rng.uniform(0.5, 2, (2, 3))
    signal = (s_a, s_b) if pair else s_b
    b, a = rng.poisson(4, (2, 60, 2, 3))
    toys = q0_toys(b, a, signal, background="profiled", ratio=kappa)
    shared = q0_toys(b, a[0], signal, background="profiled", ratio=YieldRatio.exact(kappa))
    for i in range(60):
        for found, counts in ((toys, a[i]), (shared, a[0])):
            one = q0(b[i], counts, signal, background="profiled", ratio=kappa)
            values = [x[i] for x in (found.q0, found.z, found.mu, found.mu_error)]
            expected = [one.q0, one.z, one.mu, one.mu_error]
            assert values == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
def test_pyhf_finds_the_same():
    """A channel a bin and sample, whose backgrounds share a factor; the signal is in both."""
    pyhf = pytest.importorskip("pyhf")
    b, a, kappa = np.array([95.0, 80.0, 41.0]), np.array([60.0, 70.0, 45.0]), [1.2, 1.0, 0.8]
    s_a, s_b = np.array([0.05, 0.1, 0.05]), np.array([0.4, 0.3, 0.1])
    channels = []
    for i in range(3):
        for name, scale, shape in (("a", 1.0, s_a), ("b", kappa[i], s_b)):
            free = {"name": f"b{i}", "type": "normfactor", "data": None}
            strength = {"name": "mu", "type": "normfactor", "data": None}
            samples = [
                {"name": "background", "data": [60.0 * scale], "modifiers": [free]},
                {"name": "signal", "data": [100 * shape[i]], "modifiers": [strength]},
            ]
            channels.append({"name": f"{name}{i}", "samples": samples})
    bounds = [{"name": "mu", "bounds": [[-0.5, 5]], "inits": [0.1]}]
    model = pyhf.Model({"channels": channels, "parameters": bounds}, poi_name="mu")
    data = [*a, *b]  # pyhf sorts channels by name
    try:
        pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-8))
        best, smallest = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
        _, at_zero = pyhf.infer.mle.fixed_poi_fit(0.0, data, model, return_fitted_val=True)
    finally:
        pyhf.set_backend("numpy", "scipy")
    ours = q0(b, a, (s_a, s_b), background="profiled", ratio=kappa)
    assert ours.q0 == pytest.approx(at_zero - smallest, abs=1e-5)
    assert ours.mu == pytest.approx(100 * best[model.config.poi_index], abs=1e-3 * ours.mu_error)


def test_histograms_and_tuples():
    planes = []
    for values in ([[3, 1, 2]], [[4, 0, 7]]):
        h = Hist(Regular(1, 0, 1), Regular(3, 0, 1))
        h.values()[...] = values
        planes.append(h)
    arrays = tuple(h.values() for h in planes)
    b, a = np.array([[30, 20, 10]]), np.array([[20, 20, 3]])
    assert q0(b, a, tuple(planes), background="profiled") == q0(b, a, arrays, background="profiled")
    # A tuple of numbers is one shape of two bins, as it has been.
    assert q0([5, 9], [5, 4], (0, 1), background="profiled").mu == pytest.approx(5)


def test_pairs_that_are_none():
    with pytest.raises(DataError, match="shapes differ"):
        q0([1, 2], [1, 2], ([1, 2], [1, 2, 3]), background="profiled")
    with pytest.raises(DataError, match="shapes differ"):
        q0_toys([[1, 2]], [1, 2], ([1, 2], [1, 2, 3]), background="profiled")
    with pytest.raises(DataError, match="every bin is zero"):
        q0([1, 2], [1, 2], ([0, 0], [0, 0]), background="profiled")
    for test in (q0, q0_toys, profile_fit):
        with pytest.raises(ConfigurationError, match="is of two samples"):
            test([1, 2], [1, 2], ([1, 0], [1, 0]), background="known")
    with pytest.raises(ConfigurationError, match="in both choose"):
        profile_fit([1, 2], [1, 2], ([1, 0], [1, 0]), background="profiled", profile="bins")
    uncertain = YieldRatio(np.zeros(2), np.ones((1, 2)))
    with pytest.raises(ConfigurationError, match="exact ratio"):
        q0_toys([[1, 2]], [1, 2], [1, 1], background="profiled", ratio=uncertain)


def test_a_fit_that_does_not_end_says_so():
    """κ turns until S_B = κS_A in a bin empty in both, and −2 ln L has an edge in ν there."""
    uncertain, signal = YieldRatio(np.zeros(2), [[-0.1, 0.1]]), ([0.3, 0.6], [0.9, 0.8])
    with pytest.raises(DataError, match=r"no minimum was reached.*; merge bins that are empty"):
        q0([95, 0], [176, 0], signal, background="profiled", ratio=uncertain)
