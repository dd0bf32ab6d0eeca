"""MINUIT's richer result: covariance, MINOS interval and scan against the plain likelihood."""

import json
import math

import numpy as np
import pytest

from eμsym.binned.q0 import q0
from eμsym.binned.q0_minuit import profile_fit
from tests.binned.test_q0 import plain_profiled


def test_profile_fit_result():
    rng = np.random.default_rng(8)
    s = rng.random((3, 4))
    a = rng.poisson(50, (3, 4))
    b = rng.poisson(50 + 60 * s / s.sum())
    fit = profile_fit(b, a, s, background="profiled", profile="bins", scan_size=7)
    assert fit.names[:2] == ("mu", "b[0, 0]")
    assert fit.covariance.shape == (13, 13)
    assert fit.mu_error == pytest.approx(np.sqrt(fit.covariance[0, 0]))
    fast = q0(b, a, s, background="profiled")
    assert fit.mu_error == pytest.approx(fast.mu_error, rel=1e-6)
    np.testing.assert_allclose(fit.values[1:], fit.background.ravel())
    # MINOS: the plain −2 ln λ rises by one at the ends of the interval.
    plain = [plain_profiled(x, b, a, s / s.sum()) for x in (fit.mu, *fit.interval)]
    assert plain[1] - plain[0] == pytest.approx(1, abs=1e-3)
    assert plain[2] - plain[0] == pytest.approx(1, abs=1e-3)
    # The scan refits every background: it is the plain profile.
    scan = [plain_profiled(x, b, a, s / s.sum()) - plain[0] for x in fit.scan_mu]
    np.testing.assert_allclose(fit.scan, scan, atol=1e-5)
    assert fit.scan_mu[[0, -1]] == pytest.approx(fit.mu + np.array([-3, 3]) * fit.mu_error)
    assert json.loads(json.dumps(fit.to_dict()))["n_parameters"] == 13


def test_whole_plane_with_a_parameter_a_bin():
    rng = np.random.default_rng(9)
    s = rng.random((12, 12)) ** 4
    a = rng.poisson(30, (12, 12))
    b = rng.poisson(30 + 150 * s / s.sum())
    fit = profile_fit(b, a, s, background="profiled", profile="bins", scan_size=0)
    fast = q0(b, a, s, background="profiled")
    assert fit.valid
    assert len(fit.names) == 145
    assert fit.q0 == pytest.approx(fast.q0, abs=1e-6)
    assert abs(fit.mu - fast.mu) < 1e-6 * fast.mu_error


def test_minos_stops_at_the_physical_boundary():
    fit = profile_fit([1, 30], [3.0, 31.0], [1, 0], background="known")
    assert fit.interval[0] == pytest.approx(-2.698, abs=2e-3)
    fit = profile_fit([0, 62], [0.2, 30.0], [1, 1], background="known", scan_size=3)
    assert fit.interval[0] == pytest.approx(-0.4)
    assert fit.mu == pytest.approx(2.0)
    assert fit.scan_mu[0] == pytest.approx(-0.4)


@pytest.mark.parametrize("background", ["known", "profiled"])
def test_q0_takes_minuit(background):
    arguments = ([7, 30, 0], [4, 25, 3], [1, 2, 1])
    slow = q0(*arguments, background=background, minimizer="minuit")
    fast = q0(*arguments, background=background)
    assert slow.q0 == pytest.approx(fast.q0, abs=1e-6)
    assert slow.mu == pytest.approx(fast.mu, abs=1e-6)
    assert slow.statistic == slow.q0
    assert 0 < slow.pvalue < 1


def test_results_say_what_they_follow():
    arguments = ([144, 100], [100, 100], [1, 0])
    for test in (q0, profile_fit):
        result = test(*arguments, background="profiled")
        assert result.statistic == result.q0
        assert result.reference.z(result.statistic) == pytest.approx(result.z)
        assert result.pvalue == result.reference.pvalue(result.statistic)
        assert result.pvalue == pytest.approx(0.5 * math.erfc(result.z / math.sqrt(2)))


def test_an_end_that_minos_does_not_find_is_found_all_the_same():
    """One entry in B, none in A: the background is soon at zero, and MINOS at a loss."""
    fit = profile_fit([1.0], [0.0], [1.0], background="profiled", ratio=[0.61])
    assert fit.mu == pytest.approx(1.0)

    def rise(mu):
        """With b at its best: κ/(κb + μ) = 1 + κ, or zero."""
        b = max(0.0, 1 / 1.61 - mu / 0.61)
        mean = 0.61 * b + mu
        return 2 * (mean + b - np.log(mean)) - 2

    for end in fit.interval:
        assert rise(end) == pytest.approx(1.0, abs=1e-4)
