"""Resolutions made equal on the way from files to selected events."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from eμsym.calibration.resolution_maps import normal_of_leptons, read_resolution
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.processors import EMuConfig
from eμsym.processors.fileset import read_fileset
from eμsym.processors.formats import FormatOptions
from eμsym.processors.resolution import Resolution
from eμsym.processors.run_config import read_run_config
from eμsym.processors.runner import Processed, process
from eμsym.recipes import embedded_fileset
from tests.calibration.test_resolution_maps import ELECTRON, MUON, maps
from tests.command_line import run
from tests.delphes_file import emu, event, lepton, write_delphes
from tests.processors.rewritten import nano_columns, write_nano

WW = str(embedded_fileset().parent / "ww.root")


def processed(
    path: str | Path, resolution: Resolution | None, muon_id: str | None = None, **options: int
) -> Processed:
    datasets = read_fileset([str(path)])
    read = FormatOptions(muon_id=muon_id)
    return process(datasets, EMuConfig(resolution=resolution), file_format=read, **options)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_bits_do_not_depend_on_chunks_or_workers(tmp_path: Path, workers: int) -> None:
    resolution = Resolution(str(maps(tmp_path / "x.json", ELECTRON, MUON)))
    whole = processed(WW, resolution, workers=1).events("data")
    split = processed(WW, resolution, chunksize=400, workers=workers).events("data")
    assert whole.to_list() == split.to_list()
    raw = processed(WW, None).events("data")
    assert len(raw) != len(whole) or raw.lead_pt.to_list() != whole.lead_pt.to_list()
    other = processed(WW, Resolution(resolution.file, seed=2)).events("data")
    assert other.lead_pt.to_list() != whole.lead_pt.to_list()


def test_cuts_order_and_missing_momentum_are_of_the_smeared_leptons(tmp_path: Path) -> None:
    """Every event by hand: the muon's pT, who leads, isolation, and what MET takes up."""
    maps_path = maps(tmp_path / "x.json", "0.2", "0.0")
    rng = np.random.default_rng(1)
    pt_mu = rng.uniform(10, 30, 300).astype(np.float32).astype(float)
    events = [
        event([lepton(20.0, -1, Eta=0.3)], [lepton(float(x), 1, Phi=2.5, IsolationVar=0.2)])
        for x in pt_mu
    ]
    path = write_delphes(tmp_path / "x.root", events)
    found = processed(path, Resolution(str(maps_path), seed=7)).events("data")
    phi = np.float64(np.float32(2.5))
    g = normal_of_leptons(7, 13, pt_mu, np.full(300, 0.5), np.full(300, phi))
    after = np.maximum(pt_mu * (1 + 0.2 * g), 0)
    chosen = (after >= 15) & (0.2 * pt_mu / np.maximum(after, 1e-9) < 0.25)
    assert 20 < chosen.sum() < 250
    assert found.entry.to_list() == np.flatnonzero(chosen).tolist()
    assert found.electron_leads.to_list() == (after < 20)[chosen].tolist()
    muon_pt = np.where(found.electron_leads, found.sub_pt, found.lead_pt)
    np.testing.assert_allclose(muon_pt, after[chosen], rtol=1e-6)
    gained = (after - pt_mu)[chosen]
    x = 20 * np.cos(-1.0) - gained * np.cos(2.5)
    y = 20 * np.sin(-1.0) - gained * np.sin(2.5)
    np.testing.assert_allclose(found.met, np.hypot(x, y), rtol=1e-5)
    np.testing.assert_allclose(found.met_phi, np.arctan2(y, x), atol=1e-5)


def test_copies_of_events_remain_copies(tmp_path: Path) -> None:
    maps_path = maps(tmp_path / "x.json", ELECTRON, MUON)
    one = write_delphes(tmp_path / "one.root", [emu(40.0, 30.0), emu(33.0, 50.0)])
    two = write_delphes(tmp_path / "two.root", [emu(80.0, 31.0), emu(33.0, 50.0)])
    resolution = Resolution(str(maps_path))
    first, second = (processed(path, resolution).events("data") for path in (one, two))
    assert first[1].lead_pt == second[1].lead_pt
    assert first[0].lead_pt != second[0].lead_pt


def test_the_configuration_says_it_and_the_command_prints_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maps(tmp_path / "x.json", ELECTRON, MUON)
    toml = tmp_path / "c.toml"
    toml.write_text('[processor.resolution]\nfile = "x.json"\nseed = 3\n', encoding="utf-8")
    config = read_run_config(toml)
    assert config.processor.resolution == Resolution(str(tmp_path / "x.json"), 3)
    path = write_delphes(tmp_path / "x.root", [emu(40.0, 30.0), emu(33.0, 50.0)])
    for options, said in ((["-c", str(toml)], "equalised by"), ([], "not equalised")):
        out = tmp_path / said.replace(" ", "-")
        assert run("process", path, *options, "-o", out) == 0
        assert f"Resolution  {said}" in capsys.readouterr().out
        stored = json.loads((out / "results.json").read_text(encoding="utf-8"))
        found = stored["configuration"]["processor"]["resolution"]
        assert found == ({"file": str(tmp_path / "x.json"), "seed": 3} if options else None)


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"resolution.seed = -1: give 0 to"):
        Resolution("x.json", -1)
    with pytest.raises(InputFileError, match=r"none.json: cannot be read"):
        processed(WW, Resolution(str(tmp_path / "none.json")))
    toml = tmp_path / "c.toml"
    toml.write_text('[processor.resolution]\nfiles = "x.json"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"processor.resolution"):
        read_run_config(toml)
    assert read_resolution(maps(tmp_path / "x.json", ELECTRON, MUON)).path.endswith("x.json")


def test_maps_and_identification_together(tmp_path: Path) -> None:
    """Only identified leptons are selected, each smeared by what itself is, whoever stands by."""
    rng = np.random.default_rng(5)
    n = 200
    pt, other = (rng.uniform(12, high, n).astype(np.float32) for high in (30, 60))
    alone = [event([lepton(25.0, -1)], [lepton(float(x), 1, Phi=2.5)]) for x in pt]
    # The same with a harder muon that is not identified, before or behind the good one.
    crowded = [
        event([lepton(25.0, -1)], muons if i % 2 else muons[::-1])
        for i, (x, y) in enumerate(zip(pt, other, strict=True))
        for muons in ([lepton(float(x), 1, Phi=2.5), lepton(float(x + y), 1, Phi=0.7)],)
    ]
    maps_path = maps(tmp_path / "x.json", "0.2", "0.0")
    found = {}
    for name, events in (("alone", alone), ("crowded", crowded)):
        columns = nano_columns(write_delphes(tmp_path / f"{name}.root", events))
        good = np.abs(columns["Muon_phi"] - 2.5) < 1e-3
        path = write_nano(tmp_path / f"{name}-nano.root", {**columns, "Muon_mediumId": good})
        found[name] = processed(path, Resolution(str(maps_path), seed=7)).events("data")
    phi = np.float64(np.float32(2.5))
    g = normal_of_leptons(7, 13, pt.astype(float), np.full(n, 0.5), np.full(n, phi))
    after = pt * (1 + 0.2 * g)
    chosen = after >= 15
    assert 100 < chosen.sum() < n - 10
    for each in found.values():
        assert each.entry.to_list() == np.flatnonzero(chosen).tolist()
        assert each.electron_leads.to_list() == (after < 25)[chosen].tolist()
        muon_pt = np.where(each.electron_leads, each.sub_pt, each.lead_pt)
        np.testing.assert_allclose(muon_pt, after[chosen], rtol=1e-6)
    # With every muon taken for one, most events have two.
    every = processed(
        tmp_path / "crowded-nano.root", Resolution(str(maps_path), seed=7), muon_id="none"
    )
    assert len(every.events("data")) < chosen.sum() / 2
