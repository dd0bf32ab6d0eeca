"""A format of one's own is one object: the same events of it are selected, nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import BaseSchema, NanoEventsFactory
from coffea.processor import IterativeExecutor, Runner

from eμsym.errors import LostEventsError
from eμsym.processors import DELPHES, EMuProcessor, Field, Format
from eμsym.processors.columns import COLUMNS
from eμsym.processors.fileset import Dataset, read_fileset
from eμsym.processors.inspection import inspect_file, read_whole_file
from eμsym.processors.runner import process
from eμsym.selection import LEPTON_FIELDS
from tests.delphes_file import emu, event, lepton

NAMES = {"PT": "pt", "Eta": "eta", "Phi": "phi", "Charge": "q", "IsolationVar": "iso"}
MEV = 1e-3


def leptons(prefix: str) -> dict[str, Field]:
    """Return where a flat tree has one kind of leptons; momenta are in MeV."""
    return {
        name: Field((f"{prefix}_{NAMES[name]}",), MEV if name == "PT" else 1.0)
        for name in LEPTON_FIELDS
    }


#: A flat tree: no collections, names of its own, momenta in MeV, no weights.
FLAT = Format(
    name="flat",
    tree="nominal",
    schema=BaseSchema,
    electrons=leptons("el"),
    muons=leptons("mu"),
    met=Field(("met_met",), MEV),
    met_phi=Field(("met_phi",)),
    weight=None,
    remedy="write it into the flat tree",
)


def write_flat(path: Path, events: list[dict[str, Any]], drop: tuple[str, ...] = ()) -> Path:
    """Write events that are spelled out as for `tests.delphes_file` into a flat tree."""
    columns: dict[str, Any] = {}
    for prefix, collection in (("el", "Electron"), ("mu", "Muon")):
        counts = [len(each[collection]) for each in events]
        for name, short in NAMES.items():
            flat = [lepton[name] for each in events for lepton in each[collection]]
            values = np.array(flat, dtype=np.float64) / (MEV if name == "PT" else 1.0)
            columns[f"{prefix}_{short}"] = ak.unflatten(values, counts)
    missing = [each["MissingET"][0] for each in events]
    columns["met_met"] = np.array([each["MET"] for each in missing]) / MEV
    columns["met_phi"] = np.array([each["Phi"] for each in missing])
    for name in drop:
        del columns[name]
    with uproot.recreate(path) as file:
        file.mktree(FLAT.tree, {name: ak.type(values).content for name, values in columns.items()})
        file[FLAT.tree].extend(columns)
    return path


EVENTS = [
    emu(40, 30),
    event([lepton(40, -1)]),
    emu(25, 60, met=12.0),
    event([lepton(40, 1)], [lepton(30, 1)]),
    event([lepton(14, -1)], [lepton(30, 1)]),
    event(),
    emu(33, 32),
]


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    return write_flat(tmp_path / "flat.root", EVENTS)


def test_the_same_events_of_another_format_are_selected(
    flat: Path, delphes_file: Callable[..., Path]
) -> None:
    theirs = process(read_fileset([delphes_file(EVENTS)]))
    ours = process(read_fileset([flat], tree=FLAT.tree), workers=2, chunksize=3, file_format=FLAT)
    assert ours.cutflow == theirs.cutflow
    assert ours.histograms == theirs.histograms
    selected, expected = ours.events("data"), theirs.events("data")
    assert selected.entry.to_list() == [0, 2, 6]
    for name in COLUMNS.keys() - {"file_id"}:
        np.testing.assert_allclose(selected[name], expected[name], rtol=1e-6, err_msg=name)


def test_coffea_s_own_runner_needs_the_schema_and_the_processor_the_format(flat: Path) -> None:
    runner = Runner(executor=IterativeExecutor(status=False), schema=FLAT.schema, savemetrics=False)
    files = {"one": {"files": {str(flat): FLAT.tree}}}
    output = runner(files, EMuProcessor(file_format=FLAT))
    assert output["cutflow"]["one"]["opposite_charge"]["raw"] == 3
    assert output["columns"]["one"].value.electron_leads.to_list() == [True, False, True]


def test_a_file_is_looked_at_as_its_format_has_it(flat: Path, tmp_path: Path) -> None:
    report = inspect_file(str(flat), file_format=FLAT)
    assert report.tree == "nominal"
    assert read_whole_file(report, file_format=FLAT).ok
    lacking = write_flat(tmp_path / "lacking.root", EVENTS, drop=("mu_q", "met_phi"))
    problem = inspect_file(str(lacking), file_format=FLAT).problem
    assert problem is not None
    assert problem.endswith(
        "branch mu_q, met_phi is missing from tree 'nominal'; write it into the flat tree"
    )
    (tmp_path / "text").write_text("this is no tree at all\n", encoding="utf-8")
    assert "give a flat file" in str(inspect_file(str(tmp_path / "text"), file_format=FLAT).problem)


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    bad = emu(40, 30)
    bad["Muon"][0]["IsolationVar"] = float("nan")
    report = inspect_file(str(write_flat(tmp_path / "bad.root", [emu(), bad])), file_format=FLAT)
    assert "mu_iso = nan in entry 1" in str(read_whole_file(report, file_format=FLAT).problem)
    path = write_flat(tmp_path / "negative.root", [emu(), emu(met=-1.0)])
    given = (Dataset("d", {str(path): FLAT.tree}),)
    with pytest.raises(LostEventsError, match=r"met_met = -1\.0 in entry 1"):
        process(given, workers=1, file_format=FLAT)


#: A genuine file with everything that the card writes, jets too.
WHOLE = Path(__file__).parents[1] / "data" / "all_branches.root"
EVERYTHING = ("jets", "btags", "event_numbers")


def chunk_of(path: Path, wanted: tuple[str, ...]) -> Any:
    events = NanoEventsFactory.from_root(
        {str(path): DELPHES.tree},
        schemaclass=DELPHES.schema,
        iteritems_options=DELPHES.only(wanted),
    ).events()
    return DELPHES.read(events, wanted)


def test_jets_and_numbers_of_delphes_are_read_if_they_are_asked_for() -> None:
    chunk = chunk_of(WHOLE, EVERYTHING)
    with uproot.open(WHOLE) as file:
        tree = file["Delphes"]
        for name in ("PT", "Eta", "Phi", "Mass"):
            assert chunk.jets[name].to_list() == tree[f"Jet.{name}"].array().to_list()
        tagged = [[value % 2 == 1 for value in event] for event in tree["Jet.BTag"].array()]
        numbers = [event[0] for event in tree["Event.Number"].array()]
    assert chunk.jets.BTag.to_list() == tagged
    assert sum(map(sum, tagged)) > 0
    assert chunk.event.tolist() == numbers
    assert chunk.event.dtype == np.int64
    assert chunk.run is chunk.lumi is None
    fewer = chunk_of(WHOLE, ("jets",))
    assert fewer.event is None
    assert fewer.jets.fields == ["PT", "Eta", "Phi", "Mass"]
    assert chunk_of(WHOLE, ()).jets is None


def test_only_what_is_asked_for_must_be_there(
    flat: Path, delphes_file: Callable[..., Path]
) -> None:
    path = str(delphes_file(EVENTS))
    assert inspect_file(path).ok
    problem = str(inspect_file(path, wanted=("jets",)).problem)
    assert "branch Jet_size, Jet/Jet.PT, Jet/Jet.Eta, Jet/Jet.Phi, Jet/Jet.Mass is" in problem
    assert "Jet.BTag" in str(inspect_file(path, wanted=("btags",)).problem)
    assert inspect_file(str(WHOLE), wanted=EVERYTHING).ok
    for wanted, what in (("jets", "jets"), ("event_numbers", "event numbers")):
        report = inspect_file(str(flat), file_format=FLAT, wanted=(wanted,))
        line = f"{flat}: flat as it is read here has no {what}; ask for other things"
        assert report.problem == line


def test_numbers_beyond_64_bits_with_a_sign_are_refused(tmp_path: Path) -> None:
    numbered = replace(FLAT, event_numbers={"event": Field(("number",))})
    path = write_flat(tmp_path / "numbered.root", EVENTS)
    with uproot.open(path) as file:
        columns = file[FLAT.tree].arrays(FLAT.branches, how=dict)
    for beyond in (0, 2**63):
        with uproot.recreate(path) as file:
            columns["number"] = np.array([3, 2**40, 5, 6, 7, 8, beyond], dtype=np.uint64)
            types = {name: ak.type(ak.Array(each)).content for name, each in columns.items()}
            file.mktree(FLAT.tree, types)
            file[FLAT.tree].extend(columns)
        report = inspect_file(str(path), file_format=numbered, wanted=("event_numbers",))
        problem = read_whole_file(report, file_format=numbered, wanted=("event_numbers",)).problem
        if beyond:
            assert "number = 9223372036854775808 in entry 6" in str(problem)
        else:
            assert problem is None


def test_delphes_is_one_such_object() -> None:
    assert DELPHES.missing(set(DELPHES.branches)) == ()
    assert DELPHES.missing(set(DELPHES.branches) - {"Muon_size"}) == ("Muon_size",)
    assert DELPHES.tree == "Delphes"
