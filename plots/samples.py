"""Simulated samples beside genuine Delphes events: ratios of counts, and distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from eμsym.plots.style import (
    COLOR_A,
    COLOR_B,
    COLOR_BOTH,
    Style,
    StyledFigure,
    experiment_label,
    styled,
)
from eμsym.recipes.simulation.comparison import OBSERVABLES, SampleComparison

#: Processes whose distributions are drawn, a row each; the others have too few events.
_ROWS = ("ztautau", "ttbar", "ww", "hlfv_taue")
#: Observables, a column each; electrons and muons share the last three.
_COLUMNS = (
    ("m_coll",),
    ("met",),
    ("electron_pt", "muon_pt"),
    ("electron_eta", "muon_eta"),
    ("electron_isolation", "muon_isolation"),
)
_HEADINGS = {
    "m_coll": r"$m_\mathrm{coll}$ [GeV]",
    "met": r"$E_\mathrm{T}^\mathrm{miss}$ [GeV]",
    "electron_pt": r"$p_\mathrm{T}(e)$, $p_\mathrm{T}(\mu)$ [GeV]",
    "electron_eta": r"$\eta(e)$, $\eta(\mu)$",
    "electron_isolation": "isolation",
}
_POINTS: dict[str, Any] = {"fmt": "o", "markersize": 2.5, "linewidth": 0.8}
NAMES = {
    "ztautau": r"$Z\to\tau\tau$",
    "ttbar": r"$t\bar{t}$",
    "ww": "$WW$",
    "wz": "$WZ$",
    "zz": "$ZZ$",
    "hww": r"$H\to WW$",
    "htautau": r"$H\to\tau\tau$",
    "hlfv_taue": r"$H\to\tau e$",
    "hlfv_taumu": r"$H\to\tau\mu$",
}


def draw_samples(comparisons: Sequence[SampleComparison], *, style: Style = "neutral") -> Figure:
    """Draw acceptances and flavour orders over Delphes', and distributions of both.

    Parameters
    ----------
    comparisons : sequence of SampleComparison
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown = {c.process: c for c in comparisons if c.process in _ROWS and c.embedded is not None}
    rows = [name for name in _ROWS if name in shown]
    with styled(style):
        height = 2.9 + 2.0 * len(rows)
        figure = StyledFigure(style, figsize=(12.0, height), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=[2.9, max(2.0 * len(rows), 0.01)])
        above, below = parts
        axes = above.subplots(1, 2)
        _draw_ratios(axes[0], comparisons, "acceptance", "eμ acceptance, ours / Delphes")
        _draw_ratios(axes[1], comparisons, "order", "eμ / μe, ours / Delphes")
        experiment_label(axes[0], style)
        if rows:
            grid = below.subplots(len(rows), len(_COLUMNS), squeeze=False)
            for panels, name in zip(grid, rows, strict=True):
                for panel, observables in zip(panels, _COLUMNS, strict=True):
                    _draw_distribution(panel, shown[name], observables)
                panels[0].set_ylabel(f"{NAMES[name]}\nevents / bin")
            for panel, observables in zip(grid[-1], _COLUMNS, strict=True):
                panel.set_xlabel(_HEADINGS[observables[0]])
            below.legend(handles=_legend(), loc="outside upper center", ncols=4)
    return figure


def _draw_ratios(
    axes: Any, comparisons: Sequence[SampleComparison], which: str, label: str
) -> None:
    names = [NAMES.get(c.process, c.process) for c in comparisons]
    axes.axhspan(0.9, 1.1, color="#E8E8E8", linewidth=0, zorder=0)
    axes.axhline(1.0, color=COLOR_BOTH, linewidth=0.8)
    for i, comparison in enumerate(comparisons):
        ratio = getattr(comparison, which)
        if ratio is not None:
            axes.errorbar(i, ratio.value, ratio.error, fmt="o", color=COLOR_A, markersize=4)
    axes.set_xticks(range(len(names)), names)
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_ylim(0.6, 1.4)
    axes.set_ylabel(label)


def _draw_distribution(
    axes: Any, comparison: SampleComparison, observables: tuple[str, ...]
) -> None:
    """Draw Delphes as points, and ours, scaled to as many events, as lines."""
    scale = _selected(comparison.embedded) / max(_selected(comparison.simulated), 1)
    colors = (COLOR_A, COLOR_B) if len(observables) > 1 else (COLOR_BOTH,)
    for name, color in zip(observables, colors, strict=True):
        _, _, low, high, n_bins = OBSERVABLES[name]
        edges = np.linspace(low, high, n_bins + 1)
        both = comparison.histograms[name]
        ours, theirs = (np.array(both[which], dtype=float) for which in ("simulated", "delphes"))
        axes.stairs(ours * scale, edges, color=color)
        centres = 0.5 * (edges[:-1] + edges[1:])
        axes.errorbar(centres, theirs, np.sqrt(theirs), color=color, **_POINTS)
    axes.set_ylim(bottom=0)


def _legend() -> list[Any]:
    return [
        Line2D([], [], color=COLOR_BOTH, label="Pythia + parametrised response"),
        Line2D([], [], color=COLOR_BOTH, linestyle="", marker="o", markersize=4, label="Delphes"),
        Line2D([], [], color=COLOR_A, label="electron"),
        Line2D([], [], color=COLOR_B, label="muon"),
    ]


def _selected(counts: Any) -> float:
    return float(counts.emu + counts.mue)
