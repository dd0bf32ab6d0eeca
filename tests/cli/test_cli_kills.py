"""Killed while new results take the place of old ones: both are whole, and a rerun ends right."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eμsym.recipes.simulation.delphes_layout import read_record
from tests.command_line import run

#: The command, killed where the last argument says.
KILLED = """
import os, signal, sys
from pathlib import Path

def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

*arguments, where = sys.argv[1:]
if where in ("before", "after", "set aside"):
    import eμsym.files, eμsym.swap
    take_place = eμsym.swap.take_place
    def killed(new, old):
        if where == "before":
            die()
        if where == "set aside":
            eμsym.swap.exchanged = lambda one, other: False
            rename = Path.rename
            Path.rename = lambda self, target: rename(self, target) if self == old else die()
        take_place(new, old)
        die()
    eμsym.files.take_place = killed
else:
    replace, seen = Path.replace, []
    def replaced(self, target):
        seen.append(target)
        if len(seen) > int(where):
            die()
        return replace(self, target)
    Path.replace = replaced
from eμsym.cli import main
main(arguments)
"""


def killed(*arguments: object) -> None:
    command = [sys.executable, "-c", KILLED, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def arguments_of(command: str, file: Path) -> list[object]:
    """Return the command's arguments for a file, as quick as they may be, but for the output's."""
    if command == "process":
        return [command, file, "--workers", 1, "--overwrite", "-o"]
    few = ["--permutations", 2, "--max-permutations", 2, "--minimizer", "newton"]
    return [command, "-i", file, "--workers", 1, *few, "--equalise", "none", "--overwrite", "-o"]


@pytest.fixture(scope="module")
def finished(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """What a command makes of a file of the sample, made once."""
    made: dict[tuple[str, str], Path] = {}

    def of(command: str, name: str) -> Path:
        if (command, name) not in made:
            folder = tmp_path_factory.mktemp(command) / name
            assert run(*arguments_of(command, sample / f"{name}.root"), folder) == 0
            made[command, name] = folder
        return made[command, name]

    return of


@pytest.mark.parametrize("command", ["process", pytest.param("run", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("where", "left"), [("before", "old"), ("after", "new"), ("set aside", None)]
)
def test_a_kill_while_old_results_are_replaced(
    tmp_path: Path,
    sample: Path,
    finished: Callable[[str, str], Path],
    command: str,
    where: str,
    left: str | None,
) -> None:
    old, again = finished(command, "ww"), finished(command, "wz")
    out = shutil.copytree(old, tmp_path / "out")
    new = arguments_of(command, sample / "wz.root")
    whole = {"old": contents(old), "new": contents(again), None: {}}
    killed(*new, out, where)
    assert contents(out) == whole[left]
    assert run(*new, out) == 0
    assert contents(out) == whole["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("renamed", [0, 1])
def test_a_kill_while_an_old_sample_is_replaced(tmp_path: Path, renamed: int) -> None:
    out, again = tmp_path / "a.root", tmp_path / "again" / "a.root"
    again.parent.mkdir()
    old = ["simulate", "wz", "--workers", 1, "--overwrite", "-n", 4, "-o"]
    new = ["simulate", "wz", "--workers", 1, "--overwrite", "-n", 7, "-o"]
    assert run(*old, out) == 0
    assert run(*new, again) == 0
    killed(*new, out, renamed)
    # What is there is whole, and no fileset stands beside events that are not its own.
    record = read_record(out)
    assert record is not None
    assert record["n_generated"] == (7 if renamed else 4)
    assert not out.with_suffix(".json").exists()
    assert run(*new, out) == 0
    made = {name: content for name, content in contents(tmp_path).items() if "/" not in name}
    assert made == contents(again.parent)
    fileset = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert fileset["wz"]["metadata"]["entries"] == read_record(again)["entries"]  # type: ignore[index]
