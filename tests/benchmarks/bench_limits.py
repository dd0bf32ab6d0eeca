"""How fast limits are, beside pyhf on the same likelihoods in the same run.

Run with ``pytest -o addopts="" -s tests/benchmarks/bench_limits.py``; one thread is
compared with one thread if OMP_NUM_THREADS=1. Seconds are of CPU where it says so, which other
processes change less than those of the clock.
"""

import os
from time import perf_counter, process_time

import numpy as np
import pytest
from hist import Hist
from hist.axis import Regular

from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.binned.q0_of_pair import Q0Test
from eμsym.limits.of_pair import pair_limit
from eμsym.limits.toys import KINDS, toy_scan
from eμsym.limits.upper_limit import signal_region, upper_limit
from eμsym.pair import Pair

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")


def counts(n_bins, seed=1):
    rng = np.random.default_rng(seed)
    t, s = rng.uniform(20, 200, n_bins), rng.random(n_bins) ** 3
    return rng.poisson(t), rng.poisson(t), s


def seconds(function, *arguments, **options):
    """Seconds of CPU, and what the function returns."""
    start = process_time()
    result = function(*arguments, **options)
    return process_time() - start, result


def told(capsys, what):
    with capsys.disabled():
        print(f"\n{what} (load {os.getloadavg()[0]:.1f})")


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
    told(
        capsys,
        f"{n_bins} bins: pyhf {theirs:.2f} s, upper_limit {1e3 * ours:.1f} ms of CPU: ratio "
        f"{theirs / ours:.0f}; largest difference {worst:.1e}",
    )
    assert worst < 1e-3


@pytest.mark.parametrize("normalisations", [None, {"luminosity": 0.02}])
def test_the_plane(benchmark, normalisations, capsys):
    b, a, s = counts(784)
    benchmark(upper_limit, b, a, s, normalisations=normalisations)
    runs = [seconds(upper_limit, b, a, s, normalisations=normalisations)[0] for _ in range(10)]
    told(
        capsys,
        f"28 × 28 with bands, {normalisations or 'nothing uncertain'}: {1e3 * min(runs):.0f} ms "
        f"of CPU at best, {1e3 * float(np.median(runs)):.0f} ms median",
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("normalisations", [None, {"luminosity": 0.02}])
def test_ten_thousand_toys_at_twenty_strengths(benchmark, kind, normalisations, capsys):
    b, a, s = counts(14)
    region = signal_region("", b, a, s, normalisations=normalisations)
    strengths = np.linspace(5, 100, 20)
    start = perf_counter()
    benchmark.pedantic(
        toy_scan,
        ([region], strengths),
        {"kind": kind, "n": 10_000, "rng": 1, "workers": 2},
        rounds=1,
    )
    wall = perf_counter() - start
    cpu, _ = seconds(toy_scan, [region], strengths, kind=kind, n=1000, rng=1, workers=1)
    told(
        capsys,
        f"10,000 {kind} toys at 20 strengths, {normalisations or 'nothing uncertain'}: "
        f"{wall:.0f} s of the clock by two workers; 1,000 by one {cpu:.1f} s of CPU",
    )


def test_two_million_events_once(capsys):
    """A self-calibrated pair of two million events, its limit from columns to bands."""
    rng = np.random.default_rng(1)
    n = 1_000_000
    plane = (Regular(28, 30, 170, name="m_coll"), Regular(28, 10, 150, name="lead_pt"))

    def sample():
        lead = 15 + rng.exponential(25, n)
        return {
            "lead_pt": lead,
            "sub_pt": 15 + rng.random(n) * (lead - 15),
            "lead_eta": rng.uniform(-2.3, 2.3, n),
            "sub_eta": rng.uniform(-2.3, 2.3, n),
            "m_coll": rng.gamma(8, 12, n),
        }

    signal = Hist(*plane, storage="weight").fill(
        rng.normal(120, 12, 20_000), rng.gamma(9, 6, 20_000)
    )
    test = Q0Test(signal, plane)
    start = perf_counter()
    pair = Pair.from_columns(sample(), sample())
    made, found = seconds(lambda: pair.equalised())
    limit, _ = seconds(pair_limit, test, found)
    told(
        capsys,
        f"2 000 000 events: calibrated in {made:.1f} s, limit in {limit:.1f} s of CPU; all in "
        f"{perf_counter() - start:.0f} s of the clock",
    )
