"""Milliseconds of a spline test, beside scipy's general minimiser, and of a null of permutations.

Run with: make bench
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import BSpline
from scipy.optimize import minimize

from eμsym.arrays import FloatArray
from eμsym.nulls import permutation_null
from eμsym.pair import Pair
from eμsym.sources import pair_columns
from eμsym.toy_model import ToyModel
from eμsym.unbinned.spline import SplineResult, SplineTest


def seconds(work: Callable[[], Any], repeat: int) -> float:
    """The fastest of several runs, after one that is not counted."""
    work()
    best = np.inf
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return float(best)


def plain(a: FloatArray, b: FloatArray, result: SplineResult) -> float:
    """t with a sparse design matrix of all events and scipy's L-BFGS-B: the plain way."""
    knots = result.f.knots
    padded = np.concatenate([[knots[0]] * 3, knots, [knots[-1]] * 3])
    x = np.concatenate([a, b])
    phi = BSpline.design_matrix(x, padded, 3)
    in_a = np.arange(x.size) < a.size
    t = 0.0
    for mine in (in_a, ~in_a):
        share, score = mine.mean(), phi.T @ mine

        def loss(theta: FloatArray, share: Any = share, score: Any = score) -> Any:
            ratio = np.exp(phi @ theta)
            value = share * (ratio.sum() - x.size) - score @ theta
            return value, share * (phi.T @ ratio) - score

        options = {"maxiter": 2000, "maxfun": 4000, "ftol": 1e-15, "gtol": 1e-4}
        fit = minimize(loss, np.zeros(score.size), jac=True, method="L-BFGS-B", options=options)
        t -= 2 * fit.fun
    return t


def arrays(pair: Pair) -> tuple[FloatArray, FloatArray]:
    return pair_columns(pair)[:2]


@pytest.mark.parametrize("n", [5500, 55_000, 550_000])
def test_one_pair(n: int) -> None:
    a, b = arrays(ToyModel(n, n).draw(1))
    repeat = max(2, 500_000 // n)
    print()
    for k in (8, 13, 24, 40):
        test = SplineTest(k)
        result = test(a, b)
        ours = seconds(lambda test=test: test(a, b), min(repeat, 30))
        start = time.perf_counter()
        t = plain(a, b, result)
        theirs = time.perf_counter() - start
        print(
            f"2 x {n:7,d} events, K = {k:2d}: {1e3 * ours:7.1f} ms; scipy's L-BFGS-B "
            f"{1e3 * theirs:8.1f} ms, {theirs / ours:5.1f} x; t {result.t:.4f} and {t:.4f}"
        )


@pytest.mark.parametrize("n", [5500, 55_000])
def test_a_null(n: int) -> None:
    pair = ToyModel(n, n).draw(1)
    start = time.perf_counter()
    permutation_null(SplineTest(), pair, 1000, rng=1, workers=2)
    shared = time.perf_counter() - start
    start = time.perf_counter()
    permutation_null(SplineTest(), pair, 100, rng=1, workers=1)
    alone = 10 * (time.perf_counter() - start)
    print(
        f"\n1,000 permutations of 2 x {n:,d} events, K = 13: {shared:.1f} s on two cores, "
        f"{alone:.1f} s on one, {alone / shared:.2f} x"
    )
