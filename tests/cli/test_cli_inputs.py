"""What the command takes as inputs, and how it shows their names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eμsym import __version__
from tests.command_line import error_of, run


def test_run_takes_files_and_a_configuration_in_any_order(tmp_path: Path, sample: Path) -> None:
    (tmp_path / "c.toml").write_text("dataset = 'mine'", encoding="utf-8")
    file, other = sample / "zz.root", sample / "wz.root"
    quick = ["--permutations", 1, "--equalise", "none"]
    assert run("run", file, tmp_path / "c.toml", "-i", other, "-o", tmp_path / "o", *quick) == 0
    results = json.loads((tmp_path / "o" / "results.json").read_text(encoding="utf-8"))
    assert [(each["dataset"], each["path"]) for each in results["inputs"]] == [
        ("mine", str(file)),
        ("mine", str(other)),
    ]


def test_run_takes_one_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = error_of(capsys, "run", "a.toml", "b.toml", "-o", tmp_path / "o")
    assert "b.toml: a second configuration" in line


def test_the_module_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "emusym"]
    done = subprocess.run([*command, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"emusym, version {__version__}\n")
    done = subprocess.run([*command, "check", "no.root"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 2


NAMES = {
    "run[old].root": "run[old].root",
    "log[bold]x.root": "log[bold]x.root",
    ":smile:.root": ":smile:.root",
    "a\x1b[31mb.root": r"a\x1b[31mb.root",
    "two\nlines.root": r"two\nlines.root",
    "turned\u202etoor.root": r"turned\u202etoor.root",
}


@pytest.mark.parametrize("name, shown", NAMES.items(), ids=range(len(NAMES)))
def test_names_are_shown_as_they_are(
    tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str], name: str, shown: str
) -> None:
    path = tmp_path / name
    path.symlink_to(sample / "zz.root")
    assert run("check", path) == 0
    assert capsys.readouterr().out.startswith(f"ok   {tmp_path}/{shown}: ")
    path.unlink()
    path.write_text("no tree\n", encoding="utf-8")
    assert run("check", path) == 2
    assert capsys.readouterr().out.startswith(f"bad  {tmp_path}/{shown}: is not a ROOT file")
    assert f"{shown}: is not a ROOT" in error_of(capsys, "process", path, "-o", tmp_path / "o")


def test_check_says_how_much_is_asked_for(
    tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"object_path": "Delphes", "steps": [[0, 10], [20, 25]]}
    (tmp_path / "f.json").write_text(
        json.dumps({"zz": {"files": {str(sample / "zz.root"): known}}}), encoding="utf-8"
    )
    assert run("check", "--deep", tmp_path / "f.json") == 0
    assert (
        "events (Delphes), of which 15 are asked for, all needed values" in capsys.readouterr().out
    )
    assert run("process", tmp_path / "f.json", "-o", tmp_path / "o") == 0
    assert "the fileset's steps ask for 15 of the" in capsys.readouterr().out


LONG = "z" * 300
COMMANDS = {
    "process": ["process", "SAMPLE", "-o", LONG],
    "process below": ["process", "SAMPLE", "-o", f"{LONG}/o"],
    "run": ["run", "-o", LONG],
    "simulate": ["simulate", "wz", "-n", 4, "-o", f"{LONG}.root"],
    "simulate below": ["simulate", "wz", "-n", 4, "-o", f"{LONG}/a.root"],
    "toys": ["toys", "STUDY", "-o", LONG],
    "reproduce": ["reproduce", "ddp-fig2", "-o", LONG],
    "test": ["test", LONG],
    "a study": ["toys", LONG],
    "a configuration": ["run", f"{LONG}.toml"],
    "a correction": ["test", "FOLDER", "--equalise", f"{LONG}.json"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_name_that_is_too_long_is_one_line_at_once(
    tmp_path: Path,
    sample: Path,
    processed_sample: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: list[object],
) -> None:
    monkeypatch.chdir(tmp_path)
    row = "name = 'r'\nsource = 'toy'\nn_a = 9\nn_b = 9\ntoys = 1\n"
    study = f"[[tests]]\nkind = 'spline'\n[[rows]]\n{row}"
    (tmp_path / "s.toml").write_text(f"name = 's'\nseed = 1\n{study}", encoding="utf-8")
    places = {"SAMPLE": sample / "zz.root", "STUDY": "s.toml", "FOLDER": processed_sample}
    line = error_of(capsys, *(places.get(str(word), word) for word in command))
    assert "(File name too long)" in line
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]
