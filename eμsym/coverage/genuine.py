"""From how many events on genuine H→τe and H→τμ are found: m_coll alone, or the lepton columns.

``python -m eμsym.coverage.genuine -n 50`` writes ``docs/coverage/genuine.json`` and its table. A
toy has 12,000 expected events of the embedded sample's background, drawn with replacement, whose
flavours a fair coin chooses, and some of the stored events of a signal, each in the order in which
it stands. Nothing is corrected. All tests of a toy are run on the same relabellings. Toy i of row
j draws with child (j, i) of one `SeedSequence`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist import Hist
from numpy.random import SeedSequence

from eμsym.analysis.options import SUBSPACE_COLUMNS
from eμsym.arrays import FloatArray
from eμsym.binned.q0_of_pair import Q0Test
from eμsym.binned.windows import WindowTest
from eμsym.coverage import fakes
from eμsym.coverage.command import command_of
from eμsym.coverage.genuine_table import SCHEMA, VERSION, table
from eμsym.coverage.sources import ELECTRON_LEADS, background_events
from eμsym.coverage.toys import toys_by_row
from eμsym.event_io import read_events
from eμsym.pair import Pair
from eμsym.progress import Advance
from eμsym.recipes import stored_signal
from eμsym.testing import OnColumns
from eμsym.together import together
from eμsym.unbinned.spline import SplineTest
from eμsym.unbinned.subspace import SubspaceTest

SEED = 20422

#: Expected events of background of both orders, and relabellings of a toy.
N_EVENTS, N = 12_000, 99

PLANE = (fakes.M_COLL, fakes.LEAD_PT)

#: What the subspace test is given; the last ones are those of ``emusym test``.
SUBSPACES: Mapping[str, tuple[str, ...]] = {
    "subspace of 6": ("m_coll", "lead_pt", "sub_pt", "met", "lead_eta", "sub_eta"),
    "subspace of 5 with Δφ": ("m_coll", "lead_pt", "sub_pt", "met", "dphi_sub_met"),
    "subspace of 5 with m_T": SUBSPACE_COLUMNS,
}

_READ = ("m_coll", "lead_pt", "sub_pt", "lead_eta", "sub_eta", "met", "sub_phi", "met_phi")


@dataclass(frozen=True)
class Row:
    """Toys of one kind: the stored signal's name, and its expected events of both orders."""

    signal: str
    n_signal: int


ROWS = (
    Row("hlfv_taue", 0),
    *(Row("hlfv_taue", n) for n in (50, 100, 200, 300)),
    *(Row("hlfv_taumu", n) for n in (50, 100, 200)),
)


@dataclass(frozen=True, eq=False)
class Events:
    """Events of background, or of a signal.

    Attributes
    ----------
    columns : mapping of str to ndarray, shape (m,)
    electron_leads : ndarray of bool, shape (m,)
    """

    columns: Mapping[str, FloatArray]
    electron_leads: np.ndarray[Any, np.dtype[np.bool_]]

    @classmethod
    def of(cls, events: Any, electron_leads: Any) -> Events:
        """Return those of a table, with the angle between the second lepton and the neutrinos.

        And with m_T of the two, as the processor has it.
        """
        columns = {name: np.asarray(events[name], dtype=np.float64) for name in _READ}
        apart = columns.pop("sub_phi") - columns.pop("met_phi")
        angle = np.abs((apart + np.pi) % (2 * np.pi) - np.pi)
        energy = np.sqrt(columns["sub_pt"] * columns["met"])
        columns["mt_sub"] = 2 * energy * np.abs(np.sin(apart / 2))
        return cls({**columns, "dphi_sub_met": angle}, np.asarray(electron_leads, dtype=bool))

    @classmethod
    def of_signal(cls, name: str) -> Events:
        """Return the stored events of a signal."""
        events = read_events(stored_signal(name))
        return cls.of(events, events[ELECTRON_LEADS])

    @classmethod
    def of_background(cls) -> Events:
        """Return those of the embedded sample; their orders are not looked at."""
        columns = background_events("met", "sub_phi", "met_phi")
        return cls.of(columns, np.zeros(columns["m_coll"].size))

    def chosen(self, n: float, rng: np.random.Generator) -> Events:
        """Return events drawn with replacement, n on average."""
        rows = rng.integers(0, self.electron_leads.size, rng.poisson(n))
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Events(columns, self.electron_leads[rows])


def drawn(background: Events, signal: Events, n_signal: float, rng: np.random.Generator) -> Pair:
    """Draw a pair, A with the electron in the lead: symmetric, but for the signal."""
    below, above = background.chosen(N_EVENTS, rng), signal.chosen(n_signal, rng)
    leads = np.append(rng.random(below.electron_leads.size) < 0.5, above.electron_leads)
    columns = {name: np.append(x, above.columns[name]) for name, x in below.columns.items()}
    return Pair.from_events({**columns, ELECTRON_LEADS: leads}, by=ELECTRON_LEADS)


def tests_of(signal: Events, *, seed: int) -> dict[str, Any]:
    """Return the tests by the names of the table's columns; q0 knows the signal."""
    shapes = []
    for order in (True, False):
        shape = Hist(*PLANE, storage="weight")
        own = signal.electron_leads == order
        shape.fill(**{axis.name: signal.columns[axis.name][own] for axis in PLANE})
        shapes.append(shape)
    subspaces = {
        name: SubspaceTest(columns, n=0, standardising=64, trees=24, seed=seed)
        for name, columns in SUBSPACES.items()
    }
    return {
        "q0 of it": Q0Test((shapes[0], shapes[1]), PLANE),
        "best window": WindowTest(PLANE, min_size=2),
        "spline of m_coll": OnColumns(SplineTest(), "m_coll"),
        **subspaces,
    }


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    background: Events
    signals: Mapping[str, Events]

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> dict[str, int]:
        """Return (n + 1) times the p-value of every test."""
        row = self.rows[row_number]
        signal = self.signals[row.signal]
        pair = drawn(self.background, signal, row.n_signal, np.random.default_rng(for_draw))
        rng = np.random.default_rng(for_labels)
        joint = together(tests_of(signal, seed=number), pair, N, rng=rng, workers=1)
        return {name: round((N + 1) * joint.local_pvalue(name)) for name in joint.names}


def compute(
    n_toys: int,
    *,
    first: int = 0,
    rows: Sequence[Row] = ROWS,
    seed: int = SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study; parameters as for `eμsym.coverage.power.compute`, `rows` being of `ROWS`.

    Returns
    -------
    dict
        For JSON: of every row, (n + 1) p of its toys by test.
    """
    signals = {row.signal: Events.of_signal(row.signal) for row in rows}
    by_row = toys_by_row(
        _Measured(rows, Events.of_background(), signals),
        [range(first, first + n_toys)] * len(rows),
        seed=seed,
        keys=[ROWS.index(row) for row in rows],
        workers=workers,
        progress=progress,
    )
    stored = []
    for row, toys in zip(rows, by_row, strict=True):
        ranks = {name: " ".join(str(toy[name]) for toy in toys) for name in toys[0]}
        stored.append({"signal": row.signal, "n_signal": row.n_signal, "ranks": ranks})
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n": N,
        "n_events": N_EVENTS,
        "rows": stored,
    }


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return several parts of one study, in the order of their toys, as one."""
    rows = []
    for same in zip(*(part["rows"] for part in parts), strict=True):
        ranks = {name: " ".join(row["ranks"][name] for row in same) for name in same[0]["ranks"]}
        rows.append({**same[0], "ranks": ranks})
    return {**parts[0], "rows": rows}


main = command_of("genuine", compute, table, toys=50, seed=SEED)


if __name__ == "__main__":
    main()
