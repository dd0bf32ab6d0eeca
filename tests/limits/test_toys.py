"""Limits by toys: as the formulae for large counts, as exact counting for small ones."""

import numpy as np
import pytest
from scipy.stats import binom, poisson

from eμsym import EmusymError
from eμsym.binned.q0_input import Signal
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.limits.region import Region
from eμsym.limits.toys import KINDS, feldman_cousins, toy_limit, toy_scan
from eμsym.limits.upper_limit import region_limit, signal_region


def large(**options):
    rng = np.random.default_rng(1)
    t, s = rng.uniform(80, 200, 6), rng.random(6) ** 2
    return [signal_region("", rng.poisson(t), rng.poisson(t), s, **options)]


@pytest.mark.parametrize("kind", KINDS)
def test_toys_agree_with_the_formulae_where_counts_are_large(kind):
    regions = large(normalisations={"luminosity": 0.1})
    asymptotic = region_limit(regions)
    found = toy_limit(regions, kind=kind, n=2000, rng=1, workers=1)
    # A limit moves by about 3 % with what 2,000 toys leave of CLs.
    assert found.observed == pytest.approx(asymptotic.observed, rel=0.1)
    assert found.expected[1:4] == pytest.approx(asymptotic.expected[1:4], rel=0.1)
    assert found.method == f"{kind} toys"


def test_relabelled_toys_of_one_bin_are_the_binomial_distribution():
    """q̃_μ falls with B, so that CLs is a ratio of binomial sums: no toy is needed to know it."""
    n_a, n_b, mu = 30.0, 24.0, np.array([4.0, 9.0, 16.0])
    region = Region(
        "",
        np.array([n_b]),
        np.array([n_a]),
        (Signal(np.zeros(1), np.ones(1)),),
        YieldRatio.exact([1.0]),
    )
    scan = toy_scan([region], mu, kind="relabelled", n=20_000, rng=3, workers=1)
    total = n_a + n_b
    expected = []
    for strength in mu:
        c = total - 2 * strength
        b = (c + np.sqrt(c**2 + 8 * n_a * strength)) / 4
        above = binom.cdf(n_b, total, (b + strength) / (2 * b + strength))
        expected.append(above / binom.cdf(n_b, total, 0.5))
    assert scan.observed == pytest.approx(expected, abs=0.015)
    assert np.all(np.abs(scan.observed - expected) < 4 * scan.observed_error + 1e-3)


def test_few_counts_are_not_as_the_formulae_have_them():
    """A bin of which the other sample knows: background 1,000 times weaker, none seen.

    As good as known and zero, so that CLs = e^(−μ): the limit is ln 20, above the formulae's
    1.92 for an empty counter.
    """
    region = signal_region("", [0.0], [0.0], [1.0])
    scan = toy_scan([region], [1.0, 2.0, 3.0, 4.0], n=4000, rng=2, workers=1)
    assert scan.observed == pytest.approx(poisson.pmf(0, scan.mu), abs=0.03)
    assert (
        toy_limit([region], n=4000, rng=2, workers=1).observed
        > 1.2 * region_limit([region]).observed
    )


def test_toys_depend_on_the_seed_alone():
    regions = large()
    one, same, other = (
        toy_scan(regions, [20.0, 40.0], n=200, rng=seed, workers=workers)
        for seed, workers in ((5, 1), (5, 2), (6, 1))
    )
    assert np.array_equal(one.with_signal, same.with_signal)
    assert np.array_equal(one.without, same.without)
    assert not np.array_equal(one.without, other.without)


def test_feldman_and_cousins_interval_of_an_excess_has_two_ends():
    rng = np.random.default_rng(4)
    t = np.full(4, 400.0)
    s = np.array([0.4, 0.3, 0.2, 0.1])
    b, a = t + np.rint(200 * s), t
    region = signal_region("", b, a, s)
    scan = toy_scan([region], np.linspace(10, 400, 40), n=1000, rng=rng, workers=1)
    low, high = feldman_cousins(scan, 0.683)
    # One standard error of an excess over a symmetric background, far from zero.
    error = 1 / np.sqrt(np.sum(s**2 / (a + b)))
    assert low == pytest.approx(200 - error, abs=0.2 * error)
    assert high == pytest.approx(200 + error, abs=0.2 * error)
    none = toy_scan([signal_region("", a, b, s)], np.linspace(5, 400, 20), n=500, rng=1, workers=1)
    assert feldman_cousins(none)[0] == 0.0


def test_bad_input_is_one_line():
    fractional = signal_region("", [10.25], [9.5], [1.0])
    with pytest.raises(EmusymError, match="whole"):
        toy_scan([fractional], [1.0], kind="relabelled")
    with pytest.raises(EmusymError, match="100"):
        toy_scan([fractional], [1.0], n=10)
    with pytest.raises(EmusymError, match="kind"):
        toy_scan([fractional], [1.0], kind="bootstrap")
    with pytest.raises(EmusymError, match="scan further"):
        feldman_cousins(toy_scan(large(), [1.0, 2.0], n=100, rng=1, workers=1))
