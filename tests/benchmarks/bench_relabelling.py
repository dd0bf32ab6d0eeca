"""Relabellings of a corrected pair, by event and by groups, beside pairs drawn one by one.

Run with ``pytest -o addopts="" -s tests/benchmarks/bench_relabelling.py``.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from hist.axis import Regular

from eμsym import NSigmaTest, WindowTest, null
from eμsym.sources import Relabelled
from tests.calibration.toy_detector import BINS, ToyDetector

PLANE = (Regular(28, 30, 170, name="m_coll"), Regular(28, 10, 150, name="lead_pt"))
DRAWS, ONE_BY_ONE = 1000, 20


@pytest.fixture(scope="module")
def equal():
    return ToyDetector(12_000).draw(rng=1).equalised(bins=BINS)


@pytest.mark.parametrize("test", [NSigmaTest(PLANE), WindowTest(PLANE)], ids=["nsigma", "windows"])
def test_nulls_of_many_draws(benchmark, equal, test):
    options = {"rng": 1, "workers": 1}
    found = benchmark.pedantic(null, (test, equal, DRAWS), options, rounds=3, warmup_rounds=1)
    clock = time.perf_counter()
    source = Relabelled(equal, ("m_coll", "lead_pt"))
    children = np.random.default_rng(1).spawn(ONE_BY_ONE)
    plain = [test(source.draw(child)).statistic for child in children]
    one_by_one = (time.perf_counter() - clock) / ONE_BY_ONE
    assert np.isfinite(plain).all()
    assert found.samples.shape == (DRAWS,)
    if benchmark.stats is None:
        return
    a_draw = benchmark.stats.stats.min / DRAWS
    print(
        f"\n{type(test).__name__}: {len(equal.pool):,} events, r fitted in each of {DRAWS} draws: "
        f"{1e3 * a_draw:.2f} ms a draw, {one_by_one / a_draw:.0f} times faster than pairs drawn "
        "one by one"
    )


def test_groups_beside_events(benchmark, equal):
    index, _ = equal.bin_index(*PLANE)
    groups = equal.symmetry.grouped(equal.pool, index)
    relabel = equal.symmetry.relabel
    benchmark.pedantic(relabel, (groups, 100), {"rng": 1}, rounds=3, warmup_rounds=1)
    clock = time.perf_counter()
    relabel(equal.pool, 100, rng=1)
    by_event = time.perf_counter() - clock
    if benchmark.stats is None:
        return
    ours = benchmark.stats.stats.min
    print(
        f"\n100 relabellings of {len(groups):,} groups of {len(equal.pool):,} events: "
        f"{ours:.3f} s, {by_event / ours:.1f} times faster than by event"
    )
