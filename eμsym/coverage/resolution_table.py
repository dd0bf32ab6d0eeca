"""The stored toys with different resolutions of e and μ, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eμsym.coverage.tally import Tally

SCHEMA, VERSION = "emusym/coverage-resolution", 1


def table(data: Mapping[str, Any]) -> str:
    """Return the table, as Markdown."""
    rows = [(row, Tally.from_dict(row)) for row in data["rows"]]
    names = list(dict.fromkeys(name for row, _ in rows for name in row["pvalues"]))
    observables = list(dict.fromkeys(name for row, _ in rows for name in row["moments"]))
    heads = [name.replace("|", "\\|") for name in names]
    lines = [
        "# Different momentum resolutions of e and μ",
        "",
        "Toys without signal and with equal efficiencies, raw and with the default correction: in "
        "how many percent of them p of Nσ, by N(0,1), is at most 0.05 (± what chance makes of "
        "5 %), with leptons as measured and with the better ones smeared by maps. *events* are "
        "before the cut on the measured pT, which keeps 82 % of them. The last two columns say "
        "how often the quality lines warn.",
        "",
        f"| events | correction | better leptons | toys | {' | '.join(heads)} |",
        "|---" * (len(names) + 4) + "|",
    ]
    for row, tally in rows:
        shown = []
        for name in names:
            share = ""
            if name in tally.pvalues:
                found, error = tally.below(name)
                share = f"{100 * found:.0f} ± {100 * error:.0f}"
            shown.append(share)
        about = _about(row)
        lines.append(f"| {' | '.join([*about, f'{tally.n:,}', *shown])} |")
    lines += [
        "",
        "## Mean and width of Nσ",
        "",
        f"| events | correction | better leptons | {' | '.join(observables)} |",
        "|---" * (len(observables) + 3) + "|",
    ]
    for row, tally in rows:
        shown = []
        for name in observables:
            mean, error, width = tally.z(name)
            shown.append(f"{mean:+.2f} ± {error:.2f}, {width:.2f}")
        about = _about(row)
        lines.append(f"| {' | '.join([*about, *shown])} |")
    return "\n".join(lines) + "\n"


def _about(row: Mapping[str, Any]) -> list[str]:
    smeared = "smeared" if row["maps"] else "as measured"
    return [f"{row['n_events']:,}", row["correction"], smeared]
