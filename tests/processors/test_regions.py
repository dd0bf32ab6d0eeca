"""Cuts of the configuration in the cutflow, and regions that a folder remembers."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from eμsym import read_pair
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.event_io import read_events
from eμsym.files import RESULTS_FILE
from eμsym.processors import EMuConfig, OwnColumn
from eμsym.processors.run_config import read_run_config
from eμsym.regions import Region
from tests.command_line import error_of, run
from tests.conftest import made_once

CONFIG = """
inputs = ["{fileset}"]
pair = ["ttbar", "hlfv_taue"]
[processor.where]
"m(ll)" = "m_ll > 30"
met = "met > 20"
[[processor.columns]]
name = "st"
value = "lead_pt + sub_pt + met"
[[processor.regions]]
name = "high"
where = "st > 150 and not dphi_ll < 1"
[[processor.regions]]
name = "empty"
where = "st < 0"
[[processor.observables]]
column = "st"
edges = [0, 100, 150, 200, 300]
overflow = true
[[processor.observables]]
column = "lead_charge"
categories = [1, -1]
"""


@pytest.fixture(scope="module")
def folder(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(base: Path) -> None:
        fileset = json.loads((sample / "fileset.json").read_text(encoding="utf-8"))
        chosen = {name: fileset[name] for name in ("ttbar", "hlfv_taue")}
        for each in chosen.values():
            each["files"] = {str(sample / name): tree for name, tree in each["files"].items()}
        (base / "two.json").write_text(json.dumps(chosen), encoding="utf-8")
        (base / "config.toml").write_text(CONFIG.format(fileset="two.json"), encoding="utf-8")
        with contextlib.redirect_stdout(io.StringIO()):
            assert run("process", "-c", base / "config.toml", "-o", base / "out") == 0

    return made_once(tmp_path_factory, "with-regions", make) / "out"


def test_every_cut_is_a_row_of_the_cutflow(folder: Path, processed_sample: Path) -> None:
    flow = json.loads((folder / RESULTS_FILE).read_text(encoding="utf-8"))["cutflow"]["ttbar"]
    assert list(flow)[-5:] == ["opposite_charge", "m(ll)", "met", "emu", "mue"]
    before = read_events(processed_sample / "events" / "ttbar.parquet")
    assert flow["opposite_charge"]["raw"] == len(before)
    assert flow["m(ll)"]["raw"] == ak.sum(before.m_ll > 30)
    passing = before[(before.m_ll > 30) & (before.met > 20)]
    assert flow["met"]["raw"] == len(passing) == flow["emu"]["raw"] + flow["mue"]["raw"]
    after = read_events(folder / "events" / "ttbar.parquet")
    assert after.entry.to_list() == passing.entry.to_list()


def test_a_region_is_the_part_that_its_name_says(folder: Path) -> None:
    whole, part = read_pair(folder), read_pair(folder, region="high")
    st, dphi = whole.pool.column("st"), whole.pool.column("dphi_ll")
    inside = (st > 150) & (dphi >= 1)
    assert 0 < inside.sum() < len(whole.pool)
    np.testing.assert_array_equal(part.pool.column("st"), st[inside])
    np.testing.assert_array_equal(part.pool.labels, whole.pool.labels[inside])
    for name, column in (("st", "st"), ("lead_charge", "lead_charge")):
        for side, histogram in zip((True, False), part.hist(name), strict=True):
            chosen = inside & (whole.pool.labels == side)
            weight = whole.pool.weight[chosen]
            total = histogram.sum(flow=True)
            assert total.value == pytest.approx(weight.sum())
            assert histogram.sum().value == pytest.approx(total.value)  # nothing lies outside
        values = whole.pool.column(column)[chosen]
    assert [histogram.axes[0].value(i) for i in (0, 1)] == [1, -1]
    expected = [weight[values == charge].sum() for charge in (1, -1)]
    np.testing.assert_allclose(histogram.values(), expected)
    one = read_pair(folder, region="high", datasets=["hlfv_taue"])
    assert len(one.pool) < len(part.pool)
    assert len(read_pair(folder, region="empty").pool) == 0


def test_the_command_tests_a_region(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "out")
    options = ("--region", "high", "--permutations", "20", "--columns", "st", "--equalise", "none")
    assert run("test", tmp_path / "out", *options) == 0
    assert "Yields in region high" in capsys.readouterr().out
    tests = json.loads((tmp_path / "out" / RESULTS_FILE).read_text(encoding="utf-8"))["tests"]
    part = read_pair(folder, region="high", datasets=["ttbar", "hlfv_taue"])
    assert tests["region"] == "high"
    assert tests["yields"]["emu"]["sumw"] == pytest.approx(part.a.weight.sum())
    assert tests["nsigma"]["st"]["z"] == pytest.approx(part.nsigma("st").z)
    assert any("left out, region 'high': 'st > 150" in note for note in tests["notes"])


def test_a_region_or_column_that_is_not_there_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = error_of(capsys, "test", folder, "--region", "low")
    assert "no region 'low'; there are high, empty; define it as [[processor.regions]]" in line
    line = error_of(capsys, "test", folder, "--columns", "lead_isolation")
    assert "column 'lead_isolation' is not comparable" in line
    with pytest.raises(ConfigurationError, match="a region can be chosen only from a processed"):
        read_pair(folder / "events" / "ttbar.parquet", region="high")


def test_a_folder_without_regions_says_so(processed_sample: Path) -> None:
    with pytest.raises(ConfigurationError, match="no region 'high'; none was defined"):
        read_pair(processed_sample, region="high")


def test_a_folder_with_half_a_region_is_refused(folder: Path, tmp_path: Path) -> None:
    content = json.loads((folder / RESULTS_FILE).read_text(encoding="utf-8"))
    for damage in ([{"name": "high"}], [{"name": "high", "where": "st >"}], 3):
        content["configuration"]["processor"]["regions"] = damage
        (tmp_path / RESULTS_FILE).write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(InputFileError, match=r"processor\.regions are none"):
            read_pair(tmp_path)


@pytest.mark.parametrize(
    "text, message",
    [
        ('where = "n_bjet == 0"', "where: 'n_bjet == 0': no column 'n_bjet'; there are m_coll, "),
        ('where = "met"', "where: 'met': is a number, not a condition"),
        ('where = "met +"', r"'met \+': is no expression"),
        ('where = ""', "there is nothing in it"),
        ('where = "lead_isolation < 0.1"', r"where: .* is not comparable when A and B"),
        ('where = "electron_leads"', r"is flipped when A and B are exchanged"),
        ('where = {pt = "met > 3"}', "the cut 'pt' needs another name"),
        ('where = {"x" = "met > y"}', "where 'x': 'met > y': no column 'y'"),
        ("where = 3", r"processor\.where"),
        ("[[processor.regions]]\nname='x'\nwhere='met > '", "region 'x': 'met > ': is no expr"),
        ("[[processor.regions]]\nname=''\nwhere='met > 1'", "a region without a name"),
        ("[[processor.regions]]\nname='x'\nwhere='sub_isolation > 0'", "region 'x': .*not compar"),
        (2 * "[[processor.regions]]\nname='x'\nwhere='met > 1'\n", "two are called 'x'"),
        (
            "[[processor.regions]]\nname='x'\nwere='met > 1'",
            "unknown key .*; there are name, where",
        ),
        ("keep = ['tracks']", "keep: no 'tracks'; there are jets, btags, event_numbers"),
        ("[processor.jets]\npt = 3", "unknown key .*; there are pt_min, eta_max, overlap"),
    ],
)
def test_bad_cuts_and_regions_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(f"[processor]\n{text}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_run_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_cuts_may_be_one_several_or_named() -> None:
    assert list(EMuConfig(where="met > 3").named_cuts) == ["met > 3"]
    assert list(EMuConfig(where=("met > 3", "m_ll > 1")).named_cuts) == ["met > 3", "m_ll > 1"]
    assert list(EMuConfig(where={"x": "met > 3"}).named_cuts) == ["x"]
    own = EMuConfig(columns=(OwnColumn("y", value="2 * met"),), regions=(Region("r", "y > 3"),))
    assert own.named_regions["r"].names == ("y",)
