"""Fig. 1, 2, 3 and 9 of the SYM paper: t without signal, beside χ²."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import chi2

from eμsym.arrays import FloatArray
from eμsym.papers.sym_results import RowStatistics, StoredStudy
from eμsym.plots.style import COLOR_A, Style, StyledFigure, experiment_label, styled

#: Grey, as the paper draws χ².
COLOR_CHI2 = "#8C8C8C"
#: What is written in a panel: the median and what one and two standard deviations hold.
_LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)
BIN_WIDTH = 2.0


@dataclass(frozen=True, eq=False)
class NullPanel:
    """One panel.

    Attributes
    ----------
    title : str
    t : ndarray of float, shape (n,)
        Infinite where a training diverged.
    dof : int
        Of the χ² reference.
    wanted : int
        Toys that the study asks for.
    """

    title: str
    t: FloatArray
    dof: int
    wanted: int


def null_panel(
    study: StoredStudy, row: str, title: str, test: str | None = None, *, dof: int = 12
) -> NullPanel:
    """Return the panel of a row of a study."""
    found: RowStatistics = study.row(row, test)
    wanted = next(each.toys for each in study.study.rows if each.name == row)
    return NullPanel(title, found.found, dof, wanted)


def draw_sym_nulls(panels: Sequence[Sequence[NullPanel]], *, style: Style = "neutral") -> Figure:
    """Draw the distribution of t without signal in every panel, and χ² in grey.

    Parameters
    ----------
    panels : sequence of sequence of NullPanel
        Rows of as many panels each.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows, columns = len(panels), len(panels[0])
    with styled(style):
        figure = StyledFigure(
            style, figsize=(3.7 * columns + 0.3, 3.1 * rows + 0.2), layout="constrained"
        )
        grid = figure.subplots(rows, columns, squeeze=False)
        for line, given in zip(grid, panels, strict=True):
            for axes, each in zip(line, given, strict=True):
                draw_null_panel(axes, each)
            line[0].set_ylabel("probability density")
        for axes in grid[-1]:
            axes.set_xlabel("test statistic t")
        grid[0, 0].legend(loc="center right", fontsize=8)
        experiment_label(grid[0, 0], style)
    return figure


def draw_null_panel(axes: Any, panel: NullPanel) -> None:
    """Draw a histogram of t, its χ², and their quantiles in words."""
    finite = panel.t[np.isfinite(panel.t)]
    edges = bins(finite, panel.dof)
    grid = np.linspace(edges[0], edges[-1], 400)
    reference = chi2.pdf(grid, panel.dof)
    axes.plot(grid, reference, color=COLOR_CHI2, linewidth=2, label=rf"$\chi^2_{{{panel.dof}}}$")
    heights = density(panel.t, edges)
    axes.stairs(heights, edges, fill=True, color=COLOR_A, alpha=0.3)
    axes.stairs(heights, edges, color=COLOR_A)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, 1.4 * max(float(np.max(heights, initial=0)), float(np.max(reference))))
    axes.set_title(panel.title, loc="right", fontsize=9)
    axes.text(0.97, 0.95, words(panel), transform=axes.transAxes, ha="right", va="top", fontsize=8)


def words(panel: NullPanel) -> str:
    """Return what a panel says in words: toys, quantiles, and those that diverged."""
    n = panel.t.size
    lines = [f"{n:,} toys" if n == panel.wanted else f"{n:,} of {panel.wanted:,} toys"]
    diverged = int(np.count_nonzero(~np.isfinite(panel.t)))
    if diverged:
        lines.append(f"t infinite: {100 * diverged / n:.1f} %")
    outside = int(np.count_nonzero(panel.t > bins(panel.t, panel.dof)[-1])) - diverged
    if outside:
        lines.append(f"beyond the axis: {outside}")
    if n:
        quantiles = np.quantile(panel.t, _LEVELS, method="inverted_cdf")
        lines += ["2.5, 16, 50, 84, 97.5 %:", _numbers(quantiles)]
    lines += [rf"$\chi^2_{{{panel.dof}}}$: {_numbers(chi2.ppf(_LEVELS, panel.dof))}"]
    return "\n".join(lines)


def _numbers(values: Any) -> str:
    return ", ".join("∞" if not np.isfinite(x) else f"{x:.1f}" for x in values)


def bins(t: FloatArray, dof: int) -> FloatArray:
    """Return edges that hold χ² and nearly all of t; a few toys far out are only counted."""
    finite = t[np.isfinite(t)]
    high = float(chi2.isf(1e-4, dof))
    if finite.size:
        high = max(high, min(float(np.max(finite)), 2.2 * float(np.quantile(finite, 0.9))))
    low = min(0.0, float(np.min(finite, initial=0.0)))
    return np.arange(np.floor(low / BIN_WIDTH) * BIN_WIDTH, high + BIN_WIDTH, BIN_WIDTH)


def density(t: FloatArray, edges: FloatArray) -> FloatArray:
    """Return the probability density in bins; what lies outside counts in the total."""
    counts, _ = np.histogram(t[np.isfinite(t)], edges)
    return np.asarray(counts / (max(t.size, 1) * np.diff(edges)), dtype=np.float64)
