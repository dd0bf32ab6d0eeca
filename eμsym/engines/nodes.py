"""The nodes engine: the compiled loop on quadrature nodes, checked against all events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.engines.cpu import Data, Loop
from eμsym.engines.interface import (
    RUNAWAY,
    Fit,
    Network,
    Problem,
    Training,
    checkpoints,
    finished,
    layer_sizes,
)
from eμsym.engines.quadrature import NODES_A_CELL, initial_cells, merged, split_cells

#: A |t| above this may differ by the same fraction of it.
LARGE_T = 100.0

#: Along a training differences of the loss grow: nodes are held to this part of the tolerance.
HELD = 0.03

#: Cells are split until they miss this fraction of that, for the net goes on changing.
MARGIN = 0.5


@dataclass(frozen=True)
class NodesEngine:
    """Train on eight Gauss nodes a cell, for events of one dimension.

    At checkpoints the loss of the best parameters is compared with the one over
    all events. Where t would differ by more than a thirtieth of the tolerance,
    the cells in which the net is too sharp are split, and the training goes on
    from where it stands.

    The reported t is exact for its parameters. Whether they are those that a
    training on all events ends with is another matter: along nearly flat
    directions of the loss, and where a training leaves a plateau, small
    differences grow; hence the thirtieth. In the paper's preset at 2·1.1·10⁵
    events t is typically 0.0004 from that of ten times as many nodes, and 0.005
    at most in 16 toys (papers/results/engine-agreement.json), as much as
    initial weights do that are moved by a part in 10¹². From t of a training on
    all events four toys are 0.0000, 0.002, 0.002 and 0.010 away; t of the last
    spreads by 0.004 over initial weights that differ by parts in 10¹².
    """

    name: str = "nodes"

    def train_many(
        self, problems: Sequence[Problem], starts: Sequence[FloatArray], training: Training
    ) -> list[Fit]:
        """Minimise each problem's loss from its initial parameters, shape (p,)."""
        return [self.train(*each, training) for each in zip(problems, starts, strict=True)]

    def train(self, problem: Problem, start: FloatArray, training: Training) -> Fit:
        """Minimise the problem's loss from the initial parameters `start`, shape (p,)."""
        everything = Data(problem)
        layers = layer_sizes(1, training.hidden)
        cells = initial_cells(problem, training.cells)
        exact = problem.x.size <= 2 * NODES_A_CELL * training.cells
        nodes = problem if exact else merged(problem, cells)
        data = everything if exact else Data(nodes)
        loop = Loop(layers, training, start)
        history = []
        accuracy = 0.0
        healthy = True
        for epoch in checkpoints(training.epochs):
            healthy = loop.run_to(epoch, data)
            loss = everything.loss(loop.best, training)
            history.append((float(loop.epoch), loss))
            if not healthy or _ran_away(problem, nodes, Network(layers, loop.best)):
                healthy = False
                break
            if exact:
                continue
            # Far from its end a training has a t of thousands, of which so many digits matter.
            scale = max(1.0, 2 * abs(loss) / LARGE_T)
            difference = 2 * abs(data.loss(loop.best, training) - loss) / scale
            if difference > HELD * training.tolerance:
                allowed = MARGIN * HELD * training.tolerance * scale / 2
                cells = split_cells(problem, cells, Network(layers, loop.best), allowed)
                nodes = merged(problem, cells)
                data = Data(nodes)
                on_nodes = data.loss(loop.best, training)
                loop.change_data(on_nodes)
                difference = 2 * abs(on_nodes - loss) / scale
            accuracy = max(accuracy, difference)
        return finished(
            problem,
            layers,
            loop.best,
            loop.theta,
            best_epoch=loop.best_epoch,
            history=history,
            accuracy=accuracy,
            n_nodes=None if exact else nodes.x.shape[1],
            healthy=healthy,
        )


def _ran_away(problem: Problem, nodes: Problem, network: Network) -> bool:
    """Return whether the net exceeds `RUNAWAY` at a node or at the first or last event."""
    if problem.link != "exponential":
        return False
    places = np.concatenate([nodes.x[0], problem.x[0, [0, -1]]])
    return bool(np.any(network(places) > RUNAWAY))
