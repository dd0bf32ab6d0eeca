"""Whether the p-value of the subspace test is uniform without signal, over toys.

``python -m eμsym.coverage.subspace -n 1000`` writes ``docs/coverage/subspace.json`` and its
table. Exchangeable toys have correlated columns, of which one has ties and, from five columns
on, two are discrete, and weights that vary as an exponential does. Corrected ones are pairs of
`KnownRatioSource`, r fitted to each and to every relabelling. Toy i of row j draws with child
(j, i) of one `SeedSequence`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from eμsym.coverage.command import command_of
from eμsym.coverage.ranks import uniformity
from eμsym.coverage.sources import RATIOS, KnownRatioSource, SignalEvents, background_events
from eμsym.coverage.toys import toys_by_row
from eμsym.errors import DataError
from eμsym.pair import Pair
from eμsym.progress import Advance
from eμsym.unbinned.subspace import SubspaceTest

SCHEMA, VERSION, SEED = "emusym/coverage-subspace", 1, 20420

#: Relabellings of a toy, those that make views comparable, and partitions of the forest.
N, STANDARDISING, TREES = 39, 32, 8

#: Columns of corrected toys, in the order in which they are taken.
COLUMNS = ("m_coll", "lead_pt", "sub_pt", "lead_eta", "sub_eta")


@dataclass(frozen=True)
class Row:
    """Toys of one kind.

    Attributes
    ----------
    kind : str
        "exchangeable", or the name of one of `RATIOS`.
    columns : int
    n_events : int
        Expected events of both samples.
    """

    kind: str
    columns: int
    n_events: int


ROWS = (
    Row("exchangeable", 2, 400),
    Row("exchangeable", 5, 400),
    Row("exchangeable", 10, 400),
    Row("strong", 2, 1_500),
    Row("strong", 5, 1_500),
)


@dataclass(frozen=True)
class ExchangeableColumns:
    """Pairs of one distribution: correlated columns, ties, discrete columns and weights.

    Parameters
    ----------
    columns : int
    n_events : int
        Expected events of both samples, of which A has two fifths.
    """

    columns: int
    n_events: int

    def draw(self, rng: Any = None) -> Pair:
        """Draw a pair with the columns x0, x1, … and weights."""
        generator = np.random.default_rng(rng)
        sides = []
        for share in (0.4, 0.6):
            n = generator.poisson(share * self.n_events)
            common = generator.normal(size=(n, 1))
            x = 0.6 * common + 0.8 * generator.normal(size=(n, self.columns))
            x[:, 0] = np.round(x[:, 0], 1)
            if self.columns >= 5:
                x[:, -1] = np.where(x[:, -1] > 0, 1.0, -1.0)
                x[:, -2] = generator.poisson(0.7, n)
            side = {f"x{j}": x[:, j] for j in range(self.columns)}
            sides.append({**side, "weight": generator.exponential(size=n)})
        return Pair.from_columns(*sides)


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    background: Mapping[str, Any]

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> int | None:
        """Return (n + 1) times the p-value of a toy; None if its r cannot be fitted."""
        row = self.rows[row_number]
        rng = np.random.default_rng(for_draw)
        columns = None
        if row.kind == "exchangeable":
            pair = ExchangeableColumns(row.columns, row.n_events).draw(rng)
        else:
            columns, ratio = COLUMNS[: row.columns], RATIOS[row.kind]()
            none = SignalEvents.stored()  # of which no event is drawn
            source = KnownRatioSource(self.background, row.n_events, ratio, none)
            try:
                pair = source.draw(rng).equalised("self")
            except DataError:
                return None
        test = SubspaceTest(columns, n=N, standardising=STANDARDISING, trees=TREES, seed=number)
        return round((N + 1) * test(pair, rng=np.random.default_rng(for_labels)).pvalue)


def compute(
    n_toys: int,
    *,
    first: int = 0,
    rows: Sequence[Row] = ROWS,
    seed: int = SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study; parameters as for `eμsym.coverage.power.compute`.

    Returns
    -------
    dict
        For JSON: of every row, (n + 1) p of its toys.
    """
    by_row = toys_by_row(
        _Measured(rows, background_events()),
        [range(first, first + n_toys)] * len(rows),
        seed=seed,
        workers=workers,
        progress=progress,
    )
    stored = []
    for row, ranks in zip(rows, by_row, strict=True):
        stored.append(
            {
                "kind": row.kind,
                "columns": row.columns,
                "n_events": row.n_events,
                "ranks": " ".join(str(rank) for rank in ranks if rank is not None),
                "not_done": sum(rank is None for rank in ranks),
            }
        )
    return {"schema": SCHEMA, "version": VERSION, "seed": seed, "n": N, "rows": stored}


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return several parts of one study, in the order of their toys, as one."""
    rows = []
    for same in zip(*(part["rows"] for part in parts), strict=True):
        ranks = " ".join(row["ranks"] for row in same)
        rows.append({**same[0], "ranks": ranks, "not_done": sum(row["not_done"] for row in same)})
    return {**parts[0], "rows": rows}


def table(data: Mapping[str, Any]) -> str:
    """Return the table, as Markdown."""
    lines = [
        "# The p-value of the subspace test",
        "",
        f"Toys without signal, {data['n']} relabellings each; KS p is that of uniformity.",
        "",
        "| toys of | columns | events | toys | p ≤ 0.05 | KS p | not done |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in data["rows"]:
        ks, below, size = uniformity(row, data["n"])
        kind = row["kind"]
        named = kind if kind == "exchangeable" else f"{kind} r, fitted"
        error = 100 * np.sqrt(0.05 * 0.95 / max(size, 1))
        lines.append(
            f"| {named} | {row['columns']} | {row['n_events']:,} | {size:,} "
            f"| {100 * below:.1f} ± {error:.1f} % | {ks:.2g} | {row['not_done']} |"
        )
    return "\n".join(lines) + "\n"


main = command_of("subspace", compute, table, toys=1000, seed=SEED)


if __name__ == "__main__":
    main()
