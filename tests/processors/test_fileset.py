"""Filesets: every form of coffea's, what they ask of a file, and everything that is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from coffea.dataset_tools.filespec import DataGroupSpec

from eμsym.errors import ConfigurationError, EmusymError, InputFileError, LostEventsError
from eμsym.processors.fileset import Dataset, Metadata, read_fileset
from eμsym.processors.folder import only_steps
from eμsym.processors.inspection import inspect_datasets, read_whole_file
from eμsym.processors.normalisation import normalise
from eμsym.processors.runner import process
from tests.delphes_file import emu

N = 20
MET = [float(i) for i in range(N)]


@pytest.fixture
def ww(delphes_file: Callable[..., Path]) -> Path:
    """A file of selected events whose missing momentum is their number."""
    return delphes_file([emu(met=met) for met in MET], name="ww.root")


def uuid_of(path: Path) -> str:
    with uproot.open(path) as file:
        return str(file.file.uuid)


def fileset(folder: Path, content: Any, name: str = "f.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def spec(path: Path, **changed: Any) -> dict[str, Any]:
    """What coffea's preprocess says of a file of `N` entries."""
    known = {"object_path": "Delphes", "num_entries": N, "uuid": uuid_of(path), "steps": [[0, N]]}
    return known | changed


@pytest.mark.parametrize(
    "entry, tree",
    [
        ({"files": {"ww.root": "Delphes"}}, "Delphes"),
        ({"files": {"ww.root": None}}, ""),
        ({"files": {"ww.root": {"object_path": "Delphes"}}}, "Delphes"),
        ({"files": ["ww.root:Delphes"]}, "Delphes"),
        ({"files": ["ww.root"], "treename": "Delphes"}, "Delphes"),
        ({"files": ["ww.root"], "metadata": None, "form": None, "did": None, "format": "root"}, ""),
        ({"files": ["ww.root"], "compressed_form": None}, ""),
        ({"ww.root": "Delphes"}, "Delphes"),
        (["ww.root"], ""),
        (["ww.root:Delphes"], "Delphes"),
    ],
)
def test_every_form_of_a_dataset(ww: Path, entry: Any, tree: str) -> None:
    (dataset,) = read_fileset([fileset(ww.parent, {"x": entry})])
    assert (dataset.name, dataset.files) == ("x", {str(ww): tree})
    (named,) = read_fileset([fileset(ww.parent, {"x": entry})], tree="Other")
    assert named.files == {str(ww): tree or "Other"}


def test_what_coffea_itself_writes(ww: Path) -> None:
    given = {"x": {"files": {str(ww): spec(ww)}, "metadata": {"role": "signal"}}}
    content = json.loads(DataGroupSpec(given).model_dump_json())
    assert "num_selected_entries" in content["x"]["files"][str(ww)]  # not of our making
    (dataset,) = read_fileset([fileset(ww.parent, content)])
    assert dataset.files == {str(ww): "Delphes"}
    assert dataset.metadata.role == "signal"
    assert dataset.asked[str(ww)].steps == ((0, N),)


@pytest.mark.parametrize(
    "name, encode",
    [
        ("f.JSON", str.encode),
        ("f.json", lambda text: b"\xef\xbb\xbf" + text.encode()),
        ("f.json", lambda text: text.replace("\n", "\r\n").encode()),
        ("f.json.gz", lambda text: gzip.compress(text.encode())),
        ("f.json", lambda text: gzip.compress(text.encode())),
        ("F.Json.GZ", lambda text: gzip.compress(text.encode())),
    ],
)
def test_as_editors_and_tools_leave_them(
    ww: Path, name: str, encode: Callable[[str], bytes]
) -> None:
    text = json.dumps({"x": {"files": {"ww.root": "Delphes"}}}, indent=1)
    (ww.parent / name).write_bytes(encode(text))
    (dataset,) = read_fileset([ww.parent / name])
    assert dataset.files == {str(ww): "Delphes"}


def test_file_and_tree_in_one_word(ww: Path) -> None:
    (dataset,) = read_fileset([f"{ww}:sub/Events"])
    assert dataset.files == {str(ww): "sub/Events"}
    there = ww.with_name("run.root:2")
    there.symlink_to(ww)
    (dataset,) = read_fileset([there])
    assert dataset.files == {str(there): ""}
    url = "https://host:8443/store/a.root"
    assert read_fileset([url])[0].files == {url: ""}
    assert read_fileset([f"{url}:Events"])[0].files == {url: "Events"}


@pytest.mark.parametrize("steps", [[[3, 8]], [[12, 15], [0, 4]], [[0, 10], [10, 20]], [[4, 4]]])
@pytest.mark.parametrize("chunksize", [100, 3])
def test_only_the_steps_are_processed(ww: Path, steps: list[list[int]], chunksize: int) -> None:
    content = {"x": {"files": {"ww.root": spec(ww, steps=steps)}}}
    output = process(read_fileset([fileset(ww.parent, content)]), workers=1, chunksize=chunksize)
    entries = sorted(i for first, stop in steps for i in range(first, stop))
    assert output.events("x").entry.to_list() == entries
    assert output.events("x").met.to_list() == [MET[i] for i in entries]
    assert output.cutflow["x"]["all"]["raw"] == len(entries)
    (file,) = output.files
    assert (file.entries, file.asked, file.processed) == (N, len(entries), len(entries))
    assert file.complete
    said = [f"dataset x: the fileset's steps ask for {len(entries)} of the 20 events of its files"]
    assert only_steps(output) == (said if len(entries) < N else [])


def test_steps_are_no_losses_and_count_as_their_part_of_the_luminosity(ww: Path) -> None:
    metadata = {"cross_section_pb": 2.0, "n_generated": 400, "entries": N}
    content = {"x": {"files": {"ww.root": spec(ww, steps=[[0, 5]])}, "metadata": metadata}}
    output = process(read_fileset([fileset(ww.parent, content)]), workers=1)
    (plain,) = normalise(output).values()
    assert (plain.entries, plain.processed, plain.scale) == (5, 5, 1.0)
    # 400 events generated at 2 pb are 0.2 fb⁻¹, of which a quarter is here
    assert plain.luminosity_ifb == pytest.approx(0.05)
    (scaled,) = normalise(output, luminosity_ifb=1.0).values()
    assert scaled.scale == pytest.approx(20.0)


def test_events_lost_inside_the_steps_are_made_up_for(damaged_file: Path, tmp_path: Path) -> None:
    with uproot.open(damaged_file) as file:
        n = file["Delphes"].num_entries
    known = {"object_path": "Delphes", "steps": [[0, 10], [n - 10, n]]}
    given = read_fileset([fileset(tmp_path, {"x": {"files": {str(damaged_file): known}}})])
    with pytest.raises(LostEventsError, match=r"\(20 events of 1 file"):
        process(given, workers=1)


@pytest.mark.parametrize(
    "changed, problem",
    [
        ({"num_entries": 21}, "holds 20 events, the fileset says 21"),
        ({"uuid": "12345678-1234-5678-1234-567812345678"}, "the fileset says 12345678-"),
        ({"num_entries": None, "steps": [[0, 21]]}, "a step of the fileset goes up to 21"),
    ],
)
def test_a_file_that_is_not_the_one_of_the_fileset(
    ww: Path, changed: dict[str, Any], problem: str
) -> None:
    path = fileset(ww.parent, {"x": {"files": {"ww.root": spec(ww, **changed)}}})
    (report,) = inspect_datasets(read_fileset([path]))
    assert report.problem is not None
    assert report.problem.startswith(f"{ww}: ")
    assert problem in report.problem
    with pytest.raises(InputFileError, match="fileset"):
        process(read_fileset([path]))


def test_the_same_uuid_in_capitals_is_the_same(ww: Path) -> None:
    content = {"x": {"files": {"ww.root": spec(ww, uuid=uuid_of(ww).upper())}}}
    (report,) = inspect_datasets(read_fileset([fileset(ww.parent, content)]))
    assert report.ok


def test_a_deep_check_reads_the_steps_only(delphes_file: Callable[..., Path]) -> None:
    bad = emu(met=float("nan"))
    path = delphes_file([*[emu()] * 5, bad])
    known = {"object_path": "Delphes", "steps": [[0, 5]]}
    (report,) = inspect_datasets(
        read_fileset([fileset(path.parent, {"x": {"files": {"made.root": known}}})])
    )
    assert read_whole_file(report, chunksize=2).ok
    (whole,) = inspect_datasets((Dataset("x", {str(path): "Delphes"}, Metadata()),))
    assert "in entry 5" in str(read_whole_file(whole, chunksize=2).problem)


@pytest.mark.parametrize(
    "content, problem",
    [
        ([], "is not a fileset"),
        ({}, "is not a fileset"),
        ("ww.root", "is not a fileset"),
        (7, "is not a fileset"),
        ({"x": None}, "dataset 'x': has no files"),
        ({"x": "ww.root"}, "has no files"),
        ({"x": {}}, "has no files"),
        ({"x": {"files": []}}, "has no files"),
        ({"x": {"files": "ww.root"}}, "has no files"),
        ({"x": {"file": {"ww.root": "Delphes"}}}, "has no files"),
        ({"x": {"files": [1]}}, "1 is no file's name"),
        ({"x": {"files": [{"ww.root": "Delphes"}]}}, "is no file's name"),
        ({"x": {"files": {"ww.root": 3}}}, "tree = 3"),
        ({"x": {"files": {"ww.root": ["Delphes"]}}}, "must be the name of a tree"),
        ({"x": {"files": {"ww.root": {"object_path": 3}}}}, "tree = 3"),
        ({"x": {"files": ["ww.root"], "treename": {}}}, "treename = {}"),
        ({"x": {"files": ["ww.root"], "metadata": ["a"]}}, r"metadata = \['a'\]"),
        ({"x": {"files": ["ww.root"], "metadata": {"entries": -1}}}, r"metadata\.entries = -1"),
        ({"x": {"files": ["ww.root"], "metadata": {"entries": True}}}, r"metadata\.entries = True"),
        (
            {"x": {"files": ["ww.root"], "metadata": {"cross_section_pb": True}}},
            r"cross_section_pb = True: .*must be a number",
        ),
        (
            {"x": {"files": ["ww.root"], "metadata": {"n_generated": "3e5"}}},
            r"n_generated = '3e5': .*must be a number",
        ),
        ({"x": {"files": ["ww.root"], "metadata": {"role": "DATA"}}}, r"metadata\.role = 'DATA'"),
        ({"x": {"files": ["ww.root"], "lumi": 3}}, "unknown key 'lumi'"),
        ({"x": {"files": ["ww.root"], "format": "hdf5"}}, "format = 'hdf5'"),
        ({"x": {"files": {"ww.root": {"entry_stop": 3}}}}, "unknown key 'entry_stop'"),
        ({"x": {"files": {"ww.root": {"format": "hdf5"}}}}, "format = 'hdf5'"),
        ({"x": {"files": {"ww.root": {"num_entries": -1}}}}, "num_entries = -1"),
        ({"x": {"files": {"ww.root": {"num_entries": True}}}}, "num_entries = True"),
        ({"x": {"files": {"ww.root": {"uuid": 3}}}}, "uuid = 3"),
        ({"x": {"files": {"ww.root": {"steps": []}}}}, "steps"),
        ({"x": {"files": {"ww.root": {"steps": 3}}}}, "steps: 3"),
        ({"x": {"files": {"ww.root": {"steps": [3, 4]}}}}, "steps: 3"),
        ({"x": {"files": {"ww.root": {"steps": [[4, 3]]}}}}, r"steps: \[4, 3\]"),
        ({"x": {"files": {"ww.root": {"steps": [[0.5, 3]]}}}}, r"steps: \[0\.5, 3\]"),
        ({"x": {"files": {"ww.root": {"steps": [[-1, 3]]}}}}, r"steps: \[-1, 3\]"),
        ({"x": {"files": {"ww.root": {"steps": [[0, 3, 4]]}}}}, "steps"),
        ({"x": {"files": {"ww.root": {"steps": [[0, 5], [3, 9]]}}}}, "overlap"),
        ({"x": {"files": ["ww.root", "./ww.root"]}}, "is listed twice"),
        ({"x": {"files": {"w*.root": {"steps": [[0, 1]]}}}}, "is 2 files"),
    ],
)
def test_what_is_no_fileset_is_one_line(ww: Path, content: Any, problem: str) -> None:
    ww.with_name("wz.root").symlink_to(ww)
    path = fileset(ww.parent, content)
    with pytest.raises(ConfigurationError, match=problem) as caught:
        read_fileset([path])
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_dataset_named_twice_loses_nothing(ww: Path) -> None:
    path = ww.parent / "f.json"
    path.write_text('{"x": {"files": ["ww.root"]}, "x": {"files": ["b.root"]}}', encoding="utf-8")
    with pytest.raises(InputFileError, match="the key 'x' stands twice"):
        read_fileset([path])


def test_huge_values_are_shown_shortly(ww: Path) -> None:
    content = {"x": {"files": ["ww.root"], "metadata": {"role": "data" * 10_000}}}
    with pytest.raises(EmusymError, match="role") as caught:
        read_fileset([fileset(ww.parent, content)])
    assert len(str(caught.value)) < 400


def test_numbers_stay_what_they_are(ww: Path) -> None:
    content = {"x": {"files": ["ww.root"], "metadata": {"n_generated": 3e5, "tune": 1.25}}}
    (dataset,) = read_fileset([fileset(ww.parent, content)])
    assert dataset.metadata.n_generated == 300_000
    assert np.float64(dataset.metadata.model_dump()["tune"]) == 1.25
