"""What different momentum resolutions of e and μ do to the tests, before and after maps equal them.

``python -m eμsym.coverage.resolution -n 200`` writes ``docs/coverage/resolution.json`` and its
table. A toy has no signal, equal efficiencies, and leptons that are measured with a resolution
of their flavour, so that the worse one leads more often. It is tested raw and with the default
correction, as it is and with the better leptons smeared. Toy i of the j-th size draws with child
(j, i), the same whatever is done about it; `compute` can be run in parts, which `joined` adds up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import vector
from numpy.random import SeedSequence
from scipy.stats import norm

from eμsym.arrays import BoolArray, FloatArray, Rng
from eμsym.calibration.quality import fit_quality
from eμsym.calibration.resolution_maps import ResolutionMaps, read_resolution
from eμsym.coverage.command import command_of
from eμsym.coverage.detector import N_RELABELLINGS, nsigma_z
from eμsym.coverage.global_line import with_histograms
from eμsym.coverage.resolution_table import SCHEMA, VERSION, table
from eμsym.coverage.sources import background_events
from eμsym.coverage.tally import Tally
from eμsym.coverage.toys import share_of, toys_by_row
from eμsym.errors import DataError
from eμsym.kinematics import collinear_mass
from eμsym.pair import Pair
from eμsym.progress import Advance

SEED = 20406

#: σ(pT)/pT as formulas of pT in GeV, half as much again in |η| > `ENDCAP`.
ELECTRON, MUON = "0.05+0.001*min(x,200)", "0.01+0.0002*min(x,200)"
ENDCAP, IN_ENDCAPS = 1.5, 1.5

#: Measured leptons below this are not selected, GeV: true ones start at 15.
CUT = 18.0

#: Columns of the events whose leptons are measured anew.
COLUMNS = ("lead_phi", "sub_phi", "met", "met_phi")


@dataclass(frozen=True)
class Row:
    """Toys of one kind.

    Attributes
    ----------
    n_events : int
        Expected events of both orders before the cut on what is measured, which keeps 82 %.
    correction : str
        "none", or "default" for r fitted to the pair's own events.
    maps : bool
        Whether the better leptons are smeared.
    share : float
        Of the toys that are asked for.
    quality_every : int
        Of the toys, one in so many has its quality lines where it is corrected.
    """

    n_events: int
    correction: str
    maps: bool
    share: float = 1.0
    quality_every: int = 1


ROWS = tuple(
    Row(n_events, correction, maps, share, quality_every)
    for n_events, share, quality_every in ((12_000, 1.0, 1), (120_000, 0.5, 2))
    for correction in ("none", "default")
    for maps in (False, True)
)


def content() -> dict[str, Any]:
    """Return the resolutions as the content of a correctionlib file."""

    def formula(expression: str) -> dict[str, Any]:
        return {
            "nodetype": "formula",
            "expression": expression,
            "parser": "TFormula",
            "variables": ["pt"],
        }

    def correction(name: str, expression: str) -> dict[str, Any]:
        return {
            "name": name,
            "version": 1,
            "inputs": [{"name": x, "type": "real"} for x in ("pt", "abseta")],
            "output": {"name": "resolution", "type": "real"},
            "data": {
                "nodetype": "binning",
                "input": "abseta",
                "edges": [0.0, ENDCAP, 10.0],
                "content": [formula(expression), formula(f"{IN_ENDCAPS}*({expression})")],
                "flow": "error",
            },
        }

    return {
        "schema_version": 2,
        "corrections": [
            correction("resolution_electron", ELECTRON),
            correction("resolution_muon", MUON),
        ],
    }


@cache
def maps() -> ResolutionMaps:
    """Return the resolutions, read as a user's file is."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "resolution.json"
        path.write_text(json.dumps(content()), encoding="utf-8")
        return read_resolution(path)


@dataclass(frozen=True, eq=False)
class SmearedSource:
    """Pairs whose leptons differ in nothing but the resolution that their pT is measured with.

    Parameters
    ----------
    background : mapping of str to ndarray, shape (n,)
        Columns of events, taken for true and drawn with replacement; which of an event's
        leptons is the electron is a fair coin.
    n_events : float
        Expected events of both orders before the cut.
    maps : bool
        Whether the better leptons are smeared to the resolution of the worse.
    """

    background: Mapping[str, FloatArray]
    n_events: float
    maps: bool

    def draw(self, rng: Rng = None) -> Pair:
        """Draw a pair: eμ and μe, with the columns of the leptons and m_coll."""
        generator = np.random.default_rng(rng)
        size = self.background["lead_pt"].size
        chosen = generator.integers(0, size, generator.poisson(self.n_events))
        events = {name: values[chosen] for name, values in self.background.items()}
        return self.seen(events, generator.random(chosen.size) >= 0.5, generator)

    def seen(
        self, events: Mapping[str, FloatArray], electron_leads: BoolArray, rng: Rng = None
    ) -> Pair:
        """Return true events as they are measured.

        Parameters
        ----------
        events : mapping of str to ndarray, shape (n,)
        electron_leads : ndarray of bool, shape (n,)
            In truth.
        rng : numpy.random.Generator, int or None
        """
        generator = np.random.default_rng(rng)
        electron, muon = (
            {
                x: np.where(electron_leads == leads, events[f"lead_{x}"], events[f"sub_{x}"])
                for x in ("pt", "eta", "phi")
            }
            for leads in (True, False)
        )
        x, y = (events["met"] * f(events["met_phi"]) for f in (np.cos, np.sin))
        found = maps()
        for lepton, place in ((electron, 0), (muon, 1)):
            true = lepton["pt"]
            sigma = found.evaluate(true, lepton["eta"])[place]
            after = np.maximum(true * (1 + sigma * generator.standard_normal(true.size)), 0.1)
            # Drawn in any case, so that both rows of a size have the same toys before.
            noise = generator.standard_normal(true.size)
            if self.maps:
                smear = (found.smeared_electrons, found.smeared_muons)[place]
                after = smear(after, lepton["eta"], noise)
            lepton["pt"] = after
            x = x - (after - true) * np.cos(lepton["phi"])
            y = y - (after - true) * np.sin(lepton["phi"])
        keep = (electron["pt"] >= CUT) & (muon["pt"] >= CUT)
        in_a = (electron["pt"] > muon["pt"])[keep]
        leptons = [{x: values[keep] for x, values in each.items()} for each in (electron, muon)]
        lead, sub = (
            {
                x: np.where(in_a == first, *(each[x] for each in leptons))
                for x in ("pt", "eta", "phi")
            }
            for first in (True, False)
        )
        columns = {f"lead_{x}": values for x, values in lead.items() if x != "phi"}
        columns |= {f"sub_{x}": values for x, values in sub.items() if x != "phi"}
        first, second = (vector.array({**each, "mass": 0.0 * each["pt"]}) for each in (lead, sub))
        columns["m_coll"] = np.asarray(collinear_mass(first, second, np.hypot(x, y)[keep]))
        a, b = ({n: values[part] for n, values in columns.items()} for part in (in_a, ~in_a))
        return Pair.from_columns(a, b, names=("eμ", "μe"))


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    sources: Sequence[SmearedSource]

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> dict[str, Any]:
        row = self.rows[row_number]
        pair = with_histograms(self.sources[row_number].draw(np.random.default_rng(for_draw)))
        pair = Pair.from_samples(pair.a, pair.b, names=pair.names)
        try:
            corrected = row.correction == "default"
            quality = corrected and number % row.quality_every == 0
            return measured(pair.equalised() if corrected else pair, for_labels, quality=quality)
        except DataError as error:
            return {"problem": str(error)}


def measured(pair: Pair, seed: SeedSequence, *, quality: bool) -> dict[str, Any]:
    """Return ``z`` and ``p`` of each Nσ, the latter by N(0, 1), and ``quality`` if asked for."""
    z = nsigma_z(pair)
    found: dict[str, Any] = {
        "z": z,
        "p": {f"Nσ of {name}": float(2 * norm.sf(abs(value))) for name, value in z.items()},
    }
    if quality:
        told = fit_quality(pair, n=N_RELABELLINGS, rng=int(seed.generate_state(1)[0]))
        found["quality"] = {
            "goodness of fit": told.goodness.pvalue,
            "closure": told.closure.pvalue,
        }
    return found


def compute(
    n_toys: int,
    *,
    first: int = 0,
    rows: Sequence[Row] = ROWS,
    seed: int = SEED,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> dict[str, Any]:
    """Run the study.

    Parameters
    ----------
    n_toys : int
        Of every row, times its share.
    first : int
        The number of the first.
    rows : sequence of Row
    seed : int
    workers : int, optional
        Default: all cores.
    progress : bool or callable, optional
        As for `run_tasks`.

    Returns
    -------
    dict
        For JSON: see `eμsym.coverage.resolution_table`.
    """
    background = background_events(*COLUMNS)
    sources = [SmearedSource(background, row.n_events, row.maps) for row in rows]
    sizes = list(dict.fromkeys(row.n_events for row in rows))
    by_row = toys_by_row(
        _Measured(rows, sources),
        [share_of(row.share, first, n_toys) for row in rows],
        seed=seed,
        # Rows of one size have the same events.
        keys=[sizes.index(row.n_events) for row in rows],
        sizes=[row.n_events for row in rows],
        workers=workers,
        progress=progress,
    )
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n_relabellings": N_RELABELLINGS,
        "resolutions": content(),
        "rows": [
            {
                "n_events": row.n_events,
                "correction": row.correction,
                "maps": row.maps,
                **tally.to_dict(),
            }
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


main = command_of("resolution", compute, table, toys=200, seed=SEED)


if __name__ == "__main__":
    main()
