"""What a correction of the detector's difference does: A/B before and after, and r."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from eμsym.arrays import FloatArray
from eμsym.calibration.before_after import BeforeAfter, LeptonRatio, OrderRatio
from eμsym.plots.legends import make_room
from eμsym.plots.look import Look
from eμsym.plots.style import (
    COLOR_A,
    COLOR_B,
    COLOR_BOTH,
    Style,
    StyledFigure,
    experiment_label,
    styled,
)

#: What an axis calls the ratios of label rules.
_RATIOS = {
    "r": r"$r = \epsilon_\mu / \epsilon_e$",
    "r+": r"$r_+ = \epsilon_{\mu^+} / \epsilon_{e^+}$",
    "r-": r"$r_- = \epsilon_{\mu^-} / \epsilon_{e^-}$",
    "a_e": r"$a_e = \epsilon_e(\eta) / \epsilon_e(-\eta)$",
    "a_mu": r"$a_\mu = \epsilon_\mu(\eta) / \epsilon_\mu(-\eta)$",
}
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def draw_equalisation(
    found: BeforeAfter,
    *,
    names: tuple[str, str] = ("eμ", "μe"),
    labels: Mapping[str, str] | None = None,
    style: Style = "neutral",
) -> Figure:
    """Draw A/B against each kinematic variable before and after, and r of a lepton.

    Parameters
    ----------
    found : BeforeAfter
        Of up to six variables.
    names : tuple of str
        Of A and of B.
    labels : mapping of str to str, optional
        What axes call the columns.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    called = labels or {}
    with styled(style):
        upright = Look.of(style).width == "column"
        across = 2 if upright else 3
        figure = StyledFigure(style, (6.0, 12.4) if upright else (14.0, 6.2), layout="constrained")
        if upright:
            grid = figure.add_gridspec(4, 2, height_ratios=(1, 1, 1, 1.5))
        else:
            grid = figure.add_gridspec(2, 4, width_ratios=(1, 1, 1, 1.35))
        places = [divmod(i, across) for i in range(len(found.variables))]
        panels = [figure.add_subplot(grid[place]) for place in places]
        for panel, variable in zip(panels, found.variables, strict=True):
            label = called.get(variable.column, variable.column)
            if variable.absolute:
                label = label.replace(r"$\eta$", r"$|\eta|$")
            _draw_ratio(panel, variable.ratio, label)
        reach = 1.1 * max(_reach(variable.ratio) for variable in found.variables)
        for panel in panels:
            panel.set_ylim(max(0.0, 1 - reach), 1 + reach)
        for panel in panels[::across]:
            panel.set_ylabel(f"{names[0]} / {names[1]}")
        # Error bars may fill the panels: below them it meets none.
        handles, texts = panels[0].get_legend_handles_labels()
        figure.legend(handles, texts, loc="outside lower left", ncols=2, fontsize="small")
        experiment_label(panels[0], style)
        column = (grid[3, :] if upright else grid[:, 3]).subgridspec(len(found.ratios), 1)
        for i, ratio in enumerate(found.ratios):
            _draw_lepton_ratio(figure.add_subplot(column[i]), ratio, found.up_to_a_factor)
        make_room(figure)
    return figure


def _reach(ratio: OrderRatio) -> float:
    """Return how far from one the points and their errors go."""
    far = [0.05]
    for pair in ((ratio.before, ratio.before_error), (ratio.after, ratio.after_error)):
        value, error = _finite(*pair)
        far.append(float(np.nanmax([0.0, *(np.abs(value - 1) + error)])))
    return min(max(far), 2.0)


def _finite(value: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return points with their errors, NaN where either is not finite: a bin without B."""
    known = np.isfinite(value) & np.isfinite(error)
    return np.where(known, value, np.nan), np.where(known, error, np.nan)


def _draw_ratio(axes: Any, ratio: OrderRatio, label: str) -> None:
    edges = _drawn(ratio.edges)
    # Momenta fall steeply from a threshold.
    logarithmic = edges[0] >= 5 and edges[-1] > 4 * edges[0]
    if logarithmic:
        axes.set_xscale("log")
        _plain_ticks(axes)
    axes.axhline(1.0, color=COLOR_BOTH, linewidth=0.8)
    for value, error, color, marker, text, shift in (
        (ratio.before, ratio.before_error, COLOR_A, "o", "before", 0.42),
        (ratio.after, ratio.after_error, COLOR_B, "s", "after", 0.58),
    ):
        x = edges[:-1] + shift * np.diff(edges)
        if logarithmic:
            x = edges[:-1] * (edges[1:] / edges[:-1]) ** shift
        axes.errorbar(
            x,
            *_finite(value, error),
            # As lists: of arrays with one bin older matplotlib makes a deprecated conversion.
            ((x - edges[:-1]).tolist(), (edges[1:] - x).tolist()),
            fmt=marker,
            markersize=3.5,
            markerfacecolor="white" if text == "before" else color,
            color=color,
            linewidth=1.1,
            label=text,
        )
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(label, fontsize="small")
    axes.set_title(f"after: p = {ratio.pvalue:.2g}", fontsize="small", loc="right", pad=3)


def _drawn(edges: FloatArray) -> FloatArray:
    """Return edges whose last one is not too far to be drawn."""
    result = np.array(edges, dtype=np.float64)
    if result.size > 2 and result[-2] > 0:
        result[-1] = min(result[-1], 1.6 * result[-2])
    return result


def _draw_lepton_ratio(axes: Any, found: LeptonRatio, up_to_a_factor: bool) -> None:
    bins = found.bins
    n_pt, n_eta = bins.shape
    pt, eta = _drawn(np.array(bins.pt_edges)), bins.abseta_edges
    centre = np.sqrt(pt[:-1] * pt[1:])
    value, size = (x.reshape(n_pt, n_eta) for x in (found.log_ratio, found.error))
    r = np.exp(value)
    for j in range(n_eta):
        # Beside each other, so that the errors can be told apart.
        x = centre * 1.025 ** (j - (n_eta - 1) / 2)
        axes.errorbar(
            x,
            r[:, j],
            _bars(value[:, j], size[:, j]),
            (x - pt[:-1], pt[1:] - x),
            fmt="o",
            markersize=4,
            linewidth=1.1,
            color=_COLORS[j % len(_COLORS)],
            label=rf"${eta[j]:g} \leq |\eta| < {eta[j + 1]:g}$",
        )
    axes.axhline(1.0, color=COLOR_BOTH, linewidth=0.8)
    axes.set_xscale("log")
    # Some experiments' styles would end the axis at a power of ten.
    axes.set_xlim(pt[0] / 1.06, pt[-1] * 1.06)
    _plain_ticks(axes)
    axes.set_xlabel(r"lepton $p_\mathrm{T}$ [GeV]")
    known = ", up to a factor" if up_to_a_factor else ""
    axes.set_ylabel(f"{_RATIOS.get(found.name, found.name)}{known}")
    axes.legend(fontsize="small")


def _bars(value: FloatArray, size: FloatArray) -> FloatArray:
    """Return the lengths down and up of r's error bars, from ln r and its error."""
    r = np.exp(value)
    return np.stack([r - np.exp(value - size), np.exp(value + size) - r])


def _plain_ticks(axes: Any) -> None:
    """Write 20, 50, 100 on a logarithmic axis, in place of powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
