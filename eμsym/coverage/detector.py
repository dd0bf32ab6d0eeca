"""Whether what is printed of a self-calibrated pair holds without signal, over toys of known r.

``python -m eμsym.coverage.detector -n 2000`` writes ``docs/coverage/detector.json``, its table
and its figure. A toy is a pair of `KnownRatioSource`, corrected as the command corrects by
default; its p-values are those that the command prints. Toy i of row j draws with child (j, i) of
one `SeedSequence`, so that `compute` can be run in parts, which `joined` adds up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from eμsym.analysis.analyse import compared, drawn_together, nsigma_name
from eμsym.analysis.binned import Comparison
from eμsym.analysis.options import COLUMN, Tests
from eμsym.analysis.problem import Problem
from eμsym.analysis.signals import SignalShape, stored_signals
from eμsym.analysis.significance import Significance
from eμsym.binned.nsigma import nsigma_of
from eμsym.calibration.quality import fit_quality
from eμsym.coverage.command import command_of
from eμsym.coverage.detector_figure import draw_detector
from eμsym.coverage.detector_table import SCHEMA, VERSION, table
from eμsym.coverage.global_line import with_histograms
from eμsym.coverage.sources import DETECTORS, KnownRatioSource, SignalEvents, background_events
from eμsym.coverage.tally import Tally
from eμsym.coverage.toys import share_of, toys_by_row
from eμsym.errors import DataError
from eμsym.joint_pvalue import Together
from eμsym.label_rule import LEADING
from eμsym.pair import Pair
from eμsym.progress import Advance

SEED = 20404

#: Relabellings of a toy: a p-value by rank is at most 0.05 where the data come first of twenty.
N_RELABELLINGS = 19

#: One toy in so many has its quality lines, too.
QUALITY_EVERY = 8


@dataclass(frozen=True)
class Row:
    """Toys of one kind.

    Attributes
    ----------
    n_events : int
        Expected events of both orders.
    ratio : str
        One of `DETECTORS`.
    share : float
        Of the toys that are asked for.
    relabelled : bool
        Whether p-values by relabellings are had, too; else Nσ alone.
    """

    n_events: int
    ratio: str
    share: float = 1.0
    relabelled: bool = True


#: 100,000 events take ten times as long as 12,000, and 1,000,000 ten times that.
ROWS = tuple(
    Row(n_events, ratio, share, n_events < 1_000_000)
    for n_events, share in ((500, 1.0), (1_500, 1.0), (12_000, 1.0), (100_000, 0.2), (10**6, 0.01))
    for ratio in DETECTORS
)


def printed_pvalues(pair: Pair, joint: Together) -> dict[str, float]:
    """Return the p-values that the command prints of a pair, by the names of its rows.

    Parameters
    ----------
    pair : Pair
    joint : Together
        Its tests on the same relabellings.
    """
    found: dict[str, float] = {}
    for name in compared(pair):
        row = nsigma_name(name)
        difference = pair.difference(name)
        own = Comparison(*pair.hist(name), difference, nsigma_of(difference), joint.null(row))
        if own.significance is not None:
            found[row] = own.significance.pvalue
    for row in joint.names:
        if row in found:
            continue
        if row.startswith("q0 of "):
            z = np.sign(joint.observed(row)) * np.sqrt(abs(joint.observed(row)))
            found[row] = Significance.favoured(float(z), row.count("|") + 1).pvalue
        else:
            found[row] = joint.local_pvalue(row)
    return found | {"all together": joint.pvalue}


def nsigma_z(pair: Pair) -> dict[str, float]:
    """Return the Nσ that is printed of each histogram."""
    return {name: nsigma_of(pair.difference(name)).z for name in compared(pair)}


def measured(
    pair: Pair, shapes: Sequence[SignalShape], seed: SeedSequence, *, quality: bool
) -> dict[str, Any]:
    """Return what is printed of a corrected toy: ``p``, ``z`` and ``quality``; or a ``problem``."""
    labels = int(seed.generate_state(1)[0])
    tests = Tests(
        permutations=N_RELABELLINGS,
        max_permutations=N_RELABELLINGS,
        columns=(COLUMN,),  # with subspaces: `eμsym.coverage.global_line`
        seed=labels,
    )
    joint = drawn_together(pair, shapes, tests)
    if isinstance(joint, Problem):
        return {"problem": joint.reason}
    if joint.left_out:
        return {"problem": "; ".join(f"{k}: {v}" for k, v in joint.left_out.items())}
    found = {"p": printed_pvalues(pair, joint), "z": nsigma_z(pair)}
    if quality:
        told = fit_quality(pair, n=N_RELABELLINGS, rng=labels)
        found["quality"] = {
            "goodness of fit": told.goodness.pvalue,
            "closure": told.closure.pvalue,
        }
    return found


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    sources: Sequence[KnownRatioSource]
    shapes: Sequence[SignalShape]

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> dict[str, Any]:
        row, source = self.rows[row_number], self.sources[row_number]
        pair = with_histograms(source.draw(np.random.default_rng(for_draw)))
        # As the command has them: a fair coin before any correction.
        pair = Pair.from_samples(pair.a, pair.b, names=pair.names)
        try:
            pair = pair.equalised()
            if not row.relabelled:
                return {"z": nsigma_z(pair)}
            quality = number % QUALITY_EVERY == 0
            return measured(pair, self.shapes, for_labels, quality=quality)
        except DataError as error:
            return {"problem": str(error)}


def compute(
    n_toys: int,
    *,
    rows: Sequence[Row] = ROWS,
    first: int = 0,
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
    first : int
        The number of the first toy, where others have been done.
    seed : int
    workers : int, optional
        Default: all cores.
    progress : bool or callable, optional
        As for `run_tasks`.

    Returns
    -------
    dict
        For JSON: see `eμsym.coverage.detector_table`.
    """
    background, none = background_events(), SignalEvents.stored()
    ratios = {name: DETECTORS[name]() for name in {row.ratio for row in rows}}
    sources = [KnownRatioSource(background, row.n_events, ratios[row.ratio], none) for row in rows]
    by_row = toys_by_row(
        _Measured(rows, sources, stored_signals(LEADING.orders)),
        [share_of(row.share, first, n_toys) for row in rows],
        seed=seed,
        sizes=[row.n_events for row in rows],
        workers=workers,
        progress=progress,
    )
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n_relabellings": N_RELABELLINGS,
        "rows": [
            {"n_events": row.n_events, "ratio": row.ratio, **tally.to_dict()}
            for row, tally in zip(rows, map(Tally.of, by_row), strict=True)
        ],
    }


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return several parts of one study as one."""
    rows = []
    for same in zip(*(part["rows"] for part in parts), strict=True):
        tally = Tally.joined([Tally.from_dict(row) for row in same])
        rows.append({**same[0], **tally.to_dict()})
    return {**parts[0], "rows": rows}


main = command_of("detector", compute, table, toys=2000, seed=SEED, figure=draw_detector)


if __name__ == "__main__":
    main()
