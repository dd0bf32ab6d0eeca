"""Fig. 5 of the SYM paper: significance by the branching ratio of H → τe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from eμsym.papers.figures.sym_fig4 import draw_curves, legend
from eμsym.papers.sym_power import PowerPoint
from eμsym.plots.style import Style, one_panel


def draw_sym_fig5(
    curves: Mapping[str, Sequence[PowerPoint]], *, style: Style = "neutral"
) -> Figure:
    """Draw the median significance by the branching ratio, for each luminosity.

    Parameters
    ----------
    curves : mapping of str to sequence of PowerPoint
        By what a curve is called.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with one_panel(style, (6.4, 4.6)) as (figure, axes):
        draw_curves(axes, curves)
        axes.set_xlim(0, 4.3)
        axes.set_xlabel(r"branching ratio of $H\to\tau e$ [%]")
        axes.set_ylabel(r"median significance of t [$\sigma$]")
        axes.legend(handles=legend(curves), loc="upper left", fontsize=9)
    return figure
