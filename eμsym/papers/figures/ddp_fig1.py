"""Fig. 1 of the DDP paper: the templates T and S."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from eμsym.binned.templates import Templates
from eμsym.binned.windows import Window
from eμsym.plots.plane import window_outline
from eμsym.plots.style import Style, StyledFigure, experiment_label, styled


def draw_ddp_fig1(
    templates: Templates, window: Window | None = None, *, style: Style = "neutral"
) -> Figure:
    """Draw the background template (logarithmic) and the signal's, side by side.

    Parameters
    ----------
    templates : Templates
        Of a plane.
    window : Window, optional
        Marked in both; the best of those centred on the signal.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    t, s = templates.background, templates.signal
    edges = t.axes[0].edges, t.axes[1].edges
    layout = ConstrainedLayoutEngine(wspace=0.06)
    with styled(style):
        figure = StyledFigure(style, figsize=(10.4, 4.4), layout=layout)
        left, right = figure.subplots(1, 2, sharex=True, sharey=True)
        positive = t.values()[t.values() > 0]
        low = float(positive.min(initial=np.inf)) if positive.size else 1.0
        norm = LogNorm(low, max(float(t.values().max()), 2 * low))
        _panel(figure, left, (*edges, t.values()), "entries / bin", norm=norm)
        # A bin without signal is white, not the darkest colour.
        signal = np.ma.masked_equal(s.values(), 0)
        _panel(figure, right, (*edges, signal), "fraction of the signal / bin", vmin=0)
        left.set_title(r"background $T$", loc="right")
        marked = "" if window is None else ", {}×{} window marked".format(*window.shape)
        right.set_title(rf"signal $S${marked}", loc="right")
        for axes in (left, right):
            axes.set_xlabel(t.axes[0].label)
            axes.set_ylabel(t.axes[1].label if axes is left else "")
            if window is not None and window.edges is not None:
                axes.add_patch(window_outline(window))
        experiment_label(left, style)
    return figure


def _panel(figure: Figure, axes: Any, content: Any, label: str, **options: Any) -> None:
    x, y, values = content
    mesh = axes.pcolormesh(x, y, values.T, cmap="viridis", **options)
    # An experiment's style rounds limits outwards.
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    figure.colorbar(mesh, ax=axes, label=label, pad=0.02)
