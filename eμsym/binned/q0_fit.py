"""The fit of the signal strength to many toys at once."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import BoolArray
from eμsym.binned.q0_root import decreasing_root

#: The root is found once a step is below this fraction of μ's error.
STEP_TOLERANCE = 1e-10


class ToyLikelihood(Protocol):
    """ln L of some toys as a concave function of μ: `KnownLikelihood`, `ProfiledLikelihood`."""

    @property
    def left(self) -> FloatArray:
        """What a kink at μ = 0 adds to the score on its left, shape (toys or 1,)."""

    @property
    def right(self) -> FloatArray:
        """What it adds on its right."""

    @property
    def low(self) -> FloatArray:
        """A lower bound of μ̂, shape (toys or 1,)."""

    @property
    def high(self) -> FloatArray:
        """An upper bound."""

    @property
    def on_boundary(self) -> BoolArray:
        """Whether `low` is a physical boundary on which μ̂ stands."""

    @property
    def level(self) -> float:
        """A score below this is rounding."""

    def score(self, mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return d ln L/dμ without the kink and its slope, each of shape (toys,)."""

    def log_ratio(self, mu: FloatArray) -> FloatArray:
        """Return 2 ln L(μ)/L(0), shape (toys,)."""


def fit_toys(likelihood: ToyLikelihood, n_toys: int) -> FloatArray:
    """Return q0, μ̂, its error and Z, shape (4, toys).

    The error is NaN on a boundary and on a kink, and where ln L is straight.
    """
    zero = np.zeros(n_toys)
    at_zero, slope = likelihood.score(zero)
    left, right, level = likelihood.left, likelihood.right, likelihood.level
    # Away from zero the kink is a constant; within it the maximum is at zero.
    side = np.where(at_zero + right > level, 1.0, np.where(at_zero + left < -level, -1.0, 0.0))
    kink = np.where(side > 0, right, np.where(side < 0, left, 0.0))
    held = likelihood.on_boundary
    low = np.where((side < 0) | held, likelihood.low, 0.0)
    high = np.where(held, low, np.where(side > 0, likelihood.high, 0.0))

    def function(mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        value, slope = likelihood.score(mu)
        return value + kink, slope

    start = np.where(held, low, 0.0)
    mu = decreasing_root(function, low, high, start, _tolerance(slope, high - low))
    slope = np.array(likelihood.score(mu)[1])
    slope[np.broadcast_to(held, mu.shape) | ((mu == 0) & (left > right))] = 0.0
    return signed_result(likelihood.log_ratio(mu), mu, slope)


def _tolerance(slope: FloatArray, width: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return np.asarray(STEP_TOLERANCE * np.fmin(1 / np.sqrt(-slope), width))


def signed_result(twice_log_ratio: FloatArray, mu: FloatArray, slope: FloatArray) -> FloatArray:
    """Return q0, μ̂, its error and Z (Eq. 6 and 8), shape (4, toys)."""
    size = np.maximum(twice_log_ratio, 0.0)  # below zero by rounding only
    with np.errstate(divide="ignore"):
        error = 1 / np.sqrt(-slope)
    error[~np.isfinite(error)] = np.nan
    sign = np.where(mu < 0, -1.0, 1.0)
    return np.stack([sign * size, mu + 0.0, error, sign * np.sqrt(size)])
