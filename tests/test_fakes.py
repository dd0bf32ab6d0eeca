"""Fakes subtracted by control events: what is compared, what it varies by, and what is drawn."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hist.axis import Regular
from scipy import stats

from eμsym import (
    Difference,
    FairCoin,
    NSigmaTest,
    Pair,
    Pool,
    Q0Test,
    SplineTest,
    WindowTest,
    read_pair,
    subtract_fakes,
    write_pair,
)
from eμsym.calibration.quality import fit_quality
from eμsym.errors import ConfigurationError, DataError
from eμsym.fake_events import fake_yields
from eμsym.fakes import WithFakes
from eμsym.sources import pair_columns
from eμsym.testing import OnColumns
from eμsym.together import together
from tests.calibration.toy_detector import ToyDetector

X = Regular(4, 0, 4, name="x")
TAU, ERROR = 0.25, 0.05


def pair_of(x, in_a, **columns):
    return Pair.from_events(
        {"x": np.asarray(x, float), "electron_leads": np.asarray(in_a), **columns}
    )


def toy(rng, n=4_000, fakes=400, tau=TAU, error=ERROR):
    """Draw symmetric data with fakes at small x, most in B, and their control events."""
    generator = np.random.default_rng(rng)

    def fake(expected):
        size = generator.poisson(expected)
        return generator.beta(1, 4, size) * 4, generator.random(size) < 0.2

    size = generator.poisson(n)
    x, in_a = generator.uniform(0, 4, size), generator.random(size) < 0.5
    more, more_in_a = fake(fakes)
    data = pair_of(np.append(x, more), np.append(in_a, more_in_a))
    control = pair_of(*fake(fakes / tau))
    return (
        data,
        control,
        subtract_fakes(data, control, tau * (1 + error / tau * generator.normal()), error),
    )


def test_what_is_subtracted_is_tau_times_the_control_events():
    data, control, pair = toy(1)
    tau = -float(pair.pool.weight.min())
    for side, of_data, of_control in zip(pair.hist(X), data.hist(X), control.hist(X), strict=True):
        assert side.values() == pytest.approx(of_data.values() - tau * of_control.values())
        expected = of_data.values() + tau**2 * of_control.values()
        assert side.variances() == pytest.approx(expected)
    for side, of_data in zip(pair.counted.hist(X), data.hist(X), strict=True):
        assert np.array_equal(side.values(), of_data.values())
    (found,) = fake_yields(pair.pool, pair.symmetry.fake_errors)
    n_a, n_b = control.pool.n_a, control.pool.n_b
    assert (found.a, found.b) == pytest.approx((tau * n_a, tau * n_b))
    assert found.error_a == pytest.approx(math.hypot(tau * math.sqrt(n_a), ERROR * n_a))
    assert found.error_b == pytest.approx(math.hypot(tau * math.sqrt(n_b), ERROR * n_b))


def test_the_covariance_has_the_statistics_of_both_and_the_error_of_tau():
    data, control, pair = toy(2)
    (d_a, d_b), (c_a, c_b) = ([x.values() for x in y.hist(X)] for y in (data, control))
    tau = -float(pair.pool.weight.min())
    expected = np.diag(d_a + d_b + tau**2 * (c_a + c_b))
    expected += ERROR**2 * np.outer(c_b - c_a, c_b - c_a)
    assert pair.difference(X).covariance == pytest.approx(expected)
    assert pair.nsigma(X).z == pytest.approx(
        Difference.of(
            b=d_b - tau * c_b,
            a=d_a - tau * c_a,
            variance_b=d_b + tau**2 * c_b,
            variance_a=d_a + tau**2 * c_a,
            covariance=expected,
        ).pull.sum()
        / math.sqrt(4)
        / math.sqrt(
            (1 / np.sqrt(np.diag(expected))) @ expected @ (1 / np.sqrt(np.diag(expected))) / 4
        )
    )


def test_draws_have_no_mean_and_that_covariance():
    _, _, pair = toy(3)
    index, _ = pair.bin_index(X)
    n = 4_000
    drawn = pair.symmetry.relabel(pair.pool, n, rng=1)
    found = drawn.differences(pair.pool, index, 4)
    covariance = pair.difference(X).covariance
    error = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(found.mean(axis=0)) < 4.5 * error / math.sqrt(n))
    size = np.cov(found.T) / np.outer(error, error)
    assert size == pytest.approx(covariance / np.outer(error, error), abs=5 / math.sqrt(n) * 1.5)
    # The common error of τ is in it: without, bins are independent.
    assert size[0, 1] > 0.15


def test_toys_are_standard_normal_with_fakes_taken_off_and_not_without():
    pulls, raw = [], []
    for seed in range(100):
        data, _, pair = toy(seed)
        pulls.append(pair.difference(X).pull)
        raw.append(data.difference(X).pull)
    pulls = np.array(pulls)
    assert np.all(np.abs(pulls.mean(axis=0)) < 4 / math.sqrt(100))
    assert np.all(np.abs(pulls.std(axis=0) - 1) < 4 / math.sqrt(200))
    assert stats.kstest(pulls.ravel(), "norm").pvalue > 1e-3
    assert np.mean(raw, axis=0)[0] > 3


def test_p_values_are_uniform_in_every_test():
    plane = (Regular(4, 0, 4, name="x"), Regular(3, 0, 1, name="y"))
    tests = {
        "nsigma": NSigmaTest(plane),
        "window": WindowTest(plane),
        "spline": OnColumns(SplineTest(6), "x"),
        "q0": Q0Test(np.outer([8, 4, 2, 1], [1, 1, 1]), plane),
    }
    found = []
    for seed in range(40):
        _, _, pair = toy(seed, n=1_500, fakes=300)
        y = np.random.default_rng(seed).random(len(pair.pool))
        pair = Pair(pair.pool.with_columns({"y": y}), pair.symmetry)
        joint = together(tests, pair, 39, rng=seed, workers=1)
        assert not joint.left_out
        found.append([joint.local_pvalue(name) for name in tests])
    for p, name in zip(np.array(found).T, tests, strict=True):
        even = p - np.random.default_rng(1).random(p.size) / 40
        assert stats.kstest(even, "uniform").pvalue > 1e-3, name


def test_groups_of_like_events_give_the_same_numbers():
    _, _, pair = toy(4)
    pool, symmetry = pair.pool, pair.symmetry
    index, _ = pair.bin_index(X)
    groups, number = symmetry.grouping(pool, index)
    assert len(groups) <= 3 * 4
    assert groups.weight @ groups.sizes == pytest.approx(pool.weight.sum())
    drawn = symmetry.relabel(pool, 20, rng=1)
    whole = drawn.differences(pool, index, 4)
    assert drawn.of_groups(number, len(groups)).differences(
        groups, groups.bin_index((X,))[0], 4
    ) == pytest.approx(whole)
    spread = symmetry.spread(groups, groups.bin_index((X,))[0], 4)[1]
    assert spread == pytest.approx(symmetry.spread(pool, index, 4)[1])
    n = 3_000
    of_groups = symmetry.relabel(groups, n, rng=2).differences(groups, groups.bin_index((X,))[0], 4)
    assert np.cov(of_groups.T) == pytest.approx(spread, abs=0.15 * spread.max())


def test_each_draw_as_a_pair_gives_what_many_give():
    _, _, pair = toy(5, n=800, fakes=150)
    drawn = pair.symmetry.relabel(pair.pool, 4, rng=3)
    for test in (NSigmaTest((X,)), OnColumns(SplineTest(6), "x"), Q0Test([4, 3, 2, 1], (X,))):
        many = test.many(pair.pool, drawn)
        for labels, value in zip(drawn.labels, many, strict=True):
            one = test(pair.relabelled(labels))
            assert getattr(one, "statistic", one) == pytest.approx(value, abs=1e-5)


def test_a_test_of_arrays_has_the_fakes_in_the_other_sample():
    data, control, pair = toy(6, n=300, fakes=40)
    a, b, weights_a, weights_b = pair_columns(pair, "x")
    tau = -float(pair.pool.weight.min())
    assert a.size == data.pool.n_a + control.pool.n_b
    assert b.size == data.pool.n_b + control.pool.n_a
    assert weights_a.sum() == pytest.approx(data.pool.n_a + tau * control.pool.n_b)
    assert min(weights_a.min(), weights_b.min()) > 0
    difference = weights_b.sum() - weights_a.sum()
    assert difference == pytest.approx(pair.b.weight.sum() - pair.a.weight.sum())


def test_prompt_events_are_taken_off_the_control_sample():
    data, control, _ = toy(7, n=500, fakes=80)
    prompt = pair_of([0.5, 1.5, 2.5], [True, False, True], weight=np.array([3.0, 2.0, 4.0]))
    pair = subtract_fakes(data, control, TAU, ERROR, prompt=prompt)
    (found,) = fake_yields(pair.pool, (ERROR / TAU,))
    assert found.a == pytest.approx(TAU * (control.pool.n_a - 7))
    assert found.b == pytest.approx(TAU * (control.pool.n_b - 2))
    heavy = pair_of([0.5], [True], weight=np.array([1e4]))
    with pytest.raises(DataError, match=r"the prompt events taken off weigh as much .* \(-"):
        subtract_fakes(data, control, TAU, ERROR, prompt=heavy)


def test_two_sources_have_an_error_each():
    _, control, pair = toy(8, n=500, fakes=80)
    both = subtract_fakes(pair, control, 0.1, 0.04)
    assert both.symmetry.fake_errors == pytest.approx((pair.symmetry.fake_errors[0], 0.4))
    (c_a, c_b) = (x.values() for x in control.hist(X))
    extra = both.difference(X).covariance - pair.difference(X).covariance
    expected = 0.1**2 * np.diag(c_a + c_b) + 0.04**2 * np.outer(c_b - c_a, c_b - c_a)
    assert extra == pytest.approx(expected)


@pytest.mark.parametrize(
    ("tau", "error", "says"),
    [
        (0.0, 0.1, "transfer factor 0.0: must be above zero"),
        (math.inf, 0.1, "transfer factor inf"),
        (0.2, 0.15, "relative error of 0.75: between 0 and 0.5"),
        (0.2, -0.1, "relative error of -0.5"),
        (0.2, math.nan, "relative error of nan"),
    ],
)
def test_a_transfer_factor_that_is_none_is_one_line(tau, error, says):
    data, control, _ = toy(9, n=50, fakes=10)
    with pytest.raises(ConfigurationError, match=says) as caught:
        subtract_fakes(data, control, tau, error)
    assert "\n" not in str(caught.value)


def test_no_data_and_other_columns_are_one_line():
    data, control, _ = toy(9, n=50, fakes=10)
    with pytest.raises(DataError, match="no data beside the fakes"):
        subtract_fakes(pair_of([], np.zeros(0, bool)), control, TAU, ERROR)
    more = pair_of(data.pool.column("x"), data.pool.labels, y=np.zeros(len(data.pool)))
    with pytest.raises(DataError, match="estimate fakes have no column 'y'"):
        subtract_fakes(more, control, TAU, ERROR)
    _, _, pair = toy(9, n=50, fakes=10)
    with pytest.raises(DataError, match="add in that order"):
        data + pair
    assert (pair + data).symmetry.fake_errors == pair.symmetry.fake_errors


def test_a_column_of_one_s_own_is_not_taken_for_marks_of_fakes(tmp_path):
    """Its events would be left out of what is counted, and nothing would say so."""
    x, in_a = np.arange(6.0) % 4, np.arange(6) < 3
    for fake in ([0, 0, 1, 0, 0, 1], [0, 2, 0, 0, 0, 0], np.arange(6) == 5):
        with pytest.raises(DataError, match="column 'fake': the name is kept for events that"):
            pair_of(x, in_a, fake=np.asarray(fake))
        sides = ({"x": x, "fake": np.asarray(fake)},) * 2
        with pytest.raises(DataError, match="give the column another one"):
            Pair.from_columns(*sides)
    table = pa.table({"x": x, "electron_leads": in_a, "fake": np.array([0, 0, 1, 0, 0, 1])})
    pq.write_table(table, tmp_path / "own.parquet")
    with pytest.raises(DataError, match=r"own\.parquet: column 'fake': the name is kept"):
        read_pair(tmp_path / "own.parquet")
    # One that marks nothing does nothing; and marks that are ours are read back.
    none = pair_of(x, in_a, fake=np.zeros(6))
    assert none.hist(X)[0].sum().value == 3
    _, _, pair = toy(1)
    write_pair(pair, tmp_path / "ours.parquet")
    found = read_pair(tmp_path / "ours.parquet").pool.fake
    assert np.array_equal(np.sort(found), np.sort(pair.pool.fake))


@pytest.mark.parametrize("name", ["pair.parquet", "pair.root"])
def test_files_keep_what_is_subtracted(tmp_path, name):
    _, _, pair = toy(10, n=200, fakes=40)
    write_pair(pair, tmp_path / name)
    again = read_pair(tmp_path / name)
    assert again.symmetry == pair.symmetry
    assert again.nsigma(X).z == pytest.approx(pair.nsigma(X).z)
    assert again.counted.pool.unit
    assert json.dumps(again.symmetry.to_dict()["fakes"])


def test_a_symmetry_without_control_events_is_its_base():
    pool = Pool.joined({"x": [0.5, 1.5]}, {"x": [0.5, 2.5]})
    base, wrapped = FairCoin(), WithFakes(FairCoin(), (0.3,))
    index = pool.bin_index((X,))[0]
    assert np.array_equal(
        wrapped.relabel(pool, 5, rng=1).labels, base.relabel(pool, 5, rng=1).labels
    )
    assert wrapped.spread(pool, index, 4)[1] is None
    assert wrapped.modes(pool, index, 4).tolist() == [[0.0] * 4]
    assert wrapped.raw is wrapped
    assert wrapped.of_data == base


def detected(rng, n=5_000):
    """Draw events of a detector that sees e and μ differently, and soft fakes that it adds."""
    generator = np.random.default_rng(rng)
    plain = ToyDetector(n).draw(generator)
    every = ToyDetector(6 * n).draw(generator).pool
    soft = np.exp(-every.column("lead_pt") / 12)

    def fake(expected):
        chosen = generator.choice(len(every), generator.poisson(expected), p=soft / soft.sum())
        return every.where(chosen).relabelled(generator.random(chosen.size) < 0.2)

    def pair(*pools):
        columns = {
            name: np.concatenate([x.columns[name] for x in pools]) for name in plain.pool.columns
        }
        return Pair(Pool(columns, np.concatenate([x.labels for x in pools])), FairCoin())

    data, control = pair(plain.pool, fake(0.06 * n)), pair(fake(0.3 * n))
    return data, subtract_fakes(data, control, 0.2 * (1 + 0.1 * generator.normal()), 0.02)


def test_a_self_calibration_is_of_the_prompt_events():
    pt = Regular(6, 15, 75, name="lead_pt")
    pulls = []
    for seed in range(16):
        _, pair = detected(seed, n=3_000)
        equalised = pair.equalised()
        assert equalised.symmetry.fake_errors == pair.symmetry.fake_errors
        assert equalised.symmetry.raw == pair.symmetry
        pulls.append(equalised.difference(Regular(8, 0, 200, name="m_coll")).pull)
        assert np.isfinite(equalised.nsigma(pt).z)
    pulls = np.array(pulls)
    assert np.all(np.abs(pulls.mean(axis=0)) < 4.5 / math.sqrt(16))
    assert np.all(np.abs(pulls.std(axis=0) - 1) < 4.5 / math.sqrt(32))


def test_a_fit_to_each_draw_follows_the_fakes():
    _, pair = detected(1, n=2_000)
    equalised = pair.equalised()
    axis = Regular(5, 20, 170, name="m_coll")
    index, _ = equalised.bin_index(axis)
    drawn = equalised.symmetry.relabel(equalised.pool, 300, rng=1)
    assert drawn.log_ratio.shape == (300, equalised.symmetry.log_ratio.size)
    found = drawn.differences(equalised.pool, index, 5)
    covariance = equalised.difference(axis).covariance
    error = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(found.mean(axis=0)) < 4.5 * error / math.sqrt(300))
    assert found.std(axis=0) == pytest.approx(error, rel=4.5 / math.sqrt(600))
    # Of the draw that was refitted nothing is left for another fit to move.
    again = equalised.symmetry.refitted(equalised.pool.relabelled(drawn.labels[0]))
    assert again.log_ratio == pytest.approx(drawn.log_ratio[0], abs=1e-6)


def test_q0_of_a_corrected_pair_with_fakes():
    _, pair = detected(2, n=3_000)
    axes = (Regular(10, 20, 170, name="m_coll"),)
    shape = np.exp(-((np.arange(10) - 6.5) ** 2))
    equalised = pair.equalised()
    found = Q0Test(shape, axes)(equalised)
    assert np.isfinite([found.z, found.mu, *found.interval]).all()
    assert abs(found.z) < 4


def test_the_quality_of_a_fit_is_told_of_the_prompt_events():
    data, pair = detected(3, n=3_000)
    found = fit_quality(pair.equalised(), n=29, rng=1)
    assert 0 < found.closure.pvalue <= 1
    assert found.goodness.pvalue > 1 / 30
    # All of the fit's residuals, events that estimate fakes with their weights.
    assert found.n_events == len(pair.pool)
    assert abs(found.z) < 4
    assert len(data.pool) < len(pair.pool)
