"""Full-batch Adam in torch for many nets at once, with Keras' form of the step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.engines.adam_step import AdamStep
from eμsym.engines.interface import (
    Fit,
    Problem,
    Training,
    bounded,
    checkpoints,
    finished,
    layer_sizes,
    split_layers,
)
from eμsym.errors import DataError
from eμsym.one_thread import torch_in_one_thread

# At run time inside the functions: torch is optional, and every module can be imported.
if TYPE_CHECKING:
    import torch


class Batch:
    """Several problems' events as tensors, the shorter ones filled up with weight zero.

    Parameters
    ----------
    problems : sequence of Problem
        Of one dimension count and one link.
    layers : tuple of int
    device : torch.device
    """

    def __init__(
        self, problems: Sequence[Problem], layers: tuple[int, ...], device: torch.device
    ) -> None:
        import torch

        if len({(len(problem.x), problem.link) for problem in problems}) > 1:
            raise DataError("nets trained together need problems of one kind and dimension")
        n = max(problem.x.shape[1] for problem in problems)
        x = np.zeros((len(problems), n, layers[0]))
        weights = np.zeros((2, len(problems), n))
        for i, problem in enumerate(problems):
            size = problem.x.shape[1]
            x[i, :size] = problem.x.T
            # An event of the sample, where e^f is no larger than elsewhere.
            x[i, size:] = problem.x.T[-1]
            weights[0, i, :size] = problem.density
            weights[1, i, :size] = problem.linear
        self._layers = layers
        self._logistic = problems[0].link == "logistic"
        self._x = torch.tensor(x, dtype=torch.float64, device=device)
        self._density, self._linear = torch.tensor(weights, dtype=torch.float64, device=device)

    def losses(self, theta: torch.Tensor) -> torch.Tensor:
        """Return the nets' losses, shape (nets,), for parameters of shape (nets, p)."""
        import torch
        from torch.nn.functional import softplus

        value = self._x
        pairs = split_layers(self._layers, theta)
        for weights, biases in pairs[:-1]:
            value = torch.sigmoid(torch.baddbmm(biases[:, None, :], value, weights))
        weights, biases = pairs[-1]
        f = torch.baddbmm(biases[:, None, :], value, weights)[..., 0]
        phi = softplus(f) if self._logistic else torch.expm1(f)
        return (self._density * phi - self._linear * f).sum(dim=1)


@torch_in_one_thread()
def train_batch(
    problems: Sequence[Problem],
    starts: Sequence[FloatArray],
    training: Training,
    device: torch.device,
) -> list[Fit]:
    """Train one net a problem, all at once, in float64.

    A net whose loss becomes infinite or undefined stops; the others go on.
    """
    import torch

    layers = layer_sizes(len(problems[0].x), training.hidden)
    batch = Batch(problems, layers, device)
    first = np.stack([bounded(layers, start, training.clip) for start in starts])
    theta = torch.tensor(first, dtype=torch.float64, device=device, requires_grad=True)
    adam = AdamStep(
        theta,
        training.learning_rate,
        beta_1=training.beta_1,
        beta_2=training.beta_2,
        epsilon=training.epsilon,
    )
    best = theta.detach().clone()
    nets = len(problems)
    best_loss = torch.full((nets,), torch.inf, dtype=torch.float64, device=device)
    best_epoch = torch.zeros(nets, dtype=torch.int64, device=device)
    healthy = torch.ones(nets, dtype=torch.bool, device=device)
    clipped = _clipped_columns(layers, device)
    looks = set(checkpoints(training.epochs))
    history: list[list[tuple[float, float]]] = [[] for _ in problems]
    for epoch in range(training.epochs):
        losses = batch.losses(theta)
        (gradient,) = torch.autograd.grad(losses.sum(), theta)
        with torch.no_grad():
            healthy &= torch.isfinite(losses)
            better = healthy & (losses < best_loss)
            best_loss = torch.where(better, losses, best_loss)
            best_epoch = torch.where(better, epoch, best_epoch)
            best = torch.where(better[:, None], theta, best)
            move = adam.move(torch.where(healthy[:, None], gradient, 0.0))
            theta -= torch.where(healthy[:, None], move, 0.0)
            if training.clip is not None:
                inside = theta.clamp(-training.clip, training.clip)
                theta.copy_(torch.where(clipped, inside, theta))
            if epoch + 1 in looks:
                now = best_loss.tolist()
                for i in torch.nonzero(healthy)[:, 0].tolist():
                    history[i].append((float(epoch + 1), now[i]))
                if not bool(healthy.any()):
                    break
    last = theta.detach().cpu().numpy()
    return [
        finished(
            problem,
            layers,
            best[i].cpu().numpy(),
            last[i],
            best_epoch=int(best_epoch[i]),
            history=history[i],
            healthy=bool(healthy[i]),
        )
        for i, problem in enumerate(problems)
    ]


def _clipped_columns(layers: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Return which parameters are weights, not biases, shape (p,)."""
    import torch

    parts = []
    for n, m in pairwise(layers):
        parts += [torch.ones(n * m, dtype=torch.bool), torch.zeros(m, dtype=torch.bool)]
    return torch.cat(parts).to(device)
