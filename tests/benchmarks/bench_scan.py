"""The scan: its default, growth with events, windows and relabellings, and the plain loop.

Run with ``pytest -o addopts="" -s tests/benchmarks/bench_scan.py``. Two threads.
``EMUSYM_SCAN_EVENTS=2000000`` in place of 200,000 for the last one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from eμsym import Pair, read_pair, scan
from eμsym.expression import Expression
from eμsym.scanning.labellings import Labellings
from eμsym.symmetry import FairCoin

ROOT = Path(__file__).parents[2]
WORKERS = 2


def events_of(n: int, columns: int = 5, seed: int = 1) -> dict[str, np.ndarray]:
    """Return columns of which the first two make the regions of `regions_of`."""
    x = np.random.default_rng(seed).exponential(size=(n, columns))
    return {f"x{i}": x[:, i] for i in range(columns)}


def regions_of() -> list[tuple[str, str]]:
    """Return thirds of three columns, the upper two thirds too, and all pairs of them."""
    classes = []
    for i in range(3):
        low, high = 0.405, 1.099
        classes.append(
            [
                f"x{i} < {low}",
                f"x{i} >= {low} and x{i} < {high}",
                f"x{i} >= {low}",
                f"x{i} >= {high}",
            ]
        )
    found = [where for each in classes for where in each]
    for i in range(3):
        for j in range(i):
            found += [f"({one}) and ({other})" for one in classes[i] for other in classes[j]]
    return [(where, where) for where in found]


def coins(n: int, columns: int = 5) -> Pair:
    """Return a pair whose labels are coins."""
    events = events_of(n, columns)
    in_a = np.random.default_rng(2).random(n) < 0.5
    sides = [{k: v[x] for k, v in events.items()} for x in (in_a, ~in_a)]
    return Pair.from_columns(*sides, symmetry=FairCoin())


def timed(pair: Pair, *arguments: object, **options: object) -> tuple[float, float, object]:
    """Return the seconds, the seconds of cores, and what a scan found."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = scan(pair, *arguments, rng=1, workers=WORKERS, **options)
    return time.perf_counter() - wall, time.process_time() - cpu, found


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Compile before anything is timed."""
    scan(coins(500), [], n=19, workers=1)


def test_default_scan_of_the_embedded_sample(processed_sample):
    pair = read_pair(processed_sample).equalised()
    wall, cpu, found = timed(pair, n=1000)
    assert len(found.regions) >= 200
    assert found.windows >= 100_000
    print(
        f"\n{len(pair.pool):,} events, {len(found.regions)} regions, "
        f"{len(found.entries):,} entries, {found.windows:,} windows, 1,000 relabellings with "
        f"refits: {wall:.1f} s, {cpu:.1f} s of cores; global p {found.p_global:.3f}"
    )


def test_growth():
    regions = regions_of()
    base = {"events": 20_000, "columns": 4, "regions": len(regions), "relabellings": 255}
    cases = [
        base,
        {**base, "events": 40_000},
        {**base, "events": 80_000},
        {**base, "columns": 6},
        {**base, "columns": 8},
        {**base, "relabellings": 511},
        {**base, "relabellings": 1023},
    ]
    first = None
    print()
    for case in cases:
        pair = coins(case["events"], case["columns"])
        wall, cpu, found = timed(pair, regions, n=case["relabellings"])
        first = first or (cpu, found.windows)
        print(
            f"{case['events']:,} events, {found.windows:,} windows, {case['relabellings']} "
            f"relabellings: {wall:.1f} s, {cpu:.1f} s of cores, {cpu / first[0]:.2f}×"
        )


def plain_window(index: np.ndarray, residual: np.ndarray, sigma: np.ndarray, shape) -> float:
    """Return the largest squared Nσ of any rectangle of one labelling: numpy, a loop of sizes."""
    pull = np.bincount(index, residual, sigma.size) / sigma
    table = np.zeros((shape[0] + 1, shape[1] + 1))
    table[1:, 1:] = pull.reshape(shape).cumsum(0).cumsum(1)
    best = 0.0
    for i in range(1, shape[0] + 1):
        for j in range(1, shape[1] + 1):
            total = table[i:, j:] - table[:-i, j:] - table[i:, :-j] + table[:-i, :-j]
            best = max(best, float(np.max(total**2)) / (i * j))
    return best


def test_beside_the_plain_loop():
    n, relabellings = 20_000, 255
    pair = coins(n, 4)
    _, cpu, found = timed(pair, regions_of(), tests=["window"], n=relabellings)
    labellings = Labellings.of(pair.pool, pair.symmetry, relabellings, 1)
    residual = labellings.of_chunk(0)[0][:, 0]
    numbers = [i for i, e in enumerate(found.entries) if len(e.observables) == 2]
    chosen = numbers[:: len(numbers) // 40]
    plain = 0.0
    for number in chosen:
        entry, place = found.entries[number], found.place(number)
        where = found.regions[entry.region].where
        part = pair if where is None else pair.where(where)
        inside = np.flatnonzero(_holds(pair, where))
        index = [
            np.clip(np.searchsorted(edges[1:-1], pair.pool.column(name)[inside], side="right"),
                    0, edges.size - 2)
            for name, edges in zip(entry.observables, place.edges, strict=True)
        ]  # fmt: skip
        shape = place.pull.shape
        flat = np.ravel_multi_index(tuple(index), shape)
        sigma = np.sqrt(np.bincount(flat, minlength=place.pull.size) / 4)
        assert len(part.pool) == inside.size
        clock = time.process_time()
        best = plain_window(flat, residual[inside], sigma, shape)
        plain += time.process_time() - clock
        assert best == pytest.approx(entry.statistic, rel=1e-5)
    whole = plain / len(chosen) * len(numbers) * (relabellings + 1)
    print(
        f"\n{len(numbers):,} planes of {n:,} events, {found.windows:,} windows, {relabellings} "
        f"relabellings: {cpu:.1f} s of cores with all observables; the plain loop of planes alone "
        f"{whole:.0f} s ({whole / cpu:.0f}×), extrapolated from {len(chosen)} planes"
    )


def _holds(pair: Pair, where: str | None) -> np.ndarray:
    if where is None:
        return np.ones(len(pair.pool), dtype=bool)
    return Expression(where).condition(pair.pool.columns)


MANY = """
import json, resource, sys, time
from tests.benchmarks.bench_scan import coins, regions_of, timed
from eμsym import scan

n = int(sys.argv[1])
scan(coins(500), [], n=19, workers=1)
pair = coins(n, 6)
wall, cpu, found = timed(pair, regions_of(), n=1000)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps({
    "events": n, "regions": len(found.regions), "entries": len(found.entries),
    "windows": found.windows, "relabellings": found.n, "seconds": round(wall, 1),
    "seconds_of_cores": round(cpu, 1), "peak_gb": round(peak, 2), "p_global": found.p_global,
}))
"""


def test_many_events_and_a_million_windows():
    events = os.environ.get("EMUSYM_SCAN_EVENTS", "200000")
    done = subprocess.run(
        [sys.executable, "-c", MANY, events], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["windows"] >= 1_000_000
    print(f"\n{done.stdout.strip()}")
