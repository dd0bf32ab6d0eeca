"""Trainings that are looked at on the way: with held-out events, and with a weight penalty.

A net is trained as `eμsym.engines.nodes` trains it, on Gauss nodes that stand for the events, by
full-batch Adam with the paper's settings; what is kept are losses over all events, at the epochs
that are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.engines.cpu import Data
from eμsym.engines.interface import Network, Problem, Training, checkpoints, layer_sizes
from eμsym.engines.nodes import HELD, LARGE_T, MARGIN
from eμsym.engines.quadrature import NODES_A_CELL, initial_cells, merged, split_cells
from eμsym.errors import DataError

#: The paper's settings, and the nodes of `eμsym.unbinned.symmetrized.SymmetrizedTest`.
PAPER = Training()

#: Where nodes are compared with all events, as there: the trainings are then the same.
COMPARED = frozenset(checkpoints(PAPER.epochs))


@dataclass(frozen=True, eq=False)
class Course:
    """What a training had reached when it was looked at.

    Attributes
    ----------
    t : ndarray of float, shape (looks,)
        −2 L over all events that it is trained on, with the best parameters until then, and
        without the penalty.
    held_out : ndarray of float, shape (looks,)
        −2 L over the events that are held out, with the parameters of that epoch; NaN without.
    """

    t: FloatArray
    held_out: FloatArray


def train(
    problem: Problem,
    start: FloatArray,
    looks: Sequence[int],
    *,
    penalty: float = 0.0,
    held_out: Problem | None = None,
) -> Course:
    """Train a net of one input and one hidden layer.

    Parameters
    ----------
    problem : Problem
        Of one dimension, x ascending and distinct.
    start : ndarray of float, shape (3 hidden + 1,)
        Initial parameters.
    looks : sequence of int
        Epochs, ascending, after which it is looked at; the last ends it.
    penalty : float
        λ of λ Σ w², which is added to the loss; the best parameters are those of the least sum.
    held_out : Problem, optional
        The same loss of other events.

    Raises
    ------
    DataError
        If the loss was infinite.
    """
    # Here, so that importing the studies needs no numba.
    from eμsym.coverage.overfitting_kernel import run_penalised

    hidden = start.size // 3
    shape = Training((hidden,))
    layers = layer_sizes(1, shape.hidden)
    cells = initial_cells(problem, PAPER.cells)
    exact = problem.x.size <= 2 * NODES_A_CELL * PAPER.cells
    data = Data(problem if exact else merged(problem, cells))
    optimizer = np.array([PAPER.learning_rate, PAPER.beta_1, PAPER.beta_2, PAPER.epsilon])
    theta, best = start.copy(), start.copy()
    moments = np.zeros((2, theta.size))
    state = np.array([np.inf, 0.0, 1.0, 1.0, 0.0])
    t = np.full(len(looks), np.nan)
    other = np.full(len(looks), np.nan)
    done = 0
    for i, look in enumerate(looks):
        healthy = run_penalised(
            *data.arguments, hidden, look - done, penalty, optimizer, theta, moments, best, state
        )
        if not healthy:
            raise DataError(f"a training met an infinite loss before epoch {look}")
        done = look
        net = Network(layers, best)
        loss = problem.loss(net)
        t[i] = -2 * loss
        if held_out is not None:
            other[i] = -2 * held_out.loss(Network(layers, theta))
        if exact or look not in COMPARED:
            continue
        scale = max(1.0, abs(t[i]) / LARGE_T)
        if 2 * abs(data.loss(best, shape) - loss) > HELD * PAPER.tolerance * scale:
            allowed = MARGIN * HELD * PAPER.tolerance * scale / 2
            cells = split_cells(problem, cells, net, allowed)
            data = Data(merged(problem, cells))
            state[0] = data.loss(best, shape) + penalty * _squares(best, hidden)
    return Course(t, other)


def _squares(theta: FloatArray, hidden: int) -> float:
    """Return Σ w² of the weights."""
    return float(np.sum(theta[:hidden] ** 2) + np.sum(theta[2 * hidden : 3 * hidden] ** 2))
