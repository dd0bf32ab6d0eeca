"""Files written without ROOT read like those that Delphes writes."""

from __future__ import annotations

import uuid
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import DelphesSchema, NanoEventsFactory

from eμsym.processors.inspection import inspect_file, read_whole_file
from eμsym.recipes.simulation.delphes_layout import (
    MEMBERS,
    Columns,
    DelphesFile,
    delphes_columns,
    joined,
    read_record,
)
from eμsym.recipes.simulation.jets import Jets
from eμsym.recipes.simulation.particles import Particles, Partons
from eμsym.recipes.simulation.pythia_events import Generated
from eμsym.recipes.simulation.response import Leptons, Reconstructed

IDENTITY = uuid.UUID(int=7)
INFO = (
    "id1",
    "id2",
    "x1",
    "x2",
    "pdf1",
    "pdf2",
    "alpha_qed",
    "alpha_qcd",
    "q2_renormalisation",
    "q2_factorisation",
)


def leptons(event: list[int], pt: list[float]) -> Leptons:
    n = len(event)
    return Leptons(
        np.array(event, dtype=np.int64),
        np.array([1 if i % 2 else -1 for i in range(n)], dtype=np.int64),
        np.array(pt, dtype=float),
        np.linspace(-1.0, 1.0, n),
        np.linspace(-3.0, 3.0, n),
        0.01 * np.array(pt, dtype=float),
        0.02 * np.array(pt, dtype=float),
    )


@pytest.fixture
def columns() -> Columns:
    """Three events: two electrons and a muon, nothing, an electron and a muon."""
    n = 3
    none = np.zeros(0)
    made = Generated(
        Particles(none.astype(int), none.astype(int), none, none, none, none),
        Partons(none.astype(int), none.astype(int), none, none),
        weight=np.array([1.0, 1.0, 1.25]),
        number=np.array([3, 5, 8]),
        info={name: np.arange(n) + 4.0 for name in INFO},
    )
    seen = Reconstructed(
        leptons([0, 0, 2], [50.0, 20.0, 30.0]),
        leptons([0, 2], [40.0, 25.0]),
        np.array([[3.0, 0.0, 0.0], [4.0, 0.0, -2.0], [5.0, 1.0, 0.0]]),
        np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        Jets(
            np.array([1, 1]),
            *(np.array([90.0, 30.0]), np.array([0.5, -3.0]), np.array([1.0, -2.0])),
            *(np.array([12.0, 4.0]), np.array([2.0, 999.9])),
            *(np.array([5, 0]), np.array([True, False])),
        ),
    )
    return delphes_columns(made, seen)


def write(path: Path, *parts: Columns) -> Path:
    with DelphesFile(path, IDENTITY) as file:
        for part in parts:
            file.add(part)
        file.write_record({"η": 1.5, "seed": 4})
    return path


def test_branches_and_types_are_delphes_own(tmp_path: Path, columns: Columns, sample: Path) -> None:
    ours = uproot.open(write(tmp_path / "a.root", columns))["Delphes"]
    # With all branches of the card; the embedded files have no jets.
    genuine = uproot.open(sample.parents[1] / "tests" / "data" / "all_branches.root")["Delphes"]
    for name, members in MEMBERS.items():
        assert ours[f"{name}_size"].typename == genuine[f"{name}_size"].typename
        for member in members:
            branch = f"{name}/{name}.{member}"
            assert ours[branch].typename == genuine[branch].typename, branch
    wanted = {f"{name}_size" for name in MEMBERS} | {
        f"{name}/{name}.{member}" for name, members in MEMBERS.items() for member in members
    }
    assert set(ours.keys()) == wanted


def test_values_come_back_through_coffea(tmp_path: Path, columns: Columns) -> None:
    path = write(tmp_path / "a.root", columns, joined([]), columns)
    events = NanoEventsFactory.from_root(
        {str(path): "Delphes"}, schemaclass=DelphesSchema, mode="eager"
    ).events()
    assert ak.num(events.Electron.PT).tolist() == [2, 0, 1] * 2
    assert events.Electron.PT[0].tolist() == [50.0, 20.0]
    assert events.Muon.Charge.tolist() == [[-1], [], [1]] * 2
    np.testing.assert_allclose(ak.flatten(events.Electron.IsolationVar), 0.03, rtol=1e-6)
    np.testing.assert_allclose(ak.flatten(events.Muon.SumPt), [1.2, 0.75] * 2, rtol=1e-6)
    assert events.Jet.PT.tolist() == [[], [90.0, 30.0], []] * 2
    assert events.Jet.Mass[1].tolist() == [12.0, 4.0]
    assert events.Jet.Flavor[1].tolist() == [5, 0]
    assert events.Jet.BTag[1].tolist() == [1, 0]
    np.testing.assert_allclose(events.Jet.EhadOverEem[1], [2.0, 999.9], rtol=1e-6)
    assert ak.ravel(events.MissingET.MET).tolist() == [5.0, 0.0, 2.0] * 2
    np.testing.assert_allclose(
        ak.ravel(events.MissingET.Phi), [np.arctan2(4, 3), 0, -np.pi / 2] * 2, rtol=1e-6
    )
    assert events.MissingET.Eta[0] == pytest.approx(np.arcsinh(1.0))
    assert ak.ravel(events.Event.Weight).tolist() == [1.0, 1.0, 1.25] * 2
    assert ak.ravel(events.Event.Number).tolist() == [3, 5, 8] * 2
    assert ak.ravel(events.Event.Scale).tolist() == pytest.approx([2.0, 5**0.5, 6**0.5] * 2)
    report = read_whole_file(inspect_file(str(path)))
    assert report.ok
    assert report.entries == 6


def test_file_without_events_is_a_whole_file(tmp_path: Path) -> None:
    path = write(tmp_path / "empty.root")
    report = read_whole_file(inspect_file(str(path)))
    assert report.ok
    assert report.entries == 0


def test_identity_and_record(tmp_path: Path, columns: Columns, sample: Path) -> None:
    path = write(tmp_path / "a.root", columns)
    assert inspect_file(str(path)).uuid == str(IDENTITY)
    assert read_record(path) == {"η": 1.5, "seed": 4}
    assert read_record(sample / "ttbar.root") is None
