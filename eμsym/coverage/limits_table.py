"""What the study of limits stored, summarised: how often they hold, and its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eμsym.coverage.q0_table import numbers

SCHEMA, VERSION = "emusym/coverage-limits", 1

_NAMES = {"true": "known", "self": "self", "self_excluded": "self, window excluded"}


@dataclass(frozen=True)
class LimitSummary:
    """The limits of a row's toys with one correction.

    Attributes
    ----------
    n : int
        Toys that have a limit; of these is all else.
    coverage, coverage_error : float
        Share of limits that are not below the true signal.
    observed, expected : float
        Medians of the limit and of the median expected one.
    above : float
        Share of the limits that are above their own median expected one.
    """

    n: int
    coverage: float
    coverage_error: float
    observed: float
    expected: float
    above: float


def summary(row: Mapping[str, Any], correction: str) -> LimitSummary | None:
    """Return the summary of a stored row; None without a toy that has a limit."""
    cell = row["corrections"][correction]
    observed, median = numbers(cell["observed"]), numbers(cell["median"])
    n = observed.size
    if not n:
        return None
    share = float(np.mean(observed >= row["n_signal"]))
    return LimitSummary(
        n=n,
        coverage=share,
        coverage_error=float(np.sqrt(share * (1 - share) / n)),
        observed=float(np.median(observed)),
        expected=float(np.median(median)),
        above=float(np.mean(observed > median)),
    )


def table(data: Mapping[str, Any]) -> str:
    """Return the study as a table of Markdown."""
    columns = (
        "events",
        "ln r",
        "signal",
        "in expected limits",
        "toys",
        "no limit",
        "limit above signal",
        "promised",
        "median limit",
        "median expected",
        "above expected",
    )
    lines = [
        "# Limits of toys",
        "",
        f"Written by `python -m eμsym.coverage.limits` with the seed {data['seed']}.",
        "",
        f"| {' | '.join(columns)} |",
        "|" + "---|" * len(columns),
    ]
    for row in data["rows"]:
        for correction, cell in row["corrections"].items():
            found = summary(row, correction)
            values = [
                f"{row['n_events']:,}",
                _NAMES[correction],
                f"{row['n_signal']:.1f}",
                f"{row['times']:g}",
                f"{row['n_toys'] - cell['not_fitted']:,}",
                f"{cell['not_fitted']:,}",
            ]
            values += (
                [""] * 5
                if found is None
                else [
                    f"{100 * found.coverage:.1f} ± {100 * found.coverage_error:.1f} %",
                    f"{100 * row['promised']:.1f} %",
                    f"{found.observed:.1f}",
                    f"{found.expected:.1f}",
                    f"{100 * found.above:.0f} %",
                ]
            )
            lines.append(f"| {' | '.join(values)} |")
    return "\n".join(lines) + "\n"
