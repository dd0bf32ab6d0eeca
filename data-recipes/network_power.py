"""The symmetrized network test on the paper's toy model: its null and its power.

Writes ``results/network-power.json``: run ``python -m eμsym.recipes.network_power``
(about an hour of one core). Rows that the file already holds are kept, so a run that
was stopped goes on. Toy i of a row is child i of the seed: the same pair that
`eμsym.recipes.spline_power` gave to the spline tests. With ``--tables`` it only prints
the two tables of ``results/README.md``.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import chi2, kstest, norm

from eμsym.files import read_json, write_json
from eμsym.null import Null
from eμsym.recipes.spline_power import RESULTS as SPLINE_RESULTS
from eμsym.recipes.spline_power import SCHEMA as SPLINE_SCHEMA
from eμsym.recipes.spline_power import SEED, ideal, strength
from eμsym.sources import ToyModel
from eμsym.symmetrized import SymmetrizedTest
from eμsym.toy_loop import toy_statistics

SCHEMA = "emusym/network-power"
VERSION = 1
RESULTS = Path(__file__).parent / "results" / "network-power.json"

#: Digits of t that are kept: the nodes engine is exact to fewer.
_DIGITS = 4
#: Of the net 1-4-1: its parameters less one.
_DOF = 12
_QUANTILES = (0.025, 0.16, 0.5, 0.84, 0.975)


@dataclass(frozen=True)
class Row:
    """One model and how many toys of it.

    Attributes
    ----------
    n : int
        Expected background events in A and in B.
    n_toys : int
    signal : {"S1", "S2", "S3"}, optional
    n_signal : float
        Expected signal events, in A.
    """

    n: int
    n_toys: int
    signal: str | None = None
    n_signal: float = 0.0


def rows() -> list[Row]:
    """Return what is computed: nulls, the paper's two benchmarks, signals of 6σ ideally."""
    wanted = [Row(110_000, 600)]
    for n, n_null, benchmark in ((55_000, 400, 500.0), (5_500, 200, 160.0)):
        wanted += [Row(n, n_null), Row(n, 100, "S3", benchmark)]
        wanted += [Row(n, 100, name, strength(name, n, 6.0)) for name in ("S1", "S2", "S3")]
    return wanted


def compute(row: Row) -> dict[str, Any]:
    """Return a row with t of each of its toys, in the paper's preset."""
    model = ToyModel(row.n, row.n, row.signal, row.n_signal)
    t = toy_statistics(SymmetrizedTest.paper(), model, row.n_toys, rng=SEED)
    ideal_z = 0.0 if row.signal is None else ideal(row.signal, row.n, row.n_signal)
    return {
        **dataclasses.asdict(row),
        "ideal_z": ideal_z,
        "t": np.round(t, _DIGITS).tolist(),
    }


def stored_rows() -> list[dict[str, Any]]:
    """Return the rows of the stored file."""
    rows: list[dict[str, Any]] = read_json(RESULTS, schema=SCHEMA)["rows"]
    return rows


def null_table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the quantiles of t without signal beside those of χ²₁₂, as lines of Markdown."""
    lines = ["| events in A and in B | toys | t at 2.5, 16, 50, 84, 97.5 % | mean | KS p of χ²₁₂ |"]
    lines.append("|---|---|---|---|---|")
    for row in rows:
        if row["signal"] is None:
            t = np.array(row["t"])
            mean = f"{t.mean():.2f} ± {t.std() / np.sqrt(t.size):.2f}"
            p = kstest(t, chi2(_DOF).cdf).pvalue
            lines.append(
                f"| {row['n']:,} | {t.size} | {_numbers(np.quantile(t, _QUANTILES))} | {mean} "
                f"| {p:.2g} |"
            )
    reference = chi2.ppf(_QUANTILES, _DOF)
    return [*lines, f"| χ²₁₂ | | {_numbers(reference)} | {_DOF} | |"]


def power_table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the median Z of the network and of the splines on the same toys, in Markdown."""
    spline = {
        (row["n_a"], row["signal"], round(row["n_signal"], 6)): row["tests"]
        for row in read_json(SPLINE_RESULTS, schema=SPLINE_SCHEMA)["rows"]
    }
    nulls = {row["n"]: Null(np.array(row["t"])) for row in rows if row["signal"] is None}
    lines = [
        "| events in A and in B | signal in A | ideal Z | network, Z of its null (of χ²₁₂) "
        "| spline K = 8, 13, 24 |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        if row["signal"] is None:
            continue
        median = float(np.median(row["t"]))
        by_chi2 = norm.isf(chi2.sf(median, _DOF))
        tests = spline[row["n"], row["signal"], round(row["n_signal"], 6)]
        splines = ", ".join(f"{test['z_median']:.2f}" for test in tests.values())
        lines.append(
            f"| {row['n']:,} | {row['n_signal']:.0f} of {row['signal']} | {row['ideal_z']:.1f} "
            f"| {nulls[row['n']].z(median):.2f} ({by_chi2:.2f}) | {splines} |"
        )
    return lines


def _numbers(values: Any) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def main() -> None:
    """Compute the rows that the file lacks, write it after each, and print the tables."""
    done = stored_rows() if RESULTS.exists() else []
    versions = {name: importlib.metadata.version(name) for name in ("emusym", "numba", "numpy")}
    content = {"schema": SCHEMA, "version": VERSION, "seed": SEED, "versions": versions}
    for row in rows() if "--tables" not in sys.argv else ():
        key = dataclasses.asdict(row)
        if any({name: other[name] for name in key} == key for other in done):
            continue
        done.append(compute(row))
        write_json(RESULTS, {**content, "rows": done})
    print("\n".join([*null_table(done), "", *power_table(done)]))


if __name__ == "__main__":
    main()
