"""Sources of pairs: sizes, distributions, and what permutations and pools keep."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np
import pytest
from scipy.stats import chi2, expon, gamma, kstest, norm

from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair
from eμsym.sources import (
    PoolSource,
    Relabelled,
    Source,
    columns_pair,
    pair_columns,
    permutations,
)
from eμsym.toy_model import TOY_BACKGROUND, TOY_SIGNALS, ToyModel
from tests.sending import received

EXTERNAL = {"S1": norm(6.4, 0.16), "S2": gamma(3), "S3": norm(1.6, 0.16)}


def check_poisson(sizes: Any, mean: float) -> None:
    """Mean and variance of counts, each within four standard errors."""
    sizes = np.asarray(sizes)
    assert abs(sizes.mean() - mean) < 4 * np.sqrt(mean / sizes.size)
    dispersion = (sizes.size - 1) * sizes.var(ddof=1) / mean
    assert 1e-4 < chi2.sf(dispersion, sizes.size - 1) < 1 - 1e-4


@pytest.mark.parametrize("name", EXTERNAL)
def test_signals(name: str) -> None:
    signal = TOY_SIGNALS[name]
    x = np.linspace(-1, 12, 400)
    assert signal.pdf(x) == pytest.approx(EXTERNAL[name].pdf(x), abs=1e-13)
    assert kstest(signal.draw(20_000, 1), EXTERNAL[name].cdf).pvalue > 0.01


def test_background() -> None:
    x = np.linspace(-1, 12, 400)
    assert TOY_BACKGROUND.pdf(x) == pytest.approx(expon.pdf(x))
    assert kstest(TOY_BACKGROUND.draw(20_000, 1), expon.cdf).pvalue > 0.01


def test_toy_model_sizes() -> None:
    pairs = [ToyModel(80, 40, "S1", 30).draw(np.random.default_rng([5, i])) for i in range(2000)]
    a = [pair.a.column("x") for pair in pairs]
    # The signal comes last: the background's sizes are those of the same seeds without it.
    without = [ToyModel(80, 40).draw(np.random.default_rng([5, i])) for i in range(2000)]
    background = [len(pair.a.column("x")) for pair in without]
    check_poisson(background, 80)
    check_poisson([len(pair.b.column("x")) for pair in pairs], 40)
    check_poisson([x.size - n for x, n in zip(a, background, strict=True)], 30)
    for x, pair, bare, n in zip(a, pairs, without, background, strict=True):
        assert np.array_equal(x[:n], bare.a.column("x"))
        assert np.array_equal(pair.b.column("x"), bare.b.column("x"))
    signal = np.concatenate([x[n:] for x, n in zip(a, background, strict=True)])
    assert kstest(signal, EXTERNAL["S1"].cdf).pvalue > 0.01
    plain = np.concatenate([pair.b.column("x") for pair in pairs])
    assert kstest(plain, expon.cdf).pvalue > 0.01


def test_seeds() -> None:
    model = ToyModel(50, 50, "S3", 10)
    first, again = model.draw(3), received(model).draw(3)
    assert np.array_equal(first.a.column("x"), again.a.column("x"))
    assert not np.array_equal(first.a.column("x")[:5], model.draw(4).a.column("x")[:5])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n_a": -1}, "n_a: an expected number"),
        ({"n_b": np.inf}, "n_b: an expected number"),
        ({"n_signal": np.nan, "signal": "S1"}, "n_signal: an expected number"),
        ({"signal": "S4", "n_signal": 1}, "choose S1, S2, S3"),
        ({"n_signal": 5}, "name one"),
    ],
)
def test_bad_toy_models(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ToyModel(**{"n_a": 10, "n_b": 10, **arguments})


def test_all_are_sources() -> None:
    pool = {"x": np.arange(4.0)}
    pair = Pair.from_columns(pool, pool)
    for source in (ToyModel(1, 1), PoolSource(pool, 1, 1), Relabelled(pair)):
        assert isinstance(source, Source)
        assert isinstance(source.draw(1), Pair)


def test_pool_is_drawn_evenly() -> None:
    pool = {"x": np.arange(20.0), "y": -np.arange(20.0)}
    source = PoolSource(pool, 30, 50, signal={"y": [5.0], "x": [100.0]}, n_signal=8)
    counts, sizes = np.zeros(20), []
    for i in range(1000):
        pair = source.draw(np.random.default_rng([1, i]))
        a, b = pair.a.column("x"), pair.b.column("x")
        assert np.array_equal(pair.b.column("y"), -b)  # events stay whole
        signal = a == 100
        assert not signal[: np.count_nonzero(~signal)].any()
        assert (pair.a.column("y")[signal] == 5).all()
        sizes.append((np.count_nonzero(~signal), b.size, np.count_nonzero(signal)))
        counts += np.bincount(b.astype(int), minlength=20)
    for size, mean in zip(np.transpose(sizes), (30, 50, 8), strict=True):
        check_poisson(size, mean)
    assert chi2.sf(np.sum((counts - counts.mean()) ** 2) / counts.mean(), 19) > 0.001


def test_pool_weights_are_probabilities() -> None:
    pool = ak.Array({"x": [0.0, 1.0, 2.0], "weight": [1.0, 0.0, 3.0]})
    pair = PoolSource(pool, 4000, 1, signal={"x": [7.0]}, n_signal=5).draw(2)
    assert ak.fields(pair.a.events) == ["x"]  # drawn events count once
    n = np.bincount(pair.a.column("x").astype(int))
    assert n[1] == 0
    assert abs(n[2] - 3 * n[0]) < 4 * np.sqrt(n[2] + 9 * n[0])


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"pool": {"x": []}}, DataError, "pool: there is no event"),
        ({"pool": {"x": [1.0], "weight": [-1.0]}}, DataError, "pool: events cannot be drawn"),
        ({"pool": {"x": [1.0], "weight": [0.0]}}, DataError, "pool: events cannot be drawn"),
        ({"signal": {"y": [1.0]}}, DataError, "only one of pool and signal has the columns x, y"),
        ({"n_signal": 3}, ConfigurationError, "give a pool"),
        ({"n_a": -3}, ConfigurationError, "n_a: an expected number"),
    ],
)
def test_bad_pools(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        PoolSource(**{"pool": {"x": [1.0, 2.0]}, "n_a": 2, "n_b": 2, **arguments})


def test_permutations_keep_events_and_sizes() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=30), rng.normal(size=50)
    pair = columns_pair(a, b, 2 * a, 2 * b)
    drawn = permutations(pair).draw(1)
    x_a, x_b, w_a, w_b = pair_columns(drawn)
    assert (x_a.size, x_b.size) == (30, 50)
    assert w_a is not None
    assert w_b is not None
    assert np.array_equal(w_a, 2 * x_a)
    assert np.array_equal(w_b, 2 * x_b)
    assert np.array_equal(np.sort([*x_a, *x_b]), np.sort([*a, *b]))
    assert not np.array_equal(x_a, a)


def test_permutations_are_uniform() -> None:
    """Every event is in A as often as any other."""
    pair = columns_pair(np.arange(4.0), np.arange(4.0, 12.0))
    source = permutations(pair)
    count = np.zeros(12)
    for i in range(3000):
        count[source.draw(np.random.default_rng([7, i])).a.column("x").astype(int)] += 1
    # Sizes are kept, so the counts vary less than Poisson ones: by (1 − 1/3), on 11 of 12.
    assert chi2.sf(np.sum((count - 1000) ** 2) / 1000 / (2 / 3) * 11 / 12, 11) > 0.001


def test_columns() -> None:
    pair = Pair.from_columns({"x": [1.0, 2.0], "y": [3.0, 4.0]}, {"x": [5.0], "y": [6.0]})
    a, b, w_a, w_b = pair_columns(pair, "y", scale=0.5)
    assert (a.tolist(), b.tolist(), w_a, w_b) == ([1.5, 2.0], [3.0], None, None)
    a, b, _, _ = pair_columns(pair, ("y", "x"))
    assert a.tolist() == [[3, 1], [4, 2]]
    assert b.shape == (1, 2)
    both = columns_pair(a, b)
    assert both.a.column("x0").tolist() == [3, 4]
    with pytest.raises(DataError, match="columns x, y: choose one"):
        pair_columns(pair)
    with pytest.raises(DataError, match="no column 'z'"):
        pair_columns(pair, "z")
    half = columns_pair([1.0], [2.0], None, [3.0])
    assert [list(w) for w in pair_columns(half)[2:]] == [[1], [3]]  # type: ignore[arg-type]
    with pytest.raises(DataError, match="differ in length"):
        columns_pair([1.0], [2.0], [1.0, 1.0])
    with pytest.raises(DataError, match="A: a sample has shape"):
        columns_pair(np.ones((2, 2, 2)), [1.0])
    with pytest.raises(DataError, match="B: is not an array of numbers"):
        columns_pair([1.0], ["b"])
