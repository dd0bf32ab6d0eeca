"""The Bradley-Terry fit against closed forms, scipy, MINUIT and toys, and what it refuses."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from iminuit import Minuit
from scipy.optimize import minimize
from scipy.stats import chi2, kstest

from eμsym.calibration.bradley_terry import (
    Cells,
    NearFit,
    fit_covariance,
    negative_log_likelihood,
    newton_fit,
    separated_bins,
)
from eμsym.calibration.design import Design
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins, lepton_columns
from eμsym.calibration.ratio_terms import RatioTerms, binned_terms, smooth_terms
from eμsym.calibration.self_calibration import MIN_EVENTS, self_calibrate
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair
from eμsym.pool import Pool
from tests.calibration.toy_detector import BINS, LOG_RATIO, ToyDetector

TWO_BINS = LeptonBins((15, 30, 300), (0, 2.4))


def cells_of(pair, bins, terms=None):
    lead, sub = bins.index(*lepton_columns(pair.pool))
    design = Design.of_orders(lead, sub)
    return Cells.count(design, pair.pool, binned_terms(bins) if terms is None else terms)


def weighted(pair, weights):
    """The pair with weights, A's events first."""
    n_a = len(pair.a.events)
    return Pair.from_columns(
        ak.with_field(pair.a.events, weights[:n_a], "weight"),
        ak.with_field(pair.b.events, weights[n_a:], "weight"),
    )


# ---------------------------------------------------------------- the fit


def test_two_bins_have_a_closed_form():
    """With k1 the high and k2 the low bin, ln r(low) − ln r(high) = ln(N_eμ/N_μe)."""
    a = {"lead_pt": [50] * 30 + [20] * 7, "sub_pt": [20] * 37}
    b = {"lead_pt": [50] * 20 + [60] * 3, "sub_pt": [20] * 20 + [40] * 3}
    for columns in (a, b):
        columns |= dict.fromkeys(("lead_eta", "sub_eta"), np.zeros(len(columns["lead_pt"])))
    fit = self_calibrate(Pair.from_columns(a, b), bins=TWO_BINS)
    low, high = fit.ratio.log_ratio
    assert low - high == pytest.approx(np.log(30 / 20), abs=1e-9)
    c = fit.ratio.covariance
    assert c[0, 0] + c[1, 1] - 2 * c[0, 1] == pytest.approx(1 / 30 + 1 / 20, rel=1e-9)
    assert (fit.n_events, fit.n_informative) == (60, 50)


def test_the_fit_is_the_logistic_regression_of_the_events():
    """Against scipy, event by event, with one-hot columns; covariance from differences."""
    pair = ToyDetector(3000).draw(rng=4)
    fit = self_calibrate(pair, bins=BINS)
    label = np.repeat([1.0, 0.0], [len(pair.a.events), len(pair.b.events)])
    pt, eta = lepton_columns(pair.pool)
    rows = np.digitize(pt, BINS.pt_edges[1:-1]), np.digitize(abs(eta), BINS.abseta_edges[1:-1])
    k = rows[0] * 2 + rows[1]
    design = np.eye(10)[k[1]] - np.eye(10)[k[0]]

    def loss(theta):
        logit = design[:, 1:] @ theta
        value = np.sum(np.logaddexp(0, logit) - label * logit)
        return value, design[:, 1:].T @ (1 / (1 + np.exp(-logit)) - label)

    best = minimize(loss, np.zeros(9), jac=True, method="BFGS", options={"gtol": 1e-7})
    ours = fit.ratio.log_ratio
    error = fit.ratio.error
    assert np.abs(ours[1:] - ours[0] - best.x).max() < 1e-6 * error.min()
    steps = 1e-4 * np.eye(9)
    hessian = [(loss(best.x + s)[1] - loss(best.x - s)[1]) / 2e-4 for s in steps]
    c = fit.ratio.covariance
    relative = c - c[0] - c[:, :1] + c[0, 0]
    assert np.allclose(np.linalg.inv(hessian), relative[1:, 1:], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("kind", ["in bins", "smooth", "signed"])
def test_newton_agrees_with_minuit_and_its_covariance(kind):
    """MIGRAD and HESSE on −ln of likelihood and prior, from numerical derivatives."""
    pair = ToyDetector(4000).draw(rng=5)
    bins, terms = BINS, binned_terms(BINS)
    if kind != "in bins":
        few = lepton_columns(pair.pool.where(slice(0, 900)))
        bins, terms = smooth_terms(*few, signed=kind == "signed")
    cells = cells_of(pair, bins, terms)
    quick = newton_fit(cells)
    covariance = fit_covariance(quick, cells)
    error = np.sqrt(np.diag(covariance))
    plain = Minuit(lambda w: negative_log_likelihood(w, cells), np.zeros(quick.size))
    plain.errordef = Minuit.LIKELIHOOD
    plain.tol = 1e-4
    plain.migrad(ncall=100_000)
    plain.hesse()
    assert np.abs(np.array(plain.values) - quick).max() < 3e-3 * error.min()
    scale = np.outer(error, error)
    assert np.allclose(np.array(plain.covariance) / scale, covariance / scale, atol=5e-3)


def test_fits_to_drawn_labels_from_a_near_one_are_newtons():
    pair = ToyDetector(3000).draw(rng=5)
    bins, terms = smooth_terms(*lepton_columns(pair.pool))
    cells = cells_of(pair, bins, terms)
    start = newton_fit(cells)
    near, error = NearFit(cells, start), np.sqrt(np.diag(fit_covariance(start, cells)))
    rng = np.random.default_rng(3)
    for _ in range(5):
        a = rng.binomial(cells.total.astype(int), 1 / (1 + np.exp(-cells.logit(start))))
        exact = newton_fit(cells.with_a(a.astype(float)))
        assert np.abs(near(a.astype(float)) - exact).max() < 1e-7 * error.min()
        assert np.abs(exact - start).max() > 0.1 * error.min()
    # Labels of which hardly any are like those of the start.
    exact = newton_fit(cells.with_a(cells.total * 0.02))
    assert np.abs(near(cells.total * 0.02) - exact).max() < 1e-6


def test_equal_weights_change_nothing_and_unequal_ones_widen_the_covariance():
    pair = ToyDetector(3000).draw(rng=6)
    plain = self_calibrate(pair, bins=BINS)
    n = len(pair.a.events) + len(pair.b.events)
    double = self_calibrate(weighted(pair, np.full(n, 2.0)), bins=BINS)
    assert np.allclose(double.ratio.log_ratio, plain.ratio.log_ratio, atol=1e-8)
    assert np.allclose(double.ratio.covariance, plain.ratio.covariance, atol=1e-10)
    # Weights 1 and 3 at random: variances grow by <w²>/<w>² = 5/4.
    uneven = np.random.default_rng(1).choice([1.0, 3.0], n)
    fit = self_calibrate(weighted(pair, uneven), bins=BINS)
    growth = fit.ratio.error**2 / plain.ratio.error**2
    assert np.all(np.abs(growth - 1.25) < 0.15)


@pytest.mark.parametrize("weights", [False, True])
def test_the_known_ratio_is_found_within_its_uncertainty(weights):
    """Pulls N(0,1), and χ² of all bins with the covariance."""
    pulls, distance = [], []
    for i in range(90):
        pair = ToyDetector(3500).draw(rng=1000 + i)
        if weights:
            rng = np.random.default_rng(i)
            n = len(pair.a.events) + len(pair.b.events)
            pair = weighted(pair, rng.choice([0.5, 1.0, 3.0], n))
        fit = self_calibrate(pair, bins=BINS)
        truth = LOG_RATIO - cells_of(pair, BINS).use @ LOG_RATIO
        off = fit.ratio.log_ratio - truth
        pulls.append(off / fit.ratio.error)
        distance.append(off[1:] @ np.linalg.solve(fit.ratio.covariance[1:, 1:], off[1:]))
    for k in range(10):
        assert kstest(np.array(pulls)[:, k], "norm").pvalue > 1e-3
    assert np.std(pulls) == pytest.approx(1, abs=0.1)
    assert kstest(distance, chi2(9).cdf).pvalue > 0.01


# ---------------------------------------------------------------- binning


def test_leptons_beyond_the_edges_count_in_the_outermost_bins():
    bins = LeptonBins([15, 30, 100], [0, 1.5, 2.5])
    assert bins.index([10, 15, 29.9, 30, 500], [0, -1.5, 1.49, 3, -9]).tolist() == [0, 1, 0, 3, 3]
    assert [bins.label(k) for k in (0, 3)] == [
        "pT 15-30 GeV, |η| 0-1.5",
        "pT 30-100 GeV, |η| 1.5-2.5",
    ]
    signed = LeptonBins([15, 30, 100], [0, 1.5, 2.5], signed=True)
    assert signed.index([20, 20, 20, 50], [1, -1, -2, -0.1]).tolist() == [0, 2, 3, 6]
    assert (len(signed), signed.label(7)) == (8, "pT 30-100 GeV, −η 1.5-2.5")


def test_too_few_events_say_how_many_and_what_to_do():
    pair = ToyDetector(2000).draw(rng=1)
    some = pair.pool.where(slice(0, MIN_EVENTS - 1))
    few = Pair.from_columns(dict(some.columns), {n: v[:0] for n, v in some.columns.items()})
    with pytest.raises(DataError, match=rf"^{MIN_EVENTS - 1} events are too few .* control"):
        self_calibrate(few)
    with pytest.raises(DataError, match=r"^0 events are too few"):
        self_calibrate(pair, exclude={"m_coll": (0, 1e6)})


def test_bins_that_nothing_compares_are_named():
    pair = ToyDetector(2000).draw(rng=1)
    empty = LeptonBins((5, 10, 30, 300), (0, 2.4))
    with pytest.raises(DataError, match=r"1 of 3 bins .*no event compares.*pT 5-10 GeV.*wider"):
        self_calibrate(pair, bins=empty)
    # All events with a lepton above 60 GeV have the electron ahead.
    low = pair.b.events[pair.b.events.lead_pt < 60]
    with pytest.raises(DataError, match=r"all events have one order.*pT 60-300 GeV"):
        self_calibrate(
            Pair.from_columns(pair.a.events, low), bins=LeptonBins((15, 30, 60, 300), (0, 2.4))
        )


@settings(max_examples=100, deadline=None)
@example([(0, 1, False), (0, 3, False), (2, 2, False)])
@example([(0, 1, False), (0, 2, False), (0, 3, False)])
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), min_size=1, max_size=12
    )
)
def test_a_maximum_exists_exactly_where_bins_are_comparable(events):
    """Ford's condition against a search for a direction in which the likelihood never falls."""
    lead, sub, label = (np.array(x) for x in zip(*events, strict=True))
    terms = RatioTerms(np.eye(4)[:, 1:], np.full(3, np.inf))
    cells = Cells.count(Design.of_orders(lead, sub), Pool({}, label.astype(bool)), terms)
    groups, _ = separated_bins(cells)
    sign = np.where(label, 1, -1)
    directions = np.array(np.meshgrid(*[[0, 1]] * 4)).reshape(4, -1).T[1:-1]
    gain = sign * (directions[:, sub] - directions[:, lead])
    assert (len(groups) == 1) == (not np.any(np.all(gain >= 0, axis=1)))
    if len(groups) > 1:
        with pytest.raises(DataError, match="wider bins"):
            newton_fit(cells)


# ---------------------------------------------------------------- the window, and bad input


def test_events_in_the_window_are_not_in_the_fit():
    pair = ToyDetector(3000).draw(rng=3)
    window = {"m_coll": (100, 140), "lead_pt": (40, 1000)}
    fit = self_calibrate(pair, bins=BINS, exclude=window)
    samples = []
    for sample in (pair.a, pair.b):
        m, pt = sample.column("m_coll"), sample.column("lead_pt")
        samples.append(sample.events[~((m >= 100) & (m < 140) & (pt >= 40))])
    removed = self_calibrate(Pair.from_columns(*samples), bins=BINS)
    assert np.allclose(fit.ratio.log_ratio, removed.ratio.log_ratio, atol=1e-12)
    assert fit.n_events == sum(map(len, samples))
    assert json.loads(json.dumps(fit.to_dict()))["exclude"] == {
        "m_coll": [100, 140],
        "lead_pt": [40, 1000],
    }


@pytest.mark.parametrize(
    "window, message",
    [
        ({"mass": (1, 2)}, "exclude mass: the events have no such column"),
        ({"m_coll": (140, 110)}, "140 to 110 is no range"),
        ({"m_coll": 5}, "give a lower and an upper edge"),
        ({"m_coll": (float("nan"), 3)}, "is no range"),
        ({"electron_pt": (1, 2)}, "changes with which lepton is the electron"),
    ],
)
def test_windows_that_are_none(window, message):
    with pytest.raises(ConfigurationError, match=message):
        self_calibrate(ToyDetector(1000).draw(rng=1), exclude=window)


@pytest.mark.parametrize("edges", [(15,), (15, 15), (30, 15), (-1, 15), (15, np.inf), "ab", None])
def test_edges_that_are_none(edges):
    with pytest.raises(ConfigurationError, match="pt_edges: "):
        LeptonBins(edges, (0, 2.5))


def test_events_that_cannot_be_calibrated():
    pair = ToyDetector(1500).draw(rng=1)
    with pytest.raises(DataError, match="no column 'lead_pt'"):
        self_calibrate(Pair.from_columns({"x": [1.0]}, {"x": [1.0]}))
    bad = ak.with_field(pair.a.events, np.full(len(pair.a.events), np.nan), "sub_eta")
    with pytest.raises(DataError, match="η is NaN"):
        self_calibrate(Pair.from_columns(bad, pair.b.events), bins=BINS)
    n = len(pair.a.events) + len(pair.b.events)
    with pytest.raises(DataError, match="weight is NaN or infinite"):
        self_calibrate(weighted(pair, np.full(n, np.inf)), bins=BINS)
    with pytest.raises(DataError, match="cannot be"):
        self_calibrate(weighted(pair, np.full(n, -1.0)), bins=BINS)


# ---------------------------------------------------------------- the ratio


def test_a_ratio_goes_to_json_and_back():
    fit = self_calibrate(ToyDetector(3000).draw(rng=1)).ratio
    back = EfficiencyRatio.from_dict(json.loads(json.dumps(fit.to_dict())))
    assert back.bins == fit.bins
    assert np.array_equal(back.log_ratio, fit.log_ratio)
    assert np.array_equal(back.covariance, fit.covariance)
    old = {**fit.to_dict(), "covariance": fit.covariance.tolist()}
    del old["modes"], old["signed"]
    assert np.allclose(EfficiencyRatio.from_dict(old).covariance, fit.covariance, atol=1e-12)
    pt, eta = np.array([[16.0, 33.0], [70.0, 1e4]]), np.array([[0.0, -1.7], [1.2, 2.39]])
    assert np.array_equal(back.evaluate(pt, eta), np.exp(fit.log_ratio[fit.bins.index(pt, eta)]))
    with pytest.raises(DataError, match="this is no efficiency ratio: KeyError"):
        EfficiencyRatio.from_dict({"pt_edges": [1, 2]})


@pytest.mark.parametrize(
    "values, covariance, message",
    [
        (np.zeros(3), np.eye(2), "shape"),
        (np.array([np.nan, 0]), np.eye(2), "not finite"),
        (np.zeros(2), np.array([[1, 2], [2, 1]]), "not symmetric and positive"),
        (np.zeros(2), np.array([[1, 0.5], [0, 1]]), "not symmetric and positive"),
        (np.zeros(2), None, "neither a covariance nor modes"),
    ],
)
def test_ratios_that_are_none(values, covariance, message):
    with pytest.raises(DataError, match=message):
        EfficiencyRatio(TWO_BINS, values, covariance)


@pytest.mark.parametrize("outlier", [10.0, 1e3, 1e4, 1e5])
def test_one_outlier_weight_leaves_the_covariance_symmetric_and_positive(outlier):
    pair = ToyDetector(n=2000).draw(1)
    weight = np.random.default_rng(2).uniform(0.5, 1.5, len(pair.pool))
    weight[7] = outlier
    columns = {name: pair.pool.column(name) for name in pair.pool.fields} | {"weight": weight}
    sides = [
        {name: values[chosen] for name, values in columns.items()}
        for chosen in (pair.pool.labels, ~pair.pool.labels)
    ]
    weighted = Pair.from_columns(*sides)
    ratio = self_calibrate(weighted, bins=BINS).ratio
    np.testing.assert_allclose(ratio.covariance, ratio.covariance.T)
    assert np.linalg.eigvalsh(ratio.covariance)[0] > -1e-12 * ratio.covariance.max()


@pytest.mark.parametrize("unit", [1e-3, 40.0])
def test_the_unit_of_weights_is_of_no_account(unit):
    """With priors, too: they weigh as for so many events as the weighted ones are worth."""
    pair = ToyDetector(1500).draw(rng=6)
    weights = np.random.default_rng(1).choice([0.5, 1.0, 2.0], len(pair.pool))
    one, other = (self_calibrate(weighted(pair, weights * u)) for u in (1.0, unit))
    assert np.allclose(one.ratio.log_ratio, other.ratio.log_ratio, atol=1e-8)
    assert np.allclose(one.ratio.covariance, other.ratio.covariance, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("unit", [2.0**-40, 2.0**40])
def test_a_unit_that_rounds_nothing_changes_no_bit(unit):
    """Where the searches end does not depend on it either: cross sections are 1e-12 or 1e9."""
    pair = ToyDetector(1500).draw(rng=6)
    n = len(pair.pool)
    one, other = (self_calibrate(weighted(pair, np.full(n, u))) for u in (1.0, unit))
    assert np.array_equal(one.ratio.log_ratio, other.ratio.log_ratio)
    bins, terms = smooth_terms(*lepton_columns(pair.pool))
    cells = [cells_of(weighted(pair, np.full(n, u)), bins, terms) for u in (1.0, unit)]
    start = newton_fit(cells[0])
    a = np.random.default_rng(3).binomial(cells[0].total.astype(int), 0.5).astype(float)
    near = [NearFit(x, start)(a * u) for x, u in zip(cells, (1.0, unit), strict=True)]
    assert np.array_equal(*near)
