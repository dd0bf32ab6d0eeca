"""q0 with fakes as components of both samples, against the likelihood written out in full."""

import numpy as np
import pytest
from iminuit import Minuit

from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.binned.q0 import fit_q0
from eμsym.binned.q0_added import AddedBins, AddedLikelihood
from eμsym.binned.q0_input import Signal
from eμsym.binned.q0_many import q0_many
from eμsym.binned.q0_minuit import profile_fit
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import DataError
from eμsym.fakes import FakeCounts, mixed_ratio

TAU, ERROR = 0.2, 0.1


class Case:
    """A data set with fakes in it, and the estimate of these by control events."""

    def __init__(self, seed, mu=0.0, share=0.2, bins=8, uncertain=False):
        rng = np.random.default_rng(seed)
        base = rng.uniform(100, 400, bins)
        self.kappa = rng.uniform(0.85, 1.15, bins)
        f_a, f_b = base * rng.uniform(0.02, share / 2, bins), base * rng.uniform(0, share, bins)
        shape = rng.dirichlet(np.ones(bins))
        variances = (0.04 * 0.2**2 * shape**2, 0.04 * 0.8**2 * shape**2) if uncertain else ()
        self.signal = Signal(0.2 * shape, 0.8 * shape, *variances)
        self.a = rng.poisson(base + f_a + mu * self.signal.in_a).astype(float)
        self.b = rng.poisson(self.kappa * base + f_b + mu * self.signal.in_b).astype(float)
        n_a, n_b = rng.poisson(f_a / TAU), rng.poisson(f_b / TAU)
        self.fakes = FakeCounts(
            in_a=TAU * n_a,
            in_b=TAU * n_b,
            variance_a=TAU**2 * n_a,
            variance_b=TAU**2 * n_b,
            by_source=ERROR * TAU * np.stack([n_a, n_b])[None],
        )
        modes = 0.02 * rng.standard_normal((2, bins))
        self.ratio = YieldRatio(np.log(self.kappa), modes)

    def fit(self, **options):
        return fit_q0(self.b, self.a, self.signal, self.ratio, fakes=self.fakes, **options)

    def full(self):
        """Fit everything by MINUIT alone: a background, and both samples' errors, a bin."""
        n, f = self.a.size, self.fakes

        def value(x):
            mu, t, nu = x[0], x[1], x[2:4]
            background, xi_a, xi_b, zeta_a, zeta_b = x[4:].reshape(5, n)
            v_a, v_b = self.signal.variances
            s_a = self.signal.in_a + zeta_a * np.sqrt(v_a)
            s_b = self.signal.in_b + zeta_b * np.sqrt(v_b)
            kappa = self.kappa * np.exp(nu @ self.ratio.modes)
            in_a = background + f.in_a + xi_a * np.sqrt(f.variance_a) + t * f.by_source[0, 0]
            in_b = kappa * background + f.in_b + xi_b * np.sqrt(f.variance_b)
            in_b = in_b + t * f.by_source[0, 1]
            in_a, in_b = (np.maximum(x, 1e-9) for x in (in_a + mu * s_a, in_b + mu * s_b))
            terms = in_a - self.a * np.log(in_a) + in_b - self.b * np.log(in_b)
            return 2 * terms.sum() + t**2 + nu @ nu + np.sum(x[4 + n :] ** 2)

        start = np.zeros(4 + 5 * n)
        start[4 : 4 + n] = (self.a + self.b - f.in_a - f.in_b) / (1 + self.kappa)
        minuit = Minuit(value, start)
        minuit.errordef, minuit.strategy, minuit.tol = Minuit.LEAST_SQUARES, 0, 1e-4
        minuit.fixed[0] = True
        if not np.any(self.signal.variances):
            minuit.fixed[4 + 3 * n :] = True
        minuit.migrad(ncall=200_000)
        at_zero = minuit.fval
        minuit.fixed[0] = False
        minuit.migrad(ncall=200_000)
        return np.sqrt(max(0.0, at_zero - minuit.fval)), minuit.values[0]


@pytest.mark.parametrize(("seed", "mu"), [(0, 0), (1, 150), (2, -120), (3, 300)])
def test_the_full_likelihood_says_the_same(seed, mu):
    case = Case(seed, mu)
    found = case.fit(interval=True)
    z, best = case.full()
    assert abs(found.z) == pytest.approx(z, abs=2e-3)
    assert found.mu == pytest.approx(best, abs=2e-3 * found.mu_error)
    low, high = found.interval
    assert high - low == pytest.approx(2 * found.mu_error, rel=0.05)


def test_with_the_signal_s_statistics_too():
    case = Case(4, 200, bins=4, uncertain=True)
    z, best = case.full()
    found = case.fit()
    assert found.z == pytest.approx(z, abs=3e-3)
    assert found.mu == pytest.approx(best, abs=5e-3 * found.mu_error)


@pytest.mark.parametrize("uncertain", [False, True])
def test_the_derivatives_are_those_of_the_value(uncertain):
    case = Case(5, uncertain=uncertain)
    model = AddedBins.of(case.b[None], case.a[None], case.signal, [case.ratio], [case.fakes])
    rng = np.random.default_rng(1)
    v = 0.5 * rng.standard_normal(model.n_parameters)
    v[0] = 80.0
    gradient, hessian = (x[0] for x in model.derivatives(v[None]))
    assert np.allclose(hessian, hessian.T)
    for i in range(v.size):
        h = np.zeros(v.size)
        h[i] = 1e-2 if i == 0 else 1e-4
        up, down = model.values((v + h)[None])[0], model.values((v - h)[None])[0]
        assert gradient[i] == pytest.approx((up - down) / (2 * h[i]), abs=2e-6, rel=1e-5)
        bend = (model.derivatives((v + h)[None])[0] - model.derivatives((v - h)[None])[0])[0]
        assert np.allclose(hessian[i], bend / (2 * h[i]), atol=2e-5, rtol=1e-5)


def test_many_data_sets_are_as_one_each_and_minuit_agrees():
    cases = [Case(seed, mu) for seed, mu in ((6, 0), (7, 100), (8, -100))]
    signal = cases[0].signal
    many = q0_many(
        np.stack([x.b for x in cases]),
        np.stack([x.a for x in cases]),
        signal,
        [x.ratio for x in cases],
        fakes=[x.fakes for x in cases],
    )
    for value, case in zip(many, cases, strict=True):
        one = fit_q0(case.b, case.a, signal, case.ratio, fakes=case.fakes)
        assert value == pytest.approx(one.q0, abs=1e-8)
        by_minuit = profile_fit(
            case.b, case.a, signal, background="profiled", ratio=case.ratio, fakes=case.fakes
        )
        assert by_minuit.valid
        assert by_minuit.z == pytest.approx(one.z, abs=1e-6)
        assert by_minuit.mu == pytest.approx(one.mu, abs=1e-4 * one.mu_error)
        assert by_minuit.mu_error == pytest.approx(one.mu_error, rel=1e-4)


def test_no_fakes_are_none():
    case = Case(9, 100)
    none = np.zeros(8)
    nothing = FakeCounts(none, none, none, none, np.zeros((1, 2, 8)))
    with_none = fit_q0(case.b, case.a, case.signal, case.ratio, fakes=nothing)
    without = fit_q0(case.b, case.a, case.signal, case.ratio)
    assert with_none.q0 == pytest.approx(without.q0, abs=1e-9)
    assert with_none.mu_error == pytest.approx(without.mu_error, rel=1e-6)


def test_fakes_that_no_one_takes_off_are_a_signal():
    z = [Case(seed, share=0.6).fit().z for seed in range(30)]
    blind = [fit_q0(x.b, x.a, x.signal, x.ratio).z for x in (Case(s, share=0.6) for s in range(30))]
    assert abs(np.mean(z)) < 4 / np.sqrt(30)
    assert np.mean(blind) > np.mean(z) + 1.5


def test_a_bin_whose_background_is_at_zero():
    case = Case(10)
    case.a[0] = 1.0
    case.b[0] = 2.0
    case.fakes.in_a[0], case.fakes.in_b[0] = 6.0, 7.0
    likelihood = AddedLikelihood(case.b, case.a, case.signal, case.ratio, case.fakes)
    best = likelihood.start(0.0)
    assert likelihood.background(best)[0] == 0.0
    assert np.abs(likelihood.gradient(best)[1:]).max() < 1e-6
    assert np.isfinite(case.fit().z)


def test_the_mixed_ratio_is_the_expected_one_and_holds_at_zero():
    case = Case(11)
    none = np.zeros((0, 8))
    log_ratio, modes = mixed_ratio(case.a + case.b, np.log(case.kappa), none, case.fakes)
    f = case.fakes
    b = (case.a + case.b - f.in_a - f.in_b) / (1 + case.kappa)
    expected = (case.kappa * b + f.in_b) / (b + f.in_a)
    assert np.exp(log_ratio) == pytest.approx(expected, rel=1e-12)
    # One standard deviation of τ, as a difference of ratios.
    moved = FakeCounts(
        f.in_a * (1 + 1e-4), f.in_b * (1 + 1e-4), f.variance_a, f.variance_b, f.by_source
    )
    other = mixed_ratio(case.a + case.b, np.log(case.kappa), none, moved)[0]
    assert modes[0] == pytest.approx((other - log_ratio) / 1e-4 * ERROR, rel=1e-2, abs=1e-5)
    near = fit_q0(case.b, case.a, case.signal, YieldRatio(log_ratio, modes))
    exact = fit_q0(case.b, case.a, case.signal, YieldRatio.exact(case.kappa), fakes=f)
    assert near.z == pytest.approx(exact.z, abs=0.1)


@pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
@pytest.mark.parametrize("seed", [12, 13])
def test_pyhf_finds_the_same(seed):
    pyhf = pytest.importorskip("pyhf")
    case = Case(seed, 100, bins=4)
    ratio = YieldRatio.exact(case.kappa)
    found = fit_q0(case.b, case.a, case.signal, ratio, fakes=case.fakes)
    content = pyhf_workspace(
        case.b, case.a, case.signal, ratio=ratio, fakes=case.fakes, signal_events=100
    )
    workspace = pyhf.Workspace(content)
    model = workspace.model()
    data = workspace.data(model)
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-8))
    best = null = None
    try:
        for _ in range(2):  # again from the first optimum, for its last digits
            best, smallest = pyhf.infer.mle.fit(data, model, best, return_fitted_val=True)
            null, at_zero = pyhf.infer.mle.fixed_poi_fit(
                0.0, data, model, null, return_fitted_val=True
            )
            best, null = list(best), list(null)
    finally:
        pyhf.set_backend("numpy", "scipy")
    # Its statistics' error goes along with τ, ours stays.
    assert at_zero - smallest == pytest.approx(abs(found.q0), rel=2e-3)
    mu = 100 * best[model.config.poi_index]
    assert mu == pytest.approx(found.mu, abs=1e-2 * found.mu_error)


def test_pyhf_has_no_zero_that_is_uncertain():
    case = Case(14)
    case.fakes.in_a[2] = 0.0
    with pytest.raises(DataError, match="fakes: a bin of emu is zero and has a variance"):
        pyhf_workspace(case.b, case.a, case.signal, fakes=case.fakes)
