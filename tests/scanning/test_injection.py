"""A signal that is added to relabelled events is found, or is not, as often as it should be."""

from __future__ import annotations

import numpy as np
import pytest

from eμsym import scan
from eμsym.errors import ConfigurationError, DataError
from eμsym.pool import Pool
from eμsym.scanning.injection import inject, rank_of_signal, with_signal
from tests.scanning.pairs import coin_pair


def signal_pool(n=200, seed=9):
    """Return events of A near x = 0.2 with two jets, as in `coin_pair`."""
    pool = coin_pair(0, seed, excess=n).pool
    assert pool.labels.all()
    return pool


def scanned(pair, seed):
    found = scan(pair, [("two jets", "n_jets == 2")], ["x", "y"], n=39, rng=seed, workers=1)
    return pair, found


def test_labels_are_drawn_anew_and_the_signal_keeps_its_own():
    pair, signal = coin_pair(2000, 1), signal_pool()
    both, number = with_signal(pair, signal, 100.0, rng=1)
    assert 60 < number < 140
    assert len(both.pool) == 2000 + number
    assert both.pool.labels[2000:].all()
    assert 0.3 < np.mean(both.pool.labels[:2000] == pair.pool.labels) < 0.7
    assert np.all(np.abs(both.pool.column("x")[2000:] - 0.2) < 0.15)


def test_weights_of_the_signal_say_how_often_an_event_is_drawn():
    signal = signal_pool()
    heavy = Pool({**signal.columns, "weight": np.arange(200) == 7}, signal.labels)
    both, number = with_signal(coin_pair(500, 1), heavy, 30.0, rng=1)
    assert np.all(both.pool.column("x")[500:] == signal.column("x")[7])
    assert number > 0


def test_a_strong_signal_comes_first_and_none_does_not():
    pair = coin_pair(2000, 1)
    strong = inject(pair, signal_pool(), 150.0, scanned, samples=4, seed=1)
    assert strong.share(1) == 1.0
    assert strong.median_p_global == 1 / 40
    assert strong.to_dict()["in_first_ten"] == 1.0
    weak = inject(pair, signal_pool(), 1.0, scanned, samples=4, seed=1)
    assert weak.share(10) == 0.0
    assert weak.median_p_global > 1 / 40


def test_the_rank_is_that_of_the_first_entry_with_the_signal():
    both, number = with_signal(coin_pair(2000, 1), signal_pool(), 150.0, rng=1)
    found = scanned(both, 1)[1]
    assert rank_of_signal(found, both, number) == 1
    assert rank_of_signal(found, both, 0) is None


@pytest.mark.parametrize(("events", "samples"), [(0, 3), (-1, 3), (float("nan"), 3), (10, 0)])
def test_numbers_that_are_none_are_one_line(events, samples):
    with pytest.raises(ConfigurationError, match="choose more than zero"):
        inject(coin_pair(200, 1), signal_pool(), events, scanned, samples=samples)


def test_a_signal_without_events_or_columns_is_one_line():
    pair, signal = coin_pair(200, 1), signal_pool()
    with pytest.raises(DataError, match="lacks the columns"):
        with_signal(pair, signal.restricted(["x"]), 10)
    with pytest.raises(DataError, match="no event"):
        with_signal(pair, signal.where(np.zeros(200, dtype=bool)), 10)
