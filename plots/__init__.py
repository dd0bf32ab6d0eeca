"""Figures: a result in, a matplotlib Figure out."""

from eμsym.plots.cutflow import draw_cutflow
from eμsym.plots.ddp_fig1 import draw_ddp_fig1
from eμsym.plots.ddp_fig2 import draw_ddp_fig2
from eμsym.plots.ddp_fig3 import draw_ddp_fig3
from eμsym.plots.ddp_fig4 import draw_ddp_fig4
from eμsym.plots.ddp_fig5 import draw_ddp_fig5
from eμsym.plots.equalisation import draw_equalisation
from eμsym.plots.likelihood_ratio import draw_likelihood_ratio
from eμsym.plots.null import draw_null
from eμsym.plots.observable import draw_observable
from eμsym.plots.plane import draw_plane
from eμsym.plots.q0_profile import draw_profile
from eμsym.plots.style import STYLES, Style, save_figure

__all__ = [
    "STYLES",
    "Style",
    "draw_cutflow",
    "draw_ddp_fig1",
    "draw_ddp_fig2",
    "draw_ddp_fig3",
    "draw_ddp_fig4",
    "draw_ddp_fig5",
    "draw_equalisation",
    "draw_likelihood_ratio",
    "draw_null",
    "draw_observable",
    "draw_plane",
    "draw_profile",
    "save_figure",
]
