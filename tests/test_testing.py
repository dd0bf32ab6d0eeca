"""Tests on columns, and what counts as a result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from eμsym import testing
from eμsym.errors import ConfigurationError, DataError
from eμsym.null import Null
from eμsym.nulls import ChiSquared
from eμsym.pair import Pair
from eμsym.testing import OnColumns
from eμsym.unbinned.spline import SplineTest
from eμsym.unbinned.symmetrized import SymmetrizedTest
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
    assert isinstance(Null(np.arange(5.0)), testing.Reference)
    assert isinstance(ChiSquared(3), testing.Reference)
    assert not isinstance(3.0, testing.Result)
