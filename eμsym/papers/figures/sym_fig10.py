"""Fig. 10 of the SYM paper: t after long training beside that of overfit solutions."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import chi2

from eμsym.arrays import FloatArray
from eμsym.papers.figures.sym_fig6 import COLOR_TOYS
from eμsym.papers.figures.sym_nulls import BIN_WIDTH, COLOR_CHI2, density
from eμsym.plots.style import COLOR_B, Style, one_panel


def draw_sym_fig10(
    trained: FloatArray,
    overfit: FloatArray,
    *,
    epochs: int,
    dof: int = 12,
    style: Style = "neutral",
) -> Figure:
    """Draw the distributions of t of trainings and of overfit solutions, without signal.

    Parameters
    ----------
    trained : ndarray of float, shape (n,)
    overfit : ndarray of float, shape (m,)
        Of pairs of the same kind.
    epochs : int
        Of the trainings.
    dof : int
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    top = float(np.max(np.concatenate([trained, overfit])))
    edges = np.arange(0.0, top + 2 * BIN_WIDTH, BIN_WIDTH)
    grid = np.linspace(0, edges[-1], 500)
    with one_panel(style, (6.8, 4.6)) as (figure, axes):
        reference = rf"$\chi^2_{{{dof}}}$"
        axes.plot(grid, chi2.pdf(grid, dof), color=COLOR_CHI2, linewidth=2, label=reference)
        for t, color, name in (
            (trained, COLOR_TOYS, f"trained for {epochs / 1e6:.3g} million epochs"),
            (overfit, COLOR_B, "overfit solutions"),
        ):
            heights = density(t, edges)
            axes.stairs(heights, edges, fill=True, color=color, alpha=0.3)
            label = f"{name}: median {np.median(t):.1f}, {t.size:,} toys"
            axes.stairs(heights, edges, color=color, label=label)
        axes.set_xlim(0, edges[-1])
        axes.set_ylim(0, 1.35 * axes.get_ylim()[1])
        axes.set_xlabel("test statistic t")
        axes.set_ylabel("probability density")
        axes.legend(loc="upper right", fontsize=9)
    return figure
