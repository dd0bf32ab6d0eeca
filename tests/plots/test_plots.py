"""The figures: what is drawn is what was computed, with units, unclipped, the same every time."""

from __future__ import annotations

import math

import hist
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle, StepPatch

from eμsym import Pair, Sample, nsigma, profile_fit, scan_windows
from eμsym.difference import Difference
from eμsym.errors import ConfigurationError
from eμsym.plots import STYLES, draw_cutflow, draw_plane, draw_profile, save_figure
from eμsym.plots.process_names import process_names
from eμsym.plots.style import COLOR_A, COLOR_B, styled
from tests.plots.drawn_pair import (
    CUTFLOW,
    CUTS,
    M_A,
    M_B,
    M_PULLS,
    MASS,
    PLAIN,
    PLANE_A,
    PLANE_B,
    PT,
    UNEVEN,
    all_figures,
    cutflow_of,
    histogram,
    observable_of,
    plane_of,
    two_samples,
)


@pytest.fixture(scope="module")
def pair():
    return two_samples()


@pytest.fixture
def nothing():
    """A pair in which no event survived."""
    axes = {"m_coll": (MASS,), "plane": (MASS, PT)}
    return Pair.from_samples(
        *(Sample(histograms={k: histogram(*v) for k, v in axes.items()}) for _ in range(2))
    )


def draw(figure):
    """Lay a figure out and render it, as saving it would."""
    figure.draw_without_rendering()
    return figure


def texts(axes):
    return [text.get_text() for text in axes.texts]


def plane_panels(figure):
    """Return the axes of A, of B and of the pulls, without the colour bars."""
    return figure.axes[:3]


def drawn_plane(axes):
    """Return the one mesh of a panel as an array of the histogram's shape."""
    (mesh,) = [child for child in axes.collections if isinstance(child, QuadMesh)]
    return np.ma.filled(np.ma.asarray(mesh.get_array(), dtype=float), np.nan).reshape(3, 4).T


# An observable


def test_the_pulls_below_an_observable_are_those_by_hand(pair):
    figure = observable_of(pair, "m_coll")
    bars = figure.axes[1].patches
    assert [bar.get_height() for bar in bars] == pytest.approx(M_PULLS)
    assert [bar.get_x() for bar in bars] == [40, 45, 50, 55]
    assert [bar.get_width() for bar in bars] == [5, 5, 5, 5]
    low, high = figure.axes[1].get_ylim()
    assert low < -2.8 < 2.8 < high


def test_a_pull_has_the_colour_of_the_sample_that_has_the_excess(pair):
    bars = observable_of(pair, "m_coll").axes[1].patches
    colors = [to_hex(bar.get_facecolor()).upper() for bar in bars]
    assert (colors[0], colors[2], colors[3]) == (COLOR_B, COLOR_A, COLOR_A)


def test_the_steps_above_are_the_counts_of_both_samples_and_named_with_their_sums(pair):
    figure = observable_of(pair, "m_coll")
    steps = [patch for patch in figure.axes[0].patches if isinstance(patch, StepPatch)]
    assert [step.get_data().values.tolist() for step in steps] == [M_A, M_B]
    assert all(step.get_data().edges.tolist() == [40, 45, 50, 55, 60] for step in steps)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["eμ  (200 events)", "μe  (181 events)"]
    colors = [to_hex(step.get_edgecolor()).upper() for step in steps]
    assert colors == [COLOR_A, COLOR_B]


@pytest.mark.parametrize("style", STYLES)
def test_the_longest_error_bar_is_inside_the_panel(style, pair):
    top = observable_of(pair, "m_coll", style=style).axes[0]
    assert top.get_ylim()[0] == 0
    assert top.get_ylim()[1] > 100 + 10


def test_negative_contents_are_inside_the_panel():
    samples = [
        Sample(histograms={"m": -1 * histogram(MASS, counts=counts)})
        for counts in ([5, 4, 3, 2], [9, 4, 3, 2])
    ]
    low, high = observable_of(Pair.from_samples(*samples), "m").axes[0].get_ylim()
    assert low < -9
    assert high >= 0


def test_the_axes_of_an_observable_carry_units(pair):
    top, bottom = observable_of(pair, "m_coll").axes
    assert top.get_xlabel() == ""
    assert bottom.get_xlabel() == r"$m_\mathrm{coll}$ [GeV]"
    assert top.get_ylabel() == "events / 5 GeV"
    assert bottom.get_ylabel() == r"pull (μe $-$ eμ)"
    assert bottom.get_xlim() == (40, 60)


@pytest.mark.parametrize("axis, label", [(PLAIN, "events / 1"), (UNEVEN, "events / bin")])
def test_an_axis_without_unit_or_of_uneven_bins_says_what_a_bin_is(axis, label):
    sample = Sample(histograms={axis.name: histogram(axis, counts=[3, 4])})
    figure = observable_of(Pair.from_samples(sample, sample), axis.name)
    assert figure.axes[0].get_ylabel() == label


def test_nsigma_is_written_beside_the_pulls(pair):
    result = nsigma(*reversed(pair.hist("m_coll")))
    title = observable_of(pair, "m_coll", result).axes[1].get_title(loc="right")
    # (2.8 - 19/sqrt(181) - 2.8) / sqrt(3)
    assert title == r"$N_\sigma$ = −0.82 in 3 bins"
    sparse = nsigma([3], [4])
    assert "some below 25" in observable_of(pair, "m_coll", sparse).axes[1].get_title(loc="right")


def test_little_outside_the_axis_is_not_nothing():
    few = histogram(MASS, counts=[100, 100, 100, 100]).fill([0.0])
    pair = Pair.from_samples(Sample(histograms={"m": few}), Sample(histograms={"m": few}))
    title = observable_of(pair, "m").axes[0].get_legend().get_title()
    assert title.get_text() == "0.2 % outside the axis"  # 2 of 802


def test_what_lies_outside_the_axis_is_said():
    inside = histogram(MASS, counts=[1, 1, 1, 1])
    outside = histogram(MASS, counts=[1, 0, 0, 0]).fill([0.0, 99.0, 99.0])
    figure = observable_of(
        Pair.from_samples(Sample(histograms={"m": inside}), Sample(histograms={"m": outside})), "m"
    )
    legend = figure.axes[0].get_legend()
    assert legend.get_title().get_text() == "38 % outside the axis"  # 3 of 8
    assert legend.get_texts()[1].get_text() == "μe  (4 events)"


@pytest.mark.parametrize("storage", ["Int64", "Double", "Weight"])
def test_histograms_of_any_storage_are_drawn_alike(storage):
    samples = [
        Sample(histograms={
            "m": histogram(MASS, counts=m, storage=storage),
            "plane": histogram(MASS, PT, counts=p, storage=storage),
        })
        for m, p in ((M_A, PLANE_A), (M_B, PLANE_B))
    ]  # fmt: skip
    bars = observable_of(Pair.from_samples(*samples), "m").axes[1].patches
    assert [bar.get_height() for bar in bars] == pytest.approx(M_PULLS)
    mesh = drawn_plane(plane_of(Pair.from_samples(*samples)).axes[2])
    assert mesh[0, 0] == pytest.approx(2.8)


# The plane


def test_the_panels_of_the_plane_are_a_b_and_the_pulls(pair):
    panels = plane_panels(draw(plane_of(pair)))
    assert np.array_equal(np.nan_to_num(drawn_plane(panels[0])), PLANE_A)
    assert np.array_equal(np.nan_to_num(drawn_plane(panels[1])), PLANE_B)
    b, a = np.array(PLANE_B, dtype=float), np.array(PLANE_A, dtype=float)
    expected = [
        [(y - x) / math.sqrt(y + x) if y + x else math.nan for y, x in zip(ys, xs, strict=True)]
        for ys, xs in zip(b.tolist(), a.tolist(), strict=True)
    ]
    np.testing.assert_allclose(drawn_plane(panels[2]), expected)


def test_a_square_bin_is_a_squared_length():
    axes = [hist.axis.Regular(4, 0, 20, name=x, label=f"{x} [GeV]") for x in "xy"]
    a, b = hist.Hist(*axes), hist.Hist(*axes)
    a.fill([1, 6], [1, 6])
    b.fill([1, 7], [1, 6])
    figure = draw_plane(a, b, Difference.of(b=b, a=a))
    assert [axes.get_ylabel() for axes in figure.axes[3:5]] == ["events / (5 GeV)$^2$"] * 2


def test_processes_are_called_as_they_are_written():
    labels = process_names({"zz": {"label": "Z pairs"}})
    assert legend_of(draw_cutflow(CUTFLOW, labels=labels)) == ["Z → ττ", "Z pairs", "sum"]


def test_the_panels_are_named_and_carry_units(pair):
    figure = plane_of(pair)
    panels = plane_panels(figure)
    assert [panel.get_title(loc="right") for panel in panels] == ["eμ", "μe", ""]
    assert all(panel.get_xlabel() == r"$m_\mathrm{coll}$ [GeV]" for panel in panels)
    assert panels[0].get_ylabel() == r"leading lepton $p_\mathrm{T}$ [GeV]"
    # An empty bin shows the panel behind it, which is no colour of a pull.
    assert to_hex(panels[2].get_facecolor()) == to_hex("0.88")
    bars = [axes.get_ylabel() for axes in figure.axes[3:]]
    assert bars == [r"events / 5$\times$10 GeV$^2$"] * 2 + [r"pull (μe $-$ eμ)"]


@pytest.mark.parametrize("style", STYLES)
def test_the_plane_fills_its_panels(style, pair):
    for panel in plane_panels(plane_of(pair, style=style)):
        assert panel.get_xlim() == (40, 60)
        assert panel.get_ylim() == (10, 40)


def test_a_plane_of_uneven_bins_counts_events_by_bin():
    sample = Sample(histograms={"plane": histogram(UNEVEN, PT, counts=np.ones((2, 3), int))})
    assert plane_of(Pair.from_samples(sample, sample)).axes[3].get_ylabel() == "events / bin"


def test_a_and_b_share_one_colour_scale_and_pulls_are_centred_on_zero(pair):
    panels = plane_panels(plane_of(pair))
    limits = [
        next(c for c in panel.collections if isinstance(c, QuadMesh)).get_clim() for panel in panels
    ]
    assert limits[0] == limits[1] == (1, 64)
    assert limits[2][0] == -limits[2][1]


def outlines(axes):
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_the_best_window_is_marked_at_its_edges_in_every_panel(pair):
    a, b = pair.hist("plane")
    best = scan_windows(b, a).best
    # The loneliest pull of 2.8 is the largest square: m_coll 40-45 and pT 10-20.
    assert abs(best.z) == pytest.approx(2.8)
    (x, y) = best.edges
    assert (x, y) in [((40, 45), (10, 20)), ((45, 50), (10, 20))]
    figure = plane_of(pair, "plane", best, nsigma(b, a))
    for panel in plane_panels(figure):
        (outline,) = outlines(panel)
        assert outline.get_xy() == (x[0], y[0])
        assert (outline.get_width(), outline.get_height()) == (5, 10)
        assert not outline.get_fill()
    title = figure.axes[2].get_title(loc="right")
    z, whole = (f"{z:+.2f}".replace("-", "−") for z in (best.z, nsigma(b, a).z))
    assert f"marked window $N_\\sigma$ = {z} (local)" in title
    assert f"whole plane $N_\\sigma$ = {whole}" in title


def test_without_a_window_nothing_is_marked(pair):
    assert [outlines(panel) for panel in plane_panels(plane_of(pair))] == [[], [], []]


# The cutflow


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def levels(figure):
    """Return the steps of a cutflow, by the names of its legend."""
    steps = [patch for patch in figure.axes[0].patches if isinstance(patch, StepPatch)]
    return dict(zip(legend_of(figure), [step.get_data().values for step in steps], strict=True))


def test_the_cutflow_has_each_dataset_and_their_sum_on_a_logarithmic_axis():
    figure = draw_cutflow(CUTFLOW)
    (axes,) = figure.axes
    sums = [16829, 8624, 4711, 4363, 4363, 4352, 4349, 2155, 2194]
    assert texts(axes) == [f"{n:,}" for n in sums]
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "events"
    drawn = levels(figure)
    assert list(drawn) == ["ztautau", "zz", "sum"]
    np.testing.assert_array_equal(drawn["sum"], sums)
    of_zz = [CUTFLOW["zz"][cut]["sumw"] or math.nan for cut in CUTS]
    np.testing.assert_array_equal(drawn["zz"], of_zz)
    low, high = axes.get_ylim()
    assert low < 2
    assert high > 16829


def test_the_cutflow_is_scaled_dataset_by_dataset():
    axes = draw_cutflow(CUTFLOW, {"zz": 100.0}).axes[0]
    assert texts(axes)[0] == f"{16804 + 2500:,}"
    assert texts(axes)[-1] == "2,194"


def test_a_negative_sum_is_a_gap_whose_number_is_written():
    negative = {"nlo": {cut: {**CUTFLOW["zz"][cut], "sumw": -100.0} for cut in CUTS}}
    figure = draw(draw_cutflow(negative))
    assert texts(figure.axes[0]) == ["-100"] * 9
    assert np.isnan(levels(figure)["nlo"]).all()


def test_every_cut_has_its_name_below_it():
    axes = draw_cutflow(CUTFLOW).axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert len(labels) == len(CUTS)
    assert (labels[0], labels[-2], labels[-1]) == ("all", "eμ", "μe")
    assert not set(labels) & {"electron_and_muon", "exactly_one_each"}


def test_many_datasets_have_colours_of_their_own():
    flow = cutflow_of(**{f"d{i}": [i + 1] * 9 for i in range(20)})
    figure = draw_cutflow(flow)
    steps = [patch for patch in figure.axes[0].patches if isinstance(patch, StepPatch)]
    assert len({to_hex(step.get_edgecolor()) for step in steps[:-1]}) == 20
    assert len(legend_of(figure)) == 21


# All of them


@pytest.fixture(scope="module")
def rendered(pair):
    """All figures of every style, laid out and rendered once."""
    return {
        style: {name: draw(figure) for name, figure in all_figures(pair, style).items()}
        for style in STYLES
    }


@pytest.mark.parametrize("style", STYLES)
def test_nothing_is_clipped_by_the_edge_of_a_figure(style, rendered):
    for name, figure in rendered[style].items():
        needed = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer())
        width, height = figure.get_size_inches()
        slack = 0.02
        assert needed.x0 > -slack, name
        assert needed.y0 > -slack, name
        assert needed.x1 < width + slack, name
        assert needed.y1 < height + slack, name


@pytest.mark.parametrize("style", [style for style in STYLES if style != "neutral"])
def test_an_experiment_s_figures_say_simulation_beside_its_name_and_not_over_it(style, rendered):
    for name, figure in rendered[style].items():
        axes = figure.axes[0]
        written = {text.get_text(): text for text in axes.texts}
        assert {style, "Delphes simulation"} <= set(written), name
        with styled(style):
            experiment, rest = (
                written[text].get_window_extent() for text in (style, "Delphes simulation")
            )
        assert experiment.x1 < rest.x0, name
        assert rest.x0 - experiment.x1 < 0.05 * axes.bbox.width, name
        assert experiment.y0 > axes.bbox.y1 - 2, name


def test_the_neutral_style_carries_no_experiment_s_name(rendered):
    for figure in rendered["neutral"].values():
        written = {text.get_text() for axes in figure.axes for text in axes.texts}
        assert not written & {*STYLES, "Delphes simulation"}


@pytest.mark.parametrize("style", ["neutral", "LHCb"])
def test_a_pair_without_events_is_drawn(style, nothing):
    flow = cutflow_of(nothing=[0] * 9)
    a, b = nothing.hist("plane")
    assert scan_windows(b, a).best is None
    figures = {
        "m_coll": observable_of(nothing, "m_coll", nsigma(b, a), style=style),
        "plane": plane_of(nothing, "plane", None, nsigma(b, a), style=style),
        "cutflow": draw_cutflow(flow, style=style),
    }
    for figure in figures.values():
        draw(figure)
    assert figures["m_coll"].axes[0].get_ylim() == (0, 1)
    assert [bar.get_height() for bar in figures["m_coll"].axes[1].patches] == [0, 0, 0, 0]
    assert np.all(np.isnan(drawn_plane(figures["plane"].axes[2])))
    assert texts(figures["cutflow"].axes[0])[:9] == ["0"] * 9
    assert figures["m_coll"].axes[1].get_title(loc="right") == ""


def test_an_unknown_style_is_refused(pair):
    for ask in (
        lambda: observable_of(pair, "m_coll", style="D0"),
        lambda: plane_of(pair, style="D0"),
        lambda: draw_cutflow(CUTFLOW, style="D0"),
    ):
        with pytest.raises(ConfigurationError, match="no style 'D0'; there are neutral, ATLAS"):
            ask()


@pytest.mark.parametrize("style", STYLES)
def test_matplotlib_is_afterwards_as_it_was(style, pair, tmp_path):
    with matplotlib.rc_context({"font.size": 17.0, "axes.grid": True}):
        before = dict(matplotlib.rcParams)
        figures = all_figures(pair, style)
        assert all(isinstance(figure, Figure) for figure in figures.values())
        save_figure(figures["observable"], tmp_path, "observable")
        assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []


def test_matplotlib_is_as_it_was_after_a_failure_too():
    before = dict(matplotlib.rcParams)

    def fail():
        with styled("CMS"):
            assert dict(matplotlib.rcParams) != before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert dict(matplotlib.rcParams) == before


def test_a_strength_on_the_kink_is_titled_with_its_interval():
    fit = profile_fit(
        [0, 3, 0, 7, 0], [0, 0, 2, 9, 0], [0.1, 0.2, 0.3, 0.3, 0.1], background="profiled"
    )
    figure = draw_profile(fit, "signal")
    (axes,) = figure.axes
    assert axes.get_title() == "signal: μ = 0.0, −4.7 to 1.5, √$q_0$ = +0.00"
    plt.close("all")
