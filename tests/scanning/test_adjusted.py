"""Local p-values of every labelling, and those that count all entries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import chi2, norm
from statsmodels.stats.multitest import multipletests

from eμsym import scan, window_pvalue
from eμsym.scanning.local_pvalues import minus_log_pvalues, tail_begins
from eμsym.scanning.step_down import adjusted_pvalues
from eμsym.symmetry import FairCoin
from tests.scanning.scanned import (
    OBSERVABLES,
    REGIONS,
    axes_of,
    by_view,
    detector_pair,
    fair_pair,
    split,
)
from tests.test_one_thread import with_threads


def kinds(name: str, count: int):
    return np.full(count, name)


def westfall_young(minus_log_p):
    """Return adjusted p-values, entry by entry and labelling by labelling."""
    entries, labellings = minus_log_p.shape
    order = sorted(range(entries), key=lambda i: -minus_log_p[i][0])
    found, before = {}, 0.0
    for place, i in enumerate(order):
        count = 0
        for labelling in range(labellings):
            left = [minus_log_p[j][labelling] for j in order[place:]]
            count += max(left) >= minus_log_p[i][0]
        before = max(before, count / labellings)
        found[i] = before
    return [found[i] for i in range(entries)]


# ---------------------------------------------------------------- adjusted p-values


@pytest.mark.parametrize("seed", range(20))
def test_adjusted_pvalues_are_those_of_a_brute_force_westfall_young(seed):
    rng = np.random.default_rng(seed)
    common = rng.exponential(size=(1, 25))
    local = rng.exponential(size=(7, 25)) + rng.choice([0, 1, 2]) * common
    local[:, 0] += rng.choice([0, 1, 3], 7)
    if seed % 2:
        local = np.round(local, 1)  # ties
    found = adjusted_pvalues(local)
    assert found.pvalue.tolist() == westfall_young(local)
    assert found.largest.tolist() == local.max(axis=0).tolist()
    assert found.p_global == found.pvalue.min() == np.mean(local.max(0) >= local[:, 0].max())


def test_the_adjusted_pvalues_of_a_scan_are_those_of_its_local_ones():
    found = scan(fair_pair(600), REGIONS, ["m_coll", "n_jets"], n=39, rng=1, workers=1)
    expected = westfall_young(found.minus_log_p)
    assert [entry.p_adjusted for entry in found.entries] == expected
    local = np.exp(-found.minus_log_p[:, 0].astype(float))
    assert [entry.p_local for entry in found.entries] == pytest.approx(local)
    assert found.p_global == min(expected)


@pytest.mark.parametrize("small", [1e-4, 0.02])
def test_of_independent_entries_they_are_holms_and_sidaks(small):
    rng = np.random.default_rng(1)
    labellings = 20_000
    observed = np.array([small, 3 * small, 0.011, 0.05, 0.06, 0.3, *rng.random(24)])
    local = rng.exponential(size=(observed.size, labellings))
    local[:, 0] = -np.log(observed)
    expected = multipletests(observed, method="holm-sidak")[1]
    found = adjusted_pvalues(local).pvalue
    error = np.sqrt(expected * (1 - expected) / labellings) + 1 / labellings
    assert np.all(np.abs(found - expected) < 4 * error)
    assert np.count_nonzero((expected > 0.001) & (expected < 0.99)) >= 3


def test_of_independent_statistics_too_with_their_tails():
    rng = np.random.default_rng(2)
    statistics = rng.normal(size=(20, 4000))
    statistics[:5, 0] = [4.5, -3.6, 3.2, 3.0, -2.0]
    local = minus_log_pvalues(statistics, kinds("nsigma", 20))
    expected = multipletests(2 * norm.sf(np.abs(statistics[:, 0])), method="holm-sidak")[1]
    found = adjusted_pvalues(local).pvalue
    error = np.sqrt(expected * (1 - expected) / 4000) + 1 / 4000
    # Local p-values have errors of their own: a tenth, where they are of a tail.
    assert np.all(np.abs(found - expected) < 4 * error + 0.25 * expected * (1 - expected))


# ---------------------------------------------------------------- local p-values


def test_those_of_a_normal_statistic_are_normal():
    rng = np.random.default_rng(3)
    z = np.tile([0.3, 1.0, 1.7, 2.3, 3.0, 4.0, 5.0, 6.0], 60)
    statistics = rng.normal(size=(z.size, 1000))
    statistics[:, 0] = z * np.where(np.arange(z.size) % 2, -1, 1)
    # In any unit, and around any mean.
    statistics = 7.0 * statistics
    local = minus_log_pvalues(statistics, kinds("nsigma", z.size))[:, 0]
    off = (local + np.log(2 * norm.sf(z))).reshape(60, -1)
    assert np.all(np.abs(off.mean(axis=0)) < [0.01, 0.01, 0.03, 0.05, 0.1, 0.2, 0.4, 0.8])
    # The tail's width has an error of 2.2 %, and so has z.
    assert np.all(off.std(axis=0)[4:] < 2 * np.array([3.0, 4.0, 5.0, 6.0]) ** 2 * 0.022)


@pytest.mark.parametrize("dof", [1, 3, 8, 24, 63])
@pytest.mark.parametrize("kind", ["chi2", "spline"])
def test_those_of_a_chi2_are_of_a_chi2(kind, dof):
    rng = np.random.default_rng(4)
    p = np.tile([0.6, 0.2, 0.07, 0.02, 1e-3, 1e-4, 1e-5], 60)
    statistics = rng.chisquare(dof, size=(p.size, 1000))
    statistics[:, 0] = chi2.isf(p, dof)
    local = minus_log_pvalues(statistics, kinds(kind, p.size))[:, 0]
    off = (local + np.log(p)).reshape(60, -1).mean(axis=0)
    slack = 3 if dof == 1 else 1  # the cube root of χ²₁ is not quite normal
    assert np.all(np.abs(off) < slack * np.array([0.03, 0.03, 0.05, 0.1, 0.25, 0.4, 0.6]))


@pytest.mark.parametrize("windows", [30, 300, 3000])
def test_those_of_the_largest_of_many_squares_are_of_the_largest_of_many(windows):
    rng = np.random.default_rng(5)
    p = np.tile([0.6, 0.2, 0.07, 0.02, 1e-3, 1e-4], 60)

    def largest(tail):
        # P(max > x) = 1 − (1 − P(χ²₁ > x))^windows.
        return chi2.isf(-np.expm1(np.log1p(-tail) / windows), 1)

    statistics = largest(rng.random((p.size, 1000)))
    statistics[:, 0] = largest(p)
    local = minus_log_pvalues(statistics, kinds("window", p.size))[:, 0]
    off = (local + np.log(p)).reshape(60, -1).mean(axis=0)
    assert np.all(np.abs(off) < [0.03, 0.03, 0.05, 0.1, 0.35, 0.6])


@pytest.mark.parametrize("kind", ["nsigma", "chi2", "window", "spline"])
def test_in_the_bulk_they_are_ranks(kind):
    rng = np.random.default_rng(6)
    statistics = rng.normal(size=(5, 200)) if kind == "nsigma" else rng.chisquare(4, (5, 200))
    local = minus_log_pvalues(statistics, kinds(kind, 5))
    size = np.abs(statistics - statistics.mean(axis=1, keepdims=True) * (kind == "nsigma"))
    begins = tail_begins(200)
    assert begins == 10
    for row, values in zip(local, size, strict=True):
        ranks = np.array([np.count_nonzero(values >= x) for x in values])
        bulk = ranks >= begins
        assert np.exp(-row[bulk]) == pytest.approx(ranks[bulk] / 200, rel=1e-5)
        # Beyond, order is kept, and nothing is above where the tail begins.
        assert np.all(np.diff(row[np.argsort(values)]) >= 0)
        assert np.all(np.exp(-row[~bulk]) <= begins / 200 * (1 + 1e-5))


def test_equal_statistics_have_equal_pvalues_of_their_last_rank():
    statistics = np.array([[0.0, 2.0, 1.0, 2.0, 1.0] + [0.5] * 35])
    local = np.exp(-minus_log_pvalues(statistics, kinds("chi2", 1))[0])
    assert local[0] == pytest.approx(1.0)
    assert local[5:] == pytest.approx(39 / 40)
    assert local[1] == local[3] < local[2] == local[4]
    assert np.all(minus_log_pvalues(np.ones((2, 30)), kinds("window", 2)) == 0)


@pytest.mark.parametrize("kind", ["nsigma", "chi2", "window", "spline"])
def test_no_labelling_is_treated_unlike_another(kind):
    rng = np.random.default_rng(7)
    statistics = rng.normal(size=(30, 300)) ** (1 if kind == "nsigma" else 2)
    statistics[:, 0] *= 3
    order = rng.permutation(300)
    one = minus_log_pvalues(statistics, kinds(kind, 30))
    other = minus_log_pvalues(statistics[:, order], kinds(kind, 30))
    assert other == pytest.approx(one[:, order], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("windows", ["square", "rectangle"])
@pytest.mark.parametrize("bump", [0.0, 0.1])
def test_the_best_windows_pvalue_is_that_of_window_pvalue(windows, bump):
    rng = np.random.default_rng(8)
    columns = {"x": rng.normal(size=3000), "y": rng.normal(size=3000)}
    near = np.hypot(columns["x"] - 0.5, columns["y"]) < 0.6
    pair = split(columns, rng.random(3000) < 0.5 + bump * near, FairCoin())
    found = scan(pair, [], tests=["window"], n=999, rng=1, workers=1, windows=windows)
    number, entry = by_view(found)["all", ("x", "y")]["window"]
    a, b = pair.hist(*axes_of(entry, found.place(number)))
    known = window_pvalue(b, a, 4999, shape=windows, rng=2)
    assert entry.statistic == pytest.approx(known.statistic**2, rel=1e-5)
    p = known.pvalue
    error = np.sqrt(p * (1 - p) * (1 / 999 + 1 / 4999))
    assert abs(entry.p_local - p) < 3 * error + 0.2 * p * (p < 0.05)


# ---------------------------------------------------------------- the same bits


@pytest.mark.parametrize("pair", [fair_pair(800), detector_pair(1500).equalised()])
def test_two_workers_find_what_one_does(pair):
    one, two = (
        scan(pair, REGIONS, OBSERVABLES, n=99, rng=1, workers=workers) for workers in (1, 2)
    )
    assert np.array_equal(one.minus_log_p, two.minus_log_p)
    assert one.to_dict() == two.to_dict()


THREADS = """
import hashlib, json
from eμsym import scan
from tests.scanning.scanned import *

result = {}
for name, pair in (("coins", fair_pair(6000)), ("sizes", sized_pair(6000)),
                   ("fitted", detector_pair(6000).equalised())):
    found = scan(pair, REGIONS, OBSERVABLES, n=39, rng=1, workers=1)
    result[name] = [hashlib.sha256(found.minus_log_p.tobytes()).hexdigest(), found.to_dict()]
print(json.dumps(result))
"""


def test_threads_of_blas_change_no_bit():
    one, two = (json.loads(with_threads(n, "-c", THREADS)) for n in (1, 2))
    assert one == two
