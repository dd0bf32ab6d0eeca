"""What the figures of the DDP paper share: names and colours of the tests, and the bands."""

from __future__ import annotations

from typing import Any

from eμsym.papers.ddp_study import DdpStudy

#: Colour-blind safe (Okabe and Ito), by test.
COLORS = {
    "known": "#0072B2",
    "profiled": "#D55E00",
    "nsigma": "#009E73",
    "nsigma_window": "#CC79A7",
}
#: What "no signal" scatters by: one and two standard deviations.
_BANDS = ((2, "#FFF2B2", r"$\pm 2\sigma$"), (1, "#C5E8C5", r"$\pm 1\sigma$"))


def labels(study: DdpStudy) -> dict[str, str]:
    """Return the tests' names in a legend, by test (see `eμsym.papers.ddp_study.TESTS`)."""
    return {
        "known": r"$q_0^{L1}$ (background known)",
        "profiled": r"$q_0^{L2}$ (background profiled)",
        "nsigma": nsigma_label(study.template["bins"]),
        "nsigma_window": nsigma_label(study.best.shape),
    }


def nsigma_label(bins: Any) -> str:
    """Return Nσ with the number of bins that it looks at."""
    return rf"$N_\sigma$, {bins[0]}$\times${bins[1]} bins"


def draw_bands(axes: Any) -> list[Any]:
    """Shade one and two standard deviations about no asymmetry; return what a legend needs."""
    return [
        axes.axhspan(-level, level, color=color, label=label, linewidth=0, zorder=0)
        for level, color, label in _BANDS
    ][::-1]
