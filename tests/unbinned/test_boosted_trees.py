"""Boosted trees with a statistic of events that they were not trained on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eμsym.errors import ConfigurationError, DataError
from eμsym.nulls import permutation_null
from eμsym.unbinned.boosted_trees import BoostedTreesTest

SMALL = BoostedTreesTest(trees=20, leaves=6, smallest=20)


def test_a_difference_is_seen_on_events_of_no_training():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(800, 2)), rng.normal(size=(800, 2))
    without, shifted = SMALL(a, b, rng=1), SMALL(a, b + 0.7, rng=1)
    # The deviation of an area of halves of 400 and 400 events is 0.02.
    assert abs(without.auc - 0.5) < 4 * 0.02 / np.sqrt(2)
    assert without.likelihood_ratio < 0
    # Of two normal distributions 0.7 √2 apart: Φ(0.7), and by numerical integration 350 for
    # who knows both.
    assert shifted.auc == pytest.approx(0.758, abs=0.04)
    assert 0.6 * 350 < shifted.likelihood_ratio < 1.2 * 350
    assert SMALL(a, b, rng=1).auc == without.auc
    assert SMALL(a, b, rng=2).auc != without.auc


def test_its_p_is_that_of_relabellings():
    rng = np.random.default_rng(2)
    pair = rng.normal(size=(300, 2)), rng.normal(0.8, 1, size=(300, 2))
    for quoted in ("auc", "likelihood ratio"):
        test = BoostedTreesTest(quoted=quoted, trees=10, leaves=4, smallest=20)
        found = test(*pair, rng=1)
        assert np.isnan(found.pvalue)
        assert permutation_null(test, pair, 9, rng=3, workers=1).pvalue(found.statistic) == 0.1
        content = json.loads(json.dumps(found.to_dict()))
        assert content["statistic"] == content[quoted.replace(" ", "_")]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"quoted": "largest"}, "quoted"),
        ({"trees": 0}, "trees: a whole number from 1 on, got 0"),
        ({"leaves": 1}, "leaves: a whole number from 2 on, got 1"),
        ({"learning_rate": float("nan")}, "learning_rate: above 0"),
    ],
)
def test_what_has_no_meaning_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        BoostedTreesTest(**options)


def test_samples_that_cannot_be_used_are_refused():
    with pytest.raises(DataError, match="B: one event cannot be halved"):
        SMALL(np.zeros((4, 2)), np.zeros((1, 2)))
    with pytest.raises(DataError, match="A has 2 dimensions and B 3"):
        SMALL(np.zeros((4, 2)), np.zeros((4, 3)))


def test_without_lightgbm_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("eμsym.unbinned.boosted_trees.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"emusym\[lightgbm\]"):
        SMALL(np.zeros((4, 2)), np.zeros((4, 2)))
