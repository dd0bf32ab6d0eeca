"""The null of corrected pairs: what a draw is, that p-values are uniform, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass

import awkward as ak
import numpy as np
import pytest
from hist.axis import Regular
from scipy.stats import binom, kstest

from eμsym.binned.nsigma import NSigmaTest
from eμsym.binned.window_null import window_pvalue
from eμsym.binned.windows import WindowTest
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.calibration.self_calibration import self_calibrate
from eμsym.errors import ConfigurationError, DataError
from eμsym.nulls import null, permutation_null
from eμsym.pair import Pair
from eμsym.sources import Relabelled
from eμsym.testing import OnColumns
from eμsym.unbinned.spline import SplineTest
from tests.calibration.toy_detector import BINS, LOG_RATIO, ToyDetector

M_COLL = Regular(14, 30, 170, name="m_coll")
PLANE = (Regular(8, 30, 190, name="m_coll"), Regular(8, 15, 95, name="lead_pt"))
#: ln r that falls steeply with pT.
STEEP = tuple(0.6 - 0.2 * np.repeat(np.arange(5), 2))
EXACT = EfficiencyRatio(BINS, LOG_RATIO, np.zeros((10, 10)))


@pytest.fixture(scope="module")
def equal():
    return ToyDetector(3000).draw(rng=1).equalised(bins=BINS)


@dataclass(frozen=True)
class Means:
    """The difference of the weighted means."""

    def __call__(self, a, b, *, weights_a, weights_b, rng=None):
        return abs(np.average(a, weights=weights_a) - np.average(b, weights=weights_b))


@dataclass(frozen=True)
class OfPairs:
    """The same of whole pairs."""

    def __call__(self, pair, *, rng=None):
        return OnColumns(Means(), "m_coll")(pair)


# ---------------------------------------------------------------- what a draw is


def test_each_event_has_its_own_probability(equal):
    """Over many draws each event is A's as often as its kinematics say."""
    source = Relabelled(equal, ("m_coll",))
    values = equal.pool.column("m_coll")
    order = np.argsort(values)
    count = np.zeros(values.size, dtype=int)
    for seed in range(300):
        drawn = source.draw(rng=seed)
        assert len(drawn.a.events) + len(drawn.b.events) == values.size
        place = order[np.searchsorted(values[order], drawn.a.column("m_coll"))]
        count[place] += 1
    p = equal.symmetry.probability(equal.pool)
    # Its tail probability is uniform; the half of a tie makes it continuous enough.
    tail = binom.cdf(count, 300, p) - 0.5 * binom.pmf(count, 300, p)
    assert kstest(tail, "uniform").pvalue > 1e-3
    assert np.std(p) > 0.02
    assert kstest(binom.cdf(count, 300, 0.5), "uniform").pvalue < 1e-6


def test_a_draw_is_refitted_as_a_pair_of_its_own_would_be(equal):
    drawn = Relabelled(equal).draw(rng=5)
    again = drawn.raw.equalised(bins=BINS)
    assert np.allclose(drawn.symmetry.log_ratio, again.symmetry.log_ratio, atol=1e-7)
    assert np.allclose(drawn.a.weight, again.a.weight, atol=1e-7)
    assert drawn.nsigma(M_COLL).z == pytest.approx(again.nsigma(M_COLL).z, abs=1e-6)
    ours, theirs = (x.symmetry.calibration.ratio.covariance for x in (drawn, again))
    assert np.allclose(ours, theirs, rtol=1e-6, atol=1e-12)
    light = Relabelled(equal, ("m_coll",)).draw(rng=5)
    assert np.array_equal(light.b.weight, drawn.b.weight)
    assert np.array_equal(light.a.column("m_coll"), drawn.a.column("m_coll"))
    # A plain pair is permuted with its sizes kept; this one is drawn as its symmetry says.
    assert len(equal.permuted(rng=5).a.events) == len(drawn.a.events) != len(equal.a.events)


def test_columns_of_a_flavour_change_places_with_the_label():
    raw = ToyDetector(1500).draw(rng=2)
    samples = []
    for sample, leads in ((raw.a, True), (raw.b, False)):
        events = sample.events
        first, second = ("lead", "sub") if leads else ("sub", "lead")
        events = ak.with_field(events, events[f"{first}_pt"], "electron_pt")
        events = ak.with_field(events, events[f"{second}_pt"], "muon_pt")
        samples.append(ak.with_field(events, np.full(len(events), leads), "electron_leads"))
    pair = Pair.from_columns(*samples)
    drawn = Relabelled(pair.equalised(bins=BINS)).draw(rng=3)
    for sample, leads in ((drawn.a, True), (drawn.b, False)):
        first, second = ("lead", "sub") if leads else ("sub", "lead")
        assert np.array_equal(sample.column("electron_pt"), sample.column(f"{first}_pt"))
        assert np.array_equal(sample.column("muon_pt"), sample.column(f"{second}_pt"))
        assert np.all(ak.to_numpy(sample.events.electron_leads) == leads)
    label = np.zeros(len(samples[0]) + len(samples[1]), dtype=bool)
    assert len(pair.equalised(bins=BINS).raw.relabelled(label).a.events) == 0
    drawn = null(OnColumns(Means(), "electron_pt"), pair.equalised(bins=BINS), 20, rng=1)
    by_hand = [
        Means()(
            d.a.column("electron_pt"),
            d.b.column("electron_pt"),
            weights_a=d.a.weight,
            weights_b=d.b.weight,
        )
        for d in (Relabelled(pair.equalised(bins=BINS)).draw(rng=s) for s in range(20))
    ]
    assert np.mean(drawn.samples) == pytest.approx(np.mean(by_hand), rel=0.2)


def test_events_outside_the_fit_are_drawn_but_not_fitted():
    raw = ToyDetector(3000).draw(rng=4)
    equal = raw.equalised(bins=BINS, exclude={"m_coll": (80, 140)})
    drawn = Relabelled(equal).draw(rng=1)
    again = self_calibrate(drawn.raw, bins=BINS, exclude={"m_coll": (80, 140)})
    assert np.allclose(drawn.symmetry.log_ratio, again.ratio.log_ratio, atol=1e-7)
    whole = self_calibrate(drawn.raw, bins=BINS)
    assert not np.allclose(drawn.symmetry.log_ratio, whole.ratio.log_ratio)


def test_a_correction_from_elsewhere_is_varied_within_its_covariance():
    raw = ToyDetector(1000).draw(rng=4)
    matrix = np.diag(np.linspace(0.01, 0.04, 10)) + 0.002
    source = Relabelled(raw.equalised(EfficiencyRatio(BINS, LOG_RATIO, matrix)))
    drawn = np.array([source.draw(rng=s).symmetry.log_ratio for s in range(200)]) - LOG_RATIO
    distance = np.einsum("ni,ij,nj->n", drawn, np.linalg.inv(matrix), drawn)
    assert distance.mean() == pytest.approx(10, abs=4 * np.sqrt(20 / 200))
    fixed = Relabelled(raw.equalised(EXACT)).draw(rng=1)
    assert np.array_equal(fixed.symmetry.log_ratio, LOG_RATIO)


@pytest.mark.parametrize("column", ["m_coll", None])
def test_workers_do_not_change_the_null(equal, column):
    test = OnColumns(Means(), "m_coll") if column else OfPairs()
    one = null(test, equal, 12, rng=3, workers=1)
    two = null(test, equal, 12, rng=3, workers=2, threads=column is not None)
    assert np.array_equal(one.samples, two.samples)
    more = null(test, equal, 15, rng=3, workers=1)
    assert np.array_equal(more.samples[:12], one.samples)
    assert np.unique(one.samples).size == 12


# ---------------------------------------------------------------- p-values


def test_a_permutation_null_of_an_equalised_pair_is_the_calibrated_one(equal):
    options = {"column": "m_coll", "scale": 0.01, "rng": 3}
    test = SplineTest(k=6)
    ours = permutation_null(test, equal, 5, **options)
    own = null(OnColumns(test, "m_coll", 0.01), equal, 5, rng=3)
    np.testing.assert_array_equal(ours.samples, own.samples)
    plain = permutation_null(test, Pair.from_samples(equal.a, equal.b), 5, **options)
    assert not np.allclose(ours.samples, plain.samples)


@pytest.mark.parametrize("toys", [10, pytest.param(30, marks=pytest.mark.slow)])
def test_pvalues_of_t_are_uniform_and_of_permuted_raw_pairs_are_not(toys):
    """SplineTest of sub_pt, where the orders differ most."""
    test, corrected, raw_p = SplineTest(k=4), [], []
    reads = OnColumns(test, "sub_pt", 0.01)
    for i in range(toys):
        raw = ToyDetector(2500, log_ratio=STEEP).draw(rng=300 + i)
        equal = raw.equalised(bins=BINS)
        options = {"column": "sub_pt", "scale": 0.01, "rng": i, "workers": 1}
        drawn = null(reads, equal, 19, rng=i, workers=1)
        corrected.append(drawn.pvalue(reads(equal).t))
        if i < 10:
            raw_p.append(permutation_null(test, raw, 19, **options).pvalue(reads(raw).t))
    # Multiples of 1/20, spread over their steps to be continuous.
    spread = np.array(corrected) - np.random.default_rng(1).random(toys) / 20
    assert kstest(spread, "uniform").pvalue > 0.01
    assert kstest(raw_p, "uniform").pvalue < 1e-3


def test_the_null_of_nsigma_is_that_of_whole_draws(equal):
    """Binomial groups against events drawn one by one, and against N(0,1)."""
    samples = null(NSigmaTest((M_COLL,)), equal, 400, rng=1).samples
    assert kstest(samples, "norm").pvalue > 0.01
    source = Relabelled(equal, ("m_coll",))
    symmetry, (index, _) = equal.symmetry, equal.bin_index(M_COLL)
    groups = symmetry.grouped(equal.pool, index)
    assert groups.sizes.sum() == len(equal.pool)
    of_groups, _ = groups.bin_index((M_COLL,))
    difference = symmetry.relabel(groups, 400, rng=2).differences(groups, of_groups, 14)
    own, covariance = symmetry.spread(groups, of_groups, 14)
    assert np.allclose(covariance, equal.covariance(M_COLL), rtol=1e-12, atol=1e-12)
    p = symmetry.probability(equal.pool)
    assert np.allclose(own, 4 * np.bincount(index[index >= 0], (p * (1 - p))[index >= 0]))
    whole = []
    for seed in range(200):
        a, b = source.draw(rng=seed).hist(M_COLL)
        whole.append(b.values() - a.values())
    sums = difference.sum(axis=1), np.array(whole).sum(axis=1)
    assert np.std(sums[0]) / np.std(sums[1]) == pytest.approx(1, abs=0.25)
    assert kstest(*sums).pvalue > 0.01
    again = null(NSigmaTest((M_COLL,)), equal, 30, rng=1)
    assert np.array_equal(again.samples, samples[:30])


def test_weighted_events_are_drawn_one_by_one():
    raw = ToyDetector(1500).draw(rng=5)
    rng = np.random.default_rng(1)
    pair = Pair.from_columns(
        *(
            ak.with_field(s.events, rng.choice([1.0, 3.0], len(s.events)), "weight")
            for s in (raw.a, raw.b)
        )
    )
    drawn = null(NSigmaTest((M_COLL,)), pair.equalised(bins=BINS), 300, rng=1)
    assert kstest(drawn.samples, "norm").pvalue > 0.01


def test_windows_of_a_corrected_pair_are_as_deep_as_their_null():
    """Uniform p-values with the correction; without it the best window is a false find."""
    corrected, raw_p = [], []
    for i in range(30):
        raw = ToyDetector(2500, log_ratio=tuple(2.5 * LOG_RATIO)).draw(rng=500 + i)
        test, equal = WindowTest(PLANE), raw.equalised(bins=BINS)
        found = test(equal)
        corrected.append(null(test, equal, 60, rng=i).pvalue(found.statistic))
        a, b = raw.hist(*PLANE)
        raw_p.append(window_pvalue(b, a, 60, rng=i).pvalue)
    assert kstest(corrected, "uniform").pvalue > 0.01
    assert np.mean(raw_p) < 0.1
    assert found.best.edges is not None


# ---------------------------------------------------------------- input


def test_pairs_and_numbers_that_are_none(equal):
    with pytest.raises(ConfigurationError, match="0 toys: choose"):
        null(NSigmaTest((M_COLL,)), equal, 0)
    with pytest.raises(ConfigurationError, match="0 draws: choose"):
        equal.symmetry.relabel(equal.pool, 0)
    with pytest.raises(DataError, match="no column 'nothing'"):
        null(OnColumns(Means(), "nothing"), equal, 10)
    empty = Regular(3, 1e6, 2e6, name="m_coll")
    with pytest.raises(DataError, match="nothing to test"):
        null(NSigmaTest((empty,)), equal, 5)
    with pytest.raises(DataError, match="NaN"):
        null(WindowTest((empty, PLANE[1])), equal, 5)
