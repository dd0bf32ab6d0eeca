"""Fig. 3 of the DDP paper: the significance of Nσ by the size of the window."""

from __future__ import annotations

from matplotlib.figure import Figure

from eμsym.papers.ddp_study import DdpStudy
from eμsym.papers.figures.ddp_common import COLORS, draw_bands
from eμsym.plots.style import COLOR_BOTH, Style, one_panel


def draw_ddp_fig3(study: DdpStudy, flat: DdpStudy, *, style: Style = "neutral") -> Figure:
    """Draw Nσ of the Asimov data in square windows about the signal, by their edge.

    Parameters
    ----------
    study : DdpStudy
        The Higgs LFV example; its q0 are drawn as lines.
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
        lines = [
            axes.axhline(study.known, color=COLORS["known"], label=r"$q_0^{L1}$"),
            axes.axhline(study.profiled, color=COLORS["profiled"], label=r"$q_0^{L2}$"),
        ]
        for result, label, color, marker in (
            (flat, r"$N_\sigma$, flat $T$ and $S$", COLOR_BOTH, "s"),
            (study, r"$N_\sigma$, Higgs LFV", COLORS["nsigma"], "o"),
        ):
            edge = [window.shape[0] for window in result.windows]
            z = [window.z for window in result.windows]
            lines += axes.plot(edge, z, marker=marker, markersize=4, color=color, label=label)
        best = study.best
        axes.annotate(
            rf"{best.shape[0]}$\times${best.shape[1]}: {best.z:.2f}",
            (best.shape[0], best.z),
            (0, -16),
            textcoords="offset points",
            ha="center",
            va="top",
            color=COLORS["nsigma"],
        )
        axes.set_xlim(0, max(window.shape[0] for window in study.windows) + 0.8)
        axes.set_ylim(0, 1.2 * max(study.known, 3.0))
        axes.set_xlabel("window edge [bins]")
        axes.set_ylabel(r"significance of the Asimov data [$\sigma$]")
        axes.legend(handles=[*lines, *bands], ncols=3, loc="upper right")
    return figure
