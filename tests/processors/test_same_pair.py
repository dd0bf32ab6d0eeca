"""The same events in every format are the same pair, column by column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from eμsym.processors import EMuConfig
from eμsym.processors.columns import COLUMNS
from eμsym.processors.fileset import read_fileset
from eμsym.processors.formats import FormatOptions
from eμsym.processors.resolution import Resolution
from eμsym.processors.runner import Processed, process
from tests.calibration.test_resolution_maps import ELECTRON, MUON, maps
from tests.processors.rewritten import (
    nano_columns,
    write_flat,
    write_nano,
    write_physlite,
)

#: Cuts at which every format begins alike.
CUTS = ("electron_and_muon", "pt", "eta", "isolation", "exactly_one_each", "opposite_charge")


@pytest.fixture(scope="module")
def genuine(sample: Path) -> Path:
    return sample / "hlfv_taue.root"


@pytest.fixture(scope="module")
def reference(genuine: Path) -> Processed:
    return process(read_fileset([genuine]), workers=1)


def same(ours: Processed, theirs: Processed, *, rtol: float, entries: bool = True) -> None:
    assert [ours.cutflow["data"][cut]["raw"] for cut in CUTS[5:]] == [
        theirs.cutflow["data"][cut]["raw"] for cut in CUTS[5:]
    ]
    selected, expected = ours.events("data"), theirs.events("data")
    assert len(selected) > 100
    for name in COLUMNS.keys() - ({"file_id"} if entries else {"file_id", "entry"}):
        got, want = ak.to_numpy(selected[name]), ak.to_numpy(expected[name])
        assert got.dtype == want.dtype, name
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol, err_msg=name)


def processed(path: Path, options: FormatOptions | None = None, **more: Any) -> Processed:
    return process(read_fileset([path]), workers=1, chunksize=700, file_format=options, **more)


@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
def test_nanoaod(genuine: Path, reference: Processed, tmp_path: Path, rntuple: bool) -> None:
    path = write_nano(tmp_path / "nano.root", nano_columns(genuine), rntuple=rntuple)
    ours = processed(path)
    assert ours.file_format.name == "NanoAOD"
    same(ours, reference, rtol=0.0)
    flow, expected = ours.cutflow["data"], reference.cutflow["data"]
    assert flow["identification"] == flow["eta"]
    assert {cut: flow[cut] for cut in ("all", *CUTS)} == {
        cut: expected[cut] for cut in ("all", *CUTS)
    }
    numbers = process(read_fileset([path]), EMuConfig(keep=("event_numbers",))).events("data")
    assert numbers.run.to_list() == [1] * len(numbers)
    assert (numbers.event - 10**10).to_list() == numbers.entry.to_list()
    assert (numbers.lumi - 1).to_list() == (numbers.entry // 100).to_list()


def test_leptons_that_are_identified_are_smeared_alike(genuine: Path, tmp_path: Path) -> None:
    config = EMuConfig(resolution=Resolution(str(maps(tmp_path / "x.json", ELECTRON, MUON))))
    nano = write_nano(tmp_path / "nano.root", nano_columns(genuine))
    ours, theirs = (process(read_fileset([x]), config, workers=1) for x in (nano, genuine))
    same(ours, theirs, rtol=0.0)
    assert "identification" in ours.cutflow["data"]


def test_physlite(genuine: Path, reference: Processed, tmp_path: Path) -> None:
    path = write_physlite(tmp_path / "physlite.root", genuine)
    ours = processed(path, FormatOptions(met="MET_Final"))
    assert ours.file_format.name == "PHYSLITE"
    # Components of the missing momentum are rounded, and small transverse masses feel it.
    same(ours, reference, rtol=3e-5)


def test_flat_parquet(reference: Processed, tmp_path: Path) -> None:
    events = reference.events("data")
    ours = processed(write_flat(tmp_path / "flat.parquet", events))
    assert ours.file_format.name == "flat"
    same(ours, reference, rtol=0.0, entries=False)
    selected = ours.events("data")
    assert selected.entry.to_list() == list(range(len(events)))
    assert len(set(selected.file_id.to_list())) == 1
