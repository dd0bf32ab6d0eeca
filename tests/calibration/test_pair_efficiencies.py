"""Efficiencies of pairs, such as an OR of triggers: the offset, its errors, and what it mends."""

from __future__ import annotations

import numpy as np
import pytest
from hist.axis import Regular, Variable
from scipy.optimize import minimize
from scipy.special import expit

from eμsym import Pair, read_correction
from eμsym.calibration.efficiency_ratio import LeptonBins
from eμsym.calibration.pair_efficiencies import PairEfficiencies
from eμsym.errors import ConfigurationError, InputFileError
from tests.calibration.test_shared_errors import binning, correction, write

EDGES = [0.0, 25.0, 40.0, 10_000.0]
ELECTRON_FIRES = np.array([0.05, 0.75, 0.9])
MUON_FIRES = np.array([0.35, 0.7, 0.72])
EITHER = 1 - (1 - ELECTRON_FIRES[:, None]) * (1 - MUON_FIRES)


def pair_map(name, content):
    data = {
        "nodetype": "multibinning", "inputs": ["electron_pt", "muon_pt"], "edges": [EDGES, EDGES],
        "content": list(map(float, np.ravel(content))), "flow": "clamp",
    }  # fmt: skip
    return correction(name, ["electron_pt", "muon_pt"], data)


def events(rng, n):
    """Return symmetric events, kept where either lepton fires."""
    electron, muon = 15 + rng.exponential(10, n) + rng.exponential(15, (2, n))
    fires = rng.random(n) < EITHER[bin_of(electron), bin_of(muon)]
    eta = rng.uniform(-2.3, 2.3, (2, n))[:, fires]
    electron, muon = electron[fires], muon[fires]
    is_a = electron > muon
    lead, sub = np.maximum(electron, muon), np.minimum(electron, muon)
    columns = {"lead_pt": lead, "lead_eta": eta[0], "sub_pt": sub, "sub_eta": eta[1]}
    a, b = ({k: v[mask] for k, v in columns.items()} for mask in (is_a, ~is_a))
    return Pair.from_columns(a, b, names=("eμ", "μe"))


def bin_of(pt):
    return np.digitize(pt, EDGES[1:-1])


def kinematics(pool):
    return [pool.column(f"{x}_{y}") for x in ("lead", "sub") for y in ("pt", "eta")]


def test_the_offset_in_closed_form(tmp_path):
    path = write(tmp_path / "or.json", pair_map("efficiency_pair", EITHER))
    found = read_correction(path)
    assert isinstance(found, PairEfficiencies)
    lead_pt, sub_pt = np.array([60.0, 30.0, 50.0]), np.array([20.0, 20.0, 45.0])
    offset = found.offset(lead_pt, np.zeros(3), sub_pt, np.zeros(3))
    # T(e = lead, μ = sub)/T(e = sub, μ = lead) with T = 1 − (1 − ε_e)(1 − ε_μ), by hand.
    first = (1 - 0.1 * 0.65) / (1 - 0.95 * 0.28)
    second = (1 - 0.25 * 0.65) / (1 - 0.95 * 0.30)
    assert np.allclose(offset, np.log([first, second, 1.0]), rtol=1e-13, atol=1e-15)
    assert found.offset_modes(lead_pt, np.zeros(3), sub_pt, np.zeros(3)).shape == (3, 0)


def test_an_or_of_triggers_is_taken_out(tmp_path):
    path = write(tmp_path / "or.json", pair_map("efficiency_pair", EITHER))
    pair = events(np.random.default_rng(5), 60_000)
    axis = Variable([15, 20, 25, 30, 40, 60, 1000], name="sub_pt")
    total = Regular(1, 0, 10_000, name="lead_pt")
    assert abs(pair.nsigma(total).z) > 4  # the electrons' trigger misses soft ones
    equal = pair.equalised(path)
    assert equal.symmetry.source == str(path)
    assert abs(equal.nsigma(total).z) < 3
    assert abs(equal.nsigma(axis).z) < 3
    pool = pair.pool
    e_leads = [EITHER[bin_of(pool.column(x)), bin_of(pool.column(y))]
               for x, y in (("lead_pt", "sub_pt"), ("sub_pt", "lead_pt"))]  # fmt: skip
    assert np.allclose(
        equal.symmetry.probability(pool), e_leads[0] / (e_leads[0] + e_leads[1]), rtol=1e-12
    )


def test_errors_are_those_of_the_maps_bins(tmp_path):
    """The modes and the error of A − B, against the map varied bin by bin."""
    error = 0.02 * EITHER
    path = write(
        tmp_path / "or.json",
        pair_map("efficiency_pair", EITHER),
        pair_map("efficiency_pair_error", error),
    )
    exact = write(tmp_path / "exact.json", pair_map("efficiency_pair", EITHER))
    pair = events(np.random.default_rng(1), 4000)
    pool = pair.pool
    found = read_correction(path)
    offset, modes = found.offset(*kinematics(pool)), found.offset_modes(*kinematics(pool))
    k = [bin_of(pool.column(f"{x}_pt")) for x in ("lead", "sub")]
    step = 1e-6
    for i, j in np.ndindex(3, 3):
        varied = EITHER.copy()
        varied[i, j] += step * error[i, j]
        moved = np.log(varied[k[0], k[1]] / varied[k[1], k[0]])
        assert np.allclose((moved - offset) / step, mode_of(modes, k, i, j), atol=1e-4)
    total = Regular(1, 0, 10_000, name="lead_pt")
    with_errors = pair.equalised(path).covariance(total)[0, 0]
    own = pair.equalised(exact).covariance(total)[0, 0]
    p = 1 / (1 + np.exp(-offset))
    by_hand = 4 * np.sum((modes.T @ (p * (1 - p))) ** 2)
    assert with_errors - own == pytest.approx(by_hand, rel=1e-9)


def mode_of(modes, k, i, j):
    """Return the column of the bin (i, j), found by the events that are in it and no other."""
    inside = (k[0] == i) & (k[1] == j)
    swapped = (k[1] == i) & (k[0] == j)
    expected = 0.02 * (inside.astype(float) - swapped)
    dense = modes.toarray()
    same = [c for c in range(dense.shape[1]) if np.allclose(dense[:, c], expected)]
    return dense[:, same[0]] if same else np.zeros(len(expected))


def test_single_leptons_multiply_the_pair(tmp_path):
    electron = binning("pt", EDGES, [0.5, 0.6, 0.7])
    muon = binning("abseta", [0.0, 1.0, 3.0], [0.9, 0.8])
    single = [
        correction("efficiency_electron", ["pt"], electron),
        correction("efficiency_muon", ["abseta"], muon),
    ]
    both = read_correction(write(tmp_path / "x.json", pair_map("efficiency_pair", EITHER), *single))
    alone = read_correction(write(tmp_path / "y.json", *single))
    trigger = read_correction(write(tmp_path / "z.json", pair_map("efficiency_pair", EITHER)))
    where = kinematics(events(np.random.default_rng(2), 500).pool)
    lead_pt, lead_eta, sub_pt, sub_eta = where
    pt, eta = np.stack([lead_pt, sub_pt]), np.stack([lead_eta, sub_eta])
    sum_of_both = trigger.offset(*where) + alone.at(pt, eta).offset(pt, eta)
    assert np.allclose(both.offset(*where), sum_of_both, rtol=1e-12, atol=1e-14)
    half = write(tmp_path / "half.json", pair_map("efficiency_pair", EITHER), single[0])
    with pytest.raises(InputFileError, match="has no correction 'efficiency_muon'"):
        read_correction(half)


def test_inputs_must_say_of_which_lepton(tmp_path):
    path = write(
        tmp_path / "x.json", correction("efficiency_pair", ["pt"], binning("pt", EDGES, [0.5] * 3))
    )
    with pytest.raises(InputFileError, match="must be one of electron_pt, electron_abseta"):
        read_correction(path)


def steeper(rng, n):
    """Return events as above, whose electrons are also lost below 30 GeV, as no map says."""
    pair = events(rng, n)
    pool = pair.pool
    electron = np.where(pool.labels, pool.column("lead_pt"), pool.column("sub_pt"))
    keep = rng.random(len(pool)) < np.where(electron < 30, 0.6, 0.9)
    names = ("lead_pt", "lead_eta", "sub_pt", "sub_eta")
    a, b = (
        {x: pool.column(x)[keep & which] for x in names} for which in (pool.labels, ~pool.labels)
    )
    return Pair.from_columns(a, b, names=("eμ", "μe"))


def test_r_is_fitted_on_top_of_what_is_given(tmp_path):
    """r of what the map does not know of, where an unknown loss of electrons is a step at 30."""
    path = write(tmp_path / "or.json", pair_map("efficiency_pair", EITHER))
    bins = LeptonBins((15, 30, 1000), (0, 2.5))
    pair = steeper(np.random.default_rng(3), 100_000)
    found = pair.equalised("self", given=path, bins=bins)
    fit = found.symmetry.calibration.ratio
    step = fit.log_ratio[0] - fit.log_ratio[1]
    error = np.sqrt(np.array([1, -1]) @ fit.covariance @ np.array([1, -1]))
    assert step == pytest.approx(np.log(0.9 / 0.6), abs=3.5 * error)
    assert error < 0.03
    # The likelihood itself, by scipy, with the offset by hand.
    pool = pair.pool
    offset = read_correction(path).offset(*kinematics(pool))
    x = (pool.column("sub_pt") < 30).astype(float) - (pool.column("lead_pt") < 30)

    def minus_log_likelihood(w):
        logit = w[0] * x + offset
        return np.sum(np.logaddexp(0, logit) - pool.labels * logit)

    best = minimize(minus_log_likelihood, [0.0], tol=1e-10)
    assert step == pytest.approx(best.x[0], abs=1e-5)
    assert np.allclose(found.symmetry.probability(pool), expit(step * x + offset), rtol=1e-9)
    assert found.symmetry.to_dict()["given"] == str(path)
    total = Regular(1, 0, 10_000, name="lead_pt")
    assert abs(pair.equalised(path).nsigma(total).z) > 4
    assert abs(found.nsigma(total).z) < 3.5


def test_errors_of_the_given_are_in_nulls_and_covariance_but_for_what_the_fit_takes_up(tmp_path):
    """The spread of Σ(A − B) over draws, and over maps varied by hand, is the one stated."""
    error = 0.2 * EITHER
    path = write(
        tmp_path / "or.json",
        pair_map("efficiency_pair", EITHER),
        pair_map("efficiency_pair_error", error),
    )
    exact = write(tmp_path / "exact.json", pair_map("efficiency_pair", EITHER))
    bins = LeptonBins((15, 25, 1000), (0, 2.5))
    pair = steeper(np.random.default_rng(6), 4000)
    axis = Variable([15, 25, 40, 1000], name="sub_pt")
    with_errors = pair.equalised("self", given=path, bins=bins)
    stated = with_errors.covariance(axis)
    own = pair.equalised("self", given=exact, bins=bins).covariance(axis)
    assert np.trace(stated) > 1.5 * np.trace(own)

    pool, symmetry = pair.pool, with_errors.symmetry
    index = np.digitize(pool.column("sub_pt"), axis.edges[1:-1])
    drawn = symmetry.relabel(pool, 500, rng=1)
    differences = []
    for labels, theta in zip(drawn.labels, drawn.log_ratio, strict=True):
        p = symmetry.probabilities(pool)(theta)
        differences.append(np.bincount(index, 2 * (labels - p), minlength=3))
    # The standard error of a variance from 500 draws is 6 %.
    spread = np.var(differences, axis=0)
    assert np.allclose(spread, np.diag(stated), rtol=0.2)

    # The part of the errors: A − B is fitted anew with every varied map.
    rng, varied = np.random.default_rng(4), []
    k = [bin_of(pool.column(f"{x}_pt")) for x in ("lead", "sub")]
    x = (pool.column("sub_pt") < 25).astype(float) - (pool.column("lead_pt") < 25)
    step = symmetry.log_ratio[0] - symmetry.log_ratio[1]
    for _ in range(300):
        log_map = np.log(EITHER) + 0.02 * rng.standard_normal((3, 3))
        offset = log_map[k[0], k[1]] - log_map[k[1], k[0]]
        w = step
        for _ in range(6):
            p = expit(w * x + offset)
            w += np.sum(x * (pool.labels - p)) / np.sum(x**2 * p * (1 - p))
        varied.append(np.bincount(index, 2 * (pool.labels - expit(w * x + offset)), minlength=3))
    assert np.allclose(np.var(varied, axis=0) * 100, np.diag(stated - own), rtol=0.35)


def test_q0_knows_of_the_errors_of_the_given(tmp_path):
    """ln κ of bins that the fit left out: its variance is that of A − B, over (2V)²."""
    path = write(
        tmp_path / "or.json",
        pair_map("efficiency_pair", EITHER),
        pair_map("efficiency_pair_error", 0.1 * EITHER),
    )
    exact = write(tmp_path / "exact.json", pair_map("efficiency_pair", EITHER))
    bins = LeptonBins((15, 25, 1000), (0, 2.5))
    pair = steeper(np.random.default_rng(7), 20_000)
    axes = Variable([45, 10_000], name="lead_pt"), Variable([15, 20, 25, 32, 40], name="sub_pt")
    exact, varied = (
        pair.equalised("self", given=each, bins=bins, exclude={"lead_pt": (45, 10_000)})
        for each in (exact, path)
    )
    n = 4
    log_ratios = [np.reshape(each.yield_ratio(*axes).modes, (-1, n)) for each in (exact, varied)]
    added = log_ratios[1].T @ log_ratios[1] - log_ratios[0].T @ log_ratios[0]
    of_difference = varied.covariance(*axes) - exact.covariance(*axes)
    pool = pair.pool
    index = np.digitize(pool.column("sub_pt"), axes[1].edges) - 1
    inside = (pool.column("lead_pt") >= 45) & (index < n)
    p = exact.symmetry.probability(pool)
    in_a, in_b = (np.bincount(index[inside], q[inside], minlength=n) for q in (p, 1 - p))
    v = 2 * in_a * in_b / (in_a + in_b)
    expected = np.reshape(of_difference, (n, n)) / np.outer(v, v)
    assert np.diag(expected).max() > 0.005
    assert np.allclose(added, expected, rtol=2e-3, atol=2e-3 * expected.max())


def test_groups_of_like_events_keep_what_is_given(tmp_path):
    """Grouped events have the probabilities, sizes and errors of their members."""
    path = write(
        tmp_path / "or.json",
        pair_map("efficiency_pair", EITHER),
        pair_map("efficiency_pair_error", 0.1 * EITHER),
    )
    bins = LeptonBins((15, 30, 1000), (0, 2.5))
    pair = events(np.random.default_rng(9), 3000)
    symmetry, pool = pair.equalised("self", given=path, bins=bins).symmetry, pair.pool
    index = np.digitize(pool.column("sub_pt"), [20.0, 30.0])
    grouped, number = symmetry.grouping(pool, index)
    group_index = np.zeros(len(grouped), dtype=np.int64)
    group_index[number] = index
    assert len(grouped) < len(pool) / 10
    p, of_groups = symmetry.probability(pool), symmetry.probability(grouped)
    for power in (1, 2):
        one_by_one = np.bincount(index, p**power, minlength=3)
        in_groups = np.bincount(group_index, grouped.sizes * of_groups**power, minlength=3)
        assert np.allclose(one_by_one, in_groups, rtol=1e-12)
    for mine, theirs in zip(
        symmetry.spread(pool, index, 3), symmetry.spread(grouped, group_index, 3), strict=True
    ):
        assert np.allclose(mine, theirs, rtol=1e-9)


def test_what_goes_with_given(tmp_path):
    path = write(tmp_path / "or.json", pair_map("efficiency_pair", EITHER))
    pair = events(np.random.default_rng(8), 2000)
    with pytest.raises(ConfigurationError, match="control and given do not go together"):
        pair.equalised("self", given=path, control=pair)
    with pytest.raises(ConfigurationError, match="are of a self-calibration"):
        pair.equalised(path, given=path)
