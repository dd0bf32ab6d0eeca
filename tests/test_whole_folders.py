"""Folders are written whole or not at all, whatever interrupts."""

from __future__ import annotations

import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from eμsym.errors import OutputError
from eμsym.files import (
    RESULTS_FILE,
    whole_file,
    whole_folder,
    write_json,
)
from tests.interrupted_writing import INTERRUPTIONS, everything_in


def results_in(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / RESULTS_FILE).write_text(text)
    return folder


def interrupted_folder(path: Path, failure: type[BaseException], overwrite: bool) -> None:
    with whole_folder(path, overwrite=overwrite, strangers=strangers) as temporary:
        (temporary / RESULTS_FILE).write_text("half")
        (temporary / "sub").mkdir()
        raise failure


def strangers(folder: Path) -> list[str]:
    """Return all but the results."""
    return sorted(path.name for path in folder.iterdir() if path.name != RESULTS_FILE)


def written_folder(path: Path, text: str, overwrite: bool = False) -> None:
    with whole_folder(path, overwrite=overwrite, strangers=strangers) as temporary:
        (temporary / RESULTS_FILE).write_text(text)


def test_a_folder_appears_under_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "out"
    with whole_folder(path) as temporary:
        (temporary / "x.txt").write_text("x")
        (temporary / "sub").mkdir()
        assert not path.exists()
    assert everything_in(tmp_path / "deep") == {
        "out": "folder",
        "out/sub": "folder",
        "out/x.txt": "x",
    }


def test_a_folder_is_as_public_as_any_other(tmp_path):
    (tmp_path / "usual").mkdir()
    with whole_folder(tmp_path / "out"):
        pass
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "out")}
    assert len(modes) == 1


def test_an_empty_folder_may_be_there_already(tmp_path):
    (tmp_path / "out").mkdir()
    with whole_folder(tmp_path / "out") as temporary:
        (temporary / "x.txt").write_text("x")
    assert everything_in(tmp_path) == {"out": "folder", "out/x.txt": "x"}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("interruption", INTERRUPTIONS)
def test_an_interrupted_folder_leaves_nothing_new(interruption, overwrite, tmp_path):
    with pytest.raises(interruption):
        interrupted_folder(tmp_path / "out", interruption, overwrite)
    assert everything_in(tmp_path) == {}


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
def test_old_results_survive_an_interrupted_run(interruption, tmp_path):
    out = results_in(tmp_path / "out", "old")
    with pytest.raises(interruption):
        interrupted_folder(out, interruption, overwrite=True)
    assert everything_in(tmp_path) == {"out": "folder", f"out/{RESULTS_FILE}": "old"}


def test_old_results_are_replaced_whole_where_asked_for(tmp_path):
    out = results_in(tmp_path / "out", "old")
    written_folder(out, "new", overwrite=True)
    assert everything_in(tmp_path) == {"out": "folder", f"out/{RESULTS_FILE}": "new"}


def test_old_results_are_not_replaced_unless_asked_for(tmp_path):
    out = results_in(tmp_path / "out", "old")
    with pytest.raises(OutputError, match="earlier results; give --overwrite"):
        written_folder(out, "new")
    assert everything_in(tmp_path) == {"out": "folder", f"out/{RESULTS_FILE}": "old"}


@pytest.mark.parametrize("where", [".", "..", "../../deep"])
def test_the_folder_that_one_stands_in_is_not_replaced(where, tmp_path, monkeypatch):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / ("er" if where != "." else ""))
    (tmp_path / "deep" / RESULTS_FILE).write_text("old")
    message = rf"^{re.escape(where)}: is where you are; give a new folder, as -o "
    with pytest.raises(OutputError, match=message), whole_folder(where, overwrite=True):
        pytest.fail("work was begun that cannot be kept")
    assert (tmp_path / "deep" / RESULTS_FILE).read_text() == "old"


@pytest.mark.parametrize("where", [".", "me"])
def test_a_home_folder_is_not_replaced(where, tmp_path, monkeypatch):
    home = tmp_path / "users" / "me"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    out = results_in(tmp_path / "users" / where, "old")
    with pytest.raises(OutputError, match="is or holds your home folder"):
        written_folder(out, "new", overwrite=True)
    assert (out / RESULTS_FILE).read_text() == "old"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_is_not_ours_is_never_replaced(overwrite, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years")
    with (
        pytest.raises(OutputError, match="not ours"),
        whole_folder(tmp_path / "thesis", overwrite=overwrite),
    ):
        pytest.fail("work was begun that cannot be kept")
    assert everything_in(tmp_path) == {"thesis": "folder", "thesis/chapter.tex": "years"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_is_never_replaced_by_a_folder(overwrite, tmp_path):
    (tmp_path / "out").write_text("a file")
    with (
        pytest.raises(OutputError, match="is a file"),
        whole_folder(tmp_path / "out", overwrite=overwrite),
    ):
        pytest.fail("work was begun that cannot be kept")
    assert everything_in(tmp_path) == {"out": "a file"}


def test_what_others_put_there_during_the_run_is_not_replaced(tmp_path):
    out = tmp_path / "out"

    def slow_run():
        with whole_folder(out):
            out.mkdir()
            (out / "chapter.tex").write_text("years")

    with pytest.raises(OutputError, match="not ours"):
        slow_run()
    assert everything_in(tmp_path) == {"out": "folder", "out/chapter.tex": "years"}


@pytest.mark.parametrize("failure", [OSError(5, "Input/output error"), KeyboardInterrupt()])
def test_old_results_come_back_if_the_new_ones_cannot_be_moved(failure, tmp_path, monkeypatch):
    out = results_in(tmp_path / "out", "old")
    rename = Path.rename
    monkeypatch.setattr("eμsym.swap.exchanged", lambda one, other: False)

    def failing_once_the_way_is_free(self, target):
        if Path(target) == out and (self / RESULTS_FILE).read_text() == "new":
            raise failure
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing_once_the_way_is_free)
    expected = OutputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        written_folder(out, "new", overwrite=True)
    assert everything_in(tmp_path) == {"out": "folder", f"out/{RESULTS_FILE}": "old"}


@pytest.mark.parametrize("at_once", [False, True])
def test_what_others_put_beside_the_results_during_the_run_is_kept(at_once, tmp_path, monkeypatch):
    if not at_once:
        monkeypatch.setattr("eμsym.swap.exchanged", lambda one, other: False)
    out = results_in(tmp_path / "out", "old")
    seen = []

    def asked_twice(folder: Path) -> list[str]:
        found = strangers(folder)
        seen.append(found)
        if len(seen) == 2:  # the last look before the new folder takes the place
            (out / "note.txt").write_text("mine")
        return found

    def slow_run():
        with whole_folder(out, overwrite=True, strangers=asked_twice) as temporary:
            (temporary / RESULTS_FILE).write_text("new")

    with pytest.raises(OutputError, match=r"not ours \(note\.txt\)"):
        slow_run()
    assert seen == [[], [], ["note.txt"]]
    assert everything_in(tmp_path) == {
        "out": "folder",
        "out/note.txt": "mine",
        f"out/{RESULTS_FILE}": "old",
    }


#: A process that gets as far as writing or replacing, and is killed there.
KILLED = """
import os, signal, sys
from pathlib import Path
import eμsym.swap
from eμsym.files import whole_file, whole_folder

def die(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

out, when = Path(sys.argv[1]), sys.argv[2]
if when == "set aside":
    eμsym.swap.exchanged = lambda one, other: False
    rename = Path.rename
    Path.rename = lambda self, target: rename(self, target) if self == out else die()
if when == "in place":
    import shutil
    shutil.rmtree = die
if when == "file":
    with whole_file(out / "x.txt") as temporary:
        temporary.write_text("half")
        die()
with whole_folder(out, overwrite=True, strangers=lambda folder: []) as temporary:
    (temporary / "results.json").write_text("new")
    if when == "half":
        die()
"""


def killed(out: Path, when: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(out), when], check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "when, left", [("half", "old"), ("set aside", None), ("in place", "new"), ("file", "old")]
)
def test_after_a_kill_the_results_are_whole_and_the_next_run_tidies_up(when, left, tmp_path):
    out = results_in(tmp_path / "out", "old")
    killed(out, when)
    assert (out.exists() and (out / RESULTS_FILE).read_text()) == (left or False)
    assert len(list(tmp_path.rglob(".*"))) == {"set aside": 2}.get(when, 1)
    written_folder(tmp_path / "other", "other")
    if when == "file":
        write_json(out / "y.json", {})
        (out / "y.json").unlink()
    kept = left or "old"  # what was set aside is put back
    assert everything_in(tmp_path) == {
        "other": "folder",
        f"other/{RESULTS_FILE}": "other",
        "out": "folder",
        f"out/{RESULTS_FILE}": kept,
    }
    written_folder(out, "newer", overwrite=True)
    assert (out / RESULTS_FILE).read_text() == "newer"


def test_what_a_living_process_writes_is_left_alone(tmp_path):
    with whole_folder(tmp_path / "a") as temporary, whole_file(tmp_path / "b") as file:
        file.write_text("half")
        written_folder(tmp_path / "out", "new")
        assert temporary.is_dir()
        assert file.is_file()


def test_what_another_machine_writes_is_left_alone(tmp_path):
    killed(tmp_path / "out", "half")
    (left,) = tmp_path.glob(".out.partial-*")
    head, _, process, ending = left.name.rsplit("-", 3)
    left.rename(left.with_name(f"{head}-{'0' * 10}-{process}-{ending}"))
    written_folder(tmp_path / "other", "other")
    assert len(list(tmp_path.glob(".out.partial-*"))) == 1


def test_a_folder_below_a_file_cannot_be_made(tmp_path):
    (tmp_path / "plain").write_text("text")
    with (
        pytest.raises(OutputError, match=r"out: cannot be written \((Not a dir|File exists)"),
        whole_folder(tmp_path / "plain" / "out"),
    ):
        pytest.fail("work was begun that cannot be kept")
    assert everything_in(tmp_path) == {"plain": "text"}


@pytest.mark.parametrize("there", [False, True])
def test_a_link_to_a_folder_stays_a_link_and_its_folder_gets_the_results(there, tmp_path):
    target = tmp_path / "large-disk"
    if there:
        results_in(target, "old")
    (tmp_path / "out").symlink_to(target)
    written_folder(tmp_path / "out", "new", overwrite=True)
    assert (tmp_path / "out").is_symlink()
    assert everything_in(target) == {RESULTS_FILE: "new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["large-disk", "out"]
