"""``emusym report``, and how other commands end with a report."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from eμsym.cli import html_report, job, limit_job
from eμsym.errors import printable
from eμsym.folder import ProcessedFolder
from tests.command_line import error_of, run
from tests.report.reported import LIMITS, made

#: A test of the least kind.
QUICK = ("--permutations", 5, "--equalise", "none", "--signals", "hlfv_taue")


@pytest.fixture
def folder(processed_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A processed folder of the test's own, into which no figures are drawn."""
    for module in (job, limit_job):
        monkeypatch.setattr(module, "save_figures", lambda *arguments: ([], []))
    return Path(shutil.copytree(processed_sample, tmp_path / "out"))


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert "error" not in captured.err
    return captured.out.strip().splitlines()[-1]


def test_the_command_writes_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path / "out")
    assert run("report", tmp_path / "out") == 0
    assert last_line(capsys) == f"Report in {tmp_path / 'out' / 'report.html'}"
    assert (tmp_path / "out" / "report.html").read_bytes().startswith(b"<!DOCTYPE html>")


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is no folder" in error_of(capsys, "report", tmp_path / "none")
    (tmp_path / "results.json").write_text("{", encoding="utf-8")
    assert "results.json" in error_of(capsys, "report", tmp_path)


def test_tests_and_limits_end_with_a_report(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = folder / "report.html"
    assert run("test", folder, *QUICK) == 0
    assert last_line(capsys) == f"Report in {report}"
    tested = report.read_text(encoding="utf-8")
    assert 'id="tests"' in tested
    assert 'id="limits"' not in tested
    plain = ("--signals", "hlfv_taue", "--equalise", "none", "--luminosities", "1")
    assert run("limit", folder, *plain) == 0
    assert last_line(capsys) == f"Report in {report}"
    both = report.read_text(encoding="utf-8")
    assert 'id="tests"' in both
    assert 'id="limits"' in both
    # Without one, none is left that would show other numbers.
    assert run("limit", folder, *plain, "--no-report") == 0
    assert last_line(capsys) == f"Removed {report}, which was of earlier results"
    assert not report.exists()
    assert run("limit", folder, *plain, "--no-report") == 0
    assert last_line(capsys).startswith("Results in")


def test_earlier_tests_stay_unless_they_are_to_be_replaced(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def results() -> dict[str, Any]:
        content: dict[str, Any] = json.loads((folder / "results.json").read_text("utf-8"))
        return content

    assert run("test", folder, *QUICK) == 0
    first = results()["tests"]
    assert run("test", folder, *QUICK, "--columns", "lead_pt") == 0
    assert "Kept: 1 earlier tests" in capsys.readouterr().out
    assert results()["earlier_tests"] == [first]
    assert results()["tests"] != first
    assert ProcessedFolder(folder).strangers() == []
    assert run("test", folder, *QUICK, "--columns", "lead_pt", "--overwrite") == 0
    assert results()["earlier_tests"] == []


def test_figures_of_limits_and_scans_stay_when_tests_are_run_anew(folder: Path) -> None:
    processed = ProcessedFolder(folder)
    processed.figures.mkdir()
    names = ["limits.png", "old.png", "scan_map.png"]
    for name in names:
        (processed.figures / name).touch()
    processed.update_results(
        limits={**LIMITS, "figures": names[:1]}, scan={"figures": names[2:]}, figures=names
    )
    assert run("test", folder, *QUICK) == 0
    assert processed.results().figures == ["limits.png", "scan_map.png"]
    assert {x.name for x in processed.figures.iterdir()} == {"limits.png", "scan_map.png"}


def test_no_report_is_worth_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "temporary")
    (tmp_path / "temporary" / "report.html").write_text("mine", encoding="utf-8")
    said = html_report.update_report(tmp_path / "temporary", shown=Path("named"))
    assert said.startswith("! The report is left out: named/report.html: was not made by emusym")

    def broken(*arguments: Any) -> None:
        raise RuntimeError("of\nsome kind")

    monkeypatch.setattr("eμsym.report.write_report", broken)
    said = html_report.update_report(tmp_path / "temporary")
    assert said == "! The report is left out: of some kind"
    assert printable(said) == said


def test_help_of_every_command_is_not_cut_and_shows_an_example(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert {"run", "process", "test", "limit", "report", "check"} <= set(commands(capsys))
    assert "ddp-fig1" in commands(capsys, "reproduce")
    for group in ((), ("reproduce",)):
        for name in commands(capsys, *group):
            said = help_of(capsys, *group, name)
            example = said.split("For example:")[1].strip().splitlines()[0]
            assert example.strip().startswith(" ".join(["emusym", *group, name]))


def help_of(capsys: pytest.CaptureFixture[str], *names: str) -> str:
    """Return what a command says of itself, nothing of which may be cut."""
    assert run(*names, "--help") == 0
    usage, said = capsys.readouterr().out.split("\n\n", maxsplit=1)
    assert usage.startswith("Usage: emusym")
    assert "..." not in said
    return said


def commands(capsys: pytest.CaptureFixture[str], *names: str) -> list[str]:
    """Return the names of the commands that a group lists."""
    said = help_of(capsys, *names)
    listed = said.split("Commands:")[1].split("For example:")[0]
    return [line.split()[0] for line in listed.splitlines() if line[2:3].strip()]
