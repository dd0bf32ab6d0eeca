"""No result depends on how many threads BLAS, torch or numba may use, nor on workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_imports import imported, modules

ROOT = Path(__file__).parents[1]
THREADS = ("OPENBLAS", "OMP", "MKL", "NUMBA", "BLIS")

#: Large enough that BLAS would share every sum over the events among its threads.
EVERY_TEST = """
import json
import awkward as ak
import numpy as np
import eμsym
from eμsym.testing import OnColumns
from eμsym.unbinned.against_reference import ReferenceTest

g = np.random.default_rng(1)
a, b = g.normal(size=(6000, 3)), g.normal(0.02, 1.0, size=(6000, 3))

def columns(n):
    pt = np.sort(g.exponential(30, size=(2, n)) + 15, axis=0)
    eta = g.uniform(-2.3, 2.3, size=(2, n))
    return {
        "lead_pt": pt[1], "sub_pt": pt[0], "lead_eta": eta[0], "sub_eta": eta[1],
        "m_coll": g.normal(90, 20, n), "met": g.exponential(30, n),
        "weight": g.uniform(0.5, 1.5, n),
    }

counted, others = columns(9000), columns(8000)
raw = eμsym.Pair.from_columns(counted, others)
unweighted = [{k: v for k, v in each.items() if k != "weight"} for each in (counted, others)]
pair = raw.equalised()
m_coll = [__import__("hist").axis.Regular(28, 30, 170, name="m_coll")]
plane = [*m_coll, __import__("hist").axis.Regular(28, 10, 150, name="lead_pt")]
shape = np.ones((28, 28)) / 784
big = np.arange(784.0).reshape(28, 28) + 50

results = {
    "spline": eμsym.SplineTest()(a[:, 0], b[:, 0]),
    "spline of 60": eμsym.SplineTest(60)(a[:, 0], b[:, 0]),
    "spline, weighted": OnColumns(eμsym.SplineTest(), "m_coll", scale=0.01)(pair),
    "scan": eμsym.SplineScan()(a[:, 0], b[:, 0]),
    "symmetrized": eμsym.SymmetrizedTest(epochs=200)(a[:, :1], b[:, :1], rng=1),
    "symmetrized, torch": eμsym.SymmetrizedTest(epochs=30, engine="reference")(a, b, rng=1),
    "nplm": eμsym.NPLMTest(epochs=200)(a[:, :1], b[:, :1], rng=1),
    "reference": ReferenceTest(reference=b[:, :1], epochs=200)(a[:, :1], b[:, :1], rng=1),
    "cross entropy": eμsym.CrossEntropyTest(epochs=200)(a[:, :1], b[:, :1], rng=1),
    "classifier": eμsym.ClassifierTest(epochs=1, bootstraps=3)(a, b, rng=1),
    "nsigma": pair.nsigma(*plane),
    "window": eμsym.WindowTest(plane)(pair),
    "q0": eμsym.q0(big + 20 * shape, big, shape * 784, background="profiled"),
    "q0 test": eμsym.Q0Test(shape, plane)(eμsym.Pair.from_columns(*unweighted).equalised()),
    "quality": eμsym.fit_quality(pair, n=9, rng=1),
    "calibration": pair.symmetry,
}
null = eμsym.null(eμsym.NSigmaTest(plane), pair, 50, rng=1)
print(json.dumps({**{name: each.to_dict() for name, each in results.items()},
                  "null": np.asarray(null.samples).tolist()}, default=repr))
"""


def with_threads(n: int, *command: str) -> str:
    """Run Python in a process of its own with so many threads; return what it prints."""
    environment = {**os.environ, **{f"{name}_NUM_THREADS": str(n) for name in THREADS}}
    done = subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_test_gives_the_same_bits() -> None:
    one, two = (json.loads(with_threads(n, "-c", EVERY_TEST)) for n in (1, 2))
    assert one.keys() == two.keys()
    for name in one:
        assert one[name] == two[name], name


#: A product that two threads do share in other last bits, as the one above would.
SHARED = """
import hashlib
import numpy as np
{first}
x = np.random.default_rng(1).random((5000, 100))
print(hashlib.sha256((x.T @ x).tobytes()).hexdigest())
"""


def test_a_product_that_threads_would_share_has_the_same_bits() -> None:
    one, two = (with_threads(n, "-c", SHARED.format(first="import eμsym.pool")) for n in (1, 2))
    assert one == two


def test_the_number_of_threads_would_matter() -> None:
    one, two = (with_threads(n, "-c", SHARED.format(first="")) for n in (1, 2))
    assert (one != two) == (len(os.sched_getaffinity(0)) > 1)


def test_whatever_computes_imports_what_holds_blas_to_one_thread() -> None:
    known = modules()
    graph = {name: set(imported(path, name, known)) for name, path in known.items()}
    computing = [
        name
        for name, path in known.items()
        if name != "eμsym.one_thread"
        and any(x in path.read_text(encoding="utf-8") for x in (" @ ", "linalg.", "np.dot"))
    ]
    assert len(computing) > 15

    def reached(name: str) -> set[str]:
        seen, waiting = set(), [name]
        while waiting:
            if (each := waiting.pop()) not in seen:
                seen.add(each)
                waiting += graph.get(each, ())
        return seen

    assert [name for name in computing if "eμsym.arrays" not in reached(name)] == []


@pytest.mark.parametrize(
    "command",
    [
        ["process"],
        pytest.param(["run", "--permutations", "4", "-i"], marks=pytest.mark.slow),
    ],
)
def test_a_command_gives_the_same_bytes_with_other_threads_and_workers(
    tmp_path: Path, sample: Path, command: list[str]
) -> None:
    made = {}
    for threads in (1, 2):
        out = tmp_path / f"out-{threads}"
        options = ["-o", str(out), "--workers", str(threads), "--chunksize", "1000"]
        code = "import sys; from eμsym.cli import main; main(sys.argv[1:])"
        with_threads(threads, "-c", code, *command, str(sample / "ttbar.root"), *options)
        made[threads] = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*")}
    assert made[1].keys() == made[2].keys()
    for name, content in made[1].items():
        assert content == made[2][name], name


STUDY = """
import sys
from eμsym.studies import Study, StudyTest, ToyRow, run_study
from eμsym.unbinned.spline import SplineTest

tests = StudyTest("spline", SplineTest(13)), StudyTest("many", SplineTest(60))
study = Study("bits", 7, tests, (ToyRow("null", 12, 5500, 5500),))
run_study(study, sys.argv[1], workers=int(sys.argv[2]))
"""


def test_a_study_gives_the_same_bytes_with_other_threads_and_workers(tmp_path: Path) -> None:
    made = []
    for threads, workers in ((1, 1), (2, 1), (2, 2)):
        store = tmp_path / f"{threads}-{workers}"
        with_threads(threads, "-c", STUDY, str(store), str(workers))
        made.append((store / "toys.parquet").read_bytes())
    assert made[0] == made[1] == made[2]
