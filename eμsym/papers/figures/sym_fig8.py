"""Fig. 8 of the SYM paper: the collinear mass of the background and of H → τe."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from eμsym.plots.style import COLOR_A, COLOR_B, Style, one_panel

EDGES = np.arange(0.0, 301.0, 5.0)


def draw_sym_fig8(
    background: ArrayLike,
    weights: ArrayLike,
    signal: ArrayLike,
    signal_events: float,
    *,
    style: Style = "neutral",
) -> Figure:
    """Draw both at 20 fb⁻¹, the signal for a branching ratio of 1 %, with simulation errors.

    Parameters
    ----------
    background : array_like, shape (n,)
        Collinear masses in GeV.
    weights : array_like, shape (n,)
        Events that each stands for.
    signal : array_like, shape (m,)
    signal_events : float
        That all of them together stand for.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    samples = []
    for values, weight, color, name in (
        (background, np.asarray(weights, dtype=np.float64), COLOR_A, "SM background"),
        (signal, np.full(np.size(signal), signal_events / np.size(signal)), COLOR_B, ""),
    ):
        x = np.asarray(values, dtype=np.float64)
        counts, _ = np.histogram(x, EDGES, weights=weight)
        errors = np.sqrt(np.histogram(x, EDGES, weights=weight**2)[0])
        label = name or r"$H\to\tau e\to\mu e\,2\nu$, BR 1 %"
        outside = 1 - float(counts.sum()) / float(weight.sum())
        label += f": {weight.sum():,.0f} events ({x.size:,} simulated"
        label += f", {100 * outside:.1f} % beyond the axis)"
        samples.append((counts, errors, color, label))
    with one_panel(style, (6.8, 4.8)) as (figure, axes):
        for counts, errors, color, label in samples:
            axes.stairs(counts, EDGES, color=color, label=label)
            low = np.maximum(counts - errors, 1e-3)
            axes.stairs(counts + errors, EDGES, baseline=low, fill=True, color=color, alpha=0.25)
        axes.set_yscale("log")
        axes.set_ylim(0.3, 30 * float(np.max(samples[0][0])))
        axes.set_xlim(EDGES[0], EDGES[-1])
        axes.set_xlabel(r"$m_\mathrm{coll}$ [GeV]")
        axes.set_ylabel(r"events / 5 GeV at 20 fb$^{-1}$")
        axes.legend(loc="upper right", fontsize=9)
    return figure
