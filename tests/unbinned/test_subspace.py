"""The subspace test: its pieces against closed forms, its p-values, what it finds and refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
from scipy.stats import binom, chi2, hmean, kstest, norm

from eμsym import FairCoin, Pair, SubspaceTest, null, read_pair
from eμsym.errors import ConfigurationError, DataError
from eμsym.symmetry import Exchangeable
from eμsym.unbinned.subspace_axis import rank_axes
from eμsym.unbinned.subspace_joint import FREQUENCIES, WIDTHS, ForestBlock, KernelBlock
from eμsym.unbinned.subspace_sums import LANES, cell_sums
from eμsym.unbinned.subspace_views import CELLS_1D, GridBlock, Moments, spline_basis
from tests.calibration.toy_detector import BINS, ToyDetector
from tests.sending import received

#: Quick: few relabellings, few partitions.
QUICK = SubspaceTest(n=39, standardising=32, trees=4)


def normal(n, d, seed):
    return np.random.default_rng(seed).normal(size=(n, d))


def axes_of(x):
    return rank_axes([(f"x{j}", x[:, j]) for j in range(x.shape[1])])


# ---------------------------------------------------------------- ranks, sums and views


def test_cells_have_equal_content_and_never_divide_a_value():
    x = np.concatenate([np.repeat([1.0, 2.0, 7.0], [50, 30, 20]), np.arange(900.0) / 7 + 8.01])
    cells = rank_axes([("x", x)])[0].cells(10)
    content = np.bincount(cells.index)
    assert content.sum() == x.size
    assert len(set(cells.index[:50])) == len(set(cells.index[50:80])) == 1
    assert content[1:].max() <= 100
    # Events of a cell lie within its edges.
    assert np.all(x >= cells.edges[cells.index])
    assert np.all(x <= cells.edges[cells.index + 1])


def test_sums_by_cell():
    rng = np.random.default_rng(1)
    cells = rng.integers(0, 6, (3, 2500)).astype(np.uint8)
    residuals = rng.normal(size=(2500, 5))
    expected = [
        [[residuals[row == cell, lane].sum() for lane in range(5)] for cell in range(6)]
        for row in cells
    ]
    np.testing.assert_allclose(cell_sums(cells, residuals, 6), expected, atol=1e-11)


def test_the_spline_score_is_the_share_of_the_labels_that_a_regression_explains():
    """Rao's score test with a constant is n R²/(…): here by least squares, sizes kept."""
    rng = np.random.default_rng(2)
    x, y = rng.exponential(size=400), np.arange(400) < 150
    (axis,) = rank_axes([("x", x)])
    cells = axis.cells(CELLS_1D)
    share = 150 / 400
    moments = Moments(np.full(400, share * (1 - share)), centred=True)
    block = GridBlock(("x",), (cells,), moments)
    residuals = np.zeros((400, LANES))
    residuals[:, 0] = y - share
    found = block.statistics(residuals)[:, 0]
    for statistic, k in zip(found, (8, 16), strict=False):
        basis = spline_basis(cells, k)[cells.index]
        fitted = basis @ np.linalg.lstsq(basis, y - share, rcond=None)[0]
        assert statistic == pytest.approx(np.sum(fitted**2) / (share * (1 - share)), rel=1e-9)


def test_scores_are_chi_squared_over_labellings():
    x = normal(1500, 2, 3)
    (one, other) = axes_of(x)
    labels = Exchangeable().relabel(
        Pair.from_columns({"x": x[:700, 0]}, {"x": x[700:, 0]}).pool, 300, rng=4
    )
    share = 700 / 1500
    residuals = (labels.labels - share).T.astype(np.float64)
    moments = Moments(np.full(1500, share * (1 - share)), centred=True)
    block = GridBlock(("x0", "x1"), (one.cells(48), other.cells(48)), moments)
    scores = block.statistics(residuals)
    # K² functions, of which the constant is fixed by the sizes.
    for values, dof in zip(scores, (24, 80), strict=False):
        assert kstest(values, chi2(dof).cdf).pvalue > 0.01


def test_the_kernel_is_the_gaussian_one_to_the_noise_of_its_features():
    from scipy.spatial.distance import pdist, squareform
    from scipy.special import ndtri

    x, y = normal(300, 3, 5), np.random.default_rng(6).random(300) < 0.5
    x[y] *= 1.4  # so that the distance is well above the noise
    axes = axes_of(x)
    block = KernelBlock(axes, Moments(np.full(300, 0.25), False), np.random.default_rng(7))
    residuals = y - 0.5
    found = block.statistics(np.tile(residuals[:, np.newaxis], LANES))[:, 0]
    scores = np.stack([ndtri(axis.u) for axis in axes], axis=1)
    for statistic, width in zip(found, WIDTHS, strict=True):
        kernel = np.exp(-squareform(pdist(scores, "sqeuclidean")) / (2 * 3 * width**2))
        exact = residuals @ kernel @ residuals / (300 * 0.25)
        assert statistic == pytest.approx(exact, rel=4 / np.sqrt(FREQUENCIES))


def test_the_forest_s_leaves_are_about_equal_and_their_squares_have_mean_one():
    x = normal(2000, 3, 8)
    moments = Moments(np.full(2000, 0.25), centred=False)
    block = ForestBlock(axes_of(x), moments, 10, np.random.default_rng(9))
    labels = np.random.default_rng(10).integers(0, 2, (2000, 64))
    found = block.statistics(labels - 0.5)
    leaves = [int(view.kind.split()[1]) for view in block.views[:-1]]
    assert leaves[-1] == 64
    for statistic, size in zip(found, leaves, strict=False):
        # χ² of as many degrees as leaves, averaged over partitions.
        assert statistic.mean() == pytest.approx(size, abs=4 * np.sqrt(2 * size / 64))
    assert np.all(found[-1] > 1)


# ---------------------------------------------------------------- p-values


def discrete_sample(rng, n):
    """Return two continuous columns, correlated, a charge and a number of jets."""
    x = rng.normal(size=(n, 4))
    x[:, 1] += x[:, 0]
    x[:, 2] = np.sign(x[:, 2])
    x[:, 3] = rng.poisson(0.7, n)
    return x


@pytest.mark.parametrize("weighted", [False, True])
def test_p_is_uniform_with_ties_and_weights(weighted):
    p = []
    for seed in range(60):
        rng = np.random.default_rng((20, weighted, seed))
        a, b = discrete_sample(rng, 90), discrete_sample(rng, 110)
        weights = {}
        if weighted:
            weights = {
                "weights_a": rng.exponential(size=90),
                "weights_b": rng.exponential(size=110),
            }
        p.append(replace(QUICK, n=19)(a, b, rng=seed, **weights).pvalue)
    # (k+1)/20 of 20 equally probable values.
    assert binom(60, 0.25).cdf(np.sum(np.array(p) <= 0.25)) > 0.001
    assert binom(60, 0.25).sf(np.sum(np.array(p) <= 0.25) - 1) > 0.001
    assert kstest(np.array(p) - 0.025, "uniform").pvalue > 0.001


def test_p_is_uniform_where_a_ratio_was_fitted():
    """Labels with their own probabilities, r fitted to the pair and to every relabelling."""
    test = replace(QUICK, columns=("m_coll", "lead_pt", "sub_pt"), n=19)
    p = []
    for seed in range(40):
        pair = ToyDetector(2500, log_ratio=tuple(3 * np.array(ToyDetector(1).log_ratio)))
        equal = pair.draw(rng=(21, seed)).equalised(bins=BINS)
        p.append(test(equal, rng=seed).pvalue)
    assert kstest(np.array(p) - 0.025, "uniform").pvalue > 0.001


def test_the_fitted_ratio_takes_the_detector_s_difference_out():
    steep = tuple(0.8 - 0.3 * np.repeat(np.arange(5), 2))
    pair = ToyDetector(6000, log_ratio=steep).draw(rng=22)
    pair = replace(pair, symmetry=FairCoin())
    test = replace(QUICK, columns=("lead_pt", "sub_pt"))
    assert test(pair, rng=1).pvalue == 1 / 40
    assert test(pair.equalised(bins=BINS), rng=1).pvalue > 1 / 40


# ---------------------------------------------------------------- what it finds


def bump(n_signal=150, seed=30):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(1500, 3)), rng.normal(size=(1500, 3))
    a[:n_signal, 1:] = rng.normal([1.0, 0.5], 0.15, size=(n_signal, 2))
    return a, b


def test_a_local_excess_is_found_where_it_is():
    a, b = bump()
    result = QUICK(a, b, rng=1)
    assert result.pvalue == 1 / 40
    assert result.columns == ("x1", "x2")
    (low, high), (left, right) = result.region["x1"], result.region["x2"]
    assert low < 1.0 < high
    assert left < 0.5 < right
    assert result.excess == "A"
    assert result.map is not None
    at = tuple(
        int(np.searchsorted(edges, where)) - 1
        for edges, where in zip(result.map.edges, (1.0, 0.5), strict=True)
    )
    assert result.map.log_odds[at] > 0.3
    assert result.map.pull[at] > 4


def test_the_other_sample_s_excess_has_the_other_sign():
    a, b = bump()
    first, second = QUICK(a, b, rng=1), QUICK(b, a, rng=1)
    assert second.excess == "B"
    assert second.pull == pytest.approx(-first.pull)


def test_a_difference_of_correlations_alone():
    rng = np.random.default_rng(31)
    a, b = rng.normal(size=(1500, 3)), rng.normal(size=(1500, 3))
    a[:, 2] = 0.3 * a[:, 0] + np.sqrt(1 - 0.3**2) * a[:, 2]
    result = QUICK(a, b, rng=1)
    assert result.pvalue == 1 / 40
    assert {"x0", "x2"} <= set(result.columns)


def test_a_pure_rate_is_seen_by_a_fair_coin_and_not_by_sizes_kept():
    rng = np.random.default_rng(32)
    a, b = ({"x": rng.normal(size=n), "y": rng.normal(size=n)} for n in (1150, 850))
    coin = Pair.from_columns(a, b, symmetry=FairCoin())
    assert QUICK(coin, rng=1).pvalue == 1 / 40
    assert QUICK(Pair.from_columns(a, b), rng=1).pvalue > 1 / 40


def test_the_hidden_signal_is_where_the_neutrinos_go_along_the_second_lepton(processed_sample):
    """181 events of H → τe, of which no option has told; corrected by the pair's own r."""
    pair = read_pair(processed_sample).equalised()
    columns = ("m_coll", "lead_pt", "sub_pt", "met", "mt_sub")
    result = SubspaceTest(columns=columns, n=49, standardising=64, trees=8)(pair, rng=1)
    assert result.pvalue == 1 / 50
    assert result.columns == ("m_coll", "mt_sub")
    (low, high), (least, most) = result.region["m_coll"], result.region["mt_sub"]
    assert 100 < low < 125 < high
    assert 0 <= least < most < 15
    assert pair.names[0 if result.excess == "A" else 1] == "eμ"


def test_one_column_will_do():
    a, b = normal(400, 1, 33), normal(400, 1, 34)
    result = QUICK(a[:, 0] + 0.5, b[:, 0], rng=1)
    assert result.columns == ("x",)
    assert result.pvalue == 1 / 40


# ---------------------------------------------------------------- the same bits


def test_no_bit_depends_on_batches_threads_or_workers():
    rng = np.random.default_rng(40)
    pair = Pair.from_columns(*({f"x{j}": rng.normal(size=700) for j in range(3)} for _ in range(2)))
    drawn = pair.symmetry.relabel(pair.pool, 45, rng=2)
    prepared = QUICK.on(pair)
    together = prepared.many(pair.pool, drawn)
    one_by_one = [prepared.many(pair.pool, drawn.one(i))[0] for i in range(45)]
    np.testing.assert_array_equal(together, one_by_one)
    np.testing.assert_array_equal(replace(QUICK, threads=2).many(pair.pool, drawn), together)
    nulls = [null(QUICK, pair, 40, rng=5, workers=w).samples for w in (1, 2)]
    np.testing.assert_array_equal(*nulls)
    results = [replace(QUICK, threads=t)(pair, rng=6) for t in (1, 2)]
    np.testing.assert_array_equal(*(each.reference.samples for each in results))


def test_what_is_sent_to_other_processes_is_small_and_gives_the_same():
    rng = np.random.default_rng(42)
    pair = Pair.from_columns(*({f"x{j}": rng.normal(size=2000) for j in range(2)} for _ in "ab"))
    prepared = QUICK.on(pair)
    drawn = pair.symmetry.relabel(pair.pool, 3, rng=1)
    before = prepared.many(pair.pool, drawn)
    sent = received(prepared)
    np.testing.assert_array_equal(sent.many(pair.pool, drawn), before)
    # The views of 4,000 events take megabytes.
    assert len(ForkingPickler.dumps(prepared)) < 10_000


def test_a_call_and_many_give_one_statistic():
    rng = np.random.default_rng(41)
    pair = Pair.from_columns(*({f"x{j}": rng.normal(size=200) for j in range(2)} for _ in "ab"))
    test = replace(QUICK, n=0)
    result = test(pair)
    assert result.statistic == test.many(pair.pool, pair.symmetry.observed(pair.pool))[0]
    assert np.isnan(result.pvalue)
    assert result.to_dict()["pvalue"] is None


def test_the_statistic_is_the_harmonic_mean_of_all_local_p_values():
    result = QUICK(*bump(n_signal=40), rng=1)
    local = norm.sf(list(result.local.values()))
    assert result.statistic == pytest.approx(norm.isf(hmean(local)), rel=1e-9)
    assert result.best == max(result.local, key=result.local.__getitem__)


def test_a_scan_is_the_largest_smoothed_excess_of_its_own_width():
    """By a loop over the cells, with the weights of a Gaussian in ranks."""
    rng = np.random.default_rng(11)
    n, width = 600, 0.06
    x, y = rng.exponential(size=n), rng.random(n) < 0.5
    (axis,) = rank_axes([("x", x)])
    cells = axis.cells(CELLS_1D)
    block = GridBlock(("x",), (cells,), Moments(np.full(n, 0.25), centred=False))
    found = block.statistics(np.tile((y - 0.5)[:, np.newaxis], LANES))[:, 0]
    u = cells.centre[cells.index]
    squares = []
    for centre in cells.centre:
        weight = np.exp(-0.5 * ((u - centre) / width) ** 2)
        if weight.sum() >= 25:
            squares.append((weight @ (y - 0.5)) ** 2 / (0.25 * weight @ weight))
    view = [each.kind for each in block.views].index(f"scan {width:g}")
    assert found[view] == pytest.approx(max(squares), rel=1e-9)


def test_a_result_is_json():
    content = json.loads(json.dumps(QUICK(*bump(), rng=1).to_dict(), allow_nan=False))
    assert content["best"].endswith("x1, x2")
    assert content["local"][content["best"]] == max(content["local"].values())


# ---------------------------------------------------------------- what it refuses


def test_bad_columns_are_one_line_each():
    a, b = normal(200, 3, 50), normal(200, 3, 51)
    for spoil, message in (
        (lambda x: x.__setitem__((3, 1), np.nan), "column 'x1': 1 of 400 values are NaN"),
        (lambda x: x.__setitem__((slice(None), 2), 4.0), "column 'x2' is constant, 4"),
        (lambda x: x.__setitem__((slice(None), 2), -2 * x[:, 0]), "'x0' and 'x2' order the events"),
    ):
        both = np.concatenate([a, b])
        spoil(both)
        with pytest.raises(DataError, match=message):
            QUICK(both[:200], both[200:])
    with pytest.raises(DataError, match="30 events are too few for 3 columns"):
        QUICK(a[:15], b[:15])
    with pytest.raises(DataError, match="B: the sample is empty"):
        QUICK(a, b[:0])
    with pytest.raises(DataError, match="give a pair, or two samples"):
        QUICK(a)


def test_a_column_that_changes_with_the_label():
    rng = np.random.default_rng(52)
    columns = ("electron_pt", "muon_pt", "lead_isolation", "x")
    pair = Pair.from_columns(
        *({name: rng.normal(size=100) for name in columns} for _ in "ab"), symmetry=FairCoin()
    )
    for name, message in (("electron_pt", "is swapped"), ("lead_isolation", "is not comparable")):
        with pytest.raises(DataError, match=f"column '{name}' {message} where a label changes"):
            SubspaceTest(columns=("x", name))(pair)
    with pytest.raises(DataError, match="no column 'y'"):
        SubspaceTest(columns=("y",))(pair)
    with pytest.raises(DataError, match="one is named twice"):
        SubspaceTest(columns=("x", "x"))(pair)


@pytest.mark.parametrize("options", [{"n": -1}, {"standardising": 8}, {"trees": 0}, {"threads": 0}])
def test_numbers_out_of_range(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        SubspaceTest(**options)
