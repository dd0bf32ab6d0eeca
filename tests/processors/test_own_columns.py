"""Columns beside the usual ones: of jets, of the user's expressions, branches and functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.nanoevents import NanoEventsFactory

from eμsym.errors import ConfigurationError, InputFileError, LostEventsError
from eμsym.jets import JetCuts
from eμsym.processors import DELPHES, Binning, EMuConfig, EMuProcessor, OwnColumn
from eμsym.processors.columns import COLUMNS, JET_LABELS
from eμsym.processors.fileset import read_fileset
from eμsym.processors.runner import Processed, process
from tests.command_line import error_of, run
from tests.delphes_file import emu, event, jet


def processed(path: Path, config: EMuConfig, **options: Any) -> Processed:
    return process(read_fileset([str(path)]), config, workers=1, **options)


def with_jets(jets: list[dict[str, float]], ht: float = 0.0, **values: Any) -> dict[str, Any]:
    return {**emu(**values), "Jet": jets, "ScalarHT": [{"HT": ht}]}


#: A genuine file with everything that the card writes.
WHOLE = Path(__file__).parents[1] / "data" / "all_branches.root"

#: The leptons of `emu` are at η = 0.5 and φ = 0.1 and 2.5.
EVENTS = [
    with_jets([], 1.0),
    with_jets([jet(40.0, 1.0, -2.0), jet(90.0, -2.0, -1.0, tagged=True)], 130.0, pt_e=20.0),
    {**event(), "Jet": [jet(99.0, 0.0, 0.0)], "ScalarHT": [{"HT": 5.0}]},
    with_jets([jet(80.0, 0.5, 2.2), jet(26.0, 0.5, 0.1), jet(30.0, 0.0, -2.0)], 140.0),
    with_jets([jet(24.0, 0.0, -2.0), jet(50.0, 3.0, -2.0, tagged=True)], 80.0),
]


def test_jets_are_kept_if_they_are_asked_for(delphes_file: Callable[..., Path]) -> None:
    path = delphes_file(EVENTS)
    usual = processed(path, EMuConfig()).events("data")
    assert usual.fields == list(COLUMNS)
    events = processed(path, EMuConfig(keep=("btags",))).events("data")
    assert events.fields == [*COLUMNS, *sorted(JET_LABELS, key=events.fields.index)]
    assert set(events.fields) == {*COLUMNS, *JET_LABELS}
    assert events.entry.to_list() == [0, 1, 3, 4]
    assert events.n_jets.to_list() == [0, 2, 1, 0]
    assert events.n_bjets.to_list() == [0, 1, 0, 0]
    assert events.ht.to_list() == [0.0, 130.0, 30.0, 0.0]
    assert ak.nan_to_none(events.jet1_pt).to_list() == [None, 90.0, 30.0, None]
    assert ak.nan_to_none(events.jet2_eta).to_list() == [None, 1.0, None, None]
    loose = EMuConfig(keep=("jets",), jets=JetCuts(pt_min=20.0, eta_max=4.0, overlap=0.0))
    assert processed(path, loose).events("data").n_jets.to_list() == [0, 2, 3, 2]


def test_no_histogram_counts_a_jet_that_is_not_there(delphes_file: Callable[..., Path]) -> None:
    binnings = (Binning("jet1_pt", 10, 0, 200), Binning("n_jets", integers=(0, 3)))
    config = EMuConfig(observables=binnings)
    assert config.wanted == ("jets",)
    found = processed(delphes_file(EVENTS), config).histograms
    assert found["jet1_pt"].sum().value == 2
    assert found["jet1_pt"].sum(flow=True).value == 4
    assert found["n_jets"][{"dataset": 0, "order": sum}].values().tolist() == [2, 1, 1, 0]


def test_expressions_branches_and_functions(delphes_file: Callable[..., Path]) -> None:
    path = delphes_file(EVENTS)
    columns = (
        OwnColumn("st", value="lead_pt + sub_pt + met"),
        OwnColumn("fraction", value="where(n_jets > 0, ht / st, 0)"),
        OwnColumn("ht_all", branch="ScalarHT.HT", exchange="unchanged", label="$H$ [GeV]"),
        OwnColumn("soft", value="ht_all - ht > 40 or lead_isolation < 0.001"),
        OwnColumn("n_electrons", function=lambda events: ak.num(events.Electron.PT)),
    )
    config = EMuConfig(columns=columns, observables=(Binning("ht_all", edges=(0, 10, 150)),))
    result = processed(path, config)
    events = result.events("data")
    assert events.st.to_list() == [90.0, 70.0, 90.0, 90.0]
    np.testing.assert_allclose(events.fraction, [0, 130 / 70, 30 / 90, 0])
    assert events.ht_all.to_list() == [1.0, 130.0, 140.0, 80.0]
    assert events.soft.to_list() == [False, False, True, True]
    assert events.n_electrons.to_list() == [1, 1, 1, 1]
    assert result.histograms["ht_all"].axes[2].label == "$H$ [GeV]"
    exchange = result.rule.exchange
    effects = [exchange.effect(column.name) for column in columns]
    assert effects == ["unchanged"] * 3 + ["not comparable"] * 2
    json.dumps(config.to_dict())


def test_a_branch_of_genuine_files(sample: Path) -> None:
    config = EMuConfig(columns=(OwnColumn("ht_all", branch="ScalarHT.HT"),))
    events = processed(sample / "ww.root", config).events("data")
    with uproot.open(sample / "ww.root") as file:
        expected = ak.flatten(file["Delphes/ScalarHT/ScalarHT.HT"].array())
    np.testing.assert_array_equal(events.ht_all, expected[events.entry])


def test_a_processor_of_one_s_own_reads_everything(delphes_file: Callable[..., Path]) -> None:
    config = EMuConfig(columns=(OwnColumn("ht_all", branch="ScalarHT.HT"),), keep=("jets",))
    factory = NanoEventsFactory.from_root(
        {str(delphes_file(EVENTS)): "Delphes"}, schemaclass=DELPHES.schema
    )
    found = EMuProcessor(config).process(factory.events())["columns"]["events"].value
    assert found.ht_all.to_list() == [1.0, 130.0, 140.0, 80.0]


@pytest.mark.parametrize(
    "columns, message",
    [
        ([{"name": "2nd", "value": "met"}], "'2nd' cannot be the name"),
        ([{"name": "met", "value": "met"}], "there is a column 'met' already"),
        ([{"name": "fake", "value": "met"}], "there is a column 'fake' already"),
        ([{"name": "x"}], "column 'x': give one of value .* none is given"),
        ([{"name": "x", "value": "met", "branch": "y"}], "value and branch is given"),
        ([{"name": "x", "value": "met +"}], r"column 'x': 'met \+': is no expression"),
        ([{"name": "x", "value": "met + y"}], "column 'x': 'met \\+ y': no column 'y'; there are"),
        ([{"name": "x", "value": "met"}] * 2, "two are called 'x'"),
        ([{"name": "x", "value": "met", "exchange": "turned"}], "no exchange 'turned'"),
        (
            [{"name": "x", "value": "met", "exchange": "swapped", "partner": "y"}],
            "no column 'y' to swap with",
        ),
    ],
)
def test_columns_that_cannot_be(columns: list[dict[str, str]], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        EMuConfig(columns=tuple(OwnColumn(**column) for column in columns))
    assert "\n" not in str(caught.value)


def test_what_is_not_in_the_files_is_one_line(delphes_file: Callable[..., Path]) -> None:
    slim, whole = delphes_file([emu()], "slim.root"), delphes_file(EVENTS, "whole.root")
    with pytest.raises(InputFileError, match=r"slim\.root: branch Jet_size, .* is missing"):
        processed(slim, EMuConfig(where="n_jets == 0"))
    with pytest.raises(InputFileError, match=r"branch Rho_size, Rho/Rho\.Rho is missing"):
        processed(whole, EMuConfig(columns=(OwnColumn("rho", branch="Rho.Rho"),)))
    with pytest.raises(InputFileError, match=r"branch rho is missing"):
        processed(whole, EMuConfig(columns=(OwnColumn("rho", branch="rho"),)))
    many = EMuConfig(columns=(OwnColumn("pt", branch="Jet.PT"),))
    with pytest.raises(LostEventsError, match=r"Jet\.PT has no value in entry 0"):
        processed(whole, many)
    odd = EMuConfig(columns=(OwnColumn("odd", function=lambda events: [1.0, 2.0]),))
    with pytest.raises(LostEventsError, match=r"column 'odd': the function gives float64 .* for 5"):
        processed(whole, odd)
    ratio = EMuConfig(columns=(OwnColumn("ratio", value="met / n_jets"),))
    with pytest.raises(LostEventsError, match=r"'met / n_jets': divides by zero in 2 of 4 events"):
        processed(whole, ratio)
    with pytest.raises(LostEventsError, match=r"no column 'run'.*no number of that name"):
        processed(WHOLE, EMuConfig(where="run > 3"))
    numbers = processed(WHOLE, EMuConfig(keep=("event_numbers",)))
    assert set(numbers.events("data").fields) == {*COLUMNS, "event"}


def test_a_jet_that_is_not_there_is_not_tested(
    delphes_file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "jets.toml"
    config.write_text("[processor]\nkeep = ['jets']", encoding="utf-8")
    path, out = delphes_file(EVENTS), tmp_path / "out"
    assert run("process", path, "-c", config, "-o", out) == 0
    line = error_of(capsys, "test", out, "--columns", "jet1_pt")
    assert "column 'jet1_pt': 2 of 4 events have none; test a region" in line
