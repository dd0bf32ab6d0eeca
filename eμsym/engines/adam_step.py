"""One step of Adam in torch, in Keras' form: for networks and the classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eμsym.arrays import FloatArray

# At run time inside the functions: torch is optional, and every module can be imported.
if TYPE_CHECKING:
    import torch


class AdamStep:
    """Adam's moments of parameters, and the moves that they make of gradients.

    Keras' form: ε stands beside the root of the uncorrected second moment.

    Parameters
    ----------
    theta : torch.Tensor
        The parameters, of any shape.
    learning_rate, beta_1, beta_2, epsilon : float
    """

    def __init__(
        self,
        theta: torch.Tensor,
        learning_rate: float,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        import torch

        self._learning_rate, self._epsilon = learning_rate, epsilon
        self._beta_1, self._beta_2 = beta_1, beta_2
        self._power_1 = self._power_2 = 1.0
        self.moments = torch.zeros_like(theta), torch.zeros_like(theta)

    def sizes(self, epochs: int) -> FloatArray:
        """Return η sqrt(1−β₂ᵏ)/(1−β₁ᵏ) of the next epochs, shape (epochs,)."""
        result = np.empty(epochs)
        for k in range(epochs):
            self._power_1 *= self._beta_1
            self._power_2 *= self._beta_2
            result[k] = self._learning_rate * (1 - self._power_2) ** 0.5 / (1 - self._power_1)
        return result

    def move(
        self, gradient: torch.Tensor, size: float | torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return what is to be taken off the parameters; without gradients, see ``no_grad``.

        Parameters
        ----------
        gradient : torch.Tensor
        size : float or torch.Tensor, optional
            Of the step, as from `sizes`. Default: the next one.
        """
        step = float(self.sizes(1)[0]) if size is None else size
        m, v = self.moments
        m += (gradient - m) * (1 - self._beta_1)
        v += (gradient**2 - v) * (1 - self._beta_2)
        return step * m / (v.sqrt() + self._epsilon)
