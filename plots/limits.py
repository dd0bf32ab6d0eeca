"""Upper limits: Brazil bands of signals and against luminosity, and the scan of CLs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter
from scipy.stats import chi2

from eμsym.limits.impacts import Impacts
from eμsym.limits.search import Scan
from eμsym.limits.sensitivity import Sensitivity
from eμsym.limits.two_signals import TwoSignals
from eμsym.limits.upper_limit import UpperLimit
from eμsym.plots.style import COLOR_A, COLOR_BOTH, COLOR_MARK, Style, as_text, one_panel

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
        # Said here: some experiments' styles leave no margin, and a line on the frame is unseen.
        ends = [x for each in limits.values() for x in (each.observed, each.expected[-1])]
        axes.set_xlim(0, 1.05 * max((x for x in ends if np.isfinite(x)), default=1.0))
        axes.set_xlabel(_axis_title(first.unit, first.cl))
        axes.legend(fontsize="small", ncols=2)
    return figure


def draw_limits_against_luminosity(
    found: Sensitivity, label: str = "signal", *, style: Style = "neutral"
) -> Figure:
    """Draw expected limits on events a fb⁻¹ against the luminosity, and the median Z if known.

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
        axes.set_xticks(x, [f"{luminosity:g}" for luminosity in x])
        axes.set_xticks([], minor=True)
        axes.set_title(as_text(label))
        drawn = [axes]
        if np.isfinite(found.z).all():
            right = axes.twinx()
            right.plot(x, found.z[order], "o:", color=COLOR_MARK, label="median Z")
            right.set_ylim(0, 1.1 * found.z.max())
            right.set_ylabel(f"median Z of {found.events_per_ifb:.3g} events a fb$^{{-1}}$")
            drawn.append(right)
        handles, names = (
            [entry for entries in each for entry in entries]
            for each in zip(*(one.get_legend_handles_labels() for one in drawn), strict=True)
        )
        axes.legend(handles, names)
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


def draw_contour(
    found: TwoSignals, labels: tuple[str, str], *, unit: str = "events", style: Style = "neutral"
) -> Figure:
    """Draw the contours of two strengths, at 68 % and at the level of confidence.

    Parameters
    ----------
    found : TwoSignals
    labels : tuple of str
        What the signals are called.
    unit : str
        Of both strengths.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with one_panel(style, (5.6, 5.0)) as (figure, axes):
        x, y = found.grid
        levels = sorted({float(chi2.ppf(0.683, 2)), found.level})
        axes.contour(x, y, found.rise.T, levels, colors=COLOR_A, linestyles=("-", "--"))
        # Either may stand on the edge: no strength is below zero where the diagonal is open.
        shown = {"color": COLOR_BOTH, "clip_on": False, "linestyle": "none", "zorder": 5}
        axes.plot(*found.best, marker="+", markersize=9, markeredgewidth=2, label="best", **shown)
        axes.plot(0, 0, marker="o", markersize=4, label="no signal", **shown)
        title = _TITLES.get(unit, unit)
        axes.set_xlabel(f"{as_text(labels[0])}: {title}")
        axes.set_ylabel(f"{as_text(labels[1])}: {title}")
        axes.set_title(Formatter.fix_minus(f"difference: {found.difference}"))
        axes.legend()
    return figure


def draw_impacts(found: Impacts, *, most: int = 20, style: Style = "neutral") -> Figure:
    """Draw the pulls of nuisances, and their impacts on the strength beside them.

    Parameters
    ----------
    found : Impacts
    most : int
        Rows, those of the largest impacts.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = found.nuisances[:most]
    with one_panel(style, (6.4, 1.6 + 0.35 * len(rows))) as (figure, axes):
        places = np.arange(len(rows))
        axes.errorbar(
            [x.pull for x in rows],
            places,
            xerr=[x.error for x in rows],
            fmt="o",
            markersize=4,
            capsize=0,
            color=COLOR_BOTH,
        )
        axes.axvspan(-1, 1, color=COLOR_BOTH, alpha=0.1, linewidth=0)
        axes.set_xlim(-3, 3)
        axes.set_yticks(places, [x.name for x in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(r"pull $(\hat{\theta} - \theta_0)/\Delta\theta$")
        above = axes.twiny()
        for moved, color, label in (
            ([x.up for x in rows], COLOR_A, r"$\theta$ up"),
            ([x.down for x in rows], COLOR_MARK, r"$\theta$ down"),
        ):
            above.barh(places, moved, 0.5, color=color, alpha=0.4, label=label)
        widest = max((x.size for x in rows), default=1.0) or 1.0
        above.set_xlim(-1.5 * widest, 1.5 * widest)
        above.set_xlabel(r"impact $\Delta\hat{\mu}$ [events]")
        above.legend(fontsize="small", ncols=2)
    return figure
