"""q0 with a ratio of yields where ln L has edges: against the plain likelihood, minimised by scipy.

A is Poisson of b, B of κb + μS, each b and all nuisances free. Bins where B's
expectation is zero, or where both samples are empty, hold b at its edge.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from scipy.special import xlogy

import eμsym
from eμsym import profile_fit
from eμsym.binned.yield_ratio import YieldRatio


def deviance_of_a_bin(b, a, kappa, x):
    """Twice −ln of both Poissons over their largest values, at the best background."""
    lowest = max(0.0, -x / kappa)

    def at(log_above):
        background = lowest + np.exp(log_above)
        expected = kappa * background + x
        # Of a count n with expectation m: m − n − n ln(m/n).
        parts = ((a, background), (b, expected))
        return 2 * sum(m - n - (xlogy(n, m) - xlogy(n, n)) for n, m in parts)

    return minimize_scalar(at, bounds=(-30, 9), method="bounded", options={"xatol": 1e-9}).fun


def plain_fit(b, a, s, ratio, start):
    """q0 and μ̂ of the full likelihood; `start` is about μ̂."""
    s = np.asarray(s) / np.sum(s)

    def value(mu, nu):
        kappa = np.exp(ratio.log_ratio + nu @ ratio.modes)
        bins = zip(b, a, kappa, mu * s, strict=True)
        return sum(deviance_of_a_bin(*each) for each in bins) + nu @ nu

    options = {"xatol": 1e-7, "fatol": 1e-10, "maxiter": 600}
    zero = np.zeros(len(ratio.modes))
    if zero.size:
        null = minimize(lambda v: value(0.0, v), zero, method="Nelder-Mead", options=options).fun
    else:
        null = value(0.0, zero)
    best = minimize(
        lambda v: value(start * v[0], v[1:]),
        np.concatenate([[1.0], zero]),
        method="Nelder-Mead",
        options=options,
    )
    mu = start * best.x[0]
    return np.sign(mu) * (null - best.fun), mu


NO_MODES = np.empty((0, 2))
CASES = {
    # The empty bin, of κ = 4, costs a quarter of its signal left of zero.
    "kink": ([40, 0], [100, 0], [0.5, 0.5], YieldRatio(np.log([1.0, 4.0]), NO_MODES), -50),
    "kink_of_a_small_ratio": (
        [10, 0],
        [100, 0],
        [0.9, 0.1],
        YieldRatio(np.log([1.0, 0.5]), NO_MODES),
        -60,
    ),
    # B's expectation is zero in the first bin, μ̂ is far below zero.
    "nothing_in_b": (
        [0, 60],
        [20, 300],
        [0.5, 0.5],
        YieldRatio(np.log([1.2, 0.9]), np.array([[0.3, -0.2]])),
        -400,
    ),
    "nothing_in_b_two_nuisances": (
        [0, 80, 0],
        [15, 300, 0],
        [0.4, 0.5, 0.1],
        YieldRatio(np.log([0.7, 1.1, 2.0]), np.array([[0.3, 0.1, 0.2], [-0.2, 0.1, 0.4]])),
        -400,
    ),
    # The second bin has no signal, and says what ν is.
    "control_bin": (
        [150, 1000],
        [100, 800],
        [1, 0],
        YieldRatio(np.zeros(2), np.array([[0.3, 0.3]])),
        30,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_plain_likelihood_agrees(case):
    b, a, s, ratio, start = CASES[case]
    value, mu = plain_fit(b, a, s, ratio, start)
    ours = eμsym.q0(b, a, s, background="profiled", ratio=ratio)
    assert ours.q0 == pytest.approx(value, abs=2e-5)
    assert ours.mu == pytest.approx(mu, rel=2e-4)
    fit = profile_fit(b, a, s, background="profiled", ratio=ratio, scan_size=3)
    assert fit.q0 == pytest.approx(value, abs=2e-5)
    assert fit.mu == pytest.approx(mu, rel=2e-3)


def test_numbers_known_beforehand():
    """μ̂ of the kink, Z of the bin that tells of ν."""
    b, a, s, ratio, _ = CASES["kink"]
    assert eμsym.q0(b, a, s, background="profiled", ratio=ratio).mu == pytest.approx(-53.3, abs=0.1)
    b, a, s, ratio, _ = CASES["control_bin"]
    ours = eμsym.q0(b, a, s, background="profiled", ratio=ratio)
    assert ours.z == pytest.approx(1.373, abs=5e-4)
    # Without that bin ν is as wide as its prior, and the excess is worth less.
    alone = YieldRatio(np.zeros(1), np.array([[0.3]]))
    assert eμsym.q0(b[:1], a[:1], [1], background="profiled", ratio=alone).z < 1.25


def test_the_kink_holds_the_fit_at_zero():
    """A bin empty in both costs s right of zero and s/κ left of it: μ̂ is 0 where that is more."""
    for kappa in (0.25, 4.0, 8.0, 10.0, 40.0):
        ratio = YieldRatio(np.log([1.0, kappa]), NO_MODES)
        ours = eμsym.q0([80, 0], [100, 0], [0.5, 0.5], background="profiled", ratio=ratio)
        # Left of zero the filled bin gains 1 − 80/90 = 1/9 a signal event.
        assert (ours.mu == 0) == (kappa < 9)
