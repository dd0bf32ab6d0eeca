"""How many events each cut leaves, dataset by dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from eμsym.errors import DataError
from eμsym.label_rule import LEADING
from eμsym.plots.style import Style, as_text, one_panel

_NAMES = {
    "all": "all",
    "golden_json": "certified",
    "trigger": "trigger",
    "electron_and_muon": "$\\geq$1 e,\n$\\geq$1 μ",
    "pt": r"$p_\mathrm{T}$",
    "eta": r"$|\eta|$",
    "identification": "identified",
    "isolation": "isolation",
    "exactly_one_each": "one e,\none μ",
    "opposite_charge": "opposite\ncharge",
    "not_blinded": "not\nblinded",
    **dict(zip(LEADING.orders, LEADING.names, strict=True)),
}


#: No axis shows sums of weights beyond this, NaN or infinity.
_LARGEST = 1e100


def draw_cutflow(
    cutflow: Mapping[str, Mapping[str, Mapping[str, float]]],
    scale: Mapping[str, float] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    style: Style = "neutral",
) -> Figure:
    """Draw the weighted number of events after every cut, stacked by dataset.

    Parameters
    ----------
    cutflow : mapping
        dataset → cut → ``sumw``, as `EMuProcessor` gives it.
    scale : mapping of str to float, optional
        What every dataset's weights are multiplied by; default 1.
    labels : mapping of str to str, optional
        What to call a dataset. Default: its name.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    DataError
        If there is no dataset, no cut, or a sum that no axis can show.
    """
    if not cutflow or not all(cutflow.values()):
        raise DataError("the cutflow has no dataset, or one of no cut: there is nothing to draw")
    steps = list(next(iter(cutflow.values())))
    totals = {
        name: np.array([flow[step]["sumw"] for step in steps]) * (scale or {}).get(name, 1.0)
        for name, flow in cutflow.items()
    }
    if not all(np.all(np.abs(total) < _LARGEST) for total in totals.values()):
        raise DataError("the cutflow holds numbers that no axis can show: there is nothing to draw")
    # The largest dataset is drawn at the bottom, as the legend lists them from the top.
    order = sorted(totals, key=lambda name: totals[name][-3])
    with one_panel(style, (8.4, 4.6)) as (figure, axes):
        positions = np.arange(len(steps))
        bottom = np.zeros(len(steps))
        colors, entries = _colors(len(order)), []
        for name, color in zip(order[::-1], colors, strict=True):
            label = as_text((labels or {}).get(name, name))
            bars = axes.bar(positions, totals[name], 0.8, bottom=bottom, color=color, label=label)
            entries.append((bars, label))
            bottom = bottom + totals[name]
        for x, y in zip(positions, bottom, strict=True):
            axes.text(float(x), y, f"{y:,.0f}", ha="center", va="bottom", fontsize="small")
        axes.set_xticks(positions, [_NAMES.get(step, step) for step in steps])
        axes.tick_params(axis="x", which="both", length=0)
        axes.minorticks_off()
        axes.axvline(len(steps) - 2.5, color="0.6", linewidth=0.8, linestyle="--")
        axes.set_ylabel("events")
        axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlim(-0.6, len(steps) - 0.4)
        low, high = min(float(bottom.min()), 0.0), max(float(bottom.max()), 0.0)
        axes.set_ylim(1.12 * low, 1.12 * (high if low else max(high, 1.0)))
        axes.set_xlabel("cuts, each with all before it; last two: the samples by leading lepton")
        _legend(axes, entries)
    return figure


def _legend(axes: Any, entries: list[tuple[Any, str]]) -> None:
    """Draw a legend that leaves out no dataset, even one whose name begins with "_" or is empty."""
    legend = axes.legend([bars for bars, _ in entries], ["x"] * len(entries), ncols=2)
    for text, (_, name) in zip(legend.get_texts(), entries, strict=True):
        text.set_text(name)


def _colors(n: int) -> list[Any]:
    """Return n colours that neighbours can be told apart by."""
    palette = matplotlib.colormaps["tab20"]
    return [palette((2 * i + i // 10) % 20) for i in range(n)]
