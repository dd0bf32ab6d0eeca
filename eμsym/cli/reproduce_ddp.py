"""What ``emusym reproduce ddp-…`` does: read or compute, draw, and print the comparison."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console

import eμsym.papers
import eμsym.recipes
from eμsym.binned.templates_io import templates_from_folders, write_templates
from eμsym.cli.options import only_with_recompute
from eμsym.cli.tables import titled_table
from eμsym.errors import OutputError
from eμsym.files import make_folder, write_json
from eμsym.papers.ddp_published import Comparison, compare, needed
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
from eμsym.plots.style import save_figure
from eμsym.progress import toy_bar

TEMPLATES = Path(eμsym.recipes.__file__).parent / "templates"
RESULTS = Path(eμsym.papers.__file__).parent / "results" / "ddp.json"
#: Seconds before a progress bar is worth showing.
PATIENCE = 2.0
_WIDTH = 80
_TABLE = {"padding": 0, "show_edge": True}


def reproduce_ddp(
    figure: str,
    *,
    output: str,
    recompute: bool,
    templates: str | None,
    toys: int | None,
    seed: int | None,
    style: Any,
) -> None:
    """Draw one figure of the DDP paper, write its data beside it, and print the comparison.

    Parameters
    ----------
    figure : str
        "ddp-fig1" … "ddp-fig5" or "ddp-numbers".
    output : str
        Folder; made if it is not there.
    recompute : bool
        Compute anew.
    templates : str or None
        Templates file in place of the stored example.
    toys, seed : int or None
        For what is computed anew.
    style : str
        See `eμsym.plots.style.styled`.

    Raises
    ------
    EmusymError
        If an option makes no sense without `recompute`, a file cannot be read,
        or the output cannot be written.
    """
    only_with_recompute(recompute, {"--templates": templates, "--toys": toys, "--seed": seed})
    # First: minutes of toys must not end at a folder that cannot be made.
    folder = make_folder(output)
    names, with_toys = needed(figure)
    if recompute:
        n_toys = (N_TOYS if toys is None else toys) if with_toys else 0
        with toy_bar(n_toys * len(names), None, after=PATIENCE) as progress:
            results = compute(
                names,
                TEMPLATES,
                own=templates,
                n_toys=n_toys,
                seed=DEFAULT_SEED if seed is None else seed,
                progress=progress,
            )
    else:
        stored = read_results(RESULTS)
        cases = {name: stored.cases[name] for name in names if name in stored.cases}
        results = replace(stored, cases=cases)
    rows = compare(results, figure)

    drawn = _figure(figure, results, templates, style)
    written = [] if drawn is None else save_figure(drawn, folder, figure)
    data = {**results.to_dict(), "figure": figure, "comparison": [row.to_dict() for row in rows]}
    write_json(folder / f"{figure}.json", data)
    print_comparison(rows, figure)
    if figure in ("ddp-fig2", "ddp-numbers"):
        print_toys(results.cases[HLFV])
    files = ", ".join(path.name for path in [*written, folder / f"{figure}.json"])
    Console(highlight=False, soft_wrap=True).print(f"Written to {folder}: {files}")


def _figure(figure: str, results: DdpResults, templates: str | None, style: Any) -> Figure | None:
    cases = results.cases
    if figure == "ddp-fig1":
        given = case_templates(HLFV, TEMPLATES, own=templates)
        return draw_ddp_fig1(given, cases[HLFV].best, style=style)
    if figure == "ddp-fig2":
        return draw_ddp_fig2(cases[HLFV], style=style)
    if figure == "ddp-fig3":
        return draw_ddp_fig3(cases[HLFV], cases[FLAT], style=style)
    if figure == "ddp-fig4":
        return draw_ddp_fig4(cases[HLFV], style=style)
    if figure == "ddp-fig5":
        return draw_ddp_fig5(cases[HLFV], cases[FLAT], style=style)
    return None


def print_comparison(rows: Iterable[Comparison], figure: str) -> None:
    """Print the paper's numbers and ours, and why those differ that do."""
    rows = list(rows)
    table = titled_table(f"{figure} of arXiv:2203.07529", **_TABLE)
    table.add_column("quantity")
    for heading in ("paper", "ours", "difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row.quantity, *_cells(row), style="yellow" if row.differs else None)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    for row in rows:
        for text in filter(None, (row.note, row.remark)):
            mark = "!" if row.differs else " "
            lines = textwrap.wrap(f"{row.quantity}: {text}", _WIDTH - 2)
            console.print(textwrap.indent("\n".join(lines), "  ").replace(" ", mark, 1))


def print_toys(study: DdpStudy) -> None:
    """Print how each test's Z is distributed over the toys, and whether that is a unit Gaussian."""
    title = f"Z over {study.n_toys:,} toys, and the Kolmogorov-Smirnov p-value of a unit Gaussian"
    table = titled_table(title, **_TABLE)
    table.add_column("test")
    headings = (
        "mean", "σ", "p, N(0,1)", "mean with signal", "σ", "p, N(Z,1)",
    )  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    shapes = ("×".join(map(str, study.template["bins"])), "×".join(map(str, study.best.shape)))
    names = ("q0, L1", "q0, L2", *(f"Nσ, {shape}" for shape in shapes))
    for name, test in zip(names, TESTS, strict=True):
        cells = []
        for found in (study.toys[test].null, study.toys[test].signal):
            error = found.standard_deviation / found.n**0.5
            cells += [
                f"{found.mean:.3f} ± {error:.3f}",
                f"{found.standard_deviation:.3f}",
                f"{found.ks_pvalue:.2g}",
            ]
        table.add_row(name, *cells)
    Console(highlight=False, soft_wrap=True).print(table)


def _cells(row: Comparison) -> tuple[str, str, str]:
    ours = f"{row.ours:.{row.digits}f}"
    if row.error is not None:
        ours += f" ± {row.error:.{row.digits}f}"
    percent = f"{100 * row.difference:+.1f} %"
    if row.difference != row.difference:
        percent = "–"
    elif percent in ("+0.0 %", "-0.0 %"):
        percent = "0.0 %"
    return f"{row.paper:g}", ours, percent


def make_templates(
    output: str, *, background: str, signal: str, overwrite: bool, **options: Any
) -> None:
    """Make templates of processed folders and write them.

    Parameters
    ----------
    output : str
        The file.
    background, signal : str
        Folders.
    overwrite : bool
        Replace the file if it is there.
    **options
        See `eμsym.binned.templates_io.templates_from_folders`.

    Raises
    ------
    EmusymError
        If a folder cannot be read, or the file is in the way or cannot be written.
    """
    path = Path(output)
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists; give --overwrite, or another file with -o")
    made = templates_from_folders(background, signal, **options)
    write_templates(made, path)
    t, s = made.provenance["background"], made.provenance["signal"]
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"T  {', '.join(t['datasets'])}: {t['sum']:,.0f} entries "
        f"({_effective(t)}) and {made.provenance['flat']:g} more a bin; "
        f"{t['bins_without_events']} of {made.background.values().size} bins without an event"
    )
    console.print(f"S  {s['dataset']}, {s['order']}: {_effective(s)}")
    console.print(f"Written to {path}")


def _effective(described: dict[str, Any]) -> str:
    n = described["effective_events"]
    return "no events" if n is None else f"{n:,.0f} effective events"
