"""Figures come out whatever the user's matplotlib settings, and the datasets' names, are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
from matplotlib import cbook
from matplotlib.figure import Figure

from eμsym.errors import DataError
from eμsym.folder import ProcessedFolder
from eμsym.plots import draw_cutflow, save_figure
from tests.command_line import run

COUNTS = {"all": {"sumw": 9.0}, "pt": {"sumw": 5.0}, "emu": {"sumw": 3.0}, "mue": {"sumw": 2.0}}


def saved(folder: Path, names: tuple[str, ...] = ("ww", "zz")) -> list[bytes]:
    figure = draw_cutflow(dict.fromkeys(names, COUNTS))
    return [path.read_bytes() for path in save_figure(figure, folder, "cutflow")]


@pytest.mark.parametrize(
    "settings",
    [
        {"text.usetex": True},  # LaTeX may not be installed
        {"font.family": "no such font", "font.size": 40},
        {"figure.autolayout": True, "savefig.bbox": "tight", "axes.grid": True},
        {"pdf.fonttype": 3, "savefig.dpi": 300, "axes.facecolor": "red"},
    ],
)
def test_the_users_settings_change_no_byte_and_are_as_before(
    settings: dict[str, object], tmp_path: Path
) -> None:
    usual = saved(tmp_path / "usual")
    with matplotlib.rc_context(settings):
        before = dict(matplotlib.rcParams)
        assert saved(tmp_path / "set") == usual
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("asked", ["NoSuchBackend", "TkAgg", "module://no.such", ""])
def test_a_backend_that_is_not_there_keeps_nothing_from_being_drawn(
    asked: str, tmp_path: Path
) -> None:
    code = (
        "import os, sys\n"
        "from eμsym.plots import draw_cutflow, save_figure\n"
        f"figure = draw_cutflow({{'ww': {COUNTS!r}}})\n"
        "save_figure(figure, sys.argv[1], 'x')\n"
        "print(os.environ['MPLBACKEND'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path)],
        env={**os.environ, "MPLBACKEND": asked},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {path.name for path in tmp_path.iterdir()} == {"x.png", "x.pdf"}
    assert done.stdout == f"{asked}\n"


NAMES = (
    r"$\nosuch{$",
    r"$t\bar{t}$",
    "cost_$5",
    r"a\$b",
    "_hidden",
    "[bold]x[/]",
    "/TTTo2L2Nu_TuneCP5_13TeV-powheg-pythia8/" + "x" * 200,
)


def test_names_of_datasets_are_shown_as_they_are(tmp_path: Path) -> None:
    figure = draw_cutflow(dict.fromkeys(NAMES, COUNTS))
    save_figure(figure, tmp_path, "names")
    (legend,) = figure.legends
    *texts, total = legend.get_texts()
    assert total.get_text() == "sum"
    shown = []
    for text in texts:
        # A text that is no mathematics to matplotlib has its escaped dollars shown as dollars.
        assert not cbook.is_math_text(text.get_text())
        shown.append(text.get_text().replace(r"\$", "$"))
    long = NAMES[-1]
    assert sorted(shown) == sorted([*NAMES[:-1], f"{long[:30]}…{long[-30:]}"])


@pytest.mark.parametrize("cutflow", [{}, {"ww": {}}])
def test_a_cutflow_of_nothing_is_one_line(cutflow: dict[str, dict[str, object]]) -> None:
    with pytest.raises(DataError, match="there is nothing to draw"):
        draw_cutflow(cutflow)  # type: ignore[arg-type]


def test_a_figure_that_fails_is_one_line_and_the_results_stay(
    processed_sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*arguments: object, **options: object) -> Figure:
        raise RuntimeError("[two]\nlines")

    out = tmp_path / "out"
    shutil.copytree(processed_sample, out)
    monkeypatch.setattr("eμsym.cli.job.draw_plane", broken)
    options = ("--permutations", 2, "--signals", "hlfv_taue", "--equalise", "none")
    assert run("test", out, *options) == 0
    printed = capsys.readouterr().out
    assert "figure plane: is left out, it cannot be drawn ([two] lines)" in printed
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["tests"]["nsigma"]["plane"]["z"] is not None
    assert results["figure_problems"] == [
        "figure plane: is left out, it cannot be drawn ([two] lines)"
    ]
    assert {path.name for path in (out / "figures").iterdir()} == set(results["figures"])
    assert not [name for name in results["figures"] if name.startswith("plane")]
    assert "m_coll.png" in results["figures"]
    assert ProcessedFolder(out).strangers() == []
