r"""Which test finds which signal: every test on the same toys, over kinds of signals.

``python -m eμsym.coverage.which_test -n 30`` writes ``docs/coverage/which_test.json``, its
table and its figure. A and B have 2,000 expected events each of one distribution, and A some of
a signal: as many as, were the background and the signal's shape known, would be seven standard
deviations,

.. math:: Z^2 = 2 N_b\, E_b[(1 + ρ) \ln(1 + ρ)] - 2 N_s, \qquad ρ = N_s s / (N_b b)

(SYM Eq. 30). In one dimension they are the SYM paper's; in more, the background is of
independent standard normal columns. All tests of a toy are run on the same relabellings.
Toy i of row j draws with child (j, i) of one `SeedSequence`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import SeedSequence
from scipy.optimize import brentq
from scipy.stats import norm

from eμsym.arrays import FloatArray
from eμsym.coverage.command import command_of
from eμsym.coverage.toys import toys_by_row
from eμsym.coverage.which_test_figure import draw_which_test
from eμsym.coverage.which_test_table import SCHEMA, VERSION, table
from eμsym.pair import Pair
from eμsym.progress import Advance
from eμsym.testing import OnColumns
from eμsym.together import together
from eμsym.toy_model import TOY_BACKGROUND, TOY_SIGNALS
from eμsym.unbinned.distances import EnergyTest, MMDTest
from eμsym.unbinned.moments_and_steps import KSTest, StudentTest
from eμsym.unbinned.spline import SplineTest
from eμsym.unbinned.subspace import SubspaceTest

SEED = 20421

#: Events of background in each sample, relabellings of a toy, and the ideal significance.
N_BACKGROUND, N, IDEAL = 2_000, 199, 7.0

#: Correlation of the two columns of the signal that has the background's own marginals.
CORRELATION = 0.95

_Draw = Callable[[int, np.random.Generator], FloatArray]


@dataclass(frozen=True)
class Signal:
    """A signal in some of the first columns; in all others it is like the background.

    Attributes
    ----------
    columns : int
        How many it is in; 0: in all.
    draw : callable
        Takes a number of events and a generator; returns an array of shape (n, columns).
    ratio : callable
        Takes such an array; returns s/b of every event.
    """

    columns: int
    draw: _Draw
    ratio: Callable[[FloatArray], FloatArray]


def normal_signal(mean: float, sigma: float, columns: int) -> Signal:
    """Return independent normal columns of one mean and width."""

    def ratio(x: FloatArray) -> FloatArray:
        parts = norm.logpdf(x, mean, sigma) - norm.logpdf(x)
        return np.asarray(np.exp(np.sum(parts, axis=1)))

    return Signal(columns, lambda n, rng: rng.normal(mean, sigma, (n, columns)), ratio)


def _correlated() -> Signal:
    rest = np.sqrt(1 - CORRELATION**2)

    def draw(n: int, rng: np.random.Generator) -> FloatArray:
        x = rng.normal(size=(n, 2))
        x[:, 1] = CORRELATION * x[:, 0] + rest * x[:, 1]
        return x

    def ratio(x: FloatArray) -> FloatArray:
        given = norm.logpdf(x[:, 1], CORRELATION * x[:, 0], rest)
        return np.asarray(np.exp(given - norm.logpdf(x[:, 1])))

    return Signal(2, draw, ratio)


#: Signals in several columns by name.
SIGNALS: Mapping[str, Signal] = {
    "resonance in one": normal_signal(0.5, 0.1, 1),
    "tail of one": normal_signal(2.5, 0.5, 1),
    "local in two": normal_signal(1.0, 0.2, 2),
    "correlation of two": _correlated(),
}


@dataclass(frozen=True)
class Row:
    """Toys of one kind: the signal's name, "none" for none of it, and the number of columns."""

    signal: str
    columns: int


ROWS = (
    *(Row(name, 1) for name in ("none", *TOY_SIGNALS)),
    *(Row(name, columns) for columns in (2, 5, 10) for name in ("none", *SIGNALS)),
)


def names_of(columns: int) -> tuple[str, ...]:
    """Return the names of the columns."""
    return tuple(f"x{i}" for i in range(columns))


def tests_of(columns: int, *, seed: int) -> dict[str, Any]:
    """Return the tests of pairs of so many columns, by the names of the table's columns."""
    names = names_of(columns)
    tests: dict[str, Any] = {
        "Student": StudentTest(),
        "KS": KSTest(),
        "energy": EnergyTest(),
        "MMD": MMDTest(),
    }
    subspace = SubspaceTest(names, n=0, standardising=128, trees=24, seed=seed)
    found: dict[str, Any] = {name: OnColumns(test, names) for name, test in tests.items()}
    return {"spline of x0": OnColumns(SplineTest(), "x0"), "subspace": subspace, **found}


def ideal_z(
    ratios: FloatArray,
    shares: FloatArray,
    n_signal: float,
    n_background: float = N_BACKGROUND,
) -> float:
    """Return the ideal significance of a signal.

    Parameters
    ----------
    ratios : ndarray, shape (m,)
        s/b of events.
    shares : ndarray, shape (m,)
        Their weights as events of the background; of sum one.
    n_signal, n_background : float
        Expected events.
    """
    rho = n_signal / n_background * ratios
    square = n_background * float(np.sum(shares * (1 + rho) * np.log1p(rho))) - n_signal
    return float(np.sqrt(max(2 * square, 0.0)))


def events_of(row: Row, ideal: float = IDEAL, n_background: float = N_BACKGROUND) -> float:
    """Return how many events of a row's signal are expected, so that it is ideally so large."""
    if row.signal == "none":
        return 0.0
    rng = np.random.default_rng(SEED)
    half = 200_000
    if row.columns == 1:
        shape = TOY_SIGNALS[row.signal]
        x = np.concatenate([TOY_BACKGROUND.draw(half, rng), shape.draw(half, rng)])
        ratios = shape.pdf(x) / TOY_BACKGROUND.pdf(x)
    else:
        signal = SIGNALS[row.signal]
        background = rng.normal(size=(half, signal.columns))
        ratios = signal.ratio(np.concatenate([background, signal.draw(half, rng)]))
    # Half of the events are of the signal: b/(b/2 + s/2) of each is its share of b.
    shares = 2 / (1 + ratios) / ratios.size

    def above(n: float) -> float:
        return ideal_z(ratios, shares, n, n_background) - ideal

    return float(brentq(above, 1.0, n_background))


def drawn(
    row: Row, n_signal: float, rng: np.random.Generator, n_background: float = N_BACKGROUND
) -> Pair:
    """Draw a pair of a row, with so many expected events of its signal in A."""
    sides = []
    for n in (rng.poisson(n_signal), 0):
        size = rng.poisson(n_background)
        if row.columns == 1:
            x = TOY_BACKGROUND.draw(size + n, rng)[:, None]
            if n:
                x[:n, 0] = TOY_SIGNALS[row.signal].draw(n, rng)
        else:
            x = rng.normal(size=(size + n, row.columns))
            if n:
                part = SIGNALS[row.signal].draw(n, rng)
                x[:n, : part.shape[1]] = part
        sides.append(dict(zip(names_of(row.columns), x.T, strict=True)))
    return Pair.from_columns(*sides)


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    n_signal: Sequence[float]

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> dict[str, tuple[int, float]]:
        """Return (n + 1) times the p-value of every test, and the seconds of CPU it took."""
        row, found = self.rows[row_number], {}
        pair = drawn(row, self.n_signal[row_number], np.random.default_rng(for_draw))
        for name, test in tests_of(row.columns, seed=number).items():
            # The labels are drawn anew from the same seed: those of a test are those of all.
            rng = np.random.default_rng(
                SeedSequence(for_labels.entropy, spawn_key=for_labels.spawn_key)
            )
            start = time.process_time()
            joint = together({name: test}, pair, N, rng=rng, workers=1)
            seconds = time.process_time() - start
            found[name] = round((N + 1) * joint.local_pvalue(name)), seconds
        return found


def compute(
    n_toys: int,
    *,
    rows: Sequence[Row] = ROWS,
    seed: int = SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study; parameters as for `eμsym.coverage.global_line.compute`.

    Returns
    -------
    dict
        For JSON: of every row the expected events of the signal, and (n + 1) p of its toys
        by test; and by the number of columns the seconds that a p-value of a test took.
    """
    n_signal = [events_of(row) for row in rows]
    by_row = toys_by_row(
        _Measured(rows, n_signal),
        [range(n_toys)] * len(rows),
        seed=seed,
        workers=workers,
        progress=progress,
    )
    stored = []
    took: dict[str, dict[str, list[float]]] = {}
    for j, row in enumerate(rows):
        toys = by_row[j]
        ranks = {name: " ".join(str(toy[name][0]) for toy in toys) for name in toys[0]}
        for name in ranks:
            took.setdefault(str(row.columns), {}).setdefault(name, []).extend(
                toy[name][1] for toy in toys
            )
        stored.append(
            {
                "signal": row.signal,
                "columns": row.columns,
                "n_signal": round(n_signal[j], 1),
                "n_toys": n_toys,
                "ranks": ranks,
            }
        )
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n": N,
        "n_background": N_BACKGROUND,
        "ideal": IDEAL,
        "seconds": {
            columns: {name: round(float(np.median(each)), 3) for name, each in by_test.items()}
            for columns, by_test in took.items()
        },
        "rows": stored,
    }


main = command_of("which_test", compute, table, toys=30, seed=SEED, figure=draw_which_test)


if __name__ == "__main__":
    main()
