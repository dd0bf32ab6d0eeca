"""Equalised pairs: weights, propagated uncertainties, Nσ and q0 of toys and of genuine events."""

from __future__ import annotations

import json
from dataclasses import replace

import awkward as ak
import numpy as np
import pytest
from hist import Hist
from hist.axis import Regular, Variable
from scipy.stats import kstest

from eμsym.binned.nsigma import nsigma
from eμsym.binned.q0 import q0
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins
from eμsym.calibration.quality import fit_quality
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair
from eμsym.pair_io import read_pair
from eμsym.sources import Relabelled
from eμsym.symmetry import balanced
from tests.calibration.toy_detector import BINS, LOG_RATIO, ToyDetector

M_COLL = Regular(14, 30, 170, name="m_coll")
WINDOW = {"m_coll": (110, 140)}
UNKNOWN = Regular(3, 0, 1, name="no_such_column")
EXACT = EfficiencyRatio(BINS, LOG_RATIO, np.zeros((10, 10)))
#: A resonance at 125 GeV in the bins of M_COLL.
SIGNAL = np.clip(np.minimum(M_COLL.edges[1:], 135) - np.maximum(M_COLL.edges[:-1], 115), 0, None)


@pytest.fixture(scope="module")
def pair():
    return ToyDetector(6000).draw(rng=1)


# ---------------------------------------------------------------- weights


def test_the_fit_leaves_no_asymmetry_of_either_lepton_in_any_bin(pair):
    """The score equations: events with a lepton in k, leading less sub-leading, balance."""
    equal = pair.equalised(bins=BINS)
    lead, sub = equal.symmetry.design(equal.pool).levels
    raw = np.where(equal.pool.labels, 1.0, -1.0)
    weight = equal.weight * raw
    balance = np.bincount(lead, weight, 10) - np.bincount(sub, weight, 10)
    assert np.abs(balance).max() < 1e-4
    before = np.bincount(lead, raw, 10) - np.bincount(sub, raw, 10)
    assert np.abs(before).max() > 50


def test_weights_make_both_orders_expect_the_same_with_the_least_variance():
    p = np.linspace(0.02, 0.98, 49)
    yes, no = (balanced(np.full(49, label), p) for label in (True, False))
    assert np.allclose(p * yes, (1 - p) * no)
    assert yes.max() <= 2
    # Of a cell of n events the difference's variance, relative to its expectation per
    # sample, is the same for 1/(2p); of cells taken together ours is the smaller.
    overlap = np.sum(4 * p * (1 - p)) / np.sum(2 * p * (1 - p)) ** 2
    inverse = np.sum(1 / (4 * p) + 1 / (4 * (1 - p))) / np.sum(np.full(49, 0.5)) ** 2
    assert overlap < 0.9 * inverse


def test_histograms_are_those_of_the_weighted_events(pair):
    a, b = pair.hist(M_COLL)
    stored = Pair.from_samples(
        replace(pair.a, histograms={"m": a, "gone": Hist(UNKNOWN)}),
        replace(pair.b, histograms={"m": b, "gone": Hist(UNKNOWN)}),
        names=pair.names,
    )
    equal = stored.equalised(bins=BINS)
    assert set(equal.a.histograms) == {"m"}
    for name, sample in (("a", equal.a), ("b", equal.b)):
        inside = (sample.column("m_coll") >= 30) & (sample.column("m_coll") < 170)
        total = getattr(equal, name).histograms["m"].sum()
        assert total.value == pytest.approx(sample.weight[inside].sum())
        assert total.variance == pytest.approx((sample.weight[inside] ** 2).sum())
    assert equal.nsigma("m").z == pytest.approx(equal.nsigma(M_COLL).z)
    assert equal.raw.events is stored.events
    assert equal.raw.hist("m")[0] == a
    assert equal.equalised(bins=BINS).nsigma("m").z == pytest.approx(equal.nsigma("m").z)
    json.dumps(equal.symmetry.to_dict(), allow_nan=False)


def test_the_constant_in_ln_r_is_of_no_account(pair):
    shifted = EfficiencyRatio(BINS, LOG_RATIO + 0.7, np.full((10, 10), 0.3))
    one, other = pair.equalised(EXACT), pair.equalised(shifted)
    assert np.allclose(one.a.weight, other.a.weight)
    assert np.allclose(one.covariance(M_COLL), other.covariance(M_COLL))
    ours, theirs = one.yield_ratio(M_COLL), other.yield_ratio(M_COLL)
    assert np.allclose(ours.ratio, theirs.ratio)
    assert len(theirs.modes) == 0


# ---------------------------------------------------------------- Nσ with a covariance


def test_nsigma_with_a_covariance_has_the_closed_forms():
    b, a = [120.0, 80.0, 30.0], [100.0, 100.0, 40.0]
    poisson = np.diag([220.0, 180.0, 70.0])
    plain, same = nsigma(b, a), nsigma(b, a, covariance=poisson)
    assert same.z == pytest.approx(plain.z)
    assert same.width == pytest.approx(1)
    assert plain.width is None
    assert "width" not in plain.to_dict()
    # Two bins of correlation ρ: the sum of two unit pulls has variance 2 + 2ρ.
    c = np.array([[4.0, 3.0], [3.0, 9.0]])
    result = nsigma([10, 20], [8, 26], covariance=c)
    assert result.z == pytest.approx((2 / 2 - 6 / 3) / np.sqrt(2 + 2 * 0.5))
    assert result.to_dict()["width"] == pytest.approx(np.sqrt(1.5))
    # A bin that a fit has used up holds nothing.
    used_up = np.zeros((3, 3))
    used_up[:2, :2] = c
    assert nsigma([10, 20, 7], [8, 26, 7], covariance=used_up).z == pytest.approx(result.z)
    assert nsigma([10, 20, 7], [8, 26, 7], covariance=used_up).n_empty == 1


@pytest.mark.parametrize(
    "covariance, message",
    [
        (np.eye(3), "shape"),
        ([[1, 2], [0, 1]], "not symmetric"),
        ([[1, np.nan], [np.nan, 1]], "not symmetric or not finite"),
        ([[4, -4], [-4, 4]], "leaves the sum of the pulls no variance"),
    ],
)
def test_covariances_that_are_none(covariance, message):
    with pytest.raises(DataError, match=message):
        nsigma([10, 20], [8, 26], covariance=covariance)


def test_the_covariance_is_that_of_drawn_and_refitted_labels(pair):
    """Against the spread of B − A over whole pairs with new labels, fitted by MINUIT each."""
    axis = Regular(5, 30, 230, name="m_coll")
    equal = pair.equalised(bins=BINS, exclude=WINDOW)
    source = Relabelled(equal)
    drawn = []
    for seed in range(150):
        raw = source.draw(rng=seed).raw
        a, b = raw.equalised(bins=BINS, exclude=WINDOW).hist(axis)
        drawn.append(a.values() - b.values())
    expected = equal.covariance(axis)
    # χ² of draws has mean 5 and, over 150, an error of √(10/150).
    distance = np.einsum("ni,ij,nj->n", np.array(drawn), np.linalg.inv(expected), np.array(drawn))
    assert distance.mean() == pytest.approx(5, abs=4 * np.sqrt(10 / 150))
    spread = np.cov(np.array(drawn).T)
    assert np.all(np.abs(np.diag(spread) / np.diag(expected) - 1) < 4 * np.sqrt(2 / 150))
    # The window is not in the fit: its uncertainty adds to the events' own.
    inside = Regular(1, 110, 140, name="m_coll")
    p = equal.symmetry.probability(equal.pool)
    own = 4 * np.sum((p * (1 - p))[equal.bin_index(inside)[0] == 0])
    assert equal.covariance(inside)[0, 0] > 1.02 * own
    assert pair.equalised(bins=BINS).covariance(inside)[0, 0] < 0.98 * own


def test_a_correction_from_elsewhere_adds_its_own_covariance(pair):
    """V + JCJᵀ, with J from differences of the yields."""
    matrix = np.diag(np.linspace(0.01, 0.04, 10)) + 0.002
    equal = pair.equalised(EfficiencyRatio(BINS, LOG_RATIO, matrix))
    exact = pair.equalised(EXACT)

    def difference(theta):
        """Expected A − B of raw labels as they are drawn now, weighted by another ln r."""
        p = exact.symmetry.probability(exact.pool)
        other = exact.symmetry.probability(exact.pool, theta)
        index, _ = exact.bin_index(M_COLL)
        use = index >= 0
        return np.bincount(index[use], (2 * p * (1 - other) - 2 * (1 - p) * other)[use], 14)

    steps = 1e-5 * np.eye(10)
    slope = [(difference(LOG_RATIO + s) - difference(LOG_RATIO - s)) / 2e-5 for s in steps]
    added = np.array(slope).T @ matrix @ np.array(slope)
    assert np.allclose(equal.covariance(M_COLL) - exact.covariance(M_COLL), added, rtol=1e-6)
    assert np.count_nonzero(exact.covariance(M_COLL)) == 14


# ---------------------------------------------------------------- toys


@pytest.fixture(scope="module", params=[30, pytest.param(90, marks=pytest.mark.slow)])
def toys(request):
    """Z of pairs without signal: by statistic, and by how r was had."""
    found = {}
    for i in range(request.param):
        raw = ToyDetector(5000).draw(rng=2000 + i)
        control = ToyDetector(2500).draw(rng=9000 + i)
        a, b = raw.hist(M_COLL)
        found.setdefault(("raw", "nsigma"), []).append(nsigma(b, a).z)
        found.setdefault(("raw", "q0"), []).append(q0(b, a, SIGNAL, background="profiled").z)
        corrected = {
            "self": raw.equalised(bins=BINS),
            "window": raw.equalised(bins=BINS, exclude=WINDOW),
            "control": raw.equalised(bins=BINS, control=control),
            "exact": raw.equalised(EXACT),
        }
        for name, equal in corrected.items():
            found.setdefault((name, "nsigma"), []).append(equal.nsigma(M_COLL).z)
            ratio = equal.yield_ratio(M_COLL)
            z = q0(b, a, SIGNAL, background="profiled", ratio=ratio).z
            found.setdefault((name, "q0"), []).append(z)
    return {key: np.array(values) for key, values in found.items()}


@pytest.mark.parametrize("test", ["nsigma", "q0"])
@pytest.mark.parametrize("name", ["self", "window", "control", "exact"])
def test_corrected_z_is_normal(toys, name, test):
    z = toys[name, test]
    assert kstest(z, "norm").pvalue > 0.01
    assert z.std() == pytest.approx(1, abs=0.25 * np.sqrt(90 / z.size))


@pytest.mark.parametrize("test", ["nsigma", "q0"])
def test_uncorrected_z_is_not(toys, test):
    z = toys["raw", test]
    assert kstest(z, "norm").pvalue < (1e-6 if z.size == 90 else 1e-2)


def test_a_signal_of_three_sigma_keeps_nine_tenths_of_its_significance():
    """With its window excluded, against the true efficiencies; the signal is in A only."""
    kept, ideal, biased = [], [], []
    for i in range(40):
        raw = ToyDetector(8000, signal=115).draw(rng=100 + i)
        a, b = raw.hist(M_COLL)
        for result, correction in ((ideal, EXACT), (kept, "self")):
            options = {"exclude": WINDOW} if correction == "self" else {}
            ratio = raw.equalised(correction, **options).yield_ratio(M_COLL).inverse()
            result.append(q0(a, b, SIGNAL, background="profiled", ratio=ratio).z)
        biased.append(q0(a, b, SIGNAL, background="profiled").z)
    assert 2.7 < np.mean(ideal) < 3.6
    assert np.mean(kept) > 0.9 * np.mean(ideal)
    assert np.mean(kept) < 1.03 * np.mean(ideal)
    assert np.mean(biased) > 1.2 * np.mean(ideal)


# ---------------------------------------------------------------- genuine events


BACKGROUNDS = ("ztautau", "ttbar", "ww", "wz", "zz", "hww", "htautau")


def test_genuine_background_is_symmetric_once_corrected(processed_sample):
    raw = read_pair(processed_sample, datasets=BACKGROUNDS)
    equal = raw.equalised()
    whole = Regular(1, 0, 1e5, name="m_coll")
    for axes, least in ((M_COLL, 0.05), ("plane", 0.05), ("lead_pt", 0.01), (whole, 0.01)):
        a, b = raw.hist(axes)
        before, after = nsigma(b, a), equal.nsigma(axes)
        # What is left is less than what was there, though its error is the smaller one.
        assert abs(after.z) < abs(before.z)
        assert after.pvalue_two_sided > least
    assert before.pvalue_two_sided < 0.01
    quality = fit_quality(equal, rng=1)
    assert min(quality.goodness.pvalue, quality.closure.pvalue) > 0.01
    # Muons are isolated more easily at low pT: r falls with pT.
    ratio = equal.symmetry.calibration.ratio
    low, high = (np.log(ratio.evaluate(np.full(9, pt), np.linspace(0, 2.2, 9))) for pt in (20, 90))
    assert low.mean() - high.mean() > 0.05


# ---------------------------------------------------------------- input


def test_control_events_are_fitted_in_place_of_the_pairs_own(pair):
    control = ToyDetector(3000).draw(rng=7)
    equal = pair.equalised(control=control, bins=BINS)
    own = control.equalised(bins=BINS).symmetry.calibration.ratio
    assert np.array_equal(equal.symmetry.log_ratio, own.log_ratio)
    assert equal.symmetry.source == "control"
    assert not equal.symmetry.in_sample
    assert equal.symmetry.to_dict()["calibration"]["control"] is True


@pytest.mark.parametrize(
    "options", [{"exclude": WINDOW}, {"bins": BINS}, {"by": "m_coll"}, {"signed_eta": True}]
)
def test_options_of_a_fit_without_a_fit(pair, options):
    with pytest.raises(ConfigurationError, match="are of a self-calibration"):
        pair.equalised(EXACT, **options)


def test_corrections_that_are_none(pair):
    with pytest.raises(ConfigurationError, match="correction 3: give 'self'"):
        pair.equalised(3)
    with pytest.raises(DataError, match="histograms only"):
        Pair.from_samples(replace(pair.a, events=None), pair.b).equalised()
    heavy = ak.with_field(pair.a.events, 2.0, "weight")
    with pytest.raises(DataError, match="unweighted events"):
        Pair.from_columns(heavy, pair.b.events).equalised(EXACT).yield_ratio(M_COLL)
    with pytest.raises(DataError, match="no column 'nothing'"):
        pair.equalised(EXACT).covariance(Regular(2, 0, 1, name="nothing"))
    with pytest.raises(DataError, match="cannot be calibrated"):
        pair.equalised(bins=LeptonBins((15, 299, 300), (0, 2.4)))


def test_weighted_events_are_equalised_too(pair):
    """Σw of both orders, and Nσ of Σw² with the sandwich covariance: normal over relabellings."""
    n_a, n_b = len(pair.a.events), len(pair.b.events)
    rng = np.random.default_rng(3)
    heavy = Pair.from_columns(
        ak.with_field(pair.a.events, rng.choice([0.5, 2.0, 4.0], n_a), "weight"),
        ak.with_field(pair.b.events, rng.choice([0.5, 2.0, 4.0], n_b), "weight"),
    )
    source = Relabelled(heavy.equalised(bins=BINS))
    z = [
        source.draw(rng=seed).nsigma(Variable([0, 60, 120, 2000], name="m_coll")).z
        for seed in range(120)
    ]
    assert kstest(z, "norm").pvalue > 0.01
