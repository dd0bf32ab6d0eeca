"""Paths as people have them: brackets, colons, hidden files, and folders that are shut."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eμsym.errors import InputFileError
from eμsym.processors.fileset import read_fileset
from eμsym.processors.find_format import find_format
from eμsym.processors.formats import DELPHES, FormatOptions
from eμsym.processors.inspection import inspect_file
from eμsym.processors.paths import expand
from eμsym.processors.run_config import read_run_config
from tests.delphes_file import emu


def touched(folder: Path, *names: str) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return [str(folder / name) for name in names]


@pytest.mark.parametrize(
    "name", ["a b.root", "a:b.root", "run[1].root", "x?.root", "-x.root", "a::b.root", "~x.root"]
)
def test_a_file_that_is_there_is_itself(tmp_path: Path, name: str) -> None:
    (path,) = touched(tmp_path, name)
    touched(tmp_path, "run1.root", "xy.root")
    assert expand(path) == [path]
    assert expand(f"file://{path}") == [path]


@pytest.mark.parametrize("name", ["a::b.root", "~x.root", "a:Delphes", "x?y#z.root", "%41.root"])
def test_a_file_is_opened_whatever_its_name(
    delphes_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = delphes_file([emu()])
    path = path.rename(path.with_name(name))
    monkeypatch.chdir(path.parent)
    for each in (name, str(path)):
        report = inspect_file(each)
        assert (report.problem, report.entries) == (None, 1)


def test_globs_and_folders(tmp_path: Path) -> None:
    paths = touched(tmp_path, "a1.root", "a2.root", "b.ROOT")
    touched(tmp_path, "._a1.root", ".hidden.root", "notes.txt", "a3.root.part")
    assert expand(str(tmp_path)) == paths
    assert expand(str(tmp_path / "*.root")) == paths[:2]
    assert expand(str(tmp_path / "a[12].root")) == paths[:2]
    with pytest.raises(InputFileError, match=r"b\*\.root: no file matches"):
        expand(str(tmp_path / "b*.root"))
    touched(tmp_path / "empty", ".x.root")
    with pytest.raises(InputFileError, match=r"empty: is a folder without .root or .parquet files"):
        expand(str(tmp_path / "empty"))


@pytest.mark.parametrize("folder", ["signal [v2]", "run[12]", "what?", "a*b"])
def test_a_folder_that_is_there_is_no_pattern(tmp_path: Path, folder: str) -> None:
    mine = touched(tmp_path / folder, "a.root", "b.root")
    for other in ("signal v", "run1", "whatx", "aab"):
        touched(tmp_path / other, "c.root")
    pattern = tmp_path / folder / "*.root"
    assert expand(str(pattern)) == mine
    (tmp_path / folder / "f.json").write_text('{"x": ["*.root"]}', encoding="utf-8")
    assert list(read_fileset([tmp_path / folder / "f.json"])[0].files) == mine
    (tmp_path / folder / "c.toml").write_text("inputs = ['*.root']", encoding="utf-8")
    config = read_run_config(tmp_path / folder / "c.toml")
    assert list(read_fileset(config.inputs)[0].files) == mine


def test_a_pattern_stays_one_where_no_such_folder_is(tmp_path: Path) -> None:
    one, two = touched(tmp_path / "run1", "a.root"), touched(tmp_path / "run2", "a.root")
    assert expand(str(tmp_path / "run[12]" / "*.root")) == [*one, *two]


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.root")
    (plain,) = touched(tmp_path, "plain")
    for path, problem in (
        (tmp_path / "pipe.root", "is a pipe"),
        (tmp_path / ("x" * 300 + ".root"), "File name too long"),
        (f"{plain}/a.root", "does not exist"),
        ("/dev/null", "is a device"),
        ("a\0b.root", "null"),
        ("/data/a.root " * 500, "File name too long"),
    ):
        (found,) = expand(str(path))
        report = inspect_file(found)
        assert report.problem is not None
        assert report.problem.startswith(f"{path}: ")
        assert problem in report.problem


def test_a_pipe_is_not_read_for_its_format(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.root")
    # Whoever reads it finds a Parquet file's first bytes, and does not wait.
    pipe = os.open(tmp_path / "pipe.root", os.O_RDWR)
    try:
        os.write(pipe, b"PAR1")
        assert find_format(read_fileset([tmp_path / "pipe.root"]), FormatOptions()) is DELPHES
        assert os.read(pipe, 4) == b"PAR1"
    finally:
        os.close(pipe)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    (path,) = touched(tmp_path, os.fsdecode(b"caf\xe9.root"))
    for item in (path, str(tmp_path), str(tmp_path / "*.root")):
        with pytest.raises(InputFileError, match="no UTF-8; rename it"):
            expand(item)


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The superuser may read every folder; the operating system's answer is put in its place.
    def refuse(path: object, *arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(InputFileError, match="Permission denied"):
        expand(str(tmp_path))
    monkeypatch.undo()
    monkeypatch.setattr(Path, "stat", refuse)
    problem = inspect_file(str(tmp_path / "a.root")).problem
    assert (
        problem == f"{tmp_path}/a.root: cannot be read (Permission denied); check its permissions"
    )
