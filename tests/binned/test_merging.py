"""Bins joined until each holds enough entries."""

from __future__ import annotations

import numpy as np
import pytest
from hist.axis import Regular

from eμsym import EmusymError
from eμsym.binned.merging import merge_bins


def gain(w, n, cut):
    """Return what a cut adds to Σ w²/n, in one dimension."""
    parts = [slice(0, cut), slice(cut, None)]
    return sum(w[p].sum() ** 2 / n[p].sum() for p in parts) - w.sum() ** 2 / n.sum()


@pytest.mark.parametrize("seed", range(5))
def test_the_first_cut_is_the_one_that_gains_most_of_those_that_leave_enough(seed):
    rng = np.random.default_rng(seed)
    n, w = rng.poisson(20, 12).astype(float), rng.normal(size=12)
    allowed = [c for c in range(1, 12) if min(n[:c].sum(), n[c:].sum()) >= 80]
    best = max(allowed, key=lambda cut: gain(w, n, cut))
    # With a whole sample of less than three times the least, one cut is all.
    merged = merge_bins(n, w, min_count=80)
    starts = {box[0][0] for box in merged.boxes}
    assert best in starts


@pytest.mark.parametrize("shape", [(40,), (28, 28), (6, 5, 4)])
@pytest.mark.parametrize("min_count", [20, 50])
def test_boxes_cover_every_bin_once_and_each_holds_enough(shape, min_count):
    rng = np.random.default_rng(1)
    n = rng.poisson(3.0, shape) * 4.0
    w = np.exp(
        -sum(
            (np.arange(s).reshape([-1 if k == i else 1 for k in range(len(shape))]) - s / 2) ** 2
            / s
            for i, s in enumerate(shape)
        )
    )
    merged = merge_bins(n, w, min_count=min_count)
    covered = np.zeros(shape, dtype=int)
    for box in merged.boxes:
        covered[tuple(slice(*edges) for edges in box)] += 1
    assert np.all(covered == 1)
    assert merged.sums(n).min() >= min_count
    assert merged.sums(n).sum() == n.sum()
    assert len(merged) > 3
    # Events are found in the boxes of their bins.
    flat = np.arange(n.size)
    index = merged.index(np.where(flat % 7 == 0, -1, flat))
    assert np.all((index == -1) == (flat % 7 == 0))
    assert np.array_equal(merged.group.ravel()[flat % 7 != 0], index[flat % 7 != 0])


def test_a_sample_of_too_few_events_is_one_bin():
    assert merge_bins([3, 4, 0], [1, 0, 0], min_count=50).boxes == (((0, 3),),)


def test_where_the_signal_is_as_the_entries_are_nothing_gains():
    n = np.array([100.0, 300.0, 200.0])
    assert len(merge_bins(n, n / 1000, min_count=10)) == 1


def test_a_contrast_that_is_its_own_statistics_is_not_split_off():
    n = np.full(10, 1000.0)
    w = np.where(np.arange(10) < 5, 3.0, 1.0)
    assert len(merge_bins(n, w)) == 2
    assert len(merge_bins(n, w, variance=np.full(10, 20.0))) == 1


def test_edges_are_those_of_the_axes():
    axis = Regular(4, 0, 2, name="x")
    merged = merge_bins([60, 20, 30, 90], [0.1, 0.5, 0.3, 0.1], min_count=50)
    assert merged.edges((axis,)) == [[[0.0, 0.5]], [[0.5, 1.5]], [[1.5, 2.0]]]
    assert merged.to_dict()["n_bins"] == 3


@pytest.mark.parametrize("count", [0, -1, np.nan, np.inf])
def test_a_least_count_that_is_none_is_refused(count):
    with pytest.raises(EmusymError, match="min_count"):
        merge_bins([1, 2], [1, 0], min_count=count)
