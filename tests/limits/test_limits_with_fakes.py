"""Limits where fakes are subtracted: against scipy on the same likelihood, and against pyhf."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import norm

from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.binned.q0_added import AddedBins
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.fakes import FakeCounts, mixed_ratio
from eμsym.limits.impacts import impacts
from eμsym.limits.joined import joined
from eμsym.limits.likelihoods import Likelihoods
from eμsym.limits.model import Model
from eμsym.limits.of_pair import expected_region
from eμsym.limits.region import Region, log_normal
from eμsym.limits.toys import toy_limit
from eμsym.limits.upper_limit import region_limit
from tests.binned.test_q0_fakes import Case


def slope(background, n_a, n_b, kappa, added_a, added_b):
    """Return d ln L by the background of a bin, with what is added to it in A and in B."""
    in_a, in_b = background + added_a, kappa * background + added_b
    return n_a / in_a + kappa * n_b / in_b - 1 - kappa


class Apart:
    """CLs by q̃ of the likelihood with the fakes as components, minimised by scipy."""

    def __init__(self, case, b=None, a=None, centre=0.0):
        self.case = case
        b, a = (case.b, case.a) if b is None else (b, a)
        self.bins = AddedBins.of(b[None], a[None], case.signal, [case.ratio], [case.fakes])
        self.centre = np.broadcast_to(centre, self.bins.n_parameters - 1)

    def profile(self, mu=None):
        """Return −2 ln L at its best, and where, with μ held unless it is None."""
        held = 0 if mu is None else 1
        start = np.zeros(self.bins.n_parameters)

        def value(x):
            v = np.concatenate([[] if mu is None else [mu], x])
            gradient, _ = self.bins.derivatives(v[None])
            gradient[0, 1:] -= 2 * self.centre
            # The constraints are around what the other measurements found.
            moved = np.sum((v[1:] - self.centre) ** 2 - v[1:] ** 2)
            return self.bins.values(v[None])[0] + moved, gradient[0, held:]

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
        return Apart(self.case, kappa * background + c_b, background + c_a, v[1:])


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


def region_of(case, name=""):
    return Region(name, case.b, case.a, (case.signal,), case.ratio, fakes=case.fakes)


@pytest.mark.parametrize(("seed", "share", "mu"), [(100, 0.05, 0), (101, 0.2, 0), (102, 0.2, 150)])
def test_limits_are_those_of_the_likelihood_with_fakes_as_components(seed, share, mu):
    case = Case(seed, mu, share=share)
    found, (observed, median) = region_limit([region_of(case)]), limits(case)
    assert found.observed == pytest.approx(observed, rel=1e-3)
    assert found.median == pytest.approx(median, rel=1e-3)
    # Not for nothing: fakes that go along with the background give another limit.
    mixed = mixed_ratio(case.a + case.b, case.ratio.log_ratio, case.ratio.modes, case.fakes)
    along = region_limit([Region("", case.b, case.a, (case.signal,), YieldRatio(*mixed))])
    assert abs(along.observed / observed - 1) > 2e-3


@pytest.mark.filterwarnings(
    "ignore:jsonschema.RefResolver:DeprecationWarning", "ignore:divide by zero:RuntimeWarning"
)
def test_pyhf_has_the_limits_with_fakes():
    """At our limits its CLs is 5 %, to what moves them by a few 1e-3: see `pyhf_workspace`."""
    pyhf = pytest.importorskip("pyhf")
    case = Case(103, bins=3)
    found = region_limit([region_of(case)])
    events = found.median
    workspace = pyhf_workspace(
        case.b,
        case.a,
        case.signal,
        ratio=case.ratio,
        fakes=case.fakes,
        signal_events=events,
        mu_bounds=(0.0, 20.0),
    )
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-6))
    try:
        opened = pyhf.Workspace(workspace)
        model = opened.model()
        data = opened.data(model)
        for k, limit in ((None, found.observed), (2, found.median)):
            observed, band = pyhf.infer.hypotest(
                limit / events, data, model, test_stat="qtilde", return_expected_set=True
            )
            cls = observed if k is None else band[k]
            assert float(cls) == pytest.approx(0.05, abs=2e-4)
    finally:
        pyhf.set_backend("numpy", "scipy")


def test_the_derivatives_are_those_of_the_value_with_fakes():
    region = region_of(Case(104, 50, bins=4, uncertain=True))
    region = Region(**{**vars(region), "normalisations": {"size": (log_normal(0.2),)}})
    likelihoods = Likelihoods.of(Model.of([region]))
    rng = np.random.default_rng(1)
    v = 0.3 * rng.standard_normal((1, likelihoods.model.n_parameters))
    v[0, 0] = 60.0
    best = likelihoods.minimum(likelihoods.at(v), likelihoods.directions([]))  # ξ at its best
    slope, _ = likelihoods.score(likelihoods.profiled(np.array([[60.0]])))
    step = 0.05
    up, down = (likelihoods.profiled(np.array([[60.0 + x]])).value[0] for x in (step, -step))
    assert slope[0] == pytest.approx((up - down) / (2 * step), rel=1e-4)
    assert best.value[0] >= likelihoods.profiled(np.array([[60.0]])).value[0]


def test_without_fakes_there_is_no_component():
    case = Case(105)
    none = np.zeros(8)
    empty = FakeCounts(none, none, none, none, np.zeros((1, 2, 8)))
    plain = region_limit([Region("", case.b, case.a, (case.signal,), case.ratio)])
    given = region_limit([Region("", case.b, case.a, (case.signal,), case.ratio, fakes=empty)])
    assert given.observed == pytest.approx(plain.observed, rel=1e-6)
    assert given.expected == pytest.approx(plain.expected, rel=1e-6)


def test_toys_impacts_and_other_luminosities_have_them_too():
    region = region_of(Case(106, bins=4))
    near = region_limit([region])
    toys = toy_limit([region], n=400, rng=1, workers=1)
    assert toys.median == pytest.approx(near.median, rel=0.15)
    names = [x.name for x in impacts([region]).nuisances]
    assert {"transfer factor 0", "fakes 0", "fakes 3"} <= set(names)
    # As they are expected, both are free of signal and the fakes are still in them.
    there = expected_region(region, scale=4.0)
    assert there.a + there.b == pytest.approx(4 * (region.a + region.b))
    assert region_limit([there]).observed == pytest.approx(region_limit([there]).median, rel=1e-3)


def test_two_regions_share_the_transfer_factors():
    one, two = region_of(Case(107, bins=4)), region_of(Case(108, bins=3))
    half = [
        Region(**{**vars(x), "fake_names": ("tau", *(f"{k} {i}" for i in range(x.b.size)))})
        for k, x in enumerate((one, two))
    ]
    named = [Region(**{**vars(x), "name": f"region {k}"}) for k, x in enumerate(half)]
    apart, both = region_limit(named), region_limit([joined(named)])
    assert both.observed == pytest.approx(apart.observed, rel=1e-6)
    assert joined(named).fake_names[:2] == ("tau", "0 0")
