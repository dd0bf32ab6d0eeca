"""One observable of the two samples, with the pull of every bin below."""

from __future__ import annotations

from typing import Any

import mplhep
import numpy as np
from hist import Hist
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter

from eμsym.arrays import FloatArray
from eμsym.binned.nsigma import NSigma
from eμsym.blinding import Blinding
from eμsym.counts import counts_and_variances
from eμsym.difference import Difference
from eμsym.plots.blinded import shade_blinded
from eμsym.plots.drawn_axis import as_drawn, drawn_edges, drawn_label, mark_categories
from eμsym.plots.legends import make_room
from eμsym.plots.style import (
    COLOR_A,
    COLOR_B,
    COLOR_BOTH,
    Style,
    StyledFigure,
    experiment_label,
    styled,
)


def draw_observable(
    a: Hist,
    b: Hist,
    difference: Difference,
    result: NSigma | None = None,
    *,
    names: tuple[str, str] = ("eμ", "μe"),
    blinding: Blinding | None = None,
    style: Style = "neutral",
) -> Figure:
    """Draw a 1-D histogram of A and of B, and the pulls (B − A)/σ.

    Parameters
    ----------
    a, b : hist.Hist
        1-D, of the same axis.
    difference : Difference
        Of the two, with its pulls.
    result : NSigma, optional
        Written into the pull panel.
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
    axis = a.axes[0]
    with styled(style):
        figure = StyledFigure(style, figsize=(6.4, 5.6), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        for histogram, label, color in ((a, names[0], COLOR_A), (b, names[1], COLOR_B)):
            text = f"{label}  ({_total(histogram):,.0f} events)"
            mplhep.histplot(
                as_drawn(histogram),
                ax=top,
                label=text,
                color=color,
                yerr=True,
                flow="none",
                linewidth=1.3,
            )
        top.set_xlabel("")  # the pull panel below has it
        top.set_ylabel(f"events / {_width(axis)}")
        lowest, highest = np.transpose([_reach(a), _reach(b)])
        low, high = min(*lowest, 0.0), max(*highest, 0.0)
        top.set_ylim(1.12 * low, 1.12 * high or float(low == 0))
        edges = drawn_edges(axis)
        _draw_pulls(bottom, edges, difference.pull, names, result)
        bottom.set_xlabel(drawn_label(axis))
        bottom.set_xlim(edges[0], edges[-1])
        for panel in (top, bottom):
            shade_blinded(panel, blinding or Blinding(), (axis.name,))
        top.legend(title=_legend_title(a, b))
        mark_categories(bottom, axis)
        figure.align_ylabels()
        experiment_label(top, style)
        make_room(figure)
    return figure


def _total(histogram: Any) -> float:
    """Return Σw, with what lies outside the axis."""
    return float(np.sum(histogram.values(flow=True)))


def _reach(histogram: Any) -> tuple[float, float]:
    """Return the least content, and the upper end of the longest error bar."""
    counts, variances = counts_and_variances(histogram)
    return float(np.min(counts)), float(np.max(counts + np.sqrt(variances)))


def _width(axis: Any) -> str:
    if axis.traits.discrete or not np.allclose(axis.widths, axis.widths[0]):
        return "bin"
    unit = " GeV" if "[GeV]" in axis.label else ""
    return f"{axis.widths[0]:g}{unit}"


def _legend_title(a: Any, b: Any) -> str | None:
    total = _total(a) + _total(b)
    outside = total - float(np.sum(a.values()) + np.sum(b.values()))
    if not outside:
        return None
    percent = 100 * outside / total
    digits = ".0f" if percent >= 1 else ".1g"
    return f"{percent:{digits}} % outside the axis"


def _draw_pulls(
    axes: Any,
    edges: FloatArray,
    pull: FloatArray,
    names: tuple[str, str],
    result: NSigma | None,
) -> None:
    positive = np.nan_to_num(pull) >= 0
    colors = np.where(positive, COLOR_B, COLOR_A).tolist()
    axes.bar(edges[:-1], np.nan_to_num(pull), np.diff(edges), align="edge", color=colors, alpha=0.8)
    axes.axhline(0, color=COLOR_BOTH, linewidth=0.8)
    for level in (-2, 2):
        axes.axhline(level, color=COLOR_BOTH, linewidth=0.6, linestyle=":")
    reach = max(3.5, 1.25 * float(np.nanmax(np.abs(pull), initial=0)))
    axes.set_ylim(-reach, reach)
    axes.set_ylabel(rf"pull ({names[1]} $-$ {names[0]})")
    if result is not None and result.n_bins:
        axes.set_title(
            rf"$N_\sigma$ = {Formatter.fix_minus(f'{result.z:+.2f}')} in {result.n_bins} bins"
            + (" (some below 25 entries)" if result.sparse else ""),
            fontsize="small",
            loc="right",
            pad=2,
        )
