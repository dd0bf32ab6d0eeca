"""What no r(pT, η) of single leptons describes: how often it fires, is noticed, and is taken out.

``python -m eμsym.coverage.effects -n 300`` writes ``docs/coverage/effects.json`` and its table.
Toys have the kinematics of the embedded sample's background and no signal; their labels are drawn
with the odds of an effect. Each is tested as the command tests it: with the default correction, and
with the one that is offered for the effect. Toy i of row j draws with child (j, i), the same for
both corrections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.random import SeedSequence
from scipy.special import expit, ndtr

from eμsym.analysis.signals import SignalShape, stored_signals
from eμsym.arrays import FloatArray
from eμsym.coverage.command import command_of
from eμsym.coverage.detector import N_RELABELLINGS, measured
from eμsym.coverage.global_line import with_histograms
from eμsym.coverage.sources import background_events
from eμsym.coverage.tally import Tally
from eμsym.coverage.toys import toys_by_row
from eμsym.errors import DataError
from eμsym.label_rule import LEADING
from eμsym.pair import Pair
from eμsym.progress import Advance

SEED = 20405
SCHEMA, VERSION = "emusym/coverage-effects", 1
N_EVENTS = 12_000

Columns = Mapping[str, FloatArray]


#: Edges in pT about the thresholds of the triggers, in GeV, as narrow as these rise.
THRESHOLDS = (23.0, 24.0, 25.0, 26.0, 27.0, 28.0)


def electron_trigger(pt: FloatArray) -> FloatArray:
    """Return the efficiency of single-electron triggers, of pT in GeV.

    From 0.05, that of others with lower thresholds, to 0.9 at 27 GeV.
    """
    return np.asarray(0.05 + 0.85 * ndtr((pt - 27) / 1.0))


def muon_trigger(pt: FloatArray) -> FloatArray:
    """Return the efficiency of single-muon triggers: from 0.05 to 0.7 at 24 GeV."""
    return np.asarray(0.05 + 0.65 * ndtr((pt - 24) / 0.7))


def _triggers(columns: Columns, rng: np.random.Generator) -> tuple[FloatArray, Columns]:
    """Return P(eμ) where either trigger selects, and which fired: 1 e, 2 μ, 3 both."""
    lead, sub = columns["lead_pt"], columns["sub_pt"]
    # P of {e alone, μ alone, both} for each order, in the events that are there.
    odds = []
    for electron, muon in ((lead, sub), (sub, lead)):
        e, mu = electron_trigger(electron), muon_trigger(muon)
        odds.append(np.stack([e * (1 - mu), (1 - e) * mu, e * mu]))
    in_a, in_b = odds
    whole = in_a.sum(axis=0) + in_b.sum(axis=0)
    share = (in_a + in_b) / whole
    fired = (rng.random(lead.size) > np.cumsum(share, axis=0)).sum(axis=0).clip(0, 2)
    chosen = np.arange(lead.size)
    p = in_a[fired, chosen] / (in_a + in_b)[fired, chosen]
    return p, {"fired": fired + 1.0}


def _with_met(columns: Columns, rng: np.random.Generator) -> tuple[FloatArray, Columns]:
    """Return P(eμ) for an r whose slope in ln pT goes from −0.3 to 0.3 with MET, and its thirds."""
    met = columns["met"]
    slope = 0.3 * np.clip((met - 35) / 35, -1, 1)
    p = expit(slope * np.log(columns["sub_pt"] / columns["lead_pt"]))
    return p, {"met_third": np.digitize(met, np.quantile(met, [1 / 3, 2 / 3])).astype(float)}


def _rate(columns: Columns, rng: np.random.Generator) -> tuple[FloatArray, Columns]:
    """Return P(eμ) for 5 % more of one order, whatever the kinematics."""
    return np.full(columns["lead_pt"].size, 1.05 / 2.05), {}


@dataclass(frozen=True)
class Effect:
    """Something that r(pT, η) does not describe.

    Attributes
    ----------
    about : str
    draw : callable
        Columns of events, generator → P(eμ), and further columns.
    by : str or None
        The column of the classes that are offered for it.
    pt_edges : tuple of float
        The thresholds that are stated then.
    """

    about: str
    draw: Callable[[Columns, np.random.Generator], tuple[FloatArray, Columns]]
    by: str | None
    pt_edges: tuple[float, ...] = ()


EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        "trigger": Effect("either of two single-lepton triggers", _triggers, "fired", THRESHOLDS),
        "met": Effect("an r whose slope in pT goes with MET", _with_met, "met_third"),
        "rate": Effect("5 % more eμ, whatever the kinematics", _rate, None),
    }
)


@dataclass(frozen=True)
class Row:
    """Toys of one effect under one correction.

    Attributes
    ----------
    effect : str
        One of `EFFECTS`.
    by : str or None
        Classes of the correction; None for the default.
    """

    effect: str
    by: str | None

    @property
    def correction(self) -> str:
        """What to call it."""
        return "default" if self.by is None else f"classes of {self.by}"


ROWS = tuple(
    Row(name, by)
    for name, effect in EFFECTS.items()
    for by in ((None,) if effect.by is None else (None, effect.by))
)


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    background: Columns
    shapes: Sequence[SignalShape]
    n_events: int

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> dict[str, Any]:
        row = self.rows[row_number]
        rng = np.random.default_rng(for_draw)
        size = self.background["lead_pt"].size
        chosen = rng.integers(0, size, rng.poisson(self.n_events))
        columns = {name: values[chosen] for name, values in self.background.items()}
        p, further = EFFECTS[row.effect].draw(columns, rng)
        columns |= further
        in_a = rng.random(chosen.size) < p
        a, b = ({n: values[part] for n, values in columns.items()} for part in (in_a, ~in_a))
        pair = with_histograms(Pair.from_columns(a, b, names=("eμ", "μe")))
        pair = Pair.from_samples(pair.a, pair.b, names=pair.names)
        try:
            edges = () if row.by is None else EFFECTS[row.effect].pt_edges
            pair = pair.equalised(by=row.by, pt_edges=edges)
            return measured(pair, self.shapes, for_labels, quality=True)
        except DataError as error:
            return {"problem": str(error)}


def compute(
    n_toys: int,
    *,
    rows: Sequence[Row] = ROWS,
    n_events: int = N_EVENTS,
    seed: int = SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study.

    Parameters
    ----------
    n_toys : int
        Of every row.
    rows : sequence of Row
    n_events : int
        Expected events of both orders.
    seed : int
    workers : int, optional
        Default: all cores.
    progress : bool or callable, optional
        As for `run_tasks`.

    Returns
    -------
    dict
        For JSON.
    """
    background = background_events("met")
    by_row = toys_by_row(
        _Measured(rows, background, stored_signals(LEADING.orders), n_events),
        [range(n_toys)] * len(rows),
        seed=seed,
        # Rows of one effect have the same events.
        keys=[list(EFFECTS).index(row.effect) for row in rows],
        workers=workers,
        progress=progress,
    )
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n_events": n_events,
        "n_relabellings": N_RELABELLINGS,
        "rows": [
            {"effect": row.effect, "correction": row.correction, **tally.to_dict()}
            for row, tally in zip(rows, map(Tally.of, by_row), strict=True)
        ],
    }


def table(data: Mapping[str, Any]) -> str:
    """Return the table, as Markdown."""
    names = list(dict.fromkeys(name for row in data["rows"] for name in row["pvalues"]))
    lines = [
        "# What r of single leptons does not describe",
        "",
        f"Toys without signal of {data['n_events']:,} events: in how many percent of them a "
        "printed p-value is at most 0.05, with the default correction and with the one that is "
        "offered. The last two columns say how often the quality lines warn.",
        "",
        *(f"- **{name}**: {effect.about}." for name, effect in EFFECTS.items()),
        "",
        "| effect | correction | toys | "
        + " | ".join(name.replace("|", "\\|") for name in names)
        + " |",
        "|---" * (len(names) + 3) + "|",
    ]
    for row in data["rows"]:
        tally = Tally.from_dict(row)
        shown = [f"{100 * tally.below(n)[0]:.0f}" if n in tally.pvalues else "" for n in names]
        lines.append(
            "| " + " | ".join([row["effect"], row["correction"], f"{tally.n:,}", *shown]) + " |"
        )
    return "\n".join(lines) + "\n"


main = command_of("effects", compute, table, toys=300, seed=SEED)


if __name__ == "__main__":
    main()
