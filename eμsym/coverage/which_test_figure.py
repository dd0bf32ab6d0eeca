"""The figure of `eμsym.coverage.which_test`: which test finds which signal, in one picture."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from eμsym.coverage.which_test_table import found_share
from eμsym.plots.style import StyledFigure, styled


def draw_which_test(data: Mapping[str, Any]) -> Figure:
    """Draw in how many percent of the toys each test has p ≤ 0.05, and what an answer takes.

    Parameters
    ----------
    data : mapping
        As `eμsym.coverage.which_test.compute` returns.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = [row for row in data["rows"] if row["signal"] != "none"]
    names = list(rows[0]["ranks"])
    shares = 100 * np.array([[found_share(row, name, data["n"]) for name in names] for row in rows])
    with styled("neutral"):
        figure = StyledFigure("neutral", figsize=(1.15 * len(names) + 3.4, 0.33 * len(rows) + 2.2))
        axes = figure.subplots()
        mesh = axes.pcolormesh(shares, cmap="viridis", vmin=0, vmax=100, edgecolors="white")
        for (i, j), share in np.ndenumerate(shares):
            axes.text(
                j + 0.5,
                i + 0.5,
                f"{share:.0f}",
                ha="center",
                va="center",
                fontsize="small",
                color="black" if share > 55 else "white",
            )
        for i, (row, after) in enumerate(pairwise(rows)):
            if row["columns"] != after["columns"]:
                axes.axhline(i + 1, color="white", linewidth=4)
        # Where the most columns are, each test costs the most.
        most = max(data["seconds"], key=int)
        labels = [f"{name}\n{data['seconds'][most][name]:.2g} s" for name in names]
        axes.set_xticks(np.arange(len(names)) + 0.5, labels, fontsize="small")
        kinds = [f"{row['signal']}, {row['columns']} d" for row in rows]
        axes.set_yticks(np.arange(len(rows)) + 0.5, kinds, fontsize="small")
        axes.tick_params(which="both", length=0)
        axes.invert_yaxis()
        axes.set_xlabel(f"seconds of one core, {most} columns, {data['n']} relabellings")
        figure.colorbar(mesh, ax=axes, label=r"toys with $p \leq 0.05$ [%]")
        figure.tight_layout()
    return figure
