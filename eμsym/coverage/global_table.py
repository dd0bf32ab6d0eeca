"""The stored toys of the p-value of all tests together, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import kstest

from eμsym.arrays import FloatArray

SCHEMA, VERSION = "emusym/coverage-global", 1


@dataclass(frozen=True)
class Uniformity:
    """How p-values of toys without signal are distributed.

    Attributes
    ----------
    ks : float
        The Kolmogorov-Smirnov p-value of uniformity, each p drawn evenly between it and
        the next smaller one that so many relabellings can give.
    below : tuple of float
        Shares of p ≤ 0.01, 0.05 and 0.1.
    any_below : float
        Share of toys in which the smallest local p-value is at most 0.05.
    """

    ks: float
    below: tuple[float, float, float]
    any_below: float


def uniformity(row: Mapping[str, Any], n_permutations: int) -> Uniformity:
    """Return how the p-values of a stored row are distributed."""
    count = n_permutations + 1
    p = _numbers(row["counts"]) / count
    local = np.array([_numbers(text) / count for text in row["local_counts"].values()])
    # Within a step the true p-value may be anywhere: a fixed draw makes it continuous.
    even = p - np.random.default_rng(1).random(p.size) / count
    below = tuple(float(np.mean(p <= level + 1e-9)) for level in (0.01, 0.05, 0.1))
    return Uniformity(
        ks=float(kstest(even, "uniform").pvalue),
        below=(below[0], below[1], below[2]),
        any_below=float(np.mean(local.min(axis=0) <= 0.05 + 1e-9)),
    )


def table(data: Mapping[str, Any]) -> str:
    """Return the table, as Markdown."""
    n = data["n_permutations"]
    lines = [
        "# The p-value of all tests together",
        "",
        f"Toys without signal, {n} relabellings each. A p-value that holds is at most 0.05 in "
        "5 % of them, and so on; its KS p-value is that of uniformity. *any local p ≤ 0.05* is "
        "what the smallest of the printed p-values would do, were it taken as it stands.",
        "",
        "| events | r | correction | tests | rows | toys | p ≤ 0.01 | p ≤ 0.05 | p ≤ 0.1 | KS p "
        "| any local p ≤ 0.05 | not done |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in data["rows"]:
        found = uniformity(row, n)
        error = np.sqrt(0.05 * 0.95 / row["n_toys"])
        low, mid, high = found.below
        lines.append(
            f"| {row['n_events']:,} | {row['ratio']} | {row['correction']} | {row['options']} "
            f"| {len(row['local_counts'])} | {row['n_toys']:,} | {100 * low:.1f} % "
            f"| {100 * mid:.1f} ± {100 * error:.1f} % | {100 * high:.1f} % | {found.ks:.2g} "
            f"| {100 * found.any_below:.0f} % | {row['not_done']} |"
        )
    return "\n".join(lines) + "\n"


def _numbers(text: str) -> FloatArray:
    return np.array(text.split(), dtype=np.float64)
