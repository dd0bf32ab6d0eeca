"""The map of where two samples differ, in one column and in two."""

from __future__ import annotations

import numpy as np
import pytest

from eμsym.plots import draw_log_odds_map
from eμsym.unbinned.subspace_views import LogOddsMap


def test_one_column_is_drawn_with_its_error():
    log_odds, pull = np.array([0.2, np.nan, -0.4]), np.array([1.0, np.nan, -2.0])
    found = LogOddsMap(("x",), (np.array([0.0, 1.0, 2.0, 4.0]),), log_odds, pull)
    figure = draw_log_odds_map(found, region={"x": (2.0, 4.0)}, labels={"x": "x [GeV]"})
    (axes,) = figure.axes
    middle, above, below = (patch.get_data().values for patch in axes.patches[:3])
    np.testing.assert_allclose(middle, log_odds)
    np.testing.assert_allclose(above, [0.4, np.nan, -0.2])
    np.testing.assert_allclose(below, [0.0, np.nan, -0.6])
    assert axes.get_xlabel() == "x [GeV]"


def test_two_columns_are_drawn_as_pulls_with_the_region_as_a_box():
    pull = np.array([[1.0, -5.0], [np.nan, 2.0], [0.0, 1.0]])
    edges = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 0.5, 1.0])
    found = LogOddsMap(("x", "y"), edges, pull / 10, pull)
    figure = draw_log_odds_map(found, region={"x": (0.0, 1.0), "y": (0.5, 1.0)}, names=("eμ", "μe"))
    axes = figure.axes[0]
    (mesh,) = axes.collections
    assert mesh.get_clim() == (-5.0, 5.0)
    np.testing.assert_array_equal(mesh.get_array().filled(np.nan), pull.T)
    (box,) = axes.lines
    assert (min(box.get_xdata()), max(box.get_xdata())) == (0.0, 1.0)
    assert (min(box.get_ydata()), max(box.get_ydata())) == (0.5, 1.0)
    assert figure.axes[1].get_ylabel() == "smoothed excess of eμ over μe / σ"


@pytest.mark.parametrize(
    "region, ends", [((2.0, 3.0), (1.0, 4.0)), ((0.5, 3.0), (0.5, 4.0)), ((3.0, 50.0), (1.0, 50.0))]
)
def test_an_outermost_cell_is_shown_as_far_as_the_region_reaches(region, ends):
    edges = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 90.0])
    found = LogOddsMap(("m",), (edges,), np.zeros(5), np.ones(5))
    figure = draw_log_odds_map(found, region={"m": region}, labels={"m": r"$m_\mathrm{coll}$"})
    assert figure.axes[0].get_xlim() == ends
    # What the caller says is a formula stays one; a name is shown as it is.
    assert figure.axes[0].get_xlabel() == r"$m_\mathrm{coll}$"
    named = LogOddsMap(("$x",), (edges,), np.zeros(5), np.ones(5))
    assert draw_log_odds_map(named).axes[0].get_xlabel() == r"\$x"
