"""Fig. 4 of the SYM paper: significance by the ideal one, for the toy model's signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from eμsym.papers.sym_power import PowerPoint
from eμsym.plots.style import COLOR_BOTH, Style, StyledFigure, experiment_label, styled

#: Colour-blind safe (Okabe and Ito), by curve.
COLORS = ("#0072B2", "#D55E00", "#009E73")
MARKERS = ("o", "s", "^")
_TITLES = {
    "S1": r"$S_1$: resonance in the tail",
    "S2": r"$S_2$: non-resonant",
    "S3": r"$S_3$: resonance in the bulk",
}


def draw_sym_fig4(
    curves: Mapping[str, Mapping[str, Sequence[PowerPoint]]], *, style: Style = "neutral"
) -> Figure:
    """Draw the median significance of each signal, for each ratio of the samples.

    Parameters
    ----------
    curves : mapping of str to mapping of str to sequence of PowerPoint
        By signal, then by what a curve is called.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with styled(style):
        figure = StyledFigure(style, figsize=(11.4, 4.2), layout="constrained")
        panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
        for axes, (signal, given) in zip(panels, curves.items(), strict=True):
            draw_curves(axes, given)
            axes.set_title(_TITLES.get(signal, signal), loc="right", fontsize=10)
            axes.set_xlabel(r"ideal significance $Z_{id}$ [$\sigma$]")
            axes.set_xlim(0, 8.6)
        panels[0].set_ylabel(r"median significance of t [$\sigma$]")
        panels[0].legend(handles=legend(next(iter(curves.values()))), loc="upper left", fontsize=8)
        experiment_label(panels[0], style)
    return figure


def draw_curves(axes: Any, curves: Mapping[str, Sequence[PowerPoint]]) -> None:
    """Draw curves: solid by the null, dashed by χ², an arrow where Z is a lower bound."""
    for number, (color, marker, points) in enumerate(
        zip(COLORS, MARKERS, curves.values(), strict=False)
    ):
        shift = 1 + 0.006 * (number - 1)  # so that error bars do not hide each other
        known = [point for point in points if not point.by_null.limit]
        for which, given, line, size in (
            ("by_null", known, "-", 4.0),
            ("by_chi2", points, "--", 0.0),
        ):
            z = [getattr(point, which) for point in given]
            axes.errorbar(
                [shift * point.x for point in given],
                [each.z for each in z],
                [abs(each.error) for each in z],
                color=color,
                linestyle=line,
                marker=marker if size else None,
                markersize=size,
                elinewidth=1.0 if size else 0.6,
                capsize=2 if size else 0,
            )
        limits = [point for point in points if point.by_null.limit]
        axes.errorbar(
            [shift * point.x for point in limits],
            [point.z for point in limits],
            [0.25] * len(limits),
            lolims=True,
            color=color,
            linestyle="",
            marker=marker,
            markersize=4,
        )
    axes.axhline(2, color=COLOR_BOTH, linewidth=0.6, linestyle=":")
    axes.axhline(0, color=COLOR_BOTH, linewidth=0.6)


def legend(curves: Mapping[str, Sequence[PowerPoint]]) -> list[Any]:
    """Return what a legend of such curves needs."""
    handles = [
        Line2D([], [], color=color, marker=marker, markersize=4, label=name)
        for color, marker, name in zip(COLORS, MARKERS, curves, strict=False)
    ]
    limits = any(point.by_null.limit for points in curves.values() for point in points)
    n = sorted({point.n_toys for points in curves.values() for point in points})
    toys = f"{n[0]}" if len(set(n)) == 1 else f"{n[0]} to {n[-1]}" if n else "no"
    return [
        *handles,
        Line2D([], [], color=COLOR_BOTH, label="by toys without signal"),
        Line2D([], [], color=COLOR_BOTH, linestyle="--", label=r"by $\chi^2_{12}$"),
        Line2D([], [], linestyle="", label=f"{toys} toys a point"),
        *(
            [Line2D([], [], linestyle="", label="↑ above all toys without signal")]
            if limits
            else []
        ),
    ]
