"""The study of what correcting for the detector costs: its toys, its numbers, its command."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import chi2, norm

from eμsym.files import read_json
from eμsym.papers.equalisation import all_summaries, kept_share
from eμsym.papers.equalisation_study import (
    CORRECTIONS,
    DOF,
    RESULTS,
    SCHEMA,
    SEED,
    STATISTICS,
    StudySource,
    compute,
    genuine_events,
    summary,
    true_ratio,
)
from tests.command_line import run


@pytest.fixture(scope="module")
def events():
    return genuine_events()


@pytest.fixture(scope="module")
def stored():
    return read_json(RESULTS, schema=SCHEMA)


@pytest.fixture(scope="module")
def found(stored):
    return all_summaries(stored)


def test_toys_have_the_order_that_the_efficiencies_give(events):
    """In bins of the efficiencies' odds, the share of eμ is that of the formula."""
    pool, _ = events
    ratio = true_ratio()
    pair = StudySource(pool, ratio).draw(4)
    sizes = [len(sample.events) for sample in (pair.a, pair.b)]
    assert abs(sum(sizes) - pool["m_coll"].size) < 5 * pool["m_coll"].size ** 0.5
    x, a = (
        np.concatenate(values)
        for values in (
            [
                np.log(ratio.evaluate(s.column("sub_pt"), s.column("sub_eta")))
                - np.log(ratio.evaluate(s.column("lead_pt"), s.column("lead_eta")))
                for s in (pair.a, pair.b)
            ],
            [np.ones(sizes[0]), np.zeros(sizes[1])],
        )
    )
    p = np.exp(x) / (1 + np.exp(x))
    place = np.digitize(x, np.quantile(x, [0.2, 0.4, 0.6, 0.8]))
    residual = np.bincount(place, a - p)
    variance = np.bincount(place, p * (1 - p))
    assert chi2.sf(np.sum(residual**2 / variance), 5) > 0.001
    assert p.max() - p.min() > 0.05  # there is a difference to be found


def test_a_signal_stands_in_its_order(events):
    pool, signal = events
    ratio = true_ratio()
    excess = {}
    for electron in (True, False):
        with_signal = StudySource(pool, ratio, signal, 5000.0, electron).draw(1)
        without = StudySource(pool, ratio).draw(1)
        sizes = [
            [len(sample.events) for sample in (pair.a, pair.b)] for pair in (with_signal, without)
        ]
        excess[electron] = np.array(sizes[0]) - np.array(sizes[1])
    share = signal["electron_leads"].mean()
    assert share > 0.7
    np.testing.assert_allclose(excess[True], [5000 * share, 5000 * (1 - share)], rtol=0.15)
    np.testing.assert_array_equal(excess[True], excess[False][::-1])


def test_the_summary_of_known_distributions():
    rng = np.random.default_rng(3)
    values = {
        "none": {"q0": rng.normal(0, 1, 20_000), "t": rng.chisquare(DOF, 20_000)},
        "hlfv_taue": {"q0": rng.normal(3, 1, 20_000), "t": rng.chisquare(DOF, 20_000) + 10},
    }
    rows = [
        {"signal": name, "values": {"true": {k: v.tolist() for k, v in columns.items()}}}
        for name, columns in values.items()
    ]
    null = summary({"rows": rows}, "none", "true", "q0")
    assert null.mean == pytest.approx(0, abs=4 * null.mean_error)
    assert null.mean_error == pytest.approx(20_000**-0.5, rel=0.05)
    assert null.width == pytest.approx(1, abs=4 * null.width_error)
    assert null.rejected == pytest.approx(0.05, abs=0.008)
    assert null.power == pytest.approx(0.05, abs=0.001)
    signal = summary({"rows": rows}, "hlfv_taue", "true", "q0")
    assert signal.median == pytest.approx(3, abs=0.05)
    assert signal.power == pytest.approx(norm.sf(1.645 - 3), abs=0.01)
    assert summary({"rows": rows}, "none", "true", "t").rejected == pytest.approx(0.05, abs=0.008)
    t = summary({"rows": rows}, "hlfv_taue", "true", "t")
    assert t.median == pytest.approx(norm.isf(chi2.sf(chi2.median(DOF) + 10, DOF)), abs=0.06)


def test_what_is_stored_is_what_is_computed(stored):
    again = compute(n_null=2, n_signal=1, seed=SEED)
    for row, old in zip(again["rows"], stored["rows"], strict=True):
        assert row["n_signal"] == pytest.approx(old["n_signal"])
        for correction in CORRECTIONS:
            for statistic in STATISTICS:
                new = row["values"][correction][statistic]
                expected = old["values"][correction][statistic][: len(new)]
                np.testing.assert_allclose(new, expected, atol=2e-3, err_msg=statistic)


def test_without_correction_there_is_a_false_signal_and_with_it_none(found):
    for statistic in ("nsigma_plane", "nsigma_m_coll"):
        assert found["none", "none", statistic].mean > 1.5
        assert found["none", "none", statistic].rejected > 0.3
    for correction in ("self", "self_excluded", "true"):
        for statistic in ("nsigma_plane", "nsigma_m_coll", "nsigma_window", "q0"):
            null = found["none", correction, statistic]
            assert abs(null.mean) < 4 * null.mean_error, (correction, statistic)
            assert abs(null.width - 1) < 4 * null.width_error, (correction, statistic)
            # The binomial error of 400 toys.
            assert abs(null.rejected - 0.05) < 4 * (0.05 * 0.95 / 400) ** 0.5


def test_a_signal_of_three_sigma_keeps_most_of_it(found):
    for signal in ("hlfv_taue", "hlfv_taumu"):
        true = found[signal, "true", "q0"]
        assert true.mean == pytest.approx(3, abs=0.35)
        assert kept_share(found, signal, "self_excluded") > 0.88
        assert kept_share(found, signal, "self") > 0.8


def test_the_book_shows_the_stored_numbers(stored, found):
    page = (Path(__file__).parents[2] / "docs" / "calibration.md").read_text(encoding="utf-8")
    for line in shown_table(stored, found):
        assert line in page


def shown_table(stored, found):
    """Return the table of the page, line by line."""

    def row(label, cell):
        return f"| {label} | " + " | ".join(cell(c) for c in CORRECTIONS) + " |"

    def mean(statistic):
        def cell(c):
            s = found["none", c, statistic]
            return f"{s.mean:+.2f} ± {s.width:.2f}"

        return cell

    lines = [
        row("without signal: Nσ of the plane, mean ± width", mean("nsigma_plane")),
        row("Z of q0 of m_coll, mean ± width", mean("q0")),
        row("t of 12 degrees of freedom, mean ± width", mean("t")),
        row(
            "toys with p < 0.05: Nσ of the plane, q0 of m_coll, t",
            lambda c: ", ".join(
                f"{100 * found['none', c, s].rejected:.0f} %" for s in ("nsigma_plane", "q0", "t")
            ),
        ),
    ]
    for signal, name in (("hlfv_taue", "H→τe"), ("hlfv_taumu", "H→τμ")):
        n = next(r["n_signal"] for r in stored["rows"] if r["signal"] == signal)
        lines.append(
            row(
                f"{n:.0f} events of {name}: "
                "median Z of q0 of m_coll, of Nσ in 110–140 GeV, of the plane",
                lambda c, signal=signal: ", ".join(
                    f"{found[signal, c, s].median:.2f}"
                    for s in ("q0", "nsigma_window", "nsigma_plane")
                ),
            )
        )
    return lines


def test_the_command_prints_draws_and_writes(tmp_path, capsys, stored, found):
    assert run("reproduce", "equalisation", "-o", tmp_path / "out") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    table = printed.out.rpartition("Written to ")[0]
    assert max(map(len, table.splitlines())) <= 80
    assert f"{found['hlfv_taue', 'true', 'q0'].median:+.2f}" in table
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        f"equalisation.{ending}" for ending in ("png", "pdf", "json")
    }
    data = json.loads((tmp_path / "out" / "equalisation.json").read_text(encoding="utf-8"))
    assert data == stored
    plt.close("all")


def test_the_command_computes_anew(tmp_path, capsys):
    options = ("--recompute", "--toys", 3, "--seed", 3)
    assert run("reproduce", "equalisation", "-o", tmp_path, *options) == 0
    data = json.loads((tmp_path / "equalisation.json").read_text(encoding="utf-8"))
    assert data["seed"] == 3
    assert [row["n_toys"] for row in data["rows"]] == [3, 2, 2]


@pytest.mark.parametrize("option", ["--toys", "--seed"])
def test_options_of_recomputing_alone_are_refused(tmp_path, capsys, option):
    assert run("reproduce", "equalisation", "-o", tmp_path / "out", option, 5) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert f"{option} is of use only with --recompute" in line
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_is_one_line(tmp_path, capsys, monkeypatch, stored):
    path = tmp_path / "equalisation.json"
    path.write_text(json.dumps({**stored, "rows": stored["rows"][:1]}), encoding="utf-8")
    monkeypatch.setattr("eμsym.papers.equalisation.RESULTS", path)
    assert run("reproduce", "equalisation", "-o", tmp_path / "out") == 2
    assert "a part is missing or damaged" in capsys.readouterr().err
