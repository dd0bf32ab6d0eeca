"""What classifiers find of the signals of `eμsym.coverage.which_test`, on the same toys.

``python -m eμsym.coverage.which_classifier -n 15`` writes ``docs/coverage/which_classifier.json``
and its table. Boosted trees are trained anew for every relabelling, of which there are few, for
they take time; so there is no smaller p than one in twenty.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from eμsym.coverage import which_test
from eμsym.coverage.command import command_of
from eμsym.coverage.toys import toys_by_row
from eμsym.coverage.which_test import Row, drawn, events_of, names_of
from eμsym.pair import Pair
from eμsym.progress import Advance
from eμsym.unbinned.boosted_trees import BoostedTreesTest

SCHEMA, VERSION = "emusym/coverage-which-classifier", 1

#: Relabellings of a toy.
N = 19

ROWS = tuple(row for row in which_test.ROWS if row.columns in (2, 5))

STATISTICS = ("auc", "likelihood ratio")


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    n_signal: Sequence[float]

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> tuple[dict[str, int], float]:
        """Return (n + 1) times the p-value of both statistics, and the seconds of CPU."""
        row = self.rows[row_number]
        pair = drawn(row, self.n_signal[row_number], np.random.default_rng(for_draw))
        start = time.process_time()
        drawn_labels = pair.symmetry.relabel(pair.pool, N, rng=np.random.default_rng(for_labels))
        pairs = [pair, *(pair.relabelled(labels, None) for labels in drawn_labels.labels)]
        generators = np.random.default_rng(number).spawn(N + 1)
        found = [
            BoostedTreesTest()(*_columns(each, row.columns), rng=rng)
            for each, rng in zip(pairs, generators, strict=True)
        ]
        values = np.array([[each.auc, each.likelihood_ratio] for each in found])
        ranks = np.sum(values >= values[0], axis=0)
        return dict(zip(STATISTICS, map(int, ranks), strict=True)), time.process_time() - start


def _columns(pair: Pair, columns: int) -> list[Any]:
    return [
        np.stack([side.column(name) for name in names_of(columns)], axis=1)
        for side in (pair.a, pair.b)
    ]


def compute(
    n_toys: int,
    *,
    first: int = 0,
    rows: Sequence[Row] = ROWS,
    seed: int = which_test.SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study; parameters as for `eμsym.coverage.power.compute`.

    Returns
    -------
    dict
        For JSON: of every row, (n + 1) p of its toys by statistic, and the median seconds.
    """
    by_row = toys_by_row(
        _Measured(rows, [events_of(row) for row in rows]),
        [range(first, first + n_toys)] * len(rows),
        seed=seed,
        keys=[which_test.ROWS.index(row) for row in rows],
        workers=workers,
        progress=progress,
    )
    stored = []
    for row, toys in zip(rows, by_row, strict=True):
        stored.append(
            {
                "signal": row.signal,
                "columns": row.columns,
                "ranks": {
                    name: " ".join(str(ranks[name]) for ranks, _ in toys) for name in STATISTICS
                },
                "seconds": round(float(np.median([seconds for _, seconds in toys])), 2),
            }
        )
    return {"schema": SCHEMA, "version": VERSION, "seed": seed, "n": N, "rows": stored}


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return several parts of one study, in the order of their toys, as one."""
    rows = []
    for same in zip(*(part["rows"] for part in parts), strict=True):
        ranks = {name: " ".join(row["ranks"][name] for row in same) for name in STATISTICS}
        rows.append({**same[0], "ranks": ranks})
    return {**parts[0], "rows": rows}


def table(data: Mapping[str, Any]) -> str:
    """Return the table, as Markdown."""
    lines = [
        "# What boosted trees find",
        "",
        "The first toys of [which test finds which signal](which_test.md): in how many percent of "
        f"them p = 1/{data['n'] + 1}, that is all {data['n']} relabellings are less extreme, by "
        "the cross-fitted area under the ROC curve and by the cross-fitted likelihood ratio. "
        "“none” should have 5.",
        "",
        "| columns | signal | toys | area | likelihood ratio | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for row in data["rows"]:
        ranks = [np.array(row["ranks"][name].split(), dtype=int) for name in STATISTICS]
        shares = " | ".join(f"{100 * np.mean(each == 1):.0f}" for each in ranks)
        lines.append(
            f"| {row['columns']} | {row['signal']} | {ranks[0].size} | {shares} "
            f"| {row['seconds']:.2g} |"
        )
    return "\n".join(lines) + "\n"


main = command_of("which_classifier", compute, table, toys=15, seed=which_test.SEED)


if __name__ == "__main__":
    main()
