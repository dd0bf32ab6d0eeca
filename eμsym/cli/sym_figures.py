"""The SYM paper's figures from what they are drawn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


def draw_sym(figure: str, inputs: SymInputs, style: Any) -> Figure:
    """Return a figure of the SYM paper.

    Parameters
    ----------
    figure : str
        "sym-fig1" … "sym-fig10".
    inputs : SymInputs
    style : str
        See `eμsym.plots.style.styled`.

    Raises
    ------
    DataError
        If the studies hold too few toys to draw it.
    """
    return _DRAWN[figure](inputs, style)


def title(row: str) -> str:
    """Return a panel's title from a row's sizes."""
    n_a, n_b = (int(part) for part in row.split()[:2])
    return rf"$N_A$ = {n_a:,}, $N_B$ = {n_b:,}"


def _fig1(inputs: SymInputs, style: Any) -> Figure:
    study = inputs.studies["nplm"]
    panels = [
        [null_panel(study, row, f"{title(row)}, {what}", test) for row in FIG1]
        for test, what in (("clipped", "clipped at 9"), ("free", "free"))
    ]
    return draw_sym_nulls(panels, style=style)


def _fig2(inputs: SymInputs, style: Any) -> Figure:
    study = inputs.studies["nulls"]
    return draw_sym_nulls(
        [[null_panel(study, row, title(row)) for row in rows] for rows in FIG2], style=style
    )


def _fig3(inputs: SymInputs, style: Any) -> Figure:
    study = inputs.studies["higgs"]
    panels = [
        null_panel(study, higgs_row(luminosity, 0), rf"{luminosity} fb$^{{-1}}$: {n:,} events each")
        for luminosity, n in HIGGS.items()
    ]
    return draw_sym_nulls([panels], style=style)


def _fig4(inputs: SymInputs, style: Any) -> Figure:
    nulls, power = inputs.studies["nulls"], inputs.studies["power"]
    curves = {
        signal: {
            rf"$N_B/N_A$ = {ratio}": curve(nulls.null(row), power, row, signal)
            for row, ratio in RATIOS.items()
        }
        for signal in SIGNALS
    }
    return draw_sym_fig4(curves, style=style)


def _fig5(inputs: SymInputs, style: Any) -> Figure:
    study = inputs.studies["higgs"]
    curves = {rf"{luminosity} fb$^{{-1}}$": higgs_curve(study, luminosity) for luminosity in HIGGS}
    return draw_sym_fig5(curves, style=style)


def _fig6(inputs: SymInputs, style: Any) -> Figure:
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


def _fig7(inputs: SymInputs, style: Any) -> Figure:
    study = inputs.studies["epochs"]
    (row,) = study.rows.values()
    good = ~np.isnan(row.t)
    t = np.column_stack([row.at_epochs[good], row.t[good]])
    if len(t) < 2:
        raise DataError("sym-fig7: the study epochs has fewer than two toys")
    last = int(getattr(study.study.tests[0].test, "epochs", 0))
    what = f"{len(t)} toys, {title(study.study.rows[0].name)}"
    return draw_sym_fig7([*study.epochs(), last], t, what=what, style=style)


def _fig8(inputs: SymInputs, style: Any) -> Figure:
    if inputs.background is None or inputs.weights is None or inputs.signal is None:
        raise DataError("sym-fig8: needs the pools' events")
    return draw_sym_fig8(
        inputs.background, inputs.weights, inputs.signal, inputs.signal_events or 0.0, style=style
    )


def _fig9(inputs: SymInputs, style: Any) -> Figure:
    panels = []
    for name in FIG9:
        study = inputs.studies[name]
        (row,) = [row.name for row in study.study.rows]
        panels.append(null_panel(study, row, title(row), dof=13))
    return draw_sym_nulls([panels], style=style)


def _fig10(inputs: SymInputs, style: Any) -> Figure:
    study = inputs.studies["epochs"]
    (row,) = study.rows.values()
    if inputs.overfit is None or not row.found.size:
        raise DataError("sym-fig10: the study epochs has no toys")
    epochs = int(getattr(study.study.tests[0].test, "epochs", 0))
    return draw_sym_fig10(row.found, inputs.overfit, epochs=epochs, style=style)


_DRAWN: Mapping[str, Callable[[SymInputs, Any], Figure]] = {
    "sym-fig1": _fig1,
    "sym-fig2": _fig2,
    "sym-fig3": _fig3,
    "sym-fig4": _fig4,
    "sym-fig5": _fig5,
    "sym-fig6": _fig6,
    "sym-fig7": _fig7,
    "sym-fig8": _fig8,
    "sym-fig9": _fig9,
    "sym-fig10": _fig10,
}
