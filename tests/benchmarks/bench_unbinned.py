"""Training nets: an epoch beside torch and the NPLM package, a whole toy, and how both scale.

Run with ``pytest -o addopts="" -s tests/benchmarks/bench_unbinned.py``. Ratios are
of times taken in one run; on a busy machine take the best of several.
``EMUSYM_NPLM_PYTHON`` may name a Python that has the NPLM package and tensorflow
(with ``tf_keras`` and ``TF_USE_LEGACY_KERAS=1`` it runs on the Keras 2 it was
written for); without it the comparison with NPLM is left out.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import time
from importlib.util import find_spec

import numpy as np
import pytest

from eμsym.engines.cpu import Data, Loop
from eμsym.engines.interface import Training, glorot_uniform
from eμsym.unbinned.distinct import Distinct
from eμsym.unbinned.likelihood_ratio import joined_samples
from eμsym.unbinned.nplm import nplm_problem
from eμsym.unbinned.symmetrized import SymmetrizedTest, symmetrized_problems

LAYERS = (1, 4, 1)

#: One epoch as the NPLM package trains: its net and its loss, Keras' full batch.
NPLM_EPOCHS = """
import sys, time
import numpy as np
import tensorflow as tf
from NPLM.NNutils import imperfect_loss, imperfect_model
n, epochs = int(sys.argv[1]), int(sys.argv[2])
tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[3]))
tf.config.threading.set_inter_op_parallelism_threads(1)
# Its monitoring no longer works with recent Keras; without it an epoch is only faster.
imperfect_model.add_metric = lambda *arguments, **options: None
rng = np.random.default_rng(0)
x = rng.exponential(size=(2 * n, 1)).astype("float32")
y = np.stack([np.repeat([1.0, 0.0], n), np.ones(2 * n)], axis=1).astype("float32")
empty = np.array([])
net = imperfect_model((None, 1), empty, empty, empty, empty, 0, 0, 0, 1,
                      BSMarchitecture=[1, 4, 1], BSMweight_clipping=9.0, train_nu=False)
net.compile(loss=imperfect_loss, optimizer="adam")
net.fit(x, y, epochs=2, batch_size=2 * n, verbose=0)
start = time.perf_counter()
net.fit(x, y, epochs=epochs, batch_size=2 * n, verbose=0)
print("seconds", (time.perf_counter() - start) / epochs)
"""


def samples(n: int, seed: int = 0, signal: int = 0) -> Distinct:
    rng = np.random.default_rng(seed)
    a = np.r_[rng.exponential(size=n), rng.normal(1.6, 0.16, signal)]
    return joined_samples(a, rng.exponential(size=n))


def seconds_an_epoch(data: Data, hidden: int, epochs: int, repeats: int = 5) -> float:
    """Return the time of an epoch on one core, the best of a few."""
    layers = (data.x.shape[1], hidden, 1)
    theta = glorot_uniform(layers, np.random.default_rng(1))
    loop = Loop(layers, Training(hidden=(hidden,)), theta)
    loop.run_to(1, data)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        loop.run_to(loop.epoch + epochs, data)
        times.append((time.perf_counter() - start) / epochs)
    return min(times)


def torch_epoch(n: int, epochs: int) -> float:
    import torch

    from eμsym.engines.torch_adam import train_batch

    torch.set_num_threads(1)
    problem = symmetrized_problems(samples(n))[0]
    theta = glorot_uniform(LAYERS, np.random.default_rng(1))
    training = Training(epochs=epochs)
    start = time.perf_counter()
    train_batch([problem], [theta], dataclasses.replace(training, epochs=1), torch.device("cpu"))
    middle = time.perf_counter()
    train_batch([problem], [theta], training, torch.device("cpu"))
    # What is not an epoch (copies, the final losses) both have.
    return (time.perf_counter() - middle - (middle - start)) / (epochs - 1)


def nplm_epoch(n: int, epochs: int, threads: int = 1) -> float | None:
    python = os.environ.get("EMUSYM_NPLM_PYTHON")
    if not python:
        return None
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    answer = subprocess.run(
        [python, "-c", NPLM_EPOCHS, str(n), str(epochs), str(threads)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if answer.returncode:
        print(answer.stderr[-2000:])
        return None
    return float(answer.stdout.split("seconds")[-1])


def test_an_epoch_and_a_toy_beside_others():
    n = 220_000
    problem = symmetrized_problems(samples(n))[0]
    ours = seconds_an_epoch(Data(problem), 4, 20)
    events = problem.x.shape[1]
    print(
        f"\ncpu engine, {events} events: {ours * 1e3:.2f} ms an epoch, "
        f"{ours / events * 1e9:.1f} ns an event, one core"
    )
    reference = nplm_problem(samples(n), n)
    on_reference = seconds_an_epoch(Data(reference), 4, 20)
    print(f"cpu engine, loss of NPLM, same events: {on_reference * 1e3:.2f} ms an epoch")
    if find_spec("torch"):
        eager = torch_epoch(n, 8)
        print(
            f"torch eager, float64, one thread: {eager * 1e3:.0f} ms an epoch, "
            f"{eager / ours:.0f} times the cpu engine's"
        )
    else:
        print("torch: not installed, not measured")

    a, b = np.random.default_rng(1).exponential(size=(2, 110_000))
    SymmetrizedTest(epochs=10)(a, b, rng=1)
    rng = np.random.default_rng(2)
    toys = {"null": a, "S3, 650 events": np.r_[a, rng.normal(1.6, 0.16, 650)]}
    seconds = []
    for name, sample in toys.items():
        start, cpu = time.perf_counter(), time.process_time()
        result = SymmetrizedTest.paper()(sample, b, rng=1)
        seconds.append(time.process_time() - cpu)
        print(
            f"a toy, {name}: t = {result.t:.2f} after 2 × 5·10⁵ epochs, "
            f"{time.perf_counter() - start:.2f} s ({seconds[-1]:.2f} s of one core), "
            f"nodes {result.n_nodes}, accuracy {result.accuracy:.4f}"
        )

    theirs = nplm_epoch(n, 10)
    if theirs is None:
        print("NPLM package: not measured (EMUSYM_NPLM_PYTHON is not set, or it failed)")
        return
    half = nplm_epoch(n // 2, 10)
    print(
        f"NPLM package, one thread: {theirs * 1e3:.0f} ms an epoch, "
        f"{theirs / on_reference:.0f} times the cpu engine's"
    )
    if half is not None:
        print(
            f"a toy at 2·1.1·10⁵ events by the NPLM package, 10⁶ epochs of {half * 1e3:.0f} ms: "
            f"{half * 1e6 / 3600:.1f} h, {half * 1e6 / seconds[0]:.0f} times ours"
        )


def test_scaling_with_events_and_neurons():
    print("\n   events  neurons  dimensions  ns an event and epoch")
    for n, hidden, d in [
        *((n, 4, 1) for n in (64, 128, 256, 1000, 10_000, 100_000, 1_000_000)),
        *((100_000, hidden, 1) for hidden in (1, 2, 8, 16, 64)),
        *((100_000, 4, d) for d in (2, 5, 10)),
    ]:
        rng = np.random.default_rng(0)
        pool = rng.exponential(size=(n, d))
        problem = symmetrized_problems(joined_samples(pool[: n // 2], pool[n // 2 :]))[0]
        epochs = max(3, 2_000_000 // (n * (hidden + 1)))
        seconds = seconds_an_epoch(Data(problem), hidden, epochs, 3)
        print(f"{n:9d}  {hidden:7d}  {d:10d}  {seconds / n * 1e9:8.2f}")


@pytest.mark.parametrize("engine", ["cpu", "nodes"])
def test_scaling_with_threads(engine):
    epochs = {"cpu": 300, "nodes": 100_000}[engine]
    a, b = np.random.default_rng(1).exponential(size=(2, 110_000))
    seconds = {}
    for threads in (1, 2):
        test = SymmetrizedTest(epochs=epochs, engine=engine, threads=threads)
        start = time.perf_counter()
        test(a, b, rng=1)
        seconds[threads] = time.perf_counter() - start
    print(
        f"\n{engine}: 1 thread {seconds[1]:.2f} s, 2 threads {seconds[2]:.2f} s, "
        f"ratio {seconds[1] / seconds[2]:.2f} on {os.cpu_count()} cores"
    )


def test_whole_toy(benchmark):
    a, b = np.random.default_rng(1).exponential(size=(2, 110_000))
    test = SymmetrizedTest(epochs=50_000)
    benchmark(test, a, b, rng=1)
