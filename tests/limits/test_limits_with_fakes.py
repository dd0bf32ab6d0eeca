"""Limits where fakes are subtracted: against CLs of the likelihood that keeps them apart.

A limit has one ratio of yields a bin, that of prompt events and fakes together, so that the fakes
move with the background where the signal does. How much that is off is measured here.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import norm

from eμsym.binned.q0_added import AddedBins
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.fakes import mixed_ratio
from eμsym.limits.region import Region
from eμsym.limits.upper_limit import region_limit
from tests.binned.test_q0_fakes import Case


def slope(background, n_a, n_b, kappa, added_a, added_b):
    """Return d ln L by the background of a bin, with what is added to it in A and in B."""
    in_a, in_b = background + added_a, kappa * background + added_b
    return n_a / in_a + kappa * n_b / in_b - 1 - kappa


class Apart:
    """CLs by q̃ of the likelihood with the fakes as components, minimised by scipy."""

    def __init__(self, case, b=None, a=None):
        self.case = case
        b, a = (case.b, case.a) if b is None else (b, a)
        self.bins = AddedBins.of(b[None], a[None], case.signal, [case.ratio], [case.fakes])

    def profile(self, mu=None):
        """Return −2 ln L at its best, and where, with μ held unless it is None."""
        held = 0 if mu is None else 1
        start = np.zeros(self.bins.n_parameters)

        def value(x):
            v = np.concatenate([[] if mu is None else [mu], x])
            gradient, _ = self.bins.derivatives(v[None])
            return self.bins.values(v[None])[0], gradient[0, held:]

        # Steps of one event are small; the other parameters are standard deviations.
        scale = np.ones(start.size - held)
        scale[: 1 - held] = 50.0
        found = minimize(
            lambda x: (lambda f, g: (f, g * scale))(*value(x * scale)),
            start[held:],
            jac=True,
            method="BFGS",
            options={"gtol": 1e-5},
        )
        return found.fun, np.concatenate([[] if mu is None else [mu], found.x * scale])

    def q(self, mu, best):
        """Return q̃ at a strength: Cowan et al., Eq. 16."""
        smallest, v = best
        if v[0] > mu:
            return 0.0
        reference = smallest if v[0] > 0 else self.profile(0.0)[0]
        return max(self.profile(mu)[0] - reference, 0.0)

    def expected(self):
        """Return the same of the means at μ = 0, nuisances as the data have them."""
        _, v = self.profile(0.0)
        log_ratio, modes = self.bins.log_ratio[0], self.bins.modes[0]
        kappa = np.exp(log_ratio + v[1 : 1 + len(modes)] @ modes)
        c_a, c_b = self.bins.fakes[0] + np.einsum("p,ipb->ib", v, self.bins.slopes[0])
        background = [
            brentq(slope, 1e-9, sum(each[:2]), args=each)
            for each in zip(self.bins.a[0], self.bins.b[0], kappa, c_a, c_b, strict=True)
        ]
        return Apart(self.case, kappa * background + c_b, background + c_a)


def limits(case):
    """Return the observed and the median expected limit at 95 %, fakes being kept apart."""
    data = Apart(case)
    asimov = data.expected()
    best, flat = data.profile(), asimov.profile()

    def log_cls(mu):
        q, q_a = data.q(mu, best), max(asimov.q(mu, flat), 1e-12)
        root, root_a = np.sqrt(q), np.sqrt(q_a)
        if q > q_a:
            above, below = (q + q_a) / (2 * root_a), (q - q_a) / (2 * root_a)
        else:
            above, below = root, root - root_a
        return norm.logsf(above) - norm.logsf(below) - np.log(0.05)

    def log_expected(mu):
        root = np.sqrt(max(asimov.q(mu, flat), 1e-12))
        return norm.logsf(root) - np.log(0.5) - np.log(0.05)

    return tuple(brentq(f, 1.0, 3000.0, xtol=0.05) for f in (log_cls, log_expected))


def together(case):
    """Return the limit with the ratio of prompt events and fakes together, as they are set."""
    mixed = mixed_ratio(case.a + case.b, case.ratio.log_ratio, case.ratio.modes, case.fakes)
    return region_limit([Region("", case.b, case.a, (case.signal,), YieldRatio(*mixed))])


def test_without_fakes_both_are_the_same():
    case = Case(100, 60)
    for part in (case.fakes.in_a, case.fakes.in_b, case.fakes.by_source):
        part[...] = 0.0
    case.fakes.variance_a[...] = case.fakes.variance_b[...] = 0.0
    found, (observed, median) = together(case), limits(case)
    assert found.observed == pytest.approx(observed, rel=2e-3)
    assert found.median == pytest.approx(median, rel=0.02)


@pytest.mark.parametrize(("share", "within"), [(0.05, 0.03), (0.2, 0.12)])
def test_how_much_a_limit_is_off(share, within):
    """2 % and 7 % of the events are fakes, more of them in B, where the signal is."""
    off = []
    for seed in range(3):
        case = Case(100 + seed, share=share)
        off.append(together(case).observed / limits(case)[0] - 1)
    assert max(map(abs, off)) < within
    # Not for nothing: it is what the fakes' share makes of it.
    assert max(map(abs, off)) > 0.005
