"""q0 against plain likelihoods minimised by scipy, against MINUIT, and against closed forms."""

import json
import tracemalloc
from decimal import Decimal, getcontext

import boost_histogram as bh
import hist
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from eμsym.binned import q0_input
from eμsym.binned.q0 import q0, q0_toys
from eμsym.binned.q0_input import Signal
from eμsym.binned.q0_minuit import profile_fit
from eμsym.binned.q0_profiled import ProfiledLikelihood
from eμsym.binned.q0_root import decreasing_root
from eμsym.errors import ConfigurationError, DataError, EmusymError

# ---------------------------------------------------------------- the plain likelihoods


def twice_nll(counts, expected):
    """−2 ln of the Poisson probability over the one at ν = n, bin by bin."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * np.where(
            counts > 0, expected - counts - counts * np.log(expected / counts), expected
        )


def plain_known(mu, b, t, s):
    return twice_nll(b, np.maximum(t + mu * s, 0)).sum()


def plain_profiled(mu, b, a, s):
    """L2 with every background found by a golden-section search, all bins at once."""
    low = np.maximum(0.0, -mu * s)
    high = low + a + b + 1.0
    ratio = (np.sqrt(5) - 1) / 2

    def value(background):
        return twice_nll(b, np.maximum(background + mu * s, 0)) + twice_nll(a, background)

    for _ in range(90):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        smaller = value(left) < value(right)
        low, high = np.where(smaller, low, left), np.where(smaller, right, high)
    ends = [value(x) for x in (low, high, np.maximum(0.0, -mu * s))]
    return np.minimum.reduce(ends).sum()


def plain_q0(function, lower, upper, *args):
    """Signed q0 and μ̂ by scipy's bounded minimisation; zero stays a candidate, it may be a kink."""
    fit = minimize_scalar(
        function, bounds=(lower, upper), args=args, method="bounded", options={"xatol": 1e-9}
    )
    at_zero = function(0.0, *args)
    candidates = [(fit.fun, fit.x), (function(lower, *args), lower), (at_zero, 0.0)]
    best, mu = min(candidates, key=lambda pair: pair[0])
    return np.copysign(max(at_zero - best, 0.0), mu), mu, best


counts = st.one_of(st.just(0), st.integers(0, 6), st.integers(0, 3000))
shapes = st.one_of(st.just(0.0), st.floats(0.01, 1.0))
templates = st.one_of(st.just(0.0), st.floats(0.1, 2000.0))


@st.composite
def planes(draw):
    """B, A, T and S of up to six bins, any of them empty."""
    n = draw(st.integers(1, 6))
    b, a, t, s = (
        np.array(draw(st.lists(x, min_size=n, max_size=n)), dtype=float)
        for x in (counts, counts, templates, shapes)
    )
    assume(s.sum() > 0)
    return b, a, t, s / s.sum()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(planes())
def test_profiled_agrees_with_the_plain_likelihood(plane):
    b, a, _, s = plane
    result = q0(b, a, s, background="profiled")
    used = s > 0
    expected, mu, best = plain_q0(plain_profiled, -a[used].sum() - 1, b[used].sum() + 1, b, a, s)
    assert result.q0 == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert plain_profiled(result.mu, b, a, s) <= best + 1e-7
    if np.isfinite(result.mu_error):  # else ln L may be flat about its maximum
        assert abs(result.mu - mu) <= 1e-6 * max(1.0, abs(mu), result.mu_error)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(planes())
def test_known_agrees_with_the_plain_likelihood(plane):
    b, _, t, s = plane
    assume(not np.any((b > 0) & (t == 0) & (s == 0)))
    result = q0(b, t, s, background="known")
    lower = -np.min(t[s > 0] / s[s > 0])
    with np.errstate(invalid="ignore"):
        expected, mu, best = plain_q0(plain_known, lower, b.sum() + 1, b, t, s)
    if np.any((b > 0) & (t == 0)):
        assert result.q0 == np.inf
    else:
        assert result.q0 == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert plain_known(result.mu, b, t, s) <= best + 1e-7
    assert result.mu >= lower * (1 + 1e-12)
    assert abs(result.mu - mu) <= 1e-6 * max(1.0, abs(mu), np.nan_to_num(result.mu_error))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(planes())
@example((np.array([0.0, 1.0]), np.array([5.0, 2.0]), np.array([5.0, 2.0]), np.array([0.5, 0.5])))
def test_minuit_agrees_with_newton(plane):
    b, a, t, s = plane
    assume(not np.any((b > 0) & (t == 0) & (s == 0)))
    fits = [("known", t, "mu"), ("profiled", a, "mu"), ("profiled", a, "bins")]
    for background, reference, profile in fits:
        fast = q0(b, reference, s, background=background)
        slow = profile_fit(b, reference, s, background=background, profile=profile)
        assert slow.valid
        assert slow.q0 == pytest.approx(fast.q0, rel=1e-6, abs=1e-6)
        if np.isfinite(fast.mu_error):
            scale = max(1.0, abs(fast.mu), fast.mu_error)
            assert abs(slow.mu - fast.mu) <= 1e-6 * scale
            assert slow.mu_error == pytest.approx(fast.mu_error, rel=1e-4)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(planes(), st.floats(1e-3, 1e3))
def test_exchanging_the_samples_changes_the_sign_and_the_scale_of_s_nothing(plane, scale):
    b, a, _, s = plane
    forward = q0(b, a, s, background="profiled")
    backward = q0(a, b, s * scale, background="profiled")
    assert backward.q0 == pytest.approx(-forward.q0, rel=1e-9, abs=1e-9)
    if np.isfinite(forward.mu_error):
        assert backward.mu == pytest.approx(-forward.mu, rel=1e-6, abs=1e-6 * forward.mu_error)


# ---------------------------------------------------------------- closed forms


@pytest.mark.parametrize("b, a", [(144.0, 100.0), (56.0, 100.0), (3.0, 7.0), (1e10 + 3e5, 1e10)])
def test_one_bin(b, a):
    known = q0([b], [a], [2.0], background="known")
    assert known.mu == pytest.approx(b - a, rel=1e-9)
    assert known.mu_error == pytest.approx(np.sqrt(b), rel=1e-9)
    size = np.longdouble(2) * (b * np.log1p((np.longdouble(b) - a) / a) - (b - a))
    assert known.q0 == pytest.approx(float(np.copysign(size, b - a)), rel=1e-6)
    profiled = q0([b], [a], [2.0], background="profiled")
    assert profiled.mu == pytest.approx(b - a, rel=1e-9)
    assert profiled.mu_error == pytest.approx(np.sqrt(a + b), rel=1e-9)
    total = np.longdouble(a) + b
    size = 2 * (b * np.log1p((b - a) / total) + a * np.log1p((a - b) / total))
    assert profiled.q0 == pytest.approx(float(np.copysign(size, b - a)), rel=1e-6)
    assert profiled.z == pytest.approx(np.copysign(np.sqrt(abs(profiled.q0)), b - a))


def test_equal_samples_have_no_signal():
    result = q0([10, 20, 30], [10, 20, 30], [1, 1, 1], background="profiled")
    assert (result.q0, result.z, result.mu) == (0.0, 0.0, 0.0)


def test_physical_boundary_of_a_known_background():
    # Nothing seen: ln L1 = −μ − ΣT falls with μ, down to where T + μS vanishes.
    result = q0([0, 0], [5, 3], [1, 2], background="known")
    assert result.mu == pytest.approx(-4.5)
    assert result.q0 == pytest.approx(-9.0)
    assert np.isnan(result.mu_error)


def test_signal_outside_the_populated_region():
    # Bins empty in A and B alone know of μ: ln L2 = −|μ|, a kink at zero.
    result = q0([50, 0], [60, 0], [0, 1], background="profiled")
    assert (result.q0, result.mu) == (0.0, 0.0)
    assert np.isnan(result.mu_error)
    # With T = 0 there, an entry excludes μ = 0.
    result = q0([50, 2], [60, 0], [0, 1], background="known")
    assert result.q0 == result.z == np.inf
    assert result.mu == pytest.approx(2.0)
    assert json.loads(json.dumps(result.to_dict()))["q0"] == "inf"


@pytest.mark.parametrize("minimizer", ["newton", "minuit"])
def test_a_level_likelihood_has_its_maximum_at_zero(minimizer):
    # B − A splits evenly over bins that are empty in one sample: ln L2 is level about 0.
    b, a, s = [0, 0, 1, 1], [9, 7, 0, 0], [0.1, 0.6, 0.2, 0.5]
    result = q0(b, a, s, background="profiled", minimizer=minimizer)
    assert (result.q0, result.mu) == (0.0, 0.0)
    assert np.isnan(result.mu_error)


def test_bins_without_signal_do_not_matter():
    few = q0([30, 9], [20, 5], [1, 3], background="profiled")
    more = q0([30, 9, 400, 0], [20, 5, 100, 7], [1, 3, 0, 0], background="profiled")
    assert more == few


def test_profiled_background_keeps_its_digits():
    getcontext().prec = 60
    for a, b, x in [(3, 5, 1e12), (3, 5, -1e12), (0, 4, 10), (4, 0, -10), (2, 7, 9), (1, 1, 1e-9)]:
        c, exact_a, exact_x = (Decimal(v) for v in (a + b, a, x))
        c -= exact_x
        exact = float((c + (c * c + 8 * exact_a * exact_x / 2).sqrt()) / 4)
        counts = np.array([[float(b)]]), np.array([[float(a)]])
        likelihood = ProfiledLikelihood(*counts, Signal.normalised([1.0]), np.ones(1))
        found = likelihood.background(np.array([x / 2]))
        assert found.item() == pytest.approx(exact, rel=1e-12, abs=1e-300)


def test_root_search_survives_functions_without_curvature():
    roots = decreasing_root(
        lambda x: (np.where(x < 0.7, 1.0, -1.0), np.zeros_like(x)),
        np.zeros(2),
        np.array([1.0, 5.0]),
        np.zeros(2),
        np.full(2, 1e-9),
    )
    assert roots == pytest.approx(0.7, abs=1e-8)


@pytest.mark.parametrize("background", ["known", "profiled"])
def test_extreme_scales(background):
    cases = [
        ([1e15, 3], [1e15, 4], [1, 1]),
        ([5, 1e6], [1e-9, 1e6], [1, 1e-12]),
        ([0, 1e-20], [1e-20, 0.1], [1, 1]),
        ([1e8] * 4, [1.0] * 4, [1, 2, 3, 4]),
    ]
    for b, reference, s in cases:
        result = q0(b, reference, s, background=background)
        assert np.isfinite([result.q0, result.mu]).all()


# ---------------------------------------------------------------- toys at once


@pytest.mark.parametrize("background", ["known", "profiled"])
def test_toys_are_the_single_fits(background, monkeypatch):
    rng = np.random.default_rng(5)
    s = rng.random((4, 5))
    s[0] = 0
    b, a = rng.poisson(3, (2, 2, 7, 4, 5))
    toys = q0_toys(b, a + (background == "known"), s, background=background)
    assert toys.q0.shape == toys.mu.shape == (2, 7)
    for index in np.ndindex(2, 7):
        one = q0(b[index], a[index] + (background == "known"), s, background=background)
        found = [x[index] for x in (toys.q0, toys.z, toys.mu, toys.mu_error)]
        assert found == pytest.approx([one.q0, one.z, one.mu, one.mu_error], nan_ok=True)
    monkeypatch.setattr(q0_input, "CHUNK", 45)
    again = q0_toys(b, a + (background == "known"), s, background=background)
    np.testing.assert_allclose(again.q0, toys.q0, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("background", ["known", "profiled"])
def test_one_reference_serves_all_toys(background):
    rng = np.random.default_rng(6)
    b, a, s = rng.poisson(20, (9, 6)), rng.poisson(20, 6), rng.random(6)
    shared = q0_toys(b, a, s, background=background)
    repeated = q0_toys(b, np.tile(a, (9, 1)), s, background=background)
    np.testing.assert_allclose(shared.z, repeated.z, rtol=1e-12)


def test_summary_of_toys():
    toys = q0_toys([[5, 2], [6, 0], [5, 3]], [5, 0], [1, 1], background="known")
    summary = json.loads(json.dumps(toys.to_dict()))
    assert summary["n"] == 3
    assert summary["z_mean"] == "inf"
    assert summary["z_standard_deviation"] is None


def test_memory_stays_bounded():
    rng = np.random.default_rng(7)
    b, a = rng.poisson(100, (2, 2000, 28, 28))
    tracemalloc.start()
    q0_toys(b, a, rng.random((28, 28)), background="profiled")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e7  # one copy of B alone would be 1.25e7 bytes


# ---------------------------------------------------------------- histograms and bad input


def filled(values, storage):
    h = hist.Hist(hist.axis.Regular(3, 0, 3), hist.axis.Regular(2, 0, 2), storage=storage)
    x, y = np.nonzero(np.ones((3, 2)))
    repeat = np.asarray(values).ravel()
    h.fill(np.repeat(x, repeat) + 0.5, np.repeat(y, repeat) + 0.5)
    return h


def test_histograms_of_any_kind():
    b, a = [[9, 3], [4, 0], [7, 7]], [[5, 4], [2, 0], [7, 9]]
    s = hist.Hist(*filled(a, hist.storage.Weight()).axes, storage=hist.storage.Weight())
    s.fill([0.5, 1.5, 1.5], [0.5, 0.5, 1.5], weight=[0.2, 0.6, 0.2])
    expected = q0(b, a, s.values(), background="profiled")
    for storage in (hist.storage.Int64(), hist.storage.Double(), hist.storage.Weight()):
        assert q0(filled(b, storage), filled(a, storage), s, background="profiled") == expected
    assert (
        q0(
            bh.Histogram(filled(b, hist.storage.Int64())),
            np.array(a),
            s.values(),
            background="profiled",
        )
        == expected
    )
    weighted = filled(a, hist.storage.Weight()) * 0.5  # T may be weighted, B and A may not
    assert np.isfinite(q0(filled(b, hist.storage.Int64()), weighted + 1, s, background="known").q0)
    with pytest.raises(DataError, match="A: the histogram is weighted"):
        q0(filled(b, hist.storage.Int64()), weighted, s, background="profiled")


@pytest.mark.parametrize(
    "arguments, match",
    [
        (([1, 2], [1, 2, 3], [1, 2]), "shapes differ"),
        (([1, 2], [1, 2], [[1, 2]]), "shapes differ"),
        (([1, -2], [1, 2], [1, 1]), "B: a count is negative"),
        (([1, 2], [np.nan, 2], [1, 1]), "not finite"),
        (([np.inf, 2], [1, 2], [1, 1]), "B: a bin content is not finite"),
        (([1, 2], [1, 2], [0, 0]), "every bin is zero"),
        (([1, 2], [1, 2], [2, -1]), "signal: a bin content is negative"),
        (([1, 2], [1, 2], [2, np.nan]), "signal: a bin content is not finite"),
    ],
)
@pytest.mark.parametrize("minimizer", ["newton", "minuit"])
def test_bad_input(arguments, match, minimizer):
    with pytest.raises(DataError, match=match):
        q0(*arguments, background="profiled", minimizer=minimizer)


def test_more_bad_input():
    with pytest.raises(DataError, match="T: a bin content is negative"):
        q0([1, 2], [1, -2], [1, 1], background="known")
    for minimizer in ("newton", "minuit"):
        with pytest.raises(DataError, match="T and the signal are zero"):
            q0([1, 2], [1, 0], [1, 0], background="known", minimizer=minimizer)
    with pytest.raises(ConfigurationError, match="background 'guessed'"):
        q0([1], [1], [1], background="guessed")
    with pytest.raises(ConfigurationError, match="minimizer 'simplex'"):
        q0([1], [1], [1], background="known", minimizer="simplex")
    with pytest.raises(DataError, match="its last axes must be bins"):
        q0_toys(np.ones((5, 3)), np.ones(3), np.ones(2), background="profiled")
    with pytest.raises(DataError, match="the reference has shape"):
        q0_toys(np.ones((5, 2)), np.ones((4, 2)), np.ones(2), background="profiled")
    with pytest.raises(DataError, match="B: a bin content is negative"):
        q0_toys(-np.ones((5, 2)), np.ones(2), np.ones(2), background="profiled")
    with pytest.raises(EmusymError, match="scan"):
        profile_fit([1], [1], [1], background="known", scan_size=-1)
