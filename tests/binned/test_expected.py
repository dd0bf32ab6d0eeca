"""Expected Z of scaled simulation: q0 itself, DDP Eq. 11, and toys of data and of simulation."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import eμsym
from eμsym.binned.expected import expected_significance
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import DataError

BINS = 12
BACKGROUND = 40 * np.exp(-np.linspace(0, 2, BINS)) * 20
KAPPA = np.linspace(0.8, 1.3, BINS)
SIGNAL_B = 240 * np.exp(-((np.arange(BINS) - 6) ** 2) / 8) / 5
SIGNAL_A = 0.2 * np.roll(SIGNAL_B, -2)
NONE = np.zeros(BINS)
MODES = np.stack([np.full(BINS, 0.06), np.linspace(-0.08, 0.08, BINS)])


def expected(a, b, signal_a, signal_b, **options):
    """Of exact simulation, unless variances are given."""
    exact = (np.zeros_like(np.asarray(a, dtype=float)),) * 2
    return expected_significance(
        a, b, signal_a, signal_b, **{"variances": exact, "signal_variances": exact} | options
    )


@pytest.mark.parametrize("modes", [np.zeros((0, BINS)), MODES], ids=["exact", "uncertain"])
def test_q0_of_the_asimov_data_is_the_same(modes):
    ratio = YieldRatio(np.log(KAPPA), modes)
    found = expected(BACKGROUND, KAPPA * BACKGROUND, SIGNAL_A, SIGNAL_B, ratio=ratio)
    asimov = eμsym.q0(
        KAPPA * BACKGROUND + SIGNAL_B,
        BACKGROUND + SIGNAL_A,
        (SIGNAL_A, SIGNAL_B),
        background="profiled",
        ratio=ratio,
    )
    assert found.z == pytest.approx(asimov.z, rel=1e-6)
    assert found.mu == pytest.approx(asimov.mu, rel=1e-5)
    without = eμsym.q0(
        KAPPA * BACKGROUND, BACKGROUND, (SIGNAL_A, SIGNAL_B), background="profiled", ratio=ratio
    )
    assert found.mu_error_at_null == pytest.approx(without.mu_error, rel=1e-6)
    assert found.z_error == 0
    assert found.z_unbiased == found.z


def test_a_signal_in_one_order_is_ddp_equation_11():
    t, mu = BACKGROUND, SIGNAL_B
    z2 = 2 * np.sum((t + mu) * np.log(1 + mu / (2 * t + mu)) - t * np.log(1 + mu / (2 * t)))
    assert expected(t, t, NONE, SIGNAL_B).z == pytest.approx(math.sqrt(z2), rel=1e-12)
    assert expected(t, t, SIGNAL_B, NONE).z == pytest.approx(math.sqrt(z2), rel=1e-12)
    # (s_B − κs_A)²/(κ(1 + κ)b), the information about μ of a bin at μ = 0, here with κ = 1.
    information = np.sum((SIGNAL_B / SIGNAL_B.sum()) ** 2 / (2 * t))
    error = expected(t, t, NONE, SIGNAL_B).mu_error_at_null
    assert error == pytest.approx(information**-0.5, rel=1e-12)


def test_the_other_order_and_an_uncertain_ratio_cost_significance():
    one = expected(BACKGROUND, BACKGROUND, NONE, SIGNAL_B).z
    both = expected(BACKGROUND, BACKGROUND, SIGNAL_A, SIGNAL_B).z
    uncertain = YieldRatio(NONE, MODES)
    assert expected(BACKGROUND, BACKGROUND, SIGNAL_A, SIGNAL_B, ratio=uncertain).z < both < one


def test_pseudo_experiments_of_the_same_expectations():
    """Mean Z and the width of μ̂ of Poisson data, the background fitted."""
    rng = np.random.default_rng(1)
    found = expected(BACKGROUND, KAPPA * BACKGROUND, SIGNAL_A, SIGNAL_B, ratio=KAPPA)
    assert 2 < found.z < 6
    shape = (4000, BINS)
    toys = eμsym.q0_toys(
        rng.poisson(KAPPA * BACKGROUND + SIGNAL_B, shape),
        rng.poisson(BACKGROUND + SIGNAL_A, shape),
        (SIGNAL_A, SIGNAL_B),
        background="profiled",
        ratio=KAPPA,
    )
    assert toys.z.mean() == pytest.approx(found.z, rel=0.03)
    assert toys.mu.mean() == pytest.approx(found.mu, rel=0.03)
    null = eμsym.q0_toys(
        rng.poisson(KAPPA * BACKGROUND, shape),
        rng.poisson(BACKGROUND, shape),
        (SIGNAL_A, SIGNAL_B),
        background="profiled",
        ratio=KAPPA,
    )
    # A standard deviation of 4000 draws is known to 1.1 %.
    assert null.mu.std() == pytest.approx(found.mu_error_at_null, rel=0.045)


def simulated(rng, yields, weights):
    """Return Σw and Σw² of events of two weights, half of the yield by each."""
    sums, squares = np.zeros(yields.shape), np.zeros(yields.shape)
    for weight in weights:
        events = rng.poisson(yields / 2 / weight)
        sums += weight * events
        squares += weight**2 * events
    return sums, squares


@pytest.mark.parametrize("modes", [np.zeros((0, BINS)), MODES], ids=["exact", "uncertain"])
@pytest.mark.parametrize(
    ("background_weights", "signal_weights"),
    [((2.0, 6.0), (0.02, 0.05)), ((0.3, 0.6), (0.5, 1.5)), ((3.0, 7.0), (0.8, 1.2))],
    ids=["background", "signal", "both"],
)
def test_toys_of_simulation_scatter_as_the_error_says(background_weights, signal_weights, modes):
    rng = np.random.default_rng(2)
    ratio = YieldRatio(np.log(KAPPA), modes)
    truth = expected(BACKGROUND, KAPPA * BACKGROUND, SIGNAL_A, SIGNAL_B, ratio=ratio)
    found = []
    for _ in range(500):
        (a, var_a), (b, var_b) = (
            simulated(rng, x, background_weights) for x in (BACKGROUND, KAPPA * BACKGROUND)
        )
        (sa, var_sa), (sb, var_sb) = (
            simulated(rng, x, signal_weights) for x in (SIGNAL_A, SIGNAL_B)
        )
        found.append(
            expected_significance(
                a, b, sa, sb,
                variances=(var_a, var_b), signal_variances=(var_sa, var_sb), ratio=ratio,
            )
        )  # fmt: skip
    z, errors, unbiased = (
        np.array([getattr(x, name) for x in found]) for name in ("z", "z_error", "z_unbiased")
    )
    # A standard deviation of 500 draws is known to 3.2 %.
    assert z.std() == pytest.approx(errors.mean(), rel=0.11)
    sure = 4 * z.std() / math.sqrt(len(z))
    assert unbiased.mean() == pytest.approx(truth.z, abs=sure + 0.01)
    assert np.all(unbiased < z)


@pytest.mark.parametrize("modes", [np.zeros((0, BINS)), 5 * MODES], ids=["exact", "uncertain"])
@pytest.mark.parametrize("which", range(4), ids=["A", "B", "S_A", "S_B"])
def test_first_and_second_derivatives_are_those_of_small_shifts(which, modes):
    """One yield of one bin fluctuates: Z² moves by its slope, and on average by its bend."""
    ratio = YieldRatio(np.log(KAPPA), modes)
    samples = [1.1 * BACKGROUND, KAPPA * BACKGROUND, SIGNAL_A, SIGNAL_B]
    k, step, variance = 7, 0.02 * samples[which][7], 0.5

    def z_squared(shift):
        moved = [x.copy() for x in samples]
        moved[which][k] += shift
        return expected(*moved, ratio=ratio).z ** 2

    up, here, down = (z_squared(x) for x in (step, 0.0, -step))
    spread = [NONE.copy() for _ in samples]
    spread[which][k] = variance
    found = expected(
        *samples, ratio=ratio, variances=tuple(spread[:2]), signal_variances=tuple(spread[2:])
    )
    slope, bend = (up - down) / (2 * step), (up - 2 * here + down) / step**2
    assert found.z_error == pytest.approx(abs(slope) * variance**0.5 / (2 * found.z), rel=2e-3)
    assert found.z**2 - found.z_unbiased**2 == pytest.approx(bend * variance / 2, rel=2e-3)


def test_scatter_of_a_thin_signal_is_taken_off():
    """Two events a bin: Z itself is far too large, and the second order mends it."""
    rng = np.random.default_rng(3)
    bins = 30
    background, signal = np.full(bins, 500.0), np.full(bins, 12.0)
    none = np.zeros(bins)
    truth = expected(background, background, none, signal).z
    found = []
    for _ in range(400):
        events = rng.poisson(signal / 6.0)
        found.append(
            expected(
                background, background, none, 6.0 * events,
                signal_variances=(none, 36.0 * events),
            )
        )  # fmt: skip
    z, unbiased = (np.mean([getattr(x, name) for x in found]) for name in ("z", "z_unbiased"))
    assert z > 1.15 * truth
    assert unbiased == pytest.approx(truth, rel=0.03)


def test_both_samples_say_what_the_background_is():
    rng = np.random.default_rng(4)
    a, b = BACKGROUND * rng.uniform(0.9, 1.1, BINS), KAPPA * BACKGROUND
    variances = (3 * a, 2 * b)
    options = {"ratio": KAPPA, "signal_variances": (SIGNAL_A, SIGNAL_B)}
    found = expected(a, b, SIGNAL_A, SIGNAL_B, variances=variances, **options)
    turned = expected(
        b / KAPPA, KAPPA * a, SIGNAL_A, SIGNAL_B,
        variances=(variances[1] / KAPPA**2, KAPPA**2 * variances[0]), **options,
    )  # fmt: skip
    assert turned.z == pytest.approx(found.z, rel=1e-12)
    assert turned.z_error == pytest.approx(found.z_error, rel=1e-12)
    mean = (a + b / KAPPA) / 2
    z = expected(mean, KAPPA * mean, SIGNAL_A, SIGNAL_B, ratio=KAPPA).z
    assert found.z == pytest.approx(z, rel=1e-12)


def test_four_times_the_luminosity_is_twice_the_significance():
    def at(scale):
        return expected_significance(
            scale * BACKGROUND, scale * BACKGROUND, scale * SIGNAL_A, scale * SIGNAL_B,
            variances=(scale**2 * BACKGROUND, scale**2 * BACKGROUND),
            signal_variances=(scale**2 * SIGNAL_A, scale**2 * SIGNAL_B),
            luminosity_ifb=36.0 * scale,
        )  # fmt: skip

    one, four = at(1), at(4)
    for name in ("z", "z_error", "z_unbiased", "mu_error_at_null"):
        assert getattr(four, name) == pytest.approx(2 * getattr(one, name), rel=1e-9)
    for name in ("mu", "luminosity_ifb"):
        assert getattr(four, name) == pytest.approx(4 * getattr(one, name), rel=1e-12)


def test_any_number_of_dimensions():
    line = expected(BACKGROUND, BACKGROUND, SIGNAL_A, SIGNAL_B, ratio=KAPPA)
    plane = [x.reshape(3, 4) for x in (BACKGROUND, BACKGROUND, SIGNAL_A, SIGNAL_B)]
    assert expected(*plane, ratio=KAPPA.reshape(3, 4)) == line


def test_a_signal_like_the_backgrounds_is_not_seen():
    found = expected(
        BACKGROUND, KAPPA * BACKGROUND, SIGNAL_A, KAPPA * SIGNAL_A, ratio=KAPPA,
        variances=(BACKGROUND, BACKGROUND),
    )  # fmt: skip
    assert found.z == 0
    assert found.z_unbiased == 0
    assert math.isnan(found.z_error)
    assert found.mu_error_at_null == math.inf
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["z"] == 0
    assert content["z_error"] is None
    assert content["mu_error_at_null"] == "inf"
    assert content["mu"] == pytest.approx(found.mu)


def test_bins_with_neither_signal_nor_background_say_nothing():
    found = expected([100, 3.0], [120, -2.0], [0, 0], [30, 6])
    more = expected([100, 3.0, 0, -1], [120, -2.0, 0, 0], [0, 0, 0, 0], [30, 6, 0, 0])
    assert more == found
    assert found.z == pytest.approx(expected([110, 0.5], [110, 0.5], [0, 0], [30, 6]).z)


def test_what_cannot_be_used():
    with pytest.raises(DataError, match="in 1 of the bins with signal the expected background is"):
        expected([100, 1.0], [100, -2.0], [0, 0], [30, 6])
    with pytest.raises(DataError, match="S in A: a bin content is negative"):
        expected([100, 10], [100, 10], [-1, 0], [30, 6])
    with pytest.raises(DataError, match="every bin is zero"):
        expected([100, 10], [100, 10], [0, 0], [0, 0])
    with pytest.raises(DataError, match="shapes differ"):
        expected([100, 10], [100, 10, 1], [0, 0], [0, 1], variances=([1, 1], [1, 1, 1]))
    with pytest.raises(DataError, match="B: the variances have shape"):
        expected([100, 10], [100, 10], [0, 0], [0, 1], variances=([1, 1], [1, 1, 1]))
    with pytest.raises(DataError, match="a variance is negative"):
        expected([100, 10], [100, 10], [0, 0], [0, 1], signal_variances=([0, 0], [0, -1]))
    with pytest.raises(DataError, match="ratios must be above zero"):
        expected([100, 10], [100, 10], [0, 0], [0, 1], ratio=[1, 0])
    with pytest.raises(DataError, match="the ratio has shape"):
        expected([100, 10], [100, 10], [0, 0], [0, 1], ratio=[1, 1, 1])
