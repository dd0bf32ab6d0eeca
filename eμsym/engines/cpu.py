"""The cpu engine: all events, one hidden layer, one compiled loop from checkpoint to checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.engines.interface import (
    Fit,
    Problem,
    Training,
    bounded,
    checkpoints,
    finished,
    layer_sizes,
)

#: Exponentials that the compiled loop takes before it comes back.
_TURN = 1_000_000_000


@dataclass(frozen=True)
class CpuEngine:
    """Train on all events in float64 with the compiled loop; deterministic."""

    name: str = "cpu"

    def train_many(
        self, problems: Sequence[Problem], starts: Sequence[FloatArray], training: Training
    ) -> list[Fit]:
        """Minimise each problem's loss from its initial parameters, shape (p,)."""
        return [self.train(*each, training) for each in zip(problems, starts, strict=True)]

    def train(self, problem: Problem, start: FloatArray, training: Training) -> Fit:
        """Minimise the problem's loss from the initial parameters `start`, shape (p,)."""
        layers = layer_sizes(len(problem.x), training.hidden)
        loop = Loop(layers, training, start)
        data = Data(problem)
        history = []
        healthy = True
        for epoch in checkpoints(training.epochs):
            healthy = loop.run_to(epoch, data)
            history.append((float(loop.epoch), loop.best_loss))
            if not healthy:
                break
        return finished(
            problem,
            layers,
            loop.best,
            loop.theta,
            best_epoch=loop.best_epoch,
            history=history,
            healthy=healthy,
        )


class Data:
    """A problem's events in the blocks that the compiled loop reads."""

    def __init__(self, problem: Problem) -> None:
        # Here, so that importing the engines needs no numba.
        from eμsym.engines.adam_kernel import in_blocks

        self.x = in_blocks(problem.x)
        self.density = in_blocks(problem.density, 0.0)
        self.linear = in_blocks(problem.linear, 0.0)
        self.logistic = problem.link == "logistic"

    def loss(self, theta: FloatArray, training: Training) -> float:
        """Return the loss of a net's parameters, shape (p,)."""
        return self.loss_and_gradient(theta, training.hidden[0])[0]

    def loss_and_gradient(self, theta: FloatArray, hidden: int) -> tuple[float, FloatArray]:
        """Return the loss and its gradient, shape (p,), of a net with `hidden` neurons."""
        from eμsym.engines.adam_kernel import BLOCK, loss_and_gradient

        gradient = np.empty(theta.size)
        work = np.empty((hidden + 3, BLOCK))
        loss = loss_and_gradient(*self.arguments, hidden, theta, gradient, work)
        return float(loss), gradient

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What the compiled functions are given first."""
        return self.x, self.density, self.linear, self.logistic


class Loop:
    """A training under way: the parameters, Adam's moments and the best seen."""

    def __init__(self, layers: tuple[int, ...], training: Training, start: FloatArray) -> None:
        self.hidden = training.hidden[0]
        self.theta = bounded(layers, start, training.clip)
        self.best = self.theta.copy()
        self._moments = np.zeros((2, self.theta.size))
        self._optimizer = np.array(
            [
                training.learning_rate,
                training.beta_1,
                training.beta_2,
                training.epsilon,
                np.inf if training.clip is None else training.clip,
            ]
        )
        # The order is that of BEST_LOSS … EPOCH in the compiled module.
        self._state = np.array([np.inf, 0.0, 1.0, 1.0, 0.0])

    @property
    def epoch(self) -> int:
        """Steps taken."""
        return int(self._state[4])

    @property
    def best_epoch(self) -> int:
        """Steps before the least loss."""
        return int(self._state[1])

    @property
    def best_loss(self) -> float:
        """The least loss seen, on the events or nodes that it was trained on last."""
        return float(self._state[0])

    def change_data(self, best_loss: float) -> None:
        """Go on with other nodes, on which the best parameters have the loss `best_loss`."""
        self._state[0] = best_loss

    def run_to(self, epoch: int, data: Data) -> bool:
        """Train up to that epoch; return False if the loss became infinite or undefined."""
        from eμsym.engines.adam_kernel import run_epochs

        # In turns of about a second, so that an interrupt from the keyboard is heard.
        turn = max(1, _TURN // (data.density.size * (self.hidden + 1)))
        while self.epoch < epoch:
            healthy = run_epochs(
                *data.arguments,
                self.hidden,
                min(turn, epoch - self.epoch),
                self._optimizer,
                self.theta,
                self._moments,
                self.best,
                self._state,
            )
            if not healthy:
                return False
        return True
