"""The tables of the study of the scan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import norm

from eμsym.arrays import FloatArray
from eμsym.coverage.ranks import uniformity

SCHEMA, VERSION = "emusym/coverage-scan", 1

#: What a scan's pairs are called.
NAMES = {
    "coins": "fair coins",
    "sizes": "sizes kept",
    "given": "strong r, given",
    "fitted": "strong r, fitted",
    "plane": "the plane",
}

#: The one-sided p-value of 3σ.
THREE_SIGMA = float(norm.sf(3))


def table(data: Mapping[str, Any]) -> str:
    """Return the tables, as Markdown."""
    rows = data["rows"]
    parts = [
        "# The p-values of a scan\n",
        _global([row for row in rows if not row["n_added"] and row["kind"] != "plane"]),
        _others([row for row in rows if "others" in row and "alone" not in row]),
        _power([row for row in rows if "alone" in row and row["kind"] != "plane"]),
        _plane([row for row in rows if row["kind"] == "plane"]),
    ]
    return "\n".join(part for part in parts if part)


def pvalues(row: Mapping[str, Any], name: str) -> FloatArray:
    """Return p-values that a row keeps as ranks."""
    ranks: FloatArray = np.array(row[name].split(), dtype=np.float64)
    return ranks / float(row["n"] + 1)


def below(row: Mapping[str, Any], name: str, level: float) -> tuple[float, float]:
    """Return the share of p-values at or below a level, and its error were that the truth."""
    p = pvalues(row, name)
    return float(np.mean(p <= level + 1e-9)), float(np.sqrt(level * (1 - level) / p.size))


def _percent(share: float, error: float) -> str:
    return f"{100 * share:.1f} ± {100 * error:.1f} %"


def _entries(row: Mapping[str, Any]) -> str:
    return f"{np.median([int(x) for x in row['entries'].split()]):,.0f}"


def _global(rows: list[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    lines = [
        "## Without signal\n",
        f"{rows[0]['n']} relabellings a toy; KS p is that of uniformity of the global p-value.\n",
        "| pairs | events | entries | toys | p ≤ 0.05 | p ≤ 0.01 | KS p | not done |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: (list(NAMES).index(row["kind"]), row["n_events"])):
        ks, _, size = uniformity(row, row["n"])
        lines.append(
            f"| {NAMES[row['kind']]} | {row['n_events']:,} | {_entries(row)} | {size:,} "
            f"| {_percent(*below(row, 'ranks', 0.05))} | {_percent(*below(row, 'ranks', 0.01))} "
            f"| {ks:.2g} | {row['not_done']} |"
        )
    return "\n".join(lines) + "\n"


def _others(rows: list[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    lines = [
        "## With an asymmetry in one class\n",
        f"Events are added to A in the class {rows[0]['added']}. *Others*: share of toys in which "
        "an entry of a region without any of them has an adjusted p-value of at most 0.05. "
        "*Shift*: mean of the local Nσ of B − A of m_coll in the largest such region.\n",
        "| pairs | events | added | toys | global p ≤ 0.05 | others | shift |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        shift = np.array(row["shift"].split(), dtype=np.float64)
        error = shift.std() / np.sqrt(shift.size)
        lines.append(
            f"| {NAMES[row['kind']]} | {row['n_events']:,} | {row['n_added']} | {shift.size:,} "
            f"| {100 * below(row, 'ranks', 0.05)[0]:.0f} % "
            f"| {_percent(*below(row, 'others', 0.05))} | {shift.mean():+.2f} ± {error:.2f} |"
        )
    return "\n".join(lines) + "\n"


def _power(rows: list[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    lines = [
        "## A signal in one region\n",
        f"Events of {rows[0]['added']} are added to A. *First*: share of toys in which the most "
        "asymmetric entry is in the signal's own region, and in one that holds all of it (but "
        "for the region of all events). *Alone*: a scan of all events without regions, of the "
        "same toys and relabellings.\n",
        "| events | added | toys | first: own | first: holds it | p ≤ 0.01 | p ≤ 0.01 alone "
        "| 3σ | 3σ alone | median p | median p alone |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        first = row["first"].split()
        cells = [
            f"{100 * below(row, name, level)[0]:.0f} %"
            for level in (0.01, THREE_SIGMA)
            for name in ("ranks", "alone")
        ]
        lines.append(
            f"| {row['n_events']:,} | {row['n_added']} | {len(first)} "
            f"| {100 * row['own'] / len(first):.0f} % "
            f"| {100 * first.count('whole') / len(first):.0f} % | {' | '.join(cells)} "
            f"| {np.median(pvalues(row, 'ranks')):.2g} | {np.median(pvalues(row, 'alone')):.2g} |"
        )
    return "\n".join(lines) + "\n"


def _plane(rows: list[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    lines = [
        "## The DDP paper's plane\n",
        "A and B of the template, a signal of 5σ for q0 with T known on top of B; the classes "
        "know nothing of it. *Alone*: the whole plane, and its two observables, without regions. "
        "In brackets: quartiles.\n",
        "| toys | regions | entries | first: all events | median p | p ≤ 0.05 | median p alone "
        "| p ≤ 0.05 alone |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        first = row["first"].split()
        cells = [cell for name in ("ranks", "alone") for cell in _spread(row, name)]
        lines.append(
            f"| {len(first)} | {row['regions']} | {_entries(row)} | {first.count('all')} "
            f"| {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


def _spread(row: Mapping[str, Any], name: str) -> tuple[str, str]:
    """Return the median and quartiles of p-values, and the share of those of at most 0.05."""
    p = pvalues(row, name)
    low, middle, high = np.quantile(p, [0.25, 0.5, 0.75])
    share = float(np.mean(p <= 0.05 + 1e-9))
    error = float(np.sqrt(share * (1 - share) / p.size))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})", f"{100 * share:.0f} ± {100 * error:.0f} %"
