"""The symmetrized test: invariances, known answers, calibration on a small scale, bad input."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest
from scipy.stats import chi2, kstest

from eμsym.errors import ConfigurationError, DataError, EmusymError
from eμsym.unbinned.likelihood_ratio import joined_samples
from eμsym.unbinned.symmetrized import SymmetrizedTest, symmetrized_problems
from tests.sending import received

SHORT = {"epochs": 1000, "learning_rate": 0.01}


def toy(n_a=900, n_b=1100, seed=0):
    rng = np.random.default_rng(seed)
    return rng.exponential(size=n_a), rng.exponential(size=n_b) * 1.1


def starts(seed=0, p=13):
    return np.random.default_rng(seed).uniform(-1, 1, (2, p))


class TestInvariance:
    @pytest.mark.parametrize("engine", ["cpu", "nodes"])
    def test_exchange_of_a_and_b(self, engine):
        a, b = toy()
        f, g = starts()
        test = SymmetrizedTest(**SHORT, engine=engine)
        one = test(a, b, start=(f, g))
        other = test(b, a, start=(g, f))
        assert one.t == pytest.approx(other.t, abs=1e-10)
        assert (one.t_a, one.t_b) == pytest.approx((other.t_b, other.t_a), abs=1e-10)
        np.testing.assert_allclose(one.f([1.0, 2.0]), other.g([1.0, 2.0]))

    @pytest.mark.parametrize("d", [1, 2])
    def test_order_of_events(self, d):
        rng = np.random.default_rng(1)
        a, b = rng.normal(size=(200, d)), rng.normal(size=(300, d))
        test = SymmetrizedTest(**SHORT)
        one = test(a, b, rng=1)
        other = test(rng.permutation(a), rng.permutation(b), rng=1)
        assert one.t == other.t

    @pytest.mark.parametrize("engine", ["cpu", "nodes"])
    def test_weights(self, engine):
        a, b = toy()
        test = SymmetrizedTest(**SHORT, engine=engine)
        plain = test(a, b, rng=1)
        ones = test(a, b, rng=1, weights_a=np.ones(a.size), weights_b=np.ones(b.size))
        assert ones.t == plain.t
        double = np.where(np.arange(a.size) < 100, 2.0, 1.0)
        weighted = test(a, b, rng=1, weights_a=double)
        doubled = test(np.r_[a, a[:100]], b, rng=1)
        assert weighted.t == pytest.approx(doubled.t, abs=1e-9)
        nothing = test(np.r_[a, 1e6], b, rng=1, weights_a=np.r_[np.ones(a.size), 0.0])
        assert nothing.t == plain.t

    def test_threads(self):
        a, b = toy()
        one, two = (SymmetrizedTest(**SHORT, threads=n)(a, b, rng=1) for n in (1, 2))
        assert one.t == two.t

    def test_kinds_of_input(self):
        a, b = toy(50, 60)
        test = SymmetrizedTest(epochs=50)
        expected = test(a, b, rng=2).t
        assert test(ak.Array(a), ak.Array(b), rng=2).t == expected
        assert test(a[:, np.newaxis], list(b), rng=2).t == expected
        assert test(ak.Array({"x": a}), ak.Array({"x": b}), rng=2).t == expected
        plane = np.stack([a, a**2], axis=1), np.stack([b, b**2], axis=1)
        records = [ak.zip({"x": x, "y": x**2}) for x in (a, b)]
        assert test(*records, rng=2).t == test(*plane, rng=2).t


class TestRandomness:
    def test_a_seed_fixes_the_result(self):
        a, b = toy()
        test = SymmetrizedTest(epochs=100)
        one = test(a, b, rng=5)
        assert one.t == test(a, b, rng=np.random.default_rng(5)).t
        assert one.t != test(a, b, rng=6).t
        assert one.entropy == 5
        assert one.spawn_keys == ((0,), (1,))

    def test_a_generator_goes_on(self):
        a, b = toy()
        rng = np.random.default_rng(5)
        test = SymmetrizedTest(epochs=100)
        assert test(a, b, rng=rng).t != test(a, b, rng=rng).t

    @pytest.mark.parametrize("engine", ["nodes", "cuda"])
    def test_each_of_many_toys(self, engine):
        if engine == "cuda":
            pytest.importorskip("torch")
        pairs = [toy(100 + seed, 120, seed) for seed in range(3)]
        test = SymmetrizedTest(epochs=100, engine=engine)
        weights = [np.linspace(0.5, 1.5, len(x)) for x in pairs[2]]
        pairs[2] = (*pairs[2], *weights)
        # Generators count what is spawned of them: every use takes fresh ones.
        together, alone_each = (
            [np.random.default_rng(child) for child in np.random.SeedSequence(4).spawn(3)]
            for _ in range(2)
        )
        results = test.each(pairs, rngs=together)
        for pair, result, rng in zip(pairs, results, alone_each, strict=True):
            given = dict(zip(("weights_a", "weights_b"), pair[2:], strict=False))
            alone = test(*pair[:2], rng=rng, **given)
            assert result.t == pytest.approx(alone.t, abs=1e-9)
            assert result.spawn_keys == alone.spawn_keys
        assert test.each([], rngs=[]) == []
        assert (test.batch > 1) == (engine == "cuda")
        with pytest.raises(DataError, match="same dimensions"):
            test.each([([1.0], [2.0]), ([[1.0, 2.0]], [[1.0, 2.0]])], rngs=[1, 2])
        with pytest.raises(DataError, match="2 pairs and 1 generators"):
            test.each(pairs[:2], rngs=[1])


class TestKnownAnswers:
    def test_a_constant_finds_nothing(self):
        """With hidden=0, f is a constant, best at 0: c ΣA∪B e^f − Ñ_A f is least there."""
        a, b = toy()
        result = SymmetrizedTest(hidden=0, epochs=5000, learning_rate=0.01)(a, b, rng=1)
        assert result.t == pytest.approx(0, abs=1e-5)
        assert result.dof == 0
        assert result.pvalue == 1
        np.testing.assert_allclose(result.f([1.0, 5.0]), 0, atol=1e-4)

    def test_the_same_events_in_both(self):
        a, _ = toy()
        result = SymmetrizedTest(epochs=20_000, learning_rate=0.01)(a, a, rng=1)
        assert -0.05 < result.t < 1e-9

    def test_all_events_alike(self):
        result = SymmetrizedTest(epochs=5000, learning_rate=0.01)(np.ones(20), np.ones(30), rng=1)
        assert result.t == pytest.approx(0, abs=1e-3)

    def test_two_places(self):
        """At two values of x the net can be anything: f = ln of A's excess at each."""
        counts_a, counts_b = np.array([30.0, 70.0]), np.array([60.0, 60.0])
        x = np.array([-1.0, 1.0])
        share = counts_a.sum() / (counts_a + counts_b).sum()
        f = np.log(counts_a / (share * (counts_a + counts_b)))
        g = np.log(counts_b / ((1 - share) * (counts_a + counts_b)))
        test = SymmetrizedTest(hidden=2, epochs=20_000, learning_rate=0.01)
        result = test(x, x, weights_a=counts_a, weights_b=counts_b, rng=1)
        # Σ (e^f − 1) vanishes at the best f.
        assert result.t_a == pytest.approx(2 * np.sum(counts_a * f), abs=1e-4)
        assert result.t_b == pytest.approx(2 * np.sum(counts_b * g), abs=1e-4)
        np.testing.assert_allclose(result.f(x), f, atol=1e-3)
        np.testing.assert_allclose(result.g(x), g, atol=1e-3)

    def test_t_is_that_of_the_printed_equation(self):
        a, b = toy(300, 500)
        result = SymmetrizedTest(epochs=500)(a, b, rng=1)
        both = np.r_[a, b]
        parts = [
            -2 * (len(s) / len(both) * np.sum(np.exp(net(both)) - 1) - np.sum(net(s)))
            for s, net in ((a, result.f), (b, result.g))
        ]
        assert (result.t_a, result.t_b) == pytest.approx(parts, abs=1e-8)
        assert result.t == result.t_a + result.t_b == result.statistic

    def test_a_signal_is_seen(self):
        rng = np.random.default_rng(3)
        a, b = rng.exponential(size=5000), rng.exponential(size=5000)
        test = SymmetrizedTest(epochs=20_000, learning_rate=0.005)
        without = test(a, b, rng=1)
        signal = test(np.r_[a, rng.normal(1.6, 0.16, 500)], b, rng=1)
        assert signal.t > 60 > without.t
        assert signal.f([1.6]) > signal.f([4.0])
        assert signal.pvalue == chi2.sf(signal.t, 12) < 1e-7


@pytest.mark.parametrize("toys", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_the_null_is_near_chi2(toys):
    """Not exactly: nets need not follow Wilks. The NPLM statistic is far off, see its tests."""
    rng = np.random.default_rng(8)
    test = SymmetrizedTest(epochs=30_000, learning_rate=0.01)
    t = [
        test(rng.exponential(size=1000), rng.exponential(size=1000), rng=rng).t for _ in range(toys)
    ]
    assert np.all(np.isfinite(t))
    assert kstest(t, chi2(12).cdf).pvalue > 1e-3


class TestResult:
    def test_to_dict(self):
        a, b = toy()
        result = SymmetrizedTest(epochs=300)(a, b, rng=1)
        content = json.loads(json.dumps(result.to_dict()))
        assert content["t"] == result.t
        assert content["engine"] == "nodes"
        assert content["f"]["layers"] == [1, 4, 1]
        assert len(content["f"]["parameters"]) == 13
        assert content["histories"][0][-1] == [300, pytest.approx(result.t_a)]

    def test_can_be_sent_to_workers(self):
        a, b = toy()
        test = SymmetrizedTest(epochs=100)
        again = received(test)
        assert again == test
        result = received(again(a, b, rng=1))
        np.testing.assert_array_equal(result.f(a), test(a, b, rng=1).f(a))

    def test_best_and_last(self):
        a, b = toy()
        test = SymmetrizedTest(epochs=500, learning_rate=0.5)  # far too fast: it spikes
        results = [test(a, b, rng=seed) for seed in range(5)]
        assert any(result.t_last < result.t - 1e-3 for result in results)
        assert all(result.t_last <= result.t for result in results)
        assert all(0 <= epoch <= 500 for result in results for epoch in result.best_epochs)


class TestOptions:
    def test_paper(self):
        test = SymmetrizedTest.paper(engine="cpu")
        assert (test.hidden, test.epochs, test.learning_rate) == (4, 500_000, 1e-3)
        assert (test.beta_1, test.beta_2, test.epsilon) == (0.9, 0.999, 1e-7)
        with pytest.raises(ConfigurationError, match="the paper fixes epochs"):
            SymmetrizedTest.paper(epochs=10)

    @pytest.mark.parametrize(
        "options",
        [
            {"epochs": 0},
            {"epochs": 1.5},
            {"epochs": -1},
            {"hidden": -1},
            {"hidden": ()},
            {"hidden": (4, 0)},
            {"hidden": 2.0},
            {"learning_rate": 0.0},
            {"learning_rate": float("nan")},
            {"beta_1": 1.0},
            {"beta_2": -0.1},
            {"epsilon": 0.0},
            {"tolerance": 0.0},
            {"threads": 0},
            {"engine": "abacus"},
        ],
    )
    def test_bad_ones(self, options):
        with pytest.raises(ConfigurationError, match=next(iter(options))):
            SymmetrizedTest(**options)


class TestBadInput:
    @pytest.mark.parametrize(
        "a, b, message",
        [
            ([], [1.0], "A: the sample is empty"),
            ([1.0], [], "B: the sample is empty"),
            ([1.0, np.nan], [1.0], "A: 1 values are NaN or infinite"),
            ([1.0], [np.inf, -np.inf], "B: 2 values are NaN or infinite"),
            (np.ones((3, 2)), np.ones((3, 1)), "A has 2 dimensions and B 1"),
            (np.ones((3, 2, 2)), [1.0], "shape"),
            (np.ones((3, 0)), np.ones((3, 0)), "shape"),
            (["x"], [1.0], "regular array of numbers"),
            (ak.Array([[1.0], [1.0, 2.0]]), [1.0], "regular array of numbers"),
            (ak.Array([1.0, None]), [1.0], "regular array of numbers"),
        ],
    )
    def test_events(self, a, b, message):
        with pytest.raises(DataError, match=message):
            SymmetrizedTest(epochs=1)(a, b)

    @pytest.mark.parametrize(
        "weights, message",
        [
            ([1.0, -1.0], "not negative"),
            ([1.0, np.nan], "finite"),
            ([0.0, 0.0], "all weights are zero"),
            ([1.0], "2 events but weights of shape"),
            (["a", "b"], "numbers"),
        ],
    )
    def test_weights(self, weights, message):
        with pytest.raises(DataError, match=message):
            SymmetrizedTest(epochs=1)([1.0, 2.0], [1.0], weights_a=weights)

    def test_start(self):
        for start in ([np.zeros(13)], [np.zeros(12)] * 2, [np.full(13, np.nan)] * 2):
            with pytest.raises(DataError, match="start"):
                SymmetrizedTest(epochs=1)([1.0], [2.0], start=start)

    def test_errors_are_one_line(self):
        with pytest.raises(EmusymError) as caught:
            SymmetrizedTest(epochs=1)([], [])
        assert "\n" not in str(caught.value)

    def test_one_event_each(self):
        result = SymmetrizedTest(epochs=20_000, learning_rate=0.01)([0.0], [1.0], rng=1)
        # Each can be told from the other: t → 2 (ln 2 + ln 2).
        assert result.t == pytest.approx(4 * np.log(2), abs=0.1)
        assert result.t < 4 * np.log(2)

    def test_far_away_values(self):
        a, b = toy()
        result = SymmetrizedTest(epochs=500)(np.r_[a, 1e300], np.r_[b, -1e300], rng=1)
        assert np.isfinite(result.t)


class TestSamples:
    def test_equal_events_are_merged(self):
        samples = joined_samples([2.0, 1.0, 2.0], [1.0, 3.0], None, [0.5, 2.0])
        np.testing.assert_array_equal(samples.x, [[1.0, 2.0, 3.0]])
        np.testing.assert_array_equal(samples.a, [1, 2, 0])
        np.testing.assert_array_equal(samples.b, [0.5, 0, 2])
        f, g = symmetrized_problems(samples)
        np.testing.assert_allclose(f.density, 3 / 5.5 * np.array([1.5, 2, 2]))
        np.testing.assert_allclose(g.density, 2.5 / 5.5 * np.array([1.5, 2, 2]))


@pytest.mark.parametrize("n", [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_many_events(n):
    rng = np.random.default_rng(1)
    a, b = rng.exponential(size=6 * n // 10), rng.exponential(size=4 * n // 10)
    test = SymmetrizedTest(epochs=2000, learning_rate=0.01)
    result = test(a, b, rng=1)
    assert result.accuracy <= 2 * test.tolerance
    assert np.isfinite(result.t)


class TestEqualSizes:
    """The symmetrized test where the symmetry expects N_A = N_B."""

    def test_a_constant_is_the_binomial_likelihood_ratio(self):
        rng = np.random.default_rng(5)
        a, b = rng.exponential(size=1100), rng.exponential(size=900)
        found = SymmetrizedTest(hidden=0, epochs=8000, equal_sizes=True)(a, b, rng=1)
        expected = 2 * (1100 * np.log(1100 / 1000) + 900 * np.log(900 / 1000))
        assert found.t == pytest.approx(expected, abs=1e-6)
        assert found.dof == 1
        # Of sizes as they are a constant explains nothing.
        assert SymmetrizedTest(hidden=0, epochs=8000)(a, b, rng=1).t == pytest.approx(0, abs=1e-6)

    def test_a_pure_rate_is_seen_with_the_shape(self):
        rng = np.random.default_rng(6)
        a, b = rng.exponential(size=1200), rng.exponential(size=800)
        blind, seeing = (
            SymmetrizedTest(epochs=20_000, equal_sizes=equal)(a, b, rng=1)
            for equal in (False, True)
        )
        rate = 2 * (1200 * np.log(1.2) + 800 * np.log(0.8))
        assert seeing.t == pytest.approx(blind.t + rate, abs=3)
        assert seeing.dof == blind.dof + 1 == 13
        assert seeing.z > 5 > blind.z
