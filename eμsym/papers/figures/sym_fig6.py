"""Fig. 6 of the SYM paper: t of permutations beside t of independent pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.stats import chi2

from eμsym.arrays import FloatArray
from eμsym.papers.figures.sym_nulls import COLOR_CHI2, bins, density
from eμsym.plots.style import COLOR_BOTH, Style, StyledFigure, experiment_label, styled

#: Purple and yellow, as the paper has it (of Okabe and Ito's colours).
COLOR_TOYS, COLOR_PERMUTED = "#9467BD", "#E69F00"


@dataclass(frozen=True, eq=False)
class PermutationRow:
    """One size of the samples: a row of three panels.

    Attributes
    ----------
    n, n_signal : int
        Expected background events of a sample, and of signal in A.
    null, signal : ndarray of float
        t of independent pairs without and with signal.
    permuted_null, permuted_signal : ndarray of float
        t of permutations of one pair without and with signal.
    """

    n: int
    n_signal: int
    null: FloatArray
    signal: FloatArray
    permuted_null: FloatArray
    permuted_signal: FloatArray


def draw_sym_fig6(rows: Sequence[PermutationRow], *, style: Style = "neutral") -> Figure:
    """Draw, for each size, the null, permutations without signal, and with signal.

    Parameters
    ----------
    rows : sequence of PermutationRow
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with styled(style):
        figure = StyledFigure(style, figsize=(11.4, 3.3 * len(rows) + 0.6), layout="constrained")
        grid = figure.subplots(len(rows), 3, sharey="row", squeeze=False)
        for panels, row in zip(grid, rows, strict=True):
            _draw_row(panels, row)
        for axes in grid[-1]:
            axes.set_xlabel("test statistic t")
        figure.legend(handles=_legend(), loc="outside upper center", ncols=4)
        experiment_label(grid[0, 0], style)
    return figure


def _draw_row(panels: Any, row: PermutationRow) -> None:
    everything = np.concatenate([row.null, row.signal, row.permuted_null, row.permuted_signal])
    edges = bins(everything, 12)
    grid = np.linspace(edges[0], edges[-1], 400)
    for axes in panels:
        axes.plot(grid, chi2.pdf(grid, 12), color=COLOR_CHI2, linewidth=1.5)
        axes.set_xlim(edges[0], edges[-1])
    _histogram(panels[0], row.null, edges, COLOR_TOYS)
    for axes, permuted in ((panels[1], row.permuted_null), (panels[2], row.permuted_signal)):
        _histogram(axes, permuted, edges, COLOR_PERMUTED)
        _points(axes, row.null, edges)
    _histogram(panels[2], row.signal, edges, COLOR_TOYS)
    background = rf"$N_A = N_B$ = {row.n:,}"
    _describe(panels[0], background, [f"{row.null.size:,} toys"])
    _describe(
        panels[1],
        "one pair permuted",
        [f"{row.permuted_null.size:,} permutations", f"{row.null.size:,} toys"],
    )
    _describe(
        panels[2],
        rf"one pair with {row.n_signal} of $S_3$ permuted",
        [
            f"{row.permuted_signal.size:,} permutations",
            f"{row.signal.size:,} toys with signal",
        ],
    )
    panels[0].set_ylabel("probability density")
    panels[0].set_ylim(bottom=0)


def _describe(axes: Any, title: str, lines: list[str]) -> None:
    axes.set_title(title, loc="right", fontsize=9)
    axes.text(
        0.97, 0.95, "\n".join(lines), transform=axes.transAxes, ha="right", va="top", fontsize=8
    )


def _histogram(axes: Any, t: FloatArray, edges: FloatArray, color: str) -> None:
    if t.size:
        heights = density(t, edges)
        axes.stairs(heights, edges, fill=True, color=color, alpha=0.35)
        axes.stairs(heights, edges, color=color)


def _points(axes: Any, t: FloatArray, edges: FloatArray) -> None:
    """Draw a null as points with Poisson errors."""
    if t.size:
        heights, centres = density(t, edges), 0.5 * (edges[:-1] + edges[1:])
        errors = np.sqrt(heights / (t.size * np.diff(edges)))
        shown = heights > 0
        axes.errorbar(
            centres[shown],
            heights[shown],
            errors[shown],
            fmt="o",
            markersize=2.5,
            linewidth=0.8,
            color=COLOR_BOTH,
        )


def _legend() -> list[Any]:
    return [
        Patch(color=COLOR_TOYS, alpha=0.5, label="independent pairs"),
        Patch(color=COLOR_PERMUTED, alpha=0.5, label="permutations of one pair"),
        Line2D(
            [], [], color=COLOR_BOTH, linestyle="", marker="o", markersize=3,
            label="independent pairs without signal",
        ),
        Line2D([], [], color=COLOR_CHI2, label=r"$\chi^2_{12}$"),
    ]  # fmt: skip
