"""The study of whether the numbers that q0 prints hold: its toys, its summaries, what is stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import chi2, norm

from eμsym.binned.q0_of_pair import Q0Test
from eμsym.coverage.q0 import AXES, CORRECTIONS, ROWS, Row, compute, fitted, main
from eμsym.coverage.q0_table import SCHEMA, gain, numbers, summary, table
from eμsym.coverage.sources import (
    RATIOS,
    KnownRatioSource,
    SignalEvents,
    background_events,
    strong_ratio,
)
from eμsym.coverage.unresolved import unresolved_z
from eμsym.errors import ConfigurationError
from eμsym.files import read_json

STORED = Path(__file__).parents[2] / "docs" / "coverage"


@pytest.fixture(scope="module")
def background():
    return background_events()


@pytest.fixture(scope="module")
def signal():
    return SignalEvents.stored()


@pytest.fixture(scope="module")
def stored():
    return read_json(STORED / "q0.json", schema=SCHEMA)


def test_the_strong_ratio_goes_from_a_half_to_three_halves():
    ratio = strong_ratio()
    assert ratio.evaluate([15.0, 500.0], [2.3, 0.0]) == pytest.approx([1.5, 0.5], abs=0.05)
    # Smooth: no step between bins is large.
    steps = np.diff(np.exp(ratio.log_ratio).reshape(ratio.bins.shape), axis=0)
    assert np.all(steps < 0)
    assert np.all(np.abs(steps) < 0.05)


@pytest.mark.parametrize("name", RATIOS)
def test_labels_are_those_of_the_ratio(background, signal, name):
    """In fifths of the odds of eμ, the number of eμ events is what the odds say."""
    ratio = RATIOS[name]()
    pair = KnownRatioSource(background, 40_000, ratio, signal).draw(4)
    odds, in_a = [], []
    for sample, label in ((pair.a, 1.0), (pair.b, 0.0)):
        sub = ratio.evaluate(sample.column("sub_pt"), sample.column("sub_eta"))
        odds.append(sub / ratio.evaluate(sample.column("lead_pt"), sample.column("lead_eta")))
        in_a.append(np.full(sub.size, label))
    x, a = np.concatenate(odds), np.concatenate(in_a)
    p = x / (1 + x)
    place = np.digitize(x, np.quantile(x, [0.2, 0.4, 0.6, 0.8]))
    residual, variance = np.bincount(place, a - p), np.bincount(place, p * (1 - p))
    assert chi2.sf(np.sum(residual**2 / variance), 5) > 0.001
    assert abs(x.size - 40_000) < 5 * 40_000**0.5


def test_the_signal_is_added_as_it_is_stored(background, signal):
    source = KnownRatioSource(background, 1_000, RATIOS["mild"](), signal, 20_000.0)
    pair, without = (
        source.draw(3),
        KnownRatioSource(background, 1_000, source.ratio, signal).draw(3),
    )
    added = [len(x.events) - len(y.events) for x, y in ((pair.a, without.a), (pair.b, without.b))]
    leads = signal.electron_leads.mean()
    assert 0.8 < leads < 0.9  # of H→τe most has the electron in the lead
    np.testing.assert_allclose(added, [20_000 * leads, 20_000 * (1 - leads)], rtol=0.05)


def test_a_shape_is_another_simulation_of_all_the_signal(signal):
    axes = AXES["plane"]
    in_a, in_b = signal.shapes(*axes, rng=1)
    total = sum(float(shape.values(flow=True).sum()) for shape in (in_a, in_b))
    assert abs(total - len(signal)) < 5 * len(signal) ** 0.5
    assert total != len(signal)
    np.testing.assert_array_equal(in_a.variances(), in_a.values())
    # Over many simulations, the contents are Poisson numbers about the stored ones.
    drawn = np.array([signal.shapes(*AXES["m_coll"], rng=i)[0].values() for i in range(300)])
    inside = signal.columns["m_coll"][signal.electron_leads]
    expected = np.histogram(inside, bins=AXES["m_coll"][0].edges)[0]
    full = expected > 20
    pull = (drawn.mean(axis=0) - expected)[full] / (expected[full] / 300) ** 0.5
    assert chi2.sf(np.sum(pull**2), full.sum()) > 0.001
    np.testing.assert_allclose(drawn.var(axis=0)[full] / expected[full], 1, atol=0.35)


@pytest.mark.parametrize("option", [{"n_background": -1}, {"n_signal": np.nan}])
def test_impossible_numbers_of_events_are_refused(background, signal, option):
    known = {"background": background, "n_background": 1, "ratio": strong_ratio()}
    with pytest.raises(ConfigurationError, match=next(iter(option))):
        KnownRatioSource(**{**known, "signal": signal, **option})


@pytest.mark.parametrize("correction", ["true", "self"])
def test_what_is_tabulated_is_what_the_test_prints(background, signal, correction):
    source = KnownRatioSource(background, 3_000, RATIOS["mild"](), signal, 100.0)
    raw = source.draw(5)
    pair = raw.equalised(source.ratio) if correction == "true" else raw.equalised()
    for axes in AXES.values():
        test = Q0Test(signal.shapes(*axes, rng=6), axes)
        printed = test(pair)
        low, high = printed.interval
        found = fitted(test, pair, printed.mu)
        assert (found.z, found.mu, found.n_bins) == (printed.z, printed.mu, len(printed.bins))
        step = 1e-3 * (high - low)
        covered = [
            fitted(test, pair, mu).covered
            for mu in (low - step, low + step, high - step, high + step)
        ]
        assert covered == [False, True, True, False]


def test_terms_leave_nothing_of_a_ratio_that_does_not_change_and_little_of_others(
    background, signal
):
    strong, edges = strong_ratio(), AXES["m_coll"][0].edges
    flat = replace(strong, log_ratio=np.full(len(strong.bins), 0.3))
    assert unresolved_z(background, 12_000, flat, signal, edges, rng=1) == pytest.approx(
        0, abs=1e-6
    )
    left = [unresolved_z(background, 1_500, r, signal, edges, rng=1) for r in (flat, strong)]
    assert abs(left[0]) < 1e-6 < abs(left[1]) < 0.05


def test_toys_show_what_the_bins_leave(stored):
    """Z of m_coll with ln r fitted less Z with the true one, on the same toys."""
    for row in stored["rows"]:
        if row["n_signal"] == 0 and row["n_events"] > 500:
            fitted_z, true_z = (
                numbers(row["corrections"][each]["m_coll"]["z"]) for each in ("self", "true")
            )
            # There may be fewer toys with ln r fitted, the first ones.
            more = (fitted_z - true_z[: fitted_z.size])[np.isfinite(fitted_z)]
            error = more.std(ddof=1) / more.size**0.5
            # The formula is of first order: it need not be right to better than 0.03.
            expected = row["unresolved_z"]["self"]
            assert more.mean() == pytest.approx(expected, abs=0.03 + 3 * error)


def test_the_summary_of_known_distributions():
    rng = np.random.default_rng(3)
    z = rng.normal(0.5, 1.2, 20_000)
    z[:200] = 0
    cell = {
        "z": " ".join(f"{x:.4g}" for x in (*z, np.nan)),
        "mu": " ".join(f"{x:.4g}" for x in (*(100 + 20 * z), np.nan)),
        "covered": "1" * 14_000 + "0" * 6_000 + "-",
    }
    found = summary(cell)
    assert found.n == 20_000
    assert found.mean == pytest.approx(0.5 * 0.99, abs=4 * found.mean_error)
    assert found.mean_error == pytest.approx(1.2 / 20_000**0.5, rel=0.03)
    assert found.width == pytest.approx(1.2, abs=0.02)
    assert found.zero == 0.01
    assert found.rejected == pytest.approx(norm.sf((norm.isf(0.05) - 0.5) / 1.2), abs=0.01)
    assert found.uniform < 1e-6
    assert (found.coverage, found.coverage_error) == pytest.approx((0.7, (0.21 / 20_000) ** 0.5))
    assert found.mu == pytest.approx(110, abs=0.5)
    assert summary({"z": "nan 1", "mu": "nan 3", "covered": "-1"}) is None


def test_the_gain_is_of_the_same_toys():
    cells = {"plane": {"z": "1 nan 3 5"}, "m_coll": {"z": "0 1 2 nan"}}
    assert gain(cells) == (1.0, 0.0)


def test_few_toys_have_the_width_and_the_coverage_that_they_should():
    data = compute(30, rows=(Row(1_500, "mild"), Row(12_000, "mild", 150.0)), workers=1)
    null, with_signal = (row["corrections"] for row in data["rows"])
    for correction in CORRECTIONS:
        found = summary(null[correction]["plane"])
        assert found.n == 30
        assert found.width == pytest.approx(1, abs=0.4)
        assert found.zero < 0.05
        found = summary(with_signal[correction]["plane"])
        assert found.coverage == pytest.approx(0.68, abs=0.3)
        assert found.mean == pytest.approx(2.6, abs=0.9)
    assert summary(with_signal["true"]["plane"]).mu == pytest.approx(150, abs=40)


@pytest.mark.slow
@pytest.mark.parametrize("ratio", RATIOS)
def test_toys_have_the_width_the_coverage_and_the_strength_that_they_should(ratio):
    rows = (Row(1_500, ratio), Row(12_000, ratio), Row(12_000, ratio, 150.0))
    data = compute(150, rows=rows)
    small, null, with_signal = (row["corrections"] for row in data["rows"])
    for correction in CORRECTIONS:
        for cells in (small, null):
            found = summary(cells[correction]["plane"])
            assert found.width == pytest.approx(1, abs=0.1 + 3 * found.width_error)
            assert found.zero <= 0.01
            assert found.coverage == pytest.approx(0.68, abs=0.04 + 3 * found.coverage_error)
        found = summary(with_signal[correction]["plane"])
        assert found.coverage == pytest.approx(0.68, abs=0.04 + 3 * found.coverage_error)
        more, error = gain(with_signal[correction])
        assert more > -3 * error
    found = summary(with_signal["true"]["plane"])
    assert found.mu == pytest.approx(150, abs=0.05 * 150 + 3 * found.mu_error)


def test_the_stored_table_is_that_of_the_stored_numbers(stored):
    assert (STORED / "q0.md").read_text(encoding="utf-8") == table(stored)


def test_the_stored_rows_are_those_of_the_study(stored):
    kinds = [(row["n_events"], row["ratio"], row["n_signal"]) for row in stored["rows"]]
    assert kinds == [(row.n_events, row.ratio, row.n_signal) for row in ROWS]
    for row in stored["rows"]:
        for correction in CORRECTIONS:
            for cell in row["corrections"][correction].values():
                assert numbers(cell["z"]).size == len(cell["covered"]) >= row["n_toys"]


def test_what_is_stored_is_what_is_computed(stored, tmp_path):
    result = CliRunner().invoke(main, ["-n", "2", "-w", "1", "-o", str(tmp_path / "again")])
    assert result.exit_code == 0, result.output
    again = read_json(tmp_path / "again" / "q0.json", schema=SCHEMA)
    assert (tmp_path / "again" / "q0.md").read_text(encoding="utf-8") == table(again)
    assert {k: v for k, v in again.items() if k != "rows"} == {
        k: v for k, v in stored.items() if k != "rows"
    }
    for new, old in zip(again["rows"], stored["rows"], strict=True):
        for correction in CORRECTIONS:
            for name in AXES:
                found, kept = (row["corrections"][correction][name] for row in (new, old))
                expected = numbers(kept["z"])[: new["n_toys"]]
                np.testing.assert_allclose(numbers(found["z"]), expected, atol=2e-3)
