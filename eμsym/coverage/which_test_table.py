"""The table of `eμsym.coverage.which_test`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

SCHEMA, VERSION = "emusym/coverage-which-test", 1


def found_share(row: Mapping[str, Any], name: str, n: int, level: float = 0.05) -> float:
    """Return in which share of a row's toys a test's p is at most a level."""
    p = np.array(row["ranks"][name].split(), dtype=np.float64) / (n + 1)
    return float(np.mean(p <= level + 1e-9))


def table(data: Mapping[str, Any]) -> str:
    """Return the table, as Markdown."""
    names = list(data["rows"][0]["ranks"])
    lines = [
        "# Which test finds which signal",
        "",
        f"{data['n_background']:,} events expected in each sample, and in A as many of a signal as "
        f"would be {data['ideal']:g}σ, were background and shape known. In how many percent of "
        f"the toys p ≤ 0.05, and ≤ 0.005; {data['n']} relabellings a toy, the same for all tests. "
        "“none” should have 5 and 0.5.",
        "",
        "| columns | signal | events of it | toys | " + " | ".join(names) + " |",
        "|---" * (4 + len(names)) + "|",
    ]
    for row in data["rows"]:
        cells = []
        for name in names:
            shares = (100 * found_share(row, name, data["n"], level) for level in (0.05, 0.005))
            cells.append(", ".join(f"{share:.0f}" for share in shares))
        lines.append(
            f"| {row['columns']} | {row['signal']} | {row['n_signal']:.0f} | {row['n_toys']} | "
            + " | ".join(cells)
            + " |"
        )
    lines += [
        "",
        f"Seconds of one core for a p-value by {data['n']} relabellings:",
        "",
        "| columns | " + " | ".join(names) + " |",
        "|---" * (1 + len(names)) + "|",
    ]
    for columns, took in data["seconds"].items():
        cells = [f"{took[name]:.2g}" for name in names]
        lines.append(f"| {columns} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
