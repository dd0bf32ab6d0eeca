"""Resolutions of electrons and muons made equal: what they do to an order by pT."""

from __future__ import annotations

import numpy as np
import pytest
from hist.axis import Variable
from scipy.stats import chi2, kstest

from eμsym import Pair
from eμsym.calibration.resolution_maps import normal_of_leptons, read_resolution
from eμsym.errors import DataError, InputFileError
from tests.calibration.test_shared_errors import binning, correction, write

LEAD_PT = Variable([15, 20, 25, 30, 35, 40, 50, 60, 80, 1000], name="lead_pt")


def formula(text):
    return {"nodetype": "formula", "expression": text, "parser": "TFormula", "variables": ["pt"]}


def maps(path, electron, muon):
    """Write resolutions as formulas of pT, worse by half again above |η| = 1.5."""
    return write(
        path,
        *(
            correction(
                f"resolution_{name}",
                ["pt", "abseta"],
                binning("abseta", [0.0, 1.5, 9.0], [formula(text), formula(f"1.5*({text})")]),
            )
            for name, text in (("electron", electron), ("muon", muon))
        ),
    )


ELECTRON, MUON = "0.05+0.001*x", "0.01+0.0002*x"


def resolution(flavour, pt, eta):
    flat = {"electron": 0.05 + 0.001 * pt, "muon": 0.01 + 0.0002 * pt}[flavour]
    return flat * np.where(np.abs(eta) < 1.5, 1.0, 1.5)


def measured(rng, n, start):
    """Return electrons' and muons' pT and η as measured, of equal steeply falling true spectra."""
    found = {}
    for flavour in ("electron", "muon"):
        pt, eta = start + rng.exponential(6, n), rng.uniform(-2.3, 2.3, n)
        smeared = pt * (1 + resolution(flavour, pt, eta) * rng.standard_normal(n))
        found[flavour] = (np.maximum(smeared, 0.1), eta)
    return found


def pair_of(found, cut):
    """Return the pair of events whose leptons are both above a cut on pT."""
    pt = np.stack([found["electron"][0], found["muon"][0]])
    eta = np.stack([found["electron"][1], found["muon"][1]])
    keep = (pt > cut).all(axis=0)
    pt, eta = pt[:, keep], eta[:, keep]
    is_a = pt[0] > pt[1]
    lead = np.where(is_a, pt[0], pt[1]), np.where(is_a, eta[0], eta[1])
    sub = np.where(is_a, pt[1], pt[0]), np.where(is_a, eta[1], eta[0])
    columns = {"lead_pt": lead[0], "lead_eta": lead[1], "sub_pt": sub[0], "sub_eta": sub[1]}
    a, b = ({k: v[mask] for k, v in columns.items()} for mask in (is_a, ~is_a))
    return Pair.from_columns(a, b, names=("eμ", "μe"))


def equalised(found, read, seed):
    (pt_e, eta_e), (pt_mu, eta_mu) = found["electron"], found["muon"]
    phi = np.arange(len(pt_e)) * 1e-5
    electron = read.smeared_electrons(pt_e, eta_e, normal_of_leptons(seed, 11, pt_e, eta_e, phi))
    muon = read.smeared_muons(pt_mu, eta_mu, normal_of_leptons(seed, 13, pt_mu, eta_mu, phi))
    return {"electron": (electron, eta_e), "muon": (muon, eta_mu)}


def pvalue(pair):
    """Return the p-value of the χ² of A − B in bins of the leading pT."""
    a, b = (np.histogram(x.column("lead_pt"), LEAD_PT.edges)[0] for x in (pair.a, pair.b))
    return chi2.sf(np.sum((a - b) ** 2 / (a + b)), a.size)


@pytest.mark.parametrize("cut", [10.0, 15.0])
def test_the_order_by_pt_is_symmetric_after_and_not_before(tmp_path, cut):
    """About 2·10⁵ selected events of a steep spectrum; nothing but the resolutions differs."""
    read = read_resolution(maps(tmp_path / "x.json", ELECTRON, MUON))
    rng = np.random.default_rng(4)
    found = measured(rng, 1_000_000, cut - 5)
    before = pair_of(found, cut)
    after = pair_of(equalised(found, read, 1), cut)
    assert pvalue(before) < 1e-3
    assert pvalue(after) > 0.01


def test_muons_get_the_spread_that_electrons_have(tmp_path):
    read = read_resolution(maps(tmp_path / "x.json", ELECTRON, MUON))
    n = 200_000
    pt, eta = np.full(n, 40.0), np.full(n, -2.0)
    rng = np.random.default_rng(2)
    as_muons = pt * (1 + resolution("muon", pt, eta) * rng.standard_normal(n))
    g = normal_of_leptons(3, 13, as_muons, eta, np.linspace(-3, 3, n))
    found = read.smeared_muons(as_muons, eta, g) / pt
    # The standard error of a standard deviation is σ/√(2n), 0.16 %; σ changes within a spread.
    assert found.std() == pytest.approx(resolution("electron", 40.0, -2.0), rel=0.02)
    # Electrons are the worse measured everywhere, and stay as they are.
    assert np.array_equal(read.smeared_electrons(as_muons, eta, g), as_muons)
    assert read.smeared_muons(np.array([20.0]), np.array([2.0]), np.array([-50.0])) == [0.0]


def test_the_numbers_are_normal_and_of_the_lepton_alone():
    rng = np.random.default_rng(1)
    n = 100_000
    pt, eta, phi = rng.exponential(20, n), rng.uniform(-2, 2, n), rng.uniform(-3, 3, n)
    pt, eta, phi = (x.astype(np.float32).astype(np.float64) for x in (pt, eta, phi))
    g = normal_of_leptons(1, 11, pt, eta, phi)
    assert kstest(g, "norm").pvalue > 0.001
    for other in (
        normal_of_leptons(2, 11, pt, eta, phi),
        normal_of_leptons(1, 13, pt, eta, phi),
        normal_of_leptons(1, 11, np.nextafter(pt, 0), eta, phi),
        normal_of_leptons(1, 11, pt, eta, -phi),
        pt,
        eta,
        np.roll(g, 1),
    ):
        assert abs(np.corrcoef(g, other)[0, 1]) < 4.5 / np.sqrt(n)
    order = rng.permutation(n)
    again = normal_of_leptons(1, 11, pt[order], eta[order], phi[order])
    assert np.array_equal(again, g[order])
    assert np.array_equal(
        normal_of_leptons(1, 11, pt[:1], np.array([-0.0]), phi[:1]),
        normal_of_leptons(1, 11, pt[:1], np.array([0.0]), phi[:1]),
    )


def test_maps_that_are_none(tmp_path):
    path = maps(tmp_path / "x.json", "1.2", MUON)
    with pytest.raises(DataError, match=r"resolution_electron is 1.2 at pT 20 GeV, η 0; a rel"):
        read_resolution(path).evaluate([20.0], [0.0])
    path = write(
        tmp_path / "y.json",
        correction("resolution_electron", ["pt"], binning("pt", [0.0, 50.0], [0.1], "error")),
        correction("resolution_muon", ["pt"], 0.1),
    )
    with pytest.raises(DataError, match="resolution_electron is not defined for all leptons"):
        read_resolution(path).evaluate([20.0, 80.0], [0.0, 0.0])
    path = write(tmp_path / "z.json", correction("resolution_electron", ["pt"], 0.1))
    with pytest.raises(InputFileError, match="no correction 'resolution_muon'"):
        read_resolution(path)
