"""Small public files of other formats, each against a plain loop over uproot's lists.

They are not ours to hand on: run this with ``EMUSYM_PUBLIC_FILES=FOLDER … -m public_files``.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uproot

from eμsym.processors import EMuConfig
from eμsym.processors.fileset import read_fileset
from eμsym.processors.formats import FormatOptions
from eμsym.processors.runner import process

pytestmark = pytest.mark.public_files

NO_ID = {"electron_id": "none", "muon_id": "none"}


@dataclass
class Lepton:
    pt: float
    eta: float
    phi: float
    charge: float
    isolation: float
    identified: bool


def public(name: str) -> Path:
    folder = os.environ.get("EMUSYM_PUBLIC_FILES")
    assert folder, "EMUSYM_PUBLIC_FILES must name the folder of the public files"
    return Path(folder) / name


def lists(tree: Any, names: list[str]) -> list[list[Any]]:
    return [tree[name].array().to_list() for name in names]


def nano(path: Path, electron_id: Any, muon_id: Any) -> list[tuple[list[Lepton], list[Lepton]]]:
    with uproot.open(path) as file:
        tree = file["Events"]
        found = []
        for kind, isolation, (flag, good) in (
            ("Electron", "pfRelIso03_all", electron_id),
            ("Muon", "pfRelIso04_all", muon_id),
        ):
            members = ("pt", "eta", "phi", "charge", isolation, flag)
            columns = lists(tree, [f"{kind}_{name}" for name in members])
            found.append(
                [
                    [Lepton(*x[:5], good(x[5])) for x in zip(*event, strict=True)]
                    for event in zip(*columns, strict=True)
                ]
            )
    return list(zip(*found, strict=True))


def physlite(path: Path) -> list[tuple[list[Lepton], list[Lepton]]]:
    cone = "ptvarcone30_Nonprompt_All_MaxWeightTTVA"
    with uproot.open(path) as file:
        tree = file["CollectionTree"]
        found = []
        for kind, isolation, flag, good in (
            ("Electrons", f"{cone}LooseCone_pt1000", "DFCommonElectronsLHMedium", bool),
            ("Muons", f"{cone}_pt1000", "quality", lambda word: word % 4 <= 1),
        ):
            members = ("pt", "eta", "phi", "charge", isolation, flag)
            columns = lists(tree, [f"Analysis{kind}AuxDyn.{name}" for name in members])
            found.append(
                [
                    [
                        Lepton(x[0] / 1000, *x[1:4], x[4] / x[0], good(x[5]))
                        for x in zip(*event, strict=True)
                    ]
                    for event in zip(*columns, strict=True)
                ]
            )
    return list(zip(*found, strict=True))


def flow(events: list[tuple[list[Lepton], list[Lepton]]], *, identified: bool) -> dict[str, int]:
    """Count events after every cut, one event and one lepton at a time."""
    names = ["all", "electron_and_muon", "pt", "eta", "identification", "isolation"]
    names += ["exactly_one_each", "opposite_charge"]
    counts = dict.fromkeys(names, 0)
    for pair in events:
        counts["all"] += 1
        if not (pair[0] and pair[1]):
            continue
        counts["electron_and_muon"] += 1
        good = [list(kind) for kind in pair]
        passed = True
        for name, keep in (
            ("pt", lambda x, bound: x.pt >= 15),
            ("eta", lambda x, bound: abs(x.eta) <= 2.3),
            ("identification", lambda x, bound: x.identified or not identified),
            ("isolation", lambda x, bound: x.isolation < bound),
        ):
            good = [
                [x for x in kind if keep(x, bound)]
                for kind, bound in zip(good, (0.15, 0.25), strict=True)
            ]
            passed = passed and all(good)
            counts[name] += passed
        passed = passed and len(good[0]) == len(good[1]) == 1
        counts["exactly_one_each"] += passed
        counts["opposite_charge"] += passed and good[0][0].charge * good[1][0].charge < 0
    if not identified:
        del counts["identification"]
    return counts


def ours(path: Path, **options: Any) -> Any:
    return process(read_fileset([path]), workers=1, file_format=FormatOptions(**options))


@pytest.mark.parametrize(
    "name",
    [
        "nano_tt_v12.root",
        "nano_dimuon.root",
        "nano_dy_rntuple.root",
        "nanoAOD_2015_CMS_Open_Data_ttbar.root",
    ],
)
@pytest.mark.parametrize("identified", [False, True])
def test_nanoaod(name: str, identified: bool) -> None:
    path = public(name)
    events = nano(path, ("cutBased", lambda x: x >= 3), ("mediumId", bool))
    output = ours(path, **({} if identified else NO_ID))
    got = {cut: row["raw"] for cut, row in output.cutflow["data"].items()}
    expected = flow(events, identified=identified)
    assert {cut: got[cut] for cut in expected} == expected
    with uproot.open(path) as file:
        tree = file["Events"]
        simulated = "genWeight" in tree.keys()  # noqa: SIM118 (an uproot tree, no mapping)
        weights = tree["genWeight"].array().to_list() if simulated else [1.0] * expected["all"]
    assert math.isclose(output.cutflow["data"]["all"]["sumw"], sum(weights), rel_tol=1e-6)


def test_the_cutflow_that_is_known() -> None:
    output = ours(public("nano_tt_v12.root"), **NO_ID)
    got = [row["raw"] for row in output.cutflow["data"].values()]
    assert got[:7] == [200, 103, 38, 37, 1, 1, 0]


def test_other_identification_by_name() -> None:
    path = public("nano_dimuon.root")
    events = nano(path, ("mvaFall17V2Iso_WP90", bool), ("tightId", bool))
    output = ours(path, electron_id="mvaFall17V2Iso_WP90", muon_id="tightId")
    expected = flow(events, identified=True)
    assert {cut: output.cutflow["data"][cut]["raw"] for cut in expected} == expected


@pytest.mark.parametrize("identified", [False, True])
def test_physlite(identified: bool) -> None:
    path = public("PHYSLITE_example.root")
    output = ours(path, **({} if identified else NO_ID))
    expected = flow(physlite(path), identified=identified)
    got = {cut: row["raw"] for cut, row in output.cutflow["data"].items()}
    assert {cut: got[cut] for cut in expected} == expected


def test_rebuilt_missing_momentum_of_events_without_neutrinos_is_small() -> None:
    path = public("PHYSLITE_example.root")
    # Z → ee: of the core soft term alone the electrons and jets would be missing.
    from eμsym.processors.file_events import FileEvents, opened_tree
    from eμsym.processors.formats import PHYSLITE
    from eμsym.processors.formats.physlite import physlite as made

    with opened_tree(str(path), "CollectionTree") as source:
        events = FileEvents(source, 0, 100, {})
        rebuilt = PHYSLITE.read(events).met
        soft = made(FormatOptions(met="MET_Core_AnalysisMET:PVSoftTrkCore")).read(events).met
        two = [len(each) >= 2 for each in PHYSLITE.read(events).electrons.PT.to_list()]
    assert sum(two) > 20
    assert 5 < sorted(rebuilt[two])[sum(two) // 2] < 30
    assert min(soft) >= 0


def test_jets_and_numbers() -> None:
    config = EMuConfig(keep=("jets", "btags", "event_numbers"))
    given = read_fileset([public("nano_tt_v12.root")])
    options = FormatOptions(btag="btagDeepFlavB > 0.3", **NO_ID)
    output = process(given, config, workers=1, file_format=options)
    assert {"n_jets", "n_bjets", "event"} <= set(output.events("data").fields)
