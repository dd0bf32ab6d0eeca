"""Fig. 6 of the DDP paper: the classifier's largest score by the injected signal."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from eμsym.papers.ddp_classifier import ClassifierStudy, mean_and_deviation
from eμsym.plots.style import COLOR_A, COLOR_BOTH, Style, one_panel


def draw_ddp_fig6(study: ClassifierStudy, *, style: Style = "neutral") -> Figure:
    """Draw the largest scores with and without asymmetry, with bands of their bootstraps.

    Parameters
    ----------
    study : ClassifierStudy
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    x = np.array([100 * point.fraction for point in study.points])
    ideal = np.array([point.ideal_z for point in study.points])
    spread = [mean_and_deviation(point.scores) for point in study.points]
    centre, deviation = (np.array(values) for values in zip(*spread, strict=True))
    mean, sigma = study.band
    with one_panel(style, (6.8, 4.9)) as (figure, axes):
        for times, color in ((2, "#FFF2B2"), (1, "#C5E8C5")):
            label = rf"no asymmetry, $\pm {times if times > 1 else ''}\sigma$"
            axes.axhspan(
                mean - times * sigma, mean + times * sigma, color=color, linewidth=0, label=label
            )
        axes.axhline(mean, color=COLOR_BOTH, linewidth=0.8)
        for times, alpha in ((2, 0.15), (1, 0.25)):
            low, high = centre - times * deviation, centre + times * deviation
            axes.fill_between(x, low, high, color=COLOR_A, alpha=alpha, linewidth=0)
        axes.plot(x, centre, "o-", color=COLOR_A, markersize=4, label="signal in the μe sample")
        axes.set_xlim(0, float(x[-1]))
        low = min(mean - 2 * sigma, float(np.min(centre - 2 * deviation)))
        high = max(mean + 2 * sigma, float(np.max(centre + 2 * deviation)))
        axes.set_ylim(low - 0.02, high + 0.25 * (high - low))
        axes.set_xlabel("injected signal over background [%]")
        axes.set_ylabel("largest score of the classifier")

        def to_ideal(percent: Any) -> Any:
            return np.interp(np.asarray(percent, dtype=np.float64), x, ideal)

        def to_percent(z: Any) -> Any:
            return np.interp(np.asarray(z, dtype=np.float64), ideal, x)

        above = axes.secondary_xaxis("top", functions=(to_ideal, to_percent))
        above.set_xlabel(r"ideal significance, $q_0^{L1}$ [$\sigma$]")
        axes.tick_params(axis="x", which="both", top=False)
        n = study.symmetric.size
        title = f"{n} bootstraps and toys; {study.n_background:,.0f} background events a sample"
        axes.legend(loc="upper left", title=title, fontsize=9, title_fontsize=9)
    return figure
