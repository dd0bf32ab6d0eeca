"""Filesets: coffea's JSON, bare files, globs and folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eμsym.errors import ConfigurationError, InputFileError
from eμsym.processors.fileset import DEFAULT_TREE, read_fileset
from eμsym.recipes import embedded_fileset


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_embedded_fileset_is_whole_and_small() -> None:
    datasets = read_fileset([embedded_fileset()])
    files = [Path(path) for dataset in datasets for path in dataset.files]
    assert all(path.is_file() for path in files)
    assert sum(path.stat().st_size for path in files) < 8e6
    assert {d.metadata.role for d in datasets} == {"background", "signal"}


def test_paths_are_relative_to_the_fileset_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "beside.root").touch()
    (tmp_path / "here.root").touch()
    path = write(
        tmp_path / "sub" / "f.json",
        {"d": {"files": {"beside.root": "T", "here.root": "T", "root://h//x.root": "T"}}},
    )
    monkeypatch.chdir(tmp_path)
    (dataset,) = read_fileset([path])
    assert list(dataset.files) == [
        str(tmp_path / "sub" / "beside.root"),
        "here.root",
        "root://h//x.root",
    ]


@pytest.mark.parametrize(
    "entry, expected",
    [
        (["a.root"], {"a.root": DEFAULT_TREE}),
        ({"files": ["a.root"]}, {"a.root": DEFAULT_TREE}),
        ({"files": ["a.root"], "treename": "T"}, {"a.root": "T"}),
        ({"files": {"a.root": "T"}}, {"a.root": "T"}),
        ({"files": {"a.root": {"object_path": "T", "steps": [[0, 5]]}}}, {"a.root": "T"}),
    ],
)
def test_every_form_that_coffea_writes(tmp_path: Path, entry: Any, expected: Any) -> None:
    (dataset,) = read_fileset([write(tmp_path / "f.json", {"d": entry})])
    assert {Path(path).name: tree for path, tree in dataset.files.items()} == expected


@pytest.mark.parametrize(
    "content, message",
    [
        ([], "is not a fileset"),
        ({}, "is not a fileset"),
        ({"d": 3}, "dataset 'd': has no files"),
        ({"d": {"files": {}}}, "dataset 'd': has no files"),
        ({"d": {"files": {"a": "T"}, "metdata": {}}}, "unknown key 'metdata'"),
        ({"d": {"files": {"a": "T"}, "metadata": {"role": "noise"}}}, "metadata.role = 'noise'"),
        ({"d": {"files": {"a": "T"}, "metadata": {"n_generated": -3}}}, "n_generated = -3"),
    ],
)
def test_bad_filesets_are_named(tmp_path: Path, content: Any, message: str) -> None:
    path = write(tmp_path / "f.json", content)
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_fileset([path])
    assert str(path) in str(caught.value)


def test_no_json_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputFileError, match="is not JSON"):
        read_fileset([tmp_path / "f.json"])
    with pytest.raises(InputFileError, match="cannot be read"):
        read_fileset([tmp_path / "absent.json"])


def test_globs_and_folders_become_one_dataset_of_data(tmp_path: Path) -> None:
    for name in ("b.root", "a.root", "c.txt"):
        (tmp_path / name).touch()
    expected = [str(tmp_path / "a.root"), str(tmp_path / "b.root")]
    for item in (f"{tmp_path}/*.root", str(tmp_path)):
        (dataset,) = read_fileset([item], dataset="run3", tree="T")
        assert (dataset.name, dataset.metadata.role) == ("run3", "data")
        assert list(dataset.files) == expected
        assert set(dataset.files.values()) == {"T"}


def test_what_cannot_be_found_or_is_given_twice(tmp_path: Path) -> None:
    (tmp_path / "a.root").touch()
    with pytest.raises(InputFileError, match="no file matches"):
        read_fileset([f"{tmp_path}/*.txt"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputFileError, match=r"folder without \.root or \.parquet files"):
        read_fileset([tmp_path / "empty"])
    with pytest.raises(ConfigurationError, match="given twice"):
        read_fileset([tmp_path / "a.root", f"{tmp_path}/*.root"])
    with pytest.raises(ConfigurationError, match="nothing to process"):
        read_fileset([])
    path = write(tmp_path / "f.json", {"d": ["a.root"]})
    with pytest.raises(ConfigurationError, match="dataset 'd' is given twice"):
        read_fileset([path, path])


def test_filesets_may_hold_parts_of_a_dataset(tmp_path: Path) -> None:
    """Two samples of one process made with two seeds are one of the sum of their events."""

    def part(name: str, **metadata: Any) -> Path:
        known = {"cross_section_pb": 2.0, "role": "background", **metadata}
        entry = {"files": {f"{name}.root": "T"}, "metadata": known}
        (tmp_path / f"{name}.root").touch()
        return write(tmp_path / f"{name}.json", {"zz": entry, name: [f"{name}.root"]})

    one = part("a", n_generated=1000.0, luminosity_ifb=0.5, entries=100, seed=1, filter="eμ")
    two = part("b", n_generated=3000.0, luminosity_ifb=1.5, entries=310, seed=2, filter="eμ")
    whole, _, _ = read_fileset([one, two])
    assert (whole.name, [Path(file).name for file in whole.files]) == ("zz", ["a.root", "b.root"])
    known = whole.metadata
    assert (known.n_generated, known.luminosity_ifb, known.entries) == (4000.0, 2.0, 410)
    assert known.cross_section_pb == 2.0
    assert known.model_extra == {"filter": "eμ"}
    for other in ({"cross_section_pb": 2.1}, {"role": "signal"}, {}):
        third = part("c", **other)
        with pytest.raises(ConfigurationError, match="'zz' is given twice, once with"):
            read_fileset([one, third])
