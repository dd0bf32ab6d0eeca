"""What is left of a signal of H→τe where r of single leptons does not describe the detector.

``python -m eμsym.coverage.power -n 100`` writes ``docs/coverage/power.json`` and its table. A toy
has 12,000 events of background and the effect, once without signal and once with 190 events of
H→τe on top, with the default correction and with what is offered: by how much Z of q0 is larger
with the signal is what the correction leaves of it. Toy i of the j-th effect draws with child
(j, i).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.random import SeedSequence

from eμsym.arrays import BoolArray, FloatArray
from eμsym.binned.q0_of_pair import Q0Test
from eμsym.coverage import fakes
from eμsym.coverage.command import command_of
from eμsym.coverage.effects import EFFECTS, N_EVENTS, electron_trigger, muon_trigger
from eμsym.coverage.power_table import SCHEMA, VERSION, table
from eμsym.coverage.resolution import COLUMNS as FURTHER
from eμsym.coverage.resolution import SmearedSource
from eμsym.coverage.sources import ELECTRON_LEADS, SignalEvents, background_events
from eμsym.coverage.toys import toys_by_row
from eμsym.errors import DataError
from eμsym.event_io import read_events
from eμsym.fake_events import subtract_fakes
from eμsym.pair import Pair
from eμsym.papers.equalisation_study import COLUMNS
from eμsym.progress import Advance
from eμsym.recipes import stored_signal

SEED = 20407
N_SIGNAL = 190
PLANE = (fakes.M_COLL, fakes.LEAD_PT)

Columns = Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The events of a toy: those of the background, and those of a signal."""

    background: Columns
    signal: Columns
    signal_in_a: BoolArray
    seed: SeedSequence

    def rng(self) -> np.random.Generator:
        """Return the generator of what follows, the same for every correction."""
        return np.random.default_rng(self.seed)


def _pair(columns: Columns, in_a: BoolArray) -> Pair:
    a, b = ({name: x[part] for name, x in columns.items()} for part in (in_a, ~in_a))
    return Pair.from_samples(*_samples(a, b), names=("eμ", "μe"))


def _samples(a: Any, b: Any) -> tuple[Any, Any]:
    pair = Pair.from_columns(a, b)
    return pair.a, pair.b


def fired_by(columns: Columns, in_a: BoolArray, rng: np.random.Generator) -> FloatArray:
    """Return which triggers fired in events of known order: 1 that of the electron, 2 μ, 3 both."""
    electron = electron_trigger(np.where(in_a, columns["lead_pt"], columns["sub_pt"]))
    muon = muon_trigger(np.where(in_a, columns["sub_pt"], columns["lead_pt"]))
    odds = np.stack([electron * (1 - muon), (1 - electron) * muon, electron * muon])
    share = np.cumsum(odds, axis=0) / odds.sum(axis=0)
    return np.asarray((rng.random(in_a.size) > share).sum(axis=0).clip(0, 2) + 1.0)


def _pairs_of_effect(effect: str, offered: bool, drawn: _Drawn) -> tuple[Pair, Pair]:
    """Return the pair without signal and with it, of one of `EFFECTS`, corrected."""
    rng = drawn.rng()
    p, further = EFFECTS[effect].draw(drawn.background, rng)
    in_a = rng.random(p.size) < p
    of_signal: Columns = {}
    if effect == "trigger":
        of_signal = {"fired": fired_by(drawn.signal, drawn.signal_in_a, rng)}
    elif effect == "met":
        edges = np.quantile(drawn.background["met"], [1 / 3, 2 / 3])
        of_signal = {"met_third": np.digitize(drawn.signal["met"], edges).astype(float)}
    background = {**drawn.background, **further}
    names = (*COLUMNS, *further)
    alone = {name: background[name] for name in names}
    signal = {**drawn.signal, **of_signal}
    both = {name: np.append(alone[name], signal[name]) for name in names}
    by, pt_edges = (EFFECTS[effect].by, EFFECTS[effect].pt_edges) if offered else (None, ())
    pairs = _pair(alone, in_a), _pair(both, np.append(in_a, drawn.signal_in_a))
    first, second = (pair.equalised(by=by, pt_edges=pt_edges) for pair in pairs)
    return first, second


def _pairs_of_nothing(offered: bool, drawn: _Drawn) -> tuple[Pair, Pair]:
    """Return the same of a detector that sees both flavours alike; offered: no correction."""
    in_a = drawn.rng().random(drawn.background["lead_pt"].size) < 0.5
    alone = {name: drawn.background[name] for name in COLUMNS}
    both = {name: np.append(alone[name], drawn.signal[name]) for name in COLUMNS}
    pairs = _pair(alone, in_a), _pair(both, np.append(in_a, drawn.signal_in_a))
    if offered:
        return pairs
    return pairs[0].equalised(), pairs[1].equalised()


def _pairs_with_fakes(offered: bool, drawn: _Drawn) -> tuple[Pair, Pair]:
    """Return the same with a twentieth of fakes, in the data or subtracted; r is fitted."""
    rng = drawn.rng()
    source = fakes.FakeSource(drawn.background, N_EVENTS, 0.05)
    data, control = source.data(rng), source.control(rng)
    signal = {name: drawn.signal[name] for name in COLUMNS}
    both = data + _pair(signal, drawn.signal_in_a)
    factor, relative = fakes.TRANSFER_FACTOR, fakes.RELATIVE_ERROR
    factor *= 1 + relative * rng.standard_normal()
    found = []
    for pair in (data, both):
        each = subtract_fakes(pair, control, factor, relative * factor) if offered else pair
        found.append(each.equalised())
    return found[0], found[1]


def _pairs_with_resolution(offered: bool, drawn: _Drawn) -> tuple[Pair, Pair]:
    """Return the same of leptons measured with different resolutions, smeared or not."""
    rng = drawn.rng()
    source = SmearedSource(drawn.background, N_EVENTS, maps=offered)
    in_a = rng.random(drawn.background["lead_pt"].size) < 0.5
    alone = source.seen(drawn.background, in_a, rng)
    alone = Pair.from_samples(alone.a, alone.b, names=alone.names)
    both = alone + source.seen(drawn.signal, drawn.signal_in_a, rng)
    return alone.equalised(), both.equalised()


Case = tuple[Callable[[bool, _Drawn], tuple[Pair, Pair]], tuple[str, ...]]

#: What makes the pairs without and with signal, and what the two corrections of each are called.
CASES: Mapping[str, Case] = MappingProxyType(
    {
        "nothing": (_pairs_of_nothing, ("default", "none")),
        **{
            name: (
                partial(_pairs_of_effect, name),
                ("default",) if each.by is None else ("default", f"classes of {each.by}"),
            )
            for name, each in EFFECTS.items()
        },
        "fakes": (_pairs_with_fakes, ("default", "fakes subtracted, default")),
        "resolution": (_pairs_with_resolution, ("default", "maps, default")),
    }
)


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    background: Columns
    signal: Columns
    signal_in_a: BoolArray
    test: Q0Test
    n_events: int
    cases: Sequence[str]

    def __call__(
        self, row_number: int, number: int, for_events: SeedSequence, for_rest: SeedSequence
    ) -> dict[str, Any]:
        """Return Z without and with signal, by the correction's name; or a problem."""
        rng = np.random.default_rng(for_events)
        size = self.background["lead_pt"].size
        chosen = rng.integers(0, size, rng.poisson(self.n_events))
        added = rng.integers(0, self.signal_in_a.size, rng.poisson(N_SIGNAL))
        drawn = _Drawn(
            {name: x[chosen] for name, x in self.background.items()},
            {name: x[added] for name, x in self.signal.items()},
            self.signal_in_a[added],
            for_rest,
        )
        make, names = CASES[self.cases[row_number]]
        try:
            return {
                name: [self.test(pair).z for pair in make(offered, drawn)]
                for name, offered in zip(names, (False, True), strict=False)
            }
        except DataError as error:
            return {"problem": str(error)}


def compute(
    n_toys: int,
    *,
    first: int = 0,
    cases: Sequence[str] = tuple(CASES),
    n_events: int = N_EVENTS,
    seed: int = SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study.

    Parameters
    ----------
    n_toys : int
        Of every case.
    first : int
        The number of the first.
    cases : sequence of str
        Of `CASES`.
    n_events : int
        Expected events of both orders without the signal.
    seed : int
    workers : int, optional
        Default: all cores.
    progress : bool or callable, optional
        As for `run_tasks`.

    Returns
    -------
    dict
        For JSON: see `eμsym.coverage.power_table`.
    """
    events = read_events(stored_signal("hlfv_taue"))
    signal = {name: np.asarray(events[name], dtype=np.float64) for name in (*COLUMNS, *FURTHER)}
    measure = _Measured(
        background_events(*FURTHER),
        signal,
        np.asarray(events[ELECTRON_LEADS], dtype=bool),
        Q0Test(SignalEvents.stored().shapes(*PLANE, rng=1), PLANE),
        n_events,
        cases,
    )
    by_case = toys_by_row(
        measure,
        [range(first, first + n_toys)] * len(cases),
        seed=seed,
        keys=[list(CASES).index(case) for case in cases],
        workers=workers,
        progress=progress,
    )
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n_events": n_events,
        "n_signal": N_SIGNAL,
        "rows": [
            row for case, toys in zip(cases, by_case, strict=True) for row in _rows(case, toys)
        ],
    }


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return several parts of one study, in the order of their toys, as one."""
    rows = []
    for same in zip(*(part["rows"] for part in parts), strict=True):
        z = {key: [x for row in same for x in row[key]] for key in ("without", "with")}
        rows.append({**same[0], **z, "not_done": sum(row["not_done"] for row in same)})
    return {**parts[0], "rows": rows}


def _rows(case: str, toys: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    done = [toy for toy in toys if "problem" not in toy]
    return [
        {
            "effect": case,
            "correction": name,
            "without": [round(float(toy[name][0]), 4) for toy in done],
            "with": [round(float(toy[name][1]), 4) for toy in done],
            "not_done": len(toys) - len(done),
        }
        for name in CASES[case][1]
    ]


main = command_of("power", compute, table, toys=100, seed=SEED)


if __name__ == "__main__":
    main()
