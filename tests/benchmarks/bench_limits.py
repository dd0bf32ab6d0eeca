"""How fast limits are, beside pyhf on the same likelihoods in the same run.

Run with ``pytest -o addopts="" -s tests/benchmarks/bench_limits.py``; one thread is
compared with one thread if OMP_NUM_THREADS=1.
"""

from time import perf_counter

import numpy as np
import pytest

from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.limits.toys import KINDS, toy_scan
from eμsym.limits.upper_limit import signal_region, upper_limit

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")


def counts(n_bins, seed=1):
    rng = np.random.default_rng(seed)
    t, s = rng.uniform(20, 200, n_bins), rng.random(n_bins) ** 3
    return rng.poisson(t), rng.poisson(t), s


def seconds(function, *arguments, **options):
    start = perf_counter()
    result = function(*arguments, **options)
    return perf_counter() - start, result


def pyhf_limit(b, a, s, events):
    """Observed and expected limits by pyhf's own search, in events."""
    import pyhf

    pyhf.set_backend("numpy", "minuit")
    opened = pyhf.Workspace(pyhf_workspace(b, a, s, signal_events=events, mu_bounds=(0.0, 20.0)))
    model = opened.model()
    observed, expected = pyhf.infer.intervals.upper_limits.upper_limit(
        opened.data(model), model, scan=None, level=0.05, rtol=1e-4
    )
    return float(observed) * events, [float(x) * events for x in expected]


@pytest.mark.parametrize("n_bins", [14])
def test_ratio_to_pyhf(benchmark, n_bins, capsys):
    pytest.importorskip("pyhf")
    b, a, s = counts(n_bins)
    upper_limit(b, a, s)
    ours, limit = benchmark.pedantic(seconds, (upper_limit, b, a, s), rounds=5)
    ours = min(seconds(upper_limit, b, a, s)[0] for _ in range(10))
    theirs, (observed, expected) = seconds(pyhf_limit, b, a, s, limit.median)
    worst = max(
        abs(x / y - 1)
        for x, y in zip((observed, *expected), (limit.observed, *limit.expected), strict=True)
    )
    with capsys.disabled():
        print(
            f"\n{n_bins} bins: pyhf {theirs:.2f} s, upper_limit {1e3 * ours:.1f} ms: ratio "
            f"{theirs / ours:.0f}; largest difference {worst:.1e}"
        )
    assert worst < 1e-3


@pytest.mark.parametrize("normalisations", [None, {"luminosity": 0.02}])
def test_the_plane(benchmark, normalisations):
    b, a, s = counts(784)
    benchmark(upper_limit, b, a, s, normalisations=normalisations)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("normalisations", [None, {"luminosity": 0.02}])
def test_ten_thousand_toys_at_twenty_strengths(benchmark, kind, normalisations):
    b, a, s = counts(14)
    region = signal_region("", b, a, s, normalisations=normalisations)
    benchmark.pedantic(
        toy_scan,
        ([region], np.linspace(5, 100, 20)),
        {"kind": kind, "n": 10_000, "rng": 1, "workers": 2},
        rounds=1,
    )


def test_counts_of_two_million_events(benchmark):
    rng = np.random.default_rng(1)
    t, s = np.full(784, 1e6 / 784), rng.random(784)
    benchmark(upper_limit, rng.poisson(t), rng.poisson(t), s)
