"""``emusym limit``: what it prints, writes and says of what is missing."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hist import Hist

from eμsym.analysis.correction import Equalisation
from eμsym.analysis.limit_options import LimitOptions
from eμsym.analysis.limits import TwoLimits, folder_limits
from eμsym.analysis.problem import Problem
from eμsym.analysis.signal_yields import data_luminosity, yield_of
from eμsym.analysis.signals import signals
from eμsym.analysis.varied_signals import varied_planes
from eμsym.cli import limit_job
from eμsym.cli.report_limits import print_limits
from eμsym.errors import EmusymError
from eμsym.folder import ProcessedFolder
from eμsym.limits.units import SignalYield
from eμsym.limits.upper_limit import UpperLimit
from eμsym.pair_io import read_pair
from eμsym.report import write_report
from tests.command_line import error_of, run

BACKGROUND = ("ztautau", "ttbar", "ww", "wz", "zz", "hww", "htautau")


@pytest.fixture
def folder(processed_sample: Path, tmp_path: Path) -> Path:
    """A processed folder of the test's own."""
    return Path(shutil.copytree(processed_sample, tmp_path / "out"))


def limits_in(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return content["limits"]  # type: ignore[no-any-return]


def changed(folder: Path, **metadata: Any) -> ProcessedFolder:
    """The folder with other metadata of its signal; None takes a key away."""
    path = folder / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    about = content["datasets"]["hlfv_taue"]
    about.update({key: value for key, value in metadata.items() if value is not None})
    for key, value in metadata.items():
        if value is None:
            about.pop(key, None)
    path.write_text(json.dumps(content), encoding="utf-8")
    return ProcessedFolder(folder)


def test_the_whole_command(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--pair", ",".join(BACKGROUND), "--signals", "hlfv_taue", "--luminosities", "1,4")
    sure = ("--uncertainty", "luminosity=0.02", "--uncertainty", "cross_section=0.3")
    assert run("limit", folder, *options, *sure, "--pyhf", "--branching-ratio", "0.02") == 0
    printed = capsys.readouterr().out
    assert "Expected with a branching ratio of 0.02" in printed
    assert "Upper limits at 95 % CL" in printed
    assert "σ × BR" in printed
    found = limits_in(folder)["signals"]["hlfv_taue"]
    # r is fitted to the same events, and takes some of the signal.
    assert 0.8 < found["kept_by_calibration"] < 0.995
    left = f"leaves {100 * found['kept_by_calibration']:.1f} % of it"
    assert left in re.sub(r"\s+", " ", printed)
    # 819 events were generated at 0.9105 pb with a branching ratio of 0.1; 181 are selected.
    acceptance = 181 / 819
    assert found["yield"]["acceptance"] == pytest.approx(acceptance)
    assert found["yield"]["production_pb"] == pytest.approx(9.105)
    events = found["events"]["expected"]["median"]
    per_pb = 900 * acceptance * 0.9017 / 0.9  # the luminosity of the largest dataset
    assert found["cross_section"]["expected"]["median"] == pytest.approx(events / per_pb, rel=0.01)
    ratio = found["branching_ratio"]["expected"]["median"]
    assert ratio > 1.02 * events / per_pb / 9.105  # the cross section's uncertainty is in it
    assert found["cross_section"]["unit"] == "pb"
    # Four times the data halve the expected limit on the cross section, but for what does not
    # shrink with them: the signal's statistics and what the calibration leaves uncertain.
    there = found["sensitivity"]
    assert there["luminosity_ifb"] == [1.0, 4.0]
    one, four = there["events"]["median"]
    assert 2 * one * 0.95 < four < 2 * one * 1.2
    # Z of a signal of few events is their number over the expected error.
    events = 0.02 * 9105 * acceptance * np.array([1.0, 4.0])
    assert there["z"] == pytest.approx(events / there["error"], rel=0.2)
    assert {x["name"] for x in found["impacts"]["nuisances"]} >= {"luminosity", "cross_section"}
    names = {"limits", "limits_branching_ratio", "limit_hlfv_taue", "impacts_hlfv_taue"}
    for name in names:
        assert (folder / "figures" / f"{name}.pdf").is_file()
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert {f"{name}.png" for name in names} <= set(content["figures"])
    # Another run takes away the figures that are no longer of any limit.
    content["limits"]["figures"].append("contour.pdf")
    content["figures"] += ["contour.pdf", "cutflow.pdf"]
    (folder / "results.json").write_text(json.dumps(content), encoding="utf-8")
    for name in ("contour.pdf", "cutflow.pdf"):
        (folder / "figures" / name).touch()
    monkeypatch.setattr(limit_job, "figures", lambda found, style, labels: {})
    assert run("limit", folder, *options) == 0
    assert {x.name for x in (folder / "figures").iterdir()} == {"cutflow.pdf"}
    workspace = json.loads((folder / "pyhf" / "hlfv_taue.json").read_text(encoding="utf-8"))
    parameters = workspace["measurements"][0]["config"]["parameters"]
    assert parameters[0] == {"name": "mu", "bounds": [[0.0, 20.0]], "inits": [0.0]}
    assert "mu = 1 is" in workspace["measurements"][0]["name"]


def test_two_signals_together(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(limit_job, "save_figures", lambda *arguments: ([], []))
    assert run("limit", folder, "--together", "--equalise", "none") == 0
    together = limits_in(folder)["together"]
    assert together["signals"] == ["hlfv_taue", "hlfv_taumu"]
    assert together["unit"] == "events"
    assert not together["first"]["bounded"]
    printed = capsys.readouterr().out
    assert "hlfv_taue alone: not bounded" in printed
    assert "hlfv_taumu: no limit on σ × BR nor on BR" in printed


def test_folders_are_combined_if_they_share_no_event(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two halves of the simulation, each at its own luminosity of 0.9 fb⁻¹."""
    monkeypatch.setattr(limit_job, "save_figures", lambda *arguments: ([], []))
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    plain = ("--signals", "hlfv_taue", "--equalise", "none")
    sizes = ("--uncertainty", "luminosity=0.1", "--uncertainty", "cross_section=0.2")
    refused = ("limit", folder, "--with", other, *plain)
    capsys.readouterr()
    assert run(*refused) == 2
    assert "share" in capsys.readouterr().err
    results = [json.loads((x / "results.json").read_text("utf-8")) for x in (folder, other)]
    for content, names in zip(results, (("ttbar", "hww"), ("ztautau", "ww", "wz")), strict=True):
        content["pair"] = list(names)
    for path, content in zip((folder, other), results, strict=True):
        (path / "results.json").write_text(json.dumps(content), encoding="utf-8")
    assert run("limit", other, *plain, *sizes) == 0
    alone = limits_in(other)["signals"]["hlfv_taue"]
    assert run("limit", folder, "--with", other, *plain, *sizes) == 0
    assert "All folders together" in capsys.readouterr().out
    found = limits_in(folder)
    for unit in ("cross_section", "branching_ratio"):
        both = found["combined"]["hlfv_taue"][unit]["expected"]["median"]
        each = [x[unit]["expected"]["median"] for x in (alone, found["signals"]["hlfv_taue"])]
        assert both < min(each)
        # Independent errors add as 1/σ², but for the uncertainties that both share.
        assert both == pytest.approx(sum(x**-2 for x in each) ** -0.5, rel=0.15)


def test_what_is_missing_is_said(folder: Path) -> None:
    results = changed(folder, branching_ratio=None).results()
    shape = signals(ProcessedFolder(folder), BACKGROUND, ("hlfv_taue",)).shapes[0]
    found, notes = yield_of(results, shape, 0.9)
    assert found.production_pb == pytest.approx(0.9105)
    assert "no branching_ratio" in notes[0]
    found, notes = yield_of(changed(folder, cross_section_pb=None).results(), shape, 0.9)
    assert found.missing == ("the cross section",)
    assert "give cross_section_pb" in notes[0]
    assert found.acceptance == pytest.approx(181 / 819)
    found, notes = yield_of(changed(folder, n_generated=None).results(), shape, None)
    assert found.acceptance is None
    assert "give n_generated" in notes[0]
    assert len(found.missing) == 3


def test_without_a_luminosity_limits_are_in_events(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["normalisation"]["ww"]["luminosity_ifb"] = None
    path.write_text(json.dumps(content), encoding="utf-8")
    options = LimitOptions(
        pair=BACKGROUND, signals=("hlfv_taue",), equalisation=Equalisation("none")
    )
    found = folder_limits(ProcessedFolder(folder), options)
    assert any("--luminosity" in note for note in found.notes)
    one = found.signals["hlfv_taue"]
    assert isinstance(one.events, UpperLimit)
    assert "luminosity" in one.cross_section.to_dict()["problem"]
    assert "luminosity" in one.branching_ratio.to_dict()["problem"]
    assert one.sensitivity is None
    print_limits(replace(found, options=replace(options, branching_ratio=0.01)), folder)
    assert "no Z of a branching ratio: the luminosity of the data missing" in " ".join(
        capsys.readouterr().out.split()
    )


def test_the_luminosity_of_several_datasets_of_data_is_not_guessed(folder: Path) -> None:
    results = ProcessedFolder(folder).results()
    assert data_luminosity(results, BACKGROUND) == pytest.approx(0.9017, rel=1e-3)
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    one = content["normalisation"]["ww"]["luminosity_ifb"]
    content["normalisation"]["ww"]["luminosity_ifb"] = 2 * one
    (folder / "results.json").write_text(json.dumps(content), encoding="utf-8")
    assert data_luminosity(ProcessedFolder(folder).results(), BACKGROUND) is None
    content["normalisation"]["ww"]["luminosity_ifb"] = one
    for name in ("ww", "wz"):
        content["datasets"][name]["role"] = "data"
    (folder / "results.json").write_text(json.dumps(content), encoding="utf-8")
    results = ProcessedFolder(folder).results()
    assert data_luminosity(results, ("ww", "wz")) is None
    assert data_luminosity(results, ("ww",)) == pytest.approx(0.9)


def test_weighted_simulation_has_expected_limits_alone(sample: Path, tmp_path: Path) -> None:
    out, files = tmp_path / "scaled", tmp_path / "fileset.json"
    every = json.loads((sample / "fileset.json").read_text(encoding="utf-8"))
    few = {name: every[name] for name in ("ww", "hlfv_taue")}
    for name, about in few.items():
        about["files"] = {str(sample / f"{name}.root"): "Delphes"}
    files.write_text(json.dumps(few), encoding="utf-8")
    assert run("process", files, "-o", out, "--luminosity", "20") == 0
    options = LimitOptions(
        pair=("ww",),
        signals=("hlfv_taue",),
        equalisation=Equalisation("none"),
        luminosities=(20.0,),
    )
    found = folder_limits(ProcessedFolder(out), options)
    one = found.signals["hlfv_taue"]
    assert isinstance(one.events, UpperLimit)
    assert math.isnan(one.events.observed)
    assert one.events.to_dict()["observed"] is None
    assert any("none is observed" in note for note in found.notes)
    # At its own luminosity the sensitivity is the limit itself.
    assert one.sensitivity is not None
    assert one.sensitivity.limits[0] == pytest.approx(one.events.expected, rel=1e-4)


def test_units_by_hand() -> None:
    limit = UpperLimit(100.0, (50.0, 70.0, 90.0, 120.0, 150.0), 3.0)
    worth = SignalYield(luminosity_ifb=20.0, acceptance=0.25, production_pb=10.0)
    assert worth.missing == ()
    assert worth.cross_section(limit).observed == pytest.approx(100 / (20_000 * 0.25))
    assert worth.branching_ratio(limit).expected[0] == pytest.approx(50 / (20_000 * 0.25 * 10))


@pytest.mark.parametrize(
    "options, says",
    [
        (("--cl", "95"), "between 0 and 1"),
        (("--uncertainty", "luminosity"), "NAME=RELATIVE"),
        (("--uncertainty", "luminosity=-1"), "above zero"),
        (("--luminosity", "-3"), "positive"),
        (("--branching-ratio", "2"), "at most 1"),
        (("--luminosities", "10,many"), "commas"),
        (("--pair", "nothing"), "no dataset 'nothing'"),
        (("--signals", "nothing"), "no dataset 'nothing'"),
        (("--equalise", "nowhere.json"), "nowhere.json"),
    ],
)
def test_bad_options_are_one_line(
    processed_sample: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
) -> None:
    assert says in error_of(capsys, "limit", processed_sample, *options)


def test_effects_on_the_shape_are_of_columns_or_datasets(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    processed = ProcessedFolder(folder)
    pair = read_pair(folder, datasets=list(BACKGROUND))
    shape = signals(processed, BACKGROUND, ("hlfv_taue",)).shapes[0]
    axes = pair.axes_of("plane")
    effects = {"tilt": ("lead_pt", "weight"), "other": ("htautau", "hlfv_taue")}
    found, notes = varied_planes(processed, pair, shape, effects)
    assert notes == []
    (up, down), (other, same) = found["tilt"], found["other"]
    pool = shape.events.pool
    for side, chosen in ((0, pool.labels == 1), (1, pool.labels == 0)):
        filled = Hist(*axes, storage="weight")
        columns = {axis.name: pool.column(axis.name)[chosen] for axis in axes}
        filled.fill(**columns, weight=pool.column("lead_pt")[chosen])
        assert np.allclose(up[side].values(), filled.values())
        nominal = shape.planes(axes)[side].values()
        assert np.array_equal(down[side].values(), nominal)
        assert np.array_equal(same[side].values(), nominal)
        assert not np.array_equal(other[side].values(), nominal)
    with pytest.raises(EmusymError, match="neither a column"):
        varied_planes(processed, pair, shape, {"tilt": ("nothing", "weight")})
    # In the limit: an effect that changes nothing changes nothing.
    monkeypatch.setattr(limit_job, "save_figures", lambda *arguments: ([], []))
    plain = ("--signals", "hlfv_taue", "--equalise", "none", "--pair", ",".join(BACKGROUND))
    assert run("limit", folder, *plain) == 0
    before = limits_in(folder)["signals"]["hlfv_taue"]
    assert run("limit", folder, *plain, "--shape", "scale=weight:weight") == 0
    after = limits_in(folder)["signals"]["hlfv_taue"]
    assert after["events"]["observed"] == pytest.approx(before["events"]["observed"], rel=1e-6)
    (impact,) = after["impacts"]["nuisances"]
    assert impact["name"] == "scale"
    assert impact["up"] == pytest.approx(0, abs=1e-6)
    assert "NAME=UP:DOWN" in error_of(capsys, "limit", folder, "--shape", "scale=up")


def test_a_region_has_its_own_part_of_the_acceptance(folder: Path) -> None:
    path = folder / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    regions = [{"name": "high", "where": "lead_pt > 50"}]
    content["configuration"]["processor"]["regions"] = regions
    path.write_text(json.dumps(content), encoding="utf-8")
    options = LimitOptions(
        pair=BACKGROUND, signals=("hlfv_taue",), equalisation=Equalisation("none")
    )
    whole = folder_limits(ProcessedFolder(folder), options).signals["hlfv_taue"]
    part = folder_limits(ProcessedFolder(folder), replace(options, regions=("high",)))
    found = part.signals["hlfv_taue"]
    events = read_pair(folder, datasets=["hlfv_taue"]).pool
    share = np.mean(events.column("lead_pt") > 50)
    assert found.signal_yield.acceptance == pytest.approx(whole.signal_yield.acceptance * share)
    assert found.region.a.sum() < whole.region.a.sum()
    assert part.to_dict()["region"] == "high"


def with_regions(folder: Path, **conditions: str) -> Path:
    path = folder / "results.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["configuration"]["processor"]["regions"] = [
        {"name": name, "where": where} for name, where in conditions.items()
    ]
    path.write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_regions_that_share_no_event_are_set_limits_together(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Split by what no one can tell, the regions together expect what all events do."""
    monkeypatch.setattr(limit_job, "save_figures", lambda *arguments: ([], []))
    with_regions(folder, one="sin(1000 * met) > 0", other="sin(1000 * met) <= 0", high="met > 30")
    plain = ("--signals", "hlfv_taue", "--pair", ",".join(BACKGROUND), "--luminosities", "1")
    sizes = ("--uncertainty", "luminosity=0.1")
    assert run("limit", folder, *plain, *sizes) == 0
    whole = limits_in(folder)["signals"]["hlfv_taue"]
    capsys.readouterr()
    assert run("limit", folder, *plain, *sizes, "--region", "one", "--region", "other") == 0
    printed = capsys.readouterr().out
    assert "regions one, other together" in printed
    assert "Each region alone" in printed
    found = limits_in(folder)
    assert found["region"] == "one + other"
    both = found["signals"]["hlfv_taue"]
    alone = [found["regions"][name]["hlfv_taue"] for name in ("one", "other")]
    acceptances = [each["yield"]["acceptance"] for each in alone]
    assert min(acceptances) > 0.05
    assert sum(acceptances) == pytest.approx(whole["yield"]["acceptance"])
    assert both["yield"]["acceptance"] == pytest.approx(sum(acceptances))
    for unit in ("events", "cross_section", "branching_ratio"):
        there, expected = both[unit]["expected"], whole[unit]["expected"]["median"]
        assert there["median"] == pytest.approx(expected, rel=0.1)
        if unit != "events":
            assert there["median"] < min(each[unit]["expected"]["median"] for each in alone)
    assert both["n_bins"] == sum(each["n_bins"] for each in alone)
    page = write_report(folder).read_text(encoding="utf-8")
    assert "region one + other" in page
    assert "Each region alone" in page
    # One luminosity for both.
    names = [x["name"] for x in both["impacts"]["nuisances"]]
    assert names.count("luminosity") == 1
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    "regions, says",
    [
        (("low", "high"), r"regions 'low' and 'high' share \d+ events"),
        (("low", "low"), "region 'low' is chosen 2 times"),
        (("low", "nowhere"), "no region 'nowhere'; there are low, high, none"),
        (("none",), "dataset 'hlfv_taue' has no selected event in region 'none'"),
    ],
)
def test_regions_that_cannot_go_together_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], regions: tuple[str, ...], says: str
) -> None:
    with_regions(folder, low="met < 50", high="met > 30", none="met > 1000")
    chosen = [x for name in regions for x in ("--region", name)]
    plain = ("--signals", "hlfv_taue", "--equalise", "none")
    assert re.search(says, error_of(capsys, "limit", folder, *plain, *chosen))


def test_a_signal_that_one_region_lacks_is_limited_in_the_other(folder: Path) -> None:
    with_regions(folder, some="met < 1000", none="met >= 1000")
    options = LimitOptions(
        pair=BACKGROUND, equalisation=Equalisation("none"), regions=("some", "none")
    )
    found = folder_limits(ProcessedFolder(folder), options)
    assert isinstance(found.regions["some"]["hlfv_taue"].events, UpperLimit)
    assert isinstance(found.signals["hlfv_taue"].events, Problem)
    assert any("limits on hlfv_taue: region 'none'" in note for note in found.notes)


def test_two_signals_together_in_two_regions(folder: Path) -> None:
    with_regions(folder, one="sin(1000 * met) > 0", other="sin(1000 * met) <= 0")
    options = LimitOptions(
        pair=BACKGROUND, equalisation=Equalisation("none"), together=True, luminosities=(1.0,)
    )
    whole = folder_limits(ProcessedFolder(folder), options)
    both = folder_limits(ProcessedFolder(folder), replace(options, regions=("one", "other")))
    assert isinstance(whole.together, TwoLimits)
    assert isinstance(both.together, TwoLimits)
    assert both.together.unit == "events"
    one, other = whole.together.found.difference, both.together.found.difference
    assert one.low < other.best < one.high
    assert not both.together.found.first.bounded


def test_an_interval_with_two_ends_or_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(limit_job, "save_figures", lambda *arguments: ([], []))
    options = ("--signals", "hlfv_taue", "--interval", "--toys", "200", "--cl", "0.683")
    # The signal's events are among those of the pair: the interval leaves zero out.
    assert run("limit", folder, *options) == 0
    found = limits_in(folder)["signals"]["hlfv_taue"]
    low, high = found["feldman_cousins"]
    assert 100 < low < found["events"]["mu"] < high < 500
    assert "events at 68.3 % CL (Feldman and Cousins)" in capsys.readouterr().out
    assert run("limit", folder, *options, "--pair", ",".join(BACKGROUND)) == 0
    low, high = limits_in(folder)["signals"]["hlfv_taue"]["feldman_cousins"]
    assert low < 60


def test_r_may_be_fitted_as_for_every_other_command(folder: Path) -> None:
    plain = ("--signals", "hlfv_taue", "--pair", ",".join(BACKGROUND))
    found = []
    for options in ((), ("--equalise-edges", "0.4,2.0", "--equalise-pt-edges", "30")):
        assert run("limit", folder, *plain, *options, "--no-report") == 0
        found.append(limits_in(folder)["signals"]["hlfv_taue"])
    # Two jumps in |η| and one in pT make r, and so the limit, another one, if only a little.
    first, second = (x["events"]["expected"]["median"] for x in found)
    assert first != second
    assert first == pytest.approx(second, rel=0.1)
    assert run("limit", folder, *plain, "--equalise-by", "nothing") == 2
