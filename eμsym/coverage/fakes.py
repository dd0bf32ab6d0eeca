"""Whether p-values hold with fake leptons among the data, and when control events take them off.

``python -m eμsym.coverage.fakes -n 300`` writes ``docs/coverage/fakes.json`` and its table. A
toy is a pair of `FakeSource`, tested raw and with the fakes subtracted. Toy i of row j draws
with child (j, i) of one `SeedSequence`, so that `compute` can be run in parts, which `joined`
adds up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist.axis import Regular
from numpy.random import SeedSequence

from eμsym.arrays import FloatArray, Rng
from eμsym.binned.nsigma import NSigmaTest
from eμsym.binned.q0_of_pair import Q0Test
from eμsym.binned.windows import WindowTest
from eμsym.calibration.bradley_terry import probability
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.coverage.command import command_of
from eμsym.coverage.fakes_table import SCHEMA, VERSION, table
from eμsym.coverage.sources import RATIOS, SignalEvents, background_events
from eμsym.coverage.toys import toys_by_row
from eμsym.errors import DataError
from eμsym.fake_events import subtract_fakes
from eμsym.pair import Pair
from eμsym.papers.equalisation_study import COLUMNS
from eμsym.pool import Pool
from eμsym.progress import Advance
from eμsym.symmetry import FairCoin
from eμsym.testing import OnColumns, TwoSided
from eμsym.together import together
from eμsym.unbinned.spline import SplineTest

SEED = 20405

#: Relabellings of a toy: a p-value by rank is at most 0.05 where the data come first of twenty.
N_PERMUTATIONS = 19

#: Fakes for one control event, and the relative error of that number.
TRANSFER_FACTOR, RELATIVE_ERROR = 0.2, 0.1

#: Fakes are softer than the background by e^(−pT/this) of the leading lepton, GeV; and the
#: share of them in which the electron leads.
SOFTNESS, ELECTRON_LEADS = 15.0, 0.3

#: The plane and the observables that the command tests by default.
M_COLL = Regular(28, 30, 170, name="m_coll")
LEAD_PT = Regular(28, 10, 150, name="lead_pt")
SUB_PT = Regular(28, 10, 150, name="sub_pt")


@dataclass(frozen=True)
class Row:
    """Toys of one kind.

    Attributes
    ----------
    n_events : int
        Expected events of both orders, fakes among them.
    share : float
        Of them that are fakes.
    ratio : str
        One of `RATIOS`, or "one" if the detector sees electrons and muons alike.
    correction : str
        "none", "true" for r known, or "self" for r fitted to the pair's own events.
    """

    n_events: int
    share: float
    ratio: str
    correction: str


ROWS = (
    Row(12_000, 0.05, "one", "none"),
    Row(12_000, 0.05, "mild", "true"),
    Row(12_000, 0.05, "mild", "self"),
    Row(1_500, 0.05, "one", "none"),
)


@dataclass(frozen=True, eq=False)
class FakeSource:
    """Data with fakes among them, and the control events that estimate these.

    Parameters
    ----------
    background : mapping of str to ndarray, shape (n,)
        Columns of events of both orders, drawn with replacement.
    n_events : float
        Expected events of both orders, fakes among them.
    share : float
        Of them that are fakes.
    ratio : EfficiencyRatio or None
        By which prompt events get their labels; None: with probability ½.
    """

    background: Mapping[str, FloatArray]
    n_events: float
    share: float
    ratio: EfficiencyRatio | None = None

    def data(self, rng: Rng = None) -> Pair:
        """Draw data: prompt events and fakes."""
        generator = np.random.default_rng(rng)
        size = self.background[COLUMNS[0]].size
        n = generator.poisson(self.n_events * (1 - self.share))
        prompt = generator.integers(0, size, n)
        in_a = generator.random(n) < self._probability(prompt)
        fake, fake_in_a = self._fakes(generator, self.n_events * self.share)
        return self._pair(np.concatenate([prompt, fake]), np.concatenate([in_a, fake_in_a]))

    def control(self, rng: Rng = None) -> Pair:
        """Draw control events, 1/τ of them for every fake."""
        generator = np.random.default_rng(rng)
        expected = self.n_events * self.share / TRANSFER_FACTOR
        return self._pair(*self._fakes(generator, expected))

    def draw(self, rng: Rng = None) -> Pair:
        """Draw data, with the fakes subtracted that a measured τ gives."""
        generator = np.random.default_rng(rng)
        data, control = self.data(generator), self.control(generator)
        factor = TRANSFER_FACTOR * (1 + RELATIVE_ERROR * generator.standard_normal())
        return subtract_fakes(data, control, factor, RELATIVE_ERROR * factor)

    def _fakes(self, generator: np.random.Generator, expected: float) -> tuple[Any, Any]:
        weight = np.exp(-self.background["lead_pt"] / SOFTNESS)
        n = generator.poisson(expected)
        chosen = generator.choice(weight.size, n, p=weight / weight.sum())
        return chosen, generator.random(n) < ELECTRON_LEADS

    def _probability(self, chosen: Any) -> Any:
        if self.ratio is None:
            return 0.5
        bins, events = self.ratio.bins, {name: self.background[name][chosen] for name in COLUMNS}
        lead = bins.index(events["lead_pt"], events["lead_eta"])
        sub = bins.index(events["sub_pt"], events["sub_eta"])
        return probability(self.ratio.log_ratio, lead, sub)

    def _pair(self, chosen: Any, in_a: Any) -> Pair:
        order = np.argsort(~in_a, kind="stable")
        columns = {name: self.background[name][chosen[order]] for name in COLUMNS}
        return Pair(Pool(columns, in_a[order]), FairCoin(), ("eμ", "μe"))


def tests(signal: SignalEvents) -> dict[str, Any]:
    """Return the tests of a toy, by name."""
    plane = (M_COLL, LEAD_PT)
    found: dict[str, Any] = {
        f"Nσ of {axis.name}": TwoSided(NSigmaTest((axis,))) for axis in (M_COLL, LEAD_PT, SUB_PT)
    }
    found["Nσ of plane"] = TwoSided(NSigmaTest(plane))
    found["best window"] = WindowTest(plane)
    found["q0"] = Q0Test(signal.shapes(*plane, rng=1), plane)
    found["spline"] = OnColumns(SplineTest(), "m_coll", 0.01)
    return found


@dataclass(frozen=True, eq=False)
class _Measured:
    """What is measured of a toy."""

    rows: Sequence[Row]
    sources: Sequence[FakeSource]
    tests: Mapping[str, Any]

    def __call__(
        self, row_number: int, number: int, for_draw: SeedSequence, for_labels: SeedSequence
    ) -> dict[str, Any]:
        row, source = self.rows[row_number], self.sources[row_number]
        subtracted = source.draw(np.random.default_rng(for_draw))
        found: dict[str, Any] = {}
        for name, pair in (("raw", subtracted.counted), ("subtracted", subtracted)):
            try:
                if row.correction != "none":
                    pair = pair.equalised("self" if row.correction == "self" else source.ratio)
                # In this process: the toys are what is shared out.
                joint = together(
                    self.tests,
                    pair,
                    N_PERMUTATIONS,
                    rng=np.random.default_rng(for_labels),
                    workers=1,
                )
            except DataError as error:
                return {"problem": str(error)}
            if joint.left_out:
                return {"problem": "; ".join(f"{k}: {v}" for k, v in joint.left_out.items())}
            local = {test: joint.local_pvalue(test) for test in joint.names}
            found[name] = {**local, "all together": joint.pvalue}
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
        Of every row.
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
        For JSON: see `eμsym.coverage.fakes_table`.
    """
    background = background_events()
    ratios = {"one": None, **{name: ratio() for name, ratio in RATIOS.items()}}
    sources = [FakeSource(background, x.n_events, x.share, ratios[x.ratio]) for x in rows]
    by_row = toys_by_row(
        _Measured(rows, sources, tests(SignalEvents.stored())),
        [range(first, first + n_toys)] * len(rows),
        seed=seed,
        sizes=[row.n_events for row in rows],
        workers=workers,
        progress=progress,
    )
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "seed": seed,
        "n_permutations": N_PERMUTATIONS,
        "transfer_factor": TRANSFER_FACTOR,
        "relative_error": RELATIVE_ERROR,
        "rows": [_stored(row, toys) for row, toys in zip(rows, by_row, strict=True)],
    }


def joined(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return several parts of one study, in the order of their toys, as one."""
    rows = []
    for same in zip(*(part["rows"] for part in parts), strict=True):
        counts = {
            state: {
                name: " ".join(row["counts"][state][name] for row in same if row["n_toys"])
                for name in next((r["counts"][state] for r in same if r["n_toys"]), ())
            }
            for state in ("raw", "subtracted")
        }
        reasons = (row["why_not"] for row in same if row["why_not"])
        sums = {name: sum(row[name] for row in same) for name in ("n_toys", "not_done")}
        rows.append({**same[0], **sums, "counts": counts, "why_not": next(reasons, None)})
    return {**parts[0], "rows": rows}


def _stored(row: Row, toys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    done = [toy for toy in toys if "problem" not in toy]
    problems = [toy["problem"] for toy in toys if "problem" in toy]
    # p-values are k/(n + 1): whole numbers say all.
    count = N_PERMUTATIONS + 1
    counts = {
        state: {
            name: " ".join(str(round(toy[state][name] * count)) for toy in done)
            for name in (done[0][state] if done else ())
        }
        for state in ("raw", "subtracted")
    }
    return {
        "n_events": row.n_events,
        "share": row.share,
        "ratio": row.ratio,
        "correction": row.correction,
        "n_toys": len(done),
        "counts": counts,
        "not_done": len(problems),
        "why_not": problems[0] if problems else None,
    }


main = command_of("fakes", compute, table, toys=300, seed=SEED)


if __name__ == "__main__":
    main()
