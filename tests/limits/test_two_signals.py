"""Two signals at once: mirror images leave their sum open, and their difference bounded."""

import numpy as np
import pytest
from hist import Hist
from hist.axis import Regular
from scipy.stats import chi2

from eμsym import EmusymError, Pair, Q0Test
from eμsym.binned.q0_input import Signal
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.limits.of_pair import joint_region
from eμsym.limits.region import Region, in_units
from eμsym.limits.two_signals import two_signals
from eμsym.plots import draw_contour

N_BINS = 8


def made(seed, second, *, scale=1.0):
    rng = np.random.default_rng(seed)
    t = 1e5 * scale * rng.uniform(0.5, 1.5, N_BINS)
    s = rng.random(N_BINS)
    s /= s.sum()
    b, a = (rng.poisson(t).astype(float) for _ in range(2))
    signals = Signal(0.2 * s, 0.8 * s), second(s)
    return Region("", b, a, signals, YieldRatio.exact(np.ones(N_BINS)))


def mirror(s):
    return Signal(0.8 * s, 0.2 * s)


def elsewhere(s):
    moved = np.roll(s, 3)
    return Signal(0.9 * moved, 0.1 * moved)


def least_squares(region):
    """Strengths and their covariance by B − A, for large counts of a symmetric background."""
    contrast = np.stack([x.in_b - x.in_a for x in region.signals])
    variance = region.a + region.b
    information = (contrast / variance) @ contrast.T
    covariance = np.linalg.inv(information)
    return covariance @ (contrast @ ((region.b - region.a) / variance)), covariance


def test_two_shapes_are_fitted_as_least_squares_fit_them():
    region = made(1, elsewhere)
    found = two_signals([region], points=5)
    strengths, covariance = least_squares(region)
    errors = np.sqrt(np.diag(covariance))
    assert found.best == pytest.approx(strengths, abs=0.02 * errors.min())
    half = np.sqrt(chi2.ppf(0.95, 1))
    for interval, k in ((found.first, 0), (found.second, 1)):
        assert interval.bounded
        assert interval.high - interval.best == pytest.approx(half * errors[k], rel=0.02)
        assert interval.best - interval.low == pytest.approx(half * errors[k], rel=0.02)
    row = np.array([1.0, -1.0])
    error = np.sqrt(row @ covariance @ row)
    assert found.difference.high - found.difference.best == pytest.approx(half * error, rel=0.02)
    # The rise on the grid is the quadratic form of the inverse covariance.
    x, y = np.meshgrid(*found.grid, indexing="ij")
    off = np.stack([x - strengths[0], y - strengths[1]])
    expected = np.einsum("ixy,ij,jxy->xy", off, np.linalg.inv(covariance), off)
    assert found.rise == pytest.approx(expected, rel=0.05, abs=0.02)


def test_of_mirror_images_only_the_difference_is_bounded():
    region = made(2, mirror)
    found = two_signals([region], points=5)
    assert not found.first.bounded
    assert not found.second.bounded
    assert str(found.first) == "not bounded"
    assert found.to_dict()["first"]["high"] == "inf"
    # B − A is 0.6 (μ₁ − μ₂) S and noise.
    contrast = 0.6 * region.signals[0].both
    variance = region.a + region.b
    information = np.sum(contrast**2 / variance)
    best = np.sum(contrast * (region.b - region.a) / variance) / information
    assert found.difference.best == pytest.approx(best, abs=0.02 / np.sqrt(information))
    half = np.sqrt(chi2.ppf(0.95, 1) / information)
    assert found.difference.high - found.difference.best == pytest.approx(half, rel=0.02)


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_along_an_open_diagonal_one_signal_alone_is_told(seed):
    region = made(seed, mirror)
    found = two_signals([region], points=21)
    # B − A is 0.6 (μ₁ − μ₂) S and noise: whichever of both makes it, without the other.
    best = found.difference.best
    assert found.best == pytest.approx((max(best, 0.0), max(-best, 0.0)), abs=1e-3 * abs(best))
    assert min(x.min() for x in found.grid) == 0.0
    # As much more of both is as good, up to the edge of the figure.
    x, y = np.meshgrid(*found.grid, indexing="ij")
    contrast = 0.6 * region.signals[0].both
    information = np.sum(contrast**2 / (region.a + region.b))
    expected = information * (x - y - best) ** 2
    assert found.rise == pytest.approx(expected, rel=0.05, abs=0.05)


def test_what_both_have_in_common_does_not_move_the_difference():
    """Shapes of few simulated events, not quite mirror images: a great deal of both fits best."""
    rng = np.random.default_rng(6)
    t = 500 * rng.uniform(0.5, 1.5, N_BINS)
    s = np.exp(-((np.arange(N_BINS) - 3.5) ** 2) / 4)
    s /= s.sum()
    first, second = (
        Signal(*(rng.poisson(600 * x * s) / 600 for x in shares), *(x * s / 600 for x in shares))
        for shares in ((0.2, 0.8), (0.8, 0.2))
    )
    b, a = rng.poisson(t + 400 * first.in_b), rng.poisson(t + 400 * first.in_a)
    region = Region("", b * 1.0, a * 1.0, (first, second), YieldRatio.exact(np.ones(N_BINS)))
    found = two_signals([region], points=5)
    assert not found.first.bounded
    alone = two_signals([Region("", region.b, region.a, (first, first), region.ratio)], points=5)
    assert found.difference.low < 400 < found.difference.high
    # The interval is that of a fit of the first alone: of two times the same, one is enough.
    assert found.difference.high == pytest.approx(alone.difference.high, rel=1e-6)
    assert found.best[1] == 0.0


def test_other_units_scale_the_strengths():
    region = made(3, elsewhere)
    per_unit = [in_units(x, 500.0) for x in region.signals]
    scaled = Region("", region.b, region.a, tuple(per_unit), region.ratio)
    one, other = two_signals([region], points=3), two_signals([scaled], points=3)
    assert other.first.high == pytest.approx(one.first.high / 500, rel=1e-5)
    assert other.difference.low == pytest.approx(one.difference.low / 500, rel=1e-5)
    with pytest.raises(EmusymError, match="above zero"):
        in_units(region.signals[0], 0.0)


def test_a_pair_s_signals_are_in_the_bins_of_the_first():
    rng = np.random.default_rng(4)
    axis = Regular(20, 0, 2, name="x")
    a, b = ({"x": rng.uniform(0, 2, 3_000)} for _ in range(2))

    def shape(mean, n_a, n_b):
        return tuple(
            Hist(axis, storage="weight").fill(rng.normal(mean, 0.2, n)) for n in (n_a, n_b)
        )

    tests = [Q0Test(shape(0.7, 200, 800), (axis,)), Q0Test(shape(1.3, 800, 200), (axis,))]
    region = joint_region("", tests, Pair.from_columns(a, b))
    bins = tests[0].counts(Pair.from_columns(a, b)).bins
    for signal, test in zip(region.signals, tests, strict=True):
        assert signal.in_a == pytest.approx(bins.sums(test.signal[0].values()) / 1000, rel=1e-9)
        assert signal.variance_b == pytest.approx(bins.sums(test.signal[1].values()) / 1e6)
    found = two_signals([region], points=9)
    assert found.first.bounded
    assert found.second.bounded
    figure = draw_contour(found, ("one", "other"))
    assert "one" in figure.axes[0].get_xlabel()


def test_another_number_of_signals_is_an_error():
    region = made(5, mirror)
    alone = Region("", region.b, region.a, region.signals[:1], region.ratio)
    with pytest.raises(EmusymError, match="have 1"):
        two_signals([alone])
