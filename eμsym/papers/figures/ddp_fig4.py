"""Fig. 4 of the DDP paper: ROC curves of the tests."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from eμsym.papers.ddp_study import TESTS, DdpStudy
from eμsym.papers.figures.ddp_common import COLORS, labels
from eμsym.plots.style import COLOR_BOTH, Style, one_panel


def draw_ddp_fig4(study: DdpStudy, *, style: Style = "neutral") -> Figure:
    """Draw the ROC curves of q0 (L1, L2) and of Nσ in all bins and in the best window.

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
    with one_panel(style, (5.6, 5.2)) as (figure, axes):
        names = labels(study)
        for test in (*TESTS[:2], "nsigma_window", "nsigma"):
            toys = study.toys[test]
            axes.plot(
                np.append(0.0, toys.false_positive),
                np.append(0.0, toys.true_positive),
                color=COLORS[test],
                label=f"{names[test]}: AUC {toys.auc:.3f}",
            )
        axes.plot([0, 1], [0, 1], color=COLOR_BOTH, linewidth=0.8, linestyle=":")
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_aspect("equal")
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("true positive rate")
        axes.legend(loc="lower right")
    return figure
