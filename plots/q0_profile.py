"""The profile likelihood of the signal strength."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter

from eμsym.binned.q0_minuit import ProfileFit
from eμsym.plots.style import COLOR_A, COLOR_BOTH, Style, as_text, one_panel


def draw_profile(fit: ProfileFit, label: str = "signal", *, style: Style = "neutral") -> Figure:
    """Draw −2 ln λ(μ) with the best value, the MINOS interval and q0.

    Parameters
    ----------
    fit : ProfileFit
        With a scan.
    label : str
        What the signal is called.
    style : str
        See `eμsym.plots.style.styled`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with one_panel(style, (6.4, 4.4)) as (figure, axes):
        shown = np.isfinite(fit.scan)
        axes.plot(fit.scan_mu[shown], fit.scan[shown], color=COLOR_A)
        for sigmas in (1, 2, 3):
            axes.axhline(sigmas**2, color=COLOR_BOTH, linewidth=0.6, linestyle=":")
            axes.annotate(
                f"{sigmas}σ",
                (1, sigmas**2),
                (-3, 1),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                fontsize="x-small",
                annotation_clip=True,
            )
        low, high = fit.interval
        if np.isfinite(low) and np.isfinite(high):
            axes.axvspan(low, high, color=COLOR_A, alpha=0.15, linewidth=0)
        axes.axvline(fit.mu, color=COLOR_A, linewidth=0.8, linestyle="--")
        if shown.any() and fit.scan_mu[shown].min() <= 0 <= fit.scan_mu[shown].max():
            axes.plot(
                0,
                abs(fit.q0),
                "o",
                markersize=5,
                color=COLOR_BOTH,
                label=rf"$|q_0|$ = {abs(fit.q0):.2f}",
            )
            axes.legend()
        # The line of 3σ, where the curve comes near it, is below the frame and its name too.
        top = axes.get_ylim()[1]
        axes.set_ylim(0, max(top, 10.0) if top > 8 else top)
        axes.set_xlabel("signal strength μ [events]")
        axes.set_ylabel(r"$-2\,\ln\lambda(\mu)$")
        z = Formatter.fix_minus(f"{fit.z:+.2f}")
        axes.set_title(f"{as_text(label)}: {_strength(fit)}, √$q_0$ = {z}")
    return figure


def _strength(fit: ProfileFit) -> str:
    """Return μ̂ with its error; on a kink or a boundary, which have none, with its interval."""
    if np.isfinite(fit.mu_error):
        return Formatter.fix_minus(rf"μ = {fit.mu:.1f} $\pm$ {fit.mu_error:.1f}")
    low, high = (f"{end:.1f}" if np.isfinite(end) else "?" for end in fit.interval)
    return Formatter.fix_minus(f"μ = {fit.mu:.1f}, {low} to {high}")
