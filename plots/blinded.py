"""The window of a blinded folder in a figure: hatched, and named."""

from __future__ import annotations

from typing import Any

from matplotlib.patches import Rectangle

from eμsym.blinding import Blinding

_HATCHED: dict[str, Any] = {
    "facecolor": "0.93",
    "edgecolor": "0.72",
    "hatch": "////",
    "linewidth": 0.0,
}


def blinded_name(blinding: Blinding, columns: tuple[str, ...]) -> str:
    """Return what a window is called in a figure of columns; empty if it is not in it.

    Parameters
    ----------
    blinding : Blinding
    columns : tuple of str
        What is on the figure's axes: what a window says of further columns hides a part alone.

    Examples
    --------
    >>> both = Blinding({"m_coll": (110, 140), "met": (0, 50)})
    >>> blinded_name(both, ("m_coll", "met")), blinded_name(both, ("met",))
    ('blinded', 'partly blinded')
    >>> blinded_name(both, ("lead_pt",))
    ''
    """
    shown = set(blinding.windows) & set(columns)
    if not shown:
        return ""
    return "blinded" if shown == set(blinding.windows) else "partly blinded"


def shade_blinded(axes: Any, blinding: Blinding, columns: tuple[str, ...]) -> None:
    """Hatch the window on axes of one column, where a legend names it, or of two, where it stands.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        With its limits set.
    blinding : Blinding
    columns : tuple of str
        Of x, and of y if that is a column.
    """
    name = blinded_name(blinding, columns)
    if not name:
        return
    if len(columns) == 1:
        low, high = _inside(blinding, columns[0], axes.get_xlim())
        axes.axvspan(low, high, zorder=0, label=name, **_HATCHED)
        return
    limits = axes.get_xlim(), axes.get_ylim()
    x, y = (_inside(blinding, *each) for each in zip(columns, limits, strict=True))
    axes.add_patch(Rectangle((x[0], y[0]), x[1] - x[0], y[1] - y[0], zorder=2, **_HATCHED))
    upright = (x[1] - x[0]) / (limits[0][1] - limits[0][0]) < 0.5
    axes.text(
        (x[0] + x[1]) / 2,
        (y[0] + y[1]) / 2,
        name,
        ha="center",
        va="center",
        rotation=90 if upright else 0,
        clip_on=True,
        fontsize="small",
    )


def _inside(blinding: Blinding, column: str, limits: tuple[float, float]) -> tuple[float, float]:
    """Return the range of a column that is hidden, as far as it is on the axis."""
    low, high = blinding.windows.get(column, limits)
    return max(low, limits[0]), max(min(high, limits[1]), limits[0])
