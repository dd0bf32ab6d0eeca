"""The SYM paper's figures from what they are drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from eμsym.errors import DataError
from eμsym.papers.figures.sym_fig4 import draw_sym_fig4
from eμsym.papers.figures.sym_fig5 import draw_sym_fig5
from eμsym.papers.figures.sym_fig6 import PermutationRow, draw_sym_fig6
from eμsym.papers.figures.sym_fig7 import draw_sym_fig7
from eμsym.papers.figures.sym_fig8 import draw_sym_fig8
from eμsym.papers.figures.sym_fig10 import draw_sym_fig10
from eμsym.papers.figures.sym_nulls import draw_sym_nulls, null_panel
from eμsym.papers.sym_inputs import FIG1, FIG2, FIG9, SymInputs
from eμsym.papers.sym_power import BENCHMARKS, HIGGS, RATIOS, SIGNALS, curve, higgs_curve, higgs_row


def title(row: str) -> str:
    """Return a panel's title from a row's sizes."""
    n_a, n_b = (int(part) for part in row.split()[:2])
    return rf"$N_A$ = {n_a:,}, $N_B$ = {n_b:,}"


def draw_fig1(inputs: SymInputs, style: Any) -> Figure:
    """Draw NPLM's t with and without clipped weights."""
    study = inputs.studies["nplm"]
    panels = [
        [null_panel(study, row, f"{title(row)}, {what}", test) for row in FIG1]
        for test, what in (("clipped", "clipped at 9"), ("free", "free"))
    ]
    return draw_sym_nulls(panels, style=style)


def draw_fig2(inputs: SymInputs, style: Any) -> Figure:
    """Draw the symmetrized t for six pairs of sizes."""
    study = inputs.studies["nulls"]
    return draw_sym_nulls(
        [[null_panel(study, row, title(row)) for row in rows] for rows in FIG2], style=style
    )


def draw_fig3(inputs: SymInputs, style: Any) -> Figure:
    """Draw t of the pool for three luminosities."""
    study = inputs.studies["higgs"]
    panels = [
        null_panel(study, higgs_row(luminosity, 0), rf"{luminosity} fb$^{{-1}}$: {n:,} events each")
        for luminosity, n in HIGGS.items()
    ]
    return draw_sym_nulls([panels], style=style)


def draw_fig4(inputs: SymInputs, style: Any) -> Figure:
    """Draw the median Z by the ideal one."""
    nulls, power = inputs.studies["nulls"], inputs.studies["power"]
    curves = {
        signal: {
            rf"$N_B/N_A$ = {ratio}": curve(nulls.null(row), power, row, signal)
            for row, ratio in RATIOS.items()
        }
        for signal in SIGNALS
    }
    return draw_sym_fig4(curves, style=style)


def draw_fig5(inputs: SymInputs, style: Any) -> Figure:
    """Draw the median Z by the branching ratio."""
    study = inputs.studies["higgs"]
    curves = {rf"{luminosity} fb$^{{-1}}$": higgs_curve(study, luminosity) for luminosity in HIGGS}
    return draw_sym_fig5(curves, style=style)


def draw_fig6(inputs: SymInputs, style: Any) -> Figure:
    """Draw permutations beside independent pairs."""
    nulls, benchmarks = inputs.studies["nulls"], inputs.studies["benchmarks"]
    permutations = inputs.studies["permutations"]
    rows = [
        PermutationRow(
            n,
            n_signal,
            nulls.statistics(f"{n} {n}"),
            benchmarks.statistics(f"{n} S3 {n_signal}"),
            permutations.statistics(f"{n} permuted 0"),
            permutations.statistics(f"{n} permuted {n_signal}"),
        )
        for n, (n_signal, _) in BENCHMARKS.items()
    ]
    return draw_sym_fig6(rows, style=style)


def draw_fig7(inputs: SymInputs, style: Any) -> Figure:
    """Draw percentiles of t by the epochs."""
    study = inputs.studies["epochs"]
    (row,) = study.rows.values()
    good = ~np.isnan(row.t)
    t = np.column_stack([row.at_epochs[good], row.t[good]])
    if len(t) < 2:
        raise DataError("sym-fig7: the study epochs has fewer than two toys")
    last = int(getattr(study.study.tests[0].test, "epochs", 0))
    what = f"{len(t)} toys, {title(study.study.rows[0].name)}"
    return draw_sym_fig7([*study.epochs(), last], t, what=what, style=style)


def draw_fig8(inputs: SymInputs, style: Any) -> Figure:
    """Draw the collinear mass of the pools."""
    if inputs.background is None or inputs.weights is None or inputs.signal is None:
        raise DataError("sym-fig8: needs the pools' events")
    return draw_sym_fig8(
        inputs.background, inputs.weights, inputs.signal, inputs.signal_events or 0.0, style=style
    )


def draw_fig9(inputs: SymInputs, style: Any) -> Figure:
    """Draw NPLM's t with the expected number of events."""
    panels = []
    for name in FIG9:
        study = inputs.studies[name]
        (row,) = [row.name for row in study.study.rows]
        panels.append(null_panel(study, row, title(row), dof=13))
    return draw_sym_nulls([panels], style=style)


def draw_fig10(inputs: SymInputs, style: Any) -> Figure:
    """Draw t beside that of overfit solutions."""
    study = inputs.studies["epochs"]
    (row,) = study.rows.values()
    if inputs.overfit is None or not row.found.size:
        raise DataError("sym-fig10: the study epochs has no toys")
    epochs = int(getattr(study.study.tests[0].test, "epochs", 0))
    return draw_sym_fig10(row.found, inputs.overfit, epochs=epochs, style=style)
