"""``--blind``: a window's events are in no figure, table or test, and every output says so."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from eμsym import read_pair
from tests.command_line import error_of, run

LINE = "m_coll 110 to 140: 1,331 of the pair's 12,567 events are in no figure, table or test"
FEW = ("--permutations", "5", "--max-permutations", "5", "--equalise", "none")


def outside(folder: Path) -> ak.Array:
    """The events that are left, told by numpy from the folder's files."""
    events = ak.concatenate([ak.from_parquet(path) for path in (folder / "events").glob("*")])
    m_coll = ak.to_numpy(events.m_coll)
    return events[(m_coll < 110) | (m_coll >= 140)]


def content(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def blinded(processed_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blind") / "folder"
    shutil.copytree(processed_sample, folder)
    assert run("test", folder, "--blind", "m_coll=110:140", *FEW) == 0
    return folder


def test_yields_and_tests_are_of_the_events_outside(blinded: Path) -> None:
    events, tests = outside(blinded), content(blinded)["tests"]
    in_a = ak.to_numpy(events.electron_leads)
    assert tests["yields"]["emu"]["sumw"] == np.count_nonzero(in_a)
    assert tests["yields"]["mue"]["sumw"] == np.count_nonzero(~in_a)
    edges = np.linspace(30, 170, 29)
    m_coll = ak.to_numpy(events.m_coll)
    a, b = (np.histogram(m_coll[chosen], edges)[0] for chosen in (in_a, ~in_a))
    filled = a + b > 0
    assert not filled[16:22].any()
    pulls = (b - a)[filled] / np.sqrt((a + b)[filled])
    found = tests["nsigma"]["m_coll"]
    assert found["z"] == pytest.approx(pulls.sum() / filled.sum() ** 0.5)
    assert found["n_bins"] == filled.sum()


def test_the_folder_remembers(blinded: Path) -> None:
    assert content(blinded)["blinded"]["windows"] == {"m_coll": [110, 140]}
    assert content(blinded)["tests"]["blinded"] == {"m_coll": [110, 140]}
    assert len(read_pair(blinded).pool) == len(outside(blinded)) == 12_567 - 1_331


def test_the_report_shows_nothing_else(blinded: Path) -> None:
    page = (blinded / "report.html").read_text(encoding="utf-8")
    said = re.sub(r"<[^>]*>", " ", page).replace("&#39;", "'")
    assert f"Blinded: {LINE}." in said
    assert "6,488" not in said
    assert "6,079" not in said


@pytest.mark.slow
def test_limits_and_scans_are_blinded_too(
    blinded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(blinded, tmp_path / "folder")
    assert run("limit", folder, "--no-report", "--equalise", "none") == 0
    assert f"Blinded  {LINE}" in capsys.readouterr().out
    scan = ("--observables", "m_coll", "--relabellings", "99", "--no-report")
    assert run("scan", folder, *scan, "--equalise", "none") == 0
    assert f"Blinded  {LINE}" in capsys.readouterr().out
    found = content(folder)
    assert found["limits"]["blinded"] == found["scan"]["blinded"] == {"m_coll": [110, 140]}
    regions = json.loads((folder / "scan.json").read_text(encoding="utf-8"))["regions"]
    assert regions["all"]["a"] + regions["all"]["b"] == 12_567 - 1_331


def test_a_report_leaves_out_what_was_made_before(
    embedded_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(embedded_run, tmp_path / "folder")
    before = content(folder)
    (folder / "figures" / "mine.png").write_bytes(b"of somebody else")
    capsys.readouterr()
    assert run("report", folder, "--blind", "m_coll=110:140") == 0
    said = capsys.readouterr().err
    n_figures = len({Path(name).stem for name in before["figures"]})
    assert f"removing {n_figures} figures that show what is blinded now: cutflow, equa" in said
    assert [path.name for path in (folder / "figures").iterdir()] == ["mine.png"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "tests: left out, made with what is blinded now" in page
    assert "6,488" not in page
    assert page.count("<svg") == 0
    assert run("report", folder, "--unblind") == 0
    assert "6,488" in (folder / "report.html").read_text(encoding="utf-8")
    after = content(folder)
    assert after.pop("blinded") is None
    assert after == {**before, "figures": []}


def test_figures_of_what_is_blinded_are_replaced_once(
    blinded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(blinded, tmp_path / "folder")
    figures = sorted(path.name for path in (folder / "figures").iterdir())
    assert figures
    assert run("report", folder, "--blind", "m_coll=110:140") == 0
    assert sorted(path.name for path in (folder / "figures").iterdir()) == figures
    capsys.readouterr()
    assert run("report", folder, "--blind", "m_coll=100:140") == 0
    assert "figures that show what is blinded now" in capsys.readouterr().err
    assert not list((folder / "figures").iterdir())


@pytest.mark.parametrize(
    "window, message",
    [
        ("m_col=110:140", "no column 'm_col'"),
        ("m_coll=140:110", "m_coll=140:110 is no range"),
        ("m_coll", "--blind m_coll: write COLUMN=LOW:HIGH"),
        ("lead_isolation=0:1", "lead_isolation"),
    ],
)
def test_a_window_that_is_none(
    processed_sample: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    window: str,
    message: str,
) -> None:
    folder = shutil.copytree(processed_sample, tmp_path / "folder")
    before = (folder / "results.json").read_bytes()
    assert message in error_of(capsys, "test", folder, "--blind", window)
    assert (folder / "results.json").read_bytes() == before


def test_not_both(processed_sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = error_of(capsys, "report", processed_sample, "--blind", "met=0:9", "--unblind")
    assert line.endswith("--blind and --unblind: give one of them")
