"""The table of `eμsym.coverage.subspace_power`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray

SCHEMA, VERSION = "emusym/coverage-subspace-power", 1

#: Draws of toys with replacement, for the errors.
_BOOTSTRAPS = 1000


def values(listed: str) -> FloatArray:
    """Return stored numbers."""
    return np.array(listed.split(), dtype=np.float64)


def median(z: FloatArray) -> tuple[float, float]:
    """Return the median, and its error by drawing toys with replacement."""
    drawn = np.random.default_rng(0).integers(0, z.size, (_BOOTSTRAPS, z.size))
    return float(np.median(z)), float(np.std(np.median(z[drawn], axis=1)))


def table(data: Mapping[str, Any]) -> str:
    """Return the table, as Markdown."""
    lines = [
        f"# What the subspace test reaches of an ideal {data['ideal']:g}σ",
        "",
        f"{data['n_background']:,} events expected in each sample, and in A as many of a signal as "
        f"would be {data['ideal']:g}σ, were background and signal known. Median Z of the toys. "
        "*Shape and place known*, *shape known*: the most powerful tests that compare A with B, of "
        "a signal there, and of one that may be in any columns and at any of so many places.",
        "",
        "| signal | columns | events of it | toys | shape and place known | shape known | places "
        "| `SubspaceTest` | relabellings | Z ≥ 3 | best single view, local | which | above the "
        "test by |",
        "|---" * 13 + "|",
    ]
    for row in data["rows"]:
        z, single = values(row["z"]), values(row["z_of_best_view"])
        known = row.get("shape_known")
        of_shape = ["", "", ""]
        if known is not None:
            of_shape = [
                _with_error(values(known["z_at_place"])),
                _with_error(values(known["z"])),
                f"{known['places']:,}",
            ]
        cells = [
            row["signal"],
            str(row["columns"]),
            f"{row['n_signal']:.0f}",
            str(z.size),
            *of_shape,
            _with_error(z),
            f"{row['n_null']:,}",
            f"{100 * np.mean(z >= 3):.0f} %",
            _with_error(single),
            row["best_view"],
            f"{np.median(single) - np.median(z):.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _with_error(z: FloatArray) -> str:
    middle, error = median(z)
    return f"{middle:.2f} ± {error:.2f}"
