"""Errors of efficiency maps: those of their own bins, whatever is made of them."""

from __future__ import annotations

import numpy as np
import pytest
from correctionlib import schemav2
from hist.axis import Regular

from eμsym import Pair, read_correction
from eμsym.errors import DataError, InputFileError

EVERYTHING = Regular(1, 0, 10_000, name="lead_pt")
PT_EDGES, ABSETA_EDGES = [0.0, 20.0, 30.0, 50.0, 1000.0], [0.0, 1.5, 2.5]


def binning(variable, edges, content, flow="clamp"):
    return {
        "nodetype": "binning", "input": variable, "edges": edges, "content": content, "flow": flow,
    }  # fmt: skip


def correction(name, inputs, data):
    texts = {"year"}
    return schemav2.Correction.model_validate(
        {
            "name": name,
            "version": 1,
            "inputs": [{"name": x, "type": "string" if x in texts else "real"} for x in inputs],
            "output": {"name": "value", "type": "real"},
            "data": data,
        }
    )


def write(path, *corrections):
    content = schemav2.CorrectionSet(schema_version=2, corrections=list(corrections))
    path.write_text(content.model_dump_json(exclude_unset=True), encoding="utf-8")
    return path


def leptons(n, seed=1):
    """Return pT and η of leading and sub-leading leptons, (2, n); |η| knows nothing of pT."""
    rng = np.random.default_rng(seed)
    pt = np.sort(15 + rng.exponential(20, (2, n)), axis=0)[::-1]
    return pt, rng.uniform(-2.4, 2.4, (2, n))


def pair_of(pt, eta, p, seed=2):
    columns = {"lead_pt": pt[0], "sub_pt": pt[1], "lead_eta": eta[0], "sub_eta": eta[1]}
    is_a = np.random.default_rng(seed).random(p.size) < p
    a, b = ({k: v[mask] for k, v in columns.items()} for mask in (is_a, ~is_a))
    return Pair.from_columns(a, b)


def mapped(path, electron, electron_error, muon, muon_error):
    """Write an electron map in |η| and a muon map in pT."""
    return write(
        path,
        correction("efficiency_electron", ["abseta"], binning("abseta", ABSETA_EDGES, electron)),
        correction(
            "efficiency_electron_error", ["abseta"], binning("abseta", ABSETA_EDGES, electron_error)
        ),
        correction("efficiency_muon", ["pt"], binning("pt", PT_EDGES, muon)),
        correction("efficiency_muon_error", ["pt"], binning("pt", PT_EDGES, muon_error)),
    )


def difference(is_a, eta, pt, electron, muon):
    """Return Σ(A − B) with weights 2(1 − p) and 2p, from the efficiencies as they stand."""
    eta_bin = np.digitize(np.abs(eta), ABSETA_EDGES[1:-1])
    pt_bin = np.digitize(pt, PT_EDGES[1:-1])
    lead, sub = np.log(muon[pt_bin]) - np.log(electron[eta_bin])
    p = 1 / (1 + np.exp(lead - sub))
    return 2 * np.sum(is_a - p)


@pytest.mark.parametrize(
    ("electron", "muon"),
    [([0.8, 0.6], [0.7, 0.8, 0.9, 0.92]), ([0.8, 0.8], [0.8, 0.8, 0.8, 0.8])],
    ids=["different values", "bins of equal value"],
)
def test_the_error_is_that_of_maps_varied_by_hand(tmp_path, electron, muon):
    electron_error, muon_error = [0.02, 0.02], [0.01, 0.01, 0.01, 0.01]
    pt, eta = leptons(5000)
    pair = pair_of(pt, eta, np.full(5000, 0.5))
    path = mapped(tmp_path / "x.json", electron, electron_error, muon, muon_error)
    equal = pair.equalised(path)
    maps = read_correction(path)
    levels = maps.at(*leptons(5000))
    assert levels.log_ratio.size == 8  # a combination each, not a value each
    exact = write(
        tmp_path / "exact.json",
        correction("efficiency_electron", ["abseta"], binning("abseta", ABSETA_EDGES, electron)),
        correction("efficiency_muon", ["pt"], binning("pt", PT_EDGES, muon)),
    )
    own = pair.equalised(exact).covariance(EVERYTHING)[0, 0]
    found = equal.covariance(EVERYTHING)[0, 0] - own
    rng = np.random.default_rng(3)
    pool = pair.pool
    pt, eta = (np.stack([pool.column(f"{x}_{y}") for x in ("lead", "sub")]) for y in ("pt", "eta"))
    varied = [
        difference(
            pool.labels,
            eta,
            pt,
            np.array(electron) + electron_error * rng.standard_normal(2),
            np.array(muon) + muon_error * rng.standard_normal(4),
        )
        for _ in range(1000)
    ]
    # Of 1,000 variations the variance is known to 4.5 %.
    assert found == pytest.approx(np.var(varied), rel=0.16)


def test_an_error_that_cancels_between_the_leptons_cancels(tmp_path):
    """Only electrons have errors, in |η|, which the two slots share: A − B hardly knows of them.

    The muons' pT bins part the electrons' |η| bins into eight, and independent errors of these
    would not cancel: the leading lepton is seldom in the bins of the sub-leading one.
    """
    n, error = 20_000, 0.1
    pt, eta = leptons(n)
    eta[1] = -eta[0]  # both leptons are in the same bin of |η|
    path = mapped(tmp_path / "x.json", [0.8, 0.8], [error * 0.8] * 2, [0.8] * 4, [0.0] * 4)
    equal = pair_of(pt, eta, np.full(n, 0.5)).equalised(path)
    variance = equal.covariance(EVERYTHING)[0, 0]
    assert variance == pytest.approx(n, rel=1e-9)  # Σ 4pq alone
    # The same errors as if they were independent in eight bins: (Σ pq x)² σ² of each.
    bins = np.digitize(np.abs(eta), ABSETA_EDGES[1:-1]) * 4 + np.digitize(pt, PT_EDGES[1:-1])
    response = (np.bincount(bins[1], minlength=8) - np.bincount(bins[0], minlength=8)) / 4
    independent = 4 * np.sum((response * error) ** 2)
    assert independent > 4 * n


def test_the_covariance_in_closed_form(tmp_path):
    """cov(ln r, ln r') = [same electron bin] (σ_e/ε_e)² + [same muon bin] (σ_μ/ε_μ)²."""
    electron, muon = np.array([0.8, 0.5]), np.array([0.7, 0.8, 0.9, 0.95])
    sigma_e, sigma_mu = np.array([0.02, 0.03]), np.array([0.01, 0.02, 0.005, 0.01])
    path = mapped(tmp_path / "x.json", *map(list, (electron, sigma_e, muon, sigma_mu)))
    pt, eta = (grid.ravel() for grid in np.meshgrid([18.0, 25.0, 40.0, 80.0], [-0.3, 2.0]))
    levels = read_correction(path).at(pt, eta)
    number = levels.index(pt, eta)
    i, j = np.digitize(np.abs(eta), [1.5]), np.digitize(pt, PT_EDGES[1:-1])
    assert np.allclose(levels.log_ratio[number], np.log(muon[j] / electron[i]), rtol=1e-14)
    by_hand = (i[:, None] == i) * (sigma_e / electron)[i] ** 2
    by_hand = by_hand + (j[:, None] == j) * (sigma_mu / muon)[j] ** 2
    assert np.allclose(levels.covariance[np.ix_(number, number)], by_hand, rtol=1e-14)
    assert levels.modes.shape == (6, 8)
    with pytest.raises(DataError, match="other leptons"):
        read_correction(path).at(pt[:2], eta[:2]).index(pt, eta)


def test_bins_of_every_kind_of_node(tmp_path):
    """Nested, signed η, flow with content, and a formula inside a bin: a bin each."""
    formula = {
        "nodetype": "formula", "expression": "0.9-x/1000", "parser": "TFormula",
        "variables": ["pt"],
    }  # fmt: skip
    inner = binning("pt", [0.0, 30.0, 100.0], [0.7, 0.7], flow=formula)
    uniform = {**binning("eta", {"n": 4, "low": -2, "high": 2}, [inner, 0.7, 0.7, 0.7], "wrap")}
    error = binning("eta", [-9.0, 9.0], [0.01])
    path = write(
        tmp_path / "x.json",
        correction("efficiency_electron", ["eta", "pt"], uniform),
        correction("efficiency_electron_error", ["eta"], error),
        correction("efficiency_muon", ["pt"], 0.8),
        correction("efficiency_muon_error", ["pt"], 0.0),
    )
    maps = read_correction(path)
    pt = np.array([20.0, 50.0, 200.0, 300.0, 20.0, 20.0, 20.0])
    eta = np.array([-1.5, -1.5, -1.5, -1.5, -0.5, 0.5, 2.5])  # 2.5 wraps around to −1.5
    electron = np.array([0.7, 0.7, 0.7, 0.6, 0.7, 0.7, 0.7])
    assert np.allclose(maps.evaluate(pt, eta)[0], electron, rtol=1e-14)
    levels = maps.at(pt, eta)
    number = levels.index(pt, eta)
    cov = levels.covariance[np.ix_(number, number)]
    source = np.array([0, 1, 2, 2, 3, 4, 0])
    relative = 0.01 / electron
    by_hand = np.where(source[:, None] == source, np.outer(relative, relative), 0.0)
    assert np.allclose(cov, by_hand, rtol=1e-13)


@pytest.mark.parametrize("choices", [["2018"], ["2017", "2018"]])
def test_text_is_refused_even_if_there_is_one_choice(tmp_path, choices):
    def by_year(name, years):
        items = [{"key": year, "value": 0.8} for year in years]
        data = {"nodetype": "category", "input": "year", "content": items}
        return correction(name, ["year", "pt"], data)

    path = write(
        tmp_path / "x.json",
        correction("efficiency_electron", ["pt"], 0.8),
        by_year("efficiency_muon", choices),
    )
    with pytest.raises(InputFileError, match="efficiency_muon takes year as text; make it"):
        read_correction(path)


#: Relative errors of the two maps' bins, and n events of which most have both leptons in one bin
#: of |η|: the electrons' error nearly cancels in Σ(A − B), and the muons' is small.
ELECTRON_ERROR, MUON_ERROR, N_SHARED = 0.04, 0.0016, 12_000


@pytest.mark.parametrize(
    ("electron", "muon"),
    [([0.8, 0.6], [0.7, 0.8, 0.9, 0.92]), ([0.75, 0.75], [0.8, 0.8, 0.8, 0.8])],
    ids=["different values", "equal values and errors"],
)
def test_the_error_of_the_sum_of_a_map_in_eta_and_one_in_pt(tmp_path, electron, muon):
    """2 bins of |η| for electrons, 4 of pT for muons: an error of 5, where eight would give 90.

    Thrown by hand, each bin of each map once a throw, and in closed form: with
    D = 2 Σ (y − p), ∂D/∂ln ε_e(k) = −2 Σ p (1 − p) (1[lead in k] − 1[sub in k]), and the
    same with the other sign for muons.
    """
    electron, muon = np.array(electron), np.array(muon)
    error_e, error_mu = ELECTRON_ERROR * electron, MUON_ERROR * muon
    pt, eta = leptons(N_SHARED, seed=7)
    together = np.random.default_rng(8).random(N_SHARED) < 0.985
    eta[1] = np.where(together, -eta[0], eta[1])
    pair = pair_of(pt, eta, np.full(N_SHARED, 0.5))
    pool = pair.pool
    pt, eta = (np.stack([pool.column(f"{x}_{y}") for x in ("lead", "sub")]) for y in ("pt", "eta"))
    in_eta, in_pt = np.digitize(np.abs(eta), ABSETA_EDGES[1:-1]), np.digitize(pt, PT_EDGES[1:-1])
    log_ratio = np.log(muon)[in_pt] - np.log(electron)[in_eta]
    p = 1 / (1 + np.exp(log_ratio[0] - log_ratio[1]))
    own = np.sum(4 * p * (1 - p))  # of the labels alone, which are a fair coin's of odds p

    path = mapped(tmp_path / "x.json", *map(list, (electron, error_e, muon, error_mu)))
    found = pair.equalised(path).covariance(EVERYTHING)[0, 0] - own

    def response(bins, n):
        """Return Σ 2 p (1 − p) over leading leptons less that over sub-leading ones, by bin."""
        lead, sub = (np.bincount(x, weights=2 * p * (1 - p), minlength=n) for x in bins)
        return lead - sub

    closed = np.sum((ELECTRON_ERROR * response(in_eta, 2)) ** 2)
    closed += np.sum((MUON_ERROR * response(in_pt, 4)) ** 2)
    assert found == pytest.approx(closed, rel=1e-9)

    rng = np.random.default_rng(9)
    thrown = [
        difference(
            pool.labels,
            eta,
            pt,
            electron * np.exp(ELECTRON_ERROR * rng.standard_normal(2)),
            muon * np.exp(MUON_ERROR * rng.standard_normal(4)),
        )
        for _ in range(1500)
    ]
    assert np.sqrt(found) == pytest.approx(np.std(thrown), rel=0.1)  # known to 1.8 %

    # What eight combinations with errors of their own would give.
    both = response(in_eta * 4 + in_pt, 8)
    independent = np.sum(both**2) * (ELECTRON_ERROR**2 + MUON_ERROR**2)
    assert np.sqrt(found) == pytest.approx(5, abs=0.5)
    assert np.sqrt(independent) == pytest.approx(90, abs=2)
