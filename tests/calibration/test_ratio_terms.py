"""The terms of a smooth ln r: what they can be, what few events have, and what they leave."""

from __future__ import annotations

import numpy as np
import pytest
from hist.axis import Regular
from scipy.special import expit

from eμsym.calibration.efficiency_ratio import lepton_columns
from eμsym.calibration.ratio_terms import (
    CRACKS,
    ENOUGH_FOR_ALL,
    ENOUGH_FOR_BENDS,
    binned_terms,
    smooth_terms,
)
from eμsym.calibration.self_calibration import self_calibrate
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair
from tests.calibration.toy_detector import BINS, ToyDetector


def leptons(n, rng=1):
    generator = np.random.default_rng(rng)
    return 15 + generator.exponential(30, n), generator.uniform(-2.3, 2.3, n)


def expected(pair, log_ratio):
    """A pair of both labels of each event, weighted with a known r: nothing fluctuates."""
    pt, eta = lepton_columns(pair.pool)
    p = expit(log_ratio(pt[1], eta[1]) - log_ratio(pt[0], eta[0]))
    columns = {name: pair.pool.column(name) for name in pair.pool.fields}
    return Pair.from_columns({**columns, "weight": 2 * p}, {**columns, "weight": 2 - 2 * p})


@pytest.mark.parametrize(
    "log_ratio",
    [
        lambda pt, eta: 0.5 * np.log(pt),
        lambda pt, eta: np.where(np.abs(eta) >= 1.52, 0.4, 0.0) + 0.3 * np.log(pt),
        lambda pt, eta: np.where((np.abs(eta) >= 1.37) & (np.abs(eta) < 1.5), 0.5, 0.0),
        lambda pt, eta: -np.log(0.4 + 0.6 / (1 + np.exp(-(pt - 22) / 2))),
        lambda pt, eta: 0.3 * np.log(pt) * (np.abs(eta) >= 1.5),
    ],
    ids=["slope", "step", "crack", "turn-on", "product"],
)
def test_a_smooth_r_of_leptons_is_found_as_it_is(log_ratio):
    """The asymmetry that is left in bins of any column is small against its fluctuations."""
    pair = expected(ToyDetector(20_000).draw(rng=2), log_ratio)
    equal = pair.equalised()
    for axis in (
        Regular(20, 15, 115, name="lead_pt"),
        Regular(20, 15, 65, name="sub_pt"),
        Regular(23, -2.3, 2.3, name="lead_eta"),
        Regular(20, 30, 230, name="m_coll"),
    ):
        before, after = pair.difference(axis), equal.difference(axis)
        # Of weights of mean one that come in pairs, A − B has the variance of as many events.
        size = np.sqrt(before.a + before.b)
        assert np.max(np.abs(after.value / size)) < 0.6
        assert np.sqrt(np.mean((after.value / size) ** 2)) < 0.2
    ratio = equal.symmetry.calibration.ratio
    pt, eta = leptons(2000)
    inside = (pt > 17) & (pt < 70)
    found = np.log(ratio.evaluate(pt, eta)) - log_ratio(pt, eta)
    assert np.std(found[inside]) < 0.04


def test_what_the_events_do_not_tell_stays_near_zero():
    """With few events the terms are their priors': ln r is known no worse than those say."""
    pair = ToyDetector(60).draw(rng=1)
    fit = self_calibrate(pair)
    assert np.ptp(fit.ratio.log_ratio) < 3
    one_sided = Pair.from_columns(pair.a.events, pair.a.events[:1])
    fit_of_one_side = self_calibrate(one_sided)
    assert np.all(np.abs(fit_of_one_side.values) < 2 * fit_of_one_side.terms.prior)
    assert np.all(fit.values.size == fit.terms.prior.size)
    assert np.all(fit.ratio.error < 3)


def test_more_leptons_have_more_terms_and_know_nothing_of_the_labels():
    sizes = (ENOUGH_FOR_BENDS - 2, ENOUGH_FOR_BENDS, ENOUGH_FOR_ALL, 50_000, 2_000_000)
    found = [smooth_terms(*leptons(n)) for n in sizes]
    terms = [each.prior.size for _, each in found]
    assert terms == sorted(set(terms))
    assert terms[0] == 1 + len(CRACKS) + 1
    assert [len(bins) for bins, _ in found] == sorted(len(bins) for bins, _ in found)
    pair = ToyDetector(3000).draw(rng=2)
    same = pair.relabelled(~pair.pool.labels)
    one, other = (smooth_terms(*lepton_columns(x.pool)) for x in (pair, same))
    assert one[0] == other[0]
    assert np.array_equal(one[1].basis, other[1].basis)


def test_jumps_are_where_they_are_given_and_cost_less_than_other_steps():
    pt, eta = leptons(5000)
    bins, terms = smooth_terms(pt, eta, abseta_edges=(1.4442, 1.566))
    assert {1.4442, 1.566} <= set(bins.abseta_edges)
    assert 1.4 not in bins.abseta_edges
    assert 1.5 not in bins.abseta_edges
    assert set(terms.prior) == {0.5, 1.0, 2.0}
    none, _ = smooth_terms(pt, eta, abseta_edges=())
    assert 1.4 in none.abseta_edges
    assert 1.37 not in none.abseta_edges


def test_thresholds_in_pt_are_steps_of_their_own():
    log_ratio = lambda pt, eta: 2.5 * (pt >= 27)  # noqa: E731
    pair = expected(ToyDetector(20_000).draw(rng=2), log_ratio)
    axis = Regular(24, 15, 63, name="sub_pt")
    left = {}
    for edges in ((), (27.0,)):
        difference = pair.equalised(pt_edges=edges).difference(axis)
        left[edges] = np.max(np.abs(difference.value) / np.sqrt(difference.a + difference.b))
    assert left[27.0,] < 0.3
    assert left[()] > 2
    bins, _ = smooth_terms(*leptons(5000), pt_edges=(27.0, 1e6))
    assert 27.0 in bins.pt_edges
    assert 1e6 not in bins.pt_edges


def test_signed_eta_tells_both_sides_apart():
    log_ratio = lambda pt, eta: 0.4 * (eta < 0)  # noqa: E731
    pair = expected(ToyDetector(20_000).draw(rng=2), log_ratio)
    axis = Regular(2, -2.4, 2.4, name="lead_eta")
    left = {}
    for signed in (False, True):
        difference = pair.equalised(signed_eta=signed).difference(axis)
        left[signed] = np.max(np.abs(difference.value) / np.sqrt(difference.a + difference.b))
    assert left[True] < 0.2
    assert left[False] > 5


def test_terms_of_bins_are_relative_to_the_first():
    terms = binned_terms(BINS)
    assert np.array_equal(terms.basis, np.eye(10)[:, 1:])
    assert np.array_equal(terms.precision, np.zeros(9))
    use = np.full(10, 0.1)
    assert np.allclose(use @ terms.centred(use).basis, 0)


@pytest.mark.parametrize(
    "edges, message",
    [
        ((1.5, 1.4), "rising positive numbers"),
        ((0.0, 1.4), "rising positive numbers"),
        ((np.inf,), "rising positive numbers"),
        ("ab", "give numbers"),
    ],
)
def test_edges_that_are_none(edges, message):
    with pytest.raises(ConfigurationError, match=message):
        smooth_terms(*leptons(100), abseta_edges=edges)
    with pytest.raises(ConfigurationError, match="edges in pT: give"):
        smooth_terms(*leptons(100), pt_edges=edges)
    with pytest.raises(ConfigurationError, match="are of a smooth r"):
        ToyDetector(500).draw(rng=1).equalised(bins=BINS, abseta_edges=(1.5,))


def test_leptons_that_are_none():
    with pytest.raises(DataError, match="too few"):
        smooth_terms(np.zeros(0), np.zeros(0))
    with pytest.raises(DataError, match="no momentum"):
        smooth_terms(np.array([0.0, 20.0]), np.zeros(2))
