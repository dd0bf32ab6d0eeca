"""Upper limits against closed forms, an explicit likelihood, and the likelihood of q0."""

import math

import numpy as np
import pytest
from hist import Hist
from hist.axis import Regular
from scipy.optimize import minimize
from scipy.stats import norm

from eμsym import EmusymError, Pair, Q0Test, UpperLimit, pair_limit, upper_limit
from eμsym.binned.q0_input import Signal
from eμsym.binned.q0_nuisances import NuisanceLikelihood
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.limits.likelihoods import Likelihoods
from eμsym.limits.model import Model
from eμsym.limits.region import Region, ShapeVariation, log_normal
from eμsym.limits.search import scan_of
from eμsym.limits.upper_limit import region_limit, signal_region


def made(seed, n_bins=6, scale=60.0):
    rng = np.random.default_rng(seed)
    t = scale * rng.uniform(0.3, 2, n_bins)
    in_b, in_a = rng.random(n_bins), 0.3 * rng.random(n_bins)
    total = (in_a + in_b).sum()
    kappa = rng.uniform(0.8, 1.3, n_bins)
    a, b = rng.poisson(t).astype(float), rng.poisson(kappa * t).astype(float)
    return b, a, in_a / total, in_b / total, kappa, rng.normal(0, 0.05, (2, n_bins))


def gaussian_limit(mu, sigma, cl=0.95):
    """The CLs limit of a Gaussian estimate, CLs = Φ(−x + μ̂/σ…)/Φ(μ̂/σ) solved for μ."""
    return mu + sigma * norm.ppf(1 - (1 - cl) * norm.cdf(mu / sigma))


@pytest.mark.parametrize("cl", [0.9, 0.95])
def test_limits_of_large_counts_are_those_of_a_gaussian_estimate(cl):
    n, excess = 4_000_000, 3_000
    limit = upper_limit([n + excess], [n], [1.0], cl=cl)
    sigma = math.sqrt(2 * n)
    assert limit.mu == pytest.approx(excess, rel=1e-6)
    assert limit.observed == pytest.approx(gaussian_limit(excess, sigma, cl), rel=2e-3)
    for k, fluctuation in enumerate((-2, -1, 0, 1, 2)):
        expected = gaussian_limit(fluctuation * sigma, sigma, cl)
        assert limit.expected[k] == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("uncertain", [False, True])
def test_the_likelihood_is_that_of_q0(uncertain):
    b, a, in_a, in_b, kappa, modes = made(1)
    variances = ((0.2 * in_a) ** 2, (0.2 * in_b) ** 2) if uncertain else (None, None)
    signal = Signal(in_a, in_b, *variances)
    ratio = YieldRatio(np.log(kappa), modes if uncertain else modes[:0])
    theirs = NuisanceLikelihood(b, a, signal, ratio)
    ours = Likelihoods.of(Model.of([Region("", b, a, (signal,), ratio)]))
    for mu in (-20.0, 0.0, 5.0, 60.0, 900.0):
        assert ours.profiled(np.array([[mu]])).value[0] == pytest.approx(theirs.profiled(mu))


def explicit_profile(b, a, in_a, in_b, kappa, mu, *, size, variation):
    """−2 ln L at μ, minimised over every background and two nuisances by scipy."""
    up_a, up_b, down_a, down_b = variation
    n = b.size

    def expected(p):
        background, theta, alpha = np.exp(p[:n]), p[n], p[n + 1]
        if abs(alpha) < 1:
            even = (3 * alpha**6 - 10 * alpha**4 + 15 * alpha**2) / 16
        else:
            even = abs(alpha) / 2
        s_a = in_a + alpha * (up_a - down_a) / 2 + even * (up_a + down_a - 2 * in_a)
        s_b = in_b + alpha * (up_b - down_b) / 2 + even * (up_b + down_b - 2 * in_b)
        factor = mu * (1 + size) ** theta
        return background + factor * s_a, kappa * background + factor * s_b

    def value(p):
        in_a_now, in_b_now = expected(p)
        if min(in_a_now.min(), in_b_now.min()) <= 0:
            return 1e10
        terms = in_a_now - a * np.log(in_a_now) + in_b_now - b * np.log(in_b_now)
        return 2 * terms.sum() + p[n] ** 2 + p[n + 1] ** 2

    start = np.append(np.log((a + b) / (1 + kappa)), [0.0, 0.0])
    best = minimize(value, start, method="BFGS", options={"gtol": 1e-8, "maxiter": 2000})
    best = minimize(value, best.x, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10})
    saturated = 2 * (a - a * np.log(a) + b - b * np.log(b)).sum()
    return best.fun - saturated


@pytest.mark.parametrize("mu", [10.0, 80.0])
def test_nuisances_of_the_signal_are_those_of_an_explicit_likelihood(mu):
    b, a, in_a, in_b, kappa, _ = made(2, 3)
    tilt = np.linspace(0.7, 1.3, 3)
    variation = (in_a * tilt, in_b * tilt * 1.1, in_a / tilt, in_b * 0.95 / tilt)
    region = Region(
        "",
        b,
        a,
        (Signal(in_a, in_b),),
        YieldRatio.exact(kappa),
        normalisations={"luminosity": (log_normal(0.2),)},
        shapes={"scale": (ShapeVariation(*variation),)},
    )
    ours = Likelihoods.of(Model.of([region])).profiled(np.array([[mu]]))
    theirs = explicit_profile(b, a, in_a, in_b, kappa, mu, size=0.2, variation=variation)
    assert ours.value[0] == pytest.approx(theirs, abs=1e-4)
    assert ours.value[0] <= theirs + 1e-7


def test_the_score_is_the_slope_of_the_profile():
    b, a, in_a, in_b, kappa, modes = made(3, 5)
    uncertain = Signal(in_a, in_b, (0.3 * in_a) ** 2, (0.1 * in_b) ** 2)
    other = Signal(in_b[::-1], in_a, None, (0.2 * in_a) ** 2)
    tilt = np.linspace(0.6, 1.5, 5)
    varied = ShapeVariation(in_a * tilt, in_b * tilt, in_a / tilt, in_b)
    region = Region(
        "r",
        b,
        a,
        (uncertain, other),
        YieldRatio(np.log(kappa), modes),
        normalisations={"luminosity": (0.03, 0.03), "acceptance": (0.1, 0.0)},
        shapes={"scale": (varied, None)},
    )
    likelihoods = Likelihoods.of(Model.of([region]))
    for j in range(2):
        at, step = np.array([[25.0, 12.0]]), np.zeros((1, 2))
        step[0, j] = 1e-3
        slope, bend = likelihoods.score(likelihoods.profiled(at), j)
        above, below = likelihoods.profiled(at + step), likelihoods.profiled(at - step)
        assert slope[0] == pytest.approx((above.value - below.value)[0] / 2e-3, abs=1e-6)
        slopes = likelihoods.score(above, j)[0] - likelihoods.score(below, j)[0]
        assert bend[0] == pytest.approx(slopes[0] / 2e-3, rel=1e-4)


def test_cls_of_the_scan_is_the_level_at_the_limits():
    b, a, in_a, in_b, kappa, modes = made(4)
    region = Region("", b, a, (Signal(in_a, in_b),), YieldRatio(np.log(kappa), modes))
    limit = region_limit([region])
    scan = scan_of(Likelihoods.of(Model.of([region])), np.array([limit.observed, *limit.expected]))
    assert scan.observed[0] == pytest.approx(0.05, rel=1e-5)
    assert [scan.expected[1 + k, k] for k in range(5)] == pytest.approx([0.05] * 5, rel=1e-5)


def test_which_sample_comes_first_does_not_matter():
    b, a, in_a, in_b, kappa, modes = made(5)
    one = upper_limit(b, a, (in_b, in_a), ratio=YieldRatio(np.log(kappa), modes))
    other = upper_limit(a, b, (in_a, in_b), ratio=YieldRatio(np.log(kappa), modes).inverse())
    assert other.observed == pytest.approx(one.observed, rel=1e-6)
    assert other.expected == pytest.approx(one.expected, rel=1e-6)


def test_uncertainties_loosen_limits_and_a_second_region_tightens_them():
    b, a, in_a, in_b, *_ = made(6)
    alone = upper_limit(b, a, (in_b, in_a))
    assert upper_limit(b, a, (in_b, in_a), normalisations={"x": 0.3}).median > alone.median
    up, down = (in_b * np.linspace(1, 1.4, 6), in_a), (in_b * np.linspace(1, 0.6, 6), in_a)
    assert upper_limit(b, a, (in_b, in_a), shapes={"x": (up, down)}).median > alone.median
    # Half of the signal in each of two equal regions: as one of twice the counts.
    half = [
        Region(name, b, a, (Signal(in_a / 2, in_b / 2),), YieldRatio.exact(np.ones(6)))
        for name in ("one", "two")
    ]
    twice = upper_limit(2 * b, 2 * a, (in_b, in_a))
    assert region_limit(half).observed == pytest.approx(twice.observed, rel=1e-6)
    assert region_limit(half).expected == pytest.approx(twice.expected, rel=1e-6)


def test_a_nuisance_of_one_name_in_two_regions_is_one():
    b, a, in_a, in_b, *_ = made(7)
    size = {"luminosity": (log_normal(0.5),)}
    names = [("luminosity", "luminosity"), ("luminosity", "other")]
    shared, apart = (
        region_limit(
            [
                Region(
                    f"region {k}",
                    b,
                    a,
                    (Signal(in_a / 2, in_b / 2),),
                    YieldRatio.exact(np.ones(6)),
                    normalisations={name: size["luminosity"]},
                )
                for k, name in enumerate(pair)
            ]
        )
        for pair in names
    )
    one = upper_limit(2 * b, 2 * a, (in_b, in_a), normalisations={"luminosity": 0.5})
    assert shared.median == pytest.approx(one.median, rel=1e-6)
    assert apart.median < shared.median


def test_a_pair_has_the_limit_of_its_merged_counts():
    rng = np.random.default_rng(8)
    axis = Regular(30, 0, 3, name="x")
    a, b = ({"x": rng.exponential(1.0, 900)} for _ in range(2))
    signal = tuple(Hist(axis, storage="weight").fill(rng.normal(1.2, 0.2, n)) for n in (100, 900))
    pair, test = Pair.from_columns(a, b), Q0Test(signal, (axis,))
    counts = test.counts(pair)
    found = pair_limit(test, pair)
    assert 3 < counts.b.size < 30
    plain = upper_limit(counts.b, counts.a, counts.signal)
    assert found.observed == pytest.approx(plain.observed, rel=1e-9)
    # A variation that scales the whole signal is a normalisation.
    larger = tuple(1.2 * x for x in signal)
    smaller = tuple(0.8 * x for x in signal)
    varied = pair_limit(test, pair, shapes={"size": (larger, smaller)})
    assert varied.median == pytest.approx(
        pair_limit(test, pair, normalisations={"size": 0.2}).median, rel=0.03
    )
    assert varied.median > found.median


def test_scaled_and_for_json():
    limit = upper_limit([110, 100], [100, 100], [1, 0])
    assert isinstance(limit, UpperLimit)
    ratio = limit.scaled(1e-3, "BR")
    assert ratio.observed == pytest.approx(1e-3 * limit.observed)
    assert ratio.to_dict()["expected"]["median"] == pytest.approx(1e-3 * limit.median)
    assert ratio.to_dict()["unit"] == "BR"
    with pytest.raises(EmusymError, match="per_event"):
        limit.scaled(0.0)


@pytest.mark.parametrize("b, a", [([0, 0], [12, 9]), ([12, 9], [0, 0]), ([0, 5], [0, 7])])
def test_empty_samples_and_bins(b, a):
    limit = upper_limit(b, a, [1.0, 2.0])
    assert np.all(np.isfinite(limit.expected))
    assert np.all(np.diff(limit.expected) >= 0)
    assert 0 < limit.observed < 200


def test_no_event_at_all_is_the_limit_of_an_empty_counter():
    """Without any event q̃_μ is 2μ whatever the background: √(2μ) is the only scale there is."""
    limit = upper_limit([0], [0], [1.0])
    assert limit.observed == pytest.approx(norm.ppf(0.975) ** 2 / 2, rel=1e-6)


@pytest.mark.parametrize(
    "arguments, options, says",
    [
        (([1, 2], [1, 2], [0, 0]), {}, "every bin is zero"),
        (([1, 2], [1, 2, 3], [1, 0]), {}, "shapes differ"),
        (([1, -2], [1, 2], [1, 0]), {}, "negative"),
        (([1, 2], [1, 2], [1, 0]), {"cl": 95}, "between 0 and 1"),
        (([1, 2], [1, 2], [1, 0]), {"normalisations": {"x": 0.0}}, "x: 0.0"),
        (([1, 2], [1, 2], [1, 0]), {"shapes": {"x": [1, 0]}}, "up"),
        (([1, 2], [1, 2], [1, 0]), {"shapes": {"x": ([1, 0, 0], [1, 0])}}, "shapes differ"),
        (([1, 2], [1, 2], [1, 0]), {"ratio": [1.0, 0.0]}, "above zero"),
    ],
)
def test_bad_input_is_one_line(arguments, options, says):
    with pytest.raises(EmusymError, match=says) as caught:
        upper_limit(*arguments, **options)
    assert "\n" not in str(caught.value)


def test_regions_must_fit_together():
    region = signal_region("one", [3.0, 4.0], [3.0, 4.0], [1.0, 0.0])
    with pytest.raises(EmusymError, match="one name"):
        region_limit([region, region])
    with pytest.raises(EmusymError, match="no region"):
        region_limit([])
