"""Widths, headings, legends that cover nothing, and the window of a blinded folder."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle, StepPatch

from eμsym import Null
from eμsym.blinding import Blinding
from eμsym.errors import ConfigurationError
from eμsym.plots import draw_null
from eμsym.plots.look import Look, collisions
from eμsym.plots.style import one_panel
from tests.plots.drawn_pair import all_figures, observable_of, plane_of, two_samples

HEADING = collisions(13, 20.3)


@pytest.fixture(scope="module")
def pair():
    return two_samples()


def heading_of(figure):
    """Return what is written at the right above a figure, wherever it stands."""
    above = [text.get_text() for axes in figure.axes for text in axes.texts]
    return [text for text in (*above, figure.get_suptitle()) if "TeV" in text or "fb" in text]


@pytest.mark.parametrize("width, inches", [("column", 86 / 25.4), ("page", 178 / 25.4)])
def test_a_printed_figure_has_a_journal_s_width_and_stays_on_it(pair, width, inches):
    for name, figure in all_figures(pair, Look("neutral", width, HEADING)).items():
        figure.draw_without_rendering()
        assert figure.get_size_inches()[0] == pytest.approx(inches, abs=0.01), name
        needed = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer())
        assert needed.x0 > -0.02, name
        assert needed.x1 < inches + 0.02, name
        assert heading_of(figure) == [HEADING], name


def test_what_is_not_known_of_the_collisions_is_not_said(pair):
    assert collisions(None, 0.5) == "0.5 fb$^{-1}$"
    assert heading_of(observable_of(pair, "m_coll")) == []


@pytest.mark.parametrize("given", [{"style": "D0"}, {"width": "poster"}])
def test_a_look_that_is_none(given):
    with pytest.raises(ConfigurationError, match="there are"):
        Look(**given)


@pytest.mark.parametrize("width", ["screen", "column"])
@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("peak", [0, 4, 9])
def test_a_legend_covers_no_data_wherever_they_are(width, scale, peak):
    """A wall of bins reaches into every corner: the axis grows until none is below the legend."""
    heights = np.full(10, 80.0)
    heights[peak] = 100.0
    with one_panel(Look(width=width), (6.4, 4.4)) as (figure, axes):
        axes.fill_between(
            np.arange(11), np.append(heights, 80.0), 2.0, step="post", label="a long name of events"
        )
        axes.set_yscale(scale)
        axes.set_ylim(1.0, 101.0)
        axes.legend()
    figure.draw_without_rendering()
    box = axes.get_legend().get_window_extent()
    frame = axes.bbox
    assert frame.x0 <= box.x0 <= box.x1 <= frame.x1
    assert box.y1 <= frame.y1
    for x, height in enumerate(heights):
        left, right = axes.transData.transform([[x, height], [x + 1, height]])
        assert right[0] < box.x0 or left[0] > box.x1 or left[1] < box.y0


def test_a_legend_beside_low_data_leaves_the_axis_as_it_is():
    figure = draw_null(Null(np.arange(100.0) ** 2), 9e3)
    (axes,) = figure.axes
    tallest = max(patch.get_data().values.max() for patch in axes.patches[:1])
    assert axes.get_ylim()[1] < 1.3 * tallest


def test_a_window_is_hatched_and_named(pair):
    blinding = Blinding({"m_coll": (45, 50)})
    for panel in observable_of(pair, "m_coll", blinding=blinding).axes:
        (window,) = [patch for patch in panel.patches if getattr(patch, "get_hatch", str)()]
        assert (window.get_x(), window.get_width()) == (45, 5)
    legend = observable_of(pair, "m_coll", blinding=blinding).axes[0].get_legend()
    assert "blinded" in [text.get_text() for text in legend.get_texts()]
    for panel in plane_of(pair, blinding=blinding).axes[:3]:
        (window,) = [x for x in panel.patches if isinstance(x, Rectangle) and x.get_hatch()]
        assert (window.get_x(), window.get_width()) == (45, 5)
        assert (window.get_y(), window.get_height()) == (10, 30)
        assert [text.get_text() for text in panel.texts] == ["blinded"]


def test_a_window_of_further_columns_is_blinded_in_part(pair):
    blinding = Blinding({"m_coll": (45, 50), "met": (0, 30)})
    legend = observable_of(pair, "m_coll", blinding=blinding).axes[0].get_legend()
    assert "partly blinded" in [text.get_text() for text in legend.get_texts()]
    other = observable_of(pair, "m_coll", blinding=Blinding({"met": (0, 30)})).axes[0]
    assert all(isinstance(patch, StepPatch) for patch in other.patches)
