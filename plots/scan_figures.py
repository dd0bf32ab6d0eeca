"""A scan: its local p-values beside the expected ones, a map of them, and where one shows most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter

from eμsym.arrays import FloatArray
from eμsym.blinding import Blinding
from eμsym.plots.blinded import shade_blinded
from eμsym.plots.limits import BAND_COLORS
from eμsym.plots.look import Look
from eμsym.plots.plane import outline
from eμsym.plots.style import COLOR_A, COLOR_B, COLOR_BOTH, Style, as_text, one_panel
from eμsym.scanning.places import Place
from eμsym.scanning.result import Entry, Expected

#: Regions of a map, at most.
MOST_REGIONS = 30

#: A bin at an end is not drawn wider than so many times its neighbour.
_WIDEST = 2.0

#: What the tests of a scan are called.
_TESTS = {"nsigma": r"$N_\sigma$", "chi2": r"$\chi^2$", "window": "window", "spline": "spline"}


def draw_scan_expected(expected: Expected, *, style: Style = "neutral") -> Figure:
    """Draw how many entries have a local p-value below any, and how many labels alone leave.

    Parameters
    ----------
    expected : Expected
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    x = -np.log10(expected.pvalue)
    # Where there is none, curves leave the figure below.
    low, below, median, above, high = np.maximum(expected.quantiles, 1e-3)
    with one_panel(style, (6.4, 4.4)) as (figure, axes):
        axes.fill_between(x, low, high, color=BAND_COLORS[1], linewidth=0, label="95 %")
        axes.fill_between(x, below, above, color=BAND_COLORS[0], linewidth=0, label="68 %")
        axes.plot(x, median, "--", color=COLOR_BOTH, label="labels alone, median")
        observed = np.maximum(expected.observed, 1e-3)
        axes.step(x, observed, where="mid", color=COLOR_BOTH, linewidth=1.8, label="observed")
        axes.set_yscale("log")
        axes.set_ylim(0.7, 1.6 * max(float(np.max(expected.observed, initial=1.0)), high.max()))
        there = np.flatnonzero(np.maximum(expected.observed, expected.quantiles[4]) >= 1)
        last = min(int(there[-1]) + 3 if there.size else x.size - 1, x.size - 1)
        axes.set_xlim(float(x[0]), float(x[last]))
        axes.set_xlabel(r"$-\log_{10}$ of the local p-value")
        axes.set_ylabel("entries with as small a p-value")
        axes.legend()
    return figure


def draw_scan_map(
    entries: Sequence[Entry],
    *,
    regions: int = MOST_REGIONS,
    labels: Mapping[str, str] | None = None,
    style: Style = "neutral",
) -> Figure:
    """Draw the smallest local p-value of every observable in every region.

    A plane counts for both of its observables. Regions stand in the order of their smallest
    p-value. There is no room for it in one column of a journal: it takes two.

    Parameters
    ----------
    entries : sequence of Entry
    regions : int
        How many are drawn, at most.
    labels : mapping of str to str, optional
        What an axis calls a column.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    smallest: dict[str, dict[str, float]] = {}
    observables: dict[str, None] = {}
    for entry in entries:
        row = smallest.setdefault(entry.region, {})
        for name in entry.observables:
            observables[name] = None
            row[name] = min(row.get(name, 1.0), entry.p_local)
    order = sorted(smallest, key=lambda region: min(smallest[region].values()))
    rows, columns = order[: max(1, regions)], list(observables)
    shown = np.array([[smallest[r].get(name, np.nan) for name in columns] for r in rows])
    with np.errstate(divide="ignore"):
        value = -np.log10(shown)
    named = [_without_unit(name, labels or {}) for name in columns]
    longest = max((len(as_text(row)) for row in rows), default=0)
    width = 2.6 + 0.075 * longest + 0.46 * len(columns)
    height = 1.5 + 0.055 * max((len(x) for x in columns), default=0) + 0.26 * len(rows)
    look = Look.of(style)
    if look.width == "column":
        look = replace(look, width="page")
    with one_panel(look, (max(4.5, width), max(3.6, height))) as (figure, axes):
        axes.set_facecolor("0.88")
        top = max(3.0, float(np.nanmax(value, initial=0.0)))
        mesh = axes.pcolormesh(
            np.ma.masked_invalid(value), cmap="viridis_r", vmin=0.0, vmax=top, edgecolors="w",
            linewidth=0.6,
        )  # fmt: skip
        axes.set_xticks(np.arange(len(columns)) + 0.5, named, rotation=55, ha="right")
        axes.set_yticks(np.arange(len(rows)) + 0.5, [as_text(row) for row in rows])
        for label in axes.get_xticklabels():
            label.set_rotation_mode("anchor")
        axes.tick_params(which="both", length=0)
        axes.minorticks_off()
        axes.invert_yaxis()
        figure.colorbar(
            mesh, ax=axes, label=r"$-\log_{10}$ of the smallest local p", pad=0.02, aspect=30
        )
        if len(order) > len(rows):
            axes.set_title(
                f"{len(rows)} of {len(order)} regions", loc="right", fontsize="medium", pad=4
            )
    return figure


def draw_scan_entry(
    entry: Entry,
    place: Place,
    *,
    names: tuple[str, str] = ("eμ", "μe"),
    labels: Mapping[str, str] | None = None,
    blinding: Blinding | None = None,
    style: Style = "neutral",
) -> Figure:
    """Draw the pulls of an entry's bins, with its best window marked.

    Parameters
    ----------
    entry : Entry
    place : Place
        Of that entry.
    names : tuple of str
        Of A and of B.
    labels : mapping of str to str, optional
        What an axis calls a column. Default: its name.
    blinding : Blinding, optional
        The window whose events are left out, which is shaded.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    found = [_drawn(edges) for edges in place.edges]
    between = "\n" if Look.of(style).width == "column" else " "
    beyond = f",{between}outer bins and beyond"
    titles = [
        (labels or {}).get(name, as_text(name)) + (beyond if cut else "")
        for name, (_, cut) in zip(entry.observables, found, strict=True)
    ]
    edges = [each for each, _ in found]
    spans = [
        (float(each[low]), float(each[high]))
        for each, low, high in zip(edges, place.start, place.stop, strict=True)
    ]
    pull = rf"pull ({as_text(names[1])} $-$ {as_text(names[0])})"
    size = (6.4, 4.4) if len(edges) == 1 else (6.6, 5.2)
    with one_panel(style, size) as (figure, axes):
        if len(edges) == 1:
            _histogram(axes, edges[0], place.pull, spans[0])
            axes.set_ylabel(pull)
        else:
            _plane(figure, axes, edges, place.pull, spans, pull)
            axes.set_ylabel(titles[1])
        axes.set_xlabel(titles[0])
        shade_blinded(axes, blinding or Blinding(), tuple(entry.observables))
        if axes.get_legend_handles_labels()[1]:
            axes.legend()
        heading = _heading(entry, place, names, between)
        axes.set_title(heading, loc="left", fontsize="small", pad=6)
    return figure


def _histogram(axes: Any, edges: FloatArray, pull: FloatArray, span: tuple[float, float]) -> None:
    height = np.nan_to_num(pull)
    colors = np.where(height >= 0, COLOR_B, COLOR_A).tolist()
    axes.axvspan(*span, color="0.85", linewidth=0, zorder=0)
    axes.bar(edges[:-1], height, np.diff(edges), align="edge", color=colors, alpha=0.8)
    axes.axhline(0, color=COLOR_BOTH, linewidth=0.8)
    for level in (-2, 2):
        axes.axhline(level, color=COLOR_BOTH, linewidth=0.6, linestyle=":")
    reach = max(3.5, 1.25 * float(np.abs(height).max(initial=0)))
    axes.set_ylim(-reach, reach)
    axes.set_xlim(edges[0], edges[-1])


def _plane(
    figure: Any,
    axes: Any,
    edges: Sequence[FloatArray],
    pull: FloatArray,
    spans: Sequence[tuple[float, float]],
    label: str,
) -> None:
    axes.set_facecolor("0.88")
    reach = max(3.0, float(np.nanmax(np.abs(pull), initial=0)))
    shown = np.ma.masked_invalid(pull.T)
    mesh = axes.pcolormesh(*edges, shown, cmap="RdBu_r", vmin=-reach, vmax=reach)
    figure.colorbar(mesh, ax=axes, label=label, pad=0.02)
    axes.add_patch(outline(*spans))
    axes.set_xlim(edges[0][0], edges[0][-1])
    axes.set_ylim(edges[1][0], edges[1][-1])


def _heading(entry: Entry, place: Place, names: tuple[str, str], between: str) -> str:
    window = f"{place.a:,} {as_text(names[0])}, {place.b:,} {as_text(names[1])}"
    return (
        f"{_TESTS[entry.test]} in {as_text(entry.region)}\n"
        f"local p = {entry.p_local:.2g}, adjusted {entry.p_adjusted:.2g};{between}"
        rf"marked window: {window}, $N_\sigma$ = {Formatter.fix_minus(f'{place.z:+.2f}')}"
    )


def _drawn(edges: FloatArray) -> tuple[FloatArray, bool]:
    """Return where bins are drawn, and whether one at an end is drawn narrower than it is."""
    drawn = np.array(edges, dtype=np.float64)
    inner = drawn[1:-1]
    if inner.size and np.all(inner - np.floor(inner) == 0.5):
        # Whole numbers stand in the middle of their bins.
        drawn[0], drawn[-1] = inner[0] - 1, inner[-1] + 1
        return drawn, False
    cut = False
    if drawn.size > 3:
        first, last = _WIDEST * (drawn[2] - drawn[1]), _WIDEST * (drawn[-2] - drawn[-3])
        cut = bool(drawn[1] - drawn[0] > first or drawn[-1] - drawn[-2] > last)
        drawn[0] = max(drawn[0], drawn[1] - first)
        drawn[-1] = min(drawn[-1], drawn[-2] + last)
    return drawn, cut


def _without_unit(name: str, labels: Mapping[str, str]) -> str:
    label = labels.get(name)
    return as_text(name) if label is None else label.rsplit(" [", 1)[0]
