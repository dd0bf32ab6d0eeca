"""How many events each cut leaves, dataset by dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from eμsym.errors import DataError
from eμsym.label_rule import LEADING
from eμsym.plots.look import Look
from eμsym.plots.style import COLOR_MARK, Style, as_text, one_panel

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
#: Of a column of the legend.
_ROWS = 18


def draw_cutflow(
    cutflow: Mapping[str, Mapping[str, Mapping[str, float]]],
    scale: Mapping[str, float] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    style: Style = "neutral",
) -> Figure:
    """Draw the weighted number of events after every cut, of each dataset and of all together.

    On a logarithmic axis, on which a sum that is not positive is a gap; its number is written.

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
    # The legend lists the largest dataset first.
    order = sorted(totals, key=lambda name: -totals[name][-3])
    column = Look.of(style).width == "column"
    with one_panel(style, (8.4, 7.6) if column else (8.4, 4.6)) as (figure, axes):
        edges = np.arange(len(steps) + 1) - 0.5
        total = np.sum([totals[name] for name in order], axis=0)
        entries = []
        for name, color in zip(order, _colors(len(order)), strict=True):
            label = as_text((labels or {}).get(name, name))
            entries.append((_steps(axes, totals[name], edges, color=color), label))
        if len(order) > 1:
            line = _steps(axes, total, edges, color=COLOR_MARK, linewidth=1.0, linestyle="--")
            entries.append((line, "sum"))
        positive = np.concatenate([each[each > 0] for each in totals.values()])
        low, high = (positive.min(), max(positive.max(), *total)) if positive.size else (1.0, 1.0)
        axes.set_yscale("log")
        axes.set_ylim(0.5 * low, (100.0 if column else 3.0) * high)
        for x, y in enumerate(total):
            axes.annotate(
                f"{y:,.0f}",
                (float(x), y if y > 0 else 0.5 * low),
                (0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize="small",
                rotation=90 if column else 0,
            )
        turned: dict[str, Any] = {"rotation": 60, "ha": "right"} if column else {}
        axes.set_xticks(range(len(steps)), [_NAMES.get(step, step) for step in steps], **turned)
        axes.tick_params(axis="x", which="both", length=0)
        axes.axvline(len(steps) - 2.5, color="0.6", linewidth=0.8, linestyle="--")
        axes.set_ylabel("events")
        axes.set_xlim(-0.6, len(steps) - 0.4)
        axes.set_xlabel(
            "cuts, each with all before it; last two:\nthe samples by leading lepton"
            if column
            else "cuts, each with all before it; last two: the samples by leading lepton"
        )
        _legend(figure, entries, below=column)
    return figure


def _steps(axes: Any, sums: Any, edges: Any, **look: Any) -> Any:
    """Draw a level for each cut, and none where there is nothing positive."""
    return axes.stairs(np.where(sums > 0, sums, np.nan), edges, baseline=None, **look)


def _legend(figure: Figure, entries: list[tuple[Any, str]], *, below: bool) -> None:
    """Draw a legend that leaves out no dataset, even one whose name begins with "_" or is empty."""
    where: dict[str, Any] = {"loc": "outside right upper", "ncols": 1 + len(entries) // _ROWS}
    if below:
        where = {"loc": "outside lower center", "ncols": 3}
    legend = figure.legend([each for each, _ in entries], ["x"] * len(entries), **where)
    for text, (_, name) in zip(legend.get_texts(), entries, strict=True):
        text.set_text(name)


def _colors(n: int) -> list[Any]:
    """Return n colours that neighbours can be told apart by."""
    palette = matplotlib.colormaps["tab20"]
    return [palette((2 * i + i // 10) % 20) for i in range(n)]
