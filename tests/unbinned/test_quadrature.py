"""The nodes engine's quadrature: moments kept, cells split where they must be."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from eμsym.engines.interface import Network, Problem
from eμsym.engines.quadrature import NODES_A_CELL, initial_cells, merged, split_cells


class TestQuadrature:
    @given(st.integers(0, 2**32), st.integers(2, 40))
    @settings(max_examples=40, deadline=None)
    def test_moments(self, seed, cells):
        """Sixteen moments of r and eight of a are kept, as scipy's Gauss rules keep them."""
        rng = np.random.default_rng(seed)
        n = 4000
        x = np.unique(rng.gamma(2, size=n))
        problem = Problem(x[np.newaxis], rng.random(x.size), rng.random(x.size))
        nodes = merged(problem, initial_cells(problem, cells))
        assert nodes.x.shape[1] < n / 4
        assert (nodes.density >= 0).all()
        u, v = 2 * x / x[-1] - 1, 2 * nodes.x[0] / x[-1] - 1
        for power in range(2 * NODES_A_CELL):
            expected = np.sum(problem.density * u**power)
            assert np.sum(nodes.density * v**power) == pytest.approx(expected, rel=1e-9, abs=1e-9)
        for power in range(NODES_A_CELL):
            expected = np.sum(problem.linear * u**power)
            assert np.sum(nodes.linear * v**power) == pytest.approx(expected, rel=1e-9, abs=1e-9)

    def test_evenly_spread_events_have_legendres_nodes(self):
        n = 200_000
        x = (np.arange(n) + 0.5) / n * 2 - 1
        problem = Problem(x[np.newaxis], np.full(n, 2 / n), np.full(n, 1 / n))
        nodes = merged(problem, np.array([0]))
        places, weights = scipy.special.roots_legendre(NODES_A_CELL)
        np.testing.assert_allclose(nodes.x[0], places, atol=1e-8)
        np.testing.assert_allclose(nodes.density, weights, atol=1e-8)
        np.testing.assert_allclose(nodes.linear, weights / 2, atol=1e-8)

    def test_events_that_are_nearly_the_nodes(self):
        """A cell whose density sits on just so many events as it has nodes."""
        x = np.linspace(0, 1, 3 * NODES_A_CELL) ** 3
        r = np.zeros(x.size)
        r[::3] = np.geomspace(1, 1e-6, NODES_A_CELL)
        a = np.where(r > 0, 0.0, 1.0)
        nodes = merged(Problem(x[np.newaxis], r, a), np.array([0]))
        np.testing.assert_allclose(nodes.x[0], x[::3], atol=1e-10)
        np.testing.assert_allclose(nodes.density, r[::3], rtol=1e-6)
        for power in range(NODES_A_CELL):
            expected = np.sum(a * x**power)
            assert np.sum(nodes.linear * nodes.x[0] ** power) == pytest.approx(expected)

    def test_a_cell_without_reference(self):
        x = np.linspace(0, 10, 2001)
        r = np.where(x < 3, 1.0, 0.0)
        a = np.ones(x.size)
        problem = Problem(x[np.newaxis], r, a)
        nodes = merged(problem, initial_cells(problem, 20))
        assert nodes.density[nodes.x[0] > 3].sum() == 0
        assert nodes.linear[nodes.x[0] > 3].sum() == pytest.approx(a[x > 3].sum(), abs=25)
        assert nodes.linear.sum() == pytest.approx(a.sum())

    def test_cells_are_split_where_the_net_is_sharp(self):
        rng = np.random.default_rng(1)
        x = np.sort(rng.exponential(size=20_000))
        in_a = (rng.random(x.size) < 0.5).astype(float)
        problem = Problem(x[np.newaxis], np.full(x.size, in_a.mean()), in_a)
        sharp = Network((1, 1, 1), np.array([200.0, -200.0, 1.0, 0.0]))  # a step at x = 1
        coarse = initial_cells(problem, 20)
        cells = split_cells(problem, coarse, sharp, 1e-3)
        assert np.isin(coarse, cells).all()
        new = np.setdiff1d(cells, coarse)
        assert 0 < new.size < 100
        np.testing.assert_allclose(problem.x[0, new], 1, atol=0.5)
        exact = problem.loss(sharp)
        assert abs(merged(problem, cells).loss(sharp) - exact) < 2e-3
        assert abs(merged(problem, coarse).loss(sharp) - exact) > 0.1
