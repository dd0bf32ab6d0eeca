"""Full-batch Adam in torch for many nets at once, with Keras' form of the step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

#: Steps that are taken, and undone, before one is recorded.
_WARM_UP = 3


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
    layers = layer_sizes(len(problems[0].x), training.hidden)
    epochs = _Epochs(problems, starts, training, device)
    advance = _recorded(epochs) if device.type == "cuda" else epochs.step
    history: list[list[tuple[float, float]]] = [[] for _ in problems]
    done = 0
    for look in checkpoints(training.epochs):
        for _ in range(look - done):
            advance()
        done = look
        now, healthy = epochs.best_loss.tolist(), epochs.healthy.tolist()
        for i, well in enumerate(healthy):
            if well:
                history[i].append((float(look), now[i]))
        if not any(healthy):
            break
    best, last = (tensor.detach().cpu().numpy() for tensor in (epochs.best, epochs.theta))
    best_epoch = epochs.best_epoch.tolist()
    return [
        finished(
            problem,
            layers,
            best[i],
            last[i],
            best_epoch=best_epoch[i],
            history=history[i],
            healthy=healthy[i],
        )
        for i, problem in enumerate(problems)
    ]


class _Epochs:
    """The state of a batch of trainings; a step changes it in place, as a CUDA graph needs."""

    def __init__(
        self,
        problems: Sequence[Problem],
        starts: Sequence[FloatArray],
        training: Training,
        device: torch.device,
    ) -> None:
        import torch

        layers = layer_sizes(len(problems[0].x), training.hidden)
        self._batch = Batch(problems, layers, device)
        first = np.stack([bounded(layers, start, training.clip) for start in starts])
        self.theta = torch.tensor(first, dtype=torch.float64, device=device, requires_grad=True)
        self._adam = AdamStep(
            self.theta,
            training.learning_rate,
            beta_1=training.beta_1,
            beta_2=training.beta_2,
            epsilon=training.epsilon,
        )
        # More than there are epochs, for the warm-up's steps go on beyond a short training.
        sizes = self._adam.sizes(training.epochs + _WARM_UP)
        self._sizes = torch.tensor(sizes, device=device)
        self._clip, self._clipped = training.clip, _clipped_columns(layers, device)
        nets = len(problems)
        self.epoch = torch.zeros(1, dtype=torch.int64, device=device)
        self.best = self.theta.detach().clone()
        self.best_loss = torch.full((nets,), torch.inf, dtype=torch.float64, device=device)
        self.best_epoch = torch.zeros(nets, dtype=torch.int64, device=device)
        self.healthy = torch.ones(nets, dtype=torch.bool, device=device)

    def step(self) -> None:
        """Take one step of all nets."""
        import torch

        losses = self._batch.losses(self.theta)
        (gradient,) = torch.autograd.grad(losses.sum(), self.theta)
        with torch.no_grad():
            losses, well = losses.detach(), self.healthy
            well &= torch.isfinite(losses)
            better = well & (losses < self.best_loss)
            self.best_loss.copy_(torch.where(better, losses, self.best_loss))
            self.best_epoch.copy_(torch.where(better, self.epoch, self.best_epoch))
            self.best.copy_(torch.where(better[:, None], self.theta, self.best))
            size = self._sizes.index_select(0, self.epoch)
            move = self._adam.move(torch.where(well[:, None], gradient, 0.0), size)
            self.theta -= torch.where(well[:, None], move, 0.0)
            if self._clip is not None:
                inside = self.theta.clamp(-self._clip, self._clip)
                self.theta.copy_(torch.where(self._clipped, inside, self.theta))
            self.epoch += 1

    def tensors(self) -> list[torch.Tensor]:
        """Return all that a step changes."""
        of_nets = [self.theta.detach(), self.best, self.best_loss, self.best_epoch, self.healthy]
        return [*of_nets, self.epoch, *self._adam.moments]


def _recorded(epochs: _Epochs) -> Callable[[], None]:
    """Return a step as a CUDA graph: one launch in place of one for each of its kernels."""
    import torch

    before = [tensor.clone() for tensor in epochs.tensors()]
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # so that libraries have set up what they need
        for _ in range(_WARM_UP):
            epochs.step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        epochs.step()
    with torch.no_grad():
        for tensor, value in zip(epochs.tensors(), before, strict=True):
            tensor.copy_(value)
    replay: Callable[[], None] = graph.replay
    return replay


def _clipped_columns(layers: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Return which parameters are weights, not biases, shape (p,)."""
    import torch

    parts = []
    for n, m in pairwise(layers):
        parts += [torch.ones(n * m, dtype=torch.bool), torch.zeros(m, dtype=torch.bool)]
    return torch.cat(parts).to(device)
