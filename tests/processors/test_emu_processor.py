"""The processor against a plain loop, on genuine Delphes files and on made ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import cloudpickle
import numpy as np
import pytest
from coffea.nanoevents import DelphesSchema, NanoEventsFactory
from coffea.processor import IterativeExecutor, Runner, accumulate

from eμsym import Pair
from eμsym.errors import DataError, InputFileError
from eμsym.label_rule import LEADING
from eμsym.processors import Binning, EMuConfig, EMuProcessor
from eμsym.processors.columns import COLUMNS
from eμsym.recipes import embedded_fileset
from eμsym.selection import CUT_NAMES, Cuts
from tests.delphes_file import emu, event, lepton
from tests.processors.plain_loop import count
from tests.sending import received

GENUINE = [
    *sorted(embedded_fileset().parent.glob("*.root")),
    Path(__file__).parents[1] / "data" / "all_branches.root",
    # More files of your own: EMUSYM_DELPHES_FILES=/data/one.root:/data/two.root
    *map(Path, filter(None, os.environ.get("EMUSYM_DELPHES_FILES", "").split(":"))),
]


def run(path: Path, chunksize: int = 100_000, config: EMuConfig | None = None) -> dict[str, Any]:
    """Run the processor with nothing but coffea's own Runner."""
    runner = Runner(
        executor=IterativeExecutor(status=False, retries=0),
        schema=DelphesSchema,
        chunksize=chunksize,
        savemetrics=False,
    )
    output: dict[str, Any] = runner(
        {"one": {"files": {str(path): "Delphes"}}}, EMuProcessor(config)
    )
    return output


@pytest.mark.parametrize("path", GENUINE, ids=lambda path: path.stem)
def test_genuine_file_equals_a_plain_loop(path: Path) -> None:
    expected = count(path)
    output = run(path)
    flow = output["cutflow"]["one"]
    assert [flow[name]["raw"] for name in ("all", *CUT_NAMES)] == expected.cuts
    assert (flow["emu"]["raw"], flow["mue"]["raw"]) == (expected.emu, expected.mue)
    columns = output["columns"]["one"].value
    assert columns.entry.to_list() == expected.entries
    np.testing.assert_allclose(columns.m_coll, expected.m_coll, rtol=1e-5)
    np.testing.assert_array_equal(columns.lead_pt, np.float32(expected.lead_pt))


@pytest.mark.parametrize("n_chunks", [2, 7])
def test_any_chunking_adds_up_to_the_same(sample: Path, n_chunks: int) -> None:
    path = sample / "ww.root"
    whole = run(path)
    entries = whole["cutflow"]["one"]["all"]["raw"]
    parts = run(path, chunksize=-(-entries // n_chunks))
    assert parts["cutflow"] == whole["cutflow"]
    for name, histogram in whole["histograms"].items():
        assert parts["histograms"][name] == histogram
    ours, theirs = parts["columns"]["one"].value, whole["columns"]["one"].value
    for name in COLUMNS:
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_two_datasets_add_up_whatever_comes_first(delphes_file: Callable[..., Path]) -> None:
    a = run(delphes_file([emu(weight=2.0), event()], "a.root"))
    b = run(delphes_file([emu(20, 60), emu(20, 60)], "b.root"))
    for first, second in ((a, b), (b, a)):
        total = accumulate([first, second])
        flow = total["cutflow"]["one"]
        assert flow["all"] == {"raw": 4, "sumw": 5.0, "sumw2": 7.0}
        assert flow["emu"] == {"raw": 1, "sumw": 2.0, "sumw2": 4.0}
        assert flow["mue"] == {"raw": 2, "sumw": 2.0, "sumw2": 2.0}
        leading = total["histograms"]["lead_pt"][{"dataset": "one"}]
        assert leading[{"order": "emu"}].sum().value == 2.0
        assert leading[{"order": "emu"}].sum().variance == 4.0
        assert leading[{"order": "mue"}].sum().value == 2.0
        assert len(total["columns"]["one"].value) == 3


@pytest.mark.parametrize(
    "events",
    [
        [],
        [event(muons=[lepton(30, 1)])] * 3,
        [event(electrons=[lepton(30, 1)])] * 3,
        [event()] * 3,
        [event([lepton(30, 1)], [lepton(30, 1)])] * 3,
    ],
    ids=["no entry", "no electron", "no muon", "no lepton", "no survivor"],
)
def test_files_without_selected_events(
    delphes_file: Callable[..., Path], events: list[dict[str, Any]]
) -> None:
    output = run(delphes_file(events))
    flow = output["cutflow"]["one"]
    assert flow["all"]["raw"] == len(events)
    assert flow["opposite_charge"] == {"raw": 0, "sumw": 0.0, "sumw2": 0.0}
    columns = output["columns"]["one"].value
    assert len(columns) == 0
    assert ak.fields(columns) == list(COLUMNS)
    assert all(h.sum(flow=True).value == 0 for h in output["histograms"].values())


def test_columns_hold_what_their_names_say(delphes_file: Callable[..., Path]) -> None:
    electron = lepton(25.0, -1, Eta=-1.5, Phi=3.0, IsolationVar=0.125)
    muon = lepton(50.0, 1, Eta=2.0, Phi=-3.0, IsolationVar=0.1875)
    path = delphes_file([event(), event([electron], [muon], met=12.0, weight=0.5)])
    (row,) = run(path)["columns"]["one"].value.to_list()
    expected = {
        "lead_pt": 50.0,
        "lead_eta": 2.0,
        "lead_phi": -3.0,
        "lead_charge": 1,
        "lead_isolation": 0.1875,
        "sub_pt": 25.0,
        "sub_eta": -1.5,
        "sub_phi": 3.0,
        "sub_charge": -1,
        "sub_isolation": 0.125,
        "met": 12.0,
        "met_phi": -1.0,
        "electron_leads": False,
        "weight": 0.5,
        "entry": 1,
    }
    assert {name: row[name] for name in expected} == expected
    opening = np.cosh(3.5) - np.cos(6.0)
    assert row["m_coll"] == pytest.approx(np.sqrt(2 * 50 * (25 + 12) * opening), rel=1e-6)


def test_identity_is_unique_and_independent_of_chunks(sample: Path) -> None:
    seen: set[tuple[int, int]] = set()
    total = 0
    for name in ("ww.root", "wz.root", "hww.root"):
        for chunksize in (100_000, 250):
            columns = run(sample / name, chunksize)["columns"]["one"].value
            keys = set(zip(columns.file_id.to_list(), columns.entry.to_list(), strict=True))
            assert len(keys) == len(columns)
            seen |= keys
        total += len(columns)
    assert len(seen) == total


def test_configuration_changes_cuts_and_binnings(sample: Path) -> None:
    config = EMuConfig(
        cuts=Cuts(pt_min=40.0, opposite_charge=False),
        plane=(Binning("met", 4, 0, 200), Binning("sub_pt", 5, 0, 100)),
        observables=(Binning("met", 10, 0, 100),),
    )
    output = run(sample / "ttbar.root", config=config)
    columns = output["columns"]["one"].value
    assert 0 < len(columns) < output["cutflow"]["one"]["electron_and_muon"]["raw"]
    assert ak.min(columns.sub_pt) >= 40
    assert set(output["histograms"]) == {"met", "plane"}
    met = output["histograms"]["met"][{"dataset": "one", "order": sum}].values()
    expected, _ = np.histogram(columns.met, bins=10, range=(0, 100))
    # numpy closes the last bin, hist leaves it open; no event sits on that edge.
    np.testing.assert_array_equal(met, expected)


def test_processor_can_be_sent_to_workers() -> None:
    config = EMuConfig(cuts=Cuts(pt_min=21.0))
    processor = EMuProcessor(config)
    for copy in (received(processor), cloudpickle.loads(cloudpickle.dumps(processor))):
        assert copy.config == config


@pytest.mark.parametrize(
    "collection, name, value",
    [
        ("Electron", "PT", float("nan")),
        ("Muon", "PT", -3.0),
        ("Electron", "Eta", float("inf")),
        ("Muon", "IsolationVar", float("nan")),
        ("MissingET", "MET", float("nan")),
        ("MissingET", "MET", -1.0),
        ("Event", "Weight", float("nan")),
    ],
)
def test_impossible_values_are_named(
    delphes_file: Callable[..., Path], collection: str, name: str, value: float
) -> None:
    bad = emu()
    bad[collection][0][name] = value
    path = delphes_file([emu(), emu(), bad])
    factory = NanoEventsFactory.from_root(
        {str(path): "Delphes"}, schemaclass=DelphesSchema, metadata={"filename": "f.root"}
    )
    with pytest.raises(DataError, match=rf"f\.root: {collection}\.{name} = .* in entry 2;"):
        EMuProcessor().process(factory.events())


def test_missing_branch_is_named_by_the_processor_too(
    delphes_file: Callable[..., Path],
) -> None:
    path = delphes_file([emu()], drop=("Muon.Charge",))
    events = NanoEventsFactory.from_root({str(path): "Delphes"}, schemaclass=DelphesSchema).events()
    with pytest.raises(InputFileError, match=r"branch Muon\.Charge cannot be read"):
        EMuProcessor().process(events)


#: The usual rule, that calls the samples something else.
RENAMED = replace(LEADING, orders=("first", "second"), names=("e first", "μ first"))


def test_the_samples_are_called_what_the_rule_calls_them(delphes_file: Callable[..., Path]) -> None:
    path = delphes_file([emu(40, 30), emu(20, 60), emu(30, 50)])
    factory = NanoEventsFactory.from_root({str(path): "Delphes"}, schemaclass=DelphesSchema)
    output = EMuProcessor(rule=RENAMED).process(factory.events())
    flow = output["cutflow"]["events"]
    assert list(flow)[-2:] == ["first", "second"]
    assert (flow["first"]["raw"], flow["second"]["raw"]) == (1, 2)
    assert list(output["histograms"]["m_coll"].axes["order"]) == ["first", "second"]
    pair = Pair.from_output(output, rule=RENAMED)
    assert pair.names == ("e first", "μ first")
    assert [h.sum().value for h in pair.hist("m_coll")] == [1, 2]
    with pytest.raises(DataError, match="no axes dataset and order"):
        Pair.from_output(output)
