"""What the subspace test reaches of a signal that is ideally six standard deviations.

``python -m eμsym.coverage.subspace_power -n 50`` writes ``docs/coverage/subspace_power.json`` and
its table. A and B have 20,000 events of independent standard normal columns each, and A some of
a signal of `eμsym.coverage.which_test`. Beside the test are the view that sees most of the
signal, which nobody knows beforehand, and the best test of the signal's shape wherever it is
(`eμsym.coverage.unknown_place`). Relabellings of all toys of so many columns are one null. Toy i
of row j draws with child (j, i) of one `SeedSequence`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence
from scipy.stats import norm

from eμsym.arrays import FloatArray
from eμsym.coverage.command import command_of
from eμsym.coverage.subspace_power_table import SCHEMA, VERSION, table
from eμsym.coverage.toys import toys_by_row
from eμsym.coverage.unknown_place import UnknownPlace
from eμsym.coverage.which_test import Row, drawn, events_of, names_of
from eμsym.progress import Advance
from eμsym.unbinned.subspace import SubspaceTest

SEED = 20424

#: Events of background in each sample, and the ideal significance.
N_BACKGROUND, IDEAL = 20_000, 6.0

#: Relabellings of a toy, and toys of the test that knows the shape: without signal, and with.
N, N_SHAPE = 100, (2_000, 200)

ROWS = (
    Row("local in two", 2),
    Row("local in two", 5),
    Row("resonance in one", 5),
)

#: Of signals of one shape and some place: the columns they are in, their width, and their mean.
SHAPES: Mapping[str, tuple[int, float, float]] = {
    "resonance in one": (1, 0.1, 0.5),
    "local in two": (2, 0.2, 1.0),
}


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    n_signal: Sequence[float]

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> tuple[float, FloatArray, dict[str, float]]:
        """Return a toy's statistic, those of relabellings, and every view's local Z."""
        row = self.rows[row_number]
        rng = np.random.default_rng(for_draw)
        pair = drawn(row, self.n_signal[row_number], rng, N_BACKGROUND)
        test = SubspaceTest(names_of(row.columns), n=N, seed=number)
        found = test(pair, rng=np.random.default_rng(for_labels))
        null = np.zeros(0) if found.reference is None else found.reference.samples
        return found.statistic, null, dict(found.local)


def z_of(statistics: FloatArray, null: FloatArray) -> FloatArray:
    """Return Z of p = (k + 1)/(n + 1), shape of the statistics."""
    below = np.searchsorted(np.sort(null), statistics, side="left")
    return np.asarray(norm.isf((null.size - below + 1) / (null.size + 1)))


def shape_known(row: Row, rng: np.random.Generator, n_toys: tuple[int, int]) -> dict[str, Any]:
    """Return what the best test of a row's shape reaches, wherever the signal is.

    Parameters
    ----------
    row : Row
        Of a signal of `SHAPES`.
    rng : numpy.random.Generator
    n_toys : tuple of int
        Without signal, and with it.
    """
    k, width, mean = SHAPES[row.signal]
    test = UnknownPlace.of(row.columns, k, width, n_background=N_BACKGROUND, ideal=IDEAL)
    place = test.nearest(*[mean] * k)
    null = np.array(list(test.toys(n_toys[0], None, rng)))[:, 0]
    found = np.array(list(test.toys(n_toys[1], place, rng)))
    centre, spread = test.moments_without(place)
    return {
        "places": test.places,
        "n_null": int(null.size),
        "z": _listed(z_of(found[:, 0], null)),
        "z_at_place": _listed((found[:, 1] - centre) / spread),
    }


def compute(
    n_toys: int,
    *,
    rows: Sequence[Row] = ROWS,
    n_shape: tuple[int, int] = N_SHAPE,
    seed: int = SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study; parameters as for `eμsym.coverage.global_line.compute`.

    `n_shape` are toys of `shape_known`, and `rows` of `ROWS`.

    Returns
    -------
    dict
        For JSON: of every row the Z of its toys by the test, by the view with the largest
        median local Z, and by the test that knows the shape.
    """
    n_signal = [events_of(row, IDEAL, N_BACKGROUND) for row in rows]
    by_row = toys_by_row(
        _Measured(rows, n_signal),
        [range(n_toys)] * len(rows),
        seed=seed,
        keys=[ROWS.index(row) for row in rows],
        workers=workers,
        progress=progress,
    )
    nulls: dict[int, list[FloatArray]] = {}
    for row, toys in zip(rows, by_row, strict=True):
        nulls.setdefault(row.columns, []).extend(null for _, null, _ in toys)
    stored = []
    for row, toys, n in zip(rows, by_row, n_signal, strict=True):
        null = np.concatenate(nulls[row.columns])
        statistics = np.array([statistic for statistic, _, _ in toys])
        local = {name: np.array([each[name] for *_, each in toys]) for name in toys[0][2]}
        best = max(local, key=lambda name: float(np.median(local[name])))
        found = {
            "signal": row.signal,
            "columns": row.columns,
            "n_signal": round(n, 1),
            "n_null": int(null.size),
            "statistic": _listed(statistics),
            "z": _listed(z_of(statistics, null)),
            "best_view": best,
            "z_of_best_view": _listed(local[best]),
        }
        if row.signal in SHAPES:
            child = SeedSequence(seed, spawn_key=(len(ROWS) + ROWS.index(row),))
            found["shape_known"] = shape_known(row, np.random.default_rng(child), n_shape)
        stored.append(found)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n_background": N_BACKGROUND,
        "ideal": IDEAL,
        "rows": stored,
    }


def _listed(z: FloatArray) -> str:
    return " ".join(f"{each:.3f}" for each in z)


main = command_of("subspace_power", compute, table, toys=50, seed=SEED)


if __name__ == "__main__":
    main()
