"""The weakly supervised classifier: bands, sensitivity, and bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest

import eμsym.unbinned.classifier
from eμsym.errors import ConfigurationError, DataError
from eμsym.unbinned.classifier import ClassifierTest
from tests.sending import received

SMALL = {"hidden": (16, 16), "epochs": 5, "learning_rate": 0.005}


@pytest.fixture(autouse=True, scope="module")
def one_torch_thread():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def plane(n, seed, signal=0):
    rng = np.random.default_rng(seed)
    return np.r_[rng.exponential(size=(n, 2)), rng.normal([3, 3], 0.1, (signal, 2))]


def test_a_signal_leaves_the_band():
    a = plane(2000, 1)
    with_signal = ClassifierTest(**SMALL)(a, plane(2000, 2, signal=150), rng=1)
    without = ClassifierTest(**SMALL)(a, plane(2000, 2), rng=1)
    mean, deviation = with_signal.band
    assert with_signal.score > mean + 4 * deviation
    assert abs(without.score - without.band[0]) < 4 * without.band[1]
    assert with_signal.classifier([[3.0, 3.0]]) > 0.8
    assert with_signal.share == pytest.approx(2150 / 4150)


def test_the_score_is_the_largest_of_any_event():
    a, b = plane(300, 1), plane(200, 2)
    result = ClassifierTest(**SMALL, bootstraps=0)(a, b, rng=1)
    largest = result.classifier(np.r_[a, b]).max()
    assert result.statistic == pytest.approx(largest, abs=1e-5)
    assert result.bootstrap_scores.shape == (0,)
    content = json.loads(json.dumps(result.to_dict()))
    assert content["band_mean"] is None


def test_a_seed_fixes_the_result():
    a, b = plane(300, 1), plane(200, 2)
    test = received(ClassifierTest(**SMALL, bootstraps=2))
    one, other = test(a, b, rng=3), test(a, b, rng=3)
    assert one.score == other.score
    np.testing.assert_array_equal(one.bootstrap_scores, other.bootstrap_scores)
    alone = ClassifierTest(**SMALL, bootstraps=0)(a, b, rng=3)
    assert alone.score == pytest.approx(one.score, abs=1e-4)


def test_bad_input():
    with pytest.raises(DataError, match="A: the sample is empty"):
        ClassifierTest()([], [1.0])
    with pytest.raises(DataError, match="2 dimensions and B 1"):
        ClassifierTest()(np.ones((2, 2)), np.ones(2))
    result = ClassifierTest(hidden=(3,), epochs=1, bootstraps=1)([1.0], [1.0], rng=1)
    assert np.isfinite(result.score)
    with pytest.raises(DataError, match="inputs"):
        result.classifier(np.ones((2, 2)))
    for options in ({"epochs": 0}, {"batch": 0}, {"bootstraps": -1}, {"hidden": (0,)}):
        with pytest.raises(ConfigurationError, match=next(iter(options))):
            ClassifierTest(**options)
    with pytest.raises(ConfigurationError, match="learning_rate"):
        ClassifierTest(learning_rate=0.0)


def test_without_torch(monkeypatch):
    monkeypatch.setattr(eμsym.unbinned.classifier, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"emusym\[torch\]"):
        ClassifierTest()([1.0], [1.0])
