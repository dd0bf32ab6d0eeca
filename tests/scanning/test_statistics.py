"""What a scan says of every region, observable and plane, against plain code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from eμsym import Pair, SplineTest, nsigma, scan, scan_windows
from eμsym.binned.nsigma import nsigma_of
from eμsym.difference import Difference
from eμsym.expression import Expression
from eμsym.symmetry import Exchangeable, FairCoin
from tests.scanning.scanned import (
    OBSERVABLES,
    REGIONS,
    axes_of,
    by_view,
    detector_pair,
    fair_pair,
    largest_window,
    rao_score,
    sized_pair,
    split,
)
from tests.test_fakes import detected

WHERE = {"all": None, **dict(REGIONS)}


def in_region(pair: Pair, region: str):
    """Return which events of the pool are in a region."""
    where = WHERE[region]
    if where is None:
        return np.ones(len(pair.pool), dtype=bool)
    return Expression(where).condition(pair.pool.columns)


def bins_of(pair, region, axes):
    """Return the flat bin of every event, −1 outside the region or without a value."""
    index, shape = pair.pool.bin_index(axes)
    missing = ~np.all([np.isfinite(pair.pool.column(axis.name)) for axis in axes], axis=0)
    return np.where(in_region(pair, region) & ~missing, index, -1), shape


@pytest.fixture(scope="module", params=["counts", "weights"])
def fair(request):
    pair = fair_pair(weighted=request.param == "weights")
    return pair, scan(pair, REGIONS, OBSERVABLES, n=19, rng=1, workers=1)


@pytest.fixture(scope="module")
def sized():
    pair = sized_pair()
    return pair, scan(pair, REGIONS, OBSERVABLES, n=19, rng=1, workers=1)


@pytest.fixture(scope="module")
def fitted():
    pair = detector_pair().equalised()
    return pair, scan(pair, REGIONS, OBSERVABLES, n=19, rng=1, workers=1)


# ---------------------------------------------------------------- a fair coin


def test_nsigma_and_chi2_are_those_of_the_difference_over_the_same_bins(fair):
    pair, found = fair
    views = by_view(found)
    assert len(views) == 3 * (4 + 6)
    for (region, _), tests in views.items():
        i, entry = tests["nsigma"]
        part = pair if WHERE[region] is None else pair.where(WHERE[region])
        place = found.place(i)
        difference = part.difference(*axes_of(entry, place))
        assert entry.statistic == pytest.approx(nsigma_of(difference).z, rel=1e-5, abs=1e-5)
        assert tests["chi2"][1].statistic == pytest.approx(difference.chi_square().chi2, rel=1e-5)
        assert place.pull == pytest.approx(difference.pull, nan_ok=True)


def test_a_plane_has_bins_without_events_that_count_for_nothing():
    rng = np.random.default_rng(1)
    x = rng.normal(size=3000)
    columns = {"x": x, "y": x + 0.1 * rng.normal(size=x.size)}
    pair = split(columns, rng.random(x.size) < 0.5, FairCoin())
    found = scan(pair, [], n=19, rng=1, workers=1)
    number, entry = by_view(found)["all", ("x", "y")]["nsigma"]
    place = found.place(number)
    assert np.isnan(place.pull).sum() > 20
    difference = pair.difference(*axes_of(entry, place))
    assert entry.statistic == pytest.approx(nsigma_of(difference).z, rel=1e-5)
    window = by_view(found)["all", ("x", "y")]["window"][1]
    assert window.statistic == pytest.approx(largest_window(difference.pull), rel=1e-5)


@pytest.mark.parametrize("windows", ["rectangle", "square"])
def test_the_best_window_is_that_of_scan_windows(windows):
    pair = fair_pair()
    found = scan(pair, REGIONS, OBSERVABLES, n=19, rng=1, workers=1, windows=windows)
    for (region, observables), tests in by_view(found).items():
        i, entry = tests["window"]
        part = pair if WHERE[region] is None else pair.where(WHERE[region])
        place = found.place(i)
        a, b = (each.values() for each in part.hist(*axes_of(entry, place)))
        if len(observables) == 1:
            a, b = a[:, np.newaxis], b[:, np.newaxis]
        shape = "rectangle" if len(observables) == 1 else windows
        best = scan_windows(b, a, shape=shape).best
        assert entry.statistic == pytest.approx(best.z**2, rel=1e-5)
        assert abs(place.z) == pytest.approx(abs(best.z))
        inside = tuple(slice(*each) for each in zip(place.start, place.stop, strict=True))
        a, b = a.reshape(place.pull.shape)[inside], b.reshape(place.pull.shape)[inside]
        assert (place.a, place.b) == (a.sum(), b.sum())
        assert place.z == pytest.approx(nsigma(b, a).z)


def test_all_windows_are_counted():
    pair = fair_pair()
    found = scan(pair, [], ["m_coll", "met"], n=19, rng=1, workers=1, bins=(10, 4))
    assert found.windows == 2 * 10 * 11 // 2 + (4 * 5 // 2) ** 2
    squares = scan(
        pair, [], ["m_coll", "met"], n=19, rng=1, workers=1, bins=(10, 4), windows="square"
    )
    assert squares.windows == 2 * 10 * 11 // 2 + 16 + 9 + 4 + 1


def test_the_spline_score_is_raos(fair):
    pair, found = fair
    weight, labels = pair.pool.weight, pair.pool.labels
    for (region, observables), tests in by_view(found).items():
        if "spline" not in tests:
            continue
        number, entry = tests["spline"]
        inside = in_region(pair, region)
        score = rao_score(
            pair.pool.column(observables[0])[inside],
            found.place(number).edges[0],
            (weight * (labels - 0.5))[inside],
            lambda x, v=(weight**2 / 4)[inside]: x.T @ (v[:, np.newaxis] * x),
        )
        assert entry.statistic == pytest.approx(score, rel=1e-5)


def test_events_without_a_value_are_in_no_bin_of_it():
    pair = fair_pair()
    found = scan(pair, [], ["met", "jet1_pt"], n=19, rng=1, workers=1)
    jets = np.isfinite(pair.pool.column("jet1_pt"))
    assert 0.3 < np.mean(~jets) < 0.6
    for observables in (("jet1_pt",), ("met", "jet1_pt")):
        i, entry = by_view(found)["all", observables]["nsigma"]
        a, b = pair.hist(*axes_of(entry, found.place(i)))
        assert a.values().sum() + b.values().sum() == np.count_nonzero(jets)


def test_every_value_of_a_discrete_column_is_a_bin():
    pair = fair_pair()
    found = scan(pair, [], ["n_jets"], n=19, rng=1, workers=1)
    n, labels = pair.pool.column("n_jets"), pair.pool.labels
    a, b = (np.array([np.sum(n[x] == k) for k in range(5)]) for x in (labels, ~labels))
    tests = by_view(found)["all", ("n_jets",)]
    chi2 = np.sum((b - a) ** 2 / (a + b))
    assert tests["chi2"][1].statistic == pytest.approx(chi2, rel=1e-5)
    # Of fewer values than splines each is a function of its own: the score is that χ².
    assert tests["spline"][1].statistic == pytest.approx(chi2, rel=1e-5)
    assert found.place(0).edges[0].tolist() == [0, 0.5, 1.5, 2.5, 3.5, 4]


# ---------------------------------------------------------------- sizes kept


def test_chi2_with_sizes_kept_is_pearsons_of_the_table_with_the_rest_as_a_bin(sized):
    pair, found = sized
    labels = pair.pool.labels
    for (region, _), tests in by_view(found).items():
        number, entry = tests["chi2"]
        index, shape = bins_of(pair, region, axes_of(entry, found.place(number)))
        size = int(np.prod(shape))
        table = np.stack([np.bincount(index[x] + 1, minlength=size + 1) for x in (labels, ~labels)])
        table = table[:, table.sum(axis=0) > 0]
        expected = chi2_contingency(table, correction=False).statistic
        assert entry.statistic == pytest.approx(expected, rel=1e-5)


def test_nsigma_and_windows_with_sizes_kept_are_of_hypergeometric_pulls(sized):
    pair, found = sized
    labels, n = pair.pool.labels, len(pair.pool)
    p = labels.mean()
    for (region, _), tests in by_view(found).items():
        number, entry = tests["nsigma"]
        place = found.place(number)
        index, shape = bins_of(pair, region, axes_of(entry, place))
        size = int(np.prod(shape))
        a = np.bincount(index[labels] + 1, minlength=size + 1)[1:]
        total = np.bincount(index + 1, minlength=size + 1)[1:]
        with np.errstate(invalid="ignore"):
            pull = (total * p - a) / np.sqrt(p * (1 - p) * total * (1 - total / n))
        used = total > 0
        expected = pull[used].sum() / np.sqrt(used.sum())
        assert entry.statistic == pytest.approx(expected, rel=1e-4, abs=1e-5)
        window = tests["window"][1].statistic
        assert window == pytest.approx(largest_window(pull.reshape(shape)), rel=1e-4)
        assert place.pull.ravel() == pytest.approx(pull, nan_ok=True)


def test_a_sum_of_pulls_that_no_label_changes_says_nothing():
    """Sizes kept, bins of equal contents: Σ pulls is zero but for the order of its terms."""
    rng = np.random.default_rng(9)
    columns = {"x": rng.permutation(np.arange(1200) % 12) / 2, "y": rng.normal(size=1200)}
    pair = split(columns, np.arange(1200) < 500, Exchangeable())
    found = scan(pair, [], ["x"], n=99, rng=1, workers=1)
    tests = by_view(found)["all", ("x",)]
    assert tests["nsigma"][1].statistic == 0
    assert tests["nsigma"][1].p_local == 1
    assert tests["chi2"][1].p_local < 1
    # In part of the events, and with coins, it says something.
    part = scan(pair, [("some", "y > 0")], ["x"], n=99, rng=1, workers=1)
    assert by_view(part)["some", ("x",)]["nsigma"][1].statistic != 0
    coins = scan(replace(pair, symmetry=FairCoin()), [], ["x"], n=99, rng=1, workers=1)
    assert coins.entries[0].statistic != 0


def test_the_score_with_sizes_kept_is_raos_and_close_to_the_spline_tests_t():
    rng = np.random.default_rng(5)
    scores, ts = [], []
    for strength in np.linspace(0, 0.25, 12):
        x = rng.exponential(30, 6000)
        in_a = rng.random(x.size) < 0.45 + strength * (np.exp(-x / 30) - 0.5)
        pair = split({"x": x}, in_a, Exchangeable())
        found = scan(pair, [], ["x"], tests=["spline"], n=19, rng=1, workers=1, bins=(64, 8))
        labels = pair.pool.labels
        p = labels.mean()
        score = rao_score(
            pair.pool.column("x"),
            found.place(0).edges[0],
            labels - p,
            lambda f, p=p: p * (1 - p) * (f.T @ f - np.outer(f.sum(0), f.sum(0)) / len(f)),
        )
        assert found.entries[0].statistic == pytest.approx(score, rel=1e-5)
        scores.append(score)
        ts.append(SplineTest(8)(x[in_a], x[~in_a]).t)
    # t has knots of its own, the outermost close to the ends, and no bins.
    assert ts[-1] > 50 > 20 > ts[0]
    assert np.mean(scores) == pytest.approx(np.mean(ts), rel=0.1)
    assert np.corrcoef(scores, ts)[0, 1] > 0.98


# ---------------------------------------------------------------- corrected


def spread(pair, region, axes):
    index, shape = bins_of(pair, region, axes)
    return Difference.of_pool(pair.pool, pair.symmetry, index, shape)


def test_pulls_and_windows_of_a_fitted_r_are_those_of_its_covariance(fitted):
    pair, found = fitted
    for (region, _), tests in by_view(found).items():
        number, entry = tests["nsigma"]
        place = found.place(number)
        difference = spread(pair, region, axes_of(entry, place))
        assert place.pull == pytest.approx(difference.pull, rel=1e-6, nan_ok=True)
        result = nsigma_of(difference)
        # A scan leaves the sum's width to the relabellings.
        assert entry.statistic == pytest.approx(result.z * result.width, rel=1e-5)
        window = tests["window"][1].statistic
        assert window == pytest.approx(largest_window(difference.pull), rel=1e-5)


def test_chi2_of_a_fitted_r_is_that_of_its_covariance_but_for_small_directions(fitted):
    pair, found = fitted
    for (region, _), tests in by_view(found).items():
        number, entry = tests["chi2"]
        difference = spread(pair, region, axes_of(entry, found.place(number)))
        assert entry.statistic == pytest.approx(difference.chi_square().chi2, rel=0.013)


@pytest.mark.parametrize("corrected", [False, True])
def test_fakes_that_are_subtracted_are_in_the_covariance_with_their_error(corrected):
    pair = detected(3)[1]
    pair = replace(pair, symmetry=replace(pair.symmetry, errors=(0.4,)))
    columns = ["m_coll", "sub_pt"]
    if corrected:
        pair = pair.equalised()
    found = scan(pair, [], columns, n=19, rng=1, workers=1)
    for (region, observables), tests in by_view(found).items():
        number, entry = tests["chi2"]
        place = found.place(number)
        axes = axes_of(entry, place)
        difference = spread(pair, region, axes)
        assert place.pull == pytest.approx(difference.pull, rel=1e-4, nan_ok=True)
        # What a direction of less than 2 % of the variance would take away is left out.
        expected = difference.chi_square().chi2
        assert entry.statistic == pytest.approx(expected, rel=0.02), observables
        known = replace(pair.symmetry, errors=(0.0,))
        without = Difference.of_pool(pair.pool, known, *bins_of(pair, region, axes))
        assert np.max(difference.variance / without.variance) > 1.03, observables
