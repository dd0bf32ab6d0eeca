"""JSON and TOML of users: what says two things, nothing, or never ends is one line."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eμsym import read_correction, read_pair
from eμsym.errors import EmusymError, InputFileError
from eμsym.files import read_json
from eμsym.input_files import DEEPEST, parse_json, read_bytes, read_toml


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def test_what_is_json_is_read_as_python_reads_it() -> None:
    text = '{"a": [1, 2.5, null, true, "μ \\ud83d\\ude00"], "b": {"a": -1e-7}, "": ""}'
    assert parse_json(text, "it") == json.loads(text)
    assert parse_json(b"\xef\xbb\xbf" + text.encode(), "it") == json.loads(text)
    assert parse_json(nested(DEEPEST), "it") == json.loads(nested(DEEPEST))
    assert parse_json('{"x": 1}', "it", object_hook=lambda found: [*found.items()]) == [("x", 1)]


@pytest.mark.parametrize(
    "text, problem",
    [
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"x": [{"b": 0, "c": 1, "b": 0}]}', "the key 'b' stands twice"),
        ('{"a": 1, "\\u0061": 2}', "the key 'a' stands twice"),
        ("[NaN]", "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ("[1e999]", "1e999 is out of the range"),
        (f"[{'9' * 5000}]", "is not JSON"),
        ('["\\ud800"]', "is not JSON"),
        ('{"\\udfff": 1}', "is not JSON"),
        (nested(DEEPEST + 1), "nests more than"),
        (nested(100_000), "nests too deeply"),
        ('{"a":' * 100_000, "nests too deeply"),
        ("", "is not JSON"),
        ("{} {}", "is not JSON"),
        (b"\xff\xfe[\x00]\x00", "is not JSON"),
        (b'"\xe9"', "is not JSON"),
    ],
)
def test_what_is_not_is_one_line(text: str | bytes, problem: str) -> None:
    with pytest.raises(InputFileError, match=problem) as caught:
        parse_json(text, "f.json")
    assert str(caught.value).startswith("f.json: ")
    assert "\n" not in str(caught.value)


#: Readers of JSON that users give, with a file of each that says something twice.
TWICE: list[tuple[Callable[[Path], object], str]] = [
    (read_json, '{"a": 1, "a": 2}'),
    (read_pair, '{"schema": "emusym/pair", "schema": "emusym/pair"}'),
    (
        read_correction,
        '{"schema_version": 2, "corrections": [], "schema_version": 2}',
    ),
]


@pytest.mark.parametrize("read, text", TWICE, ids=["any", "a pair", "a correction"])
def test_no_reader_drops_what_stands_first(
    tmp_path: Path, read: Callable[[Path], object], text: str
) -> None:
    (tmp_path / "f.json").write_text(text, encoding="utf-8")
    with pytest.raises(EmusymError, match="stands twice"):
        read(tmp_path / "f.json")


def test_compressed_files_are_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "f.json.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}'))
    assert read_json(path) == {"a": 1}
    whole = path.read_bytes()
    for damaged in (whole[:-9], whole[:12] + b"\xff\xff" + whole[14:], b"\x1f\x8b"):
        path.write_bytes(damaged)
        with pytest.raises(InputFileError, match=r"f\.json\.gz: cannot be read .unpacking"):
            read_json(path)


def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eμsym.input_files.LARGEST", 1000)
    (tmp_path / "f.json").write_bytes(gzip.compress(b'"' + b"a" * 2000 + b'"'))
    with pytest.raises(InputFileError, match="unpacks to more than"):
        read_json(tmp_path / "f.json")


def test_pipes_folders_and_bad_names_never_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(InputFileError, match=r"pipe\.json: cannot be read \(it is a pipe\)"):
        read_json(tmp_path / "pipe.json")
    with pytest.raises(InputFileError, match="Is a directory"):
        read_bytes(tmp_path)
    with pytest.raises(InputFileError, match="is a device"):
        read_toml("/dev/zero")
    with pytest.raises(InputFileError, match="No such file"):
        read_bytes(tmp_path / "absent.json")
    with pytest.raises(InputFileError, match="File name too long"):
        read_bytes(tmp_path / ("x" * 300 + ".json"))
    with pytest.raises(InputFileError, match="Not a directory"):
        read_bytes(tmp_path / "pipe.json" / "f.json")
    with pytest.raises(InputFileError, match="null"):
        read_bytes("a\0b.json")


def test_a_pair_in_a_pipe_or_under_a_bad_name_is_one_line(tmp_path: Path) -> None:
    for name in ("p.parquet", "p.json", "p.root"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputFileError, match="is a pipe"):
            read_pair(tmp_path / name)
    with pytest.raises(InputFileError, match="File name too long"):
        read_pair(tmp_path / ("x" * 300 + ".root"))
    with pytest.raises(InputFileError, match="does not exist"):
        read_pair(tmp_path / "absent.root")
    with pytest.raises(InputFileError, match="Not a directory"):
        read_pair(tmp_path / "p.json" / "a.root")


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_bytes(b"\xef\xbb\xbfa = [1, 'b']\r\n[c]\r\nd = 1979-05-27\r\n")
    found = read_toml(path)
    assert found["a"] == [1, "b"]
    assert found["c"]["d"].year == 1979
    for text in (
        "= 3",
        "a = 1\na = 2",
        "a = 2024-99-99",
        f"a = {'9' * 5000}",
        f"a = {nested(DEEPEST + 1)}",
        f"a = {nested(20_000)}",
        ".".join(["a"] * (DEEPEST + 2)) + " = 1",
        "a = '\udcff'",
    ):
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(InputFileError, match=r"f\.toml: is not TOML") as caught:
            read_toml(path)
        assert "\n" not in str(caught.value)
