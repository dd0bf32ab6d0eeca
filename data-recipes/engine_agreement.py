"""How far the nodes engine is from a training on all events, in the paper's preset.

Writes ``results/engine-agreement.json``: run ``python -m eμsym.recipes.engine_agreement``
(about an hour of one core). Every toy is trained from the same initial weights

- on quadrature nodes, as by default;
- on ten times as many nodes;
- on as many, from initial weights moved by a part in 10¹²: where t changes by that, no
  engine can reproduce it;
- the first toy of two models, on all events.
"""

from __future__ import annotations

import importlib.metadata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.counts import FloatArray
from eμsym.engines.cpu import CpuEngine
from eμsym.engines.interface import Engine, Problem, Training, glorot_uniform, layer_sizes
from eμsym.engines.nodes import NodesEngine
from eμsym.files import write_json
from eμsym.likelihood_ratio import joined_samples
from eμsym.recipes.spline_power import SEED, strength
from eμsym.sources import ToyModel
from eμsym.symmetrized import symmetrized_problems

SCHEMA = "emusym/engine-agreement"
VERSION = 1
RESULTS = Path(__file__).parent / "results" / "engine-agreement.json"

N = 110_000
N_TOYS = 8
SIGNALS = (None, "S1", "S2", "S3")
#: Models whose first toy is also trained on all events, a quarter of an hour each.
ON_ALL_EVENTS = (None, "S3")

DEFAULT = Training()
FINE = Training(cells=10 * DEFAULT.cells, tolerance=1e-5)
MOVED = 1e-12


def compute_toy(
    signal: str | None, n_signal: float, number: int, *, everything: bool
) -> dict[str, Any]:
    """Return t of one toy by each training, and the nodes engine's own certificate."""
    seed = np.random.SeedSequence(SEED, spawn_key=(SIGNALS.index(signal), number))
    for_pair, *for_nets = (np.random.default_rng(child) for child in seed.spawn(3))
    pair = ToyModel(N, N, signal, n_signal).draw(for_pair)
    problems = symmetrized_problems(joined_samples(pair.a.column("x"), pair.b.column("x")))
    starts = [glorot_uniform(layer_sizes(1, DEFAULT.hidden), rng) for rng in for_nets]
    moved = [start * (1 + MOVED) for start in starts]
    t, accuracy = statistic(NodesEngine(), problems, starts, DEFAULT)
    result = {
        "t_nodes": t,
        "accuracy": accuracy,
        "t_fine": statistic(NodesEngine(), problems, starts, FINE)[0],
        "t_fine_moved": statistic(NodesEngine(), problems, moved, FINE)[0],
    }
    if everything:
        result["t_all_events"] = statistic(CpuEngine(), problems, starts, DEFAULT)[0]
    return result


def statistic(
    engine: Engine, problems: tuple[Problem, ...], starts: list[FloatArray], training: Training
) -> tuple[float, float]:
    """Return t of the nets' fits, and the largest difference from all events that was seen."""
    fits = engine.train_many(problems, starts, training)
    return -2 * sum(fit.loss for fit in fits), sum(fit.accuracy for fit in fits)


def main() -> None:
    """Train every toy, two at a time, and write all of them."""
    jobs = []
    with ThreadPoolExecutor(2) as pool:
        for signal in SIGNALS:
            n_signal = 0.0 if signal is None else strength(signal, N, 6.0)
            for i in range(N_TOYS):
                everything = i == 0 and signal in ON_ALL_EVENTS
                job = pool.submit(compute_toy, signal, n_signal, i, everything=everything)
                jobs.append(({"signal": signal, "n_signal": n_signal, "toy": i}, job))
        toys = [key | job.result() for key, job in jobs]
    versions = {name: importlib.metadata.version(name) for name in ("emusym", "numba", "numpy")}
    settings = {"n_a": N, "n_b": N, "epochs": DEFAULT.epochs, "tolerance": DEFAULT.tolerance}
    content = {"schema": SCHEMA, "version": VERSION, "seed": SEED, "versions": versions}
    write_json(RESULTS, {**content, **settings, "toys": toys})


if __name__ == "__main__":
    main()
