"""Global p-values of the best window: calibrated under the symmetry, each null against another.

A p-value p = (k+1)/(n+1) from toys is discrete, and ties are common in sparse
planes, so p itself is only conservative. Under the symmetry the observed
statistic and the n toys are exchangeable: with G toys above it, E toys tied
with it and U uniform on (0, 1), (G + U(E+1))/(n+1) is exactly uniform whatever
the ties. The KS tests are made on that number, and p itself is tested to
reject no more often than it says.
"""

from __future__ import annotations

import json

import hist
import numpy as np
import pytest
from scipy.stats import binom, ks_2samp, kstest

from eμsym.binned.window_batch import best_windows, tie_threshold
from eμsym.binned.window_null import window_pvalue, window_pvalue_events
from eμsym.binned.windows import scan_windows
from eμsym.errors import DataError

N_PAIRS, N_TOYS = 500, 200


def check_uniform(results, rng):
    randomised, quoted = [], []
    for result in results:
        t, samples = result.statistic, result.null.samples
        low, high = tie_threshold(np.array(t)), t + (t - tie_threshold(np.array(t)))
        above = np.count_nonzero(samples > high)
        tied = np.count_nonzero((samples >= low) & (samples <= high))
        randomised.append((above + rng.uniform() * (tied + 1)) / (samples.size + 1))
        assert result.pvalue == (above + tied + 1) / (samples.size + 1)
        quoted.append(result.pvalue)
    assert kstest(randomised, "uniform").pvalue > 0.01
    for level in (0.05, 0.2, 0.5):
        rejected = np.count_nonzero(np.array(quoted) <= level)
        assert binom.sf(rejected - 1, len(quoted), level) > 1e-3


@pytest.mark.parametrize(
    "mean, shape, side",
    [(40.0, "square", "either"), (40.0, "rectangle", "b"), (0.4, "square", "either")],
)
def test_binomial_pvalues_are_uniform_under_the_symmetry(mean, shape, side):
    rng = np.random.default_rng(11)
    # A template with slopes: the symmetry does not need a flat plane.
    template = mean * np.linspace(0.5, 1.5, 8)[:, np.newaxis] * np.linspace(1.4, 0.6, 8)
    results = (
        window_pvalue(*rng.poisson(template, (2, 8, 8)), N_TOYS, shape=shape, side=side, rng=i)
        for i in range(N_PAIRS)
    )
    check_uniform(results, rng)


def weighted_events(rng, n):
    """Return bins, some of them off the plane, and weights of both signs."""
    bins = np.stack([rng.integers(-1, 7, n), rng.binomial(6, 0.4, n)], axis=-1)
    return bins, rng.lognormal(0, 1, n) * np.where(rng.uniform(size=n) < 0.1, -1, 1)


@pytest.mark.parametrize("keep_sizes", [True, False])
def test_weighted_events_are_calibrated(keep_sizes):
    rng = np.random.default_rng(12)

    def result(i):
        # Few events of very uneven weight: pulls are far from N(0,1).
        (b, weight_b), (a, weight_a) = (weighted_events(rng, rng.poisson(80)) for _ in range(2))
        weights = {"weights_b": weight_b, "weights_a": weight_a}
        return window_pvalue_events(b, a, (6, 6), N_TOYS, **weights, keep_sizes=keep_sizes, rng=i)

    check_uniform((result(i) for i in range(N_PAIRS)), rng)


def test_swapped_bins_are_calibrated_for_weighted_histograms():
    rng = np.random.default_rng(13)

    def filled():
        bins, weight = weighted_events(rng, rng.poisson(120))
        axes = [hist.axis.Integer(0, 6, flow=False)] * 2
        return hist.Hist(*axes, storage=hist.storage.Weight()).fill(*bins.T, weight=weight)

    results = (
        window_pvalue(filled(), filled(), N_TOYS, method="swap", rng=i) for i in range(N_PAIRS)
    )
    check_uniform(results, rng)


def test_permuted_events_agree_with_the_binomial_null_for_unit_weights():
    events = np.random.default_rng(14).integers(0, 8, (2, 3000, 2))
    binomial = window_pvalue(*filled_planes(events), 3000, rng=1)
    free = window_pvalue_events(*events, (8, 8), 3000, keep_sizes=False, rng=2)
    # Sizes that are kept bind little if most events are off the plane.
    off = np.full((2, 57_000, 2), -1)
    kept = window_pvalue_events(*np.hstack([events, off]), (8, 8), 3000, rng=3)
    for permuted in (free, kept):
        assert permuted.best == binomial.best  # the same arithmetic: to the last bit
        assert ks_2samp(permuted.null.samples, binomial.null.samples).pvalue > 0.01
        assert permuted.pvalue == pytest.approx(binomial.pvalue, abs=0.04)


def test_kept_sizes_are_hypergeometric_for_unit_weights():
    rng = np.random.default_rng(18)
    events = [rng.integers(0, 8, (size, 2)) for size in (3000, 2800)]
    total = sum(filled_planes(events))
    drawn = rng.multivariate_hypergeometric(total.ravel(), 3000, 3000).reshape(-1, 8, 8)
    independent = best_windows(drawn, total - drawn).statistic
    permuted = window_pvalue_events(*events, (8, 8), 3000, rng=1)
    assert ks_2samp(permuted.null.samples, independent).pvalue > 0.01
    # Sizes that are kept leave the whole plane no freedom.
    whole = window_pvalue_events(*events, (8, 8), 300, min_size=8, side="b", rng=1)
    assert np.std(whole.null.samples) < 0.1
    free = window_pvalue_events(*events, (8, 8), 300, min_size=8, side="b", keep_sizes=False, rng=1)
    assert np.std(free.null.samples) == pytest.approx(1, abs=0.15)


def filled_planes(events):
    planes = np.zeros((2, 8, 8), dtype=int)
    for plane, bins in zip(planes, events, strict=True):
        np.add.at(plane, tuple(bins.T), 1)
    return planes


@pytest.mark.parametrize("method", ["binomial", "swap"])
def test_planted_square_has_the_smallest_pvalue(method):
    axes = (hist.axis.Regular(12, 0, 60), hist.axis.Regular(12, 0, 60))
    b, a = (hist.Hist(*axes, storage=hist.storage.Int64()) for _ in range(2))
    b.view()[...], a.view()[...] = np.random.default_rng(15).poisson(100, (2, 12, 12))
    b.view()[3:8, 5:10] += 35
    result = window_pvalue(b, a, 199, method=method, shape="rectangle", rng=3)
    assert result.best.edges == ((15.0, 40.0), (25.0, 50.0))
    assert result.pvalue == result.smallest_pvalue == 1 / 200
    assert result.z == pytest.approx(2.5758, abs=1e-4)
    assert result.statistic == result.best.z == scan_windows(b, a, shape="rectangle").best.z
    assert window_pvalue(b, a, 199, method=method, side="a", rng=3).pvalue > 0.01
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert values["method"] == method
    assert values["pvalue"] == 0.005
    assert values["pvalue_error"] == pytest.approx(np.sqrt(0.005 * 0.995 / 200))
    assert values["null"]["n"] == 199


def test_planted_square_of_weighted_events():
    axes = (hist.axis.Regular(10, 0, 50), hist.axis.Regular(10, 0, 50))
    rng = np.random.default_rng(16)
    columns = rng.uniform(0, 55, (2, 2, 5000))  # a tenth of each column is off the plane
    columns[1, :, :300] = rng.uniform(20, 35, (2, 300))
    bins_a, bins_b = (
        np.stack([axis.index(x) for axis, x in zip(axes, pair, strict=True)], axis=-1)
        for pair in columns
    )
    weights_a, weights_b = rng.gamma(2, 1, (2, 5000))
    result = window_pvalue_events(
        bins_b, bins_a, axes, 199, weights_b=weights_b, weights_a=weights_a, rng=4
    )
    assert result.best.edges == ((20.0, 35.0), (20.0, 35.0))
    assert result.pvalue == result.smallest_pvalue
    assert result.method == "events"
    # The same numbers as the histograms that these events fill.
    b, a = (
        hist.Hist(*axes, storage=hist.storage.Weight()).fill(*pair, weight=weight)
        for pair, weight in ((columns[1], weights_b), (columns[0], weights_a))
    )
    assert scan_windows(b, a).best.z == pytest.approx(result.best.z, rel=1e-9)


def test_swap_is_blind_in_a_single_bin():
    b, a = np.full((2, 4, 4), 30.0)
    b[1, 2] += 100
    assert window_pvalue(b, a, 99, method="swap", rng=0).pvalue == 1
    assert window_pvalue(b, a, 99, method="binomial", rng=0).pvalue == 0.01
    no_difference = window_pvalue(a, a, 9, method="swap", rng=0)
    assert no_difference.pvalue == 1
    assert no_difference.to_dict()["z"] is None


def test_toys_depend_on_the_seed_alone():
    rng = np.random.default_rng(17)
    b, a = rng.poisson(20, (2, 25, 25))
    events = rng.integers(0, 25, (2, 500, 2))

    def runs(n, seed):
        yield window_pvalue(b, a, n, rng=seed)
        yield window_pvalue(b, a, n, method="swap", rng=seed)
        yield window_pvalue_events(*events, (25, 25), n, rng=seed)

    # 250 toys are two chunks, 90 toys one: toy i is the same.
    for long, short, other in zip(runs(250, 5), runs(90, 5), runs(90, 6), strict=True):
        np.testing.assert_array_equal(long.null.samples[:90], short.null.samples)
        assert np.any(short.null.samples != other.null.samples)
    seeded = window_pvalue(b, a, 10, rng=np.random.default_rng(5)).null.samples
    np.testing.assert_array_equal(seeded, window_pvalue(b, a, 10, rng=5).null.samples)
    generator = np.random.default_rng(5)
    first, second = (window_pvalue(b, a, 10, rng=generator).null.samples for _ in range(2))
    assert np.any(first != second)


FLAT = np.full((5, 4), 30)


@pytest.mark.parametrize(
    "b, a, options, message",
    [
        (FLAT, FLAT.T, {}, "shapes differ"),
        (FLAT[0], FLAT[0], {}, "the samples have 1 axes"),
        (FLAT, FLAT, {"min_size": 5}, "from 1 to 4"),
        (FLAT, FLAT, {"shape": "circle"}, "choose square or rectangle"),
        (FLAT, FLAT, {"side": "c"}, "choose either, b or a"),
        (FLAT, FLAT, {"method": "gauss"}, "choose binomial or swap"),
        (FLAT, FLAT, {"n": 0}, "0 toys"),
        (FLAT, FLAT, {"n": 1.5}, "1.5 toys"),
        (0 * FLAT, 0 * FLAT, {}, "no window holds an entry"),
        (0 * FLAT, 0 * FLAT, {"method": "swap"}, "no window holds an entry"),
        (FLAT + 0.5, FLAT, {}, "needs unweighted counts"),
        (FLAT, FLAT, {"variance_b": 2 * FLAT}, "needs unweighted counts"),
    ],
)
def test_bad_histograms_are_one_clear_line(b, a, options, message):
    with pytest.raises(DataError, match=message) as caught:
        window_pvalue(b, a, **{"n": 10} | options)
    assert "\n" not in str(caught.value)


EVENTS = np.zeros((6, 2), dtype=int)


@pytest.mark.parametrize(
    "b, a, axes, options, message",
    [
        (EVENTS[:, 0], EVENTS, (4, 4), {}, "B: bins are whole numbers of shape"),
        (EVENTS, EVENTS + 0.5, (4, 4), {}, "A: bins are whole numbers of shape"),
        (EVENTS[:0], EVENTS, (4, 4), {}, "B: there is no event"),
        (EVENTS, EVENTS, (4,), {}, "1 axes are given"),
        (EVENTS, EVENTS, (4, 4), {"min_size": 5}, "from 1 to 4"),
        (EVENTS, EVENTS, (4, 4), {"n": 0}, "0 toys"),
        (EVENTS, EVENTS, (4, 4), {"weights_b": np.ones(5)}, "6 events, but weights of shape"),
        (EVENTS, EVENTS, (4, 4), {"weights_a": np.full(6, np.inf)}, "not finite"),
        (EVENTS - 1, EVENTS + 9, (4, 4), {}, "no window holds an entry"),
    ],
)
def test_bad_events_are_one_clear_line(b, a, axes, options, message):
    with pytest.raises(DataError, match=message) as caught:
        window_pvalue_events(b, a, axes, **{"n": 10} | options)
    assert "\n" not in str(caught.value)
