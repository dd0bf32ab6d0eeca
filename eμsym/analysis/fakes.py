"""The fakes that are subtracted from a pair, source by source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eμsym.fake_events import FakeYields, fake_yields
from eμsym.fake_sources import FAKE_ROLE, FakeSources
from eμsym.pair import Pair
from eμsym.results import Results


@dataclass(frozen=True)
class FakesOfPair:
    """What was subtracted from both samples of a pair, and from what.

    Attributes
    ----------
    sources : mapping of str to FakeYields
        By the dataset that estimates them.
    factors : mapping of str to (float, float)
        τ and δτ of each.
    data : tuple of float
        Σw of the data in A and in B, fakes among them.
    """

    sources: Mapping[str, FakeYields]
    factors: Mapping[str, tuple[float, float]]
    data: tuple[float, float]

    @classmethod
    def of(cls, pair: Pair, sources: FakeSources) -> FakesOfPair | None:
        """Return what a pair has subtracted; None without fakes.

        Parameters
        ----------
        pair : Pair
            Before any correction.
        sources : FakeSources
            Of the folder that it is from.
        """
        if not sources.names:
            return None
        yields = fake_yields(pair.pool, sources.errors)
        counted = pair.counted
        factors = zip(sources.names, sources.factors, sources.errors, strict=True)
        return cls(
            sources=dict(zip(sources.names, yields, strict=True)),
            factors={name: (tau, tau * error) for name, tau, error in factors},
            data=(float(counted.a.weight.sum()), float(counted.b.weight.sum())),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return yields, errors and transfer factors by dataset, for JSON."""
        return {
            "sources": {
                name: {
                    **each.to_dict(),
                    "transfer_factor": self.factors[name][0],
                    "transfer_factor_error": self.factors[name][1],
                }
                for name, each in self.sources.items()
            },
            "data": {"a": self.data[0], "b": self.data[1]},
        }


def left_out(results: Results, datasets: Sequence[str]) -> list[str]:
    """Return a line for every estimate of fakes that the pair leaves out."""
    return [
        f"the fakes that dataset {name} estimates are not subtracted: it was not chosen"
        for name, about in results.datasets.items()
        if about.role == FAKE_ROLE and name not in datasets
    ]
