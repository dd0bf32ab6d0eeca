"""Whether a scan's global and adjusted p-values hold, and what it finds, over toys.

``python -m eμsym.coverage.scan -n 1000`` writes ``docs/coverage/scan.json`` and its table. Toys
are pairs of `KnownRatioSource` with more columns, compared in classes of them and in pairs of
classes; or pairs of the DDP paper's plane. Toy i of a row draws with child (row, i) of one
`SeedSequence`, so that rows and parts of them can be computed apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import SeedSequence
from scipy.stats import norm

from eμsym.arrays import FloatArray
from eμsym.binned.templates_io import read_templates
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.coverage.command import command_of
from eμsym.coverage.scan_sources import (
    BUMP,
    BUMP_REGION,
    CLASS,
    FURTHER,
    OBSERVABLES,
    REGIONS,
    TemplateSource,
    as_coins,
    events_of_a,
    fewer_of_a,
    holds,
    thirds,
)
from eμsym.coverage.scan_table import SCHEMA, VERSION, table
from eμsym.coverage.sources import KnownRatioSource, background_events, fine_ratio, strong_ratio
from eμsym.coverage.toys import toys_by_row
from eμsym.errors import DataError
from eμsym.pair import Pair
from eμsym.progress import Advance
from eμsym.recipes import stored_templates
from eμsym.regions import Region
from eμsym.scanning.result import Scan
from eμsym.scanning.scan import scan

SEED = 20418

#: Significance of the DDP example's signal for q0 with T known.
Z_INJECTED = 5.0


@dataclass(frozen=True)
class Row:
    """Toys of one kind.

    Attributes
    ----------
    number : int
        Of the row among the seeds.
    kind : str
        "coins"; "sizes" kept; "given" or "fitted", of a strong r; "plane", of the DDP paper.
    n_events : int
        Expected, of both samples.
    added : str
        The condition of the events of which some are added to A; empty of none.
    n_added : int
        How many are expected.
    n : int
        Relabellings.
    share : float
        Of the toys that are asked for.
    """

    number: int
    kind: str
    n_events: int = 1_500
    added: str = ""
    n_added: int = 0
    n: int = 99
    share: float = 1.0


ROWS = (
    Row(0, "coins"),
    Row(1, "sizes"),
    Row(2, "fitted"),
    Row(3, "coins", added=CLASS, n_added=150, share=0.3),
    Row(4, "given", added=CLASS, n_added=150, share=0.3),
    Row(5, "sizes", added=CLASS, n_added=50, share=0.2),
    Row(6, "sizes", added=CLASS, n_added=150, share=0.2),
    Row(7, "fitted", added=CLASS, n_added=50, share=0.2),
    Row(8, "fitted", added=CLASS, n_added=150, share=0.2),
    Row(9, "coins", 3_000, BUMP, 20, 999, 0.05),
    Row(10, "coins", 3_000, BUMP, 30, 999, 0.05),
    Row(11, "coins", 3_000, BUMP, 45, 999, 0.05),
    Row(12, "plane", n=199, share=0.044),
    Row(13, "fitted", 6_000),
    Row(14, "fitted", 3_000),
)


def measured(found: Scan, signal: Mapping[str, FloatArray] | None) -> dict[str, Any]:
    """Return what is kept of a scan.

    Parameters
    ----------
    found : Scan
    signal : mapping of str to ndarray, shape (m,), or None
        Columns of the events of which some were added.

    Returns
    -------
    dict
        ``rank``, (n + 1) times the global p-value; with a signal also ``others``, that times
        the smallest adjusted p-value in regions that no such event can be in, ``shift``, the
        local Z of Nσ of the first observable in the largest of these, and ``first``, which
        part of the signal the most asymmetric entry's region holds: "all", "whole", "part"
        or "none".
    """
    result: dict[str, Any] = {"rank": found.count, "entries": len(found.entries)}
    if signal is None:
        return result
    inside = {name: holds(each.where, signal) for name, each in found.regions.items()}
    apart = {name for name, mask in inside.items() if not mask.any()}
    if apart:
        own = [entry for entry in found.entries if entry.region in apart]
        result["others"] = round((found.n + 1) * min(entry.p_adjusted for entry in own))
        largest = max(apart, key=lambda name: found.regions[name].a + found.regions[name].b)
        entry = next(e for e in own if e.region == largest and e.test == "nsigma")
        result["shift"] = float(np.sign(entry.statistic) * norm.isf(entry.p_local / 2))
    region = found.ranked[0].region
    mask = inside[region]
    if found.regions[region].where is None:
        result["first"] = "all"
    else:
        result["first"] = "whole" if mask.all() else "part" if mask.any() else "none"
    result["own"] = region == BUMP_REGION
    return result


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    background: Mapping[str, FloatArray]
    regions: Sequence[Region] = field(default=REGIONS)

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> dict[str, Any]:
        row = self.rows[row_number]
        labels = int(for_labels.generate_state(1)[0])
        if row.kind == "plane":
            return self._plane(row, for_draw, labels)
        try:
            pair = self._pair(row, np.random.default_rng(for_draw))
        except DataError as error:
            return {"problem": str(error)}
        signal = events_of_a(self.background, row.added).columns if row.added else None
        options: dict[str, Any] = {"n": row.n, "rng": labels, "workers": 1}
        found = measured(scan(pair, self.regions, OBSERVABLES, **options), signal)
        if row.added == BUMP:
            found["alone"] = scan(pair, [], OBSERVABLES, **options).count
        return found

    def _pair(self, row: Row, generator: np.random.Generator) -> Pair:
        strong = row.kind in ("given", "fitted")
        ratio = strong_ratio() if strong else _no_ratio()
        signal = events_of_a(self.background, row.added or CLASS)
        source = KnownRatioSource(self.background, row.n_events, ratio, signal, row.n_added)
        pair = source.draw(generator)
        if row.kind == "sizes":
            return fewer_of_a(pair)
        pair = as_coins(pair)
        return pair.equalised(ratio if row.kind == "given" else "self") if strong else pair

    def _plane(self, row: Row, for_draw: SeedSequence, labels: int) -> dict[str, Any]:
        templates = read_templates(stored_templates("hlfv_taue"))
        source = TemplateSource(templates, self.background, Z_INJECTED)
        pair = as_coins(source.draw(np.random.default_rng(for_draw)))
        names = [axis.name for axis in templates.background.axes]
        options: dict[str, Any] = {"n": row.n, "rng": labels, "workers": 1}
        found = scan(pair, thirds(self.background), names, **options)
        alone = scan(pair, [], names, **options)
        first = "all" if found.regions[found.ranked[0].region].where is None else "part"
        result = {"rank": found.count, "entries": len(found.entries), "first": first}
        return {**result, "regions": len(found.regions), "alone": alone.count}


def _no_ratio() -> EfficiencyRatio:
    return fine_ratio(lambda pt, abseta: 0 * pt)


def compute(
    n_toys: int,
    *,
    rows: Sequence[Row] = ROWS,
    first: int = 0,
    seed: int = SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study; parameters as for `eμsym.coverage.detector.compute`.

    Returns
    -------
    dict
        For JSON: see `eμsym.coverage.scan_table`.
    """
    numbers = [
        range(round(first * row.share), max(1, round((first + n_toys) * row.share))) for row in rows
    ]
    by_row = toys_by_row(
        _Measured(rows, background_events(*FURTHER)),
        numbers,
        seed=seed,
        keys=[row.number for row in rows],
        workers=workers,
        progress=progress,
    )
    stored = [_stored(row, toys) for row, toys in zip(rows, by_row, strict=True)]
    return {"schema": SCHEMA, "version": VERSION, "seed": seed, "rows": stored}


def _stored(row: Row, toys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    done = [toy for toy in toys if "problem" not in toy]
    kept: dict[str, Any] = {
        "number": row.number,
        "kind": row.kind,
        "n_events": row.n_events,
        "added": row.added,
        "n_added": row.n_added,
        "n": row.n,
        "not_done": len(toys) - len(done),
    }
    names = {"rank": "ranks", "others": "others", "alone": "alone", "entries": "entries"}
    for name, plural in names.items():
        if done and name in done[0]:
            kept[plural] = " ".join(str(toy[name]) for toy in done)
    if done and "shift" in done[0]:
        kept["shift"] = " ".join(f"{toy['shift']:.2f}" for toy in done)
    if done and "first" in done[0]:
        kept["first"] = " ".join(toy["first"] for toy in done)
    if done and "own" in done[0]:
        kept["own"] = sum(toy["own"] for toy in done)
    if done and "regions" in done[0]:
        kept["regions"] = done[0]["regions"]
    return kept


main = command_of("scan", compute, table, toys=1000, seed=SEED)


if __name__ == "__main__":
    main()
