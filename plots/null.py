"""A test statistic's distribution under the symmetry, with the observed value."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import chi2

from eμsym.distributions import Null
from eμsym.plots.style import COLOR_A, COLOR_BOTH, COLOR_MARK, Style, one_panel


def draw_null(
    null: Null,
    observed: float,
    *,
    dof: int | None = None,
    label: str = "t",
    source: str = "toys",
    style: Style = "neutral",
) -> Figure:
    """Draw the toys of a null, the observed statistic, and χ² as a reference.

    Parameters
    ----------
    null : Null
    observed : float
    dof : int, optional
        Degrees of freedom of the χ² reference curve; default: none is drawn.
    label : str
        What the statistic is called.
    source : str
        Where the toys come from, such as "permutations".
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    finite = null.samples[np.isfinite(null.samples)]
    with one_panel(style, (6.4, 4.4)) as (figure, axes):
        bins = max(10, min(60, round(2 * np.sqrt(finite.size))))
        counts, edges = np.histogram(finite, bins)
        widths = np.diff(edges)
        axes.stairs(
            counts / (null.samples.size * widths),
            edges,
            fill=True,
            color=COLOR_A,
            alpha=0.35,
            label=f"{null.samples.size} {source}",
        )
        top = axes.get_ylim()[1]
        if dof is not None:
            grid = np.linspace(0, max(float(edges[-1]), observed, float(chi2.isf(1e-3, dof))), 400)
            axes.plot(grid, chi2.pdf(grid, dof), color=COLOR_BOTH, label=rf"$\chi^2_{{{dof}}}$")
            top = axes.get_ylim()[1]
        if np.isfinite(observed):
            p, least = null.pvalue(observed), null.smallest_pvalue
            text = f"observed: p {'= ' if p > least else '< '}{p:.2g}"
            # Not as high as the axis, for which no legend could be put beside it.
            axes.plot([observed] * 2, [0, top], color=COLOR_MARK, linewidth=2, label=text)
        axes.set_xlabel(label)
        axes.set_ylabel("probability density")
        axes.set_ylim(bottom=0)
        axes.legend()
    return figure
