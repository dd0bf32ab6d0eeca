"""How many values an event has: one weight and one missing momentum, and leptons that agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import DelphesSchema, NanoEventsFactory

from eμsym.errors import EmusymError, LostEventsError
from eμsym.processors import EMuProcessor
from eμsym.processors.fileset import read_fileset
from eμsym.processors.inspection import inspect_file, read_whole_file
from eμsym.processors.runner import process
from tests.delphes_file import COLLECTIONS, emu, write_delphes

#: An event's missing momentum is told by its value, so that one of another event shows.
MET = np.array([11.0, 22.0, 33.0, 44.0, 55.0])


def events_with(collection: str, counts: list[int]) -> list[dict[str, Any]]:
    events = [emu(met=met) for met in MET]
    for event, n in zip(events, counts, strict=True):
        event[collection] = event[collection] * n
    return events


@pytest.mark.parametrize("collection, member", [("Event", "Weight"), ("MissingET", "MET")])
@pytest.mark.parametrize(
    "counts, problem",
    [
        ([1, 0, 2, 1, 1], "no value in entry 1"),
        ([1, 1, 1, 2, 0], "2 values in entry 3"),
        ([1, 1, 1, 1, 2], "2 values in entry 4"),
        ([1, 1, 1, 1, 0], "no value in entry 4"),
        ([0, 0, 0, 0, 0], "no value in entry 0"),
    ],
)
def test_an_event_without_its_one_value_is_named(
    delphes_file: Callable[..., Path],
    collection: str,
    member: str,
    counts: list[int],
    problem: str,
) -> None:
    path = delphes_file(events_with(collection, counts))
    line = rf"made\.root: {collection}\.{member} has {problem}, where there must be one"
    for chunksize in (100, 2):
        with pytest.raises(LostEventsError, match=line):
            process(read_fileset([path]), workers=1, chunksize=chunksize)
    deep = read_whole_file(inspect_file(str(path)))
    assert deep.problem is not None
    assert problem in deep.problem


@pytest.mark.parametrize("counts", [[1, 0, 2, 1, 1], [2, 1, 1, 1, 0], [1, 1, 0, 1, 1]])
def test_neither_does_coffea_s_own_schema_move_values_to_other_events(
    delphes_file: Callable[..., Path], counts: list[int]
) -> None:
    path = delphes_file(events_with("MissingET", counts))
    events = NanoEventsFactory.from_root({str(path): "Delphes"}, schemaclass=DelphesSchema).events()
    with pytest.raises(EmusymError, match=r"MissingET\.MET"):
        EMuProcessor().process(events)


def test_what_has_one_value_in_every_event_keeps_it(delphes_file: Callable[..., Path]) -> None:
    path = delphes_file(events_with("MissingET", [1, 1, 1, 1, 1]))
    selected = process(read_fileset([path]), workers=1, chunksize=2).events("data")
    assert selected.met.to_list() == MET.tolist()


def write_tree(path: Path, more: Mapping[str, Any], without: tuple[str, ...] = ()) -> Path:
    """Write a tree in Delphes' layout of which every branch has counts of its own.

    `more` adds branches or replaces them.
    """
    events = events_with("Event", [1] * len(MET))
    columns: dict[str, Any] = {}
    for collection, members in COLLECTIONS.items():
        counts = np.array([len(event[collection]) for event in events])
        for member, dtype in members.items():
            flat = [x[member] for event in events for x in event[collection]]
            columns[f"{collection}/{collection}.{member}"] = ak.unflatten(
                np.array(flat, dtype=dtype), counts
            )
        columns[f"{collection}_size"] = counts.astype(np.int32)
    columns |= more
    for name in without:
        del columns[name]
    types = {name: ak.type(ak.Array(values)).content for name, values in columns.items()}
    with uproot.recreate(path) as file:
        file.mktree("Delphes", types, counter_name=lambda name: f"n{name.replace('/', '_')}")
        file["Delphes"].extend(columns)
    return path


def test_the_tree_that_is_written_here_is_a_good_one(tmp_path: Path) -> None:
    path = write_tree(tmp_path / "good.root", {})
    assert read_whole_file(inspect_file(str(path))).ok
    assert process(read_fileset([path])).events("data").met.to_list() == MET.tolist()


@pytest.mark.parametrize(
    "branch, values, problem",
    [
        ("Electron_size", np.array([1, 2, 0, 1, 1], np.int32), r"Electron\.PT has 1 values in ent"),
        ("Muon_size", np.array([1, 1, 1, 1, 2], np.int32), "entry 4, Muon_size gives 2"),
        ("MissingET_size", np.array([1, 1, 1, 1, 0], np.int32), "entry 4, MissingET_size gives 0"),
        (
            "Muon/Muon.Eta",
            ak.values_astype(ak.Array([[0.1], [0.1, 0.2], [], [0.1], [0.1]]), np.float32),
            r"Muon\.Eta has 2 values in entry 1, Muon_size gives 1",
        ),
    ],
)
def test_branches_that_disagree_about_how_many_there_are(
    tmp_path: Path, branch: str, values: Any, problem: str
) -> None:
    path = write_tree(tmp_path / "odd.root", {branch: values})
    with pytest.raises(LostEventsError, match=problem):
        process(read_fileset([path]), workers=1)
    assert not read_whole_file(inspect_file(str(path))).ok


@pytest.mark.parametrize(
    "branch, values",
    [
        ("Electron/Electron.PT", np.linspace(20, 60, 5, dtype=np.float32)),
        ("Muon/Muon.Charge", np.ones((5, 2), dtype=np.int32)),
        ("MissingET/MissingET.MET", np.ones((5, 1, 2), dtype=np.float32)),
    ],
)
def test_a_branch_of_another_shape_is_found_without_reading_it(
    tmp_path: Path, branch: str, values: Any
) -> None:
    report = inspect_file(str(write_tree(tmp_path / "odd.root", {branch: values})))
    assert report.problem is not None
    assert f"odd.root: branch {branch.partition('/')[2]} cannot be read" in report.problem


JETS = {"Jet/Jet.PT": ak.values_astype(ak.Array([[30.0], [], [40, 50], [60], []]), np.float32)}


@pytest.mark.parametrize(
    "more, without",
    [
        ({"EventNumber": np.arange(5), "MyWeight": np.full(5, 0.5)}, ()),
        ({**JETS, "Jet_size": np.array([1, 0, 2, 1, 0], np.int32)}, ()),  # without η, φ and mass
        (JETS, ()),  # without Jet_size
        ({"Rho/Rho.Rho": ak.values_astype(ak.Array([[1, 2], [], [3], [], []]), np.float32)}, ()),
        ({"tags": ak.Array(["a", "bc", "", "d", "e"])}, ()),
        ({}, ("MissingET/MissingET.Eta",)),
    ],
    ids=["plain branches", "jets of pT", "uncounted jets", "many rho", "texts", "MET without eta"],
)
def test_what_is_not_needed_is_not_in_the_way(
    tmp_path: Path, more: dict[str, Any], without: tuple[str, ...]
) -> None:
    path = write_tree(tmp_path / "own.root", more, without)
    report = inspect_file(str(path))
    assert report.problem is None
    assert read_whole_file(report).ok
    plain = process(read_fileset([write_delphes(tmp_path / "d.root", [emu(met=m) for m in MET])]))
    mine = process(read_fileset([path]))
    assert mine.cutflow == plain.cutflow
    for name in ("m_coll", "met", "weight", "entry"):
        assert mine.events("data")[name].to_list() == plain.events("data")[name].to_list()
