"""The spline test's power on the paper's toy model, beside the ideal significance.

Writes ``results/spline-power.json``: run ``python -m eμsym.papers.spline_power``.
Toy i of a row is child i of the seed, as in `eμsym.running.toys.toy_statistics`, so any
other test can be given the same toys.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import kstest

from eμsym.files import write_json
from eμsym.running.toys import toy_statistics
from eμsym.toy_model import TOY_BACKGROUND, TOY_SIGNALS, GaussianSignal, ToyModel
from eμsym.unbinned.references import ideal_significance
from eμsym.unbinned.spline import SplineTest

SCHEMA = "emusym/spline-power"
VERSION = 1
SEED = 20401
SIZES = (5_500, 55_000)
KS = (8, 13, 24)
IDEAL = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
#: As the paper: 100 toys a signal strength, 2,000 without signal.
N_TOYS = 100
N_NULL = 2000
RESULTS = Path(__file__).parent / "results" / "spline-power.json"


@dataclass(frozen=True)
class Significance:
    """The Z of a spline test, from its χ² reference."""

    test: SplineTest

    def __call__(self, a: Any, b: Any, *, rng: Any = None) -> float:
        """Test two samples."""
        return self.test(a, b).z


def ideal(name: str, n: float, n_signal: float) -> float:
    """Return the ideal significance of a toy signal (SYM Eq. 30)."""
    signal = TOY_SIGNALS[name]
    points: tuple[float, ...] = (2.0,)
    if isinstance(signal, GaussianSignal):
        points = tuple(signal.mean + width * signal.sigma for width in (-5, 0, 5))
    return ideal_significance(TOY_BACKGROUND.pdf, signal.pdf, n, n_signal, points=points)


def strength(name: str, n: float, z: float) -> float:
    """Return the expected signal events of an ideal significance."""
    return float(brentq(lambda s: ideal(name, n, s) - z, 1e-3, n))


def row(n: int, name: str | None, n_signal: float, n_toys: int) -> dict[str, Any]:
    """Return the quantiles of Z for every K, on the same toys."""
    model = ToyModel(n, n, name, n_signal)
    tests = {}
    for k in KS:
        z = toy_statistics(Significance(SplineTest(k)), model, n_toys, rng=SEED)
        low, median, high = np.quantile(z, [0.16, 0.5, 0.84])
        tests[f"spline_k{k}"] = {"z_median": median, "z_16": low, "z_84": high}
        if name is None:
            tests[f"spline_k{k}"]["ks_pvalue"] = float(kstest(z, "norm").pvalue)
    return {
        "n_a": n,
        "n_b": n,
        "signal": name,
        "n_signal": n_signal,
        "ideal_z": 0.0 if name is None else ideal(name, n, n_signal),
        "n_toys": n_toys,
        "tests": tests,
    }


def main() -> None:
    """Compute all rows, and those of the paper's two benchmarks, and write them."""
    rows = []
    for n, benchmark in zip(SIZES, (160.0, 500.0), strict=True):
        rows.append(row(n, None, 0.0, N_NULL))
        rows.append(row(n, "S3", benchmark, N_TOYS))
        rows += [row(n, name, strength(name, n, z), N_TOYS) for name in TOY_SIGNALS for z in IDEAL]
    versions = {name: importlib.metadata.version(name) for name in ("emusym", "numpy", "scipy")}
    content = {"schema": SCHEMA, "version": VERSION, "seed": SEED, "versions": versions}
    write_json(RESULTS, {**content, "rows": rows})


if __name__ == "__main__":
    main()
