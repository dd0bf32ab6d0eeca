"""`emusym reproduce sym-…` as a user meets them: table, files, figures, errors."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy.stats import chi2, ncx2, norm

from eμsym.errors import ConfigurationError, DataError
from eμsym.files import write_json
from eμsym.papers import sym
from eμsym.papers.catalogue import SYM, reproducible
from eμsym.papers.figures.sym_fig6 import COLOR_PERMUTED, COLOR_TOYS
from eμsym.papers.figures.sym_nulls import NullPanel, draw_sym_nulls, words
from eμsym.papers.sym_inputs import SymInputs
from eμsym.papers.sym_overfit import overfit_to_dict
from eμsym.papers.sym_power import IDEAL
from eμsym.papers.sym_results import RowStatistics, StoredStudy, read_stored
from eμsym.studies import read_study
from tests.command_line import error_of, run

FIGURES = (*(f"sym-fig{i}" for i in range(1, 11)), "sym-numbers")
#: t of the made-up toys grows by this times Z², so that their medians are known.
STRENGTH = 0.4


def quantiles(shift: float, n: int, dof: int) -> np.ndarray:
    """Return n toys that are the exact quantiles of a (noncentral) χ²."""
    p = (np.arange(n) + 0.5) / n
    return chi2.ppf(p, dof) if shift == 0 else ncx2.ppf(p, dof, shift)


def z_of(row: str) -> float:
    """Return how strong the made-up signal of a row is."""
    words = row.split()
    if "%" in words:
        return int(words[2]) * 2.0 * (int(words[0]) / 10) ** 0.5
    if words[-1] in ("500", "160") and words[1] == "S3":
        return 6.0
    return float(words[-1]) if len(words) > 2 and words[-2] in ("S1", "S2", "S3") else 0.0


def made_up(name: str) -> StoredStudy:
    """Return a study of the paper whose toys follow known distributions."""
    study = read_study(sym.STUDIES / f"{name}.toml")
    dof = 13 if name.startswith("nplm_expected") else 12
    rows = {}
    for row in study.rows:
        for test in study.tests:
            t = quantiles(STRENGTH * z_of(row.name) ** 2, row.toys, dof)
            diverged = 0
            if test.name == "free":
                diverged = row.toys // 25
                t[:diverged] = np.inf
            # one unit of drift from the first recorded epoch to the end
            k = len(test.record_epochs)
            at_epochs = t[:, None] - 1 + np.arange(k) / (k + 1)
            rows[row.name, test.name] = RowStatistics(t, at_epochs, diverged, dof)
    inputs = {row.name: {"sha256": "", "events": [9], "distinct": [7]} for row in study.rows}
    return StoredStudy(study, ({"numpy": "2"},), inputs if name == "higgs" else {}, rows)


@pytest.fixture(scope="module")
def studies() -> dict[str, StoredStudy]:
    return {name: made_up(name) for name in sym.studies_in(reproducible("sym-numbers").needs)}


@pytest.fixture(scope="module")
def folder(studies, tmp_path_factory) -> Path:
    """A folder of stored results as the package has one."""
    path = tmp_path_factory.mktemp("sym")
    for name, study in studies.items():
        write_json(path / f"{name}.json", study.to_dict())
    scores = np.linspace(60, 80, 500)
    write_json(path / "overfit.json", overfit_to_dict(studies["epochs"].study, scores))
    return path


@pytest.fixture
def stored(folder, monkeypatch) -> Path:
    monkeypatch.setattr(sym, "RESULTS", folder)
    return folder


@pytest.fixture(scope="module")
def inputs(studies) -> SymInputs:
    return SymInputs(
        studies,
        overfit=np.linspace(60, 80, 500),
        background=np.array([50.0, 60.0, 400.0]),
        weights=np.array([22.0, 1.0, 2.0]),
        signal=np.array([120.0, 125.0]),
        signal_events=345.0,
    )


# The command


@pytest.mark.parametrize("figure", FIGURES)
def test_table_files_and_width(figure, stored, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("reproduce", figure, "-o", out) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    table, _, written = printed.out.rpartition("Written to ")
    assert max(map(len, table.splitlines())) <= 80
    endings = {"json"} if figure == "sym-numbers" else {"json", "png", "pdf"}
    assert {p.name for p in out.iterdir()} == {f"{figure}.{ending}" for ending in endings}
    assert all(f"{figure}.{ending}" in written for ending in endings)
    data = json.loads((out / f"{figure}.json").read_text(encoding="utf-8"))
    assert (data["schema"], data["figure"]) == ("emusym/sym-figure", figure)
    assert set(data["studies"]) == set(sym.studies_in(reproducible(figure).needs))
    flat = " ".join(table.split())
    for claim in data["claims"]:
        assert claim["ours"].split()[0] in flat
        if claim["holds"] is False:
            assert "!" in table
    for name, content in data["studies"].items():
        write_json(tmp_path / "again.json", content)
        assert (
            read_stored(tmp_path / "again.json").study.name
            == read_stored(stored / f"{name}.json").study.name
        )


def test_the_stored_results_give_every_number(tmp_path, capsys):
    assert run("reproduce", "sym-numbers", "-o", tmp_path) == 0
    printed = capsys.readouterr().out
    assert all(f"{figure} of arXiv:2401.09530" in printed for figure in FIGURES[:-1])
    assert "Not stored" not in printed


def test_numbers_go_without_a_study_that_is_not_stored(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sym, "RESULTS", tmp_path)
    (tmp_path / "nulls.json").write_bytes((folder / "nulls.json").read_bytes())
    assert run("reproduce", "sym-numbers", "-o", tmp_path / "out") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "sym-fig2 of" in printed
    assert "Not stored, hence not here: what sym-fig1, sym-fig3, sym-fig4" in printed
    line = error_of(capsys, "reproduce", "sym-fig3", "-o", tmp_path / "out")
    assert "higgs.json: is not stored; give --recompute to run that study" in line


def test_a_study_done_in_part_says_so(studies, inputs, stored, tmp_path, monkeypatch, capsys):
    data = studies["nulls"].to_dict()
    for row in data["rows"]:
        row["t"], row["toys"] = row["t"][:40], 40
    monkeypatch.setattr(sym, "RESULTS", tmp_path)
    write_json(tmp_path / "nulls.json", data)
    assert run("reproduce", "sym-fig2", "-o", tmp_path / "out") == 0
    assert "Study nulls: 320 of 4,000 toys are done." in capsys.readouterr().out


def test_one_line_errors(tmp_path, stored, capsys, monkeypatch):
    assert tuple(entry.name for entry in SYM) == FIGURES
    for option in (("--toys", 5), ("--workers", 1), ("--dask", "local")):
        line = error_of(capsys, "reproduce", "sym-fig2", "-o", tmp_path, *option)
        assert line.endswith(f"{option[0]} is of use only with --recompute")
    line = error_of(capsys, "reproduce", "sym-fig8", "-o", tmp_path, "--recompute")
    assert line.endswith("--recompute: sym-fig8 has no toys; leave it out")
    assert "no figure 'sym-fig11'" in error_of(capsys, "reproduce", "sym-fig11")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    assert "cannot be written" in error_of(capsys, "reproduce", "sym-fig2", "-o", tmp_path / "file")
    monkeypatch.setattr(sym, "RESULTS", tmp_path)
    (tmp_path / "nulls.json").write_text("{", encoding="utf-8")
    assert "is not JSON" in error_of(capsys, "reproduce", "sym-fig2", "-o", tmp_path / "out")


def test_help_is_light_and_lists_the_figures():
    heavy = "{'numpy', 'awkward', 'coffea', 'matplotlib', 'pydantic', 'rich', 'scipy'}"
    code = (
        "import sys; from eμsym.cli import main\n"
        "try: main(['reproduce', '--help'])\n"
        f"finally: assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert all(figure in done.stdout for figure in (*FIGURES, "ddp-fig6"))


# What it says, of toys whose distribution is known


def claims_of(inputs, figure):
    """Return what is said with a figure."""
    return reproducible(figure).claims(inputs)[figure]


def by_quantity(inputs, figure):
    return {claim.quantity: claim for claim in claims_of(inputs, figure)}


def test_exact_chi2_toys_are_called_good_and_wider_ones_not(inputs, studies):
    found = by_quantity(inputs, "sym-fig2")
    claim = found["N_A 110,000, N_B 110,000"]
    assert claim.holds
    assert claim.value == pytest.approx(12, abs=0.05)
    assert "Z(2) 2.0" in claim.ours
    assert "KS p of χ² 1, 500 toys" in claim.note
    # equal distributions: many events do not have lower t, but within errors
    assert found["mean t, N_A 110,000, N_B 110,000 less N_A 5,000, N_B 5,000"].value == 0
    never = found["symmetrized, all studies: diverged"]
    assert never.holds
    row = studies["nulls"].rows["5000 5000", "network"]
    wide = RowStatistics(1.3 * row.t, row.at_epochs, 0, 12)
    rows = {**studies["nulls"].rows, ("5000 5000", "network"): wide}
    other = StoredStudy(studies["nulls"].study, (), {}, rows)
    worse = by_quantity(SymInputs({"nulls": other}), "sym-fig2")["N_A 5,000, N_B 5,000"]
    assert worse.holds is False
    assert worse.value == pytest.approx(1.3 * 12, abs=0.1)
    assert "the nets overfit" in worse.note


def test_diverged_trainings_are_counted(inputs):
    found = by_quantity(inputs, "sym-fig1")
    claim = found["no clipping, N_A 110,000, N_B 110,000: diverged"]
    assert claim.value == 0.04
    assert claim.holds
    assert claim.note == "20 of 500 toys."
    assert "0 of 1,500; below 0.2 %" in found["clipped at 9: diverged"].ours
    assert found["clipped at 9, N_A 2,200, N_B 220,000"].holds
    assert found["clipped at 9, N_A 110,000, N_B 110,000"].holds is False  # it should deviate


def test_two_sigma_is_where_the_made_up_medians_are(inputs):
    z = [norm.isf(chi2.sf(ncx2.ppf(0.5, 12, STRENGTH * ideal**2), 12)) for ideal in IDEAL]
    expected = float(np.interp(2, z, IDEAL))
    for claim in claims_of(inputs, "sym-fig4"):
        assert claim.value == pytest.approx(expected, abs=0.3)
        assert claim.holds == (4 - claim.error <= claim.value <= 6 + claim.error)
    # BR·2·√(L/10) is the ideal Z of the made-up toys
    found = by_quantity(inputs, "sym-fig5")
    strengths = 2.0 * np.array([1, 2, 3, 4])
    z = [norm.isf(chi2.sf(ncx2.ppf(0.5, 12, STRENGTH * ideal**2), 12)) for ideal in strengths]
    at_10 = found["BR(H→τe) at 2σ, 10 fb⁻¹"].value
    assert at_10 == pytest.approx(float(np.interp(2, z, [1, 2, 3, 4])), abs=0.15)
    assert found["the same at 140 fb⁻¹, by √L"].value == pytest.approx(at_10 / 14**0.5)


def test_a_branching_ratio_is_told_with_its_ideal_significance(inputs):
    # All events in one bin of 10 GeV but a tenth of the background: Eq. 29 has one term.
    one_bin = replace(
        inputs,
        background=np.array([121.0, 60.0]),
        weights=np.array([9.0, 1.0]),
        signal=np.array([129.0]),
    )
    for luminosity, events in ((10, 110_000), (40, 440_000)):
        claim = by_quantity(one_bin, "sym-fig5")[f"BR(H→τe) at 2σ, {luminosity} fb⁻¹"]
        b, s = 0.9 * events, 456 * claim.value * luminosity / 20
        z = math.sqrt(2 * ((b + s) * math.log(1 + s / b) - s))
        assert f"it is worth {z:.1f}σ" in claim.note
    # Without background under the signal it would be infinite.
    assert "worth" not in by_quantity(inputs, "sym-fig5")["BR(H→τe) at 2σ, 10 fb⁻¹"].note


def test_permutations_give_the_medians_z(inputs):
    found = by_quantity(inputs, "sym-fig6")
    none = found["N = 55,000, no signal: median Z by permutations"]
    assert (none.paper, none.holds) == ("0.01σ", True)
    assert none.value == pytest.approx(0, abs=0.01)
    signal = found["N = 5,500, 160 of S3: median Z by permutations"]
    truth = norm.isf(chi2.sf(ncx2.ppf(0.5, 12, STRENGTH * 36), 12))
    assert signal.value == pytest.approx(truth, abs=0.1)


def test_drift_and_overfit_scores(inputs):
    growth, *levels = claims_of(inputs, "sym-fig7")
    # from 525,000, the seventh of nineteen recorded epochs, to the last
    assert growth.value == pytest.approx(1 - 6 / 20)
    assert growth.holds
    assert [claim.value for claim in levels] == pytest.approx(
        chi2.ppf([0.16, 0.5, 0.84, 0.975], 12), rel=0.02
    )
    overfit, trained = claims_of(inputs, "sym-fig10")
    assert overfit.value == pytest.approx(70, abs=0.1)
    assert (overfit.holds, trained.holds) == (True, True)


def test_what_is_missing_is_said(inputs):
    with pytest.raises(ConfigurationError, match="no figure 'sym-fig0'"):
        claims_of(inputs, "sym-fig0")
    with pytest.raises(ConfigurationError, match="sym-fig4: needs the study 'nulls'"):
        claims_of(SymInputs(), "sym-fig4")
    assert claims_of(SymInputs(), "sym-fig8") == []
    for figure in ("sym-fig8", "sym-fig10"):
        with pytest.raises(DataError, match=figure):
            reproducible(figure).draw(SymInputs({"epochs": inputs.studies["epochs"]}), "neutral")


# The figures


def drawn(figure):
    """Render a figure, so that what fails only then fails here."""
    figure.draw_without_rendering()
    return figure.axes


def test_null_panels_are_densities_and_say_what_they_leave_out():
    t = np.concatenate([quantiles(0, 483, 12), [np.inf] * 15, [1e5] * 2])
    panel = NullPanel("title", t, 12, 1000)
    (axes,) = drawn(draw_sym_nulls([[panel]]))
    for patch in axes.patches:
        values, edges, _ = patch.get_data()
        assert np.sum(values * np.diff(edges)) == pytest.approx(483 / 500)
    text = words(panel)
    assert "500 of 1,000 toys" in text
    assert "t infinite: 3.0 %" in text
    assert "beyond the axis: 2" in text
    assert "∞" in text
    (curve,) = axes.lines
    assert np.trapezoid(curve.get_ydata(), curve.get_xdata()) == pytest.approx(1, abs=1e-3)


def test_fig4_draws_the_medians_with_the_paper_s_errors(inputs):
    panels = drawn(reproducible("sym-fig4").draw(inputs, "neutral"))
    assert len(panels) == 3
    for axes in panels:
        lines = [line for line in axes.lines if len(line.get_xdata()) == len(IDEAL)]
        dashed = [line for line in lines if line.get_linestyle() == "--"]
        assert len(dashed) == 3
        expected = [
            norm.isf(chi2.sf(ncx2.ppf(0.5, 12, STRENGTH * ideal**2), 12)) for ideal in IDEAL
        ]
        assert list(dashed[0].get_ydata()) == pytest.approx(expected, abs=0.05)
        assert r"\sigma" in axes.get_xlabel()


def test_fig5_marks_lower_bounds(inputs):
    (axes,) = drawn(reproducible("sym-fig5").draw(inputs, "neutral"))
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    # 4 % at 40 fb⁻¹ is 16σ: above all 500 toys, whose Z ends at 2.88
    assert "↑ above all toys without signal" in texts
    solid = [
        line for line in axes.lines if line.get_linestyle() == "-" and line.get_marker() == "^"
    ]
    assert max(map(max, (line.get_ydata() for line in solid))) < norm.isf(1 / 501)


def test_fig6_has_permutations_and_points(inputs):
    axes = drawn(reproducible("sym-fig6").draw(inputs, "neutral"))
    assert len(axes) == 6
    # each histogram is an area and its outline
    assert [len(panel.patches) for panel in axes] == [2, 2, 4] * 2
    for panel, first in zip(axes, (COLOR_TOYS, COLOR_PERMUTED, COLOR_PERMUTED) * 2, strict=True):
        assert to_hex(panel.patches[1].get_edgecolor()) == first.lower()
    nulls = inputs.studies["nulls"].statistics("55000 55000")
    values, edges, _ = axes[0].patches[0].get_data()
    counts = np.histogram(nulls, edges)[0]
    assert list(values * nulls.size * np.diff(edges)) == pytest.approx(list(counts))


def test_fig7_draws_percentiles_over_epochs(inputs):
    (axes,) = drawn(reproducible("sym-fig7").draw(inputs, "neutral"))
    solid = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert len(solid) == 5
    (row,) = inputs.studies["epochs"].rows.values()
    for line, level in zip(solid, (0.025, 0.16, 0.5, 0.84, 0.975), strict=True):
        assert line.get_xdata()[-1] == 1.5
        assert line.get_ydata()[-1] == np.quantile(row.t, level, method="inverted_cdf")
    dashed = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert dashed == pytest.approx(chi2.ppf([0.025, 0.16, 0.5, 0.84, 0.975], 12))


def test_fig8_counts_weights(inputs):
    (axes,) = drawn(reproducible("sym-fig8").draw(inputs, "neutral"))
    sums = [np.sum(patch.get_data().values) for patch in axes.patches[::2]]
    assert sums == pytest.approx([23, 345])  # one of weight 2 is beyond the axis
    assert "8.0 % beyond the axis" in axes.get_legend().get_texts()[0].get_text()


def test_experiments_styles_leave_nothing_behind(inputs):
    before = dict(plt.rcParams)
    for figure in FIGURES[:-1]:
        drawn(reproducible(figure).draw(inputs, "ATLAS"))
    assert dict(plt.rcParams) == before
    assert plt.get_fignums() == []
