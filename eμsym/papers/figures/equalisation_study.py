"""What correcting for the detector's e/μ difference costs: bias, width, significance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from eμsym.plots.style import COLOR_BOTH, Style, StyledFigure, experiment_label, styled

_COLORS = ("#D55E00", "#0072B2", "#56B4E9", "#444444")
_MARKERS = ("X", "o", "D", "s")


def draw_equalisation_study(
    summaries: Mapping[tuple[str, str, str], Any],
    statistics: Mapping[str, str],
    corrections: Mapping[str, str],
    signals: Mapping[str, str],
    dof: int,
    *,
    style: Style = "neutral",
) -> Figure:
    """Draw mean and width of each statistic without signal, and its median with one.

    Parameters
    ----------
    summaries : mapping of (signal, correction, statistic) to Summary
        Of `eμsym.papers.equalisation_study`; the signal "none" is none.
    statistics, corrections, signals : mapping of str to str
        What to call them. The statistic "t" is drawn as (t − dof)/√(2 dof).
    dof : int
        Of t.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with styled(style):
        figure = StyledFigure(style, figsize=(13.0, 4.6), layout="constrained")
        panels = figure.subplots(1, 2 + len(signals))
        titles = ("without signal: mean", "without signal: width", *signals.values())
        for i, (axes, title) in enumerate(zip(panels, titles, strict=True)):
            signal = "none" if i < 2 else list(signals)[i - 2]
            axes.axhline(1.0 if i == 1 else 0.0, color=COLOR_BOTH, linewidth=0.8)
            for j, (correction, label) in enumerate(corrections.items()):
                values, errors = [], []
                for statistic in statistics:
                    found = summaries[signal, correction, statistic]
                    unit = np.sqrt(2 * dof) if statistic == "t" else 1.0
                    start = dof if statistic == "t" else 0.0
                    value, error = (
                        ((found.mean - start) / unit, found.mean_error / unit),
                        (found.width / unit, found.width_error / unit),
                        (found.median, 1.25 * found.mean_error / unit),
                    )[min(i, 2)]
                    values.append(value)
                    errors.append(error)
                axes.errorbar(
                    np.arange(len(values)) + 0.16 * (j - (len(corrections) - 1) / 2),
                    values,
                    errors,
                    fmt=_MARKERS[j % len(_MARKERS)],
                    markersize=5,
                    color=_COLORS[j % len(_COLORS)],
                    label=label,
                )
            names = [name.replace("Nσ", r"$N_\sigma$") for name in statistics.values()]
            if i < 2:
                names = [r"$(t-k)/\sqrt{2k}$" if name == "t" else name for name in names]
            axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
            axes.tick_params(axis="x", which="minor", bottom=False, top=False)
            axes.set_title(title, fontsize="medium")
            axes.set_xlim(-0.5, len(names) - 0.5)
        panels[1].set_ylim(0, 1.6)
        panels[2].set_ylabel("median Z")
        for axes in panels[2:]:
            axes.set_ylim(*_common(panels[2:]))
        figure.legend(
            *panels[0].get_legend_handles_labels(),
            loc="outside upper center",
            ncols=len(corrections),
        )
        experiment_label(panels[0], style)
    return figure


def _common(panels: Any) -> tuple[float, float]:
    """Return one range for several panels."""
    limits = np.array([axes.get_ylim() for axes in panels])
    return float(limits[:, 0].min()), float(limits[:, 1].max())
