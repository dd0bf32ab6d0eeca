"""Nulls of a self-calibration that leaves a window out, against a plain loop over toys.

The loop knows labels, a logistic regression fitted by scipy to the events outside
the window, the weights 2(1 − p) and 2p, and histograms.
"""

from __future__ import annotations

import numpy as np
import pytest
from hist.axis import Regular
from scipy.optimize import minimize
from scipy.stats import ks_2samp

from eμsym.binned.nsigma import NSigmaTest
from eμsym.binned.windows import WindowTest
from eμsym.nulls import null
from tests.calibration.toy_detector import BINS, ToyDetector

WINDOW = (80, 140)
M_COLL = Regular(14, 30, 170, name="m_coll")
PLANE = (Regular(4, 30, 190, name="m_coll"), Regular(6, 15, 95, name="lead_pt"))
DRAWS = 120


def pool(raw, name):
    return np.concatenate([raw.a.column(name), raw.b.column(name)])


@pytest.fixture(scope="module")
def equal():
    return ToyDetector(1200).draw(rng=6).equalised(bins=BINS, exclude={"m_coll": WINDOW})


@pytest.fixture(scope="module")
def drawn(equal):
    """Labels and probabilities of the plain loop; the first row is the pair itself."""
    raw = equal.raw
    pt_edges, eta_edges = BINS.pt_edges[1:-1], BINS.abseta_edges[1:-1]
    lead, sub = (
        np.digitize(pool(raw, f"{which}_pt"), pt_edges) * 2
        + np.digitize(abs(pool(raw, f"{which}_eta")), eta_edges)
        for which in ("lead", "sub")
    )
    # The first bin is at zero: a constant in ln r says nothing.
    design = (np.eye(10)[sub] - np.eye(10)[lead])[:, 1:]
    m_coll = pool(raw, "m_coll")
    used = (m_coll < WINDOW[0]) | (m_coll >= WINDOW[1])
    # Events of like bins count together, or the fits would take minutes.
    rows, cell = np.unique(design[used], axis=0, return_inverse=True)
    total = np.bincount(cell)

    def probability(label):
        wins = np.bincount(cell, label[used], total.size)

        def loss(theta):
            return np.sum(total * np.logaddexp(0, rows @ theta)) - wins @ (rows @ theta)

        def slope(theta):
            return rows.T @ (total / (1 + np.exp(-rows @ theta)) - wins)

        def bend(theta):
            p = 1 / (1 + np.exp(-rows @ theta))
            return (rows.T * (total * p * (1 - p))) @ rows

        fit = minimize(loss, np.zeros(9), jac=slope, hess=bend, method="trust-exact")
        return 1 / (1 + np.exp(-design @ fit.x))

    label = np.arange(m_coll.size) < len(raw.a.events)
    first = probability(label)
    toys = [(label, first)]
    rng = np.random.default_rng(5)
    for _ in range(DRAWS):
        toy = rng.random(label.size) < first
        toys.append((toy, probability(toy)))
    return toys


def differences(equal, drawn, axes):
    """B − A of the weighted histograms of every draw, shape (1 + draws, *plane)."""
    columns = [pool(equal.raw, axis.name) for axis in axes]
    edges = [axis.edges for axis in axes]
    weights = (np.where(label, -2 * (1 - p), 2 * p) for label, p in drawn)
    return np.array([np.histogramdd(columns, edges, weights=w)[0] for w in weights])


def test_the_pair_is_fitted_outside_the_window(equal, drawn):
    assert equal.symmetry.probability(equal.pool) == pytest.approx(drawn[0][1], abs=1e-5)
    b, a = equal.hist(M_COLL)[::-1]
    ours = b.values() - a.values()
    assert differences(equal, drawn, [M_COLL])[0] == pytest.approx(ours, abs=1e-3)


def test_the_covariance_is_that_of_the_plain_loop(equal, drawn):
    """In the window nothing is taken up by the fit; elsewhere it is."""
    plain = differences(equal, drawn, [M_COLL])[1:]
    sigma = np.sqrt(np.diag(equal.covariance(M_COLL)))
    assert np.mean(np.std(plain, axis=0) / sigma) == pytest.approx(1, abs=0.06)
    inside = (M_COLL.centers > WINDOW[0]) & (M_COLL.centers < WINDOW[1])
    for chosen in (inside, ~inside):
        expected = np.sqrt(equal.covariance(M_COLL)[np.ix_(chosen, chosen)].sum())
        assert np.std(plain[:, chosen].sum(axis=1)) == pytest.approx(expected, rel=0.25)


def test_the_null_of_nsigma_is_that_of_the_plain_loop(equal, drawn):
    samples = null(NSigmaTest((M_COLL,)), equal, 1000, rng=1).samples
    covariance = equal.covariance(M_COLL)
    sigma = np.sqrt(np.diag(covariance))
    # Mean pull of M bins times √M, over its standard deviation.
    width = np.sqrt((covariance / np.outer(sigma, sigma)).sum())
    plain = (differences(equal, drawn, [M_COLL]) / sigma).sum(axis=1) / width
    assert equal.nsigma(M_COLL).z == pytest.approx(plain[0], abs=1e-3)
    assert ks_2samp(samples, plain[1:]).pvalue > 0.01
    assert np.std(samples) == pytest.approx(1, abs=0.08)


def largest(pulls):
    """The largest |Nσ| of all squares, one by one."""
    n, m = pulls.shape
    best = 0.0
    for size in range(1, min(n, m) + 1):
        for i in range(n - size + 1):
            for j in range(m - size + 1):
                window = pulls[i : i + size, j : j + size]
                window = window[~np.isnan(window)]
                if window.size:
                    best = max(best, abs(window.sum()) / np.sqrt(window.size))
    return best


def test_the_best_window_and_its_null_are_those_of_the_plain_loop(equal, drawn):
    test = WindowTest(PLANE)
    samples = null(test, equal, 600, rng=1).samples
    variance = np.diag(equal.covariance(*PLANE)).reshape(4, 6)
    pulls = differences(equal, drawn, PLANE) / np.sqrt(np.where(variance > 1e-9, variance, np.nan))
    plain = [largest(each) for each in pulls]
    assert test(equal).statistic == pytest.approx(plain[0], abs=1e-3)
    assert ks_2samp(samples, plain[1:]).pvalue > 0.01


def test_no_chunk_of_draws_repeats_another(equal):
    """Some 200 planes of 25×25 bins are scanned at once."""
    axes = Regular(25, 30, 190, name="m_coll"), Regular(25, 15, 95, name="lead_pt")
    samples = null(WindowTest(axes), equal, 420, rng=1).samples
    for lag in range(100, 221):
        assert np.mean(samples[lag : lag + 200] == samples[:200]) < 0.3
