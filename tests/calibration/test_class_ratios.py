"""Classes of events with an r each: what they take out that one r cannot, and bad input."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest
from hist.axis import Regular
from scipy.stats import kstest

from eμsym.binned.nsigma import NSigmaTest
from eμsym.calibration.class_ratios import MOST_CLASSES
from eμsym.errors import ConfigurationError, DataError
from eμsym.nulls import null
from eμsym.pair import Pair
from eμsym.testing import TwoSided
from tests.calibration.toy_detector import BINS, ToyDetector

M_COLL = Regular(14, 30, 170, name="m_coll")


def electron_trigger(pt):
    return np.where(pt > 30, 0.9, 0.1)


def muon_trigger(pt):
    return np.where(pt > 24, 0.6, 0.3)


def triggered(n, rng):
    """Events that either of two single-lepton triggers took, and which: 1 e, 2 μ, 3 both."""
    generator = np.random.default_rng(rng)
    pool = ToyDetector(n, log_ratio=(0.0,) * 10).draw(generator).pool
    leads = pool.labels
    lead, sub = pool.column("lead_pt"), pool.column("sub_pt")
    e, mu = np.where(leads, lead, sub), np.where(leads, sub, lead)
    fired = (generator.random(e.size) < electron_trigger(e)) + 2 * (
        generator.random(e.size) < muon_trigger(mu)
    )
    columns = {name: pool.column(name) for name in pool.fields} | {"fired": fired.astype(float)}
    a, b = (
        {name: values[chosen & (fired > 0)] for name, values in columns.items()}
        for chosen in (leads, ~leads)
    )
    return Pair.from_columns(a, b, names=("eμ", "μe"))


def test_an_or_of_triggers_factorises_within_its_classes():
    """One r leaves many sigma in m_coll; an r for each of {e, μ, both} leaves nothing."""
    z = {"one": [], "classes": []}
    for i in range(12):
        pair = triggered(12_000, i)
        z["one"].append(pair.equalised().nsigma(Regular(6, 15, 75, name="lead_pt")).z)
        z["classes"].append(pair.equalised(by="fired").nsigma(Regular(6, 15, 75, name="lead_pt")).z)
    assert abs(np.mean(z["one"])) > 1
    assert abs(np.mean(z["classes"])) < 4 / np.sqrt(12)
    assert kstest(z["classes"], "norm").pvalue > 0.01


def test_each_class_has_the_fit_of_its_own_events():
    pair = triggered(5000, 1)
    whole = pair.equalised(by="fired", bins=BINS).symmetry
    assert whole.correction.classes == (1.0, 2.0, 3.0)
    for value, ratio in zip(whole.correction.classes, whole.correction.ratios, strict=True):
        samples = [s.events[s.events.fired == value] for s in (pair.a, pair.b)]
        own = Pair.from_columns(*samples).equalised(bins=BINS).symmetry.correction
        assert np.allclose(ratio.log_ratio, own.log_ratio, atol=1e-7)
        assert np.allclose(ratio.covariance, own.covariance, atol=1e-9)
    content = json.loads(json.dumps(whole.to_dict(), allow_nan=False))
    assert content["calibration"]["by"] == "fired"
    assert [x["value"] for x in content["calibration"]["ratio"]["classes"]] == [1, 2, 3]


def test_labels_are_drawn_within_classes():
    """Two periods with opposite r: expected shares by period are kept by every draw."""
    first = ToyDetector(4000).draw(rng=1)
    second = ToyDetector(4000, log_ratio=tuple(-0.3 * np.arange(10))).draw(rng=2)
    parts = []
    for side in ("a", "b"):
        events = [
            ak.with_field(
                getattr(pair, side).events, np.full(len(getattr(pair, side).events), k), "period"
            )
            for k, pair in enumerate((first, second))
        ]
        parts.append(ak.concatenate(events))
    pair = Pair.from_columns(*parts).equalised(by="period")
    drawn = pair.symmetry.relabel(pair.pool, 50, rng=1).labels
    period = pair.pool.column("period")
    p = pair.symmetry.probability(pair.pool)
    for k in (0, 1):
        share = drawn[:, period == k].mean()
        assert share == pytest.approx(p[period == k].mean(), abs=0.005)
    found = null(TwoSided(NSigmaTest((M_COLL,))), pair, 99, rng=1)
    assert found.pvalue(abs(pair.nsigma(M_COLL).z)) > 0.01


def test_classes_that_are_none():
    pair = triggered(1500, 1)
    with pytest.raises(ConfigurationError, match="classes by nothing: the events have no such"):
        pair.equalised(by="nothing")
    with pytest.raises(ConfigurationError, match=f"m_coll: it has .* {MOST_CLASSES} at most"):
        pair.equalised(by="m_coll")
    events = [ak.with_field(s.events, s.events.lead_pt, "electron_pt") for s in (pair.a, pair.b)]
    with pytest.raises(ConfigurationError, match="changes with which lepton"):
        Pair.from_columns(*events).equalised(by="electron_pt")


def test_events_of_another_class_are_refused():
    pair = triggered(3000, 1)
    few = [s.events[s.events.fired < 3] for s in (pair.a, pair.b)]
    control = Pair.from_columns(*few)
    other = triggered(3000, 2)
    with pytest.raises(
        DataError, match="fired = 3 is none of the classes that were calibrated: 1, 2"
    ):
        other.equalised(control=control, by="fired").nsigma(M_COLL)
