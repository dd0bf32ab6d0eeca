"""Bin contents and variances out of arrays and histograms, and comparing binnings."""

from __future__ import annotations

from types import SimpleNamespace

import boost_histogram as bh
import hist
import numpy as np
import pytest
import uproot
from hist.axis import IntCategory, Regular, StrCategory, Variable

from eμsym.counts import check_same_binning, counts_and_variances
from eμsym.errors import DataError

X = [0.1, 0.2, 0.2, 0.9, 1.7, -3.0, 5.0]
WEIGHTS = [1.0, 2.0, -0.5, 3.0, 0.25, 7.0, 9.0]
EDGES = [0.0, 0.5, 1.0, 2.0]
#: X in the bins of EDGES, by hand; -3 and 5 are outside.
COUNTS = [3.0, 1.0, 1.0]
SUM_W = [1.0 + 2.0 - 0.5, 3.0, 0.25]
SUM_W2 = [1.0 + 4.0 + 0.25, 9.0, 0.0625]


def weighted():
    return hist.Hist(Variable(EDGES), storage=hist.storage.Weight()).fill(X, weight=WEIGHTS)


def through_root(histogram, tmp_path):
    path = tmp_path / "histogram.root"
    with uproot.recreate(path) as file:
        file["h"] = histogram
    with uproot.open(path) as file:
        return file["h"]


@pytest.mark.parametrize(
    "counts", [COUNTS, tuple(COUNTS), np.array(COUNTS), np.array(COUNTS, dtype=np.int32)]
)
def test_the_variances_of_plain_counts_are_the_counts(counts):
    values, variances = counts_and_variances(counts)
    assert values.tolist() == COUNTS
    assert variances.tolist() == COUNTS
    assert values.dtype == variances.dtype == np.float64


def test_changing_what_is_returned_does_not_change_what_was_given():
    given = np.array(COUNTS)
    values, variances = counts_and_variances(given)
    variances[:] = -1
    assert given.tolist() == values.tolist() == COUNTS


@pytest.mark.parametrize("storage", ["Int64", "Double", "Weight"])
@pytest.mark.parametrize("library", [hist, bh])
def test_a_histogram_without_weights_has_poisson_variances_and_no_flow_bins(library, storage):
    kind = library.Hist if library is hist else library.Histogram
    histogram = kind(library.axis.Variable(EDGES), storage=getattr(library.storage, storage)())
    values, variances = counts_and_variances(histogram.fill(X))
    assert values.tolist() == variances.tolist() == COUNTS


def test_a_weighted_histogram_has_the_sums_of_weights_and_of_their_squares():
    values, variances = counts_and_variances(weighted())
    assert values == pytest.approx(SUM_W)
    assert variances == pytest.approx(SUM_W2)


def test_a_root_histogram_keeps_its_weights_variances(tmp_path):
    values, variances = counts_and_variances(through_root(weighted(), tmp_path))
    assert values == pytest.approx(SUM_W)
    assert variances == pytest.approx(SUM_W2)


def test_variances_that_are_given_go_before_the_histograms_own():
    values, variances = counts_and_variances(weighted(), [7, 8, 9])
    assert values == pytest.approx(SUM_W)
    assert variances.tolist() == [7, 8, 9]


def profile():
    return hist.Hist(Variable(EDGES), storage=hist.storage.Mean()).fill(
        [0.1, 0.2, 0.7, 0.8, 1.1, 1.2], sample=[1, 2, 3, 4, 5, 6]
    )


@pytest.mark.parametrize(
    "sample, variance, says",
    [
        ([1.0, np.nan], None, "not finite"),
        ([1.0, np.inf], None, "not finite"),
        ([1.0, -2.0], None, r"negative \(-2\).*variances"),
        ([1.0, 2.0], [1.0], r"variances have shape \(1,\), the counts \(2,\)"),
        ([1.0, 2.0], [1.0, -1.0], "variance is negative"),
        ([1.0, 2.0], [1.0, np.nan], "variance is negative or not finite"),
        ([1.0, 2.0], ["x", "y"], "the variances: is not an array of numbers"),
        ([[1.0, 2.0], [3.0]], None, "not an array of numbers"),
        (["many"], None, "not an array of numbers"),
        (None, None, "not finite"),
        (profile(), None, "means"),
        (
            hist.Hist(Variable(EDGES), storage=hist.storage.Double()).fill(X, weight=WEIGHTS),
            None,
            "no variances.*Weight",
        ),
    ],
)
def test_what_cannot_be_counts_is_refused_by_name(sample, variance, says):
    with pytest.raises(DataError, match=says) as error:
        counts_and_variances(sample, variance, name="sample B")
    assert str(error.value).startswith("sample B")


def empty(*axes):
    return hist.Hist(*axes)


ROUNDED = [Regular(10, -0.3, 0.7), Variable(np.linspace(-0.3, 0.7, 11))]


def test_the_two_ways_to_write_the_same_edges_do_differ_in_the_last_digits():
    assert np.any(ROUNDED[0].edges != ROUNDED[1].edges)


@pytest.mark.parametrize(
    "b, a",
    [
        ([1, 2], np.array([3, 4])),
        (np.ones((2, 3)), np.zeros((2, 3))),
        (empty(Regular(2, 0, 1)), empty(Variable([0, 0.5, 1]))),
        (empty(ROUNDED[0]), empty(ROUNDED[1])),
        (empty(Variable([-np.inf, 0, np.inf])), empty(Variable([-np.inf, 0, np.inf]))),
        (empty(StrCategory(["e", "μ"])), empty(StrCategory(["e", "μ"]))),
        (empty(IntCategory([11, 13])), empty(IntCategory([11, 13]))),
        (empty(Regular(2, 0, 1)), [1, 2]),
        (empty(Regular(2, 0, 1, name="x")), empty(Regular(2, 0, 1, name="y"))),
    ],
)
def test_equal_binnings_are_accepted_either_way_round(b, a):
    check_same_binning(b, a)
    check_same_binning(a, b)


@pytest.mark.parametrize(
    "b, a, says",
    [
        ([1, 2], [1, 2, 3], r"shapes differ: \(2,\) and \(3,\)"),
        ([[1, 2]], [1, 2], "shapes differ"),
        ([1, 2, 3], empty(Regular(2, 0, 1)), "shapes differ"),
        (empty(Regular(2, 0, 1)), empty(Regular(3, 0, 1)), "axis 0"),
        (empty(Regular(2, 0, 1)), empty(Regular(2, 0, 1.0001)), "axis 0"),
        (empty(Variable([0, 1, 2])), empty(Variable([0, 1, np.inf])), "axis 0"),
        (empty(Variable([0, 1, np.inf])), empty(Variable([0, 1.1, np.inf])), "axis 0"),
        (
            empty(Regular(2, 0, 1), Regular(2, 0, 1)),
            empty(Regular(2, 0, 1), Regular(2, 0, 2)),
            "axis 1",
        ),
        (empty(Regular(2, 0, 1)), empty(Regular(2, 0, 1), Regular(2, 0, 1)), "1 axes.* 2"),
        (empty(StrCategory(["e", "μ"])), empty(StrCategory(["μ", "e"])), "axis 0"),
        (empty(StrCategory(["e", "μ"])), empty(Regular(2, 0, 1)), "axis 0"),
    ],
)
def test_unequal_binnings_are_refused_either_way_round(b, a, says):
    with pytest.raises(DataError, match=says):
        check_same_binning(b, a)
    with pytest.raises(DataError):
        check_same_binning(a, b)


def test_a_histogram_read_from_root_has_the_edges_that_it_was_written_with(tmp_path):
    written = empty(ROUNDED[0], Variable(EDGES)).fill([0.1], [0.1])
    check_same_binning(written, through_root(written, tmp_path))


def test_any_object_that_follows_the_histogram_protocol_will_do():
    sample = SimpleNamespace(values=lambda: [4, 9], variances=lambda: [4, 9])
    assert counts_and_variances(sample)[1].tolist() == [4, 9]
    check_same_binning(sample, [1, 2])
