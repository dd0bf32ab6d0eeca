"""Files are written whole or not at all, whatever interrupts; their names, and JSON."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from eμsym.errors import ConfigurationError, EmusymError, InputFileError, OutputError
from eμsym.files import (
    as_file_name,
    read_json,
    whole_file,
    whole_folder,
    write_json,
)
from tests.interrupted_writing import INTERRUPTIONS, everything_in


def interrupted_file(path: Path, failure: BaseException | type[BaseException]) -> None:
    with whole_file(path) as temporary:
        temporary.write_text("half")
        raise failure


def test_a_file_appears_under_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "result.txt"
    with whole_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == tmp_path  # on the same disk, or it could not be renamed
        temporary.write_text("whole")
    assert everything_in(tmp_path) == {"result.txt": "whole"}


def test_a_file_replaces_an_older_one(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with whole_file(str(path)) as temporary:
        temporary.write_text("new")
    assert everything_in(tmp_path) == {"result.txt": "new"}


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
def test_an_interrupted_file_leaves_nothing_new_and_the_old_one_as_it_was(interruption, tmp_path):
    (tmp_path / "old.txt").write_text("old")
    for name in ("old.txt", "new.txt"):
        with pytest.raises(interruption):
            interrupted_file(tmp_path / name, interruption)
    assert everything_in(tmp_path) == {"old.txt": "old"}


def test_an_interruption_before_anything_is_written_is_told_as_it_is(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "new.txt"):
        raise KeyboardInterrupt
    assert everything_in(tmp_path) == {}


def test_a_file_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "plain").write_text("text")
    path = tmp_path / "plain" / "result.txt"
    with pytest.raises(
        OutputError, match=r"result\.txt: cannot be written \(.*plain is not a folder"
    ):
        write_json(path, {})
    assert everything_in(tmp_path) == {"plain": "text"}


def test_a_file_in_a_folder_that_is_not_there_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="nowhere is not a folder"):
        write_json(tmp_path / "nowhere" / "result.json", {})
    assert everything_in(tmp_path) == {}


def test_a_file_does_not_replace_a_folder(tmp_path):
    (tmp_path / "result.json").mkdir()
    with pytest.raises(OutputError, match="Is a directory"):
        write_json(tmp_path / "result.json", {})
    assert everything_in(tmp_path) == {"result.json": "folder"}


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError) as error:
        interrupted_file(tmp_path / "result.txt", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert "No space left on device" in str(error.value)
    assert "result.txt" in str(error.value)
    assert "\n" not in str(error.value)
    assert everything_in(tmp_path) == {}


def test_errors_of_this_program_pass_unchanged(tmp_path):
    with pytest.raises(InputFileError, match=r"^its own words$"), whole_file(tmp_path / "x"):
        raise InputFileError("its own words")
    with pytest.raises(InputFileError, match=r"^its own words$"), whole_folder(tmp_path / "y"):
        raise InputFileError("its own words")
    assert everything_in(tmp_path) == {}


@pytest.mark.parametrize("name", ["x" * 255, "μ" * 127])
def test_names_as_long_as_the_disk_allows_can_be_written(name, tmp_path):
    write_json(tmp_path / name, {})
    with whole_folder(tmp_path / f"{name[:-1]}y"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {name, f"{name[:-1]}y"}


@pytest.mark.parametrize("name", ["..", ".", "a/b", "H→τμ", "", "x" * 400, "x" * 401, "μ" * 99])
def test_any_name_makes_a_file_name_of_its_own(name):
    made = as_file_name(name, ".parquet")
    assert made == Path(made).name
    assert made.endswith(".parquet")
    assert made.isascii()
    assert not made.startswith(".") or name == ""
    assert len(made) < 220
    others = {as_file_name(other, ".parquet") for other in ("x" * 402, "%2E", "a%2Fb", "μ" * 98)}
    assert made not in others


def test_json_comes_back_as_it_was_written(tmp_path):
    data = {"schema": "a/b", "names": ["eμ", "μe"], "values": [1.5, None, True], "deep": {"x": 1}}
    write_json(tmp_path / "x.json", data)
    assert read_json(tmp_path / "x.json", schema="a/b") == data
    assert json.loads((tmp_path / "x.json").read_bytes().decode("utf-8")) == data
    assert "eμ" in (tmp_path / "x.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [np.nan, np.inf, object()])
def test_what_is_not_json_is_not_written(value, tmp_path):
    (tmp_path / "x.json").write_text("old")
    with pytest.raises((ValueError, TypeError)):
        write_json(tmp_path / "x.json", {"z": value})
    assert everything_in(tmp_path) == {"x.json": "old"}


@pytest.mark.parametrize(
    "content, error, says",
    [
        (None, InputFileError, r"x\.json: cannot be read \(No such file"),
        (b"", InputFileError, "is not JSON"),
        (b'{"schema": "a/b"', InputFileError, "is not JSON"),
        (b"\x80\x81", InputFileError, "is not JSON"),
        (b"{}", ConfigurationError, "schema is None, expected 'a/b'"),
        (b'{"schema": "a/b", "version": 2}', ConfigurationError, "version 2 of a/b, this program"),
        (b'{"schema": "b/c"}', ConfigurationError, "schema is 'b/c', expected 'a/b'"),
        (b'["schema"]', ConfigurationError, "schema is None"),
    ],
)
def test_json_that_is_not_what_it_should_be_is_refused(content, error, says, tmp_path):
    if content is not None:
        (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(error, match=says):
        read_json(tmp_path / "x.json", schema="a/b")
    assert issubclass(error, EmusymError)


def test_a_folder_is_not_json(tmp_path):
    with pytest.raises(InputFileError, match="Is a directory"):
        read_json(tmp_path)
