"""Limits allow for what a self-calibration takes of a signal: events without fluctuation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eμsym import Pool, Q0Test, pair_limit
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.errors import DataError
from eμsym.limits.kept import kept_in, with_what_is_kept
from eμsym.limits.of_pair import pair_region
from eμsym.limits.part_of_pair import PartOfPair
from tests.calibration.kept_world import AXES, BINS, both_orders, made_world, with_signal


@pytest.fixture(scope="module")
def world():
    return made_world()


def test_the_strength_is_the_one_that_is_there(world):
    background, signal, in_a, shapes = world
    pair = with_signal(background, signal, in_a).equalised(bins=BINS)
    test = Q0Test(shapes, AXES)
    short = pair_limit(test, pair)
    allowed = pair_limit(test, pair, signal_events=Pool(signal, in_a))
    # 400 events are there, of which a fit of r takes some, and of the limit as much.
    assert abs(short.mu - 400) > 5
    assert allowed.mu == pytest.approx(400, abs=1)
    assert allowed.observed / short.observed == pytest.approx(400 / short.mu, rel=5e-3)
    assert allowed.median / short.median == pytest.approx(400 / short.mu, rel=5e-3)


def test_a_given_correction_takes_nothing(world):
    background, signal, in_a, shapes = world
    ratio = EfficiencyRatio(BINS, np.zeros(6), np.zeros((6, 6)))
    pair = both_orders(background).equalised(ratio)
    test, events = Q0Test(shapes, AXES), Pool(signal, in_a)
    assert pair_limit(test, pair, signal_events=events) == pair_limit(test, pair)


def test_of_a_part_only_its_events_are_fitted(world):
    background, signal, in_a, shapes = world
    pair = with_signal(background, signal, in_a).equalised(bins=BINS)
    test, events = Q0Test(shapes, AXES), Pool(signal, in_a)
    every = PartOfPair(pair, np.ones(len(pair.pool), dtype=bool))
    whole = pair_region("", test, pair, signal_events=events)
    same = pair_region("", test, every, signal_events=events)
    np.testing.assert_allclose(same.signals[0].in_b, whole.signals[0].in_b, rtol=1e-12)
    # Half of the events, taken blindly, have r of all of them: half of what r takes of a signal
    # in the whole, for the signal is put into that half alone.
    half = PartOfPair(pair, np.arange(len(pair.pool)) % 2 == 0)
    found = []
    for part in (pair, half):
        counts = test.counts(part)
        found.append(kept_in(part, events, axes=AXES, bins=counts.bins, signal=counts.signal))
    assert 0.2 < (1 - found[1]) / (1 - found[0]) < 0.7


def test_a_signal_that_r_takes_whole_has_no_limit(world):
    background, signal, in_a, shapes = world
    pair = with_signal(background, signal, in_a).equalised(bins=BINS)
    counts = Q0Test(shapes, AXES).counts(pair)
    # A shape that nothing of the events has: its strength in Asimov data of them is none.
    other = replace(counts.signal, in_b=counts.signal.in_a, in_a=counts.signal.in_b)
    kept = kept_in(pair, Pool(signal, in_a), axes=AXES, bins=counts.bins, signal=other)
    region = pair_region("", Q0Test(shapes, AXES), pair)
    with pytest.raises(DataError, match="fitted to the same events"):
        with_what_is_kept(region, [kept])
