"""Whether the p-value of all printed tests together is uniform without signal, over toys.

``python -m eμsym.coverage.global_line -n 2000`` writes ``docs/coverage/global_line.json`` and
its table. A toy is a pair of `KnownRatioSource` with the histograms that the command fills; its
tests are those that the command prints, in several sets of options, with the correction that
it makes by default. Toy i of row j draws with child (j, i)
of one `SeedSequence`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from eμsym.analysis.analyse import drawn_together
from eμsym.analysis.options import COLUMN, SUBSPACE_COLUMNS, Tests
from eμsym.analysis.problem import Problem
from eμsym.analysis.signals import SignalShape, stored_signals
from eμsym.coverage.command import command_of
from eμsym.coverage.global_table import SCHEMA, VERSION, table
from eμsym.coverage.sources import (
    RATIOS,
    KnownRatioSource,
    SignalEvents,
    background_events,
)
from eμsym.coverage.toys import toys_by_row
from eμsym.errors import DataError
from eμsym.label_rule import LEADING
from eμsym.pair import Pair
from eμsym.papers.equalisation_study import COLUMNS
from eμsym.processors.config import EMuConfig
from eμsym.progress import Advance

SEED = 20403

#: Relabellings of a toy: enough for p-values of a few percent.
N_PERMUTATIONS = 59

#: What is switched on: all that the command prints by default, of which the subspace test takes
#: most of the time; rectangles in place of squares, without signals and subspaces.
OPTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "default": {},
        "rectangles, no signals": {"windows": "rectangle", "columns": (COLUMN,)},
    }
)


@dataclass(frozen=True)
class Row:
    """Toys of one kind.

    Attributes
    ----------
    n_events : int
        Expected events of both orders.
    ratio : str
        One of `RATIOS`.
    options : str
        One of `OPTIONS`.
    correction : str
        "true" for r known, "self" for r fitted to the pair's own events.
    number : int
        Of the row among the seeds.
    share : float
        Of the toys that are asked for: fewer where each takes long.
    """

    n_events: int
    ratio: str
    options: str
    correction: str
    number: int
    share: float = 1.0


#: `eμsym.coverage.detector` has more that fit r, without subspaces.
ROWS = (
    Row(1_500, "mild", "rectangles, no signals", "true", 2),
    Row(1_500, "strong", "default", "self", 3, share=0.5),
    Row(12_000, "strong", "default", "self", 4, share=0.2),
)


def with_histograms(pair: Pair) -> Pair:
    """Return a pair with the histograms that the processor fills by default."""
    config = EMuConfig()
    axes = {"plane": tuple(x.axis for x in config.plane)}
    axes |= {x.column: (x.axis,) for x in config.observables}
    filled = {name: pair.hist(*each) for name, each in axes.items()}
    return replace(
        pair,
        histograms=({n: x[0] for n, x in filled.items()}, {n: x[1] for n, x in filled.items()}),
    )


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    sources: Sequence[KnownRatioSource]
    signals: Sequence[SignalShape]

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> dict[str, Any]:
        row, source = self.rows[row_number], self.sources[row_number]
        pair = with_histograms(source.draw(np.random.default_rng(for_draw)))
        # As the command has them: a fair coin before any correction.
        pair = Pair.from_samples(pair.a, pair.b, names=pair.names)
        options = Tests(
            permutations=N_PERMUTATIONS,
            max_permutations=N_PERMUTATIONS,
            seed=int(for_labels.generate_state(1)[0]),
            **OPTIONS[row.options],
        )
        shapes = () if row.options == "rectangles, no signals" else self.signals
        try:
            correction = "self" if row.correction == "self" else source.ratio
            joint = drawn_together(pair.equalised(correction), shapes, options)
        except DataError as error:
            return {"problem": str(error)}
        if isinstance(joint, Problem):
            return {"problem": joint.reason}
        if joint.left_out:
            return {"problem": "; ".join(f"{k}: {v}" for k, v in joint.left_out.items())}
        local = {name: joint.local_pvalue(name) for name in joint.names}
        return {"pvalue": joint.pvalue, "local": local}


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
        Of a row with a share of 1.
    rows : sequence of Row
    seed : int
    workers : int, optional
        Default: all cores.
    progress : bool or callable, optional
        As for `run_tasks`.

    Returns
    -------
    dict
        For JSON: see `eμsym.coverage.global_table`.
    """
    # The columns of the leptons are there, those of the missing momentum are not.
    background = background_events(*(x for x in SUBSPACE_COLUMNS if x not in COLUMNS))
    ratios = {name: ratio() for name, ratio in RATIOS.items()}
    none = SignalEvents.none(background)
    sources = [KnownRatioSource(background, row.n_events, ratios[row.ratio], none) for row in rows]
    by_row = toys_by_row(
        _Measured(rows, sources, stored_signals(LEADING.orders)),
        [range(math.ceil(row.share * n_toys)) for row in rows],
        seed=seed,
        keys=[row.number for row in rows],
        sizes=[row.n_events for row in rows],
        workers=workers,
        progress=progress,
    )
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n_permutations": N_PERMUTATIONS,
        "rows": [_stored(row, toys) for row, toys in zip(rows, by_row, strict=True)],
    }


def _stored(row: Row, toys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    done = [toy for toy in toys if "problem" not in toy]
    problems = [toy["problem"] for toy in toys if "problem" in toy]
    names = list(done[0]["local"]) if done else []
    # p-values are k/(n + 1): whole numbers say all.
    count = N_PERMUTATIONS + 1

    def text(values: Sequence[float]) -> str:
        return " ".join(str(round(value * count)) for value in values)

    return {
        "n_events": row.n_events,
        "ratio": row.ratio,
        "options": row.options,
        "correction": row.correction,
        "n_toys": len(done),
        "counts": text([toy["pvalue"] for toy in done]),
        "local_counts": {name: text([toy["local"][name] for toy in done]) for name in names},
        "not_done": len(problems),
        "why_not": problems[0] if problems else None,
    }


main = command_of("global_line", compute, table, toys=2000, seed=SEED)


if __name__ == "__main__":
    main()
