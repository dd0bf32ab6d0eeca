"""Batches: tests that take many toys at once get them, with the numbers of single calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from eμsym.errors import DataError
from eμsym.nulls import permutation_null, toy_null
from eμsym.pair import Pair
from eμsym.running.toys import toy_statistics
from eμsym.sources import columns_pair
from eμsym.testing import OnColumns
from eμsym.toy_model import ToyModel

MODEL = ToyModel(30, 20)
#: How many toys came at once, in this process.
SIZES: list[int] = []


@pytest.fixture(autouse=True)
def no_sizes() -> None:
    SIZES.clear()


@dataclass(frozen=True)
class Means:
    """A noisy difference of means; toys whose A is too large are refused."""

    batch: int = 4
    largest: int = 10_000

    def __call__(
        self, a: Any, b: Any, *, rng: Any, weights_a: Any = None, weights_b: Any = None
    ) -> float:
        if len(a) > self.largest:
            raise DataError(f"{len(a)} events are too many")
        noise = np.random.default_rng(rng).normal()
        difference = np.average(a, weights=weights_a) - np.average(b, weights=weights_b)
        return float(np.abs(difference).max() + noise)

    def each(self, pairs: Sequence[Any], *, rngs: Sequence[Any]) -> list[float]:
        SIZES.append(len(pairs))
        results = []
        for (a, b, *weights), rng in zip(pairs, rngs, strict=True):
            given = dict(zip(("weights_a", "weights_b"), weights, strict=False))
            results.append(self(a, b, rng=rng, **given))
        return results


@dataclass(frozen=True)
class Single:
    """The same without `each`; its ``batch`` means something else."""

    batch: int = 200

    def __call__(self, *arrays: Any, **options: Any) -> float:
        return Means()(*arrays, **options)


def test_toys_come_in_batches_and_are_those_of_single_calls() -> None:
    alone = toy_statistics(Single(), MODEL, 10, rng=3, workers=1)
    assert not SIZES
    assert np.array_equal(toy_statistics(Means(), MODEL, 10, rng=3, workers=1), alone)
    assert SIZES == [4, 4, 2]
    SIZES.clear()
    together = toy_statistics(Means(batch=100), MODEL, 10, rng=3)
    assert SIZES == [10]
    assert np.array_equal(together, alone)
    for threads in (False, True):
        shared = toy_statistics(Means(), MODEL, 10, rng=3, workers=2, threads=threads)
        assert np.array_equal(shared, alone)


def test_weights_and_columns_reach_each() -> None:
    rng = np.random.default_rng(1)
    columns = [{c: rng.normal(size=n) for c in ("m", "pt")} for n in (40, 30)]
    for each in columns:
        each["weight"] = rng.uniform(1, 2, len(each["m"]))
    pair = Pair.from_columns(*columns)
    options: dict[str, Any] = {"column": "m", "scale": 0.01, "rng": 2, "workers": 1}
    batched = permutation_null(Means(), pair, 8, **options)
    assert SIZES == [4, 4]
    assert np.array_equal(batched.samples, permutation_null(Single(), pair, 8, **options).samples)
    again = permutation_null(OnColumns(Means(), "m", 0.01), pair, 8, rng=2, workers=1)
    assert np.array_equal(again.samples, batched.samples)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_toy_that_is_refused_in_a_batch_is_named(workers: int) -> None:
    sizes = [
        len(MODEL.draw(np.random.default_rng(c.spawn(1)[0])).a.column("x"))
        for c in np.random.SeedSequence(3).spawn(8)
    ]
    largest = int(np.argmax(sizes))
    assert sizes.count(max(sizes)) == 1
    with pytest.raises(DataError, match=rf"toy {largest}: {max(sizes)} events are too many"):
        toy_statistics(Means(largest=max(sizes) - 1), MODEL, 8, rng=3, workers=workers)


@dataclass(frozen=True, eq=False)
class Shuffles:
    """A source whose draws are signs of the events of one pool."""

    values: Any
    at_once: int

    def draw(self, rng: Any = None) -> Pair:
        in_a = np.random.default_rng(rng).random(self.values.size) < 0.5
        return columns_pair(self.values[in_a], self.values[~in_a])

    def pool_for(self, test: Any) -> Any:
        return self.values

    def relabel(self, pool: Any, generators: Sequence[np.random.Generator]) -> Any:
        return np.stack([2.0 * (rng.random(pool.size) < 0.5) - 1 for rng in generators])

    def draws_at_once(self, pool: Any) -> int:
        return self.at_once


@dataclass(frozen=True)
class Signed:
    """The sum of the pool's values by the label, of many relabellings."""

    wrong: str = ""

    def __call__(self, pair: Pair, *, rng: Any = None) -> float:
        return float(pair.a.column("x").sum() - pair.b.column("x").sum())

    def many(self, pool: Any, relabellings: Any) -> Any:
        SIZES.append(len(relabellings))
        if self.wrong == "data":
            raise DataError("no such pool")
        values = relabellings @ pool
        if self.wrong == "nan":
            values[-1] = np.nan
        return values[:-1] if self.wrong == "shape" else values


VALUES = np.random.default_rng(0).exponential(size=50)


def test_relabellings_of_one_pool_come_many_at_once() -> None:
    """Relabelling i is drawn with child i of the seed, in chunks that the memory allows."""
    source = Shuffles(VALUES, 4)
    null = toy_null(Signed(), source, 10, column=None, rng=5, workers=1)
    assert SIZES == [4, 4, 2]
    for i, child in enumerate(np.random.SeedSequence(5).spawn(10)):
        labels = 2.0 * (np.random.default_rng(child).random(50) < 0.5) - 1
        assert null.samples[i] == pytest.approx(labels @ VALUES)
    for options in ({"workers": 2}, {"workers": 2, "threads": True}):
        again = toy_null(Signed(), source, 10, column=None, rng=5, **options)
        assert np.array_equal(again.samples, null.samples)
    rng = np.random.default_rng(5)
    more = [toy_null(Signed(), source, 5, column=None, rng=rng, workers=1) for _ in range(2)]
    assert np.concatenate([each.samples for each in more]) == pytest.approx(null.samples)


def test_a_test_without_many_is_given_pairs() -> None:
    def signed(pair: Pair, *, rng: Any) -> float:
        return Signed()(pair)

    null = toy_null(signed, Shuffles(VALUES, 4), 6, column=None, rng=5, workers=1)
    assert null.samples.size == 6
    assert not SIZES


@pytest.mark.parametrize(
    "wrong, message",
    [
        ("data", "toys 0 to 2: no such pool"),
        ("nan", "toy 2: its test statistic is NaN"),
        ("shape", r"3 relabellings gave statistics of shape \(2,\)"),
    ],
)
def test_what_many_may_not_return(wrong: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        toy_null(Signed(wrong), Shuffles(VALUES, 3), 9, column=None, rng=5, workers=1)
