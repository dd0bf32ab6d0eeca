"""The nodes engine: the compiled loop on quadrature nodes, checked against all events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eμsym.counts import FloatArray
from eμsym.engines.cpu import Data, Loop
from eμsym.engines.interface import (
    Fit,
    Problem,
    Training,
    checkpoints,
    finished,
    layer_sizes,
)
from eμsym.engines.quadrature import merged

#: Doublings of the cells; after the last one the training goes on as it is.
_MOST_DOUBLINGS = 8

#: A |t| above this may differ by the same fraction of it.
_LARGE_T = 100.0


@dataclass(frozen=True)
class NodesEngine:
    """Train on two Gauss nodes a cell, for events of one dimension.

    At checkpoints the loss of the best parameters is compared with the one over
    all events. Where t would differ by more than the tolerance the cells are
    doubled, and the training goes on from where it stands: a difference within
    the tolerance until then has not led it astray.
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
        cells = training.cells
        nodes = merged(problem, cells)
        data = Data(nodes)
        loop = Loop(training, start)
        history = []
        accuracy = 0.0
        healthy = True
        for epoch in checkpoints(training.epochs):
            healthy = loop.run_to(epoch, data)
            if not healthy:
                history.append((float(loop.epoch), everything.loss(loop.theta, training)))
                break
            loss = everything.loss(loop.best, training)
            difference = 2 * abs(data.loss(loop.best, training) - loss)
            doublings = 0
            # Far from its end a training has a t of thousands, of which so many digits matter.
            scale = max(1.0, 2 * abs(loss) / _LARGE_T)
            while difference > training.tolerance * scale and doublings < _MOST_DOUBLINGS:
                if nodes is problem:
                    break
                doublings += 1
                cells *= 2
                nodes = merged(problem, cells)
                data = Data(nodes)
                on_nodes = data.loss(loop.best, training)
                loop.change_data(on_nodes)
                difference = 2 * abs(on_nodes - loss)
            accuracy = max(accuracy, difference / scale)
            history.append((float(epoch), everything.loss(loop.theta, training)))
        return finished(
            problem,
            layer_sizes(1, training.hidden),
            loop.best,
            loop.theta,
            best_epoch=loop.best_epoch,
            history=history,
            accuracy=accuracy,
            n_nodes=None if nodes is problem else nodes.x.shape[1],
            healthy=healthy,
        )
