"""Goodness of fit and closure: uniform where r describes the events, small where it does not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import kstest

from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.calibration.quality import TOTAL, fit_quality, kinematic_bins, quantile_bins
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair
from tests.calibration.toy_detector import BINS, LOG_RATIO, ToyDetector

EXACT = EfficiencyRatio(BINS, LOG_RATIO, np.zeros((10, 10)))


def pvalues(pairs, **options):
    found = [fit_quality(pair, n=19, rng=i, **options) for i, pair in enumerate(pairs)]
    return np.array([[x.goodness.pvalue, x.closure.pvalue] for x in found])


@pytest.mark.parametrize(
    "how", [{}, {"bins": BINS}, {"exclude": {"m_coll": (100, 140)}}], ids=["smooth", "bins", "out"]
)
def test_both_are_uniform_where_r_describes_the_events(how):
    pairs = [ToyDetector(1500).draw(rng=500 + i).equalised(**how) for i in range(60)]
    p = pvalues(pairs)
    # Within a step of 1/20 the true p may be anywhere.
    even = p - np.random.default_rng(1).random(p.shape) / 20
    for column in even.T:
        assert kstest(column, "uniform").pvalue > 0.01


def test_closure_of_a_correction_from_elsewhere_uses_every_event_and_no_folds():
    raw = ToyDetector(4000).draw(rng=3)
    right = fit_quality(raw.equalised(EXACT), n=99, rng=1)
    assert (right.folds, right.n_events) == (1, len(raw.pool))
    assert right.closure.pvalue > 0.02
    wrong = EfficiencyRatio(BINS, 0 * LOG_RATIO, np.zeros((10, 10)))
    found = fit_quality(raw.equalised(wrong), n=99, rng=1)
    assert max(found.closure.pvalue, found.goodness.pvalue) < 0.03
    assert len(found.warnings) == 2
    assert f"closure: p = {found.closure.pvalue:.2g}, worst in" in found.warnings[1]
    assert right.warnings == ()


def both_central(a):
    return (np.abs(a.column("lead_eta")) < 1) == (np.abs(a.column("sub_eta")) < 1)


def spoiled(pair, logit):
    """Pairs in which some events of A are lost, with a probability that r cannot describe."""
    kept = np.random.default_rng(5).random(len(pair.a.events)) < np.exp(-logit(pair.a))
    return Pair.from_columns(pair.a.events[kept], pair.b.events)


@pytest.mark.parametrize(
    "logit, where",
    [
        (lambda a: 0.3 * (a.column("lead_eta") > 0), "η of the leading lepton"),
        (
            lambda a: (
                0.3 * ((np.abs(a.column("lead_eta")) < 1) == (np.abs(a.column("sub_eta")) < 1))
            ),
            "|η| of both leptons",
        ),
        (lambda a: 0.4 * ((a.column("lead_pt") > 50) & (a.column("sub_pt") > 30)), None),
    ],
    ids=["signed", "not of single leptons in η", "not of single leptons in pT"],
)
def test_what_r_cannot_describe_is_a_bad_fit(logit, where):
    quality = fit_quality(spoiled(ToyDetector(20_000).draw(rng=8), logit).equalised(), n=99, rng=1)
    assert quality.goodness.pvalue == pytest.approx(0.01)
    if where is not None:
        assert quality.goodness.local_pvalue(where) == pytest.approx(0.01)
    assert any("goodness of fit" in line for line in quality.warnings)


def test_closure_sees_what_is_no_lepton_kinematics():
    pair = spoiled(ToyDetector(20_000).draw(rng=8), lambda a: 0.4 * (a.column("m_coll") > 120))
    quality = fit_quality(pair.equalised(), n=99, rng=1)
    assert quality.closure.local_pvalue("m_coll") == pytest.approx(0.01)
    assert quality.variables["m_coll"].pull[-1] < -2
    assert quality.closure.pvalue < 0.05


def test_most_of_a_rate_is_taken_for_r():
    """An r that rises with pT prefers one order: seven sigma of events become two."""
    alike = ToyDetector(20_000, log_ratio=(0.0,) * 10).draw(rng=8)
    pair = spoiled(alike, lambda a: 0.1 + 0 * a.column("m_coll"))
    raw = (len(pair.a.events) - len(pair.b.events)) / len(pair.pool) ** 0.5
    quality = fit_quality(pair.equalised(), n=99, rng=1)
    assert raw < -6
    assert raw / 2 < quality.z < -1.5
    assert quality.closure.local_pvalue(TOTAL) <= 0.05


def test_residuals_and_their_sums_are_what_they_say():
    """Of a correction from elsewhere: Σ(y − p) and Σp(1 − p) by hand."""
    pair = ToyDetector(2000).draw(rng=3).equalised(EXACT)
    quality = fit_quality(pair, variables=("m_coll",), n=9, n_bins=4, rng=1)
    p = pair.symmetry.probability(pair.pool)
    rest, variance = pair.pool.labels - p, p * (1 - p)
    found = quality.variables["m_coll"]
    edges = np.quantile(pair.pool.column("m_coll"), [0, 0.25, 0.5, 0.75, 1])
    assert np.allclose(found.edges, edges)
    place = np.clip(np.digitize(pair.pool.column("m_coll"), edges) - 1, 0, 3)
    assert np.allclose(found.left, np.bincount(place, rest))
    assert found.chi2 == pytest.approx(
        np.sum(np.bincount(place, rest) ** 2 / np.bincount(place, variance))
    )
    assert quality.z == pytest.approx(rest.sum() / np.sqrt(variance.sum()))
    content = json.loads(json.dumps(quality.to_dict(), allow_nan=False))
    assert content["closure"]["variables"]["m_coll"]["pull"] == pytest.approx(found.pull.tolist())
    assert set(content["goodness_of_fit"]["bins"]) == set(kinematic_bins(pair.pool))


def test_held_out_events_have_no_part_in_their_own_fit():
    """A label that is flipped moves its own residual by one, whatever the fit."""
    raw = ToyDetector(1000).draw(rng=3)
    pair = raw.equalised()
    quality = fit_quality(pair, n=1, folds=2, rng=7)
    labels = pair.pool.labels.copy()
    labels[0] = ~labels[0]
    other = fit_quality(raw.relabelled(labels).equalised(), n=1, folds=2, rng=7)
    change = other.variables[TOTAL].left[0] - quality.variables[TOTAL].left[0]
    # The rest is what the other fold's p move by: a fraction of one event.
    assert abs(change) == pytest.approx(1, abs=0.6)


def test_the_same_seed_gives_the_same_bits():
    pair = ToyDetector(800).draw(rng=3).equalised()
    one, two, other = (fit_quality(pair, n=9, rng=seed).to_dict() for seed in (1, 1, 2))
    assert one == two != other


def test_bins_follow_the_number_of_events():
    few, many = (kinematic_bins(ToyDetector(n).draw(rng=1).pool) for n in (100, 20_000))
    assert list(few) == list(many)
    for name, index in many.items():
        assert few[name].max() <= index.max() < 1000
    edges, index = quantile_bins(np.zeros(5), 3)
    assert (edges.size, index.tolist()) == (2, [0] * 5)


@pytest.mark.parametrize("options", [{"n": 0}, {"folds": 1}, {"n_bins": 0}, {"n_bins": 2.5}])
def test_numbers_that_are_none(options):
    pair = ToyDetector(300).draw(rng=1).equalised()
    with pytest.raises(ConfigurationError, match="choose a whole number"):
        fit_quality(pair, **options)


def test_pairs_without_a_correction_and_columns_without_values():
    raw = ToyDetector(300).draw(rng=1)
    with pytest.raises(DataError, match="is not corrected"):
        fit_quality(raw)
    with pytest.raises(DataError, match="no column 'nothing'"):
        fit_quality(raw.equalised(), variables=("nothing",))
