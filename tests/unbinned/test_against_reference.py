"""The likelihood ratio with any reference: its limits, closed forms, what clipping does."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eμsym.errors import ConfigurationError, DataError
from eμsym.unbinned.against_reference import ReferenceTest
from eμsym.unbinned.cross_entropy import CrossEntropyTest
from eμsym.unbinned.nplm import NPLMTest
from eμsym.unbinned.symmetrized import SymmetrizedTest


def samples(n_a=150, n_b=200, seed=0):
    rng = np.random.default_rng(seed)
    return rng.exponential(size=n_a), rng.exponential(1.3, size=n_b)


def test_with_the_pooled_events_as_reference_it_is_the_symmetrized_test():
    """SYM Eq. 21–22: h = 0 is the null hypothesis' maximum, whatever the nets."""
    a, b = samples()
    zero = np.zeros(13)
    start = [np.random.default_rng(i).normal(size=13) for i in (1, 2)]
    options = {"epochs": 3000, "engine": "cpu"}
    ours = ReferenceTest(reference=np.r_[a, b], **options)(a, b, start=[*start, zero])
    theirs = SymmetrizedTest(**options)(a, b, start=start)
    assert ours.t_0 == pytest.approx(0, abs=1e-9)
    assert ours.t == pytest.approx(theirs.t, abs=1e-6)
    assert ours.dof == theirs.dof == 12


def test_t_is_that_of_the_printed_equation():
    a, b = samples()
    rng = np.random.default_rng(5)
    reference, w_r = rng.exponential(1.5, size=900), rng.uniform(0.5, 2, size=900)
    w_a, w_b = rng.random(150), rng.random(200)
    test = ReferenceTest(reference=reference, reference_weights=w_r, epochs=500)
    result = test(a, b, rng=1, weights_a=w_a, weights_b=w_b)

    def log_likelihood(function, *parts):
        size = sum(w.sum() for _, w in parts)
        expected = size / w_r.sum() * np.sum(w_r * (np.exp(function(reference)) - 1))
        return sum(np.sum(w * function(x)) for x, w in parts) - expected

    one = log_likelihood(result.f, (a, w_a)) + log_likelihood(result.g, (b, w_b))
    null = log_likelihood(result.h, (a, w_a), (b, w_b))
    assert result.t == pytest.approx(2 * (one - null), abs=1e-8)
    assert result.t_0 == pytest.approx(2 * null, abs=1e-8)
    assert result.t_at_epoch(500) == pytest.approx(result.t, abs=1e-8)
    stored = json.loads(json.dumps(result.to_dict()))
    assert stored["t"] == pytest.approx(stored["t_a"] + stored["t_b"] - stored["t_0"])


def test_a_wrong_reference_is_taken_up_by_the_null_hypothesis():
    """A and B alike, R another: h follows both, and t stays of the order of its χ²."""
    rng = np.random.default_rng(3)
    a, b = rng.normal(1.2, 0.3, size=(2, 400))
    test = ReferenceTest(
        reference=rng.uniform(0, 2.4, size=5000), epochs=20_000, learning_rate=0.01, engine="cpu"
    )
    result = test(a, b, rng=2)
    assert result.t_0 > 200  # against 5,000 even events it is far from them
    assert result.t < 60


def test_where_b_is_large_and_the_reference_it_is_nplm():
    """SYM Eq. 17 and below Eq. 20."""
    rng = np.random.default_rng(0)
    a, b = rng.exponential(size=60), rng.exponential(size=30_000)
    options = {"epochs": 3000, "learning_rate": 0.01, "clip": 9, "engine": "cpu"}
    start = np.random.default_rng(1).normal(size=13)
    zero = np.zeros(13)
    result = ReferenceTest(reference=b, **options)(a, b, start=[start, zero, zero])
    nplm = NPLMTest(**options)(a, b, start=[start])
    assert result.t_a == pytest.approx(nplm.t, abs=1e-9)
    assert result.t_b == pytest.approx(0, abs=1e-6)
    # What is left of h is of the order of Ñ_A/Ñ_B times t.
    assert result.t == pytest.approx(nplm.t, abs=0.1)


def test_a_runaway_is_a_result_and_clipping_holds_it():
    """A's last event is where R has none: f grows there without limit."""
    rng = np.random.default_rng(0)
    a, b, r = np.r_[rng.uniform(size=50), 10.0], rng.uniform(size=60), rng.uniform(size=500)
    free = ReferenceTest(reference=r, epochs=20_000, learning_rate=0.05, engine="cpu")
    assert free(a, b, rng=1).diverged
    assert free(a, b, rng=1).t == np.inf
    held = ReferenceTest(reference=r, epochs=3000, clip=1, learning_rate=0.05, engine="cpu")
    assert np.isfinite(held(a, b, rng=1).t)


@pytest.mark.parametrize("kind", [SymmetrizedTest, CrossEntropyTest])
def test_every_test_with_nets_can_be_clipped(kind):
    """SYM III C: the weights, not the biases, within ±W; t is then smaller."""
    a, b = samples(300, 300, seed=2)
    free = kind(epochs=3000, learning_rate=0.01)(a, b, rng=1)
    held = kind(epochs=3000, learning_rate=0.01, clip=0.05)(a, b, rng=1)
    assert held.t < free.t
    theta = held.f.parameters if kind is SymmetrizedTest else held.f.network.parameters
    assert np.abs(np.r_[theta[:4], theta[8:12]]).max() <= 0.05


def test_what_cannot_be():
    a, b = samples()
    with pytest.raises(DataError, match="dimensions"):
        ReferenceTest(reference=np.ones((5, 2)), epochs=1)(a, b)
    with pytest.raises(DataError, match="empty"):
        ReferenceTest(reference=[], epochs=1)(a, b)
    for kind in (SymmetrizedTest, NPLMTest, CrossEntropyTest):
        with pytest.raises(ConfigurationError, match="clip: above 0 and finite, or None, got 0"):
            kind(clip=0)
