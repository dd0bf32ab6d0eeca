"""Fig. 2 of the DDP paper: the tests' significances over toys without and with signal."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import norm

from eμsym.papers.ddp_distributions import Z_EDGES, ZDistribution
from eμsym.papers.ddp_study import DdpStudy
from eμsym.papers.figures.ddp_common import COLORS, labels
from eμsym.plots.style import COLOR_BOTH, Style, one_panel

_SHOWN = ("known", "profiled", "nsigma")
#: Bins of the stored distributions that one drawn bin joins.
_JOIN = 2


def draw_ddp_fig2(study: DdpStudy, *, style: Style = "neutral") -> Figure:
    """Draw the significances of q0 (L1, L2) and of Nσ in all bins, and unit Gaussians.

    Parameters
    ----------
    study : DdpStudy
        With toys.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    edges = Z_EDGES[::_JOIN]
    fine = np.linspace(edges[0], edges[-1], 721)
    with one_panel(style, (6.8, 4.8)) as (figure, axes):
        names = labels(study)
        handles = []
        for test in _SHOWN:
            toys, color = study.toys[test], COLORS[test]
            axes.stairs(_density(toys.null), edges, color=color, linestyle="--")
            axes.stairs(_density(toys.signal), edges, color=color, fill=True, alpha=0.25)
            axes.stairs(_density(toys.signal), edges, color=color)
            curve = norm.pdf(fine, toys.signal.expected)
            axes.plot(fine, curve, color=color, linewidth=0.8, linestyle=":")
            text = rf"{names[test]}: $Z_{{avg}}$ = {toys.signal.expected:.2f}"
            handles.append(Line2D([], [], color=color, label=text))
        axes.plot(fine, norm.pdf(fine), color=COLOR_BOTH, linewidth=0.8, linestyle=":")
        handles += [
            Line2D([], [], color=COLOR_BOTH, label="with signal"),
            Line2D([], [], color=COLOR_BOTH, linestyle="--", label="without signal"),
            Line2D([], [], color=COLOR_BOTH, linestyle=":", label="unit Gaussians"),
        ]
        axes.set_xlim(-4.5, max(9.5, study.known + 4.5))
        axes.set_ylim(0, 0.66)
        axes.set_xlabel(r"significance $Z$ [$\sigma$]")
        axes.set_ylabel(r"probability density [1/$\sigma$]")
        axes.legend(handles=handles, loc="upper right", ncols=1)
    return figure


def _density(distribution: ZDistribution) -> np.ndarray:
    counts = distribution.counts.reshape(-1, _JOIN).sum(axis=1)
    return np.asarray(counts / distribution.n / (_JOIN * (Z_EDGES[1] - Z_EDGES[0])))
