"""Figures in the styles of experiments: nothing above them meets, and every line is seen."""

from __future__ import annotations

from itertools import combinations

import hist
import matplotlib.pyplot as plt
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from eμsym import Pair, Sample, profile_fit
from eμsym.limits.upper_limit import UpperLimit
from eμsym.plots import STYLES, draw_limits, draw_profile
from eμsym.plots.look import Look, collisions
from tests.plots.drawn_pair import all_figures, plane_of, two_samples

HEADING = collisions(13, 20.3)
EXPERIMENTS = [style for style in STYLES if style != "neutral"]
FIT = profile_fit(
    [1, 3, 5, 7, 4], [0, 4, 2, 9, 3], [0.1, 0.2, 0.3, 0.3, 0.1], background="profiled"
)


@pytest.fixture(scope="module")
def pair():
    return two_samples()


def above(figure) -> dict[str, object]:
    """Return the boxes of the texts that end above the highest panel, by what they say."""
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    top = max(axes.bbox.y1 for axes in figure.axes)
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    with figure.settings():  # else formulas are measured in fonts that they are not drawn in
        boxes = {text.get_text(): text.get_window_extent(renderer) for text in texts}
    return {name: box for name, box in boxes.items() if box.y1 > top + 1 and name.strip()}


@pytest.mark.parametrize("width", ["column", "page"])
@pytest.mark.parametrize("style", EXPERIMENTS)
def test_the_label_the_heading_and_titles_do_not_meet(pair, style, width):
    look = Look(style, width, HEADING)
    figures = all_figures(pair, look) | {"profile": draw_profile(FIT, "H → τe", style=look)}
    for name, figure in figures.items():
        texts = above(figure)
        assert {style, "Delphes simulation", HEADING} <= set(texts), name
        for (one, a), (other, b) in combinations(texts.items(), 2):
            apart = a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 2 or b.y1 <= a.y0 + 2
            assert apart, f"{name}: {one!r} meets {other!r}"
    plt.close("all")


@pytest.mark.parametrize("style", STYLES)
def test_drawing_a_profile_complains_of_no_letter(style, caplog):
    draw_profile(FIT, "signal", style=style).draw_without_rendering()
    assert caplog.messages == []


@pytest.mark.parametrize("style", STYLES)
def test_an_observed_limit_is_not_on_the_frame(style):
    limit = UpperLimit(306.0, (60.0, 85.0, 120.0, 165.0, 222.0), 207.0)
    (axes,) = draw_limits({"H → τe": limit}, style=style).axes
    assert axes.get_xlim()[0] == 0
    assert axes.get_xlim()[1] > 310


def test_a_plane_of_few_events_has_whole_decades_to_read_it_by():
    mass = hist.axis.Regular(4, 0, 40, name="m")
    few = hist.Hist(mass, hist.axis.Regular(4, 0, 40, name="pt"), storage=hist.storage.Weight())
    few.fill([5.0, 15.0, 15.0], [5.0, 15.0, 15.0])
    sample = Sample(histograms={"plane": few})
    mesh = plane_of(Pair.from_samples(sample, sample), "plane").axes[0].collections[0]
    assert (mesh.norm.vmin, mesh.norm.vmax) == (1.0, 10.0)
