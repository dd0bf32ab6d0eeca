"""The calibration of symmetries other than the leading lepton's: closed forms, scipy, toys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hist.axis import Variable
from scipy.optimize import minimize
from scipy.stats import chi2

from eμsym.analysis.correction import Correction
from eμsym.calibration.absorbed import absorbed
from eμsym.calibration.efficiency_ratio import LeptonBins
from eμsym.calibration.rule_ratios import RuleRatios
from eμsym.calibration.self_calibration import self_calibrate
from eμsym.coverage.symmetry_toys import RULES, SymmetryToy
from eμsym.label_rule import LEADING, LabelRule
from eμsym.symmetries import CHARGE, FLAVOUR, FORWARD_BACKWARD, LEPTON_JET
from tests.calibration.labelled_pairs import BINS, axis_of, labelled
from tests.calibration.test_shared_errors import correction, write

# ---------------------------------------------------------------- closed forms


def test_one_lepton_has_a_closed_form() -> None:
    """ln P(A)/P(B) of every bin is ln n_A/n_B: c is its mean over leptons, −ln r the rest."""
    n_a, n_b = np.array([30, 44]), np.array([60, 22])
    pt = np.repeat([20.0, 50.0, 20.0, 50.0], [*n_a, *n_b])
    labels = np.arange(pt.size) < n_a.sum()
    pair = labelled({"lead_pt": pt, "lead_eta": pt * 0}, labels, LEPTON_JET)
    fit = self_calibrate(pair, rule=LEPTON_JET, bins=LeptonBins((15, 30, 300), (0, 2.4)))
    logit, use = np.log(n_a / n_b), (n_a + n_b) / pt.size
    assert fit.correction.constant == pytest.approx(use @ logit, abs=1e-9)
    np.testing.assert_allclose(fit.ratio.log_ratio, use @ logit - logit, atol=1e-9)
    variance = 1 / n_a + 1 / n_b
    assert fit.correction.constant_error**2 == pytest.approx(use**2 @ variance, rel=1e-6)
    error = np.sqrt(use[::-1] ** 2 * variance.sum())
    np.testing.assert_allclose(fit.ratio.error, error, rtol=1e-6)
    assert (fit.n_events, fit.n_informative) == (156, 156)


def test_the_two_sides_have_a_closed_form() -> None:
    """Of leptons on one side the two ln a add, of leptons on both sides they are subtracted."""
    counts = {(1, 1): (40, 25), (1, -1): (33, 12), (-1, 1): (5, 8)}
    rows = [
        (electron, muon, label)
        for (electron, muon), (a, b) in counts.items()
        for label, n in ((True, a), (False, b))
        for _ in range(n)
    ]
    electron, muon, labels = (np.array(x) for x in zip(*rows, strict=True))
    pt = np.full(electron.size, 30.0)
    columns = {"electron_eta": electron * 1.0, "muon_eta": muon * 1.0}
    pair = labelled(
        {**columns, "electron_pt": pt, "muon_pt": pt}, labels.astype(bool), FORWARD_BACKWARD
    )
    few = pair.pool.where(pair.pool.column("electron_eta") > 0)
    pair = replace(pair, events=few)
    fit = self_calibrate(pair, rule=FORWARD_BACKWARD, bins=LeptonBins((15, 300), (0, 2.4)))
    both, apart = np.log(40 / 25), np.log(33 / 12)
    a_e, a_mu = (ratio.log_ratio[0] for ratio in fit.ratios)
    assert (a_e + a_mu, a_e - a_mu) == (pytest.approx(both), pytest.approx(apart))


# ---------------------------------------------------------------- against scipy


def by_hand(
    rule: LabelRule, columns: dict[str, np.ndarray], level: dict[str, np.ndarray]
) -> np.ndarray:
    """The derivatives of ln P(A)/P(B), event by event, as the algebra of each symmetry is written.

    Columns are ln r of the bins of each group in turn, then the constant.
    """
    n = len(next(iter(level.values())))
    k = len(BINS)
    rows = np.zeros((n, 2 * k + 1))
    for i in range(n):
        if rule is CHARGE:  # c + ln r−(k−) − ln r+(k+)
            rows[i, level["neg"][i]] += 1
            rows[i, k + level["pos"][i]] -= 1
        elif rule is FORWARD_BACKWARD:  # Σ sign(η) ln a
            rows[i, level["electron"][i]] += np.sign(columns["electron_eta"][i])
            rows[i, k + level["muon"][i]] += np.sign(columns["muon_eta"][i])
        else:  # c − ln r(k1) − ln r(k2)
            rows[i, level["lead"][i]] -= 1
            if rule is not LEPTON_JET:
                rows[i, level["sub"][i]] -= 1
    if rule is not FORWARD_BACKWARD:
        rows[:, -1] = 1
    return rows


SLOTS = {
    "charge": ("neg", "pos"),
    "flavour": ("lead", "sub"),
    "own": ("lead", "sub"),
    "lepton_jet": ("lead",),
    "forward_backward": ("electron", "muon"),
}


@pytest.mark.parametrize("name", RULES)
def test_the_fit_is_the_logistic_regression_of_the_events(name: str) -> None:
    """Against scipy, event by event: P(A) of all events, and its errors from differences."""
    pair, rule = SymmetryToy(name, 3000).draw(rng=4), RULES[name]
    pool = pair.pool
    level = {
        slot: 2 * np.digitize(pool.column(f"{slot}_pt"), BINS.pt_edges[1:-1])
        + np.digitize(np.abs(pool.column(f"{slot}_eta")), BINS.abseta_edges[1:-1])
        for slot in SLOTS[name]
    }
    columns = {n: pool.column(n) for n in pool.columns}
    design = by_hand(rule, columns, level)
    # A full-rank basis of the same directions.
    left, size, _ = np.linalg.svd(design, full_matrices=False)
    x = left[:, size > 1e-9 * size[0]]

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        logit = x @ w
        value = np.sum(np.logaddexp(0, logit) - pool.labels * logit)
        return float(value), x.T @ (1 / (1 + np.exp(-logit)) - pool.labels)

    best = minimize(loss, np.zeros(x.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-7})
    expected = 1 / (1 + np.exp(-x @ best.x))
    corrected = pair.equalised(bins=BINS)
    assert isinstance(corrected.symmetry.correction, RuleRatios)
    np.testing.assert_allclose(corrected.symmetry.probability(pool), expected, atol=2e-6)
    # The errors of logits, from the inverse of the second derivatives.
    steps = 1e-4 * np.eye(best.x.size)
    hessian = [(loss(best.x + s)[1] - loss(best.x - s)[1]) / 2e-4 for s in steps]
    variance = np.einsum("ij,jk,ik->i", x, np.linalg.inv(hessian), x)
    modes = corrected.symmetry.log_ratio_modes
    found = corrected.symmetry.design(pool).rows(modes.T)
    np.testing.assert_allclose(np.sum(found**2, axis=1), variance, rtol=1e-4)


@pytest.mark.parametrize("name", RULES)
def test_smooth_terms_are_fitted_with_their_priors(name: str) -> None:
    """Against scipy: the maximum of likelihood times prior, from an independent design."""
    pair = SymmetryToy(name, 1500).draw(rng=6)
    symmetry = pair.equalised().symmetry
    fit, pool = symmetry.calibration, pair.pool
    objects = pair.rule.objects
    starts = dict(
        zip(pair.rule.groups, np.cumsum([0, *(len(r.bins) for r in fit.ratios)]), strict=False)
    )
    bins = dict(zip(pair.rule.groups, (r.bins for r in fit.ratios), strict=True))
    x = np.zeros((len(pool), fit.values.size))
    for term in objects:
        pt, eta = pool.column(f"{term.slot}_pt"), pool.column(f"{term.slot}_eta")
        sign = term.sign * (np.sign(eta) if name == "forward_backward" else 1)
        row = bins[term.ratio].index(pt, eta) + starts[term.ratio]
        x += np.reshape(sign, (-1, 1)) * fit.terms.basis[row]
    if pair.rule.constant:
        x[:, -1] += 1
    scale = fit.terms.prior

    def loss(u: np.ndarray) -> tuple[float, np.ndarray]:
        logit = x @ (u * scale)
        value = np.sum(np.logaddexp(0, logit) - pool.labels * logit) + u @ u / 2
        return float(value), scale * (x.T @ (1 / (1 + np.exp(-logit)) - pool.labels)) + u

    best = minimize(
        loss, np.zeros(scale.size), jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 5000}
    )
    np.testing.assert_allclose(x @ fit.values, x @ (best.x * scale), atol=1e-4)
    # What the mean of ln r is worth is in the constant.
    if pair.rule.constant:
        for group, ratio in zip(pair.rule.groups, fit.ratios, strict=True):
            slots = [term.slot for term in objects if term.ratio == group]
            levels = [
                ratio.bins.index(pool.column(f"{s}_pt"), pool.column(f"{s}_eta")) for s in slots
            ]
            assert np.mean(ratio.log_ratio[np.concatenate(levels)]) == pytest.approx(0, abs=1e-12)


# ---------------------------------------------------------------- draws


@pytest.mark.parametrize("name", RULES)
def test_every_draw_is_fitted_anew(name: str) -> None:
    pair = SymmetryToy(name, 1500).draw(rng=3).equalised()
    drawn = pair.symmetry.relabel(pair.pool, 2, rng=5)
    for labels, log_ratio in zip(drawn.labels, drawn.log_ratio, strict=True):
        # The same terms on the events of those labels, from zero.
        cells = pair.symmetry.cells(pair.pool.relabelled(labels))
        exact = pair.symmetry.refitted(pair.pool.relabelled(labels)).log_ratio
        np.testing.assert_allclose(log_ratio, exact, atol=1e-6)
        assert cells.total.sum() == len(pair.pool)
        # The constant takes the two rates up: nothing is left of all events together.
        p = pair.symmetry.probability(pair.pool, log_ratio)
        if pair.rule.constant:
            assert abs(np.sum(labels - p)) < 0.1
    again = pair.relabelled(drawn.labels[0], drawn.log_ratio[0])
    np.testing.assert_array_equal(again.symmetry.log_ratio, drawn.log_ratio[0])


@pytest.mark.parametrize("name", RULES)
def test_the_covariance_is_the_scatter_of_refitted_draws(name: str) -> None:
    toy = SymmetryToy(name, 4000)
    pair = toy.draw(rng=2).equalised()
    axis = axis_of(toy)
    index, shape = pair.bin_index(axis)
    drawn = pair.symmetry.relabel(pair.pool, 300, rng=1)
    scatter = np.cov(drawn.differences(pair.pool, index, shape[0]).T)
    expected = pair.covariance(axis)
    size = np.sqrt(np.diag(expected))
    assert np.all(np.abs(np.sqrt(np.diag(scatter)) / size - 1) < 0.2)
    # Calibration takes up part of the fluctuations of the events alone.
    assert np.all(np.diag(expected) < pair.symmetry.spread(pair.pool, index, shape[0])[0] * 1.001)
    correlation = (scatter - expected) / np.outer(size, size)
    assert np.abs(correlation - np.diag(np.diag(correlation))).max() < 5 / np.sqrt(300)


# ---------------------------------------------------------------- invariance, signals, rates


@pytest.mark.parametrize("name", RULES)
def test_the_exchange_of_all_events_changes_nothing_but_the_sign(name: str) -> None:
    """A world with e and μ (or both sides) exchanged: A becomes B, and B − A its contrary."""
    toy = SymmetryToy(name, 3000, n_signal=40)
    pair = toy.draw(rng=8)
    other = replace(pair, events=pair.symmetry.exchange.apply(pair.pool, ~pair.pool.labels))
    axis = axis_of(toy)
    one, two = (each.equalised() for each in (pair, other))
    np.testing.assert_allclose(
        one.symmetry.probability(one.pool), 1 - two.symmetry.probability(two.pool), atol=1e-9
    )
    here, there = one.difference(axis), two.difference(axis)
    np.testing.assert_allclose(here.b - here.a, there.a - there.b, atol=1e-6)
    assert here.chi_square().pvalue == pytest.approx(there.chi_square().pvalue, rel=1e-6)


@pytest.mark.parametrize("name", RULES)
def test_what_the_detector_does_is_taken_out_and_a_signal_is_found(name: str) -> None:
    toy = SymmetryToy(name)
    raw, calibrated, found = [], [], []
    for i in range(6):
        pair, axis = toy.draw(rng=100 + i), axis_of(toy)
        raw.append(pair.nsigma(axis).z)
        calibrated.append(pair.equalised().difference(axis).chi_square().pvalue)
        signal = replace(toy, n_signal=250).draw(rng=200 + i)
        found.append(signal.equalised().difference(axis).chi_square().pvalue)
    assert abs(np.mean(raw)) > 8 / np.sqrt(6)
    # Fisher's sum of p-values, χ² of twice as many degrees of freedom.
    assert chi2.sf(-2 * np.sum(np.log(calibrated)), 12) > 1e-3
    assert np.median(found) < 1e-4


@pytest.mark.parametrize("name", ["charge", "flavour", "lepton_jet", "own"])
def test_a_rate_is_taken_up_and_is_found_with_efficiencies_that_are_given(name, tmp_path) -> None:
    """Every other event of B is lost: nothing of it is left, unless ε are known."""
    toy = SymmetryToy(name, efficiency=lambda leptons: np.where(leptons.electron, 0.6, 0.8))
    pair = toy.draw(rng=3)
    maps = [
        correction(
            f"efficiency_{lepton}",
            ["pt"],
            {
                "nodetype": "binning", "input": "pt", "edges": [0.0, 1e4], "content": [value],
                "flow": "clamp",
            },
        )
        for lepton, value in (("electron", 0.6), ("muon", 0.8))
    ]  # fmt: skip
    path = write(tmp_path / "maps.json", *maps)
    rng = np.random.default_rng(1)
    lost = replace(
        pair, events=pair.pool.where(pair.pool.labels | (rng.random(len(pair.pool)) < 0.8))
    )
    corrected = lost.equalised()
    weight = corrected.weight * np.where(lost.pool.labels, 1, -1)
    assert abs(weight.sum()) < 0.1
    given = [each.equalised(path) for each in (pair, lost)]
    whole = Variable([0, 1e6], name="met")
    assert abs(given[0].nsigma(whole).z) < 4
    assert given[1].nsigma(whole).z < -5
    # P(A) is that of the efficiencies: −ln r for each electron that A has more than B.
    n = {"charge": 0, "flavour": 2, "own": 2, "lepton_jet": 1}[name]
    p = given[0].symmetry.probability(pair.pool)
    np.testing.assert_allclose(p, 1 / (1 + (0.8 / 0.6) ** n), rtol=1e-6)


def test_a_correction_tells_what_it_takes_up() -> None:
    assert absorbed(LEADING) == ()
    assert "any ratio of the rates of ee and μμ" in absorbed(FLAVOUR)[0]
    assert "the leading lepton's or the sub-leading lepton's pT" in absorbed(FLAVOUR)[1]
    (one,) = absorbed(FORWARD_BACKWARD)
    assert "the electron's or the muon's" in one
    assert absorbed(LEPTON_JET)[1].endswith("what depends on other columns")
    pair = SymmetryToy("lepton_jet", 1000).draw(rng=1).equalised()
    correction = Correction.of(pair, seed=1)
    assert correction.absorbed == absorbed(LEPTON_JET)
    assert not correction.of_orders
    variables = [each.column for each in correction.before_after.variables]
    assert variables == ["lead_pt", "lead_eta", "met", "mt_lead"]
