"""The compiled training loop with a penalty on the weights; the engines' own has none.

Imported where it runs, as that one is.
"""

from __future__ import annotations

import math

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.engines.adam_kernel import (
    BEST_EPOCH,
    BEST_LOSS,
    BLOCK,
    EPOCH,
    POWER_1,
    POWER_2,
    compiled,
    loss_and_gradient,
)


@compiled({"reassoc", "contract", "nsz"})
def run_penalised(
    x: FloatArray,
    density: FloatArray,
    linear: FloatArray,
    logistic: bool,
    hidden: int,
    epochs: int,
    penalty: float,
    optimizer: FloatArray,
    theta: FloatArray,
    moments: FloatArray,
    best: FloatArray,
    state: FloatArray,
) -> bool:
    """Train as `eμsym.engines.adam_kernel.run_epochs` does, the loss being L + λ Σ w².

    Parameters
    ----------
    penalty : float
        λ, of the squared weights; biases are free.
    x, density, linear, logistic, hidden, epochs, theta, moments, best, state
        As there.
    optimizer : ndarray of float, shape (4,)
        Learning rate, β₁, β₂ and ε.

    Returns
    -------
    bool
        False if the loss was infinite or NaN: the training stopped there.
    """
    rate, beta_1, beta_2, epsilon = optimizer
    size = theta.size
    weights = hidden * x.shape[1]
    gradient = np.empty(size)
    work = np.empty((hidden + 3, BLOCK))
    for _ in range(epochs):
        loss = loss_and_gradient(x, density, linear, logistic, hidden, theta, gradient, work)
        for k in range(size - 1):
            if k < weights or k >= weights + hidden:
                loss += penalty * theta[k] * theta[k]
                gradient[k] += 2.0 * penalty * theta[k]
        if not math.isfinite(loss):
            return False
        if loss < state[BEST_LOSS]:
            state[BEST_LOSS] = loss
            state[BEST_EPOCH] = state[EPOCH]
            best[:] = theta
        state[POWER_1] *= beta_1
        state[POWER_2] *= beta_2
        state[EPOCH] += 1.0
        step = rate * math.sqrt(1.0 - state[POWER_2]) / (1.0 - state[POWER_1])
        for k in range(size):
            g = gradient[k]
            moments[0, k] += (g - moments[0, k]) * (1.0 - beta_1)
            moments[1, k] += (g * g - moments[1, k]) * (1.0 - beta_2)
            theta[k] -= step * moments[0, k] / (math.sqrt(moments[1, k]) + epsilon)
    return True
