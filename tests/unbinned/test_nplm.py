"""The NPLM test: closed forms, clipping, and what goes wrong with it at equal sizes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import chi2, kstest

from eμsym.errors import ConfigurationError
from eμsym.unbinned.nplm import NPLMTest
from eμsym.unbinned.symmetrized import SymmetrizedTest


def test_a_constant_has_a_closed_form():
    """With hidden=0, f = ln(Ñ_A/N_A) and t = 2 (Ñ_A ln(Ñ_A/N_A) − Ñ_A + N_A)."""
    rng = np.random.default_rng(0)
    a, b = rng.exponential(size=120), rng.exponential(size=5000)
    result = NPLMTest(hidden=0, expected=100.0, epochs=5000, learning_rate=0.01)(a, b, rng=1)
    assert result.t == pytest.approx(2 * (120 * np.log(1.2) - 20), abs=1e-6)
    assert result.dof == 1
    observed = NPLMTest(hidden=0, epochs=5000, learning_rate=0.01)(a, b, rng=1)
    assert observed.t == pytest.approx(0, abs=1e-6)
    assert observed.dof == 0


def test_degrees_of_freedom():
    a, b = np.arange(5.0), np.arange(9.0)
    assert NPLMTest(epochs=1)(a, b, rng=1).dof == 12
    assert NPLMTest(epochs=1, expected=4)(a, b, rng=1).dof == 13


def test_t_is_that_of_the_printed_equation():
    rng = np.random.default_rng(0)
    a, b = rng.exponential(size=100), rng.exponential(size=400)
    w_a, w_b = rng.random(100), rng.random(400)
    result = NPLMTest(epochs=500, expected=60.0)(a, b, rng=1, weights_a=w_a, weights_b=w_b)
    f = result.f
    expected = -2 * (60 / w_b.sum() * np.sum(w_b * (np.exp(f(b)) - 1)) - np.sum(w_a * f(a)))
    assert result.t == pytest.approx(expected, abs=1e-8)
    assert (result.t_a, result.t_b, result.g) == (result.t, 0.0, None)


def test_clipping_bounds_the_weights_alone():
    rng = np.random.default_rng(0)
    a, b = rng.exponential(size=100), rng.exponential(size=4000) * 0.5
    theta = NPLMTest(epochs=3000, clip=0.3, learning_rate=0.01)(a, b, rng=1).f.parameters
    assert np.abs(np.r_[theta[:4], theta[8:12]]).max() == 0.3
    assert np.abs(theta[[4, 5, 6, 7, 12]]).max() > 0.3


def test_a_runaway_is_a_result():
    """A's last event lies far beyond B: f grows there without limit."""
    rng = np.random.default_rng(0)
    a, b = np.r_[rng.uniform(size=50), 10.0], rng.uniform(size=60)
    for engine in ("nodes", "cpu"):
        test = NPLMTest(epochs=20_000, learning_rate=0.05, engine=engine)
        result = test(a, b, rng=1)
        assert result.diverged
        assert result.t == np.inf
        content = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert content["t"] == "inf"
        assert content["diverged"] is True
    clipped = NPLMTest(epochs=20_000, learning_rate=0.05, clip=1.0)(a, b, rng=1)
    assert not clipped.diverged
    assert np.isfinite(clipped.t)


def test_events_where_the_reference_has_none():
    """Many events of A in cells without any of B are merged too, and change nothing."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0, 3, 3000), rng.uniform(0, 2, 3000)
    values = [
        NPLMTest(epochs=800, clip=2.0, engine=engine)(a, b, rng=1).t for engine in ("nodes", "cpu")
    ]
    assert values[0] == pytest.approx(values[1], abs=0.02)


@pytest.mark.parametrize("options", [{"expected": 0}, {"expected": np.inf}, {"clip": -1.0}])
def test_bad_options(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        NPLMTest(**options)


@pytest.mark.parametrize("toys", [6, pytest.param(30, marks=pytest.mark.slow)])
def test_equal_sizes_are_not_chi2_and_some_diverge(toys):
    """SYM Fig. 1, left, on a small scale, and Fig. 2: the symmetrized test is well behaved."""
    rng = np.random.default_rng(4)
    training = {"epochs": 20_000, "learning_rate": 0.02}
    free, clipped, symmetrized = [], [], []
    for i in range(toys):
        a, b = rng.exponential(size=500), rng.exponential(size=500)
        free.append(NPLMTest(**training)(a, b, rng=i))
        clipped.append(NPLMTest(**training, clip=9)(a, b, rng=i))
        symmetrized.append(SymmetrizedTest(**training)(a, b, rng=i))
    assert any(result.diverged for result in free)
    assert not any(result.diverged for result in clipped + symmetrized)
    chance = 1e-6 if toys == 30 else 1e-3
    assert kstest([result.t for result in clipped], chi2(12).cdf).pvalue < chance
    assert kstest([result.t for result in free], chi2(12).cdf).pvalue < chance
    assert np.median([result.t for result in symmetrized]) < 18
