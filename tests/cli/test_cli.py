"""The command line as a user meets it: results, figures, one-line errors, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import hist
import numpy as np
import pytest
import uproot
from scipy.optimize import minimize_scalar
from scipy.stats import poisson

import eμsym
from eμsym.processors.config import EMuConfig
from tests.command_line import error_of, run
from tests.delphes_file import emu, event
from tests.processors.plain_loop import count

#: Where the unbinned null is not what a test looks at.
FEW = ("--permutations", 5, "--max-permutations", 5)
COMMAND = [sys.executable, "-c", "from eμsym.cli import main; main()"]


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_run_on_the_embedded_sample_agrees_with_a_plain_loop(
    embedded_run: Path, sample: Path
) -> None:
    results = json.loads((embedded_run / "results.json").read_text(encoding="utf-8"))
    loops = [count(path) for path in sample.glob("*.root")]
    emu_total, mue_total = sum(x.emu for x in loops), sum(x.mue for x in loops)
    yields = results["tests"]["yields"]
    assert yields["emu"]["sumw"] == emu_total
    assert yields["mue"]["sumw"] == mue_total
    assert yields["ratio"]["value"] == pytest.approx(emu_total / mue_total)
    assert results["missing"] == []
    # The signal that was put into the sample is seen, in the order where it is.
    raw = results["tests"]["raw"]
    assert raw["q0"]["hlfv_taue"]["z"] > results["tests"]["q0"]["hlfv_taue"]["z"] > 2
    # Seen from the other order, the same excess is a deficit.
    assert results["tests"]["q0"]["hlfv_taumu"]["z"] < 0
    # What is corrected needs no warning, what is not does.
    assert results["tests"]["warning"] is None
    assert "detector's own e/μ difference" in raw["warning"]


def test_run_writes_everything_that_it_promises(embedded_run: Path) -> None:
    names = {path.relative_to(embedded_run).as_posix() for path in embedded_run.rglob("*")}
    assert {"results.json", "histograms.json", "histograms.root", "events/ttbar.parquet"} <= names
    for figure in ("m_coll", "plane", "cutflow", "lead_pt", "sub_pt", "q0_hlfv_taue"):
        assert {f"figures/{figure}.png", f"figures/{figure}.pdf"} <= names
    assert not [name for name in names if "partial" in name or ".parts" in name]
    results = json.loads((embedded_run / "results.json").read_text(encoding="utf-8"))
    assert results["schema"] == "emusym/results"
    assert set(results["provenance"]["packages"]) >= {"emusym", "coffea", "uproot", "hist"}
    assert all(entry["complete"] for entry in results["inputs"])


def test_results_come_from_the_events_that_lie_beside_them(embedded_run: Path) -> None:
    """Nσ of the raw plane, from the Parquet columns with numpy alone."""
    results = json.loads((embedded_run / "results.json").read_text(encoding="utf-8"))["tests"][
        "raw"
    ]
    events = ak.concatenate([ak.from_parquet(p) for p in sorted(embedded_run.glob("events/*"))])
    edges = (np.linspace(30, 170, 29), np.linspace(10, 150, 29))
    a, b = (
        np.histogram2d(part.m_coll.to_numpy(), part.lead_pt.to_numpy(), bins=edges)[0]
        for part in (events[events.electron_leads], events[~events.electron_leads])
    )
    used = a + b > 0
    z = np.sum((b - a)[used] / np.sqrt(a + b)[used]) / np.sqrt(used.sum())
    test = results["nsigma"]["plane"]
    assert test["z"] == pytest.approx(z)
    assert test["n_bins"] == used.sum()
    window = results["best_window"]["best"]
    inside = tuple(slice(i, j) for i, j in zip(window["start"], window["stop"], strict=True))
    keep = used[inside]
    local = np.sum((b - a)[inside][keep] / np.sqrt(a + b)[inside][keep]) / np.sqrt(keep.sum())
    assert window["local_z"] == pytest.approx(local)


def test_histograms_on_disk_agree(embedded_run: Path) -> None:
    a, b = eμsym.read_pair(embedded_run).hist("m_coll")
    with uproot.open(embedded_run / "histograms.root") as file:
        sums = [
            sum(
                file[f"{dataset}/{order}/m_coll"].values() for dataset in file.keys(recursive=False)
            )
            for order in ("emu", "mue")
        ]
    np.testing.assert_array_equal(a.values(), sums[0])
    np.testing.assert_array_equal(b.values(), sums[1])
    refilled, _ = eμsym.read_pair(embedded_run).hist(
        hist.axis.Regular(28, 30, 170, name="m_coll", label=a.axes[0].label)
    )
    assert refilled == a


def test_process_then_test_equals_run_with_any_number_of_workers(
    embedded_run: Path, tmp_path: Path, sample: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("process", sample / "fileset.json", "-o", out, "--workers", 2) == 0
    captured = capfd.readouterr()
    assert "pair      44,497" in captured.out
    assert captured.err == "selecting events of 8 files\nwriting events and histograms\n"
    assert run("test", out) == 0
    for path in embedded_run.rglob("*"):
        # ROOT files carry the time of writing.
        if path.is_file() and path.suffix != ".root":
            again = out / path.relative_to(embedded_run)
            assert again.read_bytes() == path.read_bytes(), path.name
    printed = capfd.readouterr().out
    assert "Corrected" in printed
    assert max(len(line.rstrip()) for line in printed.split("Best square")[0].splitlines()) <= 80


def test_pair_of_chosen_datasets(tmp_path: Path, sample: Path) -> None:
    out = tmp_path / "out"
    assert run("run", "-i", sample / "fileset.json", "-o", out, "--pair", "ww, zz", *FEW) == 0
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    expected = [count(sample / f"{name}.root") for name in ("ww", "zz")]
    assert results["tests"]["yields"]["emu"]["sumw"] == sum(x.emu for x in expected)


def test_q0_of_a_signal_outside_the_pair(
    tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    chosen = "ztautau,ttbar,ww"
    options = ("--pair", chosen, "--pyhf", "--windows", "rectangle", "--equalise", "none", *FEW)
    assert run("run", "-i", sample / "fileset.json", "-o", out, *options) == 0
    assert "Best rectangle window" in capsys.readouterr().out
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["tests"]["best_window"]["n_windows"] == 164_836
    fit = results["tests"]["q0"]["hlfv_taue"]
    assert fit["shape"] == "dataset"
    assert results["tests"]["q0"]["hlfv_taumu"]["shape"] == "stored"
    assert fit["order"] == "emu"  # the electron of H -> tau e leads

    # The likelihood spelled out, in the bins that were merged: each background at the root of
    # its quadratic, each contrast free within the signal's own statistics.
    boxes = [tuple(slice(*edges) for edges in box) for box in fit["bins"]["boxes"]]
    pair = eμsym.read_pair(out, datasets=chosen.split(","))
    a, b = (np.array([h.values()[box].sum() for box in boxes]) for h in pair.hist("plane"))
    assert (a + b).min() >= 50
    signal = eμsym.read_pair(out, datasets=["hlfv_taue"]).hist("plane")
    total = sum(h.values(flow=True).sum() for h in signal)
    in_a, in_b = (np.array([h.values()[box].sum() for box in boxes]) / total for h in signal)
    contrast, sigma = in_b - in_a, np.sqrt((in_a + in_b) / total)  # unweighted: σ² is the count

    def of_bin(mu: float, k: int) -> float:
        def twice_negative_log(xi: float) -> float:
            s = mu * (contrast[k] + xi * sigma[k])
            c = a[k] + b[k] - 2 * s
            mean = max((c + np.sqrt(max(c**2 + 8 * a[k] * s, 0.0))) / 4, -s, 1e-12)
            both = poisson.logpmf(b[k], mean + s) + poisson.logpmf(a[k], mean)
            return float(-2 * both + xi**2)

        return float(minimize_scalar(twice_negative_log, bounds=(-8, 8), method="bounded").fun)

    def profile(mu: float) -> float:
        return sum(of_bin(mu, k) for k in range(len(boxes)))

    assert fit["q0"] == pytest.approx(profile(0) - profile(fit["mu"]), abs=1e-3)
    step = 0.5 * fit["mu_error"]
    left, middle, right = (profile(fit["mu"] + shift) for shift in (-step, 0, step))
    vertex = fit["mu"] + step / 2 * (left - right) / (left - 2 * middle + right)
    assert vertex == pytest.approx(fit["mu"], abs=0.05 * fit["mu_error"])
    for end in (fit["mu_low"], fit["mu_high"]):
        assert profile(end) - middle == pytest.approx(1, abs=2e-3)

    workspace = json.loads((out / "pyhf" / "hlfv_taue.json").read_text(encoding="utf-8"))
    observed = {entry["name"]: sum(entry["data"]) for entry in workspace["observations"]}
    assert observed == {"emu": a.sum(), "mue": b.sum()}
    before = fit["q0"]
    assert "q0_hlfv_taue.png" in results["figures"]
    (out / "figures" / "mine.png").touch()
    newton = ("--minimizer", "newton", "--pair", chosen, "--equalise", "none", *FEW)
    assert run("test", out, *newton, "--overwrite") == 0
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["tests"]["q0"]["hlfv_taue"]["q0"] == pytest.approx(before, rel=1e-6)

    # Newton's fit has no figure: those of the first fit are gone, and the user's stay.
    there = {path.name for path in (out / "figures").iterdir()}
    assert there == {*results["figures"], "mine.png"}
    assert "q0_hlfv_taue.png" not in there


def test_luminosity_scales_what_is_written(tmp_path: Path, sample: Path) -> None:
    out = tmp_path / "out"
    assert run("process", sample / "fileset.json", "-o", out, "--luminosity", 9) == 0
    pair = eμsym.read_pair(out, datasets=["ttbar"])
    # the file stands for 79470 events of 88.3 pb
    scale = 9 * 88.3 * 1e3 / 79470
    np.testing.assert_allclose(pair.a.weight, scale, rtol=1e-12)
    a, _ = pair.hist("m_coll")
    n = count(sample / "ttbar.root").emu
    assert a.sum(flow=True).value == pytest.approx(n * scale)
    assert a.sum(flow=True).variance == pytest.approx(n * scale**2)
    # Likelihoods need counts: q0 is told as expected, and the other tests go on with weights.
    assert run("test", out, "--pair", "ttbar", *FEW) == 0
    tests = json.loads((out / "results.json").read_text(encoding="utf-8"))["tests"]
    found = tests["q0"]["hlfv_taue"]
    assert "z" not in found
    assert found["expected"]["luminosity_ifb"] == pytest.approx(9)
    assert found["expected"]["mu"] == pytest.approx(
        sum(eμsym.read_pair(out, datasets=["hlfv_taue"]).pool.weight), rel=0.1
    )
    assert tests["best_window"]["global"]["method"] == "events"
    assert tests["nsigma"]["m_coll"]["z"] is not None


@pytest.mark.parametrize("events", [[], [event()] * 3, [emu()]], ids=["none", "no pair", "one"])
def test_run_survives_almost_nothing(
    delphes_file: Callable[..., Path], tmp_path: Path, events: list[dict[str, Any]]
) -> None:
    out = tmp_path / "out"
    assert run("run", "-i", delphes_file(events), "-o", out) == 0
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    test = results["tests"]["nsigma"]["plane"]
    assert test["z"] == (-1.0 if len(events) == 1 else None)
    assert (out / "figures" / "plane.pdf").stat().st_size > 0


def test_allow_missing_says_what_is_missing_and_corrects(
    tmp_path: Path, sample: Path, damaged_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = 1918  # of ww.root, and of its damaged copy
    metadata = {"cross_section_pb": 12.6, "n_generated": 22680, "entries": 2 * entries}
    copy = tmp_path / "copy.root"
    fileset = tmp_path / "f.json"
    # The damaged copy has the UUID of the original, but is not what that is.
    copy.write_bytes(damaged_file.read_bytes())
    files = {str(sample / "ww.root"): "Delphes", str(copy): "Delphes"}
    fileset.write_text(json.dumps({"ww": {"files": files, "metadata": metadata}}), encoding="utf-8")
    line = error_of(capsys, "process", fileset, "-o", tmp_path / "out")
    assert f"{copy}: entries 0-{entries} lost: " in line
    assert f"{entries} events of 1 file(s) lost" in line
    assert not (tmp_path / "out").exists()

    out = tmp_path / "out"
    assert run("process", fileset, "-o", out, "--allow-missing") == 0
    printed = capsys.readouterr().out
    assert f"missing {copy}: {entries} of {entries} events" in printed
    assert f"dataset ww: {entries} of {2 * entries} events processed, weights multiplied by 2" in (
        printed
    )
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["normalisation"]["ww"]["scale"] == 2.0
    assert results["normalisation"]["ww"]["luminosity_ifb"] == pytest.approx(22.68 / 12.6 / 2)
    assert set(eμsym.read_pair(out).a.weight) == {2.0}
    assert [entry["complete"] for entry in results["inputs"]] == [True, False]


def test_bad_files_are_one_line_and_exit_code_2(
    tmp_path: Path,
    sample: Path,
    delphes_file: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    cut = tmp_path / "cut.root"
    cut.write_bytes((sample / "ww.root").read_bytes()[:100_000])
    empty, text = tmp_path / "empty.root", tmp_path / "text.root"
    empty.touch()
    text.write_text("hello", encoding="utf-8")
    negative = emu()
    negative["Muon"][0]["PT"] = -5.0
    out = tmp_path / "out"
    for path, message in [
        (cut, "is truncated"),
        (empty, "is empty"),
        (text, "is not a ROOT file"),
        (tmp_path / "absent.root", "does not exist"),
        (delphes_file([emu()], "events.root", tree="Events"), "has no tree 'Delphes'"),
        (delphes_file([emu()], "nomu.root", drop=("Muon.PT",)), "branch Muon/Muon.PT is missing"),
        (delphes_file([negative], "neg.root"), "Muon.PT = -5.0 in entry 0"),
    ]:
        for command in (("process", path), ("run", "-i", path)):
            line = error_of(capsys, *command, "-o", out)
            assert str(path) in line
            assert message in line
        assert not out.exists()
        assert hidden(tmp_path) == []


def test_bad_options_and_configurations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[processor.cuts]\nptmin = 3\n", encoding="utf-8")
    assert "unknown key 'processor.cuts.ptmin'" in error_of(capsys, "run", config)
    assert "no dataset 'x'" in error_of(capsys, "run", "--pair", "x", "-o", tmp_path / "out")
    assert "has no results.json" in error_of(capsys, "test", tmp_path)
    (tmp_path / "d.toml").write_text("inputs = ['absent.root']", encoding="utf-8")
    line = error_of(capsys, "run", tmp_path / "d.toml", "-o", tmp_path / "out")
    assert f"{tmp_path}/absent.root: does not exist" in line


def test_output_that_cannot_be_written(
    tmp_path: Path, delphes_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = delphes_file([emu()])
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    assert "is a file" in error_of(capsys, "process", source, "-o", file)
    assert "cannot be written" in error_of(capsys, "process", source, "-o", file / "below")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").touch()
    line = error_of(capsys, "process", source, "-o", mine, "--overwrite")
    assert "holds what is not ours (thesis.tex)" in line
    assert (mine / "thesis.tex").exists()


def test_earlier_results_are_replaced_only_on_request(
    tmp_path: Path, delphes_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    first, second = delphes_file([emu()], "1.root"), delphes_file([emu()] * 2, "2.root")
    assert run("process", first, "-o", out) == 0
    before = (out / "results.json").read_bytes()
    assert "holds earlier results; give --overwrite" in error_of(
        capsys, "process", second, "-o", out
    )
    error_of(capsys, "process", tmp_path / "absent.root", "-o", out, "--overwrite")
    assert (out / "results.json").read_bytes() == before
    assert run("process", second, "-o", out, "--overwrite") == 0
    assert len(eμsym.read_pair(out).a.weight) == 2
    assert hidden(tmp_path) == []


def test_check_says_which_files_are_fine(
    delphes_file: Callable[..., Path],
    damaged_file: Path,
    sample: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = delphes_file([emu()] * 3)
    assert run("check", good, sample / "fileset.json") == 0
    printed = capsys.readouterr().out
    assert f"ok   {good}: 3 events (Delphes)" in printed
    assert printed.count("ok   ") == 9
    bad = delphes_file([emu()], "bad.root", drop=("Electron.Eta",))
    assert run("check", good, bad) == 2
    captured = capsys.readouterr()
    assert f"ok   {good}" in captured.out
    assert f"bad  {bad}: branch Electron/Electron.Eta is missing" in captured.out
    assert "1 of 2 file(s) cannot be processed" in captured.err
    assert run("check", damaged_file) == 0
    assert run("check", "--deep", damaged_file) == 2
    assert "branch Muon.PT cannot be read" in capsys.readouterr().out


def test_piped_output_is_a_line_a_stage(main_job: Path) -> None:
    assert (main_job / "errors.txt").read_text(encoding="utf-8").splitlines() == [
        "selecting events of 8 files",
        "writing events and histograms",
        "correcting 12,567 events for the detector",
        "testing 12,567 events",
        "testing them with 200 to 1,000 redrawn labels",
        "drawing 12 figures",
    ]
    printed = (main_job / "printed.txt").read_text(encoding="utf-8")
    assert "\x1b" not in printed
    assert "━" not in printed


def test_help_is_quick_to_load() -> None:
    heavy = "{'numpy', 'awkward', 'coffea', 'matplotlib', 'pydantic', 'rich'}"
    code = (
        "import sys; from eμsym.cli import main\n"
        "try: main(['run', '--help'])\n"
        f"finally: assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_default_of_the_help_is_the_real_one() -> None:
    from eμsym.cli.options import STYLE_NAMES
    from eμsym.plots import STYLES

    assert STYLE_NAMES == STYLES
    assert EMuConfig().cuts.pt_min == 15
