"""The processed folder: what is read is what was written, and damage is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import awkward as ak
import hist
import numpy as np
import pytest
import uproot
from hist.axis import Regular, StrCategory

import eμsym
from eμsym.errors import ConfigurationError, InputFileError, OutputError
from eμsym.folder import ProcessedFolder, new_folder
from tests.results_file import results_of

NAMES = ["ww", "h/lfv τe"]


@pytest.fixture
def folder(tmp_path: Path) -> ProcessedFolder:
    made = ProcessedFolder(tmp_path)
    made.write_results(results_of(NAMES))
    return made


def refused(folder: ProcessedFolder) -> str:
    """Return the one line with which a folder is refused, by itself and by `read_pair`."""
    with pytest.raises(InputFileError) as error:
        folder.results()
    with pytest.raises(InputFileError) as again:
        eμsym.read_pair(folder.path)
    assert str(again.value) == str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_results_come_back_by_their_parts(folder: ProcessedFolder) -> None:
    results = folder.results()
    assert results.pair == NAMES
    assert results.cutflow["ww"]["emu"].sumw == 0
    assert results.normalisation["h/lfv τe"].scale == 1
    assert results.figures == []


def test_what_a_part_holds_besides_is_kept(folder: ProcessedFolder) -> None:
    before = folder.content()
    before["datasets"]["ww"]["cross_section_pb"] = 12.6
    before["shared_events"] = {"shared": 0}
    folder.write_results(before)
    after = folder.update_results(pair=["ww"])
    assert folder.content() == after == {**before, "pair": ["ww"]}


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        (("pair",), None, "pair is missing"),
        (("cutflow",), None, "cutflow is missing"),
        (("cutflow", "ww", "emu", "sumw"), None, "cutflow.ww.emu.sumw is missing"),
        (("cutflow", "ww", "emu", "sumw"), "many", "cutflow.ww.emu.sumw = 'many'"),
        (("normalisation", "ww", "scale"), "x", "normalisation.ww.scale = 'x'"),
        (("datasets", "ww", "role"), None, "datasets.ww.role is missing"),
        (("pair",), "ww", "pair = 'ww'"),
    ],
)
def test_a_missing_or_wrong_part_is_one_line_with_file_and_key(
    folder: ProcessedFolder, key: tuple[str, ...], value: Any, says: str
) -> None:
    content = json.loads(folder.results_file.read_text(encoding="utf-8"))
    place = content
    for name in key[:-1]:
        place = place[name]
    if value is None:
        del place[key[-1]]
    else:
        place[key[-1]] = value
    folder.results_file.write_text(json.dumps(content), encoding="utf-8")
    line = refused(folder)
    assert line.startswith(f"{folder.results_file}: ")
    assert says in line


def test_what_would_be_refused_is_not_written(folder: ProcessedFolder) -> None:
    before = folder.results_file.read_bytes()
    with pytest.raises(InputFileError, match="pair"):
        folder.update_results(pair=3)
    assert folder.results_file.read_bytes() == before


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    assert "has no results.json; make it with emusym process" in refused(ProcessedFolder(tmp_path))
    (tmp_path / "results.json").write_text('{"schema": "other"}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="schema is 'other'"):
        ProcessedFolder(tmp_path).results()


def test_events_and_histograms_come_back(folder: ProcessedFolder) -> None:
    def part(x: float) -> ak.Array:
        return ak.zip({"m_coll": [x, 50.0], "electron_leads": [True, False], "weight": [1.0, 1.0]})

    parts = [part(35.0), part(60.0)]
    like = parts[0][:0]
    selected = {name: {"emu": [1.0, 1.0], "mue": [1.0, 1.0]} for name in NAMES}
    folder.write_results(results_of(NAMES, selected))
    axis = Regular(2, 30, 70, name="m_coll")
    counts = hist.Hist(
        StrCategory(NAMES, name="dataset"),
        StrCategory(["emu", "mue"], name="order"),
        axis,
        storage=hist.storage.Weight(),
    )
    for name in NAMES:
        folder.write_events(name, iter(parts), like=like)
        counts.fill(name, "emu", [35.0, 60.0])
        counts.fill(name, "mue", [50.0, 50.0])
    folder.write_histograms({"m_coll": counts}, ("emu", "mue"))

    assert folder.histogram("m_coll") == counts
    with pytest.raises(InputFileError, match="no histogram 'plane'"):
        folder.histogram("plane")
    assert set(folder.event_files()) == set(NAMES)
    pair = eμsym.read_pair(folder.path)
    assert sorted(pair.a.column("m_coll")) == [35.0, 35.0, 60.0, 60.0]
    for stored, filled in zip(pair.hist("m_coll"), pair.hist(axis), strict=True):
        np.testing.assert_array_equal(stored.values(), filled.values())
    with uproot.open(folder.path / "histograms.root") as file:
        assert file["h%2Flfv%20%CF%84e/mue/m_coll"].values().tolist() == [0, 2]


def test_figures_that_are_not_drawn_again_go_and_those_of_others_stay(
    folder: ProcessedFolder,
) -> None:
    folder.figures.mkdir()
    for name in ("plane.png", "q0_old.png", "mine.png"):
        (folder.figures / name).touch()
    folder.update_results(figures=["plane.png", "q0_old.png"])
    assert folder.replace_figures(["plane.png"]) == ["plane.png"]
    assert {path.name for path in folder.figures.iterdir()} == {"plane.png", "mine.png"}


def put(path: Path, *, link_to: Path | None = None) -> None:
    path.parent.mkdir(exist_ok=True)
    if link_to is not None:
        path.symlink_to(link_to)
    else:
        path.write_text("mine", encoding="utf-8")


@pytest.mark.parametrize(
    ("added", "linked"),
    [
        ("notes.txt", False),
        ("figures/mine.png", False),
        ("events/mine.parquet", False),
        ("pyhf/mine.json", False),
        (".hidden", False),
        ("deep/er.txt", False),
        ("figures/plane.pdf", True),
        ("events/zz.parquet", True),
    ],
)
def test_what_others_added_is_named_and_keeps_the_folder_from_being_replaced(
    tmp_path: Path, added: str, linked: bool
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("large", encoding="utf-8")
    out = ProcessedFolder(tmp_path / "out")
    with new_folder(out.path) as made:
        made.write_results(results_of(["zz"]) | {"figures": ["plane.png", "plane.pdf"]})
    put(out.path / added, link_to=elsewhere if linked else None)
    named = "deep" if added.startswith("deep") else added
    with pytest.raises(OutputError, match=rf"not ours \({named}\)"), new_folder(out.path):
        pytest.fail("work was begun that cannot be kept")
    with (
        pytest.raises(OutputError, match=rf"not ours \({named}\)"),
        new_folder(out.path, overwrite=True),
    ):
        pytest.fail("work was begun that cannot be kept")
    assert (out.path / added).read_text(encoding="utf-8") == ("large" if linked else "mine")


def test_all_that_the_program_writes_is_replaced(tmp_path: Path) -> None:
    out = ProcessedFolder(tmp_path / "out")
    with new_folder(out.path) as made:
        made.write_results(results_of(NAMES) | {"tests": {"q0": {"h/lfv τe": {}}}})
        like = ak.zip({"m_coll": np.empty(0)})
        for name in NAMES:
            made.write_events(name, iter([]), like=like)
        made.write_histograms({}, ("emu", "mue"))
        made.write_workspace("h/lfv τe", {})
    out.announce_figures(["plane", "q0_h/lfv τe"])
    out.figures.mkdir()
    (out.figures / f"{out.figure_name('q0_h/lfv τe')}.png").touch()  # and there it died
    assert out.strangers() == []
    with new_folder(out.path, overwrite=True) as made:
        made.write_results(results_of(["new"]))
    assert [path.name for path in out.path.iterdir()] == ["results.json"]


@pytest.mark.parametrize(
    "content", ["{}", "[]", "not JSON", '{"schema": "other"}', '{"schema": "emusym/results"}']
)
def test_a_file_called_like_our_results_makes_no_folder_ours(tmp_path: Path, content: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "results.json").write_text(content, encoding="utf-8")
    (home / "thesis").mkdir()
    (tmp_path / "out").symlink_to(home)
    with (
        pytest.raises(OutputError, match=r"not ours \(results\.json, thesis\)"),
        new_folder(tmp_path / "out", overwrite=True),
    ):
        pytest.fail("work was begun that cannot be kept")
    assert (home / "results.json").read_text(encoding="utf-8") == content


@pytest.mark.parametrize("name", ["..", ".", "", "a/b.png", "/etc/passwd", "a\0b"])
def test_a_figure_is_the_name_of_a_file_and_no_way_to_elsewhere(
    folder: ProcessedFolder, name: str
) -> None:
    content = folder.content() | {"figures": [name]}
    folder.results_file.write_text(json.dumps(content), encoding="utf-8")
    assert f"figures.0 = {name!r}" in refused(folder)
