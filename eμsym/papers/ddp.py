"""The figures and numbers of the DDP paper, but its classifier: read or computed, and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

import eμsym.recipes
from eμsym.papers.ddp_published import Comparison, compare
from eμsym.papers.ddp_results import (
    DEFAULT_SEED,
    FLAT,
    HLFV,
    DdpResults,
    case_templates,
    compute,
    read_results,
)
from eμsym.papers.ddp_study import N_TOYS, TESTS, DdpStudy
from eμsym.papers.figures.ddp_fig1 import draw_ddp_fig1
from eμsym.papers.figures.ddp_fig2 import draw_ddp_fig2
from eμsym.papers.figures.ddp_fig3 import draw_ddp_fig3
from eμsym.papers.figures.ddp_fig4 import draw_ddp_fig4
from eμsym.papers.figures.ddp_fig5 import draw_ddp_fig5
from eμsym.papers.tables import Column, Table, comparison_table
from eμsym.progress import toy_bar

TEMPLATES = Path(eμsym.recipes.__file__).parent / "templates"
RESULTS = Path(__file__).parent / "results" / "ddp.json"
#: Seconds before a progress bar is worth showing.
PATIENCE = 2.0


@dataclass(frozen=True, eq=False)
class DdpInputs:
    """Everything that the figures are drawn from.

    Parameters
    ----------
    results : DdpResults
    templates : str or None
        File of the main example's T and S, if not the stored one.
    """

    results: DdpResults
    templates: str | None = None


def stored(needs: Sequence[str]) -> DdpInputs:
    """Return the stored studies of some of the examples.

    Raises
    ------
    InputFileError
        If the file is damaged.
    """
    everything = read_results(RESULTS)
    cases = {name: everything.cases[name] for name in needs if name in everything.cases}
    return DdpInputs(replace(everything, cases=cases))


def computed(
    needs: Sequence[str],
    folder: Path,
    say: Callable[[str], None],
    *,
    with_toys: bool,
    templates: str | None = None,
    toys: int = N_TOYS,
    seed: int = DEFAULT_SEED,
) -> DdpInputs:
    """Study some of the examples anew.

    Parameters
    ----------
    needs : sequence of str
        Of `eμsym.papers.ddp_results.CASES`.
    folder, say
        Of no use here: nothing is kept on the way.
    with_toys : bool
        Whether anything is wanted of toys.
    templates : str, optional
        A templates file in place of the stored example.
    toys, seed : int

    Raises
    ------
    InputFileError, ConfigurationError
        If the templates cannot be read.
    """
    n_toys = toys if with_toys else 0
    with toy_bar(n_toys * len(needs), None, after=PATIENCE) as progress:
        results = compute(
            needs, TEMPLATES, own=templates, n_toys=n_toys, seed=seed, progress=progress
        )
    return DdpInputs(results, templates)


def claims(figure: str, found: DdpInputs) -> dict[str, list[Comparison]]:
    """Return the paper's numbers of a figure, or all, beside ours."""
    return {figure: compare(found.results, figure)}


def record(figure: str, found: DdpInputs, said: Mapping[str, Sequence[Comparison]]) -> Any:
    """Return the studies and the comparison, for JSON."""
    rows = [row.to_dict() for row in said[figure]]
    return {**found.results.to_dict(), "figure": figure, "comparison": rows}


def report(found: DdpInputs, said: Mapping[str, Sequence[Comparison]]) -> list[Table]:
    """Return the table of the comparison."""
    return [
        comparison_table(rows, f"{figure} of arXiv:2203.07529") for figure, rows in said.items()
    ]


def report_with_toys(found: DdpInputs, said: Mapping[str, Sequence[Comparison]]) -> list[Table]:
    """Return the table of the comparison and that of the toys."""
    return [*report(found, said), toys_table(found.results.cases[HLFV])]


def toys_table(study: DdpStudy) -> Table:
    """Return how each test's Z is distributed over the toys, and whether as a unit Gaussian."""
    shapes = ("×".join(map(str, study.template["bins"])), "×".join(map(str, study.best.shape)))
    names = ("q0, L1", "q0, L2", *(f"Nσ, {shape}" for shape in shapes))
    rows = []
    for name, test in zip(names, TESTS, strict=True):
        cells = []
        for found in (study.toys[test].null, study.toys[test].signal):
            error = found.standard_deviation / found.n**0.5
            cells += [
                f"{found.mean:.3f} ± {error:.3f}",
                f"{found.standard_deviation:.3f}",
                f"{found.ks_pvalue:.2g}",
            ]
        rows.append((name, *cells))
    headings = ("mean", "σ", "p, N(0,1)", "mean with signal", "σ", "p, N(Z,1)")
    return Table(
        f"Z over {study.n_toys:,} toys, and the Kolmogorov-Smirnov p-value of a unit Gaussian",
        [Column("test"), *(Column(name, right=True, no_wrap=True) for name in headings)],
        rows,
        close=True,
        edged=True,
    )


def draw_fig1(found: DdpInputs, style: Any) -> Figure:
    """Draw T and S with the best window."""
    given = case_templates(HLFV, TEMPLATES, own=found.templates)
    return draw_ddp_fig1(given, found.results.cases[HLFV].best, style=style)


def draw_fig2(found: DdpInputs, style: Any) -> Figure:
    """Draw the distributions of Z."""
    return draw_ddp_fig2(found.results.cases[HLFV], style=style)


def draw_fig3(found: DdpInputs, style: Any) -> Figure:
    """Draw Nσ by the size of the window."""
    cases = found.results.cases
    return draw_ddp_fig3(cases[HLFV], cases[FLAT], style=style)


def draw_fig4(found: DdpInputs, style: Any) -> Figure:
    """Draw the ROC curves."""
    return draw_ddp_fig4(found.results.cases[HLFV], style=style)


def draw_fig5(found: DdpInputs, style: Any) -> Figure:
    """Draw Z by the injected signal."""
    cases = found.results.cases
    return draw_ddp_fig5(cases[HLFV], cases[FLAT], style=style)
