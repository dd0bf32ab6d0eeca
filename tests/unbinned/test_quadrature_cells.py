"""Cells of nodes: what they miss against the tolerance, and that no event counts twice."""

from __future__ import annotations

import numpy as np
import pytest

from eμsym.engines.interface import Network, Problem
from eμsym.engines.quadrature import initial_cells, merged, split_cells


def exponential_problem(n, seed):
    rng = np.random.default_rng(seed)
    in_a = (rng.random(n) < 0.5).astype(float)
    return Problem(np.sort(rng.exponential(size=n))[np.newaxis], np.full(n, 0.5), in_a)


def two_steps(low, high, sharpness, signs):
    """A net that is flat but for two steps."""
    slopes = np.full(2, sharpness)
    return Network((1, 2, 1), np.concatenate([slopes, -slopes * [low, high], signs, [0.0]]))


def missed(problem, cells, network):
    """By how much the nodes of each cell, taken alone, miss the events' loss."""
    stops = np.append(cells[1:], problem.x.shape[1])
    result = []
    for i, j in zip(cells, stops, strict=True):
        alone = Problem(problem.x[:, i:j], problem.density[i:j], problem.linear[i:j], problem.link)
        result.append(alone.loss(network) - merged(alone, np.array([0])).loss(network))
    return np.array(result)


@pytest.mark.parametrize("allowed", [0.3, 0.03])
@pytest.mark.parametrize("signs", [(1.0, 1.0), (1.0, -1.0), (-0.7, 0.4)])
def test_what_cells_miss_stays_within_the_tolerance(signs, allowed):
    """In sum, as errors may add up, and in quadrature, as they may cancel for this net alone."""
    problem = exponential_problem(6000, 1)
    coarse = initial_cells(problem, 12)
    rng = np.random.default_rng(2)
    needed = 0
    for _ in range(25):
        low, high = np.sort(rng.uniform(0.1, 2.5, 2))
        network = two_steps(low, high, 150.0, signs)
        error = missed(problem, split_cells(problem, coarse, network, allowed), network)
        assert abs(error.sum()) <= allowed * (1 + 1e-6)
        assert np.sqrt(np.sum(error**2)) <= allowed * (1 + 1e-6)
        before = missed(problem, coarse, network)
        needed += max(abs(before.sum()), np.sqrt(np.sum(before**2))) > allowed
    assert needed > 8


def test_events_kept_whole_count_once():
    """Nodes stand for the linear weights of a cell's 400 events and of 3 that are kept."""
    x = np.linspace(0, 1, 403)
    r, a = np.zeros(403), np.ones(403)
    kept = np.array([50, 200, 370])
    r[kept] = [0.5, 1.0, 1.5]
    nodes = merged(Problem(x[np.newaxis], r, a), np.array([0]))
    assert nodes.linear.sum() == pytest.approx(403)
    assert nodes.density.sum() == pytest.approx(3.0)
    np.testing.assert_array_equal(nodes.x[0, nodes.density > 0], x[kept])
    for power in range(8):
        assert np.sum(nodes.linear * nodes.x[0] ** power) == pytest.approx(np.sum(a * x**power))
