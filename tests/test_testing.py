"""Tests on columns, and what counts as a result."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hist.axis import Regular
from scipy.stats import norm

from eμsym import (
    ClassifierTest,
    CrossEntropyTest,
    NPLMTest,
    NSigmaTest,
    Pair,
    Q0Test,
    SplineScan,
    SplineTest,
    SymmetrizedTest,
    WindowTest,
    null,
)
from eμsym.binned.window_null import WindowPValue
from eμsym.distributions import ChiSquared, Null, Reference
from eμsym.errors import ConfigurationError, DataError
from eμsym.testing import OnColumns, Result
from tests.sending import received

RNG = np.random.default_rng(1)
A, B = ({"m": RNG.normal(90, 20, n), "pt": RNG.exponential(30, n)} for n in (60, 50))
PAIR = Pair.from_columns(A, B)


def shown(a: Any, b: Any, *, rng: Any = None, **weights: Any) -> tuple[Any, ...]:
    """A test that returns what it is given."""
    return a, b, rng, weights


def test_one_column_or_several_each_with_its_scale() -> None:
    a, b, rng, weights = OnColumns(shown, "m", 0.01)(PAIR, rng=5)
    assert np.array_equal(a, A["m"] * 0.01)
    assert np.array_equal(b, B["m"] * 0.01)
    assert (rng, weights) == (5, {})
    a, *_ = OnColumns(shown, ("pt", "m"), (0.1, 0.01))(PAIR)
    assert np.array_equal(a, np.stack([A["pt"] * 0.1, A["m"] * 0.01], axis=1))
    a, *_ = OnColumns(shown, ["m"], 0.5)(PAIR)  # type: ignore[arg-type]
    assert a.shape == (60, 1)
    assert np.array_equal(OnColumns(shown, "m", (2.0,))(PAIR)[0], 2 * A["m"])


def test_the_only_column_and_weights() -> None:
    weighted = Pair.from_columns({"m": A["m"], "weight": A["pt"]}, {"m": B["m"], "weight": B["pt"]})
    a, _, _, weights = OnColumns(shown)(weighted)
    assert np.array_equal(a, A["m"])
    assert np.array_equal(weights["weights_a"], A["pt"])
    assert np.array_equal(weights["weights_b"], B["pt"])
    with pytest.raises(DataError, match="choose one"):
        OnColumns(shown)(PAIR)
    with pytest.raises(ConfigurationError, match="3 scales of 2 columns"):
        OnColumns(shown, ("m", "pt"), (1.0, 2.0, 3.0))


def test_it_is_what_its_test_is() -> None:
    network = OnColumns(SymmetrizedTest(engine="cuda"), "m")
    assert network.releases_gil
    assert network.batch > 1
    assert received(network) == network
    spline = OnColumns(SplineTest(), "m", 0.01)
    assert (spline.releases_gil, spline.batch, spline.columns) == (False, 1, "m")


def test_each_gives_what_single_calls_give() -> None:
    test = OnColumns(SymmetrizedTest(epochs=20), "m", 0.01)
    pairs = [PAIR, PAIR.permuted(rng=1)]
    results = test.each(pairs, rngs=[3, 4])
    assert [r.t for r in results] == [
        test(pair, rng=rng).t for pair, rng in zip(pairs, (3, 4), strict=True)
    ]


def test_nulls_are_references() -> None:
    assert isinstance(Null(np.arange(5.0)), Reference)
    assert isinstance(ChiSquared(3), Reference)
    assert not isinstance(3.0, Result)


def every_result() -> dict[str, Any]:
    """Return a result of each test of ours, of one symmetric pair."""
    rng = np.random.default_rng(5)
    a, b = ({"x": rng.exponential(size=300), "y": rng.exponential(size=300)} for _ in range(2))
    pair = Pair.from_columns(a, b)
    axes = Regular(4, 0, 2, name="x"), Regular(4, 0, 2, name="y")
    window = WindowTest(axes)(pair)
    assert window.best is not None
    arrays = a["x"], b["x"]
    q0_test = Q0Test(np.ones(4), axes[:1])
    found = {
        "Nσ": NSigmaTest(axes)(pair),
        "window": window,
        "its null": WindowPValue(window.best, null(WindowTest(axes), pair, 19, rng=1), "events"),
        "q0": q0_test(pair),
        "profile": q0_test.profile(pair),
        "spline": SplineTest(k=5)(*arrays),
        "splines": SplineScan(k=(4, 5))(*arrays),
        "classifier": ClassifierTest(epochs=1, bootstraps=3)(*arrays, rng=1),
    }
    for kind in (SymmetrizedTest, NPLMTest, CrossEntropyTest):
        found[kind.__name__] = kind(epochs=20)(*arrays, rng=1)
    return found


def test_every_result_has_the_same_face() -> None:
    for name, result in every_result().items():
        assert isinstance(result, Result), name
        json.dumps(result.to_dict(), allow_nan=False)
        if result.reference is None:
            assert np.isnan([result.pvalue, result.z]).all(), name
            continue
        json.dumps(result.reference.to_dict(), allow_nan=False)
        expected = result.reference.pvalue(result.statistic)
        assert result.pvalue == pytest.approx(expected, rel=1e-9), name
        assert result.z == pytest.approx(norm.isf(expected), abs=1e-6), name
