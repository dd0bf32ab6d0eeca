"""What an engine is given and what it returns: the problem, the training, the fit, the net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from eμsym.arrays import FloatArray
from eμsym.errors import DataError
from eμsym.shown import Shown

#: What stands for φ(f): e^f − 1, or ln(1 + e^f).
Link = Literal["exponential", "logistic"]

EngineName = Literal["auto", "nodes", "cpu", "reference", "cuda"]

#: Rows that a net is evaluated on at once; bounds the memory it needs.
_ROWS = 1 << 16


@dataclass(frozen=True, eq=False, repr=False)
class Network(Shown):
    """A fully connected net with logistic hidden neurons and one linear output.

    With one hidden layer it is SYM Eq. 12 (arXiv:2401.09530),
    f(x) = b_out + Σ_α w_out,α σ(w_α·x + b_α).

    Parameters
    ----------
    layers : tuple of int
        Inputs, neurons of each hidden layer, 1.
    parameters : ndarray of float, shape (p,)
        Layer by layer the weights, shape (inputs, neurons) in C order, then the biases.
    """

    layers: tuple[int, ...]
    parameters: FloatArray

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return the net's value.

        Parameters
        ----------
        x : array_like, shape (...) for a net of one input, else (..., d)

        Returns
        -------
        ndarray of float, shape (...)

        Raises
        ------
        DataError
            If the last axis is not as long as the net has inputs.
        """
        values = np.asarray(x, dtype=np.float64)
        d = self.layers[0]
        if d > 1 and (values.ndim == 0 or values.shape[-1] != d):
            raise DataError(f"the net has {d} inputs, got an array of shape {values.shape}")
        shape = values.shape if d == 1 else values.shape[:-1]
        rows = values.reshape(-1, d)
        result = np.empty(len(rows))
        for first in range(0, len(rows), _ROWS):
            result[first : first + _ROWS] = self._evaluate(rows[first : first + _ROWS])
        return result.reshape(shape)

    def _evaluate(self, rows: FloatArray) -> FloatArray:
        value = rows
        pairs = split_layers(self.layers, self.parameters)
        for weights, biases in pairs[:-1]:
            value = expit(value @ weights + biases)
        weights, biases = pairs[-1]
        return np.asarray(value @ weights + biases)[:, 0]

    def to_dict(self) -> dict[str, Any]:
        """Return the net's layers and parameters, for JSON."""
        return {"layers": list(self.layers), "parameters": self.parameters.tolist()}


def layer_sizes(inputs: int, hidden: tuple[int, ...]) -> tuple[int, ...]:
    """Return a net's layers; a hidden layer of no neuron leaves a constant, layers (d, 0, 1)."""
    return (inputs, *hidden, 1)


def n_parameters(layers: tuple[int, ...]) -> int:
    """Return the number of a net's weights and biases."""
    return sum((n + 1) * m for n, m in pairwise(layers))


def split_layers(layers: tuple[int, ...], parameters: Any) -> list[tuple[Any, Any]]:
    """Return the (weights, biases) of each layer, shapes (n, m) and (m,).

    `parameters` may have leading axes (one net each), and may be a torch tensor.
    """
    pairs = []
    first = 0
    for n, m in pairwise(layers):
        weights = parameters[..., first : first + n * m]
        biases = parameters[..., first + n * m : first + (n + 1) * m]
        pairs.append((weights.reshape(*weights.shape[:-1], n, m), biases))
        first += (n + 1) * m
    return pairs


def glorot_uniform(layers: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Draw initial parameters uniformly in ±sqrt(6/(fan in + fan out)), as Keras does.

    Weights **and biases**: Keras takes the fans of a vector of m biases to be m
    and m. A net 1-4-1 has weights in ±sqrt(6/5), hidden biases in ±sqrt(6/8) and
    the output's bias in ±sqrt(3).
    """
    parts = []
    for n, m in pairwise(layers):
        for size, fans in ((n * m, n + m), (m, 2 * m)):
            limit = np.sqrt(6 / max(fans, 1))
            parts.append(rng.uniform(-limit, limit, size))
    return np.concatenate(parts)


def bounded(layers: tuple[int, ...], parameters: FloatArray, clip: float | None) -> FloatArray:
    """Return the parameters, shape (p,), with the weights (not the biases) held within ±clip."""
    result = np.array(parameters, dtype=np.float64)
    if clip is not None:
        for weights, _ in split_layers(layers, result):
            np.clip(weights, -clip, clip, out=weights)
    return result


@dataclass(frozen=True, eq=False)
class Problem:
    """The loss to be minimised, Σ_i r_i φ(f(x_i)) − a_i f(x_i), a sum over events.

    Parameters
    ----------
    x : ndarray of float, shape (d, n)
        Events, each distinct one once.
    density, linear : ndarray of float, shape (n,)
        r ≥ 0 and a ≥ 0.
    link : {"exponential", "logistic"}
        φ(f) = e^f − 1, or φ(f) = ln(1 + e^f).
    """

    x: FloatArray
    density: FloatArray
    linear: FloatArray
    link: Link = "exponential"

    def loss(self, network: Network) -> float:
        """Return the loss of a net, in float64; infinite where e^f overflows."""
        return self.loss_of(network(self.x.T if len(self.x) > 1 else self.x[0]))

    def loss_of(self, f: FloatArray) -> float:
        """Return the loss of the values f at the events, shape (n,)."""
        return float(np.sum(self.terms(f)))

    def terms(self, f: FloatArray) -> FloatArray:
        """Return the loss's terms, shape (n,), of the values f at the events."""
        with np.errstate(over="ignore", invalid="ignore"):
            phi = np.expm1(f) if self.link == "exponential" else np.logaddexp(0, f)
            # Where no density is, e^f may be infinite and still costs nothing.
            return np.where(self.density > 0, self.density * phi, 0.0) - self.linear * f


@dataclass(frozen=True)
class Training:
    """How a net is trained: full-batch Adam in Keras' form.

    With g the gradient of the loss, a sum over events, epoch k does
    m += (1−β₁)(g−m), v += (1−β₂)(g²−v),
    θ −= η sqrt(1−β₂ᵏ)/(1−β₁ᵏ) m/(sqrt(v)+ε): ε stands beside sqrt(v) itself.

    Parameters
    ----------
    hidden : tuple of int
        Neurons of each hidden layer.
    epochs : int
    learning_rate, beta_1, beta_2, epsilon : float
        η, β₁, β₂, ε.
    clip : float or None
        Bound W on the size of every weight (not the biases), from the start on.
    tolerance : float
        Largest |t_nodes − t_all| that the nodes engine may leave.
    cells : int
        Cells that it starts with.
    """

    hidden: tuple[int, ...] = (4,)
    epochs: int = 500_000
    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    clip: float | None = None
    tolerance: float = 0.01
    cells: int = 14


@dataclass(frozen=True, eq=False)
class Fit:
    """One trained net.

    Attributes
    ----------
    network : Network
        With the parameters of the least loss seen.
    last : Network
        With those after the last epoch.
    loss, last_loss : float
        Their losses over all events, in float64.
    best_epoch : int
        The epochs before the least loss was seen.
    history : ndarray of float, shape (k, 2)
        Epoch, and the least loss until there, at checkpoints.
    accuracy : float
        Largest |t_nodes − t_all| at a checkpoint, after refining (as a fraction of
        |t|/100 where |t| exceeds 100); 0 where all events were used.
    n_nodes : int or None
        Nodes at the end; None where all events were used.
    diverged : bool
        Whether the training met an infinite or undefined loss, or ran away; see `RUNAWAY`.
    """

    network: Network
    last: Network
    loss: float
    last_loss: float
    best_epoch: int
    history: FloatArray
    accuracy: float
    n_nodes: int | None
    diverged: bool


#: ln of the largest float32: a net that exceeds it at any event has an infinite
#: e^f in the arithmetic of the NPLM package, whose loss is then undefined.
RUNAWAY = float(np.log(np.finfo(np.float32).max))


class Engine(Protocol):
    """Something that trains nets."""

    @property
    def name(self) -> str:
        """What the engine is called."""
        ...

    def train_many(
        self, problems: Sequence[Problem], starts: Sequence[FloatArray], training: Training
    ) -> list[Fit]:
        """Minimise each problem's loss from its initial parameters, shape (p,)."""
        ...


def finished(
    problem: Problem,
    layers: tuple[int, ...],
    best: FloatArray,
    last: FloatArray,
    *,
    best_epoch: int,
    history: list[tuple[float, float]],
    accuracy: float = 0.0,
    n_nodes: int | None = None,
    healthy: bool = True,
) -> Fit:
    """Return the fit, its losses evaluated over all events in float64."""
    nets = [Network(layers, parameters.copy()) for parameters in (best, last)]
    events = problem.x.T if layers[0] > 1 else problem.x[0]
    values = [net(events) for net in nets]
    losses = [problem.loss_of(f) for f in values]
    if losses[1] < losses[0]:  # the step after the last loss that training saw was the best
        nets[0], values[0], losses[0] = nets[1], values[1], losses[1]
        if history:
            best_epoch = int(history[-1][0])
            history = [*history[:-1], (history[-1][0], losses[0])]
    ran_away = problem.link == "exponential" and bool(np.any(values[0] > RUNAWAY))
    return Fit(
        network=nets[0],
        last=nets[1],
        loss=losses[0],
        last_loss=losses[1],
        best_epoch=best_epoch,
        history=np.array(history, dtype=np.float64).reshape(-1, 2),
        accuracy=accuracy,
        n_nodes=n_nodes,
        diverged=ran_away or not healthy or not np.isfinite(losses[0]),
    )


def checkpoints(epochs: int) -> list[int]:
    """Return the epochs at which a training is looked at, the last one included.

    They double up to a twentieth of the training and then stand evenly.
    """
    step = max(epochs // 20, 1)
    early = [2**k for k in range(8, 40) if 2**k < step]
    return sorted({*early, *range(step, epochs, step), epochs})
