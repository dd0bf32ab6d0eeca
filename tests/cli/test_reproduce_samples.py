"""Simulated samples against genuine Delphes: the stored comparison, and one made here."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp, norm

from eμsym.binned.templates_io import read_templates
from eμsym.cli.reproduced import print_report
from eμsym.files import read_json
from eμsym.papers.samples import comparison_tables
from eμsym.plots.samples import NAMES, draw_samples
from eμsym.processors.fileset import read_fileset
from eμsym.recipes import STORED_SIGNALS, embedded_fileset, stored_templates
from eμsym.recipes.cross_sections import processes
from eμsym.recipes.simulation.against_delphes import (
    RESULTS,
    SCHEMA,
    compare,
    delphes_counts,
    read_comparisons,
    selected_events,
)
from eμsym.recipes.simulation.comparison import (
    OBSERVABLES,
    Counts,
    Ratio,
    SampleComparison,
    acceptance_ratio,
    chi2_pvalue,
    find_peak,
    order_ratio,
    overall_pvalue,
)
from tests.command_line import error_of, run

MAIN = ("ttbar", "ztautau", "hlfv_taue", "hlfv_taumu")


@pytest.fixture(scope="module")
def templates() -> Any:
    return {name: read_templates(stored_templates(name)) for name in STORED_SIGNALS}


@pytest.fixture(scope="module")
def embedded() -> Any:
    return {dataset.name: dataset for dataset in read_fileset([embedded_fileset()])}


@pytest.fixture(scope="module")
def stored() -> dict[str, SampleComparison]:
    return {c.process: c for c in read_comparisons(read_json(RESULTS, schema=SCHEMA))}


# ---------------------------------------------------------------- the arithmetic


def test_ratios_and_their_errors_against_toys() -> None:
    ours, theirs = Counts(4000, 250, 150), Counts(9000, 500, 420)
    rng = np.random.default_rng(8)

    def toys(c: Counts) -> Any:
        parts = [c.emu / c.n_generated, c.mue / c.n_generated]
        return rng.multinomial(int(c.n_generated), [*parts, 1 - sum(parts)], size=20_000).T

    (a, b, _), (c, d, _) = toys(ours), toys(theirs)
    for ratio, drawn in (
        (acceptance_ratio(ours, theirs), ((a + b) / 4000) / ((c + d) / 9000)),
        (order_ratio(ours, theirs), (a / b) / (c / d)),
    ):
        assert ratio is not None
        assert ratio.value == pytest.approx(np.median(drawn), rel=0.005)
        assert ratio.error == pytest.approx(drawn.std(), rel=0.05)
    assert acceptance_ratio(Counts(10, 0, 0), theirs) is None
    assert order_ratio(Counts(10, 1, 0), theirs) is None
    assert Ratio(1.0, 0.1).pull == 0
    assert overall_pvalue([Ratio(math.exp(0.2), 0.1 * math.exp(0.2))]) == pytest.approx(
        2 * norm.sf(2.0)
    )


def test_chi2_of_two_histograms_against_scipy() -> None:
    a, b = np.array([12, 40, 33, 25]), np.array([55, 120, 90, 99])
    expected = chi2_contingency(np.stack([a, b]), correction=False).pvalue
    assert chi2_pvalue(a, b) == pytest.approx(expected)
    # bins with fewer than ten entries are joined with their neighbours
    thin = chi2_pvalue(np.array([1, 11, 40, 33, 25, 0]), np.array([3, 52, 120, 90, 99, 0]))
    assert thin == pytest.approx(expected)
    assert chi2_pvalue(np.zeros(3), b[:3]) is None
    assert chi2_pvalue(np.array([1.0, 1.0]), np.array([2.0, 2.0])) is None


def test_peak_of_a_gaussian() -> None:
    edges = np.arange(0.0, 250.5, 0.5)
    values = np.random.default_rng(4).normal(125.0, 10.0, 4000)
    peak = find_peak(np.histogram(values, edges)[0], edges, rng=1)
    assert peak is not None
    assert abs(peak.position - 125.0) < 3 * peak.error
    assert 0.1 < peak.error < 2.0
    wide = find_peak(np.histogram(values, edges[::10])[0], edges[::10], rng=1)
    assert wide is not None
    assert wide.position == pytest.approx(peak.position, abs=1.5)
    assert find_peak(np.ones(19), np.arange(20.0)) is None


def test_genuine_events_behind_the_templates(embedded: Any, templates: Any) -> None:
    """They contain the embedded sample, whose own acceptance is the same."""
    for name, dataset in embedded.items():
        every, part = delphes_counts(name, templates), selected_events(dataset).counts
        assert part.n_generated <= every.n_generated
        if name not in STORED_SIGNALS:  # the template of H→τe was made of another file
            assert part.emu <= every.emu
            assert part.mue <= every.mue
        ratio = acceptance_ratio(part, every)
        assert ratio is None or abs(ratio.pull) < 3
    # Every event once: the larger file of tt̄ contains that of the embedded sample.
    assert delphes_counts("ttbar", templates).n_generated == 80_000
    assert delphes_counts("hlfv_taumu", templates).n_generated == pytest.approx(12_000, rel=1e-3)


def test_a_sample_compared_with_itself(embedded: Any, templates: Any) -> None:
    events = selected_events(embedded["ttbar"])
    found = compare("ttbar", events, events, templates)
    assert set(found.ks.values()) == {1.0}
    assert found.histograms["met"]["simulated"] == found.histograms["met"]["delphes"]
    again = SampleComparison.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again == found


def test_another_process_is_told_apart(embedded: Any, templates: Any) -> None:
    top, z = (selected_events(embedded[name]) for name in ("ttbar", "ztautau"))
    found = compare("ttbar", z, top, templates)
    assert found.ks["m_coll"] is not None
    assert found.ks["m_coll"] < 1e-10
    assert found.ks["m_coll"] == ks_2samp(z.columns["m_coll"], top.columns["m_coll"]).pvalue
    assert found.acceptance is not None
    assert found.acceptance.value < 0.5
    signal = compare("hlfv_taumu", top, None, templates)
    assert signal.m_coll_template is not None
    assert signal.m_coll_template < 1e-10


# ---------------------------------------------------------------- what is stored


def test_stored_comparison_is_of_all_processes(stored: dict[str, SampleComparison]) -> None:
    assert tuple(stored) == processes()
    assert set(NAMES) == set(stored)
    data = read_json(RESULTS)
    for name, record in data["simulated"].items():
        assert record["process"] == name
        counts = stored[name].simulated
        assert counts.n_generated == pytest.approx(record["sum_of_weights"])
        assert record["versions"]["pythia8mc"] == "8.317.2"


@pytest.mark.parametrize("name", MAIN)
def test_stored_samples_agree_with_delphes(stored: dict[str, SampleComparison], name: str) -> None:
    """Acceptance within 10 %, m_coll of one shape, eμ/μe within 5 % or three times its error."""
    found = stored[name]
    assert found.acceptance is not None
    assert found.order is not None
    assert abs(found.acceptance.value - 1) + found.acceptance.error < 0.10
    assert abs(found.acceptance.pull) < 3
    assert abs(found.order.value - 1) < max(0.05, 3 * found.order.error)
    shape = found.ks.get("m_coll", found.m_coll_template)
    assert shape is not None
    assert shape > 0.01


def test_stored_samples_agree_all_together(stored: dict[str, SampleComparison]) -> None:
    for which in ("acceptance", "order"):
        ratios = [r for c in stored.values() if (r := getattr(c, which)) is not None]
        assert len(ratios) == 9
        assert overall_pvalue(ratios) > 0.01
    pvalues = [p for c in stored.values() for p in c.ks.values() if p is not None]
    assert len(pvalues) >= 50
    assert min(pvalues) > 0.01 / len(pvalues)  # Bonferroni
    assert np.mean(np.array(pvalues) < 0.05) < 0.15


def test_stored_peaks(stored: dict[str, SampleComparison]) -> None:
    for name in ("hlfv_taue", "hlfv_taumu"):
        peak = stored[name].peaks["simulated"]
        assert abs(peak.position - 125.0) < 3.0  # m_H
    z = stored["ztautau"].peaks
    assert z["simulated"].position < 91.2
    for peaks in (stored[name].peaks for name in ("ztautau", *STORED_SIGNALS)):
        difference = peaks["simulated"].position - peaks["delphes"].position
        assert abs(difference) < 3 * math.hypot(peaks["simulated"].error, peaks["delphes"].error)


# ---------------------------------------------------------------- the command


def test_command_draws_and_prints_what_is_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], stored: dict[str, SampleComparison]
) -> None:
    assert run("reproduce", "samples", "-o", tmp_path / "out") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    table, _, _ = captured.out.rpartition("Written to ")
    assert max(map(len, table.splitlines())) <= 80
    for comparison in stored.values():
        assert comparison.acceptance is not None
        line = next(li for li in table.splitlines() if li.startswith(comparison.process))
        assert f"{comparison.acceptance.value:.3f} ± {comparison.acceptance.error:.3f}" in line
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"samples.json", "samples.png", "samples.pdf"}
    assert read_json(tmp_path / "out" / "samples.json") == read_json(RESULTS)


def test_options_need_recompute(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("-n", "--seed", "--workers"):
        line = error_of(capsys, "reproduce", "samples", "-o", tmp_path / "out", option, 5)
        assert f"{option} is of use only with --recompute" in line
    assert not (tmp_path / "out").exists()


def test_drawing(stored: dict[str, SampleComparison]) -> None:
    figure = draw_samples(list(stored.values()))
    above, below = figure.subfigs
    assert len(above.axes) == 2
    assert len(below.axes) == 20
    m_coll = below.axes[0]
    edges = np.linspace(*OBSERVABLES["m_coll"][2:4], OBSERVABLES["m_coll"][4] + 1)
    drawn = m_coll.patches[0].get_data()
    np.testing.assert_allclose(drawn.edges, edges)
    z = stored["ztautau"]
    assert z.embedded is not None
    scale = (z.embedded.emu + z.embedded.mue) / (z.simulated.emu + z.simulated.mue)
    expected = np.array(z.histograms["m_coll"]["simulated"]) * scale
    np.testing.assert_allclose(drawn.values, expected)
    without = draw_samples([c for c in stored.values() if c.embedded is None])
    assert len(without.subfigs[1].axes) == 0


# ---------------------------------------------------------------- simulated here and now


@pytest.mark.slow
def test_simulated_processed_and_tested_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], embedded: Any, templates: Any
) -> None:
    """2,000 events of each: the chain works, and nothing disagrees by more than chance."""
    pytest.importorskip("pythia8mc")
    for name in MAIN:
        path = tmp_path / f"{name}.root"
        assert run("simulate", name, "-n", 2000, "--seed", 7, "-o", path) == 0
        assert run("check", "--deep", path) == 0
    filesets = [tmp_path / f"{name}.json" for name in MAIN]
    out = tmp_path / "out"
    assert run("process", *filesets, "-o", out, "--luminosity", 1, "--pair", "ttbar,ztautau") == 0
    assert run("test", out, "--permutations", 20) == 0
    results = read_json(out / "results.json")
    assert set(results["tests"]["q0"]) >= {"hlfv_taue", "hlfv_taumu"}
    # every event of the files was processed
    assert [entry["entries"] for entry in results["inputs"]] == [
        read_json(fileset)[name]["metadata"]["entries"]
        for name, fileset in zip(MAIN, filesets, strict=True)
    ]
    capsys.readouterr()

    found = {}
    for name, fileset in zip(MAIN, filesets, strict=True):
        (dataset,) = read_fileset([fileset])
        genuine = embedded.get(name)
        found[name] = compare(
            name,
            selected_events(dataset),
            None if genuine is None else selected_events(genuine),
            templates,
        )
    print_report(comparison_tables(found.values()))
    table = capsys.readouterr().out
    assert all(name in table for name in MAIN)
    for c in found.values():
        assert c.acceptance is not None
        assert c.order is not None
        assert abs(c.acceptance.pull) < 3
        assert abs(c.acceptance.value - 1) < max(0.10, 3 * c.acceptance.error)
        assert abs(c.order.pull) < 3
        shape = c.ks.get("m_coll", c.m_coll_template)
        assert shape is not None
        assert shape > 0.01
    # the flavour orders of the signals are far apart, and those of the backgrounds are not
    assert found["hlfv_taue"].simulated.emu > 3 * found["hlfv_taue"].simulated.mue
    assert found["hlfv_taumu"].simulated.mue > 3 * found["hlfv_taumu"].simulated.emu
