"""The best test of a signal of known shape and unknown place."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from eμsym.coverage.unknown_place import UnknownPlace

N_BACKGROUND, IDEAL = 3_000, 4.0


@pytest.fixture(scope="module")
def one():
    return UnknownPlace.of(2, 1, 0.4, n_background=N_BACKGROUND, ideal=IDEAL)


def test_a_signal_is_ideally_as_significant_wherever_it_is(one):
    """SYM Eq. 30, integrated."""
    for place in (one.nearest(0.0), one.nearest(2.0)):
        mean, n = one.means[place, 0], one.n_signal[place]

        def density(x, mean=mean, n=n):
            b, s = N_BACKGROUND * norm.pdf(x), n * norm.pdf(x, mean, 0.4)
            return (b + s) * np.log1p(s / b)

        integral = quad(density, -8, 8, points=[mean], limit=500)[0]
        assert np.sqrt(2 * (integral - n)) == pytest.approx(IDEAL, rel=0.01)


def test_places_are_all_means_in_all_sets_of_columns():
    two = UnknownPlace.of(4, 2, 0.5, n_background=N_BACKGROUND, ideal=IDEAL)
    assert two.places == 6 * 11**2
    np.testing.assert_allclose(two.means[two.nearest(1.0, -0.5)], (1.0, -0.5))


def test_a_ratio_is_that_of_the_labels_probabilities(one):
    """By the densities at the events, whose cells are a fifth of the width."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(400, 2)), rng.normal(size=(300, 2))
    place = one.nearest(0.6)
    mean, n = one.means[place, 0], one.n_signal[place]
    for column in (0, 1):
        rho = [
            n / N_BACKGROUND * norm.pdf(x[:, column], mean, 0.4) / norm.pdf(x[:, column])
            for x in (a, b)
        ]
        expected = np.sum(np.log(2 * (1 + rho[0]) / (2 + rho[0])))
        expected += np.sum(np.log(2 / (2 + rho[1])))
        assert one.log_ratios(a, b)[column, place] == pytest.approx(expected, abs=0.15)


def test_ratios_have_a_mean_of_one_without_signal(one):
    """As any ratio of likelihoods; and their logarithms the moments that are told."""
    rng, place = np.random.default_rng(2), one.nearest(1.0)
    found = np.array(
        [
            one.log_ratios(*(rng.normal(size=(rng.poisson(N_BACKGROUND), 2)) for _ in "ab"))
            for _ in range(800)
        ]
    )
    means = np.exp(found).mean(axis=(1, 2))
    assert means.mean() == pytest.approx(1, abs=4 * means.std() / np.sqrt(800))
    centre, spread = one.moments_without(place)
    there = found[:, :, place].ravel()
    assert there.mean() == pytest.approx(centre, abs=4 * spread / np.sqrt(800))
    assert there.std() == pytest.approx(spread, rel=0.1)


def test_what_knows_the_place_reaches_an_ideal_over_root_two_and_what_does_not_less(one):
    rng, place = np.random.default_rng(3), one.nearest(1.0)
    null = np.array(list(one.toys(400, None, rng)))
    found = np.array(list(one.toys(100, place, rng)))
    centre, spread = one.moments_without(place)
    z_there = np.median((found[:, 1] - centre) / spread)
    # B is as large as A, in place of a background that is known: √2, were the signal small.
    assert z_there == pytest.approx(IDEAL / np.sqrt(2), abs=0.5)
    p = (1 + np.sum(null[:, 0] >= found[:, :1], axis=1)) / 401
    assert norm.isf(np.median(p)) < z_there
    assert np.all(np.isnan(null[:, 1]))
