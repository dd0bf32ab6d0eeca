"""Twice the Poisson log-likelihood of counts, relative to expectations that are the counts."""

from __future__ import annotations

import numpy as np

from eμsym.arrays import FloatArray


def deviance(counts: FloatArray, expected: FloatArray) -> FloatArray:
    """Return 2(ν − n + n ln(n/ν)) for each bin: zero where ν = n, infinite for n > 0 = ν."""
    some = counts > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = (expected - counts) / counts
        # ln(1 + r) is exact for small r, where ln(n/ν) would lose all digits.
        terms = counts * (excess - np.log1p(excess))
    return 2 * np.where(some, terms, expected)


def continued_deviance(
    counts: FloatArray, expected: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the deviance and its first two derivatives by ν, for counts above zero.

    Below ν = n/4 it goes on as the parabola that it has there: finite and convex
    wherever a minimiser may step. No profiled fit of L2 ends there, since its best
    expectations are at least half the counts, at any μ.
    """
    floor = counts / 4
    nu = np.maximum(expected, floor)
    below = expected - nu
    slope = 2 * (1 - counts / nu)
    bend = 2 * counts / nu**2
    value = deviance(counts, nu) + slope * below + 0.5 * bend * below**2
    return value, slope + bend * below, bend


def quotient(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return a quotient, zero where the numerator is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(numerator == 0, 0.0, numerator / denominator))
