"""How far the nodes engine is from a training on all events, in the paper's preset.

Writes ``results/engine-agreement.json``: run ``python -m eμsym.recipes.engine_agreement``
(about an hour of one core). What the file already holds is kept, so a run that was
stopped goes on. Every toy is trained from the same initial weights

- on quadrature nodes, as by default;
- on ten times as many nodes;
- on as many, from initial weights moved by a part in 10¹²: where t changes by that, no
  engine can reproduce it;
- the first toys of two models, on all events.
"""

from __future__ import annotations

import importlib.metadata
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.counts import FloatArray
from eμsym.engines.cpu import CpuEngine
from eμsym.engines.interface import Engine, Problem, Training, glorot_uniform, layer_sizes
from eμsym.engines.nodes import NodesEngine
from eμsym.files import read_json, write_json
from eμsym.likelihood_ratio import joined_samples
from eμsym.recipes.spline_power import SEED, strength
from eμsym.sources import ToyModel
from eμsym.symmetrized import symmetrized_problems

SCHEMA = "emusym/engine-agreement"
VERSION = 1
RESULTS = Path(__file__).parent / "results" / "engine-agreement.json"

N = 110_000
N_TOYS = 6
SIGNALS = (None, "S1", "S2", "S3")
#: Models whose first toy is also trained on all events, a quarter of an hour each.
ON_ALL_EVENTS = (None, "S3")

DEFAULT = Training()
FINE = Training(cells=10 * DEFAULT.cells, tolerance=1e-5)
MOVED = 1e-12


def compute_toy(signal: str | None, number: int, *, on_all_events: bool) -> dict[str, Any]:
    """Return t of one toy by each training, and the nodes engine's own certificate."""
    n_signal = 0.0 if signal is None else strength(signal, N, 6.0)
    seed = np.random.SeedSequence(SEED, spawn_key=(SIGNALS.index(signal), number))
    for_pair, *for_nets = (np.random.default_rng(child) for child in seed.spawn(3))
    pair = ToyModel(N, N, signal, n_signal).draw(for_pair)
    problems = symmetrized_problems(joined_samples(pair.a.column("x"), pair.b.column("x")))
    starts = [glorot_uniform(layer_sizes(1, DEFAULT.hidden), rng) for rng in for_nets]
    if on_all_events:
        return {"t_all_events": statistic(CpuEngine(), problems, starts, DEFAULT)[0]}
    moved = [start * (1 + MOVED) for start in starts]
    t, accuracy = statistic(NodesEngine(), problems, starts, DEFAULT)
    return {
        "n_signal": n_signal,
        "t_nodes": t,
        "accuracy": accuracy,
        "t_fine": statistic(NodesEngine(), problems, starts, FINE)[0],
        "t_fine_moved": statistic(NodesEngine(), problems, moved, FINE)[0],
    }


def statistic(
    engine: Engine, problems: tuple[Problem, ...], starts: list[FloatArray], training: Training
) -> tuple[float, float]:
    """Return t of the nets' fits, and the largest difference from all events that was seen."""
    fits = engine.train_many(problems, starts, training)
    return -2 * sum(fit.loss for fit in fits), sum(fit.accuracy for fit in fits)


def main() -> None:
    """Train what the file lacks, two toys at a time, and write it after each."""
    versions = {name: importlib.metadata.version(name) for name in ("emusym", "numba", "numpy")}
    settings = {"n_a": N, "n_b": N, "epochs": DEFAULT.epochs, "tolerance": DEFAULT.tolerance}
    content = {"schema": SCHEMA, "version": VERSION, "seed": SEED, "versions": versions, **settings}
    stored = read_json(RESULTS, schema=SCHEMA)["toys"] if RESULTS.exists() else []
    toys = {(toy["signal"], toy["toy"]): toy for toy in stored}
    wanted = [(signal, i, False) for i in range(N_TOYS) for signal in SIGNALS]
    wanted += [(signal, 0, True) for signal in ON_ALL_EVENTS]
    with ThreadPoolExecutor(2) as pool:
        jobs = {
            pool.submit(compute_toy, signal, i, on_all_events=on_all_events): (signal, i)
            for signal, i, on_all_events in wanted
            if ("t_all_events" if on_all_events else "t_fine") not in toys.get((signal, i), {})
        }
        for job in as_completed(jobs):
            signal, i = jobs[job]
            toys.setdefault((signal, i), {"signal": signal, "toy": i}).update(job.result())
            in_order = sorted(toys.values(), key=lambda toy: (toy["signal"] or "", toy["toy"]))
            write_json(RESULTS, {**content, "toys": in_order})


if __name__ == "__main__":
    main()
