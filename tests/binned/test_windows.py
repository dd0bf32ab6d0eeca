"""Nσ in windows: against the plain loop, batched against single, planted signals, bad input."""

from __future__ import annotations

import hist
import numpy as np
import pytest
from hist.axis import Regular, Variable
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eμsym.binned.nsigma import nsigma
from eμsym.binned.window_batch import best_windows, count_windows
from eμsym.binned.windows import make_window, scan_windows
from eμsym.errors import DataError

SHAPES = ["square", "rectangle"]
SIDES = ["either", "b", "a"]
planes = st.tuples(st.integers(1, 6), st.integers(1, 6))
# Small counts make empty bins and ties frequent.
counts = st.integers(0, 3) | st.integers(0, 200)


@st.composite
def pairs(draw, toys=None):
    shape = draw(planes) if toys is None else (toys, *draw(planes))
    return (
        draw(arrays(np.int64, shape, elements=counts)),
        draw(arrays(np.int64, shape, elements=counts)),
    )


def plain_windows(n0, n1, shape, min_size):
    """Yield (start, stop) of every window in the documented order."""
    for height in range(min_size, n0 + 1):
        for width in range(min_size, n1 + 1):
            if shape == "square" and width != height:
                continue
            for i in range(n0 - height + 1):
                for j in range(n1 - width + 1):
                    yield (i, j), (i + height, j + width)


def plain_loop(b, a, shape, min_size, variance_b=None, variance_a=None):
    starts, stops, zs = [], [], []
    for (i, j), (k, m) in plain_windows(*b.shape, shape, min_size):
        window = np.s_[i:k, j:m]
        variances = {}
        if variance_b is not None:
            variances = {"variance_b": variance_b[window], "variance_a": variance_a[window]}
        starts.append((i, j))
        stops.append((k, m))
        zs.append(nsigma(b[window], a[window], **variances).z)
    return np.array(starts), np.array(stops), np.array(zs)


def weighted_histogram(rng, n, axes=None):
    axes = axes or (hist.axis.Regular(7, 0, 7), hist.axis.Regular(5, 0, 10))
    h = hist.Hist(*axes, storage=hist.storage.Weight())
    columns = [rng.uniform(axis.edges[0], axis.edges[-1], n) for axis in axes]
    return h.fill(*columns, weight=rng.normal(1, 0.5, n))


@given(pairs(), st.sampled_from(SHAPES), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_every_window_agrees_with_the_plain_slicing_loop(pair, shape, min_size):
    b, a = pair
    if min_size > min(b.shape):
        min_size = 1
    scan = scan_windows(b, a, shape=shape, min_size=min_size)
    start, stop, z = plain_loop(b, a, shape, min_size)
    np.testing.assert_array_equal(scan.start, start)
    np.testing.assert_array_equal(scan.stop, stop)
    np.testing.assert_allclose(scan.z, z, rtol=1e-9, atol=1e-9)  # and NaN where NaN
    if np.all(np.isnan(z)):
        assert scan.best is None
        assert np.isnan(scan.statistic)
        assert scan.to_dict()["best"] is None
    else:
        assert scan.statistic == pytest.approx(np.nanmax(np.abs(z)), rel=1e-8, abs=1e-9)
        assert scan.best.z == pytest.approx(nsigma(b[scan.best.slices], a[scan.best.slices]).z)


@given(pairs(toys=4), st.sampled_from(SHAPES), st.sampled_from(SIDES))
@settings(max_examples=150, deadline=None)
def test_batch_is_the_single_scan_to_the_last_bit(pair, shape, side):
    b, a = pair
    batch = best_windows(b, a, shape=shape, side=side)
    for i in range(len(b)):
        scan = scan_windows(b[i], a[i], shape=shape, side=side)
        if scan.best is None:
            assert np.isnan(batch.z[i])
            assert np.isnan(batch.statistic[i])
            continue
        assert scan.best.z == batch.z[i]
        assert scan.best.start == tuple(batch.start[i])
        assert scan.best.stop == tuple(batch.stop[i])
        assert scan.statistic == batch.statistic[i]


@given(pairs())
@settings(max_examples=50, deadline=None)
def test_exchanging_the_samples_exchanges_the_sides(pair):
    b, a = pair
    in_b, in_a = scan_windows(b, a, side="b"), scan_windows(a, b, side="a")
    if in_b.best is None:
        assert in_a.best is None
        return
    assert in_b.best.slices == in_a.best.slices
    assert in_b.statistic == in_a.statistic
    either = scan_windows(b, a).statistic
    assert either == max(in_b.statistic, scan_windows(b, a, side="a").statistic)


def test_weighted_histograms_with_empty_bins():
    rng = np.random.default_rng(3)
    b, a = weighted_histogram(rng, 40), weighted_histogram(rng, 40)
    assert np.any(b.variances() + a.variances() == 0)
    for shape in SHAPES:
        scan = scan_windows(b, a, shape=shape)
        args = (b.values(), a.values(), shape, 1, b.variances(), a.variances())
        np.testing.assert_allclose(scan.z, plain_loop(*args)[2], rtol=1e-9, atol=1e-9)
        given_arrays = scan_windows(
            b.values(),
            a.values(),
            variance_b=b.variances(),
            variance_a=a.variances(),
            shape=shape,
        )
        np.testing.assert_array_equal(scan.z, given_arrays.z)
        batch = best_windows(
            b.values()[np.newaxis],
            a.values()[np.newaxis],
            variance_b=b.variances()[np.newaxis],
            variance_a=a.variances()[np.newaxis],
            shape=shape,
        )
        assert batch.z[0] == scan.best.z


def test_a_result_does_not_depend_on_the_other_toys():
    rng = np.random.default_rng(4)
    # Toys enough for several chunks, with sparse ones, full ones, and one without entries.
    mean = np.repeat([0.3, 30.0], 1500)[:, np.newaxis, np.newaxis]
    b, a = rng.poisson(mean, (2, 3000, 9, 8))
    b[7] = a[7] = 0
    together = best_windows(b, a, shape="rectangle")
    assert np.isnan(together.z[7])
    assert together.to_dict()["local_z"][7] is None
    for chosen in (slice(0, 20), slice(2990, 3000), slice(7, 8), slice(1490, 1510)):
        alone = best_windows(b[chosen], a[chosen], shape="rectangle")
        np.testing.assert_array_equal(alone.z, together.z[chosen])
        np.testing.assert_array_equal(alone.start, together.start[chosen])
        np.testing.assert_array_equal(alone.stop, together.stop[chosen])


def test_number_of_windows():
    flat = np.full((28, 28), 30)
    rectangles = scan_windows(flat, flat, shape="rectangle")
    assert rectangles.z.size == (28 * 29 // 2) ** 2 == 164_836
    assert count_windows((28, 28), "rectangle", 1) == 164_836
    assert rectangles.to_dict()["n_windows"] == 164_836
    squares = scan_windows(flat, flat)
    assert squares.z.size == sum(k**2 for k in range(1, 29))
    assert scan_windows(flat, flat, min_size=6).z.size == sum(k**2 for k in range(1, 24))
    assert len(np.unique(np.hstack([rectangles.start, rectangles.stop]), axis=0)) == 164_836


@pytest.mark.parametrize("side", ["either", "b"])
@pytest.mark.parametrize("shape", SHAPES)
def test_planted_square_is_found_with_its_edges(shape, side):
    axes = (hist.axis.Regular(28, 30, 170), hist.axis.Regular(28, 10, 150))
    background = np.random.default_rng(5).poisson(400, (2, 28, 28)).astype(float)
    b, a = (hist.Hist(*axes, storage=hist.storage.Int64()) for _ in range(2))
    b.view()[...], a.view()[...] = background
    b.view()[17:23, 4:10] += 120
    best = scan_windows(b, a, shape=shape, side=side, min_size=2).best
    assert best.slices == np.s_[17:23, 4:10]
    assert best.shape == (6, 6)
    assert best.edges == ((115.0, 145.0), (30.0, 60.0))
    assert best.to_dict() == {
        "start": [17, 4],
        "stop": [23, 10],
        "local_z": best.z,
        "edges": [[115.0, 145.0], [30.0, 60.0]],
    }
    # Positive is an excess in B; in A there is none worth the name.
    assert best.z > 20
    assert scan_windows(b, a, shape=shape, side="a").statistic < 6
    assert scan_windows(a, b, shape=shape).best.z == -best.z


@pytest.mark.parametrize(
    "axis, place, edges",
    [
        (Regular(28, 30, 170, name="x"), (23, 24), (145.0, 150.0)),
        (Regular(20, -1, 1, name="x"), (10, 13), (0.0, 0.3)),
        (Regular(10, 0, 1e-20, name="x"), (3, 7), (3e-21, 7e-21)),
        (Variable([-10.0, 1 / 3, 2e6, 1e7], name="x"), (1, 3), (pytest.approx(1 / 3), 1e7)),
    ],
)
def test_edges_are_the_numbers_that_were_meant(axis, place, edges):
    window = make_window((place[0], 0), (place[1], 1), 1.0, [axis, Regular(2, 0, 1)])
    assert window.edges == (edges, (0.0, 0.5))


def test_edges_of_axes_without_intervals_are_left_out():
    axes = (hist.axis.StrCategory(["x", "y"]), hist.axis.Variable([0, 1, 4]))
    b, a = (hist.Hist(*axes, storage=hist.storage.Weight()) for _ in range(2))
    b.fill(["x", "y", "y"], [0.5, 2, 2])
    assert scan_windows(b, a).best.edges is None
    assert scan_windows(b.values(), a.values()).best.edges is None


def test_ties_go_to_the_smallest_window_first_in_the_plane():
    b, a = np.zeros((2, 6, 6), dtype=int)
    b[3, 2] = 9  # every window that holds this bin, and no other one, has Nσ = 3
    for shape in SHAPES:
        best = scan_windows(b, a, shape=shape).best
        assert (best.start, best.stop, best.z) == ((3, 2), (4, 3), 3.0)
    a[1, 4] = 9
    assert scan_windows(b, a).best.start == (1, 4)
    assert scan_windows(b, a, side="b").best.start == (3, 2)
    assert scan_windows(b, a, side="a").best.start == (1, 4)


def test_rounding_does_not_decide_between_ties():
    rng = np.random.default_rng(0)
    b, a = rng.poisson(100, (2, 20, 12, 12))
    signal = rng.poisson(200, (20, 3, 3))
    # The same block twice: equal on paper, but sums from the corner are rounded differently.
    for block in (np.s_[:, 1:4, 2:5], np.s_[:, 7:10, 6:9]):
        b[block], a[block] = signal, 50
    batch = best_windows(b, a, min_size=3)
    np.testing.assert_array_equal(batch.start, np.tile([1, 2], (20, 1)))
    scans = [scan_windows(b[i], a[i], min_size=3) for i in range(20)]
    assert all(scan.best.start == (1, 2) for scan in scans)
    largest = [tuple(scan.start[np.nanargmax(scan.z)]) for scan in scans]
    assert (7, 6) in largest  # where the plain argmax goes


def test_no_toys_gives_no_windows():
    assert best_windows(np.zeros((0, 4, 4)), np.zeros((0, 4, 4))).z.shape == (0,)


FLAT = np.full((5, 4), 30)


@pytest.mark.parametrize(
    "b, a, options, message",
    [
        (FLAT, FLAT[:, :3], {}, "shapes differ"),
        (FLAT, FLAT.T, {}, "shapes differ"),
        (FLAT[0], FLAT[0], {}, "the samples have 1 axes"),
        (FLAT[np.newaxis], FLAT[np.newaxis], {}, "the samples have 3 axes"),
        (FLAT, FLAT, {"min_size": 0}, "from 1 to 4"),
        (FLAT, FLAT, {"min_size": 5}, "from 1 to 4"),
        (FLAT, FLAT, {"min_size": 2.5}, "from 1 to 4"),
        (FLAT, FLAT, {"shape": "circle"}, "choose square or rectangle"),
        (FLAT, FLAT, {"side": "c"}, "choose either, b or a"),
        (-FLAT, FLAT, {}, "negative"),
        (FLAT * np.nan, FLAT, {}, "not finite"),
        (FLAT, FLAT, {"variance_b": FLAT[0]}, "variances have shape"),
        (FLAT, 2 * FLAT, {"variance_b": 0 * FLAT, "variance_a": 0 * FLAT}, "no variance"),
    ],
)
def test_bad_input_is_one_clear_line(b, a, options, message):
    with pytest.raises(DataError, match=message) as caught:
        scan_windows(b, a, **options)
    assert "\n" not in str(caught.value)
    if b.ndim == 2 and "variance_b" not in options:
        with pytest.raises(DataError, match=message):
            best_windows(b[np.newaxis], a[np.newaxis], **options)


def test_batch_needs_toys_of_planes():
    with pytest.raises(DataError, match="3 axes"):
        best_windows(FLAT, FLAT)


def test_too_many_windows_to_list_is_said_before_they_are():
    big = np.ones((200, 200))
    with pytest.raises(DataError, match="404010000 windows, too many to list"):
        scan_windows(big, big, shape="rectangle")
