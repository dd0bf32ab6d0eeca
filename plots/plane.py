"""The plane of each sample, and of the pulls, with the best window marked."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hist import Hist
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import Formatter

from eμsym.arrays import FloatArray
from eμsym.binned.nsigma import NSigma
from eμsym.binned.windows import Window
from eμsym.blinding import Blinding
from eμsym.difference import Difference
from eμsym.plots.blinded import shade_blinded
from eμsym.plots.drawn_axis import drawn_edges, drawn_label, endless
from eμsym.plots.look import Look
from eμsym.plots.style import COLOR_MARK, Style, StyledFigure, experiment_label, styled


def draw_plane(
    a: Hist,
    b: Hist,
    difference: Difference,
    window: Window | None = None,
    result: NSigma | None = None,
    *,
    names: tuple[str, str] = ("eμ", "μe"),
    blinding: Blinding | None = None,
    style: Style = "neutral",
) -> Figure:
    """Draw A, B and the pulls (B − A)/σ of a 2-D histogram, side by side.

    In a journal's column they stand one above the other.

    Parameters
    ----------
    a, b : hist.Hist
        2-D, of the same axes.
    difference : Difference
        Of the two, with its pulls.
    window : Window, optional
        Marked in every panel; its local significance is written over the pulls.
    result : NSigma, optional
        Nσ of the whole plane.
    names : tuple of str
        Of A and of B.
    blinding : Blinding, optional
        The window whose events are left out, which is shaded.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with styled(style):
        look = Look.of(style)
        upright = look.width == "column"
        layout = ConstrainedLayoutEngine(wspace=0.06)
        figure = StyledFigure(style, (5.2, 10.4) if upright else (14.0, 4.4), layout=layout)
        shape = (3, 1) if upright else (1, 3)
        panels = figure.subplots(*shape, sharex=True, sharey=True)
        edges = _edges(a.axes[0]), _edges(a.axes[1])
        norm = _logarithmic(a.values(), b.values())
        for axes, histogram, label in zip(panels, (a, b), names, strict=False):
            # Not mplhep.hist2dplot: it opens a figure in pyplot, which nobody closes.
            mesh = axes.pcolormesh(*edges, histogram.values().T, cmap="viridis", norm=norm)
            axes.set_title(label, loc="right")
            _colorbar(figure, axes, mesh, f"events / {_area(a)}")
        pull = difference.pull
        panels[2].set_facecolor("0.88")  # an empty bin is no pull of zero
        reach = max(3.0, float(np.nanmax(np.abs(pull), initial=0)))
        mesh = panels[2].pcolormesh(*edges, pull.T, cmap="RdBu_r", vmin=-reach, vmax=reach)
        _colorbar(figure, panels[2], mesh, rf"pull ({names[1]} $-$ {names[0]})")
        title = _pull_title(window, result, "\n" if look.printed else ", ")
        size = "small" if look.width == "page" else "medium"
        panels[2].set_title(title, fontsize=size, loc="right")
        for axes in panels:
            if not upright or axes is panels[2]:
                axes.set_xlabel(drawn_label(a.axes[0]))
            axes.set_ylabel(drawn_label(a.axes[1]) if upright or axes is panels[0] else "")
            if window is not None and window.edges is not None:
                axes.add_patch(window_outline(window))
        panels[0].set_xlim(edges[0][0], edges[0][-1])
        panels[0].set_ylim(edges[1][0], edges[1][-1])
        for axes in panels:
            shade_blinded(axes, blinding or Blinding(), (a.axes[0].name, a.axes[1].name))
        experiment_label(panels[0], style)
    return figure


def _edges(axis: Any) -> FloatArray:
    """Return the edges that a window's are told in, but of a last bin without an end."""
    return drawn_edges(axis) if endless(axis) else np.asarray(axis.edges, dtype=np.float64)


def _logarithmic(*contents: Any) -> LogNorm:
    """Return one logarithmic scale for all panels, from the smallest positive content."""
    values = np.concatenate([np.ravel(content) for content in contents])
    positive = values[values > 0]
    low = float(positive.min()) if positive.size else 1.0
    high = max(float(values.max(initial=0.0)), low)
    if high < 10 * low:
        # Whole decades, so that the scale has two numbers to read it by.
        low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** (1 + math.floor(math.log10(high)))
    return LogNorm(low, high)


def _colorbar(figure: Figure, axes: Any, mesh: Any, label: str) -> None:
    figure.colorbar(mesh, ax=axes, label=label, pad=0.02)


def _area(histogram: Any) -> str:
    if not all(np.allclose(axis.widths, axis.widths[0]) for axis in histogram.axes):
        return "bin"
    widths = [f"{axis.widths[0]:g}" for axis in histogram.axes]
    units = {"GeV" if "[GeV]" in axis.label else "" for axis in histogram.axes}
    unit = f" {units.pop()}$^2$" if units == {"GeV"} else ""
    if unit and widths[0] == widths[1]:
        return f"({widths[0]} GeV)$^2$"
    return rf"{widths[0]}$\times${widths[1]}{unit}"


def window_outline(window: Window) -> Rectangle:
    """Return the frame that shows a window on a plane."""
    x, y = window.edges or ((0.0, 0.0), (0.0, 0.0))
    return outline(x, y)


def outline(x: tuple[float, float], y: tuple[float, float]) -> Rectangle:
    """Return a frame around a range of each axis."""
    (x_low, x_high), (y_low, y_high) = x, y
    return Rectangle(
        (x_low, y_low),
        x_high - x_low,
        y_high - y_low,
        fill=False,
        edgecolor=COLOR_MARK,
        linewidth=1.8,
        path_effects=[withStroke(linewidth=4.5, foreground="white")],
    )


def _pull_title(window: Window | None, result: NSigma | None, between: str) -> str:
    parts = []
    if result is not None and result.n_bins:
        parts.append(rf"whole plane $N_\sigma$ = {result.z:+.2f}")
    if window is not None:
        parts.append(rf"marked window $N_\sigma$ = {window.z:+.2f} (local)")
    return Formatter.fix_minus(between.join(parts))
