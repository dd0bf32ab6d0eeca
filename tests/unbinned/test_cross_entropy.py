"""The cross-entropy test: closed forms, invariances, and its engines."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit

from eμsym.unbinned.cross_entropy import CrossEntropyTest
from tests.sending import received


def toy(seed=0):
    rng = np.random.default_rng(seed)
    return rng.exponential(size=900), rng.exponential(size=1400)


def test_t_is_that_of_the_printed_equation():
    a, b = toy()
    result = CrossEntropyTest(epochs=1000)(a, b, rng=1)
    odds = result.f.network
    total = a.size + b.size
    t_a = 2 * np.sum(np.log(total * expit(odds(a)) / a.size))
    t_b = 2 * np.sum(np.log(total * (1 - expit(odds(b))) / b.size))
    assert (result.t_a, result.t_b) == pytest.approx((t_a, t_b), abs=1e-8)
    assert result.t == result.t_a + result.t_b
    assert result.histories[0][-1][1] == pytest.approx(result.t, abs=0.01)
    assert result.t_last == pytest.approx(result.t, abs=1)


def test_a_constant_finds_nothing():
    a, b = toy()
    result = CrossEntropyTest(hidden=0, epochs=5000, learning_rate=0.01)(a, b, rng=1)
    assert result.t == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose([result.f(1.0), result.g(1.0)], 0, atol=1e-4)


def test_two_places():
    """At two values of x the odds can be anything: t is the G-test of a 2×2 table."""
    counts = np.array([[30.0, 70.0], [60.0, 60.0]])
    expected = counts.sum(0) * counts.sum(1, keepdims=True) / counts.sum()
    x = np.array([-1.0, 1.0])
    result = CrossEntropyTest(hidden=2, epochs=20_000, learning_rate=0.01)(
        x, x, weights_a=counts[0], weights_b=counts[1], rng=1
    )
    assert result.t == pytest.approx(2 * np.sum(counts * np.log(counts / expected)), abs=1e-4)


def test_exchange_of_a_and_b():
    a, b = toy()
    theta = np.random.default_rng(1).uniform(-1, 1, 13)
    mirrored = np.r_[theta[:8], -theta[8:]]
    test = CrossEntropyTest(epochs=1000)
    one, other = test(a, b, start=[theta]), test(b, a, start=[mirrored])
    assert one.t == pytest.approx(other.t, abs=1e-6)
    assert one.t_a == pytest.approx(other.t_b, abs=1e-6)


def test_engines_agree():
    pytest.importorskip("torch")
    a, b = (sample[:200] for sample in toy())
    t = [
        CrossEntropyTest(epochs=100, engine=engine)(a, b, rng=1).t
        for engine in ("cpu", "reference", "nodes")
    ]
    assert t[1] == pytest.approx(t[0], abs=1e-8)
    assert t[2] == pytest.approx(t[0], abs=0.01)


def test_result_travels():
    a, b = toy()
    result = CrossEntropyTest(epochs=100)(a, b, rng=1)
    again = received(result)
    np.testing.assert_array_equal(again.f(a), result.f(a))
    content = json.loads(json.dumps(result.to_dict()))
    assert content["g"]["sign"] == -1
    # e^f and e^g times the shares are the labels' probabilities.
    total = np.exp(result.f(a)) * result.f.share + np.exp(result.g(a)) * result.g.share
    np.testing.assert_allclose(total, 1)
