"""Events after every cut, and the yields of both samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eμsym.pair import Pair
from eμsym.results import Results


@dataclass(frozen=True)
class Cutflow:
    """Weighted events after every cut, scaled as the histograms are.

    Attributes
    ----------
    datasets : mapping of str to mapping of str to float
        Dataset → cut → Σw.
    pair : tuple of str
        Datasets that make up the pair.
    """

    datasets: Mapping[str, Mapping[str, float]]
    pair: tuple[str, ...]

    @classmethod
    def of(cls, results: Results, pair: tuple[str, ...] | None = None) -> Cutflow:
        """Return the cutflow of a processed folder.

        Parameters
        ----------
        results : Results
        pair : tuple of str, optional
            Default: as the folder says.
        """
        scaled = {
            name: {
                cut: counts.sumw * results.normalisation[name].scale for cut, counts in flow.items()
            }
            for name, flow in results.shown_cutflow.items()
        }
        return cls(scaled, tuple(results.pair) if pair is None else pair)

    @property
    def cuts(self) -> tuple[str, ...]:
        """The cuts in their order, the two flavour orders last."""
        return tuple(next(iter(self.datasets.values())))

    @property
    def total(self) -> dict[str, float]:
        """Σw of the pair's datasets after every cut."""
        chosen = [flow for name, flow in self.datasets.items() if name in self.pair]
        return {cut: sum((flow[cut] for flow in chosen), 0.0) for cut in self.cuts}


@dataclass(frozen=True)
class Measured:
    """A number and its standard error."""

    value: float
    error: float

    def to_dict(self) -> dict[str, float]:
        """Return both, for JSON."""
        return {"value": self.value, "error": self.error}


@dataclass(frozen=True)
class Yields:
    """Σw of both samples of a pair, before any correction.

    Attributes
    ----------
    datasets : tuple of str
    names : tuple of str
        Of A and of B.
    a, b : Measured
    """

    datasets: tuple[str, ...]
    names: tuple[str, str]
    a: Measured
    b: Measured
    orders: tuple[str, str]

    @classmethod
    def of(cls, results: Results, datasets: tuple[str, ...], names: tuple[str, str]) -> Yields:
        """Add up the yields of datasets as the folder has them scaled."""
        sums, shown = [], results.shown_cutflow
        for order in results.orders:
            sumw = sumw2 = 0.0
            for name in datasets:
                scale = results.normalisation[name].scale
                sumw += shown[name][order].sumw * scale
                # A product, not a power, which raises an error beyond all floats.
                sumw2 += shown[name][order].sumw2 * scale * scale
            sums.append(Measured(sumw, sumw2**0.5))
        return cls(datasets, names, sums[0], sums[1], results.orders)

    @classmethod
    def of_pair(cls, pair: Pair, datasets: tuple[str, ...], orders: tuple[str, str]) -> Yields:
        """Add up the events of a pair, such as those of a region."""
        pool = pair.pool
        weights = pool.weight[pool.labels], pool.weight[~pool.labels]
        a, b = (Measured(float(w.sum()), float(np.square(w).sum()) ** 0.5) for w in weights)
        return cls(datasets, pair.names, a, b, orders)

    @property
    def ratio(self) -> Measured | None:
        """A/B; None without A or B."""
        a, b = self.a, self.b
        if not (a.value > 0 and b.value > 0):
            return None
        ratio = a.value / b.value
        return Measured(ratio, ratio * math.hypot(a.error / a.value, b.error / b.value))

    def to_dict(self) -> dict[str, Any]:
        """Return Σw and its error of both samples, and their ratio, for JSON."""
        found: dict[str, Any] = {"datasets": list(self.datasets)}
        for order, name, total in zip(self.orders, self.names, (self.a, self.b), strict=True):
            found[order] = {"label": name, "sumw": total.value, "error": total.error}
        if self.ratio is not None:
            found["ratio"] = self.ratio.to_dict()
        return found
