"""The stored toys with fakes among the data, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray

SCHEMA, VERSION = "emusym/coverage-fakes", 1
LEVEL = 0.05


def false_alarms(counts: str, n_permutations: int) -> float:
    """Return the share of p-values at or below `LEVEL`.

    Parameters
    ----------
    counts : str
        p (n + 1) of every toy.
    n_permutations : int
        That n.
    """
    return float(np.mean(_numbers(counts) / (n_permutations + 1) <= LEVEL + 1e-9))


def table(data: Mapping[str, Any]) -> str:
    """Return the table, as Markdown."""
    n, tau = data["n_permutations"], data["transfer_factor"]
    lines = [
        "# False alarms with fake leptons among the data",
        "",
        f"Toys without signal, {n} relabellings each: the share of p ≤ {LEVEL:g}, with the fakes "
        f"in the data → taken off by control events (τ = {tau:g} ± "
        f"{tau * data['relative_error']:g}). Fakes are softer than the background, and in most "
        "the muon leads.",
        "",
    ]
    rows = data["rows"]
    heads = [
        f"{row['n_events']:,} events, {100 * row['share']:g} % fakes, r {row['ratio']}, "
        f"correction {row['correction']}"
        for row in rows
    ]
    lines += [f"| test | {' | '.join(heads)} |", "|---" * (len(rows) + 1) + "|"]
    names = next((list(row["counts"]["raw"]) for row in rows if row["n_toys"]), [])
    for name in names:
        cells = []
        for row in rows:
            if not row["n_toys"]:
                cells.append("")
                continue
            before, after = (
                100 * false_alarms(row["counts"][state][name], n) for state in ("raw", "subtracted")
            )
            error = 100 * np.sqrt(LEVEL * (1 - LEVEL) / row["n_toys"])
            cells.append(f"{before:.1f} % → {after:.1f} ± {error:.1f} %")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append(f"| toys | {' | '.join(str(row['n_toys']) for row in rows)} |")
    lines.append(f"| not done | {' | '.join(str(row['not_done']) for row in rows)} |")
    return "\n".join(lines) + "\n"


def _numbers(text: str) -> FloatArray:
    return np.array(text.split(), dtype=np.float64)
