"""The unbinned tests from the command line, and their figures."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

import eμsym
from eμsym import Pair
from eμsym.analysis.options import SUBSPACE_COLUMNS, Tests
from eμsym.analysis.problem import Problem
from eμsym.analysis.statistics import USUAL_EVENTS, usual_columns
from eμsym.cli import main
from eμsym.cli.network_time import duration, network_seconds
from eμsym.distributions import Null
from eμsym.plots import draw_likelihood_ratio, draw_null
from eμsym.unbinned.spline import SplineTest
from eμsym.unbinned.symmetrized import SymmetrizedTest
from tests.delphes_file import emu


@pytest.fixture(scope="module")
def processed(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbinned") / "out"
    main(["process", str(sample / "ztautau.root"), "-o", str(out)])
    return out


def results_of(folder: Path) -> dict[str, dict[str, object]]:
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    unbinned: dict[str, dict[str, object]] = content["tests"]["unbinned"]
    return unbinned


def test_network_and_spline_on_a_processed_folder(
    processed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--symmetrized", "--epochs", "2000", "--permutations", "19", "--equalise", "none")
    main(["test", str(processed), *options, "--overwrite"])
    printed = capsys.readouterr().out
    assert "spline" in printed
    assert "network" in printed
    results = results_of(processed)
    assert results["columns"] == ["m_coll"]
    assert results["scales"] == [0.01]
    assert results["network"]["epochs"] == 2000
    for name in ("spline", "network"):
        permutations = results[name]["permutations"]
        assert isinstance(permutations, dict)
        assert permutations["null"]["n"] == 19
        assert permutations["pvalue"] >= permutations["smallest_pvalue"] == pytest.approx(1 / 20)
        for figure in ("ratio", "null"):
            assert (processed / "figures" / f"{name}_{figure}.png").exists()
    pair = eμsym.read_pair(processed)
    a, b = (sample.column("m_coll") / 100 for sample in (pair.a, pair.b))
    assert results["spline"]["t"] == pytest.approx(SplineTest()(a, b).t)
    network = SymmetrizedTest(epochs=2000)(a, b, rng=20401)
    assert results["network"]["t"] == pytest.approx(network.t, rel=1e-9)


def test_several_columns_are_for_the_subspace_test_and_the_network(
    processed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--symmetrized", "--epochs", "50", "--permutations", "3", "--overwrite")
    main(["test", str(processed), "--columns", "m_coll, lead_eta", *options])
    results = results_of(processed)
    assert results["columns"] == ["m_coll", "lead_eta"]
    assert results["scales"] == [0.01, 1.0]
    assert results["network"]["t"] is not None
    assert "spline" not in results
    subspace = results["subspace"]
    local = np.array(list(subspace["local"].values()))
    # The harmonic mean of the local p-values.
    expected = norm.isf(1 / np.mean(1 / norm.sf(local)))
    assert subspace["statistic"] == pytest.approx(expected, rel=1e-6)
    assert subspace["local"][subspace["best"]] == np.max(local)
    assert subspace["significance"]["pvalue"] in {0.25, 0.5, 0.75, 1.0}
    assert (processed / "figures" / "subspace_null.png").exists()
    printed = " ".join(capsys.readouterr().out.split())
    assert f"differs most is the {subspace['best']}" in printed
    assert "50 epochs of 2 nets on" in printed


def test_without_names_subspaces_are_of_the_leptons_and_the_missing_momentum(
    processed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--permutations", "9", "--max-permutations", "9", "--overwrite")
    main(["test", str(processed), *options])
    found = results_of(processed)
    views = " ".join(found["subspace"]["local"])
    assert all(name in views for name in ("m_coll", "lead_pt", "sub_pt", "met", "mt_sub"))
    assert found["columns"] == ["m_coll"]
    assert "Subspaces  the view" in capsys.readouterr().out
    figures = {path.stem for path in (processed / "figures").glob("*.png")}
    assert {"spline_ratio", "spline_null", "subspace_null"} <= figures
    assert "subspace_ratio" not in figures
    # One name is for splines alone.
    main(["test", str(processed), "--columns", "met", *options])
    assert {"spline", "subspace"} & set(results_of(processed)) == {"spline"}


def drawn(n: int, columns: int) -> Pair:
    """Return a pair of n events with so many of the usual columns."""
    names = SUBSPACE_COLUMNS[:columns]
    values = {name: np.linspace(1, 2, n // 2) + i for i, name in enumerate(names)}
    return Pair.from_columns(values, values)


def test_usual_columns_that_events_lack_are_left_out() -> None:
    assert usual_columns(drawn(40, 3)) == ("m_coll", "lead_pt", "sub_pt")
    with_gap = {"m_coll": [1.0, 2.0], "lead_pt": [1.0, np.nan], "met": [3.0, 4.0]}
    assert usual_columns(Pair.from_columns(with_gap, with_gap)) == ("m_coll", "met")
    none = usual_columns(drawn(40, 1))
    assert isinstance(none, Problem)
    assert "fewer than two" in none.reason


def test_of_very_many_events_subspaces_are_only_on_request() -> None:
    found = usual_columns(drawn(USUAL_EVENTS + 2, 2))
    assert isinstance(found, Problem)
    assert "--columns m_coll,lead_pt,sub_pt,met,mt_sub" in found.reason


def test_the_network_s_time_grows_with_what_is_asked() -> None:
    one, two = Tests(columns=("m_coll",)), Tests(columns=("m_coll", "lead_pt"))
    # One column is trained on nodes, however many events there are.
    assert network_seconds(10**5, one, 2) == network_seconds(10**6, one, 2)
    alone = network_seconds(10**5, two, 2)
    assert network_seconds(2 * 10**5, two, 2) == pytest.approx(2 * alone)
    assert network_seconds(10**5, replace(two, epochs=250_000), 2) == pytest.approx(alone / 2)
    assert duration(90.4) == "90 seconds"
    assert duration(3 * 86400.0) == "3 days"


def test_hours_of_training_are_asked_about(
    processed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = io.StringIO("n\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    options = ("--symmetrized", "--epochs", "1000000000", "--overwrite")
    with pytest.raises(SystemExit, match="2"):
        main(["test", str(processed), "--columns", "m_coll, lead_eta", *options])
    assert "the network is not trained" in capsys.readouterr().err


def test_a_column_that_is_not_there(processed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["test", str(processed), "--columns", "mass", "--overwrite"])
    assert "no column 'mass'" in capsys.readouterr().err


def test_too_few_events_are_a_line_and_no_error(
    delphes_file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    main(["run", "-i", str(delphes_file([emu()] * 2)), "-o", str(out)])
    assert "problem" in results_of(out)["spline"]
    assert "! spline test:" in capsys.readouterr().out


def test_the_ratio_is_drawn_where_the_functions_are() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.exponential(size=2000), rng.exponential(size=3000)
    result = SplineTest()(a, b)
    figure = draw_likelihood_ratio(result, a, b, label="x [GeV]", scale=100)
    (axes,) = figure.axes
    curve = axes.lines[0]
    x = np.asarray(curve.get_xdata()) / 100
    np.testing.assert_allclose(curve.get_ydata(), np.exp(result.f(x)))
    assert axes.get_xlabel() == "x [GeV]"
    assert "t = " in axes.get_legend().get_title().get_text()


def test_the_null_is_drawn_as_a_density_with_the_observed_value() -> None:
    null = Null(np.random.default_rng(2).chisquare(12, 4000))
    figure = draw_null(null, 30.0, dof=12)
    (axes,) = figure.axes
    (steps,) = axes.patches
    heights, edges, _ = steps.get_data()
    assert np.sum(heights * np.diff(edges)) == pytest.approx(1)
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert any(f"p = {null.pvalue(30.0):.2g}" in text for text in texts)
    assert any("chi" in text for text in texts)
    # Where no toy is as extreme p is a limit.
    (axes,) = draw_null(null, 300.0).axes
    assert "observed: p < 0.00025" in [text.get_text() for text in axes.get_legend().get_texts()]
