"""Efficiencies from elsewhere, and a fit on top of them, from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from eμsym.cli import job
from tests.calibration.test_pair_efficiencies import EITHER, pair_map
from tests.calibration.test_shared_errors import write
from tests.command_line import error_of, run

QUICK = ("--permutations", "9", "--max-permutations", "9", "--minimizer", "newton")


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave figures out, which take most of the time."""
    monkeypatch.setattr(job, "save_figures", lambda *arguments: ([], []))


@pytest.mark.slow
def test_r_on_top_of_a_file(
    processed_sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(processed_sample, tmp_path / "out"))
    path = write(
        tmp_path / "or.json",
        pair_map("efficiency_pair", EITHER),
        pair_map("efficiency_pair_error", 0.01 * EITHER),
    )
    assert run("test", folder, "--equalise-given", path, *QUICK) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "on top of" in printed
    assert "Resolution not equalised" in printed
    tests = json.loads((folder / "results.json").read_text(encoding="utf-8"))["tests"]
    assert tests["equalisation"]["given"] == str(path)
    assert any("r is on top of" in note for note in tests["notes"])


def test_a_file_on_top_of_which_nothing_is_fitted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "or.json", pair_map("efficiency_pair", EITHER))
    line = error_of(capsys, "test", tmp_path, "--equalise-given", path, "--equalise", "none")
    assert "--equalise-given is of --equalise self" in line
    line = error_of(capsys, "test", tmp_path, "--equalise-given", tmp_path / "none.json")
    assert "none.json: cannot be read" in line
