"""The studies of self-calibrated pairs: what is stored holds, and the first toys anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import beta, binomtest

from eμsym.analysis.analyse import drawn_together
from eμsym.analysis.options import Tests
from eμsym.analysis.signals import stored_signals
from eμsym.calibration.bradley_terry import probability
from eμsym.coverage import detector, effects
from eμsym.coverage.detector import ROWS, Row, joined, nsigma_z, printed_pvalues
from eμsym.coverage.detector_figure import draw_detector
from eμsym.coverage.detector_table import SCHEMA, cells, excluded, interval, table
from eμsym.coverage.effects import EFFECTS, electron_trigger, muon_trigger
from eμsym.coverage.global_line import with_histograms
from eμsym.coverage.sources import (
    DETECTORS,
    KnownRatioSource,
    SignalEvents,
    background_events,
    crack_ratio,
    turn_on_ratio,
)
from eμsym.coverage.tally import STEPS, Tally
from eμsym.files import read_json
from eμsym.label_rule import LEADING
from eμsym.pair import Pair

STORED = Path(__file__).parents[2] / "docs" / "coverage"


@pytest.fixture(scope="module")
def stored():
    return read_json(STORED / "detector.json", schema=SCHEMA)


@pytest.fixture(scope="module")
def stored_effects():
    return read_json(STORED / "effects.json", schema=effects.SCHEMA)


# ---------------------------------------------------------------- what is stored


def test_the_stored_tables_are_those_of_the_stored_numbers(stored, stored_effects):
    assert (STORED / "detector.md").read_text(encoding="utf-8") == table(stored)
    assert (STORED / "effects.md").read_text(encoding="utf-8") == effects.table(stored_effects)


def test_no_printed_p_value_of_a_self_calibrated_pair_fires_too_often(stored):
    """No cell's 99 % interval, for all cells at once, excludes 5 %, from above or below."""
    assert {(row["n_events"], row["ratio"]) for row in stored["rows"]} == {
        (row.n_events, row.ratio) for row in ROWS
    }
    assert excluded(stored) == []
    assert len(cells(stored)) >= 150


def test_nsigma_is_not_off(stored):
    """Its mean is below 0.2 in every row and observable, within its error."""
    for row in stored["rows"]:
        tally = Tally.from_dict(row)
        for name in tally.moments:
            mean, error, width = tally.z(name)
            assert abs(mean) < 0.2 + 3 * error, (row["n_events"], row["ratio"], name)
            assert width < 1.0 + 0.1 + 3 * width / np.sqrt(2 * tally.n)


def test_what_r_does_not_describe_is_noticed_and_taken_out(stored_effects):
    rows = {(r["effect"], r["correction"]): Tally.from_dict(r) for r in stored_effects["rows"]}
    trigger, classes = rows["trigger", "default"], rows["trigger", "classes of fired"]
    assert trigger.below("Nσ of m_coll")[0] > 0.3
    assert trigger.below("goodness of fit")[0] > 0.5
    met, thirds = rows["met", "default"], rows["met", "classes of met_third"]
    assert met.below("Nσ of m_coll")[0] > thirds.below("Nσ of m_coll")[0]
    for offered in (classes, thirds):
        for name in offered.pvalues:
            assert offered.below(name)[0] < 0.13


# ---------------------------------------------------------------- how it is made


def test_what_is_stored_is_what_is_computed(stored):
    """The first toys of a row, in any number of parts."""
    rows = [replace(row, share=1.0) for row in ROWS[:2]]
    whole = detector.compute(2, rows=rows, workers=1)
    parts = [detector.compute(1, rows=rows, first=first, workers=1) for first in (0, 1)]
    for one, other in zip(joined(parts)["rows"], whole["rows"], strict=True):
        assert one["pvalues"] == other["pvalues"]
        for name, sums in one["moments"].items():
            assert sums == pytest.approx(other["moments"][name])
    for new, old in zip(whole["rows"], stored["rows"], strict=False):
        assert new["n_toys"] == 2
        for name, counts in new["pvalues"].items():
            assert np.all(np.array(counts) <= old["pvalues"][name])


def test_p_values_are_those_that_the_command_prints():
    source = KnownRatioSource(background_events(), 2_000, crack_ratio(), SignalEvents.stored())
    pair = with_histograms(source.draw(3))
    pair = Pair.from_samples(pair.a, pair.b, names=pair.names).equalised()
    shapes = stored_signals(LEADING.orders)
    joint = drawn_together(pair, shapes, Tests(permutations=9, max_permutations=9, seed=1))
    found = printed_pvalues(pair, joint)
    assert set(found) == {*joint.names, "all together"}
    assert found["all together"] == joint.pvalue
    assert found["best window"] == joint.local_pvalue("best window")
    z = nsigma_z(pair)
    assert z["m_coll"] == pair.nsigma("m_coll").z


def test_toys_with_too_few_events_are_counted_with_the_reason():
    found = detector.compute(2, rows=[Row(8, "mild")], workers=1)["rows"][0]
    assert found["n_toys"] + sum(found["problems"].values()) == 2
    assert all("too few" in reason for reason in found["problems"])


def test_ratios_are_what_they_say():
    turn_on, crack = turn_on_ratio(), crack_ratio()
    assert turn_on.evaluate([22.0, 60.0], [0, 0]) == pytest.approx([1 / 0.7, 1], rel=0.02)
    r = crack.evaluate([30.0, 30.0, 60.0], [1.4, 1.3, -1.4])
    assert r == pytest.approx([2, 1, 2 * 2**0.1], rel=0.01)
    assert set(DETECTORS) == {"mild", "strong", "turn-on", "crack"}


@pytest.mark.parametrize("name", EFFECTS)
def test_labels_have_the_odds_of_their_effect(name):
    """Of triggers: by hand, in the events of each class."""
    events = background_events("met")
    rng = np.random.default_rng(1)
    chosen = rng.integers(0, events["lead_pt"].size, 40_000)
    columns = {key: values[chosen] for key, values in events.items()}
    p, further = EFFECTS[name].draw(columns, rng)
    assert p.shape == (40_000,)
    assert np.all((p > 0) & (p < 1))
    if name == "rate":
        assert np.all(p == 1.05 / 2.05)
    if name == "met":
        assert set(further["met_third"]) == {0, 1, 2}
        high = columns["met"] > 80
        expected = 1 / (1 + (columns["lead_pt"] / columns["sub_pt"]) ** 0.3)
        assert np.allclose(p[high], expected[high])
    if name == "trigger":
        lead, sub = columns["lead_pt"], columns["sub_pt"]
        alone = further["fired"] == 1
        in_a = electron_trigger(lead) * (1 - muon_trigger(sub))
        in_b = electron_trigger(sub) * (1 - muon_trigger(lead))
        assert np.allclose(p[alone], (in_a / (in_a + in_b))[alone])
        # Within a class it is one r of single leptons: ε_e/(1 − ε_μ) of lead over that of sub.
        r = (1 - muon_trigger(np.array([20.0, 60.0]))) / electron_trigger(np.array([20.0, 60.0]))
        assert probability(np.log(r), np.array([1]), np.array([0]))[0] > 0.9
        assert set(further["fired"]) == {1, 2, 3}


# ---------------------------------------------------------------- counting


def test_p_values_are_counted_in_steps_with_their_upper_edge():
    tally = Tally()
    for p in (0.05, 1 / 20, 0.050001, 1.0, 1e-9, 0.1):
        tally.add({"p": {"x": p}, "z": {"m": 2.0}})
    tally.add({"problem": "too few"})
    assert tally.pvalues["x"][:3] == [3, 2, 0]
    assert tally.pvalues["x"][STEPS - 1] == 1
    assert tally.below("x") == (0.5, pytest.approx((0.05 * 0.95 / 6) ** 0.5))
    assert tally.z("m") == (2.0, 0.0, 0.0)
    assert (tally.n, tally.problems) == (6, {"too few": 1})
    again = Tally.from_dict(tally.to_dict())
    assert again == tally
    both = Tally.joined([tally, again])
    assert both.pvalues["x"][0] == 6
    assert both.moments["m"] == [12, 24.0, 48.0]


def test_moments_are_the_mean_and_the_width():
    values = np.random.default_rng(1).normal(0.3, 1.2, 500)
    tally = Tally()
    for value in values:
        tally.add({"z": {"m": value}})
    mean, error, width = tally.z("m")
    assert mean == pytest.approx(values.mean())
    assert width == pytest.approx(values.std(ddof=1))
    assert error == pytest.approx(values.std(ddof=1) / 500**0.5)


def test_even_p_values_are_uniform_and_others_are_not():
    even, odd = Tally(), Tally()
    for k in range(400):
        even.add({"p": {"x": (k % 20 + 1) / 20}})
        odd.add({"p": {"x": ((k % 20 + 1) / 20) ** 2}})
    assert even.uniform("x") == pytest.approx(1)
    assert odd.uniform("x") < 1e-6


def test_intervals_are_clopper_and_pearsons_with_bonferronis_correction():
    tally = Tally(300, {"x": [23, 277]})
    low, high = interval(tally, "x", 10)
    assert low == pytest.approx(beta.ppf(0.0005, 23, 278))
    assert high == pytest.approx(beta.ppf(0.9995, 24, 277))
    own = binomtest(23, 300).proportion_ci(0.999)
    assert (low, high) == pytest.approx((own.low, own.high))


def test_cells_that_fire_too_often_are_named():
    row = {"n_events": 500, "ratio": "mild", "n_toys": 400, "moments": {"m": [400, 0.0, 400.0]}}
    row |= {"pvalues": {"good": [20] * 20, "bad": [100] + [15] * 20}, "problems": {}}
    found = excluded({"rows": [row], "n_relabellings": 19})
    assert [name for name, _, _ in found] == ["500 mild, bad"]
    assert "500 mild, bad" in table({"rows": [row], "n_relabellings": 19})


def test_the_figure_shows_every_row_and_the_band_around_five_percent(stored):
    figure = draw_detector(stored)
    sizes = {row["n_events"] for row in stored["rows"] if row["pvalues"]}
    assert len(figure.axes) == len(sizes)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == list(DETECTORS)
    plt.close("all")


def test_the_commands_write_their_files(tmp_path, monkeypatch):
    monkeypatch.setattr(detector, "ROWS", (Row(300, "mild"),))
    small = lambda n, **options: detector.compute(n, rows=detector.ROWS, **options)  # noqa: E731
    command = detector.command_of("detector", small, table, toys=2, seed=1, figure=draw_detector)
    result = CliRunner().invoke(command, ["-n", "2", "-w", "1", "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {
        f"detector.{ending}" for ending in ("json", "md", "png", "pdf")
    }
