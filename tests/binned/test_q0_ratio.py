"""q0 with a ratio κ of yields against q0 without, scipy, MINUIT and pyhf."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hist import Hist
from hist.axis import Regular
from scipy.optimize import minimize

from eμsym.binned.q0 import q0
from eμsym.binned.q0_input import Signal
from eμsym.binned.q0_minuit import profile_fit
from eμsym.binned.q0_nuisances import NuisanceLikelihood
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import ConfigurationError, DataError


def draw(seed, *, n=4, modes=2, level=(20, 200)):
    """Counts B and A of a signal S in bins with a ratio of yields, uncertain in some directions."""
    rng = np.random.default_rng(seed)
    ratio = YieldRatio(rng.normal(0, 0.2, n), rng.normal(0, 0.15, (modes, n)))
    background, s = rng.uniform(*level, n), rng.random(n)
    s /= s.sum()
    a = rng.poisson(background).astype(float)
    b = rng.poisson(background * ratio.ratio + rng.uniform(0, 60) * s).astype(float)
    return b, a, s, ratio


def deviance(counts, expected):
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(counts > 0, counts * np.log(counts / expected), 0.0)
    return 2 * (expected - counts + logs).sum()


def full_q0(b, a, s, ratio):
    """The whole likelihood, every background a parameter, minimised by scipy."""
    k = len(ratio.modes)

    def value(parameters, mu):
        if mu is None:
            mu, parameters = 10 * parameters[0], parameters[1:]
        nu, background = parameters[:k], np.exp(parameters[k:])
        expected = background * np.exp(ratio.log_ratio + nu @ ratio.modes) + mu * s
        if np.any(expected <= 0):
            return 1e9
        return deviance(b, expected) + deviance(a, background) + nu @ nu

    start = np.concatenate([np.zeros(k), np.log((a + b + 1) / 2)])
    options = {"maxiter": 40000, "maxfev": 40000, "xatol": 1e-9, "fatol": 1e-11, "adaptive": True}

    def smallest(start, mu):
        for _ in range(4):
            found = minimize(value, start, args=(mu,), method="Nelder-Mead", options=options)
            start = found.x
        return found

    null, best = smallest(start, 0.0), smallest(np.concatenate([[0.5], start]), None)
    return np.sign(best.x[0]) * (null.fun - best.fun), 10 * best.x[0]


@pytest.mark.parametrize("seed", range(4))
def test_scipy_finds_the_same_in_the_full_likelihood(seed):
    b, a, s, ratio = draw(seed, n=3, modes=1 + seed % 2)
    ours = q0(b, a, s, background="profiled", ratio=ratio)
    value, mu = full_q0(b, a, s, ratio)
    assert ours.q0 == pytest.approx(value, abs=2e-6)
    assert ours.mu == pytest.approx(mu, abs=2e-3 * ours.mu_error)


@pytest.mark.parametrize("seed", range(40))
def test_a_ratio_of_one_is_q0_as_it_was(seed):
    """Also with bins empty in B, in A and in both, where μ̂ may stand on a kink."""
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 7)
    b, a = (rng.poisson(rng.choice([0.3, 3, 30, 300], n)).astype(float) for _ in range(2))
    s = rng.random(n) * (rng.random(n) < 0.8) + 1e-3 * (np.arange(n) == 0)
    plain = q0(b, a, s, background="profiled")
    ours = q0(b, a, s, background="profiled", ratio=np.ones(n))
    assert ours.z == pytest.approx(plain.z, abs=1e-8)
    assert ours.mu == pytest.approx(plain.mu, abs=1e-5, rel=1e-5)
    if np.isfinite(plain.mu_error):
        assert ours.mu_error == pytest.approx(plain.mu_error, rel=1e-5)
    # So small a nuisance that it changes nothing takes the same way as large ones.
    tiny = YieldRatio(np.zeros(n), np.full((1, n), 1e-9))
    assert q0(b, a, s, background="profiled", ratio=tiny).z == pytest.approx(plain.z, abs=1e-6)


def test_one_bin_has_a_closed_form():
    """With b free, μ̂ = B − κA; without signal both samples share N as 1 : κ."""
    result = q0([150], [100], [1], background="profiled", ratio=[1.2])
    assert result.mu == pytest.approx(150 - 1.2 * 100, abs=1e-5)
    assert result.mu_error == pytest.approx(np.sqrt(150 + 1.2**2 * 100), rel=1e-6)
    null = 2 * (150 * np.log(150 / (250 * 1.2 / 2.2)) + 100 * np.log(100 / (250 / 2.2)))
    assert result.q0 == pytest.approx(null, rel=1e-9)
    uncertain = YieldRatio(np.log([1.2]), [[0.05]])
    wider = q0([150], [100], [1], background="profiled", ratio=uncertain)
    assert wider.mu == pytest.approx(30, abs=1e-4)
    assert wider.mu_error == pytest.approx(np.sqrt(150 + 144 + (0.05 * 120) ** 2), rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_minuit_finds_the_same(seed):
    b, a, s, ratio = draw(seed, n=30, modes=4, level=(0.5, 30))
    ours = q0(b, a, s, background="profiled", ratio=ratio)
    fit = profile_fit(b, a, s, background="profiled", ratio=ratio, scan_size=7)
    assert fit.valid
    assert fit.z == pytest.approx(ours.z, abs=1e-6)
    assert fit.mu == pytest.approx(ours.mu, abs=1e-4 * fit.mu_error)
    assert fit.names == ("mu", "nu[0]", "nu[1]", "nu[2]", "nu[3]")
    assert fit.mu_error == pytest.approx(ours.mu_error, rel=1e-6)
    likelihood = NuisanceLikelihood(b, a, Signal.normalised(s), ratio)
    for end in fit.interval:
        rise = likelihood.value(likelihood.start(end)) - likelihood.value(fit.values)
        assert rise == pytest.approx(1, abs=5e-3)
    at_zero = likelihood.value(likelihood.start(0.0)) - likelihood.value(fit.values)
    assert at_zero == pytest.approx(abs(fit.q0), abs=1e-6)
    assert fit.scan[3] == pytest.approx(0, abs=1e-6)
    assert np.all(np.delete(fit.scan, 3) > 0.5)
    # Each background is the best for its bin: the slope of ln L in b vanishes.
    some = a > 0
    kappa = np.exp(ratio.log_ratio + fit.values[1:] @ ratio.modes)[some]
    background = fit.background[some]
    slope = b[some] / (kappa * background + fit.mu * s[some]) * kappa - kappa
    assert np.allclose(slope, 1 - a[some] / background, atol=1e-9)
    same = q0(b, a, s, background="profiled", ratio=ratio, minimizer="minuit")
    assert same.z == pytest.approx(fit.z, abs=1e-9)


@pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
@pytest.mark.parametrize("seed", range(3))
def test_pyhf_finds_the_same(seed):
    """A channel a bin and sample; κ's directions as normsys with exponential interpolation."""
    pyhf = pytest.importorskip("pyhf")
    b, a, s, ratio = draw(seed, n=3, modes=2)
    counts = (a + b) / 2
    channels = []
    for i in range(3):
        size = {"name": f"b{i}", "type": "normfactor", "data": None}
        turns = [
            {
                "name": f"nu{k}",
                "type": "normsys",
                "data": {"hi": float(np.exp(mode[i])), "lo": float(np.exp(-mode[i]))},
            }
            for k, mode in enumerate(ratio.modes)
        ]
        signal = {
            "name": "signal",
            "data": [100 * s[i]],
            "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
        }
        for name, scale, extra in (("a", 1.0, None), ("b", ratio.ratio[i], signal)):
            background = {
                "name": "background",
                "data": [counts[i] * scale],
                "modifiers": [size, *(turns if extra else [])],
            }
            samples = [background] + ([extra] if extra else [])
            channels.append({"name": f"{name}{i}", "samples": samples})
    model = pyhf.Model(
        {
            "channels": channels,
            "parameters": [{"name": "mu", "bounds": [[-5, 5]], "inits": [0.1]}],
        },
        poi_name="mu",
        modifier_settings={"normsys": {"interpcode": "code1"}},
    )
    # pyhf sorts channels by name: all of A, then all of B.
    data = [*a, *b, *model.config.auxdata]
    try:
        pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(tolerance=1e-8))
        best, smallest = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
        _, at_zero = pyhf.infer.mle.fixed_poi_fit(0.0, data, model, return_fitted_val=True)
    finally:
        pyhf.set_backend("numpy", "scipy")
    ours = q0(b, a, s, background="profiled", ratio=ratio)
    mu = 100 * best[model.config.poi_index]
    assert np.copysign(at_zero - smallest, mu) == pytest.approx(ours.q0, abs=1e-5)
    assert mu == pytest.approx(ours.mu, abs=1e-3 * ours.mu_error)


def test_exchanging_the_samples_inverts_the_ratio():
    """A signal of −μ in B is about one of +μ in A: at μ = 0 the slopes agree."""
    b, a, _, ratio = draw(3, n=5)
    histograms = []
    for counts in (b, a):
        h = Hist(Regular(5, 0, 1, name="x"))
        h.values()[...] = counts
        histograms.append(h)
    s = np.array([0, 0, 1.0, 0, 0])
    one = q0(*histograms, s, background="profiled", ratio=ratio)
    other = q0(*reversed(histograms), s, background="profiled", ratio=ratio.inverse())
    assert np.sign(one.z) == -np.sign(other.z)
    assert abs(one.z) == pytest.approx(abs(other.z), abs=1e-8)


def test_what_a_ratio_says_of_itself():
    ratio = YieldRatio(np.log([[1.1, 0.9]]), np.array([[[0.03, 0.0]], [[0.04, 0.02]]]))
    assert np.allclose(ratio.error, [[0.05, 0.02]])
    assert np.allclose(ratio.inverse().ratio, [[1 / 1.1, 1 / 0.9]])
    assert json.loads(json.dumps(ratio.to_dict()))["n_nuisances"] == 2
    with pytest.raises(DataError, match="ln κ has shape"):
        YieldRatio(np.zeros(3), np.zeros((1, 4)))


@pytest.mark.parametrize(
    "ratio, message",
    [
        ([1.0, 1.0], "the ratio has shape"),
        ([1.0, 0.0, 1.0], "must be above zero"),
        ([1.0, -2.0, 1.0], "must be above zero"),
        ([1.0, np.nan, 1.0], "not finite"),
    ],
)
def test_ratios_that_are_none(ratio, message):
    for minimizer in ("newton", "minuit"):
        with pytest.raises(DataError, match=message):
            q0(
                [1, 2, 3],
                [1, 2, 3],
                [1, 1, 1],
                background="profiled",
                ratio=ratio,
                minimizer=minimizer,
            )


def test_choices_that_do_not_go_together():
    options = {"background": "known", "ratio": [1.0]}
    with pytest.raises(ConfigurationError, match="ratio is of two samples"):
        q0([1], [1], [1], **options)
    with pytest.raises(ConfigurationError, match="profile 'bins' is of equal yields"):
        profile_fit([1], [1], [1], background="profiled", ratio=[1.0], profile="bins")
