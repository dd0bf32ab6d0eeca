"""The stored toys of the detector study, drawn: what fires, against the 5 % that it should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from eμsym.coverage.detector_table import cells, interval
from eμsym.coverage.tally import Tally
from eμsym.plots.style import COLOR_BOTH, StyledFigure, styled

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_MARKERS = ("o", "s", "^", "D")


def draw_detector(data: Mapping[str, Any]) -> Figure:
    """Draw the share of p ≤ 0.05 of every printed p-value, by number of events and kind of r.

    Bars are one standard deviation, at 5 %; the band is what 99 % of such tables stay
    within in all their cells, if every p-value holds.

    Parameters
    ----------
    data : mapping
        As `eμsym.coverage.detector.compute` returns.

    Returns
    -------
    matplotlib.figure.Figure
    """
    every = cells(data)
    names = list(dict.fromkeys(name for _, _, name in every))
    rows = [row for row in data["rows"] if row["pvalues"]]
    sizes = list(dict.fromkeys(row["n_events"] for row in rows))
    ratios = list(dict.fromkeys(row["ratio"] for row in rows))
    with styled("neutral"):
        figure = StyledFigure("neutral", figsize=(9.5, 2.1 * len(sizes) + 1.2))
        panels = np.atleast_1d(figure.subplots(len(sizes), sharex=True))
        for panel, size in zip(panels, sizes, strict=True):
            own = [row for row in rows if row["n_events"] == size]
            for k, row in enumerate(own):
                tally = Tally.from_dict(row)
                style = ratios.index(row["ratio"])
                there = [i for i, name in enumerate(names) if name in tally.pvalues]
                share = np.array([tally.below(names[i]) for i in there])
                panel.errorbar(
                    np.array(there) + (k - (len(own) - 1) / 2) * 0.16,
                    100 * share[:, 0],
                    100 * share[:, 1],
                    fmt=_MARKERS[style % 4],
                    markersize=4,
                    linewidth=1,
                    color=_COLORS[style % 4],
                    label=row["ratio"],
                )
            for i, name in enumerate(names):
                counted = [Tally.from_dict(row) for row in own if name in row["pvalues"]]
                if not counted:
                    continue
                n = min(counted, key=lambda tally: tally.counted(name))
                low, high = _band(n.counted(name), len(every))
                panel.fill_between(
                    [i - 0.45, i + 0.45], low, high, color=COLOR_BOTH, alpha=0.12, linewidth=0
                )
            panel.axhline(5, color=COLOR_BOTH, linewidth=0.8)
            panel.set_ylim(0, max(14.0, panel.get_ylim()[1]))
            panel.set_ylabel(r"$p \leq 0.05$ [%]")
            panel.set_title(f"{size:,} events", loc="right", fontsize="medium", pad=3)
            panel.tick_params(axis="x", which="minor", bottom=False, top=False)
        panels[0].legend(ncol=4, loc="upper left", fontsize="small")
        panels[-1].set_xticks(
            range(len(names)),
            [name.replace(" | ", "\n| ") for name in names],
            rotation=30,
            ha="right",
        )
        panels[-1].set_xlim(-0.6, len(names) - 0.4)
        figure.tight_layout()
    return figure


def _band(n: int, n_cells: int) -> tuple[float, float]:
    """Return the percents between which a share of 5 % of n is not excluded."""
    found = []
    for count in range(n + 1):
        tally = Tally(n, {"p": [count, n - count]})
        low, high = interval(tally, "p", n_cells)
        if low <= 0.05 <= high:
            found.append(count)
        elif found:
            break
    return 100 * min(found) / n, 100 * max(found) / n
