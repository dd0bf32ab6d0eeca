"""Where two samples differ, in one column or two."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from eμsym.arrays import FloatArray
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

    Cells hold equally many events each. An outermost one, which may be as wide as all others
    together, is cut off unless the region reaches into it.

    Parameters
    ----------
    found : LogOddsMap
        Of one column, then as ln(A/B) with its error, or of two, in colours.
    region : mapping of str to (float, float), optional
        A range of each column, marked.
    names : tuple of str
        Of A and of B.
    labels : mapping of str to str, optional
        What axes call columns, as matplotlib reads it; others are called by their names.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    labels, region = labels or {}, region or {}
    columns = [labels[name] if name in labels else as_text(name) for name in found.columns]
    shown = [
        _shown(edges, region.get(name))
        for name, edges in zip(found.columns, found.edges, strict=True)
    ]
    a, b = names
    with one_panel(style, (6.4, 4.8)) as (figure, axes):
        axes.set_xlabel(columns[0])
        axes.set_xlim(*shown[0])
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
            axes.set_ylim(*shown[1])
        ends = [region.get(name) for name in found.columns]
        if ends[0] is not None:
            if len(ends) == 1:
                axes.axvspan(*ends[0], color=COLOR_MARK, alpha=0.15, linewidth=0)
            elif ends[1] is not None:
                x, y = (np.array(pair)[list(order)] for pair, order in zip(ends, _BOX, strict=True))
                axes.plot(x, y, color=COLOR_MARK)
    return figure


def _shown(edges: FloatArray, region: tuple[float, float] | None) -> tuple[float, float]:
    """Return the ends of an axis: without the outermost cells, but with the whole region."""
    low, high = (edges[1], edges[-2]) if len(edges) > 3 else (edges[0], edges[-1])
    if region is not None:
        low, high = min(low, region[0]), max(high, region[1])
    return float(low), float(high)


#: Which end of each column the corners of a box have.
_BOX = ((0, 1, 1, 0, 0), (0, 0, 1, 1, 0))
