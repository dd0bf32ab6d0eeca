"""The stored toys of the detector study, as a table: what fires, and what is off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scipy.stats import binomtest

from eμsym.coverage.tally import Tally

SCHEMA, VERSION = "emusym/coverage-detector", 1

#: The level of the intervals, before it is divided by the number of cells.
_LEVEL = 0.01


def interval(tally: Tally, name: str, n_cells: int) -> tuple[float, float]:
    """Return the 99 % interval of a row's share of p ≤ 0.05, for all cells of a table at once.

    Clopper and Pearson's, with Bonferroni's correction.
    """
    n = tally.counted(name)
    found = binomtest(tally.pvalues[name][0], n).proportion_ci(1 - _LEVEL / n_cells)
    return float(found.low), float(found.high)


def cells(data: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Tally, str]]:
    """Return every p-value of every row of the stored study."""
    found = []
    for row in data["rows"]:
        tally = Tally.from_dict(row)
        found += [(row, tally, name) for name in tally.pvalues]
    return found


def excluded(data: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """Return the cells whose interval excludes 0.05: what, and the interval."""
    every = cells(data)
    found = []
    for row, tally, name in every:
        low, high = interval(tally, name, len(every))
        if not low <= 0.05 <= high:
            found.append((f"{row['n_events']:,} {row['ratio']}, {name}", low, high))
    return found


def table(data: Mapping[str, Any]) -> str:
    """Return the table, as Markdown."""
    lines = [
        "# What is printed of a self-calibrated pair, without signal",
        "",
        f"Toys of known r, {data['n_relabellings']} relabellings each. *p ≤ 0.05*: in how many "
        "percent of the toys the printed p-value is at most 0.05; where it holds it is 5. "
        "Errors are of one standard deviation.",
        "",
    ]
    names = list(dict.fromkeys(name for _, _, name in cells(data)))
    lines += [
        "| events | r | toys | " + " | ".join(name.replace("|", "\\|") for name in names) + " |",
        "|---" * (len(names) + 3) + "|",
    ]
    for row in data["rows"]:
        tally = Tally.from_dict(row)
        if not tally.pvalues:
            continue
        shown = []
        for name in names:
            if name not in tally.pvalues:
                shown.append("")
                continue
            share, error = tally.below(name)
            shown.append(f"{100 * share:.1f} ± {100 * error:.1f}")
        toys = f"{tally.n:,}" + (
            f" ({sum(tally.problems.values())} not done)" * bool(tally.problems)
        )
        lines.append(
            f"| {row['n_events']:,} | {row['ratio']} | {toys} | " + " | ".join(shown) + " |"
        )
    every = cells(data)
    off = excluded(data)
    lines += [
        "",
        f"Of {len(every)} cells, {len(off)} have a 99 % interval (Clopper-Pearson, Bonferroni over "
        "all cells) that excludes 5 %"
        + (
            ": " + "; ".join(f"{n} ({100 * a:.1f}-{100 * b:.1f} %)" for n, a, b in off)
            if off
            else ""
        )
        + ".",
        "",
        "## Mean and width of Nσ",
        "",
    ]
    observables = list(dict.fromkeys(n for r in data["rows"] for n in r["moments"]))
    lines += [
        "| events | r | " + " | ".join(observables) + " |",
        "|---" * (len(observables) + 2) + "|",
    ]
    for row in data["rows"]:
        tally, shown = Tally.from_dict(row), []
        for name in observables:
            mean, error, width = tally.z(name)
            shown.append(f"{mean:+.3f} ± {error:.3f}, {width:.2f}")
        lines.append(f"| {row['n_events']:,} | {row['ratio']} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"
