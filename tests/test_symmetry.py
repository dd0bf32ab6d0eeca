"""Symmetries: what they draw, by event and by groups, and what the house makes of a draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hist.axis import Regular
from scipy.stats import binom, chi2, hypergeom, ks_2samp, kstest

from eμsym import (
    Exchangeable,
    FairCoin,
    NSigmaTest,
    OnColumns,
    Pair,
    Pool,
    SplineTest,
    WindowTest,
    null,
    permutation_null,
)
from eμsym.calibration.calibrated import Calibrated
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.errors import ConfigurationError
from eμsym.exchange import LEPTONS
from eμsym.sources import Relabelled, permutations
from eμsym.symmetry import Symmetry
from tests.calibration.toy_detector import BINS, LOG_RATIO, ToyDetector

M_COLL = Regular(14, 30, 170, name="m_coll")
PLANE = (Regular(4, 30, 190, name="m_coll"), Regular(5, 15, 95, name="lead_pt"))


def fair_pair(n=800, seed=1):
    rng = np.random.default_rng(seed)
    events = {"x": rng.exponential(size=n), "electron_leads": rng.random(n) < 0.5}
    return Pair.from_events(events)


# ---------------------------------------------------------------- which symmetry a pair has


def test_two_arbitrary_samples_are_exchangeable_and_events_of_two_orders_fair_coins():
    assert Pair.from_columns({"x": [1.0]}, {"x": [2.0]}).symmetry == Exchangeable()
    pair = fair_pair()
    assert pair.symmetry == FairCoin()
    assert pair.permuted(rng=1).symmetry == Exchangeable()
    other = Pair.from_columns({"x": [1.0]}, {"x": [2.0]}, symmetry=FairCoin())
    assert other.symmetry == FairCoin()


def test_a_corrected_pair_is_a_pair_whose_symmetry_is_calibrated():
    raw = ToyDetector(1500).draw(rng=1)
    equal = raw.equalised(bins=BINS)
    assert type(equal) is Pair
    assert type(equal.symmetry) is Calibrated
    assert equal.raw.symmetry is raw.symmetry
    assert equal.raw.weight is raw.pool.weight
    assert (raw.symmetry.source, equal.symmetry.source) == ("none", "self")
    assert raw.raw is raw


# ---------------------------------------------------------------- what is drawn


def test_fair_coins_are_binomial_by_event_and_by_group():
    pool = Pool({"x": np.arange(40)}, np.arange(40) < 15)
    labels = FairCoin().relabel(pool, 4000, rng=1).labels
    assert labels.dtype == bool
    assert chi2.sf(np.sum((labels.sum(axis=0) - 2000) ** 2) / 1000, 40) > 1e-3
    assert kstest(labels.sum(axis=1) + np.random.default_rng(1).random(4000) - 0.5, "norm",
                  args=(20, np.sqrt(10 + 1 / 12))).pvalue > 1e-3  # fmt: skip
    groups = Pool({}, np.array([3, 0]), np.array([7, 30]))
    drawn = FairCoin().relabel(groups, 4000, rng=2).labels
    for k, n in enumerate((7, 30)):
        observed = np.bincount(drawn[:, k], minlength=n + 1)
        expected = 4000 * binom.pmf(np.arange(n + 1), n, 0.5)
        some = expected > 5
        statistic = np.sum((observed - expected)[some] ** 2 / expected[some])
        assert chi2.sf(statistic, some.sum() - 1) > 1e-3


def test_permutations_keep_the_sizes_by_event_and_by_group():
    pool = Pool({"x": np.arange(40)}, np.arange(40) < 15)
    labels = Exchangeable().relabel(pool, 3000, rng=1).labels
    assert np.all(labels.sum(axis=1) == 15)
    statistic = np.sum((labels.mean(axis=0) - 15 / 40) ** 2) / (15 * 25 / 40**2 / 3000) * 39 / 40
    assert chi2.sf(statistic, 39) > 1e-3
    groups = Exchangeable().grouped(pool, np.where(np.arange(40) < 12, 0, -1))
    drawn = Exchangeable().relabel(groups, 3000, rng=2).labels
    assert np.all(drawn.sum(axis=1) == 15)
    of_twelve = drawn[:, groups.sizes == 12].ravel()
    expected = 3000 * hypergeom.pmf(np.arange(13), 40, 12, 15)
    some = expected > 5
    observed = np.bincount(of_twelve, minlength=13)
    assert chi2.sf(np.sum((observed - expected)[some] ** 2 / expected[some]), some.sum() - 1) > 1e-3


def test_draw_i_is_child_i_however_many_there_are():
    pool = fair_pair().pool
    for symmetry in (FairCoin(), Exchangeable()):
        many, few = (symmetry.relabel(pool, n, rng=3).labels for n in (5, 2))
        assert np.array_equal(many[:2], few)
        children = np.random.default_rng(3).spawn(5)[3:]
        assert np.array_equal(symmetry.relabel_each(pool, children).labels, many[3:])
        with pytest.raises(ConfigurationError, match="0 draws"):
            symmetry.relabel(pool, 0)


# ---------------------------------------------------------------- what is made of a draw


@pytest.fixture(scope="module", params=["exchangeable", "coin", "self", "window", "given"])
def pair(request):
    raw = ToyDetector(1200).draw(rng=3)
    matrix = np.diag(np.linspace(0.01, 0.04, 10)) + 0.002
    return {
        "exchangeable": lambda: raw,
        "coin": lambda: Pair(raw.events, FairCoin(), raw.names),
        "self": lambda: raw.equalised(bins=BINS),
        "window": lambda: raw.equalised(bins=BINS, exclude={"m_coll": (80, 140)}),
        "given": lambda: raw.equalised(EfficiencyRatio(BINS, LOG_RATIO, matrix)),
    }[request.param]()


def test_differences_of_many_draws_are_those_of_pairs_drawn_one_by_one(pair):
    """Σ 2w(np − a) over labels, against histograms filled from the relabelled, weighted pairs."""
    index, shape = pair.bin_index(*PLANE)
    drawn = pair.symmetry.relabel(pair.pool, 6, rng=5)
    found = drawn.differences(pair.pool, index, 20).reshape(6, *shape)
    for i, labels in enumerate(drawn.labels):
        theta = None if drawn.log_ratio is None else drawn.log_ratio[i]
        a, b = pair.relabelled(labels, theta).hist(*PLANE)
        np.testing.assert_allclose(found[i], b.values() - a.values(), atol=1e-9)
    light = Relabelled(pair, ("m_coll", "lead_pt"))
    for i, child in enumerate(np.random.default_rng(5).spawn(6)):
        a, b = light.draw(child).hist(*PLANE)
        np.testing.assert_allclose(found[i], b.values() - a.values(), atol=1e-9)


def test_groups_of_like_events_are_drawn_as_the_events_are(pair):
    """The variance of each bin, and of all of them together, by event and by group."""
    index, shape = pair.bin_index(*PLANE)
    size = int(np.prod(shape))
    groups = pair.symmetry.grouped(pair.pool, index)
    assert len(groups) < len(pair.pool)
    of_groups, _ = groups.bin_index(PLANE)
    one = pair.symmetry.relabel(pair.pool, 400, rng=1).differences(pair.pool, index, size)
    other = pair.symmetry.relabel(groups, 400, rng=2).differences(groups, of_groups, size)
    assert ks_2samp(one.sum(axis=1), other.sum(axis=1)).pvalue > 1e-3
    assert ks_2samp(one[:, 7], other[:, 7]).pvalue > 1e-3
    for ours, theirs in zip(
        pair.symmetry.spread(pair.pool, index, size),
        pair.symmetry.spread(groups, of_groups, size),
        strict=True,
    ):
        if ours is not None:
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_what_belongs_to_a_lepton_goes_where_the_lepton_goes():
    rng = np.random.default_rng(1)
    lead, sub, label = 60 + rng.random(50), 20 + rng.random(50), rng.random(50) < 0.5
    events = {
        "lead_pt": lead,
        "electron_pt": np.where(label, lead, sub),
        "muon_pt": np.where(label, sub, lead),
        "electron_leads": label,
    }
    pair = Pair.from_events(events)
    drawn = pair.relabelled(FairCoin().relabel(pair.pool, 1, rng=2).labels[0])
    for sample, first, second in ((drawn.a, "electron", "muon"), (drawn.b, "muon", "electron")):
        assert np.array_equal(sample.column(f"{first}_pt"), sample.column("lead_pt"))
        assert np.all(sample.column(f"{second}_pt") < 30)
        assert np.all(sample.column("electron_leads") == (first == "electron"))
    back = drawn.relabelled(pair.pool.labels)
    assert np.array_equal(back.pool.column("electron_pt"), pair.pool.column("electron_pt"))
    # Two arbitrary samples exchange nothing.
    assert pair.permuted(rng=1).pool.columns["electron_pt"] is pair.pool.columns["electron_pt"]
    assert LEPTONS.partner("muon_isolation") == "electron_isolation"


# ---------------------------------------------------------------- nulls


@dataclass(frozen=True)
class Surplus:
    """A statistic of one's own: how many more events B has than A."""

    def __call__(self, pair, *, rng=None):
        return float(len(pair.pool) - 2 * pair.pool.n_a)


@dataclass(frozen=True)
class QuickSurplus(Surplus):
    """The same of many draws at once."""

    def many(self, pool, relabellings):
        return pool.sizes.sum() - 2.0 * relabellings.labels.sum(axis=1)


def test_a_statistic_of_one_s_own_has_its_null_under_the_pair_s_symmetry():
    pair = fair_pair(400)
    samples = null(Surplus(), pair, 1500, rng=1).samples
    # N_B − N_A of n coins has variance n; with sizes kept it has none.
    assert (
        kstest((samples + np.random.default_rng(1).uniform(-1, 1, 1500)) / 20, "norm").pvalue > 1e-3
    )
    assert np.unique(null(Surplus(), pair.permuted(rng=1), 20, rng=1).samples).size == 1
    quick = null(QuickSurplus(), pair, 1500, rng=1)
    assert ks_2samp(quick.samples, samples).pvalue > 1e-3
    by_hand = FairCoin().relabel(pair.pool, 1500, rng=1).labels
    assert np.array_equal(quick.samples, 400 - 2.0 * by_hand.sum(axis=1))
    assert np.array_equal(
        null(QuickSurplus(), pair, 30, rng=1, workers=1).samples, quick.samples[:30]
    )


@dataclass(frozen=True)
class Means:
    """A test of arrays."""

    def __call__(self, a, b, *, rng=None):
        return float(np.mean(b) - np.mean(a))


def test_a_test_of_arrays_reads_the_only_column_or_the_one_that_is_named():
    pair = fair_pair(300)
    bare = Pair(pair.pool.restricted(("x",)), pair.symmetry)
    named = null(OnColumns(Means(), "x", scale=2.0), pair, 25, rng=4).samples
    assert np.allclose(null(Means(), bare, 25, rng=4).samples, named / 2)


@pytest.mark.parametrize(
    "test", [NSigmaTest((M_COLL,)), WindowTest(PLANE)], ids=["nsigma", "windows"]
)
def test_binned_tests_of_many_draws_are_those_of_single_pairs(test):
    raw = ToyDetector(900).draw(rng=8)
    for pair in (Pair(raw.events, FairCoin(), raw.names), raw):
        drawn = pair.symmetry.relabel(pair.pool, 5, rng=2)
        many = test.many(pair.pool, drawn)
        each = [test(pair.relabelled(labels)).statistic for labels in drawn.labels]
        np.testing.assert_allclose(many, each, rtol=1e-9)


@dataclass(frozen=True)
class Alternating(Symmetry):
    """A symmetry of one's own: only neighbours may change places."""

    def relabeller(self, pool):
        def draw(generator):
            swap = np.repeat(generator.random(len(pool) // 2) < 0.5, 2)
            order = np.arange(len(pool)) ^ swap
            return pool.labels[order], None

        return draw


def test_a_symmetry_of_one_s_own_gives_its_null():
    pool = Pool({"x": np.arange(20.0)}, np.arange(20) % 2 == 0)
    pair = Pair(pool, Alternating())
    samples = null(OnColumns(Means(), "x"), pair, 600, rng=1).samples
    # Each of ten neighbours adds ±1 to the sum of ten differences.
    steps = (10 * samples + 10) / 2
    assert np.allclose(steps, np.rint(steps))
    observed = np.bincount(np.rint(steps).astype(int), minlength=11)
    expected = 600 * binom.pmf(np.arange(11), 10, 0.5)
    some = expected > 5
    assert chi2.sf(np.sum((observed - expected)[some] ** 2 / expected[some]), some.sum() - 1) > 1e-3
    assert len(permutations(pair).draw(1).a.events) == 10


def test_a_fair_coin_s_null_of_a_comparison_of_shapes_is_that_of_permutations():
    """t of the splines takes the sizes as they are: whether they are kept hardly matters."""
    pair = fair_pair(600, seed=9)
    test = OnColumns(SplineTest(k=4), "x")
    free, kept = null(test, pair, 300, rng=1), permutation_null(test, pair, 300, rng=2)
    assert ks_2samp(free.samples, kept.samples).pvalue > 0.01
