"""`emusym reproduce` as a user meets it: table, files, figures, one-line errors."""

from __future__ import annotations

import json
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import QuadMesh

from eμsym.binned.templates_io import read_templates
from eμsym.papers.catalogue import DDP, SYM
from eμsym.papers.ddp import RESULTS, TEMPLATES
from eμsym.papers.ddp_published import FIGURES
from eμsym.papers.ddp_results import FLAT, HLFV, case_templates, read_results
from eμsym.papers.figures.ddp_fig1 import draw_ddp_fig1
from eμsym.papers.figures.ddp_fig2 import draw_ddp_fig2
from eμsym.papers.figures.ddp_fig3 import draw_ddp_fig3
from eμsym.papers.figures.ddp_fig4 import draw_ddp_fig4
from eμsym.papers.figures.ddp_fig5 import draw_ddp_fig5
from tests.command_line import error_of, run


@pytest.fixture(scope="module")
def stored():
    return read_results(RESULTS)


@pytest.mark.parametrize("figure", FIGURES)
def test_table_files_and_width(figure, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("reproduce", figure, "-o", out) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    table, _, written = printed.out.rpartition("Written to ")
    assert max(map(len, table.splitlines())) <= 80
    assert "quantity" in table
    assert "difference" in table
    endings = {"json"} if figure == "ddp-numbers" else {"json", "png", "pdf"}
    assert {p.name for p in out.iterdir()} == {f"{figure}.{ending}" for ending in endings}
    assert all(f"{figure}.{ending}" in written for ending in endings)
    data = json.loads((out / f"{figure}.json").read_text(encoding="utf-8"))
    assert data["schema"] == "emusym/ddp"
    for row in data["comparison"]:
        assert row["quantity"] in table
        assert f"{row['ours']:.{row['digits']}f}" in table
        assert f"{row['paper']:g}" in table
        if abs(row["ours"] - row["paper"]) > 0.1 * row["paper"]:
            assert f"! {row['quantity']}: " in table
    # a second time replaces it, and the data beside a figure can be read back
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    assert run("reproduce", figure, "-o", out) == 0
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    assert read_results(out / f"{figure}.json").cases


def test_numbers_hold_everything_that_is_stored(tmp_path, stored):
    assert run("reproduce", "ddp-numbers", "-o", tmp_path) == 0
    assert read_results(tmp_path / "ddp-numbers.json").to_dict() == stored.to_dict()


def test_recompute_is_the_same_again_for_a_seed(tmp_path, stored):
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        options = ("--recompute", "--toys", 40, "--seed", seed, "-o", tmp_path / name)
        assert run("reproduce", "ddp-fig4", *options) == 0
    a, b, c = ((tmp_path / name / "ddp-fig4.json").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    case = read_results(tmp_path / "a" / "ddp-fig4.json").cases[HLFV]
    assert case.n_toys == 40
    assert case.asimov == pytest.approx(stored.cases[HLFV].asimov, rel=1e-9)


def test_figures_without_toys_recompute_what_is_stored(tmp_path, stored):
    assert run("reproduce", "ddp-fig3", "--recompute", "-o", tmp_path) == 0
    again = read_results(tmp_path / "ddp-fig3.json").cases
    for name in (HLFV, FLAT):
        assert [w.z for w in again[name].windows] == pytest.approx(
            [w.z for w in stored.cases[name].windows], rel=1e-9
        )
        assert again[name].n_toys == 0


def test_own_templates_from_own_folders(tmp_path, processed_sample, capsys):
    mine, out = tmp_path / "mine.json", tmp_path / "out"
    folders = ("--background", processed_sample, "--signal", processed_sample)
    capsys.readouterr()
    assert run("reproduce", "templates", *folders, "--luminosity", 40, "-o", mine) == 0
    printed = capsys.readouterr().out
    assert "T  ztautau, ttbar, ww, wz, zz, hww, htautau:" in printed
    assert "S  hlfv_taue, emu: " in printed
    assert "   mue: 0." in printed
    assert read_templates(mine).provenance["luminosity_ifb"] == 40
    line = error_of(capsys, "reproduce", "templates", *folders, "-o", mine)
    assert "exists; give --overwrite" in line
    assert run("reproduce", "templates", *folders, "--overwrite", "-o", mine, "--flat", 5,
               "--background-datasets", "ttbar, ww", "--signal-order", "mue") == 0  # fmt: skip
    made = read_templates(mine)
    assert list(made.provenance["background"]["datasets"]) == ["ttbar", "ww"]
    assert made.t.min() == 5
    capsys.readouterr()
    for figure in ("ddp-fig1", "ddp-fig5"):
        options = ("--recompute", "--templates", mine, "-o", out)
        assert run("reproduce", figure, *options) == 0
        printed = capsys.readouterr().out
        assert "your templates" in printed
        assert "10 GeV" not in printed
    assert json.loads((out / "ddp-fig1.json").read_text(encoding="utf-8"))["own_templates"]


def test_one_line_errors(tmp_path, capsys):
    assert tuple(entry.name for entry in DDP) == FIGURES
    listed = ", ".join(
        [
            *FIGURES,
            "ddp-fig6",
            *(entry.name for entry in SYM),
            "templates",
            "samples",
            "equalisation",
        ]
    )
    assert error_of(capsys, "reproduce") == f"emusym: error: which figure? there are {listed}"
    line = error_of(capsys, "reproduce", "ddp-fig9")
    assert line == f"emusym: error: no figure 'ddp-fig9'; there are {listed}"
    for option in (("--toys", 5), ("--seed", 5), ("--templates", "x.json")):
        line = error_of(capsys, "reproduce", "ddp-fig2", *option)
        assert line.endswith(f"{option[0]} is of use only with --recompute")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    line = error_of(capsys, "reproduce", "ddp-fig2", "-o", tmp_path / "file")
    assert str(tmp_path / "file") in line
    bad = ("--recompute", "-o", tmp_path / "out", "--templates")
    assert "cannot be read" in error_of(capsys, "reproduce", "ddp-fig3", *bad, tmp_path / "absent")
    assert "is not JSON" in error_of(capsys, "reproduce", "ddp-fig3", *bad, tmp_path / "file")
    line = error_of(capsys, "reproduce", "ddp-fig3", *bad, RESULTS)
    assert "expected 'emusym/templates'" in line
    line = error_of(
        capsys, "reproduce", "templates", "--background", tmp_path, "--signal", tmp_path,
        "-o", tmp_path / "t.json",
    )  # fmt: skip
    assert "has no results.json" in line
    assert not (tmp_path / "t.json").exists()


def test_damaged_templates_of_shapes_that_disagree(tmp_path, capsys):
    data = json.loads((TEMPLATES / f"{HLFV}.json").read_text(encoding="utf-8"))
    data["signal"]["axes"].pop()
    data["signal"]["storage"] = {"type": "double", "values": [0.0] * 10 + [1.0] + [0.0] * 19}
    path = tmp_path / "t.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    line = error_of(
        capsys, "reproduce", "ddp-fig5", "--recompute", "--templates", path, "-o", tmp_path / "o"
    )
    assert "one histogram has 2 axes, the other 1" in line


def test_help_is_light_and_lists_the_figures():
    heavy = "{'numpy', 'awkward', 'coffea', 'matplotlib', 'pydantic', 'rich', 'scipy'}"
    code = (
        "import sys; from eμsym.cli import main\n"
        "try: main(['reproduce', '--help'])\n"
        f"finally: assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert all(figure in done.stdout for figure in FIGURES)


def drawn(figure):
    """Render a figure, so that what fails only then fails here."""
    figure.draw_without_rendering()
    return figure.axes


def test_fig1_shows_the_templates(stored):
    templates = case_templates(HLFV, TEMPLATES)
    window = stored.cases[HLFV].best
    left, right, *_ = drawn(draw_ddp_fig1(templates, window))
    for axes, values in ((left, templates.t), (right, templates.s)):
        (mesh,) = (c for c in axes.collections if isinstance(c, QuadMesh))
        np.testing.assert_array_equal(np.ma.filled(mesh.get_array(), 0).reshape(28, 28).T, values)
        (outline,) = axes.patches
        assert outline.get_xy() == (window.edges[0][0], window.edges[1][0])
        assert "GeV" in axes.get_xlabel()


def test_fig2_shows_densities(stored):
    (axes,) = drawn(draw_ddp_fig2(stored.cases[HLFV]))
    assert len(axes.patches) == 9
    for patch in axes.patches:
        values, edges, _ = patch.get_data()
        assert np.sum(values * np.diff(edges)) == pytest.approx(1, abs=1e-3)
        assert values.max() < axes.get_ylim()[1]


def test_fig3_shows_every_window(stored):
    (axes,) = drawn(draw_ddp_fig3(stored.cases[HLFV], stored.cases[FLAT]))
    shown = {line.get_label(): line for line in axes.lines}
    line = shown[r"$N_\sigma$, Higgs LFV"]
    assert list(line.get_xdata()) == list(range(1, 29))
    assert list(line.get_ydata()) == [w.z for w in stored.cases[HLFV].windows]
    assert set(shown[r"$q_0^{L2}$"].get_ydata()) == {stored.cases[HLFV].profiled}


def test_fig4_names_each_area(stored):
    (axes,) = drawn(draw_ddp_fig4(stored.cases[HLFV]))
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    toys = stored.cases[HLFV].toys
    order = ("known", "profiled", "nsigma_window", "nsigma")
    for text, test, line in zip(texts, order, axes.lines, strict=False):
        assert text.endswith(f"AUC {toys[test].auc:.3f}")
        area = np.trapezoid(line.get_ydata(), line.get_xdata())
        assert area == pytest.approx(toys[test].auc, abs=2e-3)


def test_fig5_shows_the_curves_and_the_crossing(stored):
    case = stored.cases[HLFV]
    (axes,) = drawn(draw_ddp_fig5(case, stored.cases[FLAT]))
    curves = [np.asarray(line.get_ydata()) for line in axes.lines]
    for expected in (case.curve.known, case.curve.profiled, case.curve.nsigma):
        assert any(c.shape == expected.shape and (c == expected).all() for c in curves)
    assert any(list(line.get_xdata()) == [case.nsigma_two_sigma] * 2 for line in axes.lines)


@pytest.mark.parametrize("style", ["ATLAS", "CMS", "LHCb", "ALICE"])
def test_experiments_styles_leave_nothing_behind(stored, style):
    case, flat = stored.cases[HLFV], stored.cases[FLAT]
    before = dict(plt.rcParams)
    drawn(draw_ddp_fig1(case_templates(HLFV, TEMPLATES), style=style))
    for figure in (draw_ddp_fig2, draw_ddp_fig4):
        drawn(figure(case, style=style))
    for figure in (draw_ddp_fig3, draw_ddp_fig5):
        drawn(figure(case, flat, style=style))
    assert dict(plt.rcParams) == before
    assert plt.get_fignums() == []
