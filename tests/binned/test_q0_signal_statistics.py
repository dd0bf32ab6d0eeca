"""q0 with the statistics of the signal's own simulation, and the interval of μ, by plain fits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.special import xlogy

from eμsym import profile_fit
from eμsym.binned.q0 import fit_q0
from eμsym.binned.q0_input import Signal
from eμsym.binned.yield_ratio import YieldRatio


def twice_nll(counts, means):
    """Return −2 ln of Poisson probabilities over their largest."""
    return 2 * np.sum(
        means
        - counts
        - xlogy(counts, np.where(counts > 0, means, 1.0) / np.where(counts > 0, counts, 1.0))
    )


def plain_profile(mu, b, a, signal, log_ratio, modes):
    """Return −2 ln L at μ, minimised by scipy over backgrounds, ν, and a shift a bin."""
    kappa_0 = np.exp(log_ratio)
    v_a, v_b = signal.variance_a, signal.variance_b
    sigma = np.sqrt(v_b / kappa_0**2 + v_a)
    n, k = b.size, len(modes)

    def value(p):
        background, xi, nu = np.exp(p[:n]), p[n : 2 * n], p[2 * n :]
        kappa = np.exp(log_ratio + nu @ modes)
        s_a = signal.in_a - xi * v_a / sigma
        s_b = signal.in_b + xi * v_b / kappa_0 / sigma
        in_a, in_b = background + mu * s_a, kappa * background + mu * s_b
        if min(in_a.min(), in_b.min()) <= 0:
            return 1e10
        return twice_nll(a, in_a) + twice_nll(b, in_b) + xi @ xi + nu @ nu

    start = np.concatenate([np.log((a + b) / 2), np.zeros(n + k)])
    best = minimize(value, start, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    return best.fun


CASES = {
    "both samples": (
        np.array([120.0, 90.0, 60.0]),
        np.array([100.0, 95.0, 70.0]),
        Signal(
            np.array([0.05, 0.05, 0.0]),
            np.array([0.5, 0.2, 0.05]),
            np.array([0.002, 0.002, 0.0001]),
            np.array([0.02, 0.01, 0.002]),
        ),
        np.log([1.05, 0.9, 1.1]),
        np.array([[0.05, 0.02, 0.0], [0.0, 0.03, -0.04]]),
    ),
    "mostly in A": (
        np.array([100.0, 95.0, 70.0]),
        np.array([140.0, 90.0, 60.0]),
        Signal(
            np.array([0.6, 0.2, 0.0]),
            np.array([0.1, 0.05, 0.05]),
            np.array([0.03, 0.01, 0.0001]),
            np.array([0.004, 0.002, 0.002]),
        ),
        np.zeros(3),
        np.zeros((0, 3)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_q0_and_mu_are_those_of_a_plain_fit_of_all_nuisances(case):
    b, a, signal, log_ratio, modes = CASES[case]
    found = fit_q0(b, a, signal, YieldRatio(log_ratio, modes), interval=True)

    def profile(mu):
        return plain_profile(mu, b, a, signal, log_ratio, modes)

    lowest = profile(found.mu)
    assert found.q0 == pytest.approx(profile(0.0) - lowest, abs=2e-5)
    # μ̂ is where it is least, and the interval where it rises by one.
    step = 0.3 * found.mu_error
    assert min(profile(found.mu - step), profile(found.mu + step)) > lowest
    below, above = profile(found.mu - step), profile(found.mu + step)
    vertex = found.mu + step / 2 * (below - above) / (below - 2 * lowest + above)
    assert vertex == pytest.approx(found.mu, abs=0.03 * found.mu_error)
    for end in found.interval:
        assert profile(end) - lowest == pytest.approx(1.0, abs=1e-4)
    assert found.interval[0] < found.mu < found.interval[1]


def test_a_signal_known_less_well_has_a_larger_error():
    b, a, signal, log_ratio, modes = CASES["both samples"]
    ratio = YieldRatio(log_ratio, modes)
    sure = fit_q0(b, a, Signal(signal.in_a, signal.in_b), ratio, interval=True)
    unsure = fit_q0(b, a, signal, ratio, interval=True)
    assert np.diff(unsure.interval) > np.diff(sure.interval)


def test_minuit_and_newton_agree_with_an_uncertain_signal():
    b, a, signal, log_ratio, modes = CASES["both samples"]
    ratio = YieldRatio(log_ratio, modes)
    fast = fit_q0(b, a, signal, ratio, interval=True)
    slow = profile_fit(b, a, signal, background="profiled", ratio=ratio)
    assert slow.mu == pytest.approx(fast.mu, abs=1e-5)
    assert slow.q0 == pytest.approx(fast.q0, abs=1e-8)
    assert slow.interval == pytest.approx(fast.interval, abs=1e-3 * fast.mu_error)


# Five bins, two of them empty in both samples and with signal: μ̂ stands on their kink.
KINK_B, KINK_A, KINK_S = [0, 3, 0, 7, 0], [0, 0, 2, 9, 0], [0.1, 0.2, 0.3, 0.3, 0.1]


def kinked(mu):
    """Return −2 ln L of these at μ, each background at the root of its quadratic (DDP Eq. 5)."""
    total = 0.0
    for b, a, s in zip(KINK_B, KINK_A, KINK_S, strict=True):
        c = a + b - 2 * mu * s
        background = max(
            (c + np.sqrt(c * c + 8 * a * mu * s)) / 4 if c * c + 8 * a * mu * s > 0 else 0.0,
            -mu * s,
            0.0,
        )
        total += twice_nll(np.array([b, a]), np.array([background + mu * s, background]))
    return total


def test_an_interval_is_there_where_mu_stands_on_the_kink():
    fit = profile_fit(KINK_B, KINK_A, KINK_S, background="profiled")
    assert fit.mu == 0.0
    low, high = (
        brentq(lambda mu: kinked(mu) - kinked(0.0) - 1, *edges)
        for edges in ((-30, -1e-9), (1e-9, 30))
    )
    assert fit.interval == pytest.approx((low, high), abs=1e-6)
    assert fit.interval == pytest.approx((-4.74, 1.46), abs=0.01)
    assert fit.sparse


def test_sparse_is_said_of_a_signal_in_thin_bins_alone():
    thick = profile_fit([200, 200], [200, 200], [1, 1], background="profiled", scan_size=0)
    assert not thick.sparse
    thin = profile_fit([200, 9], [200, 10], [1, 1], background="profiled", scan_size=0)
    assert thin.sparse
    outside = profile_fit([200, 9], [200, 10], [1, 0], background="profiled", scan_size=0)
    assert not outside.sparse


def test_mu_counts_what_lies_outside_the_bins_too():
    # Half of the signal is in the only bin: its excess of 80 events are 160 of signal.
    half = Signal(np.array([0.0]), np.array([0.5]))
    found = fit_q0(np.array([100.0]), np.array([20.0]), half, YieldRatio.exact([1.0]))
    assert found.mu == pytest.approx(160.0)
