"""Pools of events: what they are made of, groups of like events, bins and identities."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from hist.axis import Integer, Regular

from eμsym.errors import DataError
from eμsym.pool import Pool, fingerprints
from tests.calibration.toy_detector import BINS, ToyDetector


def pool_of(n=50, seed=1, **more):
    rng = np.random.default_rng(seed)
    columns = {"x": rng.normal(size=n), "y": rng.integers(0, 4, n), **more}
    return Pool(columns, rng.random(n) < 0.4)


def test_two_sets_of_columns_become_one_pool_with_a_s_events_first():
    pool = Pool.joined({"x": [1, 2, 3]}, ak.zip({"x": [4.0, 5.0], "weight": [2.0, 3.0]}))
    assert pool.column("x").tolist() == [1, 2, 3, 4, 5]
    assert pool.labels.tolist() == [True] * 3 + [False] * 2
    assert pool.weight.tolist() == [1, 1, 1, 2, 3]
    assert (len(pool), pool.n_a, pool.unit) == (5, 3, False)
    assert pool.events.x.tolist() == [1, 2, 3, 4, 5]


def test_events_are_split_by_a_column_and_keep_their_order():
    pool = Pool.split({"x": [5, 6, 7, 8], "tag": [0, 1, 0, 1]}, by="tag")
    assert pool.column("x").tolist() == [6, 8, 5, 7]
    assert pool.labels.tolist() == [True, True, False, False]
    with pytest.raises(DataError, match="no column 'label' to split by"):
        Pool.split({"x": [1]}, by="label")


def test_columns_that_are_no_numbers_are_carried_along():
    words = ak.Array(["one", "two", "three"])
    jets = ak.Array([[1.0], [], [2.0, 3.0]])
    pool = Pool.joined({"w": words, "j": jets}, {"w": words[:1], "j": jets[:1]})
    assert pool.where(~pool.labels).events.w.tolist() == ["one"]
    assert pool.events.j.tolist() == [[1.0], [], [2.0, 3.0], [1.0]]


def test_bins_are_those_of_the_axes():
    pool = pool_of(500)
    axes = (Regular(6, -1.5, 1.5, name="x"), Integer(0, 3, name="y"))
    index, shape = pool.bin_index(axes)
    assert shape == (6, 3)
    filled = np.bincount(index[index >= 0], minlength=18).reshape(shape)
    edges = [np.linspace(-1.5, 1.5, 7), [-0.5, 0.5, 1.5, 2.5]]
    by_numpy = np.histogram2d(pool.column("x"), pool.column("y"), bins=edges)[0]
    assert np.array_equal(filled, by_numpy)
    assert np.all(pool.column("y")[index < 0][np.abs(pool.column("x")[index < 0]) < 1.5] == 3)
    with pytest.raises(DataError, match="no column 'z'; there are x, y"):
        pool.bin_index((Regular(2, 0, 1, name="z"),))


def test_groups_are_the_distinct_keys_and_how_often_they_come():
    pool = pool_of(400)
    sign = (pool.column("x") > 0).astype(int)
    y = pool.column("y").astype(int)
    groups = pool.grouped(sign - 1, y)
    keys, count = np.unique(np.stack([sign, y]), axis=1, return_counts=True)
    assert np.array_equal(groups.column("y"), keys[1])
    assert np.array_equal(groups.sizes, count)
    in_a = [np.count_nonzero(pool.labels & (sign == s) & (y == k)) for s, k in keys.T]
    assert groups.labels.tolist() == in_a
    assert groups.n_a == pool.n_a


def test_events_of_unequal_weight_are_no_groups():
    pool = pool_of(20, weight=np.linspace(1, 2, 20))
    assert pool.grouped(np.zeros(20, dtype=int)) is pool


def test_bins_of_counts_are_groups_too():
    pool = Pool.of_counts(b=[[3, 0], [0, 4]], a=[[1, 0], [2, 0]])
    assert pool.column("bin").tolist() == [0, 2, 3]
    assert pool.labels.tolist() == [1, 2, 0]
    assert pool.sizes.tolist() == [4, 2, 4]
    with pytest.raises(DataError, match="B: the binomial null needs unweighted counts"):
        Pool.of_counts(b=[0.5], a=[1])


@pytest.mark.parametrize(
    "names",
    [("run", "luminosityBlock", "event"), ("file_id", "entry"), ("runNumber", "eventNumber")],
)
def test_events_are_known_by_their_numbers_whatever_their_values(names):
    numbers = {name: np.arange(6) // (3 if i == 0 else 1) for i, name in enumerate(names)}
    one = Pool({**numbers, "x": np.zeros(6)}, np.ones(6, dtype=bool))
    other = Pool({**numbers, "x": np.ones(6)}, np.zeros(6, dtype=bool))
    assert np.array_equal(one.identity, other.identity)
    assert np.unique(one.identity).size == 6


def test_events_without_numbers_are_known_by_their_values():
    x = np.random.default_rng(2).normal(size=10_000)
    pool = Pool({"x": x, "weight": x**2}, x > 0)
    assert np.unique(pool.identity).size == x.size
    again = Pool({"x": x[::-1], "weight": np.ones(x.size)}, x > 0)
    assert np.array_equal(again.identity, pool.identity[::-1])
    moved = Pool({"x": np.nextafter(x, 9)}, x > 0)
    assert not np.isin(moved.identity, pool.identity).any()
    assert fingerprints({"x": np.float32(x)}, ["x"]).dtype == np.uint64


def test_control_events_that_are_the_pair_s_own_are_refused():
    pair, other = ToyDetector(1500).draw(rng=1), ToyDetector(1500).draw(rng=2)
    with pytest.raises(DataError, match=r"^control: (\S+) of the pair's \1 events are among the "):
        pair.equalised(control=other + pair, bins=BINS)
    assert pair.equalised(control=other, bins=BINS).symmetry.source == "control"


@pytest.mark.parametrize("values", [["a", "b"], ["1.0", "2.0"], [[1.0], [2.0, 3.0]], [1.0, None]])
@pytest.mark.parametrize("name", ["weight", "x"])
def test_a_column_that_is_not_one_number_an_event_is_one_line(values, name):
    columns = {"y": np.ones(2), name: ak.Array(values)}

    def read():
        pool = Pool.joined(columns, columns)
        return pool.weight if name == "weight" else pool.column(name)

    with pytest.raises(DataError, match=name):
        read()
