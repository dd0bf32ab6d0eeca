"""Whether what q0 of a pair prints holds: Z, its p-value, μ̂ and the interval, over toys.

``python -m eμsym.coverage.q0 -n 1000`` writes ``docs/coverage/q0.json`` and its table. Toys
are those of `KnownRatioSource`; the shape S that a test is given is another simulation each
time. Toy i of row j draws with child (j, i) of one `SeedSequence`, whatever the correction, so
that corrections, and the plane and m_coll, are compared on the same toys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from eμsym.binned.q0 import fit_q0
from eμsym.binned.q0_nuisances import NuisanceLikelihood
from eμsym.binned.q0_of_pair import Q0Test
from eμsym.coverage.command import command_of
from eμsym.coverage.kept import kept_share
from eμsym.coverage.q0_table import SCHEMA, VERSION, table
from eμsym.coverage.sources import RATIOS, KnownRatioSource, SignalEvents, background_events
from eμsym.coverage.toys import toys_by_row
from eμsym.coverage.unresolved import unresolved_z
from eμsym.errors import DataError
from eμsym.pair import Pair
from eμsym.papers.equalisation_study import EXCLUDED, corrected
from eμsym.processors.config import LEAD_PT, M_COLL
from eμsym.progress import Advance

SEED = 20402

#: Expected signal events of both orders, in and outside the plane.
N_SIGNAL = 150.0

#: ln r known, fitted to all events, and to those outside the window of the signal.
CORRECTIONS = ("true", "self", "self_excluded")

#: What q0 is of.
AXES = {"plane": (M_COLL.axis, LEAD_PT.axis), "m_coll": (M_COLL.axis,)}


@dataclass(frozen=True)
class Row:
    """Toys of one kind.

    Attributes
    ----------
    n_events : int
        Expected background events of both orders, all kinematics.
    ratio : str
        One of `RATIOS`.
    n_signal : float
        Expected signal events: the true μ.
    share : float
        Of the toys that are asked for.
    """

    n_events: int
    ratio: str
    n_signal: float = 0.0
    share: float = 1.0

    def n_toys(self, asked: int) -> int:
        """Return the number of toys; at least two, for a width."""
        return max(2, round(asked * self.share))


#: 100,000 events take ten times as long.
ROWS = tuple(
    Row(n_events, ratio, n_signal, share)
    for n_events, n_signal, share in (
        (500, 0.0, 1.0),
        (1_500, 0.0, 1.0),
        (12_000, 0.0, 1.0),
        (100_000, 0.0, 0.2),
        (12_000, N_SIGNAL, 0.5),
        (100_000, N_SIGNAL, 0.2),
    )
    for ratio in RATIOS
)


@dataclass(frozen=True)
class Fitted:
    """What a toy's q0 printed, and whether its interval holds the true μ."""

    z: float
    mu: float
    covered: bool
    n_bins: int


#: By correction and statistic; the message of an error in place of a result.
Answer = dict[str, dict[str, Fitted | str]]


def fitted(test: Q0Test, pair: Pair, true_mu: float) -> Fitted:
    """Return q0 of a pair as `Q0Test` has it, with the ends of the interval left unsearched.

    The true μ is within the interval if −2 ln λ there is at most one, which is far quicker
    to say than where the interval ends.

    Raises
    ------
    DataError
        As for `Q0Test`.
    """
    counts = test.counts(pair)
    data = counts.b, counts.a, counts.signal, counts.ratio
    found, likelihood = fit_q0(*data), NuisanceLikelihood(*data)
    rise = likelihood.profiled(true_mu) - likelihood.profiled(found.mu)
    return Fitted(found.z, found.mu, bool(rise <= 1), len(counts.bins))


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
        tests = {
            name: Q0Test(self.signal.shapes(*axes, rng=np.random.default_rng(for_shape)), axes)
            for name, axes in AXES.items()
        }
        found: Answer = {}
        for correction in CORRECTIONS:
            try:
                equalised = corrected(pair, correction, source.ratio)
            except DataError as error:
                found[correction] = dict.fromkeys(AXES, str(error))
                continue
            found[correction] = {
                name: _or_message(test, equalised, source.n_signal) for name, test in tests.items()
            }
        return found


def _or_message(test: Q0Test, pair: Pair, true_mu: float) -> Fitted | str:
    try:
        return fitted(test, pair, true_mu)
    except DataError as error:
        return str(error)


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
        Toys of a row whose share is one.
    rows : sequence of Row
    seed : int
    workers : int, optional
        Default: all cores.
    progress : bool or callable, optional
        As for `run_tasks`.

    Returns
    -------
    dict
        For JSON: see `eμsym.coverage.q0_table`.
    """
    signal, background = SignalEvents.stored(), background_events()
    ratios = {name: ratio() for name, ratio in RATIOS.items()}
    sources = [
        KnownRatioSource(background, row.n_events, ratios[row.ratio], signal, row.n_signal)
        for row in rows
    ]
    by_row = toys_by_row(
        _Measured(sources, signal),
        [range(row.n_toys(n_toys)) for row in rows],
        seed=seed,
        sizes=[row.n_events for row in rows],
        workers=workers,
        progress=progress,
    )
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n_pool": int(background["m_coll"].size),
        "n_signal_pool": len(signal),
        "excluded": {name: list(edges) for name, edges in EXCLUDED.items()},
        "rows": [
            {**_stored(row, toys, _unresolved(source)), "kept": kept(source)}
            for row, toys, source in zip(rows, by_row, sources, strict=True)
        ],
    }


def kept(source: KnownRatioSource) -> dict[str, dict[str, float]] | None:
    """Return what each fit of ln r leaves of the signal in both histograms; None without one.

    Raises
    ------
    DataError
        If the source's events are too few for a fit.
    """
    if not source.n_signal:
        return None
    return {
        correction: {
            name: round(kept_share(source, axes, exclude=exclude, rng=SEED), 4)
            for name, axes in AXES.items()
        }
        for correction, exclude in (("self", None), ("self_excluded", EXCLUDED))
    }


def _unresolved(source: KnownRatioSource) -> dict[str, float | None]:
    """Return what each correction leaves of r, as the mean of Z of m_coll without signal."""
    found: dict[str, float | None] = {"true": 0.0}
    for correction, exclude in (("self", None), ("self_excluded", EXCLUDED)):
        try:
            z = unresolved_z(
                source.background,
                round(source.n_background),
                source.ratio,
                source.signal,
                AXES["m_coll"][0].edges,
                exclude=exclude,
                rng=SEED,
            )
        except DataError:
            found[correction] = None
        else:
            found[correction] = round(z, 4)
    return found


def _stored(
    row: Row, toys: Sequence[Answer], unresolved: dict[str, float | None]
) -> dict[str, Any]:
    cells = {
        correction: {name: _cell([toy[correction][name] for toy in toys]) for name in AXES}
        for correction in CORRECTIONS
    }
    return {
        "n_events": row.n_events,
        "ratio": row.ratio,
        "n_signal": row.n_signal,
        "n_toys": len(toys),
        "unresolved_z": unresolved,
        "corrections": cells,
    }


def _cell(results: Sequence[Fitted | str]) -> dict[str, Any]:
    """Return toys in a few lines of text: numbers with a space between, nan where there is none."""
    there = [result for result in results if isinstance(result, Fitted)]
    messages = [result for result in results if isinstance(result, str)]

    def column(name: str) -> str:
        values = (getattr(x, name) if isinstance(x, Fitted) else np.nan for x in results)
        return " ".join(f"{float(value):.4g}" for value in values)

    return {
        "z": column("z"),
        "mu": column("mu"),
        "covered": "".join(str(int(x.covered)) if isinstance(x, Fitted) else "-" for x in results),
        "mean_bins": round(float(np.mean([x.n_bins for x in there])), 2) if there else None,
        "not_fitted": len(messages),
        "why_not": messages[0] if messages else None,
    }


main = command_of("q0", compute, table, toys=1000, seed=SEED)


if __name__ == "__main__":
    main()
