"""Fig. 5 of the DDP paper: the tests' significances by the injected one."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from eμsym.papers.ddp_study import DdpStudy
from eμsym.papers.figures.ddp_common import COLORS, draw_bands
from eμsym.plots.style import COLOR_BOTH, Style, one_panel


def draw_ddp_fig5(study: DdpStudy, flat: DdpStudy, *, style: Style = "neutral") -> Figure:
    """Draw the Asimov significances for increasing injected signals.

    Parameters
    ----------
    study : DdpStudy
        The Higgs LFV example.
    flat : DdpStudy
        Flat T and rectangular S.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with one_panel(style, (6.8, 4.8)) as (figure, axes):
        bands = draw_bands(axes)
        curve = study.curve
        x = curve.z_injected
        window = rf"{study.best.shape[0]}$\times${study.best.shape[1]}"
        flat_window = rf"{flat.best.shape[0]}$\times${flat.best.shape[1]}"
        lines = []
        for y, label, color, line in (
            (curve.known, r"$q_0^{L1}$", COLORS["known"], "-"),
            (curve.profiled, r"$q_0^{L2}$", COLORS["profiled"], "-"),
            (flat.curve.nsigma, rf"$N_\sigma$ {flat_window}, flat", COLOR_BOTH, "--"),
            (curve.nsigma, rf"$N_\sigma$ {window}, Higgs LFV", COLORS["nsigma"], "-"),
        ):
            lines += axes.plot(x, y, color=color, linestyle=line, label=label)
        crossing = study.nsigma_two_sigma
        if not math.isnan(crossing):
            axes.plot([crossing, crossing], [0, 2], color=COLORS["nsigma"], linewidth=0.8)
            axes.annotate(
                f"{crossing:.2f}",
                (crossing, 0),
                (4, 5),
                textcoords="offset points",
                color=COLORS["nsigma"],
            )
        axes.set_xlim(0, float(x[-1]))
        axes.set_ylim(0, float(x[-1]))
        axes.set_xlabel(r"injected significance $Z_{inj}$ of $q_0^{L1}$ [$\sigma$]")
        axes.set_ylabel(r"significance of the Asimov data [$\sigma$]")
        axes.legend(handles=[*lines, *bands], loc="upper left")
    return figure
