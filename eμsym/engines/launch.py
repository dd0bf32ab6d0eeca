"""Where a test's nets begin, and their training side by side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.engines.choice import choose_engine
from eμsym.engines.interface import (
    Engine,
    Fit,
    Problem,
    Training,
    glorot_uniform,
    layer_sizes,
    n_parameters,
)
from eμsym.errors import DataError


@dataclass(frozen=True, eq=False)
class Trained:
    """The fits of a test's nets, and where they began."""

    fits: tuple[Fit, ...]
    engine: str
    entropy: Any
    spawn_keys: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Start:
    """Initial parameters of a test's nets, and what they were drawn from."""

    parameters: tuple[FloatArray, ...]
    entropy: Any = None
    spawn_keys: tuple[tuple[int, ...], ...] = ()


def draw_start(layers: tuple[int, ...], nets: int, rng: np.random.Generator | int | None) -> Start:
    """Draw the parameters of net i from child i of the generator's SeedSequence."""
    parent: Any = np.random.default_rng(rng).bit_generator.seed_seq
    children = parent.spawn(nets)
    return Start(
        tuple(glorot_uniform(layers, np.random.default_rng(child)) for child in children),
        parent.entropy,
        tuple(tuple(child.spawn_key) for child in children),
    )


def given_start(layers: tuple[int, ...], nets: int, start: Sequence[ArrayLike]) -> Start:
    """Check initial parameters that the user gave, one array of shape (p,) a net.

    Raises
    ------
    DataError
        If their number or shape is wrong, or one is not finite.
    """
    parameters = tuple(np.asarray(theta, dtype=np.float64) for theta in start)
    shape = (n_parameters(layers),)
    if len(parameters) != nets or any(
        theta.shape != shape or not np.all(np.isfinite(theta)) for theta in parameters
    ):
        raise DataError(f"start: give {nets} array(s) of {shape[0]} finite parameters")
    return Start(parameters)


def train_nets(
    training: Training,
    problems: Sequence[Problem],
    *,
    engine: str,
    threads: int,
    rng: np.random.Generator | int | None,
    start: Sequence[ArrayLike] | None,
) -> Trained:
    """Train one net a problem.

    Raises
    ------
    DataError
        As for `given_start`.
    ConfigurationError
        If the engine cannot be had, see `choose_engine`.
    """
    layers = layer_sizes(len(problems[0].x), training.hidden)
    chosen = choose_engine(engine, layers[0], training.hidden)
    nets = len(problems)
    begin = draw_start(layers, nets, rng) if start is None else given_start(layers, nets, start)
    fits = train_all(chosen, problems, begin.parameters, training, threads=threads)
    return Trained(tuple(fits), chosen.name, begin.entropy, begin.spawn_keys)


def train_all(
    engine: Engine,
    problems: Sequence[Problem],
    starts: Sequence[FloatArray],
    training: Training,
    *,
    threads: int = 1,
) -> list[Fit]:
    """Train one net a problem; threads change when each is done, not what comes out."""
    if threads == 1 or len(problems) == 1:
        return engine.train_many(problems, starts, training)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [
            pool.submit(engine.train_many, [problem], [start], training)
            for problem, start in zip(problems, starts, strict=True)
        ]
        return [job.result()[0] for job in jobs]
