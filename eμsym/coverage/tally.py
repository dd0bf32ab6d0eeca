"""What many toys printed, counted: p-values in steps, and the moments of Nσ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from scipy.stats import chisquare

#: Steps of the p-values that are counted: 0.05 wide.
STEPS = 20

#: A p-value by ranks that is on an edge is below it, whatever its last bit.
_EDGE = 1e-9


@dataclass
class Tally:
    """Counts of what toys printed.

    Attributes
    ----------
    n : int
        Toys that gave numbers.
    pvalues : dict of str to list of int
        How many of each row's p-values are in (0, 0.05], (0.05, 0.1], and so on.
    moments : dict of str to list of float
        Number, Σz and Σz² of each Nσ.
    problems : dict of str to int
        Why others gave none, and how many.
    """

    n: int = 0
    pvalues: dict[str, list[int]] = field(default_factory=dict)
    moments: dict[str, list[float]] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, answers: Iterable[Mapping[str, Any]]) -> Self:
        """Return what toys count up to, see `add`."""
        tally = cls()
        for answer in answers:
            tally.add(answer)
        return tally

    def add(self, answer: Mapping[str, Any]) -> None:
        """Count a toy: its ``p``, ``quality`` and ``z``, or its ``problem``."""
        if "problem" in answer:
            self.problems[answer["problem"]] = self.problems.get(answer["problem"], 0) + 1
            return
        self.n += 1
        for name, p in {**answer.get("p", {}), **answer.get("quality", {})}.items():
            step = min(STEPS - 1, max(0, int(np.ceil(p * STEPS - _EDGE)) - 1))
            self.pvalues.setdefault(name, [0] * STEPS)[step] += 1
        for name, z in answer.get("z", {}).items():
            if np.isfinite(z):
                own = self.moments.setdefault(name, [0, 0.0, 0.0])
                own[0] += 1
                own[1] += z
                own[2] += z * z

    def counted(self, name: str) -> int:
        """Return how many p-values a row has."""
        return sum(self.pvalues[name])

    def below(self, name: str) -> tuple[float, float]:
        """Return the share of a row's p-values that are at most 0.05, and its error at 0.05."""
        n = self.counted(name)
        return self.pvalues[name][0] / n, float(np.sqrt(0.05 * 0.95 / n))

    def uniform(self, name: str) -> float:
        """Return the p-value of χ² for equal shares in all steps."""
        return float(chisquare(self.pvalues[name]).pvalue)

    def z(self, name: str) -> tuple[float, float, float]:
        """Return the mean of an Nσ, the mean's error, and the width."""
        n, total, square = self.moments[name]
        mean = total / n
        width = float(np.sqrt(max(square / n - mean**2, 0.0) * n / max(n - 1, 1)))
        return mean, width / float(np.sqrt(n)), width

    def to_dict(self) -> dict[str, Any]:
        """Return the counts, for JSON; the moments to ten digits."""
        return {
            "n_toys": self.n,
            "pvalues": {name: list(counts) for name, counts in self.pvalues.items()},
            "moments": {
                name: [int(n), *(float(f"{x:.10g}") for x in rest)]
                for name, (n, *rest) in self.moments.items()
            },
            "problems": dict(self.problems),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Tally:
        """Return the counts that `to_dict` gave."""
        return cls(
            int(data["n_toys"]),
            {name: list(counts) for name, counts in data["pvalues"].items()},
            {name: list(sums) for name, sums in data["moments"].items()},
            dict(data["problems"]),
        )

    @classmethod
    def joined(cls, parts: Sequence[Tally]) -> Tally:
        """Return the counts of several together."""
        whole = cls()
        for part in parts:
            whole.n += part.n
            _add(whole.pvalues, part.pvalues)
            _add(whole.moments, part.moments)
            for reason, times in part.problems.items():
                whole.problems[reason] = whole.problems.get(reason, 0) + times
        return whole


def _add(whole: dict[str, list[Any]], part: Mapping[str, Sequence[Any]]) -> None:
    for name, values in part.items():
        before = whole.setdefault(name, [0] * len(values))
        whole[name] = [x + y for x, y in zip(before, values, strict=True)]
