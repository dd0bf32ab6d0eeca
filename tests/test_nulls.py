"""Nulls: what a toy is, the same for any number of workers, uniform p-values, interrupts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
import pytest
from scipy.stats import chi2, kstest, norm

from eμsym.distributions import ChiSquared
from eμsym.errors import ConfigurationError, DataError
from eμsym.nulls import bootstrap_null, permutation_null, toy_null
from eμsym.pair import Pair
from eμsym.running import loop
from eμsym.running.toys import toy_statistics
from eμsym.sources import columns_pair
from eμsym.toy_model import ToyModel
from eμsym.unbinned.spline import SplineScan, SplineTest
from eμsym.unbinned.symmetrized import SymmetrizedTest

MODEL = ToyModel(60, 50)


@dataclass(frozen=True)
class Difference:
    """A test of means, with the weights and the randomness that it is given."""

    noise: float = 0.0
    releases_gil: bool = False

    def __call__(
        self, a: Any, b: Any, *, weights_a: Any = None, weights_b: Any = None, rng: Any = None
    ) -> float:
        noise = self.noise * np.random.default_rng(rng).normal()
        mean = np.average(a, weights=weights_a) - np.average(b, weights=weights_b)
        return float(abs(mean) + noise)


@pytest.mark.parametrize("threads", [False, True])
def test_workers_do_not_change_the_null(threads: bool) -> None:
    one = toy_null(Difference(noise=1), MODEL, 40, rng=3, workers=1)
    two = toy_null(Difference(noise=1), MODEL, 40, rng=3, workers=2, threads=threads)
    assert np.array_equal(one.samples, two.samples)
    more = toy_null(Difference(noise=1), MODEL, 55, rng=3)
    assert np.array_equal(more.samples[:40], one.samples)
    other = toy_null(Difference(noise=1), MODEL, 40, rng=4, workers=1)
    assert not np.array_equal(one.samples, other.samples)


def test_workers_take_over_from_a_slow_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default toys run here first, and go to all cores if they prove slow."""
    monkeypatch.setattr(loop, "ALONE_SECONDS", 0.0)
    shared = toy_null(Difference(noise=1, releases_gil=True), MODEL, 60, rng=3)
    alone = toy_null(Difference(noise=1), MODEL, 60, rng=3, workers=1)
    assert np.array_equal(shared.samples, alone.samples)


def test_toys_have_their_own_children() -> None:
    """Toy i draws with the first and tests with the second grandchild of the seed."""
    samples = toy_statistics(Difference(noise=1), MODEL, 3, rng=8)
    for i, child in enumerate(np.random.SeedSequence(8).spawn(3)):
        for_draw, for_test = child.spawn(2)
        pair = MODEL.draw(np.random.default_rng(for_draw))
        expected = Difference(noise=1)(
            pair.a.column("x"), pair.b.column("x"), rng=np.random.default_rng(for_test)
        )
        assert samples[i] == expected


def test_tests_of_pairs_and_of_columns() -> None:
    rng = np.random.default_rng(2)
    columns = [{"m": rng.normal(90, 9, n), "pt": rng.exponential(size=n)} for n in (40, 30)]
    pair = Pair.from_columns(*columns)

    def of_pair(pair: Pair, *, rng: Any = None) -> float:
        return Difference()(pair.a.column("m") / 100, pair.b.column("m") / 100)

    whole = permutation_null(of_pair, pair, 20, rng=1)
    one = permutation_null(Difference(), pair, 20, column="m", scale=1 / 100, rng=1)
    arrays = permutation_null(
        Difference(), (columns[0]["m"] / 100, columns[1]["m"] / 100), 20, rng=1
    )
    assert one.samples == pytest.approx(whole.samples)
    assert one.samples == pytest.approx(arrays.samples)

    def of_plane(a: Any, b: Any, *, rng: Any = None) -> float:
        assert a.shape == (40, 2)
        return float(np.abs(a.mean(axis=0) - b.mean(axis=0)).max())

    both = permutation_null(of_plane, pair, 20, column=("m", "pt"), rng=1)
    stacked = [np.stack([c["m"], c["pt"]], axis=1) for c in columns]
    assert np.array_equal(
        both.samples, permutation_null(of_plane, (stacked[0], stacked[1]), 20, rng=1).samples
    )


def test_weights_are_permuted_with_their_events() -> None:
    a, b = np.arange(10.0), np.arange(10.0, 25.0)

    def check(a: Any, b: Any, *, weights_a: Any, weights_b: Any, rng: Any) -> float:
        assert (a.size, b.size) == (10, 15)
        assert np.array_equal(weights_a, a + 1)
        assert np.array_equal(weights_b, b + 1)
        return float(a[0])

    for null in (
        permutation_null(check, (a, b, a + 1, b + 1), 30, rng=1),
        permutation_null(check, columns_pair(a, b, a + 1, b + 1), 30, column="x", rng=1),
    ):
        assert np.unique(null.samples).size > 5


#: Far from converged: permutations need only the same training of every pair.
NETWORK = SymmetrizedTest(epochs=500, learning_rate=0.01)


@pytest.mark.parametrize(
    "test, n, permutations",
    [
        (SplineTest(k=6), 40, 19),
        (SplineScan((5, 7)), 20, 19),
        (NETWORK, 30, 9),
        pytest.param(SplineTest(k=6), 300, 19, marks=pytest.mark.slow),
        pytest.param(SplineScan((5, 7)), 150, 19, marks=pytest.mark.slow),
        pytest.param(NETWORK, 300, 9, marks=pytest.mark.slow),
    ],
)
def test_permutation_pvalues_are_uniform(test: Any, n: int, permutations: int) -> None:
    """Symmetric pairs, small and of unequal sizes, where χ² is only rough."""
    pvalues = []
    for i in range(n):
        rng = np.random.default_rng([4, i])
        a, b = rng.exponential(size=60), rng.exponential(size=90)
        null = permutation_null(test, (a, b), permutations, rng=rng, workers=1)
        pvalue = null.pvalue(test(a, b, rng=rng).statistic)
        # p is one of 1/20, 2/20, ...: spread evenly over the step below it, it is uniform.
        pvalues.append(pvalue - rng.uniform() / (permutations + 1))
    assert kstest(pvalues, "uniform").pvalue > 0.01


@pytest.mark.parametrize(
    "toys, permutations, tolerance",
    [(11, 200, 0.5), pytest.param(41, 1000, 0.3, marks=pytest.mark.slow)],
)
def test_permutations_find_the_signal_of_the_paper(
    toys: int, permutations: int, tolerance: float
) -> None:
    """SYM Fig. 6, 160 S3 events at 5.5·10³: permutations see what χ² sees, about 2σ."""
    test = SplineTest()
    pairs = [
        ToyModel(5500, 5500, "S3", 160).draw(np.random.default_rng([3, i])) for i in range(toys)
    ]
    results = sorted(((test(pair), pair) for pair in pairs), key=lambda item: item[0].t)
    result, pair = results[toys // 2]
    null = permutation_null(test, pair, permutations, rng=1)
    assert null.z(result.t) == pytest.approx(result.z, abs=tolerance)
    assert 1.5 < null.z(result.t) < 2.6


def test_toys_of_the_model_follow_chi_squared() -> None:
    null = toy_null(SplineTest(k=6), ToyModel(2000, 1500), 300, rng=5)
    assert kstest(null.samples, chi2(5).cdf).pvalue > 0.01


def test_bootstrap() -> None:
    rng = np.random.default_rng(6)
    pool = {"m": 100 * rng.exponential(size=20_000), "other": np.zeros(20_000)}
    null = bootstrap_null(
        SplineTest(k=6), pool, 300, n_a=800, n_b=600, column="m", scale=1 / 100, rng=5
    )
    assert kstest(null.samples, chi2(5).cdf).pvalue > 0.01


def test_chi_squared() -> None:
    reference = ChiSquared(12)
    assert reference.pvalue(12.0) == pytest.approx(chi2(12).sf(12.0))
    assert reference.z(30.0) == pytest.approx(norm.isf(chi2.sf(30.0, 12)))
    assert reference.to_dict() == {"distribution": "chi2", "dof": 12}


def test_infinite_statistics_are_counted() -> None:
    def diverging(a: Any, b: Any, *, rng: Any) -> float:
        return np.inf if a.mean() > b.mean() else 1.0

    null = toy_null(diverging, MODEL, 50, rng=1)
    infinite = null.to_dict()["n_infinite"]
    assert 5 < infinite < 45
    assert null.pvalue(2.0) == (infinite + 1) / 51


@pytest.mark.parametrize("workers", [1, 2])
def test_failures_name_the_toy(workers: int) -> None:
    with pytest.raises(DataError, match=r"toy \d+: 50 spline functions need 50"):
        toy_null(SplineTest(k=50), ToyModel(10, 9), 4, workers=workers)
    with pytest.raises(DataError, match=r"toy \d+: its test statistic is NaN"):
        toy_null(not_a_number, MODEL, 4, workers=workers)
    with pytest.raises(ZeroDivisionError):  # a bug stays what it is
        toy_null(a_bug, MODEL, 4, workers=workers)


def not_a_number(a: Any, b: Any, *, rng: Any) -> float:
    return float("nan")


def a_bug(a: Any, b: Any, *, rng: Any) -> float:
    return 1 / 0


@pytest.mark.parametrize("n", [0, -1, 2.5, "10"])
def test_bad_numbers_of_toys(n: Any) -> None:
    with pytest.raises(ConfigurationError, match="toys: choose a whole number"):
        permutation_null(Difference(), ([1.0, 2.0], [3.0]), n)


def test_bad_requests() -> None:
    pair = columns_pair([1.0, 2.0], [3.0])
    with pytest.raises(ConfigurationError, match="0 workers"):
        toy_null(Difference(), MODEL, 3, workers=0)
    with pytest.raises(DataError, match="no column 'm'"):
        permutation_null(Difference(), pair, 3, column="m")
    with pytest.raises(ConfigurationError, match="name the column"):
        permutation_null(Difference(), pair, 3, scale=0.01)
    with pytest.raises(DataError, match=r"is \(a, b\) or"):
        permutation_null(Difference(), ([1.0], [2.0], [3.0]), 3)
    with pytest.raises(DataError, match="this pair has histograms only"):
        permutation_null(Difference(), Pair(None), 3, column="x")


def test_the_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    toy_null(Difference(), MODEL, 3)
    assert capsys.readouterr() == ("", "")  # no terminal, no bar
    toy_null(Difference(), MODEL, 3, progress=True)
    assert capsys.readouterr() == ("", "")  # nor for what is quickly done
    monkeypatch.setattr(loop, "BAR_AFTER_SECONDS", -1.0)
    toy_null(Difference(), MODEL, 3, progress=True)
    out, err = capsys.readouterr()
    assert not out
    assert "toys" in err


SLEEPER = """
import signal
import time
from eμsym.nulls import toy_null
from eμsym.toy_model import ToyModel

def sleeper(a, b, *, rng):
    time.sleep(0.2)
    return 1.0

# Ctrl-C works even if the tests run in the background, where it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
toy_null(sleeper, ToyModel(5, 5), 10_000, workers=2, threads={threads})
"""


@pytest.mark.parametrize("threads", [False, True])
def test_an_interrupt_stops_the_workers(threads: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER.format(threads=threads)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    parent = psutil.Process(process.pid)
    deadline = time.monotonic() + 60
    wanted = 0 if threads else 2
    while len(workers := parent.children(recursive=True)) < wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to all of them
    _, errors = process.communicate(timeout=20)
    assert process.returncode != 0
    assert errors.count("Traceback") == 1, errors
    assert errors.strip().endswith("KeyboardInterrupt")
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
