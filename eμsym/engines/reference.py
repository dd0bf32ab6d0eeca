"""The reference engine: torch's autograd in float64 on all events, any number of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.engines.interface import Fit, Problem, Training, layer_sizes
from eμsym.engines.torch_adam import Batch, train_batch


@dataclass(frozen=True)
class ReferenceEngine:
    """Train on the CPU, one net after the other; what the other engines are tested against."""

    name: str = "reference"

    def train_many(
        self, problems: Sequence[Problem], starts: Sequence[FloatArray], training: Training
    ) -> list[Fit]:
        """Minimise each problem's loss from its initial parameters, shape (p,)."""
        import torch  # here, for it is optional

        return [
            train_batch([problem], [start], training, torch.device("cpu"))[0]
            for problem, start in zip(problems, starts, strict=True)
        ]


def loss_and_gradient(
    problem: Problem, theta: FloatArray, hidden: tuple[int, ...]
) -> tuple[float, FloatArray]:
    """Return a net's loss and its gradient by the parameters, shape (p,), by autograd."""
    import torch

    batch = Batch([problem], layer_sizes(len(problem.x), hidden), torch.device("cpu"))
    tensor = torch.tensor(theta[np.newaxis], dtype=torch.float64, requires_grad=True)
    loss = batch.losses(tensor).sum()
    loss.backward()
    assert tensor.grad is not None
    return float(loss.detach()), tensor.grad[0].numpy()
