"""The correction of the detector's e/μ difference from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import correctionlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

import eμsym
from eμsym.calibration.before_after import before_after, lepton_ratios, order_ratio
from eμsym.calibration.ratio_terms import smooth_terms
from eμsym.cli import job
from eμsym.event_io import read_events
from eμsym.plots import draw_equalisation
from eμsym.recipes import stored_signal
from tests.calibration.toy_detector import BINS, LOG_RATIO, ToyDetector
from tests.command_line import error_of, run
from tests.delphes_file import emu

BACKGROUND = "ztautau,ttbar,ww,wz,zz,hww,htautau"
QUICK = ("--permutations", "9", "--max-permutations", "9", "--minimizer", "newton")


def outcome(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return content["tests"]  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave figures out, which take most of the time; `embedded_run` has been made with them."""
    monkeypatch.setattr(job, "save_figures", lambda *arguments: ([], []))


@pytest.fixture
def folder(processed_sample: Path, tmp_path: Path) -> Path:
    """A processed folder of the test's own."""
    return Path(shutil.copytree(processed_sample, tmp_path / "out"))


def plain_fit(events: ak.Array) -> Any:
    """Fit the terms of ln r by scipy, event by event; return each event's probability to be eμ.

    −ln of the logistic likelihood and of the terms' Gaussian priors.
    """
    pt, eta = (
        np.stack([ak.to_numpy(events[f"{which}_{name}"]) for which in ("lead", "sub")])
        for name in ("pt", "eta")
    )
    # Delphes files: its cards step at 1.5.
    bins, terms = smooth_terms(pt.astype(float), eta.astype(float), abseta_edges=(1.5,))
    lead, sub = bins.index(pt, eta)
    x = terms.basis[sub] - terms.basis[lead]
    y = ak.to_numpy(events.electron_leads).astype(float)

    def objective(w: Any) -> tuple[float, Any]:
        logit = x @ w
        value = np.sum(np.logaddexp(0, logit) - y * logit) + np.sum(w**2 / terms.prior**2) / 2
        return float(value), x.T @ (1 / (1 + np.exp(-logit)) - y) + w / terms.prior**2

    start = np.zeros(terms.prior.size)
    fit = minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-6})
    return bins, terms.basis @ fit.x, 1 / (1 + np.exp(-x @ fit.x))


def test_the_correction_of_the_embedded_sample_is_that_of_a_plain_fit(embedded_run: Path) -> None:
    """ln r, the corrected yields and Nσ of m_coll, by scipy and numpy on the Parquet columns."""
    tests = outcome(embedded_run)
    assert tests["correction"] == "self"
    calibration = tests["equalisation"]["calibration"]
    ratio = calibration["ratio"]
    events = ak.concatenate([ak.from_parquet(p) for p in sorted(embedded_run.glob("events/*"))])
    bins, theta, p = plain_fit(events)
    assert (list(bins.pt_edges), list(bins.abseta_edges)) == (
        ratio["pt_edges"],
        ratio["abseta_edges"],
    )
    ours = np.array(ratio["log_ratio"]).ravel()
    np.testing.assert_allclose(ours - ours[0], theta - theta[0], atol=1e-4)

    a = ak.to_numpy(events.electron_leads)
    weight = np.where(a, 2 * (1 - p), 2 * p)
    found = tests["equalisation"]["ratio"]["value"]
    assert found == pytest.approx(weight[a].sum() / weight[~a].sum(), abs=1e-5)

    raw, after = tests["raw"]["nsigma"]["m_coll"], tests["nsigma"]["m_coll"]
    counts = [np.histogram(events.m_coll[part], 28, (30, 170))[0] for part in (a, ~a)]
    z = np.sum((counts[1] - counts[0]) / np.sqrt(counts[0] + counts[1])) / np.sqrt(28)
    assert raw["z"] == pytest.approx(z)
    assert abs(after["z"]) < abs(raw["z"])
    assert after["pvalue_two_sided"] == pytest.approx(2 * norm.sf(abs(after["z"])))


def test_uncorrected_and_corrected_significances_of_the_genuine_files(
    embedded_run: Path, folder: Path
) -> None:
    """All events, with their signal of H→τe; then the background alone, which is symmetric."""
    with_signal = outcome(embedded_run)
    assert run("test", folder, "--pair", BACKGROUND, "--permutations", "99") == 0
    background = outcome(folder)
    for name in ("plane", "m_coll"):
        for tests in (with_signal, background):
            raw, after = tests["raw"]["nsigma"][name]["z"], tests["nsigma"][name]["z"]
            assert raw < -2
            assert raw < after
        assert abs(background["nsigma"][name]["z"]) < 1.96
    assert background["best_window"]["global"]["pvalue"] > 0.05
    assert background["unbinned"]["spline"]["permutations"]["pvalue"] > 0.05
    assert background["equalisation"]["quality"]["closure"]["pvalue"] > 0.01
    assert abs(background["q0"]["hlfv_taue"]["z"]) < 1.96
    assert with_signal["q0"]["hlfv_taue"]["z"] > 2


def test_what_is_kept_of_a_correction(embedded_run: Path) -> None:
    found = outcome(embedded_run)["equalisation"]
    ratio = found["calibration"]["ratio"]
    k = np.array(ratio["log_ratio"]).size
    modes = np.array(ratio["modes"])
    assert modes.shape == (found["calibration"]["n_terms"], k)
    np.testing.assert_allclose(np.sqrt(np.sum(modes**2, axis=0)), np.array(ratio["error"]).ravel())
    quality = found["quality"]
    assert 0 < quality["goodness_of_fit"]["pvalue"] <= 1
    assert set(quality["closure"]["variables"]) >= {"lead_pt", "sub_eta", "m_coll", "met"}
    assert (quality["folds"], quality["n_events"]) == (5, found["calibration"]["n_events"])
    for ending in ("png", "pdf"):
        assert (embedded_run / "figures" / f"equalisation.{ending}").stat().st_size > 10_000
    file = correctionlib.CorrectionSet.from_file(str(embedded_run / "equalisation.json"))
    bins = np.array(ratio["log_ratio"])
    assert file["ratio_mu_e"].evaluate(16.0, 0.1) == pytest.approx(np.exp(bins[0, 0]))
    assert file["ratio_mu_e"].evaluate(1e4, 9.9) == pytest.approx(np.exp(bins[-1, -1]))


def test_python_gives_what_the_command_gives(embedded_run: Path) -> None:
    tests = outcome(embedded_run)
    pair = eμsym.read_pair(embedded_run).equalised()
    assert tests["nsigma"]["plane"]["z"] == pytest.approx(pair.nsigma("plane").z)
    signal = eμsym.Pair.from_events(read_events(stored_signal("hlfv_taue")))
    fit = eμsym.Q0Test(signal.hist(*pair.axes_of("plane")), "plane")(pair)
    assert tests["q0"]["hlfv_taue"]["z"] == pytest.approx(fit.z, abs=1e-4)
    assert tests["q0"]["hlfv_taue"]["mu_high"] == pytest.approx(fit.interval[1], abs=0.1)
    assert tests["q0"]["hlfv_taue"]["bins"]["n_bins"] == len(fit.bins)
    window = tests["best_window"]
    assert window["global"]["best"]["edges"] == window["best"]["edges"]
    assert window["global"]["best"]["local_z"] == pytest.approx(window["best"]["local_z"])


def test_printed_raw_and_corrected_side_by_side(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("test", folder, *QUICK) == 0
    printed = capsys.readouterr().out
    tests = outcome(folder)
    for name in ("plane", "m_coll", "lead_pt", "sub_pt"):
        (line,) = (x for x in printed.splitlines() if x.startswith(f"{name} "))
        raw, after = (t["nsigma"][name]["z"] for t in (tests["raw"], tests))
        assert line.split()[1:3] == [f"{raw:+.2f}", f"{after:+.2f}"]
    assert "raw √q0" in printed
    assert "This compares raw eμ and μe" not in printed
    assert (folder / "equalisation.json").is_file()
    assert run("test", folder, *QUICK, "--equalise", "none", "--overwrite") == 0
    assert not (folder / "equalisation.json").exists()
    printed = capsys.readouterr().out
    assert "This compares raw eμ and μe" in printed
    assert "raw Nσ" not in printed
    tests_without = outcome(folder)
    assert tests_without["correction"] == "none"
    assert "equalisation" not in tests_without
    for name, found in tests["raw"]["nsigma"].items():
        assert {key: tests_without["nsigma"][name][key] for key in found} == found


def test_an_excluded_window_is_not_in_the_fit(folder: Path) -> None:
    options = ("--equalise", "self", "--equalise-exclude", "m_coll=110:140", *QUICK)
    assert run("test", folder, *options) == 0
    calibration = outcome(folder)["equalisation"]["calibration"]
    assert calibration["exclude"] == {"m_coll": [110.0, 140.0]}
    m_coll = ak.concatenate([ak.from_parquet(p) for p in folder.glob("events/*")]).m_coll
    assert calibration["n_events"] == np.sum((m_coll < 110) | (m_coll >= 140))
    both = (*options[:4], "--equalise-exclude", "lead_pt=50:90", *QUICK)
    assert run("test", folder, *both, "--overwrite") == 0
    assert outcome(folder)["equalisation"]["calibration"]["n_events"] > calibration["n_events"]


def test_a_correction_file_of_ours_is_used_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("test", folder, "--pair", "ttbar", *QUICK) == 0
    assert "Corrected  " in capsys.readouterr().out
    written = folder / "equalisation.json"
    other = ("--pair", "ztautau", "--equalise", written)
    assert run("test", folder, "--overwrite", *other, *QUICK) == 0
    assert "Corrected  " in capsys.readouterr().out
    tests = outcome(folder)
    assert tests["correction"] == str(written)
    pair = eμsym.read_pair(folder, datasets=["ztautau"]).equalised(str(written))
    assert tests["nsigma"]["plane"]["z"] == pytest.approx(pair.nsigma("plane").z)
    assert tests["equalisation"]["calibration"] is None
    assert tests["equalisation"]["quality"]["folds"] == 1


def efficiencies(path: Path, *, electron: float = 0.8, inputs: tuple[str, ...] = ("pt",)) -> Path:
    """Write a correction file with constant efficiencies, of muons 0.9."""

    def correction(name: str, value: float) -> dict[str, Any]:
        return {
            "name": name,
            "version": 1,
            "inputs": [{"name": x, "type": "real"} for x in inputs],
            "output": {"name": "efficiency", "type": "real"},
            "data": value,
        }

    content = {
        "schema_version": 2,
        "corrections": [
            correction("efficiency_electron", electron),
            correction("efficiency_muon", 0.9),
        ],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_equal_efficiency_ratios_change_nothing_but_the_null(folder: Path, tmp_path: Path) -> None:
    file = efficiencies(tmp_path / "flat.json")
    assert run("test", folder, "--equalise", file, *QUICK) == 0
    tests = outcome(folder)
    raw, after = tests["raw"]["nsigma"], tests["nsigma"]
    for name in ("plane", "m_coll"):
        assert after[name]["z"] == pytest.approx(raw[name]["z"])
    assert tests["unbinned"]["spline"]["t"] == pytest.approx(
        tests["raw"]["unbinned"]["spline"]["t"]
    )


def test_bad_corrections_are_one_line_and_exit_code_2(
    folder: Path, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.json"
    text.write_text("hello", encoding="utf-8")
    run_ = ("run", "-i", sample / "ztautau.root", "-o", tmp_path / "never")
    for options, message in [
        (("--equalise", tmp_path / "absent.json"), "cannot be read"),
        (("--equalise", text), "is not a correctionlib file"),
        (
            ("--equalise", efficiencies(tmp_path / "in.json", inputs=("pt", "phi"))),
            "is a function of pt, phi; it must be one of pt, abseta, eta",
        ),
        (("--equalise-exclude", "m_coll=140:110"), "140 to 110 is no range"),
        (("--equalise-exclude", "m_coll"), "write COLUMN=LOW:HIGH"),
        (("--equalise-exclude", "m_coll=1:b"), "write COLUMN=LOW:HIGH"),
        (
            ("--equalise-exclude", "met=1:2", "--equalise-exclude", "met=4:5"),
            "met has a range already",
        ),
        (("--equalise", "none", "--equalise-exclude", "met=1:2"), "nothing is calibrated"),
        (("--equalise", "none", "--equalise-by", "met"), "--equalise-by is of --equalise self"),
        (("--equalise", "none", "--equalise-signed-eta"), "nothing is calibrated"),
        (("--equalise-edges", "1.5,1.4"), "give rising positive numbers"),
        (("--equalise-edges", "crack"), "--equalise-edges crack: write numbers"),
    ]:
        for command in (("test", folder), run_):
            assert message in error_of(capsys, *command, *options)
    for options, message in [
        (("--equalise-exclude", "mass=110:140"), "exclude mass: the events have no such column"),
        (("--equalise", "self", "--equalise-by", "met"), "classes by met: it has"),
        (
            ("--equalise", efficiencies(tmp_path / "eff.json", electron=1.2)),
            "efficiency_electron is 1.2",
        ),
        (("--equalise", efficiencies(tmp_path / "zero.json", electron=0.0)), "is above 0"),
    ]:
        for command in (("test", folder), run_):
            assert message in error_of(capsys, *command, *options)
    assert not (tmp_path / "never").exists()
    assert outcome(folder) == {}


def test_classes_and_edges_from_the_command_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One r for each charge of the leading lepton, with steps where they are asked for."""
    edges = ("--equalise-edges", "1.4442,1.566", "--equalise-pt-edges", "27")
    options = ("--equalise-by", "lead_charge", *edges, *QUICK)
    assert run("test", folder, *options) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "in 2 classes of lead_charge; r may jump at |η| 1.4442, 1.566 (as given)" in printed
    assert "equalisation.json: a file holds one r; there is none of several classes" in printed
    classes = outcome(folder)["equalisation"]["calibration"]["ratio"]["classes"]
    assert [each["value"] for each in classes] == [-1, 1]
    assert all({1.4442, 1.566} <= set(each["ratio"]["abseta_edges"]) for each in classes)
    assert all(27 in each["ratio"]["pt_edges"] for each in classes)
    assert not (folder / "equalisation.json").exists()


def test_too_few_events_go_on_raw_by_default_and_say_so(
    delphes_file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few, out = delphes_file([emu()] * 3), tmp_path / "out"
    assert run("run", "-i", few, "-o", out) == 0
    printed = capsys.readouterr().out
    assert "Not corrected for the detector's e/μ difference: 3 events are too few" in printed
    assert "This compares raw eμ and μe" in printed
    tests = outcome(out)
    assert tests["correction"] == "none"
    assert "too few" in tests["equalisation"]["problem"]
    # Who asks for it gets it, or an error.
    line = error_of(capsys, "run", "-i", few, "-o", tmp_path / "other", "--equalise", "self")
    assert "3 events are too few" in line
    assert line.endswith("or give --equalise none")


def test_a_signal_in_an_asymmetric_detector(tmp_path: Path) -> None:
    """A toy detector of known r: the correction finds r, and the table's Nσ becomes small."""
    pair = ToyDetector(40_000).draw(rng=5).equalised(bins=BINS)
    (found,) = lepton_ratios(pair)
    log_ratio, error = found.log_ratio, found.error
    assert found.bins is pair.symmetry.calibration.ratio.bins
    difference = log_ratio - LOG_RATIO
    pulls = (difference - np.average(difference, weights=1 / error**2)) / error
    assert np.sum(pulls**2) < 25  # of 9 degrees of freedom: p = 0.003
    values = np.concatenate([s.column("lead_pt") for s in (pair.a, pair.b)])
    found = order_ratio(pair, values, 6)
    pulls_before = (found.before - 1) / found.before_error
    pulls_after = (found.after - 1) / found.after_error
    assert np.sum(pulls_before**2) > 40
    assert np.sum(pulls_after**2) < 22.5  # of 6: p = 0.001
    assert found.pvalue > 0.001
    # The raw points are plain counts.
    a, b = (np.histogram(s.column("lead_pt"), found.edges)[0] for s in (pair.raw.a, pair.raw.b))
    np.testing.assert_allclose(found.before, a / b)
    np.testing.assert_allclose(found.before_error, a / b * np.sqrt(1 / a + 1 / b))


def test_the_errors_of_the_figure_are_the_scatter_of_calibrated_draws() -> None:
    """Labels drawn as the calibrated symmetry has them, fitted again: the ratios scatter so."""
    pair = ToyDetector(6_000).draw(rng=8).equalised(bins=BINS)
    values = np.concatenate([s.column("m_coll") for s in (pair.a, pair.b)])
    ours = order_ratio(pair, values, 5)
    rng = np.random.default_rng(2)
    p = pair.symmetry.probability(pair.pool)
    ratios = []
    for _ in range(250):
        in_a = rng.random(p.size) < p
        events = ak.zip(
            {
                name: np.concatenate([s.column(name) for s in (pair.raw.a, pair.raw.b)])
                for name in ak.fields(pair.raw.a.events)
            }
            | {"electron_leads": in_a}
        )
        drawn = eμsym.Pair.from_events(events).equalised(bins=BINS)
        a, b = (
            np.histogram(s.column("m_coll"), ours.edges, weights=s.weight)[0]
            for s in (drawn.a, drawn.b)
        )
        ratios.append(np.log(a / b))
    scatter = np.std(ratios, axis=0)
    np.testing.assert_allclose(ours.after_error / ours.after, scatter, rtol=0.15)


def test_the_figure_shows_six_variables_and_r(processed_sample: Path) -> None:
    figure = draw_equalisation(before_after(eμsym.read_pair(processed_sample).equalised()))
    assert len(figure.axes) == 7
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert labels[:6] == ["lead_pt", "sub_pt", "m_coll", "lead_eta", "sub_eta", "met"]
    plt.close("all")


def test_a_pair_with_weights_is_corrected_and_q0_is_told_as_expected(
    folder: Path, sample: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scaled"
    assert run("process", sample / "fileset.json", "-o", out, "--luminosity", 9) == 0
    assert run("test", out, "--pair", "ttbar", *QUICK) == 0
    assert run("test", folder, "--pair", "ttbar", *QUICK) == 0
    weighted, plain = outcome(out), outcome(folder)
    # Weights that are all alike change no significance.
    for name in ("plane", "m_coll"):
        assert weighted["nsigma"][name]["z"] == pytest.approx(plain["nsigma"][name]["z"], rel=1e-5)
    assert weighted["q0"]["hlfv_taue"]["expected"]["z"] > 0
    assert "z" not in weighted["q0"]["hlfv_taue"]
    assert "problem" not in plain["q0"]["hlfv_taue"]


def test_several_columns_with_different_scales_have_a_calibrated_null(folder: Path) -> None:
    options = ("--symmetrized", "--epochs", "30", "--permutations", "3")
    assert run("test", folder, "--columns", "m_coll, lead_eta", *options) == 0
    network = outcome(folder)["unbinned"]["network"]
    assert network["permutations"]["null"]["n"] == 3
    assert network["permutations"]["pvalue"] in (0.25, 0.5, 0.75, 1.0)
