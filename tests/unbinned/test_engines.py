"""The engines: gradients, agreement with each other, and with general minimisers."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize
from scipy.special import expit

from eμsym.engines.choice import choose_engine
from eμsym.engines.cpu import CpuEngine, Data
from eμsym.engines.interface import (
    Network,
    Problem,
    Training,
    glorot_uniform,
    n_parameters,
)
from eμsym.engines.nodes import NodesEngine
from eμsym.unbinned.likelihood_ratio import joined_samples
from eμsym.unbinned.symmetrized import SymmetrizedTest, symmetrized_problems


@pytest.fixture(autouse=True, scope="module")
def one_torch_thread():
    """Threads that wait for each other on busy cores take longer than one alone."""
    if find_spec("torch") is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


LINKS = ("exponential", "logistic")


def exponential_problem(n=2000, seed=1, link="exponential"):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.exponential(size=n))
    in_a = (rng.random(n) < 0.5).astype(float)
    return Problem(x[np.newaxis], np.full(n, in_a.mean()), in_a, link)


@st.composite
def problems(draw):
    d = draw(st.integers(1, 3))
    n = draw(st.integers(1, 150))
    hidden = draw(st.integers(0, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = rng.normal(size=(d, n)) * draw(st.sampled_from([0.1, 1.0, 10.0]))
    link = draw(st.sampled_from(LINKS))
    problem = Problem(x, rng.random(n), rng.random(n) * (rng.random(n) < 0.5), link)
    theta = rng.normal(size=n_parameters((d, hidden, 1)))
    return problem, hidden, theta


class TestGradients:
    @settings(max_examples=60, deadline=None)
    @given(problems())
    def test_against_autograd(self, case):
        pytest.importorskip("torch")
        from eμsym.engines.reference import loss_and_gradient

        problem, hidden, theta = case
        loss, gradient = Data(problem).loss_and_gradient(theta, hidden)
        expected_loss, expected = loss_and_gradient(problem, theta, (hidden,))
        scale = 1 + np.sum(problem.density + problem.linear) * np.abs(theta).max() ** 2
        assert loss == pytest.approx(expected_loss, rel=1e-12, abs=1e-12 * scale)
        np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-11 * scale * 30)

    @settings(max_examples=30, deadline=None)
    @given(problems())
    def test_against_finite_differences(self, case):
        problem, hidden, theta = case
        layers = (len(problem.x), hidden, 1)
        loss, gradient = Data(problem).loss_and_gradient(theta, hidden)
        assert loss == pytest.approx(problem.loss(Network(layers, theta)), rel=1e-11, abs=1e-10)

        def function(parameters):
            return Data(problem).loss_and_gradient(parameters, hidden)[0]

        step = 1e-6
        up = np.array([function(theta + step * e) for e in np.eye(theta.size)])
        down = np.array([function(theta - step * e) for e in np.eye(theta.size)])
        size = 1 + np.abs(gradient).max() + abs(loss)
        np.testing.assert_allclose((up - down) / (2 * step), gradient, atol=2e-6 * size)

    def test_scipy_agrees_too(self):
        problem = exponential_problem(50)
        theta = glorot_uniform((1, 4, 1), np.random.default_rng(2))
        data = Data(problem)
        slope = approx_fprime(theta, lambda p: data.loss_and_gradient(p, 4)[0], 1e-7)
        np.testing.assert_allclose(data.loss_and_gradient(theta, 4)[1], slope, atol=1e-3)


class TestCompiledFunctions:
    """The branch-free functions, evaluated by their Python source and compiled."""

    def test_accuracy(self):
        from eμsym.engines import adam_kernel as kernel

        x = np.concatenate([np.linspace(-708, 708, 4001), np.linspace(-2, 2, 1001)])
        ours = np.array([kernel.exponential(v) for v in x])
        # The argument in units of ln 2 is rounded: half an ulp of it is that of e^x.
        allowed = np.exp(x) * (5e-16 + 2.3e-16 * np.abs(x))
        assert (np.abs(ours - np.exp(x)) <= allowed).all()
        z = np.concatenate([np.linspace(-40, 40, 2001), [-300.0, 300.0, -1e9, 1e9]])
        ours = np.array([kernel.sigmoid(-v / np.log(2)) for v in z])
        allowed = expit(z) * (1e-15 + 3e-16 * np.abs(z)) + 1e-260
        assert (np.abs(ours - expit(z)) <= allowed).all()
        u = np.concatenate([np.linspace(0, 1, 2001), 10.0 ** -np.arange(300)])
        ours = np.array([kernel.log_one_plus(v) for v in u])
        np.testing.assert_allclose(ours, np.log1p(u), rtol=1e-15)

    def test_not_a_number_stays_one(self):
        from eμsym.engines import adam_kernel as kernel

        assert np.isnan(kernel.exponential(np.nan))
        assert np.isnan(kernel.sigmoid(np.nan))

    def test_blocks(self):
        from eμsym.engines.adam_kernel import BLOCK, in_blocks

        n = BLOCK + 3
        values = np.arange(2.0 * n).reshape(2, n)
        blocks = in_blocks(values)
        assert blocks.shape == (2, 2, 96)  # two equal ones, multiples of 32
        np.testing.assert_array_equal(blocks[0], values[:, :96])
        np.testing.assert_array_equal(blocks[1, :, : n - 96], values[:, 96:])
        assert (blocks[1, :, n - 96 :] == values[:, -1:]).all()
        assert in_blocks(values, 0.0)[1, :, n - 96 :].max() == 0
        assert in_blocks(values[0]).shape == (2, 96)
        assert in_blocks(np.ones(1)).shape == (1, 32)
        assert in_blocks(np.ones(10 * BLOCK)).shape == (10, BLOCK)

    CODE = """
import numpy as np
from eμsym import SymmetrizedTest
rng = np.random.default_rng(1)
a, b = rng.exponential(size=3000), rng.exponential(size=3000)
result = SymmetrizedTest(epochs={epochs})(a, b, rng=1)
print(result.t_a.hex(), result.t_b.hex(), result.f.parameters.tobytes().hex())
"""

    def test_two_processes_give_the_same_bits(self):
        first, second = (
            subprocess.run(
                [sys.executable, "-c", self.CODE.format(epochs=500)],
                capture_output=True,
                check=True,
            ).stdout
            for _ in range(2)
        )
        assert len(first) > 13 * 16
        assert first == second

    @pytest.mark.slow
    def test_compiled_and_loaded_code_give_the_same_bits(self, tmp_path):
        """Two processes with one empty cache: the first compiles, the second loads."""
        code = self.CODE.format(epochs=20_000)
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        compiled, loaded = (
            subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, check=True
            ).stdout
            for _ in range(2)
        )
        assert any(tmp_path.rglob("*.nbc"))
        assert len(compiled) > 13 * 16
        assert compiled == loaded


class TestAgreement:
    @pytest.mark.parametrize("link", LINKS)
    @pytest.mark.parametrize("clip", [None, 0.5])
    def test_cpu_is_the_reference(self, link, clip):
        pytest.importorskip("torch")
        problem = exponential_problem(400, link=link)
        start = glorot_uniform((1, 4, 1), np.random.default_rng(5))
        training = Training(epochs=300, clip=clip, learning_rate=0.01)
        fits = [
            choose_engine(name, 1, (4,)).train_many([problem], [start], training)[0]
            for name in ("reference", "cpu", "cuda")
        ]
        for fit in fits[1:]:
            np.testing.assert_allclose(fit.network.parameters, fits[0].network.parameters, 1e-8)
            assert fit.loss == pytest.approx(fits[0].loss, abs=1e-9)
            assert fit.last_loss == pytest.approx(fits[0].last_loss, abs=1e-9)
            assert fit.best_epoch == fits[0].best_epoch
            np.testing.assert_allclose(fit.history, fits[0].history, rtol=1e-9, atol=1e-9)
        if clip is not None:
            weights = np.r_[fits[0].network.parameters[:4], fits[0].network.parameters[8:12]]
            assert np.abs(weights).max() == clip

    def test_more_dimensions(self):
        pytest.importorskip("torch")
        rng = np.random.default_rng(3)
        a, b = rng.normal(size=(150, 3)), rng.normal(size=(120, 3))
        values = [
            SymmetrizedTest(hidden=5, epochs=200, engine=name)(a, b, rng=1).t
            for name in ("cpu", "reference", "auto")
        ]
        assert values == pytest.approx([values[0]] * 3, abs=1e-8)

    def test_nets_trained_together_are_trained_alike(self):
        torch = pytest.importorskip("torch")
        from eμsym.engines.torch_adam import train_batch

        sets = [exponential_problem(n, seed=n) for n in (30, 80)]
        rng = np.random.default_rng(0)
        starts = [glorot_uniform((1, 3, 2, 1), rng) for _ in sets]
        training = Training(hidden=(3, 2), epochs=100)
        together = train_batch(sets, starts, training, torch.device("cpu"))
        engine = choose_engine("reference", 1, (3, 2))
        alone = engine.train_many(sets, starts, training)
        for one, other in zip(together, alone, strict=True):
            assert one.loss == pytest.approx(other.loss, abs=1e-10)

    @pytest.mark.parametrize("link", LINKS)
    def test_nodes_are_all_events(self, link):
        problem = exponential_problem(20_000, link=link)
        start = glorot_uniform((1, 4, 1), np.random.default_rng(5))
        training = Training(epochs=1500, learning_rate=0.01)
        exact = CpuEngine().train(problem, start, training)
        fast = NodesEngine().train(problem, start, training)
        assert fast.n_nodes < 1000
        assert fast.accuracy <= training.tolerance
        assert 2 * abs(fast.loss - exact.loss) < training.tolerance

    def test_few_nodes_are_refined(self):
        problem = exponential_problem(20_000)
        start = glorot_uniform((1, 4, 1), np.random.default_rng(5))
        training = Training(epochs=1500, learning_rate=0.01, cells=4)
        fast = NodesEngine().train(problem, start, training)
        assert fast.n_nodes > 20
        assert fast.accuracy <= training.tolerance
        exact = CpuEngine().train(problem, start, training)
        assert 2 * abs(fast.loss - exact.loss) < 0.05

    def test_few_events_are_all_used(self):
        problem = exponential_problem(100)
        start = glorot_uniform((1, 4, 1), np.random.default_rng(5))
        training = Training(epochs=200)
        fast = NodesEngine().train(problem, start, training)
        exact = CpuEngine().train(problem, start, training)
        assert fast.n_nodes is None
        assert fast.accuracy == 0
        assert fast.loss == exact.loss


class TestMinimum:
    def test_scipy_finds_the_same(self):
        """On a loss with one valley, Adam ends where BFGS does."""
        rng = np.random.default_rng(4)
        x = rng.uniform(-3, 3, 400)
        in_a = rng.random(400) < 0.2 + 0.6 * expit(3 * x)
        problem = symmetrized_problems(joined_samples(x[in_a], x[~in_a]))[0]
        start = np.array([1.0, 0.1, 1.0, -0.5])
        fit = CpuEngine().train(problem, start, Training((1,), epochs=30_000, learning_rate=1e-2))
        found = minimize(lambda p: problem.loss(Network((1, 1, 1), p)), start, method="BFGS")
        assert fit.loss == pytest.approx(found.fun, abs=1e-4)

    def test_the_best_parameters_are_kept(self):
        fit = CpuEngine().train(
            exponential_problem(300),
            glorot_uniform((1, 4, 1), np.random.default_rng(1)),
            Training(epochs=400, learning_rate=0.3),  # far too fast: it spikes
        )
        assert fit.loss <= fit.last_loss
        assert fit.loss <= fit.history[:, 1].min() + 1e-9
        assert (np.diff(fit.history[:, 1]) <= 0).all()
        assert fit.history[-1].tolist() == pytest.approx([400, fit.loss])

    def test_an_infinite_loss_ends_a_training(self):
        problem = Problem(np.array([[0.0, 1.0]]), np.array([1.0, 0.0]), np.array([0.0, 1.0]))
        start = np.array([1.0, 0.0, 1e308, 1e308])
        fit = CpuEngine().train(problem, start, Training((1,), epochs=10, learning_rate=1e308))
        assert fit.diverged


class TestKeras:
    def test_one_step(self):
        """Epsilon stands beside sqrt(v): keras/src/optimizers/adam.py, update_step."""
        problem = Problem(np.array([[1.0]]), np.array([1.0]), np.array([1.0 + 1e-6]))
        start = np.zeros(1)
        gradient = 1.0 - (1.0 + 1e-6)
        alpha = 1e-3 * np.sqrt(1 - 0.999) / (1 - 0.9)
        m, v = 0.1 * gradient, 0.001 * gradient**2
        expected = -alpha * m / (np.sqrt(v) + 1e-7)
        fit = CpuEngine().train(problem, start, Training((0,), epochs=1))
        assert fit.last.parameters[0] == pytest.approx(expected, rel=1e-8)

    def test_initial_ranges(self):
        rng = np.random.default_rng(0)
        draws = np.array([glorot_uniform((1, 4, 1), rng) for _ in range(4000)])
        limits = np.sqrt([6 / 5] * 4 + [6 / 8] * 4 + [6 / 5] * 4 + [3])
        assert (np.abs(draws) <= limits).all()
        np.testing.assert_allclose(np.abs(draws).max(axis=0), limits, rtol=0.01)
        np.testing.assert_allclose(draws.std(axis=0), limits / np.sqrt(3), rtol=0.05)
