"""Binned samples to compare, and what a standard normal number must look like."""

from __future__ import annotations

import math

import boost_histogram as bh
import hist
import numpy as np
from scipy import stats


def falling_plane(smallest, largest, shape=(28, 28)):
    """Return a template that falls from one corner to the other."""
    depth = np.add.outer(np.linspace(0, 1, shape[0]), np.linspace(0, 1, shape[1])) / 2
    return largest * (smallest / largest) ** depth


def poisson_toys(template, n, seed):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        yield rng.poisson(template), rng.poisson(template)


def assert_standard_normal(z):
    """Mean, width and shape, each to what n draws can tell (4 standard errors; KS 0.1 %)."""
    n = len(z)
    assert abs(np.mean(z)) < 4 / math.sqrt(n)
    assert abs(np.std(z) - 1) < 4 / math.sqrt(2 * n)
    assert stats.kstest(z, "norm").pvalue > 1e-3


def events(dimensions, seed, n=3_000):
    return np.random.default_rng(seed).normal(0.4, 0.3, (dimensions, n))


def filled(library, storage, dimensions, seed, weight=None):
    kind = hist.Hist if library is hist else bh.Histogram
    axes = [library.axis.Regular(4 + i, 0, 1) for i in range(dimensions)]
    histogram = kind(*axes, storage=getattr(library.storage, storage)())
    return histogram.fill(*events(dimensions, seed), weight=weight)
