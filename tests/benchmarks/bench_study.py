"""A study's time: a null of 2,000 toys on two cores, more workers, and what keeping toys costs.

Run with ``pytest -o addopts="" -s tests/benchmarks/bench_study.py``. Times are of the
wall; on a busy machine only the ratios taken side by side mean something.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from eμsym.running.toys import toy_statistics
from eμsym.studies import Study, StudyTest, ToyRow, run_study
from eμsym.testing import Test
from eμsym.toy_model import ToyModel
from eμsym.unbinned.spline import SplineTest
from eμsym.unbinned.symmetrized import SymmetrizedTest

TOYS = 2000


def seconds(test: Test, n: int, toys: int, folder: Path, **options: Any) -> float:
    """Return the time of a null as a study, from nothing to its table."""
    study = Study("null", 1, (StudyTest("t", test),), (ToyRow("null", toys, n, n),))
    start = time.perf_counter()
    assert run_study(study, folder, **options).complete
    return time.perf_counter() - start


def report(what: str, test: Test, n: int, toys: int, folder: Path) -> None:
    load = os.getloadavg()[0]
    print(f"\n{what}, {toys} toys of {n} + {n} events ({os.cpu_count()} cores, load {load:.1f})")
    start = time.perf_counter()
    toy_statistics(test, ToyModel(n, n), toys, rng=1, workers=1)
    bare = time.perf_counter() - start
    print(f"  bare loop, one core      {bare:7.1f} s")
    one = seconds(test, n, toys, folder / "one", workers=1)
    print(f"  study, one core          {one:7.1f} s  {one / bare - 1:+.1%} for keeping the toys")
    for workers in (2, 4):
        several = seconds(test, n, toys, folder / f"{workers}", workers=workers)
        print(
            f"  study, {workers} workers         {several:7.1f} s  {one / several:.2f} times faster"
        )
        if workers == 2 and toys < TOYS:
            minutes = several * TOYS / toys / 60
            print(f"    so {TOYS} toys take        {minutes:7.1f} min (extrapolated)")
    dask = seconds(test, n, toys, folder / "dask", dask="local", workers=2)
    print(f"  study, Dask, 2 workers   {dask:7.1f} s  {one / dask:.2f} times faster")


def test_spline_null(tmp_path: Path) -> None:
    report("spline test", SplineTest(), 5500, TOYS, tmp_path)


@pytest.mark.parametrize("n", [5_500, 110_000])
def test_network_null(tmp_path: Path, n: int) -> None:
    test = SymmetrizedTest.paper()
    toy_statistics(SymmetrizedTest(epochs=10), ToyModel(50, 50), 1, rng=1, workers=1)
    report("symmetrized network test, paper preset", test, n, 24, tmp_path)


def test_what_keeping_a_toy_costs(tmp_path: Path) -> None:
    """Small toys, so that there is little else."""
    test, toys = SplineTest(5), 1000
    start = time.perf_counter()
    toy_statistics(test, ToyModel(60, 60), toys, rng=1, workers=1)
    bare = time.perf_counter() - start
    kept = seconds(test, 60, toys, tmp_path / "store", workers=1)
    start = time.perf_counter()
    again = seconds(test, 60, toys, tmp_path / "store")
    print(
        f"\n{toys} toys of 120 events: bare loop {bare:.2f} s, kept {kept:.2f} s, "
        f"{(kept - bare) / toys * 1e6:.0f} µs a toy; opened again, nothing to do: {again:.2f} s"
    )
