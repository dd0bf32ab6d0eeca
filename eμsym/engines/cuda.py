"""The cuda engine: many nets at once on a GPU, in torch; on the CPU where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eμsym.arrays import FloatArray
from eμsym.engines.cpu import CpuEngine
from eμsym.engines.interface import Fit, Problem, Training
from eμsym.engines.torch_adam import train_batch

if TYPE_CHECKING:
    import torch

#: Float64 numbers that autograd keeps for an event and hidden neuron, about.
_NUMBERS = 8


@dataclass(frozen=True)
class CudaEngine:
    """Train on all events in float64, as many nets at once as the GPU's memory holds.

    Without a GPU it hands the nets to the cpu engine where that can train them
    and to torch on the CPU where not; `name` says which of them it was.
    """

    @property
    def name(self) -> str:
        """The engine, and where it runs."""
        import torch

        return "cuda" if torch.cuda.is_available() else "cuda (no GPU: on the CPU)"

    def train_many(
        self, problems: Sequence[Problem], starts: Sequence[FloatArray], training: Training
    ) -> list[Fit]:
        """Minimise each problem's loss from its initial parameters, shape (p,)."""
        import torch

        if not torch.cuda.is_available() and len(training.hidden) == 1:
            return CpuEngine().train_many(problems, starts, training)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        size = _nets_at_once(problems, training, device)
        fits: list[Fit] = []
        for first in range(0, len(problems), size):
            rows = slice(first, first + size)
            fits += train_batch(problems[rows], starts[rows], training, device)
        return fits


def _nets_at_once(problems: Sequence[Problem], training: Training, device: torch.device) -> int:
    import torch

    if device.type == "cpu":
        return 1
    events = max(problem.x.shape[1] for problem in problems)
    free, _ = torch.cuda.mem_get_info(device)
    needed = 8 * _NUMBERS * events * (sum(training.hidden) + len(problems[0].x) + 2)
    return max(1, int(0.8 * free / needed))
