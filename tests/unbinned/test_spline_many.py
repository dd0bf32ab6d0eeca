"""Relabellings of the spline test at once: what single calls give, whatever is drawn besides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from eμsym.arrays import FloatArray
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.errors import DataError
from eμsym.nulls import null, permutation_null
from eμsym.pair import Pair
from eμsym.pool import Pool
from eμsym.sources import Relabelled, drawn_pairs
from eμsym.symmetry import Exchangeable, FairCoin, Relabellings, Symmetry, balanced
from eμsym.testing import OnColumns
from eμsym.toy_model import ToyModel
from eμsym.unbinned.spline import SplineTest
from eμsym.unbinned.symmetrized import SymmetrizedTest
from tests.calibration.toy_detector import BINS, LOG_RATIO, ToyDetector


def one_by_one(test: OnColumns, pool: Pool, drawn: Relabellings) -> FloatArray:
    """t of the pairs of draws, each tested by a call of its own."""
    return np.array([test(pair).t for pair in drawn_pairs(pool, drawn, test.columns)])


def check(test: OnColumns, pair: Pair, draws: int, symmetry: Symmetry | None = None) -> FloatArray:
    drawn = (symmetry or pair.symmetry).relabel(pair.pool, draws, rng=3)
    t = test.many(pair.pool, drawn)
    assert t.shape == (draws,)
    assert t == pytest.approx(one_by_one(test, pair.pool, drawn), rel=1e-6, abs=1e-8)
    return t


def rounded(pair: Pair, digits: int) -> Pair:
    x = np.round(pair.pool.column("x"), digits)
    return Pair(pair.pool.with_columns({"x": x}), pair.symmetry)


def weighted(pair: Pair, seed: int = 1) -> Pair:
    weight = np.random.default_rng(seed).gamma(2, 0.5, len(pair.pool))
    weight[::50] = 0.0
    return Pair(pair.pool.with_columns({"weight": weight}), pair.symmetry)


SAMPLES: dict[str, Callable[[], Pair]] = {
    "many": lambda: ToyModel(15_000, 10_000).draw(1),
    "uneven": lambda: ToyModel(60, 20_000).draw(2),
    "few": lambda: ToyModel(30, 25).draw(3),
    "ties": lambda: rounded(ToyModel(9_000, 9_000).draw(4), 2),
    "hardly more values than functions": lambda: rounded(ToyModel(300, 400).draw(5), 1),
    "weights": lambda: weighted(ToyModel(8_000, 7_000).draw(6)),
    "few weights": lambda: weighted(ToyModel(40, 50).draw(7)),
}


@pytest.mark.parametrize("symmetry", [Exchangeable(), FairCoin()], ids=repr)
@pytest.mark.parametrize("name", SAMPLES)
def test_draws_that_keep_the_weights(name: str, symmetry: Symmetry) -> None:
    for k in (4, 13):
        check(OnColumns(SplineTest(k), "x"), SAMPLES[name](), 12, symmetry)


@pytest.mark.parametrize("low, scale", [(0.0, 1e-9), (1e6, 1e-3), (-3e4, 1e8)])
def test_any_range(low: float, scale: float) -> None:
    a, b = (low + scale * np.random.default_rng(i).exponential(size=9000) for i in range(2))
    check(OnColumns(SplineTest(), "x"), Pair.from_columns({"x": a}, {"x": b}), 6)


@pytest.mark.parametrize("n", [60, 1500, 14_000])
def test_corrected_pairs(n: int) -> None:
    """Each draw is fitted anew; weights, and with them the knots, follow its labels."""
    raw = ToyDetector(n).draw(rng=n)
    test = OnColumns(SplineTest(6 if n < 1000 else 13), "m_coll", scale=0.01)
    if n > 1000:
        check(test, raw.equalised(bins=BINS), 8)
        check(test, weighted(raw).equalised(bins=BINS), 5)
    given = EfficiencyRatio(BINS, LOG_RATIO, np.diag(np.full(10, 0.01)))
    check(test, raw.equalised(given), 8)


def test_events_that_a_correction_leaves_no_weight() -> None:
    """Where the electron always leads A's events weigh nothing, and are no events."""
    certain = np.repeat([40.0, 0.0, 0.0, 0.0, 0.0], 2)
    pair = (
        ToyDetector(900).draw(rng=1).equalised(EfficiencyRatio(BINS, certain, np.zeros((10, 10))))
    )
    drawn = pair.symmetry.relabel(pair.pool, 5, rng=1)
    lost = pair.symmetry.probability(pair.pool) == 1.0
    assert lost.any()
    check(OnColumns(SplineTest(8), "m_coll"), pair, 5)
    assert drawn.labels[:, lost].all()


@dataclass(frozen=True, repr=False)
class Tilted(Symmetry):
    """A symmetry of one's own, with a known probability that rises with x."""

    def probabilities(self, pool: Pool) -> Any:
        p = 0.3 + 0.4 / (1 + np.exp(-pool.column("x")))
        return lambda log_ratio: p

    def weights(self, pool: Pool) -> FloatArray:
        return balanced(pool.labels, self.probability(pool)) * pool.weight

    def relabeller(self, pool: Pool) -> Any:
        p = self.probability(pool)
        return lambda generator: (generator.random(len(pool)) < p, None)


def test_a_symmetry_of_ones_own_with_known_probabilities() -> None:
    t = check(OnColumns(SplineTest(8), "x"), ToyModel(9_000, 9_000).draw(1), 12, Tilted())
    assert t.max() < 40  # weighted, the samples are alike again


def test_labels_that_split_x() -> None:
    """Nodes would miss what falls so steeply: t is that of the events all the same."""
    pair = ToyModel(12_000, 12_000).draw(8)
    x = pair.pool.column("x")
    chance = np.random.default_rng(2).random(x.size)
    labels = np.stack(
        [
            x > 1,
            x > np.quantile(x, 0.999),
            np.abs(x - 0.4) < 0.1,
            chance < 1 / (1 + np.exp(3 * x - 4)),
        ]
    )
    drawn = Relabellings(labels, None, Exchangeable())
    test = OnColumns(SplineTest(), "x")
    t = test.many(pair.pool, drawn)
    assert t == pytest.approx(one_by_one(test, pair.pool, drawn), rel=1e-9)
    assert t.min() > 30


@pytest.mark.parametrize("corrected", [False, True])
def test_a_draw_has_the_same_bits_alone_and_among_others(corrected: bool) -> None:
    if corrected:
        pair, test = (
            ToyDetector(3000).draw(rng=1).equalised(bins=BINS),
            OnColumns(SplineTest(), "m_coll"),
        )
    else:
        pair, test = ToyModel(9000, 9000).draw(1), OnColumns(SplineTest(), "x")
    drawn = pair.symmetry.relabel(pair.pool, 40, rng=5)
    t = test.many(pair.pool, drawn)
    for i in range(0, 40, 7):
        log_ratio = None if drawn.log_ratio is None else drawn.log_ratio[i : i + 1]
        alone = Relabellings(drawn.labels[i : i + 1], log_ratio, drawn.symmetry)
        assert test.many(pair.pool, alone)[0] == t[i]


@pytest.mark.parametrize("n", [900, 9000])
def test_bits_do_not_depend_on_where_arrays_lie_in_memory(n: int) -> None:
    pair = ToyModel(n, n).draw(1)
    drawn = pair.symmetry.relabel(pair.pool, 12, rng=1)
    test = OnColumns(SplineTest(), "x")
    first = test.many(pair.pool, drawn)
    rng = np.random.default_rng(3)
    for _ in range(20):
        holes = [np.empty(size) for size in rng.integers(1, 40, 60)]
        del holes[::2]
        assert np.array_equal(test.many(pair.pool, drawn), first)


def test_a_null_is_the_same_for_any_number_of_workers() -> None:
    pair = ToyModel(900, 900).draw(1)
    alone, shared = (
        permutation_null(SplineTest(), pair, 300, rng=2, workers=workers).samples
        for workers in (1, 2)
    )
    assert np.array_equal(alone, shared)


def test_a_null_is_that_of_the_pairs_that_are_drawn() -> None:
    pair = ToyDetector(800).draw(rng=2).equalised(bins=BINS)
    test = OnColumns(SplineTest(8), "m_coll", scale=0.01)
    samples = null(test, pair, 10, rng=4).samples
    source = Relabelled(pair, ("m_coll",))
    seeds = np.random.default_rng(4).bit_generator.seed_seq.spawn(10)  # type: ignore[attr-defined]
    expected = [test(source.draw(np.random.default_rng(seed))).t for seed in seeds]
    assert samples == pytest.approx(expected, rel=1e-6)


def test_groups_of_like_events() -> None:
    pool = rounded(ToyModel(4000, 3000).draw(9), 1).pool
    x = np.rint(10 * pool.column("x")).astype(np.int64)
    groups = pool.grouped(x)
    assert len(groups) < 150
    drawn = FairCoin().relabel(groups, 6, rng=1)
    t = OnColumns(SplineTest(8), "x").many(groups, drawn)
    for labels, mine in zip(drawn.labels, t, strict=True):
        a, b = (np.repeat(groups.column("x"), n) for n in (labels, groups.sizes - labels))
        assert mine == pytest.approx(SplineTest(8)(a, b).t, rel=1e-6)


def flavoured(n: int) -> Pair:
    rng = np.random.default_rng(n)
    lead, sub = np.sort(rng.exponential(size=(2, n)), axis=0)[::-1]
    leads = rng.random(n) < 0.5
    columns = {
        "electron_pt": np.where(leads, lead, sub),
        "muon_pt": np.where(leads, sub, lead),
        "electron_leads": leads,
    }
    return Pair.from_events(columns)


def test_columns_that_change_with_the_label() -> None:
    pair = flavoured(500)
    drawn = FairCoin().relabel(pair.pool, 5, rng=1)
    test = OnColumns(SplineTest(6), "electron_pt")
    t = test.many(pair.pool, drawn)
    expected = [test(pair.relabelled(labels, None)).t for labels in drawn.labels]
    assert np.array_equal(t, expected)
    # An exchanged label takes its pT along: A's electrons lead in every draw.
    assert t.min() > 100
    groups = pair.pool.grouped(np.zeros(500, dtype=np.int64))
    with pytest.raises(DataError, match="electron_pt: changes with the label"):
        test.many(groups, FairCoin().relabel(groups, 2, rng=1))


def test_only_tests_that_offer_it_have_it() -> None:
    assert hasattr(OnColumns(SplineTest(), "x"), "many")
    assert not hasattr(OnColumns(SymmetrizedTest(), "x"), "many")


@pytest.mark.parametrize(
    "x, labels, options, message",
    [
        ([1.0, 2, 3, 4, 5], [[1, 1, 1, 1, 1]], {}, "B: the sample is empty"),
        ([1.0, 2, 3, 4, 5], [[1, 0, 0, 0, 0], [0, 0, 0, 0, 0]], {}, "A: the sample is empty"),
        (
            [1.0, 2, 3, 3, 3],
            [[1, 0, 0, 1, 0]],
            {},
            "4 distinct values of x, the pooled sample has 3",
        ),
        ([1.0, 2, np.nan, 4, 5], [[1, 0, 0, 1, 0]], {}, "the pool: a value is NaN or infinite"),
        ([-1e308, 2, 3, 4, 1e308], [[1, 0, 0, 1, 0]], {}, "range of its values is not finite"),
        ([1.0, 2, 3, 4, 5], [[1, 0, 0, 1, 0]], {"weight": [1, 1, -1, 1, 1]}, "weight is negative"),
        ([[1.0, 2]] * 5, [[1, 0, 0, 1, 0]], {}, "splines test one column"),
    ],
)
def test_what_cannot_be_tested(x: Any, labels: Any, options: Any, message: str) -> None:
    labels = np.array(labels, dtype=bool)
    columns = {name: np.array(values, dtype=float) for name, values in options.items()}
    if np.ndim(x) == 2:
        columns |= {"x": np.array(x)[:, 0], "y": np.array(x)[:, 1]}
    else:
        columns["x"] = np.array(x)
    pool = Pool(columns, labels[0])
    test = OnColumns(SplineTest(4), ("x", "y") if "y" in columns else "x")
    with pytest.raises(DataError, match=message):
        test.many(pool, Relabellings(labels, None, Exchangeable()))
