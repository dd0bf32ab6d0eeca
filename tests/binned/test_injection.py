"""Injection strengths against the paper's equations solved by brentq."""

import hist
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from eμsym.binned.injection import asimov_z, injection_strength, injection_strengths
from eμsym.binned.q0 import q0
from eμsym.errors import ConfigurationError, DataError


def equation_10(mu, b, s):
    return 2 * (-mu + np.sum((b + mu * s) * np.log(1 + mu * s / b)))


def equation_11(mu, b, s):
    first = (b + mu * s) * np.log(1 + mu * s / (2 * b + mu * s))
    return 2 * np.sum(first - b * np.log(1 + mu * s / (2 * b)))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.5, 1e4), st.floats(0.05, 1)), min_size=1, max_size=8),
    st.floats(0.1, 20),
    st.sampled_from(["known", "profiled"]),
)
def test_solves_the_equations_of_the_paper(bins, z, background):
    t, s = np.array(bins).T
    s = s / s.sum()
    equation = equation_10 if background == "known" else equation_11
    mu = injection_strength(t, s, z, background=background)
    expected = brentq(lambda x: equation(x, t, s) - z**2, 0, 1e8, xtol=1e-12, rtol=1e-14)
    assert mu == pytest.approx(expected, rel=1e-6)
    # Eq. 9: q0 of T + μS against T is what was asked for.
    assert q0(t + mu * s, t, s, background=background).z == pytest.approx(z, rel=1e-6)
    assert asimov_z(t, s, mu, background=background) == pytest.approx(z, rel=1e-9)


def test_small_signals_need_the_square_root_of_two():
    rng = np.random.default_rng(1)
    t, s = rng.uniform(50, 500, (28, 28)), rng.random((28, 28))
    known = asimov_z(t, s, 0.1, background="known")
    profiled = asimov_z(t, s, 0.1, background="profiled")
    assert profiled / known == pytest.approx(1 / np.sqrt(2), rel=1e-5)
    # For small signals Z² = μ² ΣS²/T.
    s = s / s.sum()
    assert known == pytest.approx(0.1 * np.sqrt(np.sum(s**2 / t)), rel=1e-4)


def test_flat_template_and_flat_signal():
    # n equal bins act as one bin with n times the entries.
    n, t = 36, 100.0
    mu = injection_strength(np.full(n, t), np.ones(n), 5, background="known")
    total = n * t
    assert 2 * ((total + mu) * np.log1p(mu / total) - mu) == pytest.approx(25)


def test_no_significance_needs_no_signal():
    for background in ("known", "profiled"):
        assert injection_strength([5.0, 5.0], [1, 1], 0, background=background) == 0.0
        assert asimov_z([5.0, 5.0], [1, 1], 0, background=background) == 0.0


def test_arrays_of_significances_and_of_toys():
    rng = np.random.default_rng(2)
    t, s = rng.uniform(5, 50, (3, 4, 5)), rng.random((4, 5))
    z = np.array([0.0, 1.0, 5.0])
    per_toy = injection_strengths(t, s, 5, background="profiled")
    assert per_toy == pytest.approx([injection_strength(x, s, 5, background="profiled") for x in t])
    paired = injection_strengths(t, s, z, background="known")
    table = injection_strengths(t, s, z[:, None], background="known")
    assert table.shape == (3, 3)
    assert np.diag(table) == pytest.approx(paired)
    np.testing.assert_allclose(asimov_z(t, s, table, background="known"), z[:, None] * np.ones(3))


def test_an_empty_template():
    # μ ln 2 twice: Eq. 11 with B = 0 everywhere.
    mu = injection_strength([0, 0], [1, 1], 2, background="profiled")
    assert mu == pytest.approx(4 / (2 * np.log(2)))
    with pytest.raises(DataError, match="zero in 1 bins that hold signal"):
        injection_strength([0, 5], [1, 1], 2, background="known")
    assert injection_strength([0, 5], [0, 1], 2, background="known") > 0


def test_histograms():
    t = hist.Hist(hist.axis.Regular(3, 0, 3)).fill([0.5, 1.5, 1.5, 2.5])
    s = hist.Hist(hist.axis.Regular(3, 0, 3), storage=hist.storage.Weight())
    s.fill([1.5], weight=0.3)
    found = injection_strength(t, s, 1, background="profiled")
    assert found == injection_strength([1, 2, 1], [0, 1, 0], 1, background="profiled")
    other = hist.Hist(hist.axis.Regular(3, 0, 4)).fill([0.5])
    with pytest.raises(DataError, match="binnings differ"):
        injection_strength(t, other, 1, background="profiled")


@pytest.mark.parametrize(
    "arguments, match",
    [
        (([1, 2], [1, 2, 3], 1), "shapes differ"),
        (([1, 2], [1, 2], -1), "at least 0"),
        (([1, 2], [1, 2], np.nan), "at least 0"),
        (([1, -2], [1, 2], 1), "template: a bin content is negative"),
        (([1, np.inf], [1, 2], 1), "template: a bin content is not finite"),
        (([1, 2], [0, 0], 1), "every bin is zero"),
    ],
)
def test_bad_input(arguments, match):
    with pytest.raises(DataError, match=match):
        injection_strength(*arguments, background="known")


def test_more_bad_input():
    with pytest.raises(ConfigurationError, match="background"):
        injection_strength([1], [1], 1, background="none")
    with pytest.raises(DataError, match="at least 0"):
        asimov_z([1], [1], -1, background="known")
    with pytest.raises(DataError, match="does not broadcast"):
        injection_strengths(np.ones((3, 2)), np.ones(2), np.ones(4), background="known")
    with pytest.raises(DataError, match="the template has shape"):
        injection_strengths(np.ones((3, 2)), np.ones(3), 1, background="known")


@pytest.mark.parametrize("background", ["known", "profiled"])
def test_a_template_a_toy_in_more_than_one_chunk(background):
    """Every toy is that of a call of its own, the last of the last chunk too."""
    rng = np.random.default_rng(3)
    t, s = rng.uniform(1, 50, (84, 400)) * rng.uniform(0.2, 5, (84, 1)), rng.random(400)
    z = rng.uniform(1, 6, 84)
    one = injection_strengths(t, s, 5, background=background)
    many = injection_strengths(t, s, z, background=background)
    found = asimov_z(t, s, many, background=background)
    assert one.shape == many.shape == found.shape == (84,)
    np.testing.assert_allclose(found, z, rtol=1e-9)
    total = s / s.sum()
    for i in (0, 41, 81, 82, 83):
        assert one[i] == pytest.approx(injection_strength(t[i], s, 5, background=background))
        assert many[i] == pytest.approx(injection_strength(t[i], s, z[i], background=background))
        # Eq. 10 and 11 as they are written.
        x = many[i] * total
        if background == "known":
            squared = 2 * np.sum((t[i] + x) * np.log(1 + x / t[i]) - x)
        else:
            logs = np.log(1 + x / (2 * t[i] + x)), np.log(1 + x / (2 * t[i]))
            squared = 2 * np.sum((t[i] + x) * logs[0] - t[i] * logs[1])
        assert np.sqrt(squared) == pytest.approx(z[i], rel=1e-9)
