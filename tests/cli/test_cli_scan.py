"""``emusym scan`` and ``emusym test --confirm``: what they print, write, keep and refuse."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eμsym.folder import ProcessedFolder
from tests.command_line import error_of, run

QUICK = ("--observables", "m_coll,met", "--relabellings", "39", "--fewest", "1000")


@pytest.fixture
def folder(processed_sample: Path, tmp_path: Path) -> Path:
    """A processed folder of the test's own."""
    return Path(shutil.copytree(processed_sample, tmp_path / "out"))


def scan_in(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "scan.json").read_text(encoding="utf-8"))
    return content


def test_the_whole_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("scan", folder, *QUICK) == 0
    printed = capsys.readouterr().out
    content = scan_in(folder)
    assert content["schema"] == "emusym/scan"
    assert content["relabellings"] == 39
    assert content["correction"]["source"] == "self"
    assert f"{len(content['entries']):,} entries" in printed
    assert f"p = {content['p_global']:.2g}" in printed
    best = min(content["entries"], key=lambda entry: entry["p_local"])
    assert best["p_adjusted"] == content["p_global"]
    assert content["first"][0]["region"] == best["region"]
    assert {"window", "z", "a", "b", "follows_calibration"} <= set(content["first"][0])
    assert "classes of n_jets" in {each["what"] for each in content["skipped"]}
    assert 'left out classes of n_jets: there is no such column; keep = ["jets"]' in printed
    # What a scan has written is ours: the folder may be replaced, and tested.
    assert ProcessedFolder(folder).strangers() == []
    assert json.loads((folder / "results.json").read_text())["scan"]["file"] == "scan.json"


def test_r_without_the_window_is_told_of_the_first_entries(folder: Path) -> None:
    assert run("scan", folder, *QUICK) == 0
    first = scan_in(folder)["first"]
    assert all(each["window_nsigma"] * each["z"] > 0 for each in first[:3])
    assert all(abs(each["window_nsigma_r_without_it"]) < 10 for each in first)


def test_the_same_seed_gives_the_same_file(folder: Path) -> None:
    assert run("scan", folder, *QUICK, "--workers", "1") == 0
    before = (folder / "scan.json").read_bytes()
    assert run("scan", folder, *QUICK, "--workers", "2") == 0
    assert (folder / "scan.json").read_bytes() == before


def test_findings_are_confirmed_elsewhere_and_refused_here(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tmp_path / "found.json"
    half = ("ztautau", "ww")
    assert run("scan", folder, *QUICK, "--pair", ",".join(half), "--freeze", found) == 0
    error = error_of(capsys, "test", folder, "--pair", "ztautau,ttbar", "--confirm", found)
    assert "events were used to find what is to be confirmed" in error
    assert run("test", folder, "--pair", "ttbar", "--confirm", found) == 0
    printed = capsys.readouterr().out
    confirmed = json.loads((folder / "results.json").read_text())["confirmed"]
    assert "no trials factor" in printed
    assert f"{confirmed['findings'][0]['nsigma']:+.2f}" in printed
    content = json.loads(found.read_text(encoding="utf-8"))
    found.write_text(json.dumps({**content, "equalise": {"how": "self"}}), encoding="utf-8")
    error = error_of(capsys, "test", folder, "--pair", "ttbar", "--confirm", found)
    assert "equalise of the findings: is no correction of a pair" in error
    error = error_of(capsys, "test", folder, "--confirm", found, "--minimizer", "newton")
    assert "--minimizer does not go with --confirm" in error


def test_that_few_events_hold_no_strong_r_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("scan", folder, *QUICK[:4], "--pair", "ww") == 0
    caveat = scan_in(folder)["caveat"]
    assert "r is fitted to" in caveat
    assert caveat.split(":")[0] in " ".join(capsys.readouterr().out.split())


def test_one_sample_is_explored_and_confirmed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--explore", "0.5", "--findings", "2")
    assert run("scan", folder, *QUICK, *options) == 0
    content = scan_in(folder)
    assert len(content["confirmed"]["findings"]) == 2
    assert "Confirmed with the other 50 %" in capsys.readouterr().out
    error = error_of(capsys, "scan", folder, "--explore", "0.5", "--folds", "2")
    assert "--explore and --folds divide the events twice" in error


def test_folds_and_an_injected_signal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--planes", "none", "--folds", "2", "--inject", "hlfv_taue:400", "--samples", "2")
    assert run("scan", folder, *QUICK, *options) == 0
    content, printed = scan_in(folder), capsys.readouterr().out
    parts = content["folds"]["parts"]
    assert content["folds"]["pvalue"] == min(1, 2 * min(each["pvalue"] for each in parts))
    assert content["sensitivity"]["in_first_ten"] == 1.0
    assert "400 events of hlfv_taue, 2 samples" in printed


CONFIG = """
inputs = ["{fileset}"]
output = "{output}"
pair = ["ww", "ttbar"]

[scan]
observables = ["m_coll", "met"]
planes = [["m_coll", "met"]]
relabellings = 39

[scan.classes]
lead_charge = [-1, 1]

[[scan.region]]
name = "boosted"
where = "lead_pt > 60 and met > 40"
"""


def test_a_configuration_is_processed_and_scanned(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, output = tmp_path / "job.toml", tmp_path / "out"
    text = CONFIG.format(fileset=sample / "fileset.json", output=output)
    config.write_text(text, encoding="utf-8")
    assert run("scan", config) == 0
    content = scan_in(output)
    assert list(content["regions"]) == ["all", "boosted", "lead_charge = -1", "lead_charge = 1"]
    assert content["options"]["planes"] == [["m_coll", "met"]]
    # Processed once: scanned again, it is read.
    before = (output / "histograms.root").stat().st_mtime_ns
    assert run("scan", config, "--tests", "nsigma") == 0
    assert (output / "histograms.root").stat().st_mtime_ns == before
    assert {entry["test"] for entry in scan_in(output)["entries"]} == {"nsigma"}
    config.write_text(text.replace("relabellings", "relabelings"), encoding="utf-8")
    error = error_of(capsys, "scan", config)
    assert "relabelings" in error
    assert "relabellings" in error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--inject", "hlfv_taue"), "write SIGNAL:EVENTS"),
        (("--inject", "nosuch:20"), "no signal 'nosuch'; there are"),
        (("--observables", "nosuch"), "no column 'nosuch'"),
        (("--observables", "lead_isolation"), "means one thing in A and another in B"),
        (("--tests", "nosuch"), "choose from nsigma"),
        (("--pair", "nosuch"), "no dataset 'nosuch'"),
        (("--explore", "2"), "share 2.0"),
        (("--relabellings", "3"), "relabellings = 3"),
        (("--overwrite",), "--overwrite is of a CONFIG.toml"),
        (("--equalise", "nosuch.json"), "nosuch.json"),
    ],
)
def test_bad_input_is_one_line(
    folder: Path, options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "results.json").read_bytes()
    assert message in error_of(capsys, "scan", folder, *options)
    assert (folder / "results.json").read_bytes() == before


def test_a_folder_that_is_none_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "has no results.json" in error_of(capsys, "scan", tmp_path)


#: A process that kills itself as the third part of a scan is about to get its name.
_KILLED = """
import os, signal, sys

parts = []

def at_the_third(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith(".npy"):
        parts.append(arguments[1])
        if len(parts) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(at_the_third)
from eμsym.cli import main
main()
"""


def test_a_killed_scan_goes_on_where_it_was(folder: Path) -> None:
    options = ("--observables", "m_coll,met,m_ll", "--relabellings", "199", "--fewest", "1000")
    whole = folder.with_name("whole")
    shutil.copytree(folder, whole)
    assert run("scan", whole, *options, "--workers", "1") == 0
    arguments = ["scan", str(folder), *options, "--workers", "1"]
    killed = subprocess.run([sys.executable, "-c", _KILLED, *arguments], capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    parts = folder / ".scan"
    assert len(list(parts.glob("*.npy"))) == 2
    assert ProcessedFolder(folder).strangers() == []
    command = [sys.executable, "-c", "from eμsym.cli import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "going on where an earlier scan was ended" in done.stderr
    assert (folder / "scan.json").read_bytes() == (whole / "scan.json").read_bytes()
    assert not parts.exists()
