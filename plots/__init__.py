"""Figures: a result in, a matplotlib Figure out."""

from eμsym.plots.cutflow import draw_cutflow
from eμsym.plots.observable import draw_observable
from eμsym.plots.plane import draw_plane
from eμsym.plots.q0_profile import draw_profile
from eμsym.plots.style import STYLES, Style, save_figure

__all__ = [
    "STYLES",
    "Style",
    "draw_cutflow",
    "draw_observable",
    "draw_plane",
    "draw_profile",
    "save_figure",
]
