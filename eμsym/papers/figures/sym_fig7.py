"""Fig. 7 of the SYM paper: percentiles of t by the number of epochs."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike
from scipy.stats import chi2

from eμsym.arrays import FloatArray
from eμsym.papers.sym_statistics import quantile
from eμsym.plots.style import COLOR_BOTH, Style, one_panel

#: From the lowest to the highest.
LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)
COLORS = ("#56B4E9", "#0072B2", "#009E73", "#E69F00", "#D55E00")


def draw_sym_fig7(
    epochs: ArrayLike, t: FloatArray, *, dof: int = 12, what: str = "", style: Style = "neutral"
) -> Figure:
    """Draw percentiles of t over the epochs with bands of one σ, and χ²'s dashed.

    Parameters
    ----------
    epochs : array_like, shape (k,)
    t : ndarray of float, shape (n, k)
        Of n toys at each of the epochs.
    dof : int
    what : str
        Which toys, for the legend.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    x = np.asarray(epochs, dtype=np.float64) / 1e6
    with one_panel(style, (6.8, 4.8)) as (figure, axes):
        handles = []
        for level, color in zip(LEVELS, COLORS, strict=True):
            found = [quantile(column, level) for column in t.T]
            axes.plot(x, [each.value for each in found], color=color)
            low = [each.low if np.isfinite(each.low) else each.value for each in found]
            high = [each.high if np.isfinite(each.high) else each.value for each in found]
            axes.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)
            axes.axhline(chi2.ppf(level, dof), color=color, linestyle="--", linewidth=1)
            handles.append(Line2D([], [], color=color, label=f"{100 * level:g} %"))
        handles = [
            *handles[::-1],
            Line2D([], [], color=COLOR_BOTH, linestyle="--", label=rf"$\chi^2_{{{dof}}}$"),
        ]
        axes.set_xlim(0, float(x[-1]))
        axes.set_ylim(0, 1.35 * float(np.max(np.quantile(t, LEVELS[-1], axis=0))))
        axes.set_xlabel(r"epochs [$10^6$]")
        axes.set_ylabel("percentiles of t without signal")
        axes.legend(handles=handles, ncols=3, loc="upper right", title=what)
    return figure
