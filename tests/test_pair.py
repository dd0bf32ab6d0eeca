"""The pair: its columns, weights and histograms, permuting and adding."""

from __future__ import annotations

import awkward as ak
import hist
import numpy as np
import pytest
from hist.axis import Regular
from scipy import stats

from eμsym import Pair, Sample
from eμsym.errors import DataError

AXIS = Regular(4, 0, 8, name="x")


def pair_of(n_a=40, n_b=60, seed=1):
    rng = np.random.default_rng(seed)
    a, b = (
        {"x": rng.uniform(0, 8, n), "y": rng.normal(size=n), "weight": rng.uniform(0.5, 2, n)}
        for n in (n_a, n_b)
    )
    return Pair.from_columns(a, b)


def rows(*samples):
    """Return all events of some samples as a sorted list of (x, y, weight)."""
    return sorted(
        row
        for sample in samples
        for row in zip(
            *(sample.column(name).tolist() for name in ("x", "y", "weight")), strict=True
        )
    )


def histogram(values, weight=None, axis=AXIS):
    return hist.Hist(axis, storage=hist.storage.Weight()).fill(values, weight=weight)


# Columns


def test_columns_of_any_kind_make_the_same_pair():
    columns = {"x": [1, 2, 3], "weight": [0.5, 1.0, 2.0]}
    arrays = {name: np.array(values) for name, values in columns.items()}
    records = ak.zip(arrays)
    for made in (columns, arrays, records, {name: ak.Array(v) for name, v in columns.items()}):
        pair = Pair.from_columns(made, made)
        for sample in (pair.a, pair.b):
            assert sample.column("x").tolist() == [1.0, 2.0, 3.0]
            assert sample.column("x").dtype == sample.weight.dtype == np.float64
            assert sample.weight.tolist() == [0.5, 1.0, 2.0]


def test_events_without_weights_count_once():
    assert Pair.from_columns({"x": [3.0, 4.0]}, {"x": [3.0]}).a.weight.tolist() == [1.0, 1.0]


def test_a_pair_is_called_as_asked_for():
    assert Pair.from_columns({"x": [1]}, {"x": [1]}).names == ("A", "B")
    assert Pair.from_columns({"x": [1]}, {"x": [1]}, names=("p", "q")).names == ("p", "q")
    assert Pair.from_samples(Sample(), Sample()).names == ("eμ", "μe")


@pytest.mark.parametrize("lengths", [(3, 2), (3, 1), (0, 1)])
def test_columns_of_different_lengths_are_refused(lengths):
    good = {"x": [1.0], "y": [1.0]}
    bad = {"x": np.ones(lengths[0]), "y": np.ones(lengths[1])}
    with pytest.raises(DataError, match=r"^B: .*length.*'y'"):
        Pair.from_columns(good, bad)


def test_events_are_split_by_which_lepton_leads():
    events = ak.zip({"x": [1.0, 2.0, 3.0], "electron_leads": [True, False, True]})
    pair = Pair.from_events(events)
    assert pair.a.column("x").tolist() == [1.0, 3.0]
    assert pair.b.column("x").tolist() == [2.0]
    assert pair.names == ("eμ", "μe")


def test_events_may_be_split_by_any_column_of_yes_and_no():
    events = ak.zip({"x": [1.0, 2.0, 3.0], "tag": [0, 1, 0]})
    assert Pair.from_events(events, by="tag").a.column("x").tolist() == [2.0]


def test_a_sample_may_be_empty():
    pair = Pair.from_events(ak.zip({"x": [1.0, 2.0], "electron_leads": [True, True]}))
    assert pair.b.column("x").tolist() == pair.b.weight.tolist() == []
    assert pair.hist(AXIS)[1].values().tolist() == [0.0] * 4


@pytest.mark.parametrize(
    "ask, says",
    [
        (lambda: Pair.from_events(ak.zip({"x": [1.0]})), "no column 'electron_leads'.*x"),
        (lambda: pair_of().a.column("z"), "no column 'z'; there are weight, x, y"),
        (lambda: pair_of().hist(Regular(2, 0, 1, name="z")), "no column 'z'"),
        (lambda: pair_of().hist("m_coll"), "no histogram 'm_coll' in the pair; there are: none"),
        (lambda: Sample().column("x"), "histograms only"),
        (lambda: Sample().weight, "histograms only"),
        (lambda: Pair.from_samples(Sample(), Sample()).permuted(), "histograms only"),
        (lambda: Pair.from_samples(Sample(), Sample()).hist(AXIS), "histograms only"),
    ],
)
def test_what_is_not_there_is_refused_by_name(ask, says):
    with pytest.raises(DataError, match=says):
        ask()


# Histograms


def test_axes_fill_histograms_from_the_columns_of_their_names():
    pair = pair_of()
    axes = AXIS, Regular(3, -2, 2, name="y")
    for sample, filled in zip((pair.a, pair.b), pair.hist(*axes), strict=True):
        columns = sample.column("x"), sample.column("y")
        edges = [axis.edges for axis in axes]
        sums, squares = (
            np.histogram2d(*columns, bins=edges, weights=sample.weight**power)[0]
            for power in (1, 2)
        )
        np.testing.assert_allclose(filled.values(), sums)
        np.testing.assert_allclose(filled.variances(), squares)


def test_a_stored_histogram_is_found_by_its_name():
    a, b = histogram([1.0, 5.0]), histogram([3.0])
    pair = Pair.from_samples(Sample(histograms={"x": a, "only a": a}), Sample(histograms={"x": b}))
    assert pair.hist("x") == (a, b)
    with pytest.raises(DataError, match="no histogram 'only a'"):
        pair.hist("only a")


# Permuting


def test_permuting_keeps_the_sizes_and_every_event():
    pair = pair_of()
    permuted = pair.permuted(rng=1)
    assert len(permuted.a.events) == 40
    assert len(permuted.b.events) == 60
    assert rows(permuted.a, permuted.b) == rows(pair.a, pair.b)
    assert rows(permuted.a) != rows(pair.a)
    assert permuted.names == pair.names


def test_permuting_repeats_itself_for_one_seed_and_not_for_another():
    pair = pair_of()
    first = rows(pair.permuted(rng=1).a)
    assert rows(pair.permuted(rng=1).a) == first
    assert rows(pair.permuted(rng=np.random.default_rng(1)).a) == first
    assert rows(pair.permuted(rng=2).a) != first


def test_one_generator_gives_another_permutation_every_time():
    pair, rng = pair_of(), np.random.default_rng(1)
    assert rows(pair.permuted(rng=rng).a) != rows(pair.permuted(rng=rng).a)


def test_every_event_is_as_likely_as_any_other_to_be_in_a():
    pair = Pair.from_columns({"x": np.arange(3)}, {"x": np.arange(3, 10)})
    rng, n = np.random.default_rng(3), 1_000
    times = np.zeros(10)
    for _ in range(n):
        times[pair.permuted(rng=rng).a.column("x").astype(int)] += 1
    assert times.sum() == 3 * n
    # Three of ten without replacement: the ten counts have variance 0.21 n and add up.
    chi2 = np.sum((times - 0.3 * n) ** 2) / (0.21 * n) * 9 / 10
    assert 1e-3 < stats.chi2.sf(chi2, 9)


def test_permuting_leaves_the_old_labels_histograms_behind():
    pair = pair_of()
    stored = Pair.from_samples(
        Sample(pair.a.events, {"x": histogram([1.0])}),
        Sample(pair.b.events, {"x": histogram([1.0])}),
    )
    permuted = stored.permuted(rng=1)
    assert permuted.a.histograms == permuted.b.histograms == {}
    assert stored.hist("x")[0].sum().value == 1.0


def test_a_pair_without_events_in_it_permutes_into_another():
    pair = Pair.from_columns({"x": np.empty(0)}, {"x": np.empty(0)})
    assert len(pair.permuted(rng=1).a.events) == 0


def test_permuting_a_weighted_with_an_unweighted_sample_keeps_the_weights():
    pair = Pair.from_columns({"x": [1.0, 2.0]}, {"x": [3.0, 4.0], "weight": [5.0, 7.0]})
    permuted = pair.permuted(rng=1)
    weights = sorted([*permuted.a.weight, *permuted.b.weight])
    assert weights == [1.0, 1.0, 5.0, 7.0]


# Adding


def test_adding_joins_the_events_of_each_sample():
    background, signal = pair_of(), pair_of(5, 0, seed=2)
    both = background + signal
    assert rows(both.a) == rows(background.a, signal.a)
    assert rows(both.b) == rows(background.b)
    assert both.names == background.names


def test_adding_a_weighted_signal_to_unweighted_events_keeps_its_weights():
    plain = Pair.from_columns({"x": [1.0, 2.0]}, {"x": [3.0]})
    signal = Pair.from_columns({"x": [5.0], "weight": [0.25]}, {"x": [7.0], "weight": [4.0]})
    for both in (plain + signal, signal + plain):
        assert sorted(both.a.weight) == [0.25, 1.0, 1.0]
        filled = both.hist(AXIS)
        assert filled[0].values().tolist() == [1.0, 1.0, 0.25, 0.0]
        assert filled[1].values().tolist() == [0.0, 1.0, 0.0, 4.0]


def test_adding_sums_the_histograms_that_both_have():
    def stored(values, weight, **others):
        sample = Sample(histograms={"x": histogram(values, weight), **others})
        return Pair.from_samples(sample, sample)

    both = stored([1.0, 5.0], [2.0, 3.0], y=histogram([1.0])) + stored([1.0], [0.5])
    assert set(both.a.histograms) == {"x"}
    assert both.hist("x")[0].values().tolist() == [2.5, 0.0, 3.0, 0.0]
    assert both.hist("x")[1].variances().tolist() == [4.25, 0.0, 9.0, 0.0]


def test_adding_a_pair_of_histograms_only_leaves_no_events():
    pair = pair_of()
    stored = Pair.from_samples(
        Sample(pair.a.events, {"x": histogram([1.0])}),
        Sample(pair.b.events, {"x": histogram([1.0])}),
    )
    only = Sample(histograms={"x": histogram([1.0])})
    both = stored + Pair.from_samples(only, only)
    assert both.a.events is both.b.events is None
    assert both.hist("x")[0].sum().value == 2.0


def test_adding_leaves_what_was_added_as_it_was():
    one, other = histogram([1.0]), histogram([1.0])
    samples = [Sample(histograms={"x": h}) for h in (one, other)]
    Pair.from_samples(samples[0], samples[0]) + Pair.from_samples(samples[1], samples[1])
    assert one.sum().value == other.sum().value == 1.0


def test_samples_of_other_columns_make_no_pair():
    with pytest.raises(DataError, match="only one of the samples has the columns x, y"):
        Pair.from_columns({"x": [1.0]}, {"y": [1.0]})


def test_pairs_of_other_columns_or_binnings_do_not_add():
    x, y = (Pair.from_columns({name: [1.0]}, {name: [1.0]}) for name in "xy")
    with pytest.raises(DataError, match="only one of the samples has the columns x, y"):
        x + y
    samples = [
        Sample(histograms={"x": histogram([1.0], axis=Regular(4, 0, high, name="x"))})
        for high in (8, 9)
    ]
    with pytest.raises(DataError, match="binnings differ"):
        Pair.from_samples(samples[0], samples[0]) + Pair.from_samples(samples[1], samples[1])
