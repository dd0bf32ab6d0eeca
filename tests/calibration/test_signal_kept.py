"""What a self-calibration leaves of a signal, against whole events that have no fluctuation."""

from __future__ import annotations

import numpy as np
import pytest

from eμsym import Pool, Q0Test
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.calibration.signal_kept import signal_kept
from tests.calibration.kept_world import AXES, BINS, both_orders, made_world, with_signal


@pytest.fixture(scope="module")
def world():
    return made_world()


@pytest.mark.parametrize("exclude", [None, {"m_coll": (100.0, 150.0)}])
def test_asimov_data_are_as_events_without_fluctuation(world, exclude):
    background, signal, in_a, shapes = world
    test = Q0Test(shapes, AXES)
    observed = with_signal(background, signal, in_a).equalised(bins=BINS, exclude=exclude)
    expected = test(observed).mu / 400

    pair = both_orders(background).equalised(bins=BINS, exclude=exclude)
    counts = test.counts(observed)
    kept = signal_kept(
        pair.symmetry,
        pair.pool,
        Pool(signal, in_a),
        axes=AXES,
        bins=counts.bins,
        signal=counts.signal,
        mu=400.0,
    )
    assert kept == pytest.approx(expected, abs=2e-4)
    # Part of it goes into r.
    assert 0.9 < kept < 1.1
    assert abs(kept - 1) > 1e-3


def test_a_given_correction_takes_nothing(world):
    background, signal, in_a, shapes = world
    ratio = EfficiencyRatio(BINS, np.zeros(6), np.zeros((6, 6)))
    pair = both_orders(background).equalised(ratio)
    counts = Q0Test(shapes, AXES).counts(pair)
    kept = signal_kept(
        pair.symmetry,
        pair.pool,
        Pool(signal, in_a),
        axes=AXES,
        bins=counts.bins,
        signal=counts.signal,
        mu=100.0,
    )
    assert kept == pytest.approx(1.0, abs=1e-6)
