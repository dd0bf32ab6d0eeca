"""How far trainings on few and on many quadrature nodes are apart, in the paper's preset.

Writes ``results/engine-agreement.json``: run ``python -m eμsym.papers.engine_agreement``
(about two hours of one core). What the file already holds is kept, so a run that was
stopped goes on. Every toy is trained from the same initial weights

- on quadrature nodes, as by default;
- on nodes that are refined to a tenth of the default tolerance;
- on ten times as many nodes, refined to a thirtieth of it;
- on as many, from initial weights moved by a part in 10¹²: where t changes by that, no
  engine can reproduce it;
- on all events, without any nodes, the first toy of each kind (20 minutes each);
- these toys also as by default from eleven more initial weights, moved by 1 to 11 parts
  in 10¹².
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.engines.cpu import CpuEngine
from eμsym.engines.interface import Engine, Training, glorot_uniform, layer_sizes
from eμsym.engines.nodes import NodesEngine
from eμsym.files import read_json, write_json
from eμsym.papers.spline_power import SEED, strength
from eμsym.running.loop import run_tasks
from eμsym.toy_model import ToyModel
from eμsym.unbinned.likelihood_ratio import joined_samples
from eμsym.unbinned.symmetrized import symmetrized_problems
from eμsym.workers import cores

SCHEMA = "emusym/engine-agreement"
VERSION = 1
RESULTS = Path(__file__).parent / "results" / "engine-agreement.json"

N = 110_000
N_TOYS = 4
SIGNALS = (None, "S1", "S2", "S3")
DEFAULT = Training()
TIGHT = Training(tolerance=DEFAULT.tolerance / 10)
FINE = Training(cells=10 * DEFAULT.cells, tolerance=DEFAULT.tolerance / 30)
MOVED = 1e-12
#: Engine, training, and by what factor the initial weights differ.
TRAININGS: dict[str, tuple[Engine, Training, float]] = {
    "t_nodes": (NodesEngine(), DEFAULT, 1.0),
    "t_tight": (NodesEngine(), TIGHT, 1.0),
    "t_fine": (NodesEngine(), FINE, 1.0),
    "t_fine_moved": (NodesEngine(), FINE, 1.0 + MOVED),
}
#: The first toys only are trained on all events, and from weights moved step by step.
ALL_EVENTS, MOVED_NODES = "t_all_events", "t_nodes_moved"
N_FIRST, N_MOVED = 1, 11


def wanted() -> list[tuple[str | None, int, str]]:
    """Return the models, toys and trainings that are computed."""
    nodes = [(signal, i, name) for i in range(N_TOYS) for signal in SIGNALS for name in TRAININGS]
    names = (ALL_EVENTS, MOVED_NODES)
    first = [(signal, i, name) for i in range(N_FIRST) for signal in SIGNALS for name in names]
    return nodes + first


def compute(signal: str | None, number: int, name: str) -> float | list[float]:
    """Return t of one toy by the trainings of that name."""
    if name == MOVED_NODES:
        factors = [1.0 + (1 + step) * MOVED for step in range(N_MOVED)]
        return [train(signal, number, NodesEngine(), DEFAULT, factor) for factor in factors]
    if name == ALL_EVENTS:
        return train(signal, number, CpuEngine(), DEFAULT, 1.0)
    return train(signal, number, *TRAININGS[name])


def train(
    signal: str | None, number: int, engine: Engine, training: Training, factor: float
) -> float:
    """Return t of one toy by one training."""
    n_signal = 0.0 if signal is None else strength(signal, N, 6.0)
    seed = np.random.SeedSequence(SEED, spawn_key=(SIGNALS.index(signal), number))
    for_pair, *for_nets = (np.random.default_rng(child) for child in seed.spawn(3))
    pair = ToyModel(N, N, signal, n_signal).draw(for_pair)
    problems = symmetrized_problems(joined_samples(pair.a.column("x"), pair.b.column("x")))
    layers = layer_sizes(1, training.hidden)
    starts = [factor * glorot_uniform(layers, rng) for rng in for_nets]
    fits = engine.train_many(problems, starts, training)
    return -2 * sum(fit.loss for fit in fits)


def table(toys: list[dict[str, Any]]) -> list[str]:
    """Return how far t is from the one of the finest nodes, as lines of Markdown."""
    fine = np.array([toy["t_fine"] for toy in toys])
    lines = ["| training | median difference of t | largest | within 0.01 |", "|---|---|---|---|"]
    for name, what in {
        "t_nodes": "nodes engine, tolerance 0.01 (default)",
        "t_tight": "nodes engine, tolerance 0.001",
        "t_fine_moved": "finest nodes, initial weights moved by 10⁻¹²",
    }.items():
        apart = np.abs(np.array([toy[name] for toy in toys]) - fine)
        within = int(np.count_nonzero(apart <= 0.01))
        lines.append(
            f"| {what} | {np.median(apart):.4f} | {apart.max():.3f} | {within} of {apart.size} |"
        )
    return lines


def table_of_all_events(toys: list[dict[str, Any]]) -> list[str]:
    """Return t of trainings on all events beside those on nodes, as lines of Markdown."""
    lines = [
        "| toy | t, all events | default nodes less that | moved twelve times, mean ± deviation "
        "| finest nodes less that |",
        "|---|---|---|---|---|",
    ]
    for toy in toys:
        if ALL_EVENTS in toy:
            t = toy[ALL_EVENTS]
            moved = scatter(toy) - t
            lines.append(
                f"| {toy['signal'] or 'no signal'} | {t:.4f} | {toy['t_nodes'] - t:+.4f} "
                f"| {np.mean(moved):+.4f} ± {np.std(moved, ddof=1):.4f} "
                f"| {toy['t_fine'] - t:+.4f} |"
            )
    return lines


def scatter(toy: dict[str, Any]) -> FloatArray:
    """Return t by default nodes from all initial weights that differ by parts in 10¹²."""
    return np.array([toy["t_nodes"], *toy[MOVED_NODES]])


def main() -> None:
    """Train what the file lacks, on all cores, and write each as it is done."""
    versions = {name: importlib.metadata.version(name) for name in ("emusym", "numba", "numpy")}
    settings = {"n_a": N, "n_b": N, "epochs": DEFAULT.epochs, "tolerance": DEFAULT.tolerance}
    content = {"schema": SCHEMA, "version": VERSION, "seed": SEED, "versions": versions, **settings}
    stored = read_json(RESULTS, schema=SCHEMA)["toys"] if RESULTS.exists() else []
    toys = {(toy["signal"], toy["toy"]): toy for toy in stored}
    missing = [key for key in wanted() if key[2] not in toys.get(key[:2], ())]
    # Each takes minutes: not the first one alone, to see how long it takes.
    run_tasks(_compute_all, missing, _InFile(content, toys), workers=cores(), threads=True)


def _compute_all(tasks: Sequence[tuple[str | None, int, str]], /) -> list[Any]:
    return [compute(*task) for task in tasks]


@dataclass
class _InFile:
    """Keeps trainings in `RESULTS`."""

    content: dict[str, Any]
    toys: dict[tuple[str | None, int], dict[str, Any]]
    where: str = f"{RESULTS.name}: "
    remedy: str = "run again: what is done is kept"

    def note(self, answers: Sequence[Any]) -> str:
        return ""

    def keep(self, tasks: Sequence[tuple[str | None, int, str]], answers: Sequence[Any]) -> None:
        for (signal, i, name), t in zip(tasks, answers, strict=True):
            self.toys.setdefault((signal, i), {"signal": signal, "toy": i})[name] = t
        in_order = sorted(self.toys.values(), key=lambda toy: (toy["signal"] or "", toy["toy"]))
        write_json(RESULTS, {**self.content, "toys": in_order})


if __name__ == "__main__":
    main()
