"""Best windows of 1,000 planes of 28×28 bins, beside the plain slicing loop in the same run.

Run with ``pytest -o addopts="" -s tests/benchmarks/bench_windows.py``.
"""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from eμsym.binned.nsigma import nsigma
from eμsym.binned.window_batch import best_windows
from eμsym.binned.window_null import window_pvalue, window_pvalue_events
from eμsym.difference import pulls

TOYS, BINS = 1000, 28


def slicing_loop(pull, shape):
    """Return the largest |Nσ|, by a sum over a slice for each window."""
    best = 0.0
    rows, columns = pull.shape
    for i in range(rows):
        for k in range(i + 1, rows + 1):
            for j in range(columns):
                for m in range(j + 1, columns + 1):
                    if shape == "square" and k - i != m - j:
                        continue
                    z = abs(pull[i:k, j:m].sum()) / math.sqrt((k - i) * (m - j))
                    best = max(best, z)
    return best


@pytest.fixture(scope="module")
def planes():
    return np.random.default_rng(0).poisson(100, (2, TOYS, BINS, BINS)).astype(float)


@pytest.mark.parametrize("shape", ["square", "rectangle"])
def test_best_windows(benchmark, planes, shape):
    b, a = planes
    found = benchmark.pedantic(best_windows, (b, a), {"shape": shape}, rounds=3, warmup_rounds=1)
    pull = pulls(b[0], a[0], b[0], a[0])
    clock = time.perf_counter()
    plain = slicing_loop(pull, shape)
    of_slices = time.perf_counter() - clock
    assert plain == pytest.approx(found.statistic[0], rel=1e-9)
    calls = 200
    clock = time.perf_counter()
    for _ in range(calls):
        nsigma(b[0, 4:16, 4:16], a[0, 4:16, 4:16])
    of_calls = (time.perf_counter() - clock) / calls
    n_windows = {"square": 7_714, "rectangle": 164_836}[shape]
    if benchmark.stats is None:
        return
    batch = benchmark.stats.stats.min
    print(
        f"\n{shape}: {n_windows} windows of {TOYS} toys in {batch:.3f} s; "
        f"slices of the pulls {of_slices * TOYS:.0f} s ({of_slices * TOYS / batch:.0f}×), "
        f"nsigma() of each slice {of_calls * n_windows * TOYS:.0f} s "
        f"({of_calls * n_windows * TOYS / batch:.0f}×), both extrapolated from one toy"
    )


def test_sparse_planes(benchmark):
    b, a = np.random.default_rng(1).poisson(0.5, (2, TOYS, BINS, BINS))
    benchmark.pedantic(best_windows, (b, a), {"shape": "rectangle"}, rounds=2)


@pytest.mark.parametrize("method", ["binomial", "swap"])
def test_global_pvalue(benchmark, planes, method):
    options = {"method": method, "shape": "rectangle", "rng": 0}
    benchmark.pedantic(window_pvalue, (planes[0, 0], planes[1, 0], TOYS), options, rounds=3)


def test_global_pvalue_of_permuted_events(benchmark):
    bins = np.random.default_rng(2).integers(0, BINS, (2, 50_000, 2))
    arguments = (bins[0], bins[1], (BINS, BINS), TOYS)
    benchmark.pedantic(window_pvalue_events, arguments, {"shape": "rectangle", "rng": 0}, rounds=2)
