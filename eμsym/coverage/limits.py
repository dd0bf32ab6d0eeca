"""Whether the limits of pairs hold: how often they are above a signal that is there, over toys.

``python -m eμsym.coverage.limits -n 2000`` writes ``docs/coverage/limits.json`` and its table.
Toys are those of `KnownRatioSource`, through the whole chain: labels drawn with a known r, that is
known or fitted to each toy again, merged bins, the ratio's nuisances and the signal's statistics.

By CLs a limit at 95 % is above no signal always, above one of the median expected limit in
97.5 %, and above one of twice that in 95.1 % of all experiments, where μ̂ is Gaussian:
see `promised`. The signal of a row is so many times the median expected limit of its own toys
without signal, which a first, smaller run finds. ``compute(n, first=…)`` makes parts of a run
and `joined` makes them one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import SeedSequence
from scipy.optimize import brentq
from scipy.stats import norm

from eμsym.binned.q0_of_pair import Q0Test
from eμsym.coverage.command import command_of
from eμsym.coverage.limits_table import SCHEMA, VERSION, table
from eμsym.coverage.q0 import AXES
from eμsym.coverage.sources import RATIOS, KnownRatioSource, SignalEvents, background_events
from eμsym.coverage.toys import toys_by_row
from eμsym.errors import DataError
from eμsym.limits.of_pair import pair_limit
from eμsym.papers.equalisation_study import corrected
from eμsym.progress import Advance

SEED = 20407
CORRECTIONS = ("true", "self", "self_excluded")

#: Toys that the median expected limit is taken from.
MEDIAN_TOYS = 40


@dataclass(frozen=True)
class Row:
    """Toys of one kind.

    Attributes
    ----------
    n_events : int
        Expected background events of both orders.
    times : float
        The true signal, in median expected limits with ln r known.
    ratio : str
        One of `RATIOS`.
    """

    n_events: int
    times: float
    ratio: str = "mild"


ROWS = tuple(Row(n_events, times) for n_events in (1_500, 12_000) for times in (0.0, 1.0, 2.0))

#: By correction: the observed and the median expected limit, or why there is none.
Answer = dict[str, tuple[float, float] | str]


def promised(times: float, cl: float = 0.95) -> float:
    """Return how often a CLs limit of a Gaussian μ̂ is above the true signal.

    Parameters
    ----------
    times : float
        The signal in median expected limits.
    cl : float
    """
    median = norm.ppf(1 - (1 - cl) / 2)
    true = times * median

    def short(estimate: float) -> float:
        """Return the limit less the true signal, both in errors, for an estimate."""
        return float(estimate - norm.ppf((1 - cl) * norm.cdf(estimate)) - true)

    if times == 0:
        return 1.0
    return float(norm.sf(brentq(short, true - 20, true + 5) - true))


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    sources: Sequence[KnownRatioSource]
    signal: SignalEvents

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_shape: SeedSequence
    ) -> Answer:
        source = self.sources[row_number]
        pair = source.draw(np.random.default_rng(for_draw))
        axes = AXES["plane"]
        test = Q0Test(self.signal.shapes(*axes, rng=np.random.default_rng(for_shape)), axes)
        found: Answer = {}
        for correction in CORRECTIONS:
            try:
                limit = pair_limit(
                    test,
                    corrected(pair, correction, source.ratio),
                    signal_events=self.signal.pool,
                )
                found[correction] = limit.observed, limit.median
            except DataError as error:
                found[correction] = str(error)
        return found


def compute(
    n_toys: int,
    *,
    rows: Sequence[Row] = ROWS,
    first: int = 0,
    median_toys: int = MEDIAN_TOYS,
    seed: int = SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study.

    Parameters
    ----------
    n_toys : int
        Of each row.
    rows : sequence of Row
    first : int
        The number of the first toy, where others have been done.
    median_toys : int
        What the median expected limit is taken from; the same in all parts of a run.
    seed : int
    workers : int, optional
        Default: all cores.
    progress : bool or callable, optional
        As for `run_tasks`.

    Returns
    -------
    dict
        For JSON: see `eμsym.coverage.limits_table`.

    Raises
    ------
    DataError
        If too many toys have no limit to take a median of.
    """
    signal, background = SignalEvents.stored(), background_events()
    kinds = sorted({(row.n_events, row.ratio) for row in rows})
    without = [
        KnownRatioSource(background, n_events, RATIOS[ratio](), signal) for n_events, ratio in kinds
    ]
    options: dict[str, Any] = {"seed": seed, "workers": workers, "progress": progress}
    of_kinds = toys_by_row(_Measured(without, signal), [range(median_toys)] * len(kinds), **options)
    medians = {kind: _median(answers) for kind, answers in zip(kinds, of_kinds, strict=True)}
    sources = [
        replace(
            without[kinds.index((row.n_events, row.ratio))],
            n_signal=row.times * medians[row.n_events, row.ratio],
        )
        for row in rows
    ]
    by_row = toys_by_row(
        _Measured(sources, signal),
        [range(first, first + n_toys)] * len(rows),
        # Rows are counted after those of the medians, whose toys are their own.
        keys=[len(kinds) + j for j in range(len(rows))],
        sizes=[row.n_events for row in rows],
        **options,
    )
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "rows": [
            _stored(row, source, toys)
            for row, source, toys in zip(rows, sources, by_row, strict=True)
        ],
    }


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return several parts of one study, of toys that follow one another, as one.

    Raises
    ------
    DataError
        If the parts are of other rows or of another signal.
    """
    rows = []
    for same in zip(*(part["rows"] for part in parts), strict=True):
        if len({(row["n_events"], row["ratio"], row["n_signal"]) for row in same}) > 1:
            raise DataError("the parts are not of one study: their rows or signals differ")
        cells = {
            name: {
                "not_fitted": sum(row["corrections"][name]["not_fitted"] for row in same),
                "observed": _one_after_another(same, name, "observed"),
                "median": _one_after_another(same, name, "median"),
            }
            for name in CORRECTIONS
        }
        n_toys = sum(row["n_toys"] for row in same)
        rows.append({**same[0], "n_toys": n_toys, "corrections": cells})
    return {**parts[0], "rows": rows}


def _one_after_another(rows: Sequence[Mapping[str, Any]], correction: str, name: str) -> str:
    return " ".join(x for row in rows if (x := row["corrections"][correction][name]))


def _median(answers: Sequence[Answer]) -> float:
    found = [x[1] for answer in answers if isinstance(x := answer["true"], tuple)]
    if 2 * len(found) < len(answers):
        raise DataError(
            f"{len(answers) - len(found)} of {len(answers)} toys have no limit; take more events"
        )
    return float(np.median(found))


def _stored(row: Row, source: KnownRatioSource, toys: Sequence[Answer]) -> dict[str, Any]:
    cells = {}
    for correction in CORRECTIONS:
        found = [x for toy in toys if isinstance(x := toy[correction], tuple)]
        cells[correction] = {
            "not_fitted": len(toys) - len(found),
            "observed": " ".join(f"{observed:.5g}" for observed, _ in found),
            "median": " ".join(f"{median:.5g}" for _, median in found),
        }
    return {
        "n_events": row.n_events,
        "ratio": row.ratio,
        "times": row.times,
        "n_signal": source.n_signal,
        "promised": promised(row.times),
        "n_toys": len(toys),
        "corrections": cells,
    }


main = command_of("limits", compute, table, toys=2000, seed=SEED)

if __name__ == "__main__":
    main()
