"""Every symmetry in a detector of known efficiencies: p with and without calibration, and a signal.

``python -m eμsym.coverage.symmetries -n 400`` writes ``docs/coverage/symmetries.json`` and its
table. The toys are those of `eμsym.coverage.symmetry_toys`. Toy i of row j draws with child (j, i).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist.axis import Variable
from numpy.random import SeedSequence
from scipy.stats import kstest

from eμsym.arrays import Rng
from eμsym.calibration.quality import fit_quality
from eμsym.coverage.command import command_of
from eμsym.coverage.symmetry_toys import PEAK, RULES, SymmetryToy
from eμsym.coverage.toys import share_of, toys_by_row
from eμsym.errors import DataError
from eμsym.pair import Pair
from eμsym.progress import Advance

SEED = 20417
SCHEMA, VERSION = "emusym/coverage-symmetries", 1

#: Events that are produced, and those of a signal that are found.
N_EVENTS = 8000
N_SIGNAL = {"resonance": 150, "rate": 200, "one lepton": 150}

#: Relabellings of every toy, with ln r fitted to each; and one toy in so many has quality lines.
N_RELABELLINGS, QUALITY_EVERY = 19, 2

#: Bins of about equal contents.
N_BINS = 12


@dataclass(frozen=True)
class Row:
    """Toys of one symmetry.

    Attributes
    ----------
    name : str
        Of the rule.
    signal : str or None
        One of `N_SIGNAL`.
    share : float
        Of the toys that are asked for.
    """

    name: str
    signal: str | None = None
    share: float = 1.0

    @property
    def toy(self) -> SymmetryToy:
        """What draws the toys."""
        if self.signal is None:
            return SymmetryToy(self.name, N_EVENTS)
        return SymmetryToy(self.name, N_EVENTS, N_SIGNAL[self.signal], signal=self.signal)


ROWS = (
    *(Row(name) for name in RULES),
    *(Row(name, signal, 0.2) for signal in N_SIGNAL for name in RULES),
)


def axis_of(toy: SymmetryToy, column: str) -> Any:
    """Return bins of a column that hold about the same numbers of a toy's events."""
    values = toy.draw(0).pool.column(column)
    inner = np.quantile(values, np.linspace(0, 1, N_BINS + 1)[1:-1])
    return Variable([0.0, *inner, 1e6], name=column)


def pvalues(pair: Pair, axes: Mapping[str, Any]) -> dict[str, float]:
    """Return the p-value of B − A in each column's bins, χ² with its covariance."""
    return {f"χ² of {n}": pair.difference(axis).chi_square().pvalue for n, axis in axes.items()}


def ranked(pair: Pair, axis: Any, n: int, *, rng: Rng) -> float:
    """Return the p-value of Σ(B − A)²/σ² among relabellings with ln r fitted to each.

    Parameters
    ----------
    pair : Pair
    axis : hist axis
    n : int
    rng : numpy.random.Generator, int or None
    """
    index, shape = pair.bin_index(axis)
    size, symmetry = int(np.prod(shape)), pair.symmetry
    variance = symmetry.spread(pair.pool, index, size)[0]
    own = symmetry.observed(pair.pool).differences(pair.pool, index, size)
    drawn = symmetry.relabel(pair.pool, n, rng=rng).differences(pair.pool, index, size)
    seen, null = (np.sum(x**2 / variance, axis=1) for x in (own, drawn))
    return float((1 + np.count_nonzero(null >= seen)) / (n + 1))


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    toys: Sequence[SymmetryToy]
    axes: Sequence[Mapping[str, Any]]

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> dict[str, Any]:
        toy, axes = self.toys[row_number], self.axes[row_number]
        raw = toy.draw(np.random.default_rng(for_draw))
        labels = int(for_labels.generate_state(1)[0])
        try:
            pair = raw.equalised()
            found = pvalues(pair, axes)
            if toy.n_signal:
                return {"n_found": len(raw.pool), "calibrated": found, "raw": {}}
            found["χ² by ranks"] = ranked(pair, axes[toy.observable], N_RELABELLINGS, rng=labels)
            if number % QUALITY_EVERY == 0:
                there = list(axes)
                told = fit_quality(pair, variables=there, n=N_RELABELLINGS, rng=labels)
                found["goodness of fit"] = told.goodness.pvalue
                found["closure"] = told.closure.pvalue
        except DataError as error:
            return {"problem": str(error)}
        return {"n_found": len(raw.pool), "calibrated": found, "raw": pvalues(raw, axes)}


def compute(
    n_toys: int,
    *,
    rows: Sequence[Row] = ROWS,
    seed: int = SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study.

    Parameters
    ----------
    n_toys : int
        Of every row, times its share.
    rows : sequence of Row
    seed : int
    workers : int, optional
        Default: all cores.
    progress : bool or callable, optional
        As for `run_tasks`.

    Returns
    -------
    dict
        For JSON: the p-values of every row, in the order of the toys.
    """
    toys = [row.toy for row in rows]
    axes = [
        {name: axis_of(SymmetryToy(toy.name), name) for name in (toy.observable, "lead_pt", "met")}
        for toy in toys
    ]
    by_row = toys_by_row(
        _Measured(rows, toys, axes),
        [share_of(row.share, 0, n_toys) for row in rows],
        seed=seed,
        workers=workers,
        progress=progress,
    )
    found: list[dict[str, Any]] = [
        {
            "rule": row.name,
            "signal": row.signal,
            "n_found": 0.0,
            "calibrated": {},
            "raw": {},
            "problems": {},
        }
        for row in rows
    ]
    for stored, answers in zip(found, by_row, strict=True):
        for answer in answers:
            if "problem" in answer:
                why = stored["problems"]
                why[answer["problem"]] = why.get(answer["problem"], 0) + 1
                continue
            stored["n_found"] += answer["n_found"] / len(answers)
            for kind in ("calibrated", "raw"):
                for name, p in answer[kind].items():
                    stored[kind].setdefault(name, []).append(float(f"{p:.4g}"))
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n_events": N_EVENTS,
        "n_signal": dict(N_SIGNAL),
        "n_relabellings": N_RELABELLINGS,
        "rows": found,
    }


def below(values: Sequence[float], level: float = 0.05) -> float:
    """Return the share of p-values that are at most a level."""
    return float(np.mean(np.asarray(values) <= level + 1e-9))


def uniform(values: Sequence[float], steps: int | None = None) -> float:
    """Return the p-value of Kolmogorov and Smirnov for uniform p-values.

    Parameters
    ----------
    values : sequence of float
    steps : int, optional
        Of p-values by ranks, how many there may be: each is spread over its step, evenly.
    """
    p = np.asarray(values, dtype=np.float64)
    if steps is not None:
        # The order of the toys has nothing to do with their p-values.
        p = p - (np.arange(p.size) * 0.6180339887 % 1.0) / steps
    return float(kstest(p, "uniform").pvalue)


_BY_RANKS = ("χ² by ranks", "goodness of fit", "closure")


def table(data: Mapping[str, Any]) -> str:
    """Return the table, as Markdown."""
    without = [row for row in data["rows"] if row["signal"] is None]
    lines = [
        "# Every symmetry in a detector of known efficiencies",
        "",
        f"{data['n_events']:,} produced events a toy, of which the detector finds as many as "
        "*events* says. *p ≤ 0.05*: in how many percent of the toys; 5 is right. *KS*: the p-value "
        "of uniform p-values. What the command prints by relabelling, with ln r fitted to each, is "
        "uniform (by ranks, goodness of fit, closure). χ² with the covariance of the fit is on the "
        "safe side: it counts the directions that the fit has taken up as degrees of freedom.",
        "",
        "## Without signal",
        "",
        "| symmetry | events | p-value | toys | calibrated: p ≤ 0.05 | KS | raw: p ≤ 0.05 | KS |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in without:
        for name, values in row["calibrated"].items():
            steps = data["n_relabellings"] + 1 if name in _BY_RANKS else None
            cells = [row["rule"], f"{row['n_found']:,.0f}", name, f"{len(values)}"]
            cells.append(f"{100 * below(values):.1f}")
            cells.append(f"{uniform(values, steps):.2g}")
            raw = row["raw"].get(name)
            cells += ["", ""] if raw is None else [f"{100 * below(raw):.0f}", f"{uniform(raw):.1g}"]
            lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "## With a signal in A",
        "",
        "Share of toys with p < 0.0027, that is 3σ, in percent. A **resonance** at "
        f"{PEAK:g} GeV, in the mass of two leptons or the transverse mass of one, is found there. "
        "A **rate**, events like all others, and an excess in **one lepton**, the leading one at "
        "40 to 50 GeV, are what the calibration may take up.",
        "",
        "| signal | symmetry | events of it | toys | χ² of the mass | of lead_pt | of met |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in data["rows"]:
        if row["signal"] is not None:
            values = list(row["calibrated"].values())
            cells = [row["signal"], row["rule"], f"{data['n_signal'][row['signal']]}"]
            cells += [f"{len(values[0])}", *(f"{100 * below(x, 0.0027):.0f}" for x in values)]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


main = command_of("symmetries", compute, table, toys=400, seed=SEED)


if __name__ == "__main__":
    main()
