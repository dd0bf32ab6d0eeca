"""Where two samples differ, in one column or two."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from eμsym.plots.style import COLOR_A, COLOR_BOTH, COLOR_MARK, Style, as_text, one_panel
from eμsym.unbinned.subspace_views import LogOddsMap

#: The colour of a map reaches so many standard deviations at least.
_REACH = 3.0


def draw_log_odds_map(
    found: LogOddsMap,
    *,
    region: Mapping[str, tuple[float, float]] | None = None,
    names: tuple[str, str] = ("A", "B"),
    labels: Mapping[str, str] | None = None,
    style: Style = "neutral",
) -> Figure:
    """Draw the smoothed excess of A over its standard deviation, as `SubspaceTest` finds it.

    Parameters
    ----------
    found : LogOddsMap
        Of one column, then as ln(A/B) with its error, or of two, in colours.
    region : mapping of str to (float, float), optional
        A range of each column, marked.
    names : tuple of str
        Of A and of B.
    labels : mapping of str to str, optional
        What axes call columns.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    labels, region = labels or {}, region or {}
    columns = [as_text(labels.get(name, name)) for name in found.columns]
    a, b = names
    with one_panel(style, (6.4, 4.8)) as (figure, axes):
        axes.set_xlabel(columns[0])
        if len(found.columns) == 1:
            with np.errstate(divide="ignore", invalid="ignore"):
                error = np.abs(found.log_odds / found.pull)
            for shift, alpha in ((0, 1.0), (1, 0.4), (-1, 0.4)):
                values = found.log_odds + shift * error
                axes.stairs(values, found.edges[0], baseline=None, color=COLOR_A, alpha=alpha)
            axes.axhline(0.0, color=COLOR_BOTH, linewidth=0.8)
            axes.set_ylabel(as_text(f"ln({a}/{b}), smoothed, ± σ"))
        else:
            reach = max(_REACH, float(np.nanmax(np.abs(found.pull))))
            mesh = axes.pcolormesh(
                *found.edges, found.pull.T, cmap="RdBu_r", vmin=-reach, vmax=reach
            )
            figure.colorbar(mesh, ax=axes, label=as_text(f"smoothed excess of {a} over {b} / σ"))
            axes.set_ylabel(columns[1])
        ends = [region.get(name) for name in found.columns]
        if ends[0] is not None:
            if len(ends) == 1:
                axes.axvspan(*ends[0], color=COLOR_MARK, alpha=0.15, linewidth=0)
            elif ends[1] is not None:
                x, y = (np.array(pair)[list(order)] for pair, order in zip(ends, _BOX, strict=True))
                axes.plot(x, y, color=COLOR_MARK)
    return figure


#: Which end of each column the corners of a box have.
_BOX = ((0, 1, 1, 0, 0), (0, 0, 1, 1, 0))
