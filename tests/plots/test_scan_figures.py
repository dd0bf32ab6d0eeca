"""The figures of a scan: what is drawn is what was found, named, with units."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from eμsym import scan
from eμsym.plots import STYLES, draw_scan_entry, draw_scan_expected, draw_scan_map
from eμsym.plots.look import WIDTHS, Look
from eμsym.plots.style import COLOR_A, COLOR_B
from eμsym.scanning.places import Place
from eμsym.scanning.result import Entry, Expected
from tests.scanning.scanned import REGIONS, fair_pair

LABELS = {"met": r"$E_\mathrm{T}^\mathrm{miss}$ [GeV]", "n_jets": "number of jets"}

EXPECTED = Expected(
    10.0 ** -np.array([0.0, 1.0, 2.0, 3.0]),
    np.array([200.0, 30.0, 6.0, 1.0]),
    np.array([[200, 9, 0, 0], [200, 15, 1, 0], [200, 20, 2, 0], [200, 25, 4, 0], [200, 31, 6, 1]]),
)  # fmt: skip

ONE = Entry("met high", ("met",), "window", 9.61, 0.002, 0.4)
ONE_PLACE = Place(
    edges=(np.array([0.0, 10.0, 20.0, 35.0, 500.0]),),
    pull=np.array([-1.0, 2.5, 1.5, np.nan]),
    window=((10.0, 35.0),),
    start=(1,),
    stop=(3,),
    z=2.83,
    a=1040,
    b=1200,
)
TWO = Entry("all", ("met", "n_jets"), "chi2", 40.0, 1e-7, 0.01)
TWO_PLACE = Place(
    edges=(np.array([0.0, 10.0, 20.0, 40.0]), np.array([0.0, 0.5, 1.5, 2.0])),
    pull=np.array([[1.0, -2.0, 0.5], [4.0, 0.0, np.nan], [0.2, 0.1, -0.3]]),
    window=((10.0, 20.0), (None, 0.5)),
    start=(1, 0),
    stop=(2, 1),
    z=4.0,
    a=10,
    b=42,
)


def drawn(figure):
    """Lay a figure out and render it: texts that find no room warn."""
    figure.draw_without_rendering()
    plt.close("all")
    return figure


def mesh_of(axes):
    (mesh,) = [child for child in axes.collections if isinstance(child, QuadMesh)]
    return np.ma.filled(np.ma.asarray(mesh.get_array(), dtype=float), np.nan)


# ---------------------------------------------------------------- expected


def test_the_observed_and_the_median_counts_are_drawn_against_the_local_p_value():
    (axes,) = drawn(draw_scan_expected(EXPECTED)).axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert set(lines) == {"labels alone, median", "observed"}
    assert lines["observed"].get_xdata().tolist() == [0, 1, 2, 3]
    assert lines["observed"].get_ydata().tolist() == [200, 30, 6, 1]
    assert lines["labels alone, median"].get_ydata().tolist()[:3] == [200, 20, 2]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["95 %", "68 %", "labels alone, median", "observed"]
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() == r"$-\log_{10}$ of the local p-value"


def test_the_bands_are_those_of_the_relabellings():
    (axes,) = draw_scan_expected(EXPECTED).axes
    for band, row in zip(axes.collections, ((0, 4), (1, 3)), strict=True):
        corners = band.get_paths()[0].vertices
        at = corners[np.isclose(corners[:, 0], 1.0), 1]
        assert sorted(set(at)) == [EXPECTED.quantiles[row[0]][1], EXPECTED.quantiles[row[1]][1]]


def test_no_count_is_above_or_left_of_the_panel():
    (axes,) = draw_scan_expected(EXPECTED).axes
    assert axes.get_ylim()[1] > 200
    assert axes.get_ylim()[0] < 1
    assert axes.get_xlim() == (0, 3)


# ---------------------------------------------------------------- the map


def entries_of(regions):
    """Return entries of so many regions, the last the most asymmetric."""
    found = []
    for i in range(regions):
        region = f"region {i}"
        found.append(Entry(region, ("met",), "nsigma", 1.0, 10.0**-i, 1.0))
        found.append(Entry(region, ("met", "n_jets"), "chi2", 1.0, 0.5 * 10.0**-i, 1.0))
        found.append(Entry(region, ("m_coll",), "chi2", 1.0, 1.0, 1.0))
    return found


def test_the_map_takes_two_columns_where_one_is_asked_for():
    widths = [draw_scan_map(entries_of(3), style=Look(width=w)).get_figwidth() for w in WIDTHS]
    assert dict(zip(WIDTHS, widths, strict=True)) == {
        "screen": widths[0],
        "column": pytest.approx(178 / 25.4, abs=0.01),
        "page": pytest.approx(178 / 25.4, abs=0.01),
    }


def test_the_map_has_the_smallest_p_value_of_every_cell_and_planes_count_for_both():
    figure = drawn(draw_scan_map(entries_of(3), labels=LABELS))
    axes = figure.axes[0]
    cells = mesh_of(axes).reshape(3, 3)
    smallest = np.log10(2) + np.array([2, 1, 0])
    assert cells[:, 0] == pytest.approx(smallest)
    assert cells[:, 1] == pytest.approx(smallest)
    assert cells[:, 2] == pytest.approx([0, 0, 0])
    rows = [text.get_text() for text in axes.get_yticklabels()]
    assert rows == ["region 2", "region 1", "region 0"]
    columns = [text.get_text() for text in axes.get_xticklabels()]
    assert columns == [r"$E_\mathrm{T}^\mathrm{miss}$", "number of jets", r"m_coll"]
    # The first row stands at the top.
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert figure.axes[1].get_ylabel() == r"$-\log_{10}$ of the smallest local p"


def test_of_hundreds_of_regions_the_first_thirty_are_shown_and_that_is_said():
    entries = [Entry(f"r{i}", ("met",), "chi2", 1.0, 1 / (i + 1), 1.0) for i in range(213)]
    axes = drawn(draw_scan_map(entries)).axes[0]
    rows = [text.get_text() for text in axes.get_yticklabels()]
    assert rows == [f"r{i}" for i in range(212, 182, -1)]
    assert axes.get_title(loc="right") == "30 of 213 regions"
    assert draw_scan_map(entries, regions=300).axes[0].get_title(loc="right") == ""


def test_what_a_region_does_not_have_is_left_blank():
    entries = [
        Entry("a", ("met",), "chi2", 1.0, 0.1, 1.0),
        Entry("b", ("n_jets",), "chi2", 1.0, 0.01, 1.0),
    ]
    cells = mesh_of(drawn(draw_scan_map(entries)).axes[0]).reshape(2, 2)
    assert np.isnan(cells).tolist() == [[True, False], [False, True]]


# ---------------------------------------------------------------- an entry


def test_the_pulls_of_an_observable_have_the_colour_of_the_sample_with_the_excess():
    (axes,) = drawn(draw_scan_entry(ONE, ONE_PLACE, labels=LABELS)).axes
    bars = axes.containers[0].patches
    assert [bar.get_height() for bar in bars] == [-1.0, 2.5, 1.5, 0.0]
    # The last bin, which ends at 500, is drawn twice as wide as its neighbour.
    assert [bar.get_x() for bar in bars] == [0, 10, 20, 35]
    assert [bar.get_width() for bar in bars] == [10, 10, 15, 30]
    colors = [to_hex(bar.get_facecolor()).upper() for bar in bars[:2]]
    assert colors == [COLOR_A, COLOR_B]
    assert axes.get_xlabel() == LABELS["met"] + ", outer bins and beyond"
    assert axes.get_ylabel() == r"pull (μe $-$ eμ)"
    assert axes.get_xlim() == (0, 65)


def test_the_window_is_shaded_and_what_it_holds_is_written():
    (axes,) = draw_scan_entry(ONE, ONE_PLACE, names=("A", "B")).axes
    shade = next(p for p in axes.patches if p not in axes.containers[0].patches)
    box = shade.get_bbox() if hasattr(shade, "get_bbox") else shade.get_extents()
    assert (box.x0, box.x1) == (10, 35)
    title = axes.get_title(loc="left")
    assert title.splitlines()[0] == "window in met high"
    assert "local p = 0.002, adjusted 0.4" in title
    assert r"1,040 A, 1,200 B, $N_\sigma$ = +2.83" in title


def test_a_plane_has_its_pulls_and_the_window_in_a_frame():
    figure = drawn(draw_scan_entry(TWO, TWO_PLACE, labels=LABELS))
    axes, bar = figure.axes
    cells = mesh_of(axes).reshape(3, 3)
    assert cells == pytest.approx(TWO_PLACE.pull.T, nan_ok=True)
    (frame,) = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    # Whole numbers stand in the middle of their bins.
    assert frame.get_xy() == (10, -0.5)
    assert (frame.get_width(), frame.get_height()) == (10, 1)
    assert axes.get_xlabel() == LABELS["met"]
    assert axes.get_ylabel() == LABELS["n_jets"]
    assert bar.get_ylabel() == r"pull (μe $-$ eμ)"


def test_names_without_a_label_are_written_as_they_are():
    entry = Entry("a$b", ("my$col",), "spline", 1.0, 0.1, 1.0)
    (axes,) = drawn(draw_scan_entry(entry, ONE_PLACE)).axes
    assert axes.get_xlabel().startswith(r"my\$col")
    assert r"spline in a\$b" in axes.get_title(loc="left")


@pytest.fixture(scope="module")
def found():
    return scan(fair_pair(600), REGIONS, ["met", "n_jets", "m_coll"], n=19, rng=1, workers=1)


@pytest.mark.parametrize("style", STYLES)
def test_all_figures_of_a_scan_find_room_in_every_style(style, found):
    drawn(draw_scan_expected(found.expected, style=style))
    drawn(draw_scan_map(found.entries, labels=LABELS, style=style))
    for entry, place in found.first(2):
        drawn(draw_scan_entry(entry, place, names=found.names, labels=LABELS, style=style))
