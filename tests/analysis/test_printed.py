"""What is printed beside each number: p and Z of one side, all tests together, what is missing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

import eμsym
from eμsym.analysis.analyse import Analysis, analyse
from eμsym.analysis.options import Tests
from eμsym.analysis.signals import stored_signals
from eμsym.analysis.significance import Significance
from eμsym.cli import main
from eμsym.distributions import Null
from eμsym.folder import ProcessedFolder
from eμsym.joint_pvalue import Together
from eμsym.recipes import embedded_fileset

QUICK: dict[str, Any] = {"permutations": 29, "max_permutations": 29, "minimizer": "newton"}


@pytest.fixture(scope="module")
def analysed(processed_sample: Path) -> Analysis:
    return analyse(ProcessedFolder(processed_sample), Tests(**QUICK))


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the embedded sample scaled to 10 fb⁻¹."""
    out = tmp_path_factory.mktemp("scaled") / "out"
    main(["process", str(embedded_fileset()), "--luminosity", "10", "-o", str(out)])
    return out


def significances(tests: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [*tests["nsigma"].values(), tests["best_window"], *tests["q0"].values()]
    unbinned = [tests["unbinned"][name] for name in ("spline", "subspace")]
    return [row["significance"] for row in [*rows, *unbinned]]


def test_every_row_has_p_and_z_of_the_same_side(analysed: Analysis) -> None:
    found = significances(analysed.to_dict())
    assert len(found) == 4 + 1 + 2 + 2
    for each in found:
        assert 0 < each["pvalue"] <= 1
        assert each["z"] is None or each["z"] == pytest.approx(norm.isf(each["pvalue"]))
        assert each["by"] in ("N(0,1)", "redrawn labels")


def test_nsigma_is_of_relabellings_where_bins_are_sparse(analysed: Analysis) -> None:
    rows = analysed.to_dict()["nsigma"]
    assert {row["sparse"] for row in rows.values()} == {True, False}
    for name, row in rows.items():
        normal = 2 * norm.sf(abs(row["z"]))
        assert row["by_normal"]["pvalue"] == pytest.approx(normal)
        if not row["sparse"]:
            assert row["significance"]["pvalue"] == pytest.approx(normal)
            continue
        null = analysed.comparisons[name].null
        assert null is not None
        above = np.count_nonzero(null.samples >= abs(row["z"]))
        assert row["significance"]["pvalue"] == pytest.approx((above + 1) / 30)


def test_mirror_images_are_one_row_that_counts_both(analysed: Analysis) -> None:
    fits = analysed.to_dict()["q0"]
    taue, taumu = fits["hlfv_taue"], fits["hlfv_taumu"]
    assert (taue["mirror"], taumu["mirror"]) == ("hlfv_taumu", "hlfv_taue")
    assert taue["z"] > 0 > taumu["z"]
    assert taue["significance"]["pvalue"] == pytest.approx(2 * norm.sf(taue["z"]))
    assert isinstance(analysed.joint, Together)
    (name,) = (name for name in analysed.joint.names if name.startswith("q0"))
    assert name == "q0 of hlfv_taue | hlfv_taumu"
    assert analysed.joint.observed(name) == pytest.approx(taue["q0"], rel=1e-6)


def test_all_that_is_printed_is_counted(analysed: Analysis) -> None:
    assert isinstance(analysed.joint, Together)
    assert set(analysed.joint.names) == {
        *(f"Nσ of {name}" for name in analysed.comparisons),
        "best window",
        "q0 of hlfv_taue | hlfv_taumu",
        "spline",
        "subspace",
    }
    found = analysed.to_dict()["global"]
    assert found["n"] == 29
    assert found["pvalue"] >= max(1 / 30, 0.0)
    assert found["left_out"] == {}


def test_a_p_that_no_relabelling_reaches_is_a_limit() -> None:
    null = Null(np.arange(20.0))
    beyond, within = Significance.redrawn(null, 30.0), Significance.redrawn(null, 10.0)
    assert not beyond.resolved
    assert beyond.pvalue == pytest.approx(1 / 21)
    assert within.resolved
    assert within.pvalue == pytest.approx(11 / 21)
    assert within.z == pytest.approx(norm.isf(11 / 21))
    assert within.z < 0


def test_the_signal_counts_in_both_orders_and_outside_the_plane(processed_sample: Path) -> None:
    (shape, _) = stored_signals(("emu", "mue"))
    pair = eμsym.read_pair(processed_sample)
    axes = pair.axes_of("plane")
    s_a, s_b = shape.planes(axes)
    # 2,274 and 468 selected events, as data-recipes/signals/README.md has them.
    assert float(np.sum(s_a.values(flow=True))) == 2274
    assert float(np.sum(s_b.values(flow=True))) == 468
    signal = shape.test(axes).counts(pair).signal
    inside = float(s_a.values().sum() + s_b.values().sum()) / 2742
    assert float(signal.both.sum()) == pytest.approx(inside)
    assert 0.94 < inside < 0.98
    assert float(signal.in_b.sum() / signal.both.sum()) == pytest.approx(0.16, abs=0.02)
    # One event of 2,742 in a bin has the variance of one.
    assert signal.variance_a is not None
    assert float(signal.variance_a.sum() * 2742**2) == pytest.approx(float(s_a.values().sum()))


def test_scaled_simulation_has_expected_numbers_in_place_of_q0(
    scaled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["test", str(scaled), "--permutations", "9", "--max-permutations", "9"])
    printed = capsys.readouterr().out
    assert "Expected of q0" in printed
    tests = json.loads((scaled / "results.json").read_text(encoding="utf-8"))["tests"]
    fits = tests["q0"]
    stored = fits["hlfv_taumu"]["expected"]
    assert stored["z"] is None
    assert stored["mu_error_at_null"] > 0
    # The signal is in the pair by default; of the backgrounds alone it is a dataset of its own.
    backgrounds = "ztautau,ttbar,ww,wz,zz,hww,htautau"
    options = ["--pair", backgrounds, "--permutations", "9", "--max-permutations", "9"]
    main(["test", str(scaled), *options, "--overwrite"])
    tests = json.loads((scaled / "results.json").read_text(encoding="utf-8"))["tests"]
    found = tests["q0"]["hlfv_taue"]["expected"]
    pair = eμsym.read_pair(scaled, datasets=["hlfv_taue"])
    assert found["mu"] == pytest.approx(float(pair.pool.weight.sum()), rel=0.05)
    assert found["luminosity_ifb"] == pytest.approx(10.0)
    # The error of μ is that of √(2B/w²) at least: near √L of the unscaled sample's.
    assert found["z"] == pytest.approx(found["mu"] / found["mu_error_at_null"], rel=0.25)
    assert 0 < found["z_error"] < 0.5 * found["z"]
    assert math.isfinite(found["z_unbiased"])


def test_a_plane_without_m_coll_has_its_q0(sample: Path, tmp_path: Path) -> None:
    config = tmp_path / "plane.toml"
    axes = 'plane = [{column = "lead_pt", bins = 20, start = 10, stop = 150}, '
    axes += '{column = "met", bins = 10, start = 0, stop = 100}]'
    config.write_text(f"[processor]\n{axes}\n", encoding="utf-8")
    out = tmp_path / "out"
    main(["process", str(sample / "ttbar.root"), "-c", str(config), "-o", str(out)])
    found = analyse(ProcessedFolder(out), Tests(**QUICK)).to_dict()
    assert all("z" in fit for fit in found["q0"].values())


def test_a_workspace_that_is_not_there_is_said(scaled: Path) -> None:
    found = analyse(ProcessedFolder(scaled), Tests(pyhf=True, **QUICK)).to_dict()
    assert any(note.startswith("pyhf: there is no fit") for note in found["notes"])
