"""How fast the binned likelihood fits are, beside pyhf and MINUIT on the same data.

Run with ``pytest -o addopts="" -s tests/benchmarks/bench_q0.py``; one thread is
compared with one thread if OMP_NUM_THREADS=1.
"""

from time import perf_counter

import numpy as np
import pytest

from eμsym.binned.injection import injection_strength
from eμsym.binned.pyhf_export import pyhf_workspace
from eμsym.binned.q0 import q0, q0_toys
from eμsym.binned.q0_minuit import profile_fit
from eμsym.binned.toys import draw_toys

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")

X, Y = np.indices((28, 28))
TEMPLATE = 25 + 2000 * np.exp(-((X - 10) ** 2 + (Y - 8) ** 2) / 60)
SIGNAL = np.exp(-((X - 17) ** 2 + (Y - 12) ** 2) / 8)
N_TOYS = 20_000


@pytest.fixture(scope="module")
def toys():
    mu = injection_strength(TEMPLATE, SIGNAL, 5, background="known")
    return draw_toys(TEMPLATE, SIGNAL, mu, N_TOYS, rng=1)


def seconds(function, *arguments, **options):
    start = perf_counter()
    result = function(*arguments, **options)
    return perf_counter() - start, result


def test_toys_of_the_plane(benchmark):
    benchmark.pedantic(draw_toys, (TEMPLATE, SIGNAL, 200, N_TOYS), {"rng": 1}, rounds=1)


@pytest.mark.parametrize("background", ["known", "profiled"])
def test_twenty_thousand_fits(benchmark, toys, background):
    reference = TEMPLATE if background == "known" else toys.a
    arguments = (toys.b_signal, reference, SIGNAL)
    benchmark.pedantic(q0_toys, arguments, {"background": background}, rounds=2)


def test_one_fit(benchmark, toys):
    benchmark(q0, toys.b_signal[0], toys.a[0], SIGNAL, background="profiled")


@pytest.mark.parametrize("profile", ["mu", "bins"])
def test_one_fit_by_minuit(benchmark, toys, profile):
    options = {"background": "profiled", "profile": profile, "scan_size": 0, "minos": False}
    benchmark.pedantic(profile_fit, (toys.b_signal[0], toys.a[0], SIGNAL), options, rounds=2)


@pytest.mark.parametrize("optimizer", ["scipy", "minuit"])
def test_ratio_to_pyhf(benchmark, toys, optimizer, capsys):
    """Both do the two fits of a q0, at μ = 0 and free, on the 28×28 plane."""
    pyhf = pytest.importorskip("pyhf")
    pyhf.set_backend("numpy", optimizer)
    b, a = toys.b_signal[0], toys.a[0]
    workspace = pyhf.Workspace(pyhf_workspace(b, a, SIGNAL))
    model = workspace.model()
    data = workspace.data(model)

    def pyhf_q0():
        best, free = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
        _, at_zero = pyhf.infer.mle.fixed_poi_fit(0.0, data, model, return_fitted_val=True)
        unit = sum(workspace["channels"][1]["samples"][1]["data"])
        return float(at_zero - free), unit * float(best[model.config.poi_index])

    theirs, (value, mu) = benchmark.pedantic(seconds, (pyhf_q0,), rounds=1)
    ours, result = seconds(q0_toys, toys.b_signal, toys.a, SIGNAL, background="profiled")
    each = ours / N_TOYS
    benchmark.extra_info["ratio"] = theirs / each
    with capsys.disabled():
        print(
            f"\npyhf ({optimizer}) {theirs:.1f} s a q0, q0_toys {ours:.2f} s for {N_TOYS} "
            f"({1e6 * each:.0f} μs each): ratio {theirs / each:.0f}; "
            f"q0 {value:.6f} and {result.q0[0]:.6f}, mu {mu:.3f} and {result.mu[0]:.3f}"
        )
    assert value == pytest.approx(result.q0[0], rel=0.01)
