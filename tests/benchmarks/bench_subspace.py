"""The subspace test on many events: its time, its growth, and the memory it takes.

Run with ``pytest -o addopts="" -s tests/benchmarks/bench_subspace.py``. Two threads.
"""

from __future__ import annotations

import resource
import time

import numpy as np
import pytest

from eμsym import SubspaceTest

SIZES = [
    (20_000, 5, 1000),
    (200_000, 2, 1000),
    (200_000, 5, 250),
    (200_000, 5, 1000),
    (200_000, 10, 250),
    (2_000_000, 5, 100),
]


@pytest.mark.parametrize("events, columns, relabellings", SIZES)
def test_relabellings_of_many_columns(events, columns, relabellings):
    x = np.random.default_rng(1).normal(size=(events, columns))
    test = SubspaceTest(n=relabellings, threads=2)
    SubspaceTest(n=1, standardising=32)(x[:200], x[200:400])  # compiled before it is timed
    wall, cpu = time.perf_counter(), time.process_time()
    result = test(x[::2], x[1::2], rng=1)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert 0 < result.pvalue <= 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"\n{events:,} events, {columns} columns, {relabellings} relabellings, "
        f"{len(result.local)} views: {wall:.1f} s, {cpu:.1f} s of cores, {peak:.2f} GB at most"
    )
