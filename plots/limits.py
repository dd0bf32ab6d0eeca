"""Upper limits: Brazil bands of signals and against luminosity, and the scan of CLs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from eμsym.limits.search import Scan
from eμsym.limits.sensitivity import Sensitivity
from eμsym.limits.upper_limit import UpperLimit
from eμsym.plots.style import COLOR_BOTH, Style, as_text, one_panel

#: The bands' colours, of one and of two standard deviations, told apart in grey too.
BAND_COLORS = ("#4daf4a", "#ffd92f")

_TITLES = {"events": "signal events", "pb": "σ × BR [pb]", "BR": "branching ratio"}


def draw_limits(limits: Mapping[str, UpperLimit], *, style: Style = "neutral") -> Figure:
    """Draw the limits on signals, each with its expected bands.

    Parameters
    ----------
    limits : mapping of str to UpperLimit
        In one unit and of one confidence level.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with one_panel(style, (6.4, 1.6 + 0.7 * len(limits))) as (figure, axes):
        first = next(iter(limits.values()))
        for row, limit in enumerate(limits.values()):
            low, below, median, above, high = limit.expected
            told = row == 0
            for (left, right), color, label in (
                ((low, high), BAND_COLORS[1], r"expected $\pm 2\sigma$"),
                ((below, above), BAND_COLORS[0], r"expected $\pm 1\sigma$"),
            ):
                axes.barh(row, right - left, 0.6, left, color=color, label=label if told else None)
            axes.plot(
                [median] * 2,
                [row - 0.3, row + 0.3],
                "--",
                color=COLOR_BOTH,
                label="expected" if told else None,
            )
            if np.isfinite(limit.observed):
                axes.plot(
                    [limit.observed] * 2,
                    [row - 0.3, row + 0.3],
                    color=COLOR_BOTH,
                    linewidth=2,
                    label="observed" if told else None,
                )
        axes.set_yticks(range(len(limits)), [as_text(name) for name in limits])
        axes.invert_yaxis()
        axes.set_xlim(left=0)
        axes.set_xlabel(_axis_title(first.unit, first.cl))
        axes.legend(fontsize="small")
    return figure


def draw_limits_against_luminosity(
    found: Sensitivity, label: str = "signal", *, style: Style = "neutral"
) -> Figure:
    """Draw expected limits on events a fb⁻¹ against the luminosity.

    Parameters
    ----------
    found : Sensitivity
    label : str
        What the signal is called.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    order = np.argsort(found.luminosities)
    x = found.luminosities[order]
    limits = found.limits[order] / x[:, None]
    with one_panel(style, (6.4, 4.4)) as (figure, axes):
        _bands(axes, x, limits)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(r"luminosity [fb$^{-1}$]")
        axes.set_ylabel(r"limit on signal events a fb$^{-1}$")
        axes.set_title(as_text(label))
        axes.legend()
    return figure


def draw_cls(
    scan: Scan, limit: UpperLimit, label: str = "signal", *, style: Style = "neutral"
) -> Figure:
    """Draw CLs against the strength, with what is expected and the limit.

    Parameters
    ----------
    scan : Scan
    limit : UpperLimit
        In events.
    label : str
        What the signal is called.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with one_panel(style, (6.4, 4.4)) as (figure, axes):
        _bands(axes, scan.mu, scan.expected)
        if np.isfinite(limit.observed):
            axes.plot(scan.mu, scan.observed, color=COLOR_BOTH, label="observed")
        axes.axhline(1 - limit.cl, color=COLOR_BOTH, linewidth=0.6, linestyle=":")
        axes.set_ylim(0, 1)
        axes.set_xlabel("signal strength μ [events]")
        axes.set_ylabel(r"CL$_s$")
        shown = limit.observed if np.isfinite(limit.observed) else limit.median
        axes.set_title(f"{as_text(label)}: μ < {shown:.3g} at {100 * limit.cl:g} % CL")
        axes.legend()
    return figure


def _bands(axes: Any, x: Any, limits: Any) -> None:
    axes.fill_between(
        x, limits[:, 0], limits[:, 4], color=BAND_COLORS[1], label=r"expected $\pm 2\sigma$"
    )
    axes.fill_between(
        x, limits[:, 1], limits[:, 3], color=BAND_COLORS[0], label=r"expected $\pm 1\sigma$"
    )
    axes.plot(x, limits[:, 2], "--", color=COLOR_BOTH, label="expected")


def _axis_title(unit: str, cl: float) -> str:
    return f"{100 * cl:g} % CL limit on {_TITLES.get(unit, unit or 'the strength')}"
