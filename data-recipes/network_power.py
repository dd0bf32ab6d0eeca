"""The symmetrized network test on the paper's toy model: its null and its power.

Writes ``results/network-power.json``: run ``python -m eμsym.recipes.network_power``
(about 75 minutes of one core). Rows that the file already holds are kept, so a run that
was stopped goes on. Toy i of a row is child i of the seed: the same pair that
`eμsym.recipes.spline_power` gave to the spline tests.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.files import read_json, write_json
from eμsym.recipes.spline_power import SEED, ideal, strength
from eμsym.sources import ToyModel
from eμsym.symmetrized import SymmetrizedTest
from eμsym.toy_loop import toy_statistics

SCHEMA = "emusym/network-power"
VERSION = 1
RESULTS = Path(__file__).parent / "results" / "network-power.json"

#: Digits of t that are kept: the nodes engine is exact to fewer.
_DIGITS = 4


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
    """Return what is computed: nulls, the paper's two benchmarks, signals of 4σ and 6σ ideally."""
    wanted = [Row(110_000, 600), Row(55_000, 400), Row(55_000, 100, "S3", 500.0)]
    wanted += [Row(5_500, 300), Row(5_500, 100, "S3", 160.0)]
    for n, z in ((55_000, 6.0), (55_000, 4.0), (5_500, 6.0)):
        wanted += [Row(n, 100, name, strength(name, n, z)) for name in ("S1", "S2", "S3")]
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


def main() -> None:
    """Compute the rows that the file lacks, and write it after each."""
    done = read_json(RESULTS, schema=SCHEMA)["rows"] if RESULTS.exists() else []
    versions = {name: importlib.metadata.version(name) for name in ("emusym", "numba", "numpy")}
    content = {"schema": SCHEMA, "version": VERSION, "seed": SEED, "versions": versions}
    for row in rows():
        key = dataclasses.asdict(row)
        if any({name: other[name] for name in key} == key for other in done):
            continue
        done.append(compute(row))
        write_json(RESULTS, {**content, "rows": done})


if __name__ == "__main__":
    main()
