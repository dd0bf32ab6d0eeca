"""What the comparison with pyhf stored, summarised: how often limits agree, and its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

SCHEMA, VERSION = "emusym/coverage-limits-pyhf", 1

#: Limits that differ by less are the same; −2 ln L that is higher by more is worse.
SAME, WORSE = 1e-3, 1e-3


@dataclass(frozen=True)
class AgreementSummary:
    """Models of a kind with one minimiser of pyhf.

    Attributes
    ----------
    n : int
        Models that it was tried on.
    failed : int
        Where pyhf said so.
    same : int
        All twelve limits within `SAME`.
    worse, both : int
        −2 ln L of one of pyhf's two fits above ours by more than `WORSE`, and that where limits
        are not the same.
    largest : float
        Of all that it is above ours by; NaN if all have failed.
    lowest : float
        Of the same: below zero where ours is above pyhf's.
    median_off : float
        Median difference of the limits that are not the same.
    """

    n: int
    failed: int
    same: int
    worse: int
    both: int
    largest: float
    lowest: float
    median_off: float


def summary(models: list[Mapping[str, Any]], minimiser: str) -> AgreementSummary:
    """Return the summary of stored models."""
    tried = [model[minimiser] for model in models if minimiser in model]
    done = [x for x in tried if "off" in x]
    off = np.array([x["off"] for x in done])
    worst = np.array([max(x["worse"]) for x in done])
    lowest = [min(x["worse"]) for x in done]
    other = off >= SAME
    return AgreementSummary(
        n=len(tried),
        failed=len(tried) - len(done),
        same=int(np.count_nonzero(~other)),
        worse=int(np.count_nonzero(worst > WORSE)),
        both=int(np.count_nonzero(other & (worst > WORSE))),
        largest=float(worst.max()) if done else float("nan"),
        lowest=min(lowest) if done else float("nan"),
        median_off=float(np.median(off[other])) if other.any() else float("nan"),
    )


def table(data: Mapping[str, Any]) -> str:
    """Return the study as a table of Markdown."""
    columns = (
        "uncertain",
        "minimiser of pyhf",
        "models",
        "pyhf fails",
        "limits the same",
        "others, median difference",
        "pyhf's −2 ln L worse",
        "of the others",
        "worst by",
        "best by",
    )
    lines = [
        "# Limits beside pyhf's",
        "",
        f"Written by `python -m eμsym.coverage.limits_pyhf` with the seed {data['seed']}.",
        "",
        f"| {' | '.join(columns)} |",
        "|" + "---|" * len(columns),
    ]
    every = data["models"]
    for kind in dict.fromkeys(model["kind"] for model in every):
        models = [model for model in every if model["kind"] == kind]
        for minimiser in ("scipy", "minuit"):
            found = summary(models, minimiser)
            if not found.n:
                continue
            others = found.n - found.failed - found.same
            values = (
                kind,
                minimiser,
                str(found.n),
                str(found.failed),
                str(found.same),
                f"{others}, {100 * found.median_off:.2g} %" if others else "0",
                str(found.worse),
                f"{found.both} of {others}",
                f"{found.largest:.2g}",
                f"{found.lowest:.1g}",
            )
            lines.append(f"| {' | '.join(values)} |")
    return "\n".join(lines) + "\n"
