"""What the commands' figures say of their events: collisions, luminosity, processes, the window."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from eμsym.analysis.correction import Equalisation
from eμsym.analysis.limit_options import LimitOptions
from eμsym.analysis.limits import folder_limits
from eμsym.cli.drawing import headed
from eμsym.cli.limit_job import figures
from eμsym.folder import ProcessedFolder
from eμsym.plots.look import Look
from eμsym.plots.process_names import process_names


def test_figures_are_headed_by_energy_and_luminosity(processed_sample: Path) -> None:
    results = ProcessedFolder(processed_sample).results()
    look = headed(Look("CMS", "column"), results, results.pair)
    assert (look.style, look.width) == ("CMS", "column")
    assert look.heading == "√s = 13 TeV, 0.902 fb$^{-1}$"
    assert headed("neutral", results, results.pair, 20).heading == "√s = 13 TeV, 20 fb$^{-1}$"


def test_energies_that_differ_are_not_said(processed_sample: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(processed_sample, tmp_path / "folder")
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    content["datasets"]["ww"]["sqrt_s_tev"] = 13.6
    (folder / "results.json").write_text(json.dumps(content), encoding="utf-8")
    results = ProcessedFolder(folder).results()
    assert headed("neutral", results, results.pair).heading == "0.902 fb$^{-1}$"
    assert headed("neutral", results, ("ww",)).heading.startswith("√s = 13.6 TeV")


def test_limits_call_signals_as_physicists_write_them(processed_sample: Path) -> None:
    options = LimitOptions(equalisation=Equalisation("none"))
    found = folder_limits(ProcessedFolder(processed_sample), options)
    drawn = figures(found, labels=process_names({"hlfv_taumu": {"label": "mine"}}))
    (axes,) = drawn["limits"]().axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["H → τe", "mine"]
    assert drawn["limit_hlfv_taue"]().axes[0].get_title().startswith("H → τe: μ < ")
