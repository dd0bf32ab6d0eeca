"""The stored toys with and without a signal, as a table of what corrections leave of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

SCHEMA, VERSION = "emusym/coverage-power", 1


def gain(row: Mapping[str, Any]) -> tuple[float, float]:
    """Return by how much Z of the same toys is larger with the signal, and the mean's error."""
    more = np.array(row["with"]) - np.array(row["without"])
    return float(more.mean()), float(more.std(ddof=1) / np.sqrt(more.size))


def table(data: Mapping[str, Any]) -> str:
    """Return the table, as Markdown."""
    lines = [
        "# What corrections leave of a signal",
        "",
        f"Toys of {data['n_events']:,} events of background with an effect, without signal and "
        f"with {data['n_signal']} events of H→τe on top: Z of q0 of H→τe in the plane. *more* is "
        "the mean of the difference on the same toys, which is what is left of the signal.",
        "",
        "| effect | correction | toys | Z without | its width | Z with | more |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in data["rows"]:
        without, found = np.array(row["without"]), np.array(row["with"])
        n = without.size
        more, error = gain(row)
        lines.append(
            f"| {row['effect']} | {row['correction']} | {n} "
            f"| {without.mean():+.2f} ± {without.std(ddof=1) / n**0.5:.2f} "
            f"| {without.std(ddof=1):.2f} "
            f"| {found.mean():+.2f} ± {found.std(ddof=1) / n**0.5:.2f} "
            f"| {more:.2f} ± {error:.2f} |"
        )
    return "\n".join(lines) + "\n"
