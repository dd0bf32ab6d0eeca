"""The stored comparison of simulated ee with μμ, and e + jets with μ + jets, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2, ncx2

SCHEMA, VERSION = "emusym/coverage-simulated-symmetries", 1

#: A column is called calibrated up to the size at which p ≤ 0.05 in so many samples.
LEVEL, OFTEN = 0.05, 0.10


def size_that_holds(n_events: int, value: float, dof: int, z: float = 0.0) -> float | None:
    """Return up to how many events p is at most `LEVEL` in no more than `OFTEN` of all samples.

    What is wrong with a column adds to χ² a non-centrality in proportion to the number of
    events; χ² − dof of a sample estimates it.

    Parameters
    ----------
    n_events : int
    value : float
        χ² of them.
    dof : int
    z : float
        Take the estimate so many of its standard deviations, √(2 dof + 4λ), lower or higher.

    Returns
    -------
    float or None
        None if χ² says nothing of anything wrong.
    """
    found = value - dof
    found += z * np.sqrt(2 * dof + 4 * max(found, 0.0))
    if found <= 0:
        return None
    limit = chi2.isf(LEVEL, dof)
    allowed = brentq(lambda x: ncx2.sf(limit, dof, x) - OFTEN, 1e-9, 100.0)
    return float(n_events * allowed / found)


def share(values: Sequence[float]) -> str:
    """Return how many of some p-values are at most `LEVEL`: 3/20."""
    return f"{sum(p <= LEVEL for p in values)}/{len(values)}"


def _how(row: Mapping[str, Any], window: Sequence[float]) -> str:
    said = ["ln r fitted" if row["calibrated"] else "uncorrected"]
    said += ["resolutions equalised"] if row["maps"] else []
    said += [f"without {window[0]:g}–{window[1]:g} GeV"] if row["off_peak"] else []
    return ", ".join(said)


def _p(value: float) -> str:
    return f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"


def _size(row: Mapping[str, Any], name: str) -> str:
    """Return the size up to which a column holds, from below, as text."""
    whole, n = row["whole"][name], row["n_a"] + row["n_b"]
    best = size_that_holds(n, whole["chi2"], whole["dof"])
    worst = size_that_holds(n, whole["chi2"], whole["dof"], z=1.0)
    if best is None or best >= n:
        return f"all; ≥ {_rounded(min(worst or n, n))}"
    return f"{_rounded(best)} (≥ {_rounded(worst or n)})"


def _rounded(n: float) -> str:
    digits = max(0, int(np.floor(np.log10(max(n, 1)))) - 1)
    return f"{int(round(n, -digits)):,}"


def table(data: Mapping[str, Any]) -> str:
    """Return the tables, as Markdown."""
    lines = [
        "# Simulated Z → ee, μμ and W + jets",
        "",
        "Events of `emusym simulate zll` and `wjets` (Pythia 8, the parametrised detector of "
        "Delphes' ATLAS card), without anything new: ee against μμ (`flavour`), e + jets against "
        "μ + jets (`lepton_jet`). χ² of B − A in about twelve bins of a column, with the "
        "covariance of the fit. *parts*: in how many disjoint parts of a size p ≤ 0.05; one in "
        "twenty is right. *all*: p of the whole sample. *holds up to*: events at which p ≤ 0.05 "
        "would be in 10 % of all samples, from χ² − dof of the whole, and one standard deviation "
        "below. *all*: more than there are here. *No underlying event*: without multiparton "
        "interactions, which take nineteen twentieths of the time; so there are more events.",
        "",
        "| sample | generated | fb⁻¹ | selected |",
        "|---|---|---|---|",
    ]
    for name, sample in data["samples"].items():
        first = next(row for row in data["rows"] if row["sample"] == name)
        n = first["n_a"] + first["n_b"]
        lines.append(
            f"| {name} | {sample['n_generated']:,.0f} | {sample['luminosity_ifb']:.4f} | {n:,} |"
        )
    for row in data["rows"]:
        sizes = list(row["parts"])
        heads = " | ".join(f"{int(size):,}" for size in sizes)
        n = row["n_a"] + row["n_b"]
        lines += [
            "",
            f"## {row['sample']}: {_how(row, data['window'])}",
            "",
            f"{n:,} events, {row['n_a']:,} of A and {row['n_b']:,} of B."
            + _quality(row)
            + "".join(f" {count}: {why}." for why, count in row["problems"].items()),
            "",
            f"| column | {heads} | all | χ²/dof | holds up to |",
            "|---" * (len(sizes) + 4) + "|",
        ]
        for name, whole in row["whole"].items():
            cells = [name, *(share(row["parts"][size][name]) for size in sizes)]
            cells += [_p(whole["p"]), f"{whole['chi2']:.0f}/{whole['dof']}", _size(row, name)]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _quality(row: Mapping[str, Any]) -> str:
    if row["quality"] is None:
        return ""
    return " " + ", ".join(f"{name} p = {_p(p)}" for name, p in row["quality"].items()) + "."
