"""Figures that are written: whole, the same bytes every time, with fonts that are there."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from eμsym.errors import OutputError
from eμsym.plots import STYLES, draw_cutflow, save_figure
from tests.plots.drawn_pair import CUTFLOW, all_figures, observable_of, two_samples


@pytest.fixture(scope="module")
def pair():
    return two_samples()


def test_a_figure_is_saved_as_png_and_pdf_and_nothing_else_is_left(pair, tmp_path):
    written = save_figure(draw_cutflow(CUTFLOW), tmp_path / "new" / "figures", "cutflow")
    assert sorted(path.name for path in (tmp_path / "new" / "figures").iterdir()) == [
        "cutflow.pdf",
        "cutflow.png",
    ]
    assert [path.suffix for path in written] == [".png", ".pdf"]
    assert written[0].read_bytes().startswith(b"\x89PNG\r\n")
    assert written[1].read_bytes().startswith(b"%PDF-")
    assert written[1].read_bytes().rstrip().endswith(b"%%EOF")


def test_an_svg_needs_no_font_and_has_the_figure_s_size(pair, tmp_path):
    figure = draw_cutflow(CUTFLOW)
    (written,) = save_figure(figure, tmp_path, "cutflow", endings=["svg"])
    drawing = ElementTree.parse(written).getroot()
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    width, height = figure.get_size_inches()
    assert drawing.attrib["viewBox"].split()[2:] == [f"{72 * width:g}", f"{72 * height:g}"]
    assert not [x for x in drawing.iter() if x.tag.endswith(("}text", "}script"))]


def test_the_same_result_gives_the_same_bytes(pair, tmp_path):
    for folder in ("one", "two"):
        for name, figure in all_figures(pair, "ATLAS").items():
            save_figure(figure, tmp_path / folder, name, endings=("png", "pdf", "svg"))
    assert len(list((tmp_path / "one").iterdir())) == 9
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


class CountedLayout(ConstrainedLayoutEngine):
    """The constrained layout, which counts how often a figure is laid out."""

    def __init__(self):
        super().__init__()
        self.runs = 0

    def execute(self, fig):
        self.runs += 1
        super().execute(fig)


def test_a_figure_is_laid_out_once_for_both_files(tmp_path):
    figure = draw_cutflow(CUTFLOW)
    layout, canvas, dpi = CountedLayout(), figure.canvas, figure.dpi
    figure.set_layout_engine(layout)
    # Whatever matplotlib's settings say of figures without a layout.
    with matplotlib.rc_context({"figure.autolayout": True}):
        save_figure(figure, tmp_path, "cutflow")
    assert layout.runs == 1
    # Who shows the figure afterwards, at another size for instance, finds it as it was.
    assert figure.get_layout_engine() is layout
    assert figure.canvas is canvas
    assert figure.dpi == dpi


def test_the_pixels_are_those_of_matplotlibs_own_saving(pair, tmp_path):
    drawn_again = all_figures(pair, "neutral")
    for name, figure in all_figures(pair, "neutral").items():
        own = io.BytesIO()
        figure.savefig(own, format="png", metadata={"Software": None})
        save_figure(drawn_again[name], tmp_path, name)
        assert (tmp_path / f"{name}.png").read_bytes() == own.getvalue(), name


def test_figures_without_a_layout_are_saved_too(tmp_path):
    figure = Figure()
    figure.subplots()
    assert all(path.is_file() for path in save_figure(figure, tmp_path, "plain"))
    assert figure.get_layout_engine() is None


#: Settings that matplotlib reads as late as when it renders.
OTHER_FONTS = {"font.sans-serif": ["DejaVu Sans Mono"], "mathtext.rm": "DejaVu Serif"}


def test_a_figure_does_not_depend_on_the_settings_of_who_saves_it(pair, tmp_path):
    figure = observable_of(pair, "m_coll", style="CMS")
    save_figure(figure, tmp_path, "as_is")
    with matplotlib.rc_context({**OTHER_FONTS, "savefig.dpi": 37}):
        save_figure(figure, tmp_path, "saved")
        save_figure(observable_of(pair, "m_coll", style="CMS"), tmp_path, "drawn")
    for ending in ("png", "pdf"):
        as_is = (tmp_path / f"as_is.{ending}").read_bytes()
        assert (tmp_path / f"saved.{ending}").read_bytes() == as_is
        assert (tmp_path / f"drawn.{ending}").read_bytes() == as_is


def test_a_figure_does_not_depend_on_the_settings_of_the_notebook_that_shows_it(pair):
    shown = []
    for settings in ({}, OTHER_FONTS):
        with matplotlib.rc_context(settings):
            figure = observable_of(pair, "m_coll", style="CMS")
            buffer = io.BytesIO()
            # What notebooks do: not by savefig, and cut to what is drawn.
            figure.canvas.print_figure(buffer, format="png", dpi=60, bbox_inches="tight")
        shown.append(buffer.getvalue())
    assert shown[0] == shown[1]


@pytest.mark.parametrize("style", ["neutral", "LHCb"])
def test_text_stays_text_in_the_pdf_in_fonts_that_can_be_edited(style, pair, tmp_path):
    save_figure(observable_of(pair, "m_coll", style=style), tmp_path, "m_coll")
    content = (tmp_path / "m_coll.pdf").read_bytes()
    assert b"/TrueType" in content or b"/CIDFontType2" in content
    assert b"/Type3" not in content


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "plain").write_text("a file")
    figure = draw_cutflow(CUTFLOW)
    for folder in (tmp_path / "plain", tmp_path / "plain" / "figures"):
        with pytest.raises(OutputError, match="cannot be written"):
            save_figure(figure, folder, "cutflow")
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]


def test_no_style_looks_for_a_font_that_does_not_come_with_the_package(tmp_path):
    # In an interpreter of its own: matplotlib complains of a font only once.
    code = (
        "import sys; from eμsym import Pair, Sample; from tests.plots.drawn_pair import *; "
        "from eμsym.plots import STYLES, save_figure\n"
        "for style in STYLES:\n"
        "    a, b = (Sample(histograms={'m': histogram(MASS, counts=m)}) for m in (M_A, M_B))\n"
        "    figure = observable_of(Pair.from_samples(a, b), 'm', style=style)\n"
        "    save_figure(figure, sys.argv[1], style)\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path)]
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert result.stderr == ""
    assert result.returncode == 0
    assert len(list(tmp_path.iterdir())) == 2 * len(STYLES)
