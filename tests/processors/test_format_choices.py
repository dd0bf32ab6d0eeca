"""What a user may say of how files are read, and every line that says why it cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eμsym.cli import main
from eμsym.errors import ConfigurationError, EmusymError, InputFileError
from eμsym.processors import EMuConfig
from eμsym.processors.file_events import FileEvents
from eμsym.processors.fileset import Dataset, read_fileset
from eμsym.processors.find_format import find_format
from eμsym.processors.formats import FORMATS, PHYSLITE, FormatOptions, format_named, most_like
from eμsym.processors.formats.nanoaod import nanoaod
from eμsym.processors.formats.physlite import physlite
from eμsym.processors.formats.quantities import Field
from eμsym.processors.formats.requirements import passes
from eμsym.processors.inspection import inspect_file, read_whole_file
from eμsym.processors.runner import Processed, process
from tests.delphes_file import emu
from tests.processors.rewritten import TRIGGER, nano_columns, write_nano


class Table:
    """Columns in memory, as a file has them."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.columns = {name: ak.Array(values) for name, values in columns.items()}
        self.names = frozenset(columns)

    def layout(self, name: str) -> str:
        return str(self.columns[name].type)

    def values(self, name: str, start: int, stop: int) -> ak.Array:
        return self.columns[name][start:stop]


def events_of(**columns: Any) -> FileEvents:
    n = len(next(iter(columns.values())))
    return FileEvents(Table(columns), 0, n, {"filename": "table"})


def member(name: str) -> Field:
    return Field(("Electron", name))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("cutBased >= 3", [[True, False], [], [True]]),
        ("Electron_cutBased>=3", [[True, False], [], [True]]),
        ("convVeto", [[False, True], [], [True]]),
        ("cutBased > 1 and convVeto", [[False, True], [], [True]]),
        ("cutBased == 2", [[False, True], [], [False]]),
        ("cutBased != 2 and convVeto", [[False, False], [], [True]]),
        ("cutBased <= 2.5 and cutBased < 3", [[False, True], [], [False]]),
    ],
)
def test_identification_in_words(text: str, expected: list[list[bool]]) -> None:
    events = events_of(
        Electron_cutBased=[[4, 2], [], [3]], Electron_convVeto=[[False, True], [], [True]]
    )
    required = nanoaod(FormatOptions(electron_id=text)).electron_id
    assert required is not None
    assert required.read(events_of(**events.source.columns)).to_list() == expected


def test_no_identification_at_all() -> None:
    assert passes("x", " None ", member) is None
    assert nanoaod(FormatOptions(electron_id="none", muon_id="none")).muon_id is None


@pytest.mark.parametrize("text", ["cutBased >=", ">= 3", "a and", "a >= b", "a or b", "3 > a", ""])
def test_what_is_no_requirement(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"x = .* is no requirement; write it like"):
        passes("x", text, member)


@pytest.mark.parametrize(
    "name, options, line",
    [
        ("Delphes", {"electron_id": "cutBased"}, "format.electron_id = 'cutBased': Delphes files"),
        ("flat", {"triggers": ("HLT_X",)}, "format.triggers = ('HLT_X',): flat files have no"),
        ("PHYSLITE", {"golden_json": "g.json"}, "format.golden_json = 'g.json': PHYSLITE files"),
        ("PHYSLITE", {"met": "A:"}, "format.met = 'A:': of PHYSLITE write rebuilt"),
        ("nanoAOD", {"muon_id": "a >= b"}, "format.muon_id = 'a >= b'"),
        ("NanoAOD", {"golden_json": "absent.json"}, "absent.json"),
        ("EDM4hep", {}, "format.name = 'EDM4hep': there are Delphes, NanoAOD, PHYSLITE, flat"),
    ],
)
def test_options_that_a_format_cannot_take(name: str, options: dict[str, Any], line: str) -> None:
    with pytest.raises(EmusymError) as caught:
        format_named(name, FormatOptions(**options))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_is_of_the_format_that_it_is_most_like() -> None:
    for known in FORMATS:
        assert most_like(frozenset(known.branches), known.container) is known
        assert most_like(frozenset(known.branches[2:]), known.container) is known
    assert most_like({"el_pt", "mu_pt", "met", "met_phi"}) is None


@pytest.fixture(scope="module")
def columns(sample: Path) -> dict[str, Any]:
    return nano_columns(sample / "hlfv_taue.root", data=True)


def run(path: Path, **options: Any) -> Processed:
    return process(read_fileset([path]), workers=1, file_format=FormatOptions(**options))


def count(output: Processed, cut: str) -> int:
    return int(output.cutflow["data"][cut]["raw"])


def test_triggers_are_a_cut_of_any_of_them(columns: dict[str, Any], tmp_path: Path) -> None:
    n = len(columns["run"])
    fired = {"HLT_A": np.arange(n) % 3 == 0, "HLT_B_v2": np.arange(n) % 5 == 0}
    path = write_nano(tmp_path / "nano.root", {**columns, **fired})
    both = run(path, triggers=("HLT_A", "HLT_B_v2"))
    assert list(both.cutflow["data"])[:3] == ["all", "trigger", "electron_and_muon"]
    assert count(both, "trigger") == sum(i % 3 == 0 or i % 5 == 0 for i in range(n))
    entries = both.events("data").entry.to_list()
    assert entries
    assert all(i % 3 == 0 or i % 5 == 0 for i in entries)
    if_there = run(path, triggers=("HLT_A", "HLT_OfAnotherYear?"))
    assert count(if_there, "trigger") == sum(i % 3 == 0 for i in range(n))
    with pytest.raises(InputFileError, match="branch HLT_C is missing from tree 'Events'; name"):
        run(path, triggers=("HLT_A", "HLT_C"))
    with pytest.raises(
        InputFileError, match=r"has none of the triggers HLT_C\?, HLT_D\?; name one"
    ):
        run(path, triggers=("HLT_C?", "HLT_D?"))


def test_certified_luminosity_blocks_cut_data_and_not_simulation(
    columns: dict[str, Any], sample: Path, tmp_path: Path
) -> None:
    path = write_nano(tmp_path / "data.root", columns)
    golden = tmp_path / "golden.json"
    golden.write_text(json.dumps({"297050": [[2, 2], [4, 5]], "1": [[1, 1]]}), encoding="utf-8")
    output = process(
        read_fileset([path]),
        workers=2,
        chunksize=400,
        file_format=FormatOptions(golden_json=str(golden)),
    )
    blocks = [i // 100 + 1 for i in range(len(columns["run"]))]
    assert count(output, "golden_json") == sum(block in (2, 4, 5) for block in blocks)
    assert {i // 100 + 1 for i in output.events("data").entry.to_list()} <= {2, 4, 5}
    simulated = write_nano(tmp_path / "simulated.root", nano_columns(sample / "hlfv_taue.root"))
    output = run(simulated, golden_json=str(golden))
    assert count(output, "golden_json") == count(output, "all")
    for content in ([], {"x": [[1, 2]]}, {"1": [[2, 1]]}, {"1": [1, 2]}, {"1": [[1, -2]]}):
        golden.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(InputFileError, match="is no list of luminosity blocks; expected"):
            run(path, golden_json=str(golden))


def test_identification_is_a_row_of_the_cutflow(columns: dict[str, Any], tmp_path: Path) -> None:
    ids = ak.unflatten(
        np.arange(ak.count(columns["Electron_pt"])) % 5, ak.num(columns["Electron_pt"])
    )
    given = {**columns, "Electron_cutBased": ak.values_astype(ids, np.int32)}
    path = write_nano(tmp_path / "nano.root", given)
    output = run(path)
    good = (columns["Electron_pt"] >= 15) & (abs(columns["Electron_eta"]) <= 2.3) & (ids >= 3)
    muons = (columns["Muon_pt"] >= 15) & (abs(columns["Muon_eta"]) <= 2.3)
    expected = int(ak.sum(ak.any(good, axis=1) & ak.any(muons, axis=1)))
    assert 0 < count(output, "identification") == expected < count(output, "eta")
    assert "identification" not in run(path, electron_id="none", muon_id="none").cutflow["data"]


def test_other_names_of_nanoaod(columns: dict[str, Any], tmp_path: Path) -> None:
    renamed = dict(columns)
    renamed["MET_pt"] = columns["PuppiMET_pt"] + np.float32(1)
    renamed["MET_phi"] = columns["PuppiMET_phi"]
    renamed["Electron_miniPFRelIso_all"] = renamed.pop("Electron_pfRelIso03_all")
    path = write_nano(tmp_path / "nano.root", renamed)
    with pytest.raises(InputFileError, match="branch Electron_pfRelIso03_all is missing"):
        run(path)
    events = run(path, electron_isolation="miniPFRelIso_all").events("data")
    other = run(path, electron_isolation="Electron_miniPFRelIso_all", met="MET").events("data")
    np.testing.assert_allclose(other.met, events.met + 1, rtol=1e-6)
    with pytest.raises(InputFileError, match="branch DeepMET_pt, DeepMET_phi is missing"):
        run(path, electron_isolation="miniPFRelIso_all", met="DeepMET")


def test_jets_of_nanoaod(columns: dict[str, Any], tmp_path: Path) -> None:
    n = len(columns["run"])
    counts = np.arange(n) % 4
    flat = np.arange(counts.sum())
    jets = {
        "Jet_pt": 30.0 + flat % 50,
        "Jet_eta": flat % 5 - 2.0,
        "Jet_phi": flat % 6 - 3.0,
        "Jet_mass": 5.0 + flat % 3,
        "Jet_btagDeepFlavB": (flat % 10) / 10,
    }
    made = {name: ak.values_astype(ak.unflatten(x, counts), np.float32) for name, x in jets.items()}
    ids = ak.values_astype(ak.unflatten(flat % 3 * 3, counts), np.int32)
    path = str(write_nano(tmp_path / "nano.root", {**columns, **made, "Jet_jetId": ids}))
    wanted = ("jets", "btags")
    plain = inspect_file(path, None, nanoaod(FormatOptions()), wanted)
    assert "NanoAOD as it is read here has no b-tags of jets; name a working" in str(plain.problem)
    chosen = nanoaod(FormatOptions(btag="btagDeepFlavB > 0.45", jet_id="jetId >= 2"))
    report = inspect_file(path, None, chosen, wanted)
    assert read_whole_file(report, 1000, chosen, wanted).ok
    given = {**columns, **made, "Jet_jetId": ids, "nJet": counts}
    given |= {f"n{kind}": ak.num(columns[f"{kind}_pt"]) for kind in ("Electron", "Muon")}
    chunk = chosen.read(events_of(**given), wanted)
    kept = ids >= 2
    assert chunk.jets.fields == ["PT", "Eta", "Phi", "Mass", "BTag"]
    assert chunk.jets.PT.to_list() == made["Jet_pt"][kept].to_list()
    assert chunk.jets.BTag.to_list() == (made["Jet_btagDeepFlavB"] > 0.45)[kept].to_list()


def physlite_event() -> dict[str, Any]:
    """Two events of which everything can be added up by hand, MeV."""
    electrons = {"pt": [[30e3, 12e3], []], "eta": [[0.0, 1.0], []], "phi": [[0.0, 1.0], []]}
    muons = {"pt": [[40e3], []], "eta": [[-1.0], []], "phi": [[np.pi / 2], []]}
    jets = {
        "pt": [[50e3, 60e3, 15e3], [25e3]],
        "eta": [[0.1, 2.0, -2.0], [0.0]],
        "phi": [[0.1, np.pi, 0.0], [0.0]],
        "m": [[5e3, 6e3, 1e3], [2e3]],
    }
    table = {
        f"Analysis{kind}AuxDyn.{name}": x
        for kind, members in (("Electrons", electrons), ("Muons", muons), ("Jets", jets))
        for name, x in members.items()
    }
    table |= {
        "AnalysisElectronsAuxDyn.charge": [[-1.0, 1.0], []],
        "AnalysisElectronsAuxDyn.DFCommonElectronsLHMedium": [[1, 0], []],
        "AnalysisMuonsAuxDyn.charge": [[1.0], []],
        "AnalysisMuonsAuxDyn.quality": [[9], []],
        "MET_Core_AnalysisMETAuxDyn.name": [["SoftClusCore", "PVSoftTrkCore"]] * 2,
        "MET_Core_AnalysisMETAuxDyn.mpx": [[99e3, 7e3], [0.0, 4e3]],
        "MET_Core_AnalysisMETAuxDyn.mpy": [[99e3, -3e3], [0.0, 3e3]],
        "EventInfoAuxDyn.mcEventWeights": [[0.5, 9.0], [2.0, 9.0]],
    }
    for kind, cone in (("Electrons", "LooseCone"), ("Muons", "")):
        name = f"ptvarcone30_Nonprompt_All_MaxWeightTTVA{cone}_pt1000"
        table[f"Analysis{kind}AuxDyn.{name}"] = [
            [3e3, 1.2e3][: len(table[f"Analysis{kind}AuxDyn.pt"][0])],
            [],
        ]
    return table


def test_missing_momentum_of_physlite_is_rebuilt() -> None:
    chunk = PHYSLITE.read(events_of(**physlite_event()))
    # The second electron is not identified; the first jet is the first electron; the third
    # jet is soft. So e (30, 0), μ (0, 40), jet (−60, 0) and the soft term (7, −3).
    x, y = 7 - 30 - 0 + 60, -3 - 40
    np.testing.assert_allclose(chunk.met, [np.hypot(x, y), np.hypot(4 - 25, 3)], rtol=1e-6)
    np.testing.assert_allclose(chunk.met_phi, [np.arctan2(y, x), np.arctan2(3, -21)], rtol=1e-6)
    np.testing.assert_allclose(chunk.electrons.PT[0], [30, 12], rtol=1e-6)
    np.testing.assert_allclose(chunk.electrons.IsolationVar[0], [0.1, 0.1], rtol=1e-6)
    np.testing.assert_allclose(chunk.muons.IsolationVar[0], [3 / 40], rtol=1e-6)
    assert chunk.electrons.Identified.to_list() == [[True, False], []]
    assert chunk.weight.tolist() == [0.5, 2.0]


def test_choices_of_physlite() -> None:
    table = physlite_event()
    core = "MET_Core_AnalysisMET:PVSoftTrkCore"
    np.testing.assert_allclose(
        physlite(FormatOptions(met=core)).read(events_of(**table)).met,
        [np.hypot(7, 3), 5],
        rtol=1e-6,
    )
    for word, quality, good in (
        ("Medium", 8 + 2, False),
        ("loose", 8 + 2, True),
        ("Tight", 1, False),
    ):
        table["AnalysisMuonsAuxDyn.quality"] = [[quality], []]
        found = physlite(FormatOptions(muon_id=word)).read(events_of(**table))
        assert found.muons.Identified.to_list() == [[good], []]
    jets = (
        physlite(FormatOptions(jet_id="NNJvtPass"))
        .read(events_of(**table, **{"AnalysisJetsAuxDyn.NNJvtPass": [[0, 1, 1], [0]]}), ("jets",))
        .jets
    )
    assert ak.num(jets).to_list() == [2, 0]
    np.testing.assert_allclose(jets.Mass[0], [6, 1], rtol=1e-6)
    table["MET_Core_AnalysisMETAuxDyn.name"] = [["SoftClusCore", "PVSoftTrkCore"], ["a", "b"]]
    with pytest.raises(EmusymError, match="PVSoftTrkCore has no value in entry 1"):
        physlite(FormatOptions(met=core)).read(events_of(**table))


def flat_table(**changed: Any) -> pa.Table:
    columns: dict[str, Any] = {
        **{f"{slot}_{name}": [1.0, 0.5] for slot in ("lead", "sub") for name in ("eta", "phi")},
        "lead_pt": [50.0, 40.0],
        "sub_pt": [30.0, 20.0],
        "lead_charge": [1, -1],
        "sub_charge": [-1, 1],
        "lead_isolation": [0.0, 0.01],
        "sub_isolation": [0.0, 0.01],
        "electron_leads": [True, False],
        "met": [10.0, 11.0],
        "met_phi": [0.1, 0.2],
    }
    return pa.table({k: v for k, v in (columns | changed).items() if v is not None})


@pytest.mark.parametrize(
    "changed, line",
    [
        ({"sub_isolation": None}, "branch sub_isolation is missing from the file; write it; an"),
        ({"electron_leads": [1, 0]}, "electron_leads holds int64, expected bool"),
        ({"met": [1.0, None]}, "branch met cannot be read (a value is missing)"),
        ({"lead_pt": ["a", "b"]}, "lead_pt or sub_pt cannot be read"),
        ({"lead_pt": [[1.0], [2.0]]}, "lead_pt or sub_pt cannot be read"),
        ({"met": [1.0, -2.0]}, "met = -2.0 in entry 1"),
    ],
)
def test_flat_files_that_cannot_be_read(tmp_path: Path, changed: dict[str, Any], line: str) -> None:
    path = tmp_path / "flat.parquet"
    pq.write_table(flat_table(**changed), path)
    found = find_format((Dataset("d", {str(path): ""}),), FormatOptions())
    problem = read_whole_file(inspect_file(str(path), None, found), 10, found).problem
    assert line in str(problem)
    assert str(path) in str(problem)
    assert "\n" not in str(problem)


def test_flat_files_with_weights_numbers_and_jets(tmp_path: Path) -> None:
    more = {
        "weight": [0.5, 2.0],
        "event": [7, 8],
        "run": [1, 1],
        "lumi": [2, 3],
        "jet_pt": [[50.0], []],
        "jet_eta": [[0.0], []],
        "jet_phi": [[3.0], []],
        "jet_mass": [[9.0], []],
        "jet_btag": [[True], []],
    }
    path = tmp_path / "flat.parquet"
    pq.write_table(flat_table(**more), path)
    output = process(read_fileset([path]), EMuConfig(keep=("jets", "btags", "event_numbers")))
    events = output.events("data")
    assert events.event.to_list() == [7, 8]
    assert events.n_jets.to_list() == [1, 0]
    assert events.n_bjets.to_list() == [1, 0]
    assert events.weight.to_list() == [0.5, 2.0]


def test_damaged_parquet_and_files_of_several_formats(
    tmp_path: Path, delphes_file: Callable[..., Path]
) -> None:
    path = tmp_path / "flat.parquet"
    pq.write_table(flat_table(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(InputFileError, match="cannot be opened"):
        process(read_fileset([path]), workers=1)
    path.write_bytes(whole)
    made = delphes_file([emu()])
    with pytest.raises(InputFileError, match=r"made\.root: is not a Parquet file"):
        process(read_fileset([path, made]), workers=1)
    nano = write_nano(tmp_path / "nano.root", nano_columns(made))
    with pytest.raises(InputFileError, match=r"nano\.root: has no tree 'Delphes' \(it has Events"):
        process(read_fileset([made, nano]), workers=1)
    with pytest.raises(InputFileError, match=r"nano\.root: is a NanoAOD file, not Delphes; proce"):
        process(read_fileset([made, f"{nano}:Events"]), workers=1)


def test_the_folder_says_what_was_read(columns: dict[str, Any], tmp_path: Path) -> None:
    path = write_nano(tmp_path / "nano.root", columns)
    (tmp_path / "run.toml").write_text(
        f'[format]\nmet = "PuppiMET"\ntriggers = ["{TRIGGER}"]\n', encoding="utf-8"
    )
    (tmp_path / "fileset.json").write_text(
        json.dumps({"simulated": {"files": {str(path): "Events"}}}), encoding="utf-8"
    )
    folder = tmp_path / "out"
    given = [str(tmp_path / "fileset.json"), "-c", str(tmp_path / "run.toml"), "-o", str(folder)]
    main(["process", *given])
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    said = {"name": "NanoAOD", "met": "PuppiMET", "triggers": [TRIGGER]}
    said |= {"cracks": [1.4442, 1.566]}
    assert results["configuration"]["format"] == said
    assert list(results["cutflow"]["simulated"])[1] == "trigger"
    assert "dataset simulated: no genWeight: every event counts once" in results["warnings"]


def test_check_says_of_what_format_files_are(
    columns: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_nano(tmp_path / "nano.root", columns)
    main(["check", str(path)])
    assert capsys.readouterr().out == (
        f"ok   {path}: {len(columns['run']):,} events (NanoAOD), tree and branches found; "
        "no genWeight: every event counts once\n"
    )
    (tmp_path / "run.toml").write_text('[format]\nelectron_id = "mvaX"\n', encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["check", str(path), "--config", str(tmp_path / "run.toml")])
    printed = capsys.readouterr().out
    assert "branch Electron_mvaX is missing from tree 'Events'; name one that" in printed
