"""Figures: a result in, a matplotlib Figure out."""

import eμsym.plots.backend  # noqa: F401 (first: matplotlib may need help to be imported)
from eμsym.plots.cutflow import draw_cutflow
from eμsym.plots.equalisation import draw_equalisation
from eμsym.plots.likelihood_ratio import draw_likelihood_ratio
from eμsym.plots.limits import (
    draw_cls,
    draw_contour,
    draw_impacts,
    draw_limits,
    draw_limits_against_luminosity,
)
from eμsym.plots.log_odds_map import draw_log_odds_map
from eμsym.plots.null import draw_null
from eμsym.plots.observable import draw_observable
from eμsym.plots.plane import draw_plane
from eμsym.plots.q0_profile import draw_profile
from eμsym.plots.scan_figures import draw_scan_entry, draw_scan_expected, draw_scan_map
from eμsym.plots.style import STYLES, Style, save_figure

__all__ = [
    "STYLES",
    "Style",
    "draw_cls",
    "draw_contour",
    "draw_cutflow",
    "draw_equalisation",
    "draw_impacts",
    "draw_likelihood_ratio",
    "draw_limits",
    "draw_limits_against_luminosity",
    "draw_log_odds_map",
    "draw_null",
    "draw_observable",
    "draw_plane",
    "draw_profile",
    "draw_scan_entry",
    "draw_scan_expected",
    "draw_scan_map",
    "save_figure",
]
