"""The cross-fitted AUC of the classifier."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eμsym.errors import DataError
from eμsym.nulls import permutation_null
from eμsym.unbinned.classifier import ClassifierTest
from eμsym.unbinned.classifier_auc import AUCTest, area

SMALL = AUCTest(ClassifierTest(hidden=(8,), epochs=6, batch=50, learning_rate=0.02))


def test_the_area_counts_pairs():
    high, low = np.array([0.3, 0.5, 0.5]), np.array([0.1, 0.5])
    pairs = [1.0 * (x > y) + 0.5 * (x == y) for x in high for y in low]
    assert area(high, low) == pytest.approx(np.mean(pairs))
    assert area(low, high) == pytest.approx(1 - np.mean(pairs))


def test_it_is_near_a_half_without_a_difference_and_above_with_one():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(600, 2)), rng.normal(size=(600, 2))
    without = SMALL(a, b, rng=1)
    # The deviation of an area of halves of 300 and 300 events is 0.024.
    assert abs(without.auc - 0.5) < 4 * 0.024 / np.sqrt(2)
    shifted = SMALL(a, b + 0.7, rng=1)
    # Of two normal distributions 0.7 √2 apart: Φ(0.7).
    assert shifted.auc == pytest.approx(0.758, abs=0.04)
    assert shifted.statistic == np.mean(shifted.halves)
    assert json.loads(json.dumps(shifted.to_dict()))["statistic"] == shifted.auc
    null = permutation_null(SMALL, (a, b + 0.7), 9, rng=2, workers=1)
    assert null.pvalue(shifted.auc) == 0.1
    assert SMALL(a, b, rng=1).auc == without.auc


def test_one_event_cannot_be_halved():
    with pytest.raises(DataError, match="B: one event cannot be halved"):
        SMALL(np.zeros((4, 2)), np.zeros((1, 2)))
