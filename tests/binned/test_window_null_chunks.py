"""Window nulls of many chunks of toys, and of planes that are not square, against plain loops."""

from __future__ import annotations

import hist
import numpy as np
import pytest
from scipy.stats import ks_2samp

from eμsym.binned.window_null import window_pvalue, window_pvalue_events
from eμsym.binned.windows import scan_windows


def square_nulls(n, seed):
    """Three nulls of a 25×25 plane, of which some 200 toys make a chunk."""
    rng = np.random.default_rng(17)
    b, a = rng.poisson(20, (2, 25, 25))
    events = rng.integers(0, 25, (2, 2000, 2))
    weights = rng.gamma(2, 1, (2, 2000))
    yield window_pvalue(b, a, n, rng=seed)
    yield window_pvalue(b, a, n, method="swap", rng=seed)
    yield window_pvalue_events(
        *events, (25, 25), n, weights_b=weights[0], weights_a=weights[1], rng=seed
    )


def test_no_chunk_of_toys_repeats_another():
    for long, short in zip(square_nulls(420, 5), square_nulls(230, 5), strict=True):
        samples = long.null.samples
        np.testing.assert_array_equal(samples[:230], short.null.samples)
        assert np.all(np.isfinite(samples))
        # Two toys may tie, as of a swap the largest pull alone often is the best window.
        for lag in range(100, 221):
            assert np.mean(samples[lag : lag + 200] == samples[:200]) < 0.3


PLANES = [(3, 9), (9, 3), (5, 4)]


def plane_events(plane, n, seed):
    """Bins of events, some of them beyond the plane, and weights of both signs."""
    rng = np.random.default_rng(seed)
    bins = np.stack([rng.integers(-1, size + 1, n) for size in plane], axis=-1)
    return bins, rng.lognormal(0, 0.5, n) * np.where(rng.random(n) < 0.05, -1, 1)


def filled(plane, bins, weights):
    axes = [hist.axis.Integer(0, size) for size in plane]
    return hist.Hist(*axes, storage=hist.storage.Weight()).fill(*bins.T, weight=weights)


@pytest.mark.parametrize("shape", ["square", "rectangle"])
@pytest.mark.parametrize("plane", PLANES)
def test_events_of_oblong_planes_are_the_histograms_that_they_fill(plane, shape):
    b, weights_b = plane_events(plane, 900, 1)
    a, weights_a = plane_events(plane, 700, 2)
    result = window_pvalue_events(
        b, a, plane, 40, weights_b=weights_b, weights_a=weights_a, shape=shape, rng=3
    )
    best = scan_windows(filled(plane, b, weights_b), filled(plane, a, weights_a), shape=shape).best
    assert result.best.start == best.start
    assert result.best.stop == best.stop
    assert result.best.z == pytest.approx(best.z, rel=1e-9)


@pytest.mark.parametrize("keep_sizes", [True, False])
@pytest.mark.parametrize("plane", PLANES[:2])
def test_toys_of_oblong_planes_are_those_of_a_plain_loop(plane, keep_sizes):
    """Labels shuffled or tossed, histograms filled and scanned one by one."""
    # Events gather in a corner, so that bins in wrong places fill other windows.
    (b, weights_b), (a, weights_a) = (plane_events(plane, n, n) for n in (500, 420))
    b, a = np.where(b > 2, b // 3, b), np.where(a > 2, a // 3, a)
    result = window_pvalue_events(
        b, a, plane, 1000, weights_b=weights_b, weights_a=weights_a, keep_sizes=keep_sizes, rng=3
    )
    bins, weights = np.concatenate([b, a]), np.concatenate([weights_b, weights_a])
    rng, plain = np.random.default_rng(8), []
    for _ in range(150):
        in_b = np.arange(920) < 500
        in_b = rng.permutation(in_b) if keep_sizes else rng.random(920) < 0.5
        pair = (filled(plane, bins[k], weights[k]) for k in (in_b, ~in_b))
        plain.append(abs(scan_windows(*pair).best.z))
    assert ks_2samp(result.null.samples, plain).pvalue > 0.01


@pytest.mark.parametrize("plane", PLANES)
def test_binomial_toys_of_oblong_planes_are_those_of_a_plain_loop(plane):
    rng = np.random.default_rng(4)
    b, a = rng.poisson(np.linspace(1, 60, plane[0] * plane[1]).reshape(plane), (2, *plane))
    result = window_pvalue(b, a, 1000, rng=3)
    drawn = (rng.binomial(a + b, 0.5) for _ in range(150))
    plain = [abs(scan_windows(x, a + b - x).best.z) for x in drawn]
    assert ks_2samp(result.null.samples, plain).pvalue > 0.01
