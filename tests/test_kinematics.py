"""The collinear mass against four-vectors, plain math and decimals, for every kind of record."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import awkward as ak
import numpy as np
import pytest
import uproot
import vector
from coffea.nanoevents import DelphesSchema, NanoEventsFactory
from hypothesis import given
from hypothesis import strategies as st

from eμsym import collinear_mass
from eμsym.kinematics import missing_pt

N = 500


def random_events(n=N, seed=1):
    """Return pt, eta, phi of the leading and of the sub-leading lepton, and the MET."""
    rng = np.random.default_rng(seed)
    lead, sub = (
        {
            "pt": rng.exponential(30.0, n) + 15.0,
            "eta": rng.uniform(-2.3, 2.3, n),
            "phi": rng.uniform(-np.pi, np.pi, n),
        }
        for _ in range(2)
    )
    return lead, sub, rng.exponential(25.0, n)


def plain_loop(lead, sub, met):
    """Return the formula, event by event, as it is printed."""
    masses = []
    for i in range(len(met)):
        pt1, eta1, phi1 = (float(lead[name][i]) for name in ("pt", "eta", "phi"))
        pt2, eta2, phi2 = (float(sub[name][i]) for name in ("pt", "eta", "phi"))
        opening = math.cosh(eta1 - eta2) - math.cos(phi1 - phi2)
        masses.append(math.sqrt(2 * pt1 * (pt2 + float(met[i])) * opening))
    return masses


def delphes_names(lead, sub, met, dtype=np.float64):
    """Return records with the names of Delphes alone, and a MET of another direction."""
    names = {"pt": "PT", "eta": "Eta", "phi": "Phi"}
    leptons = [ak.zip({names[k]: v.astype(dtype) for k, v in x.items()}) for x in (lead, sub)]
    rng = np.random.default_rng(2)
    direction = {"Eta": rng.uniform(-4, 4, len(met)), "Phi": rng.uniform(-3, 3, len(met))}
    return *leptons, ak.zip({"MET": met.astype(dtype), **direction})


@pytest.fixture(scope="module")
def events():
    return random_events()


def test_it_is_the_mass_of_two_massless_particles_one_carrying_the_met(events):
    lead, sub, met = events
    first = vector.array({**lead, "mass": np.zeros(N)})
    second = vector.array({**sub, "mass": np.zeros(N)})
    second = second.scale((sub["pt"] + met) / sub["pt"])
    expected = (first + second).mass
    np.testing.assert_allclose(collinear_mass(first, second, np.zeros(N)), expected, rtol=1e-8)
    first, second = (vector.array(x) for x in (lead, sub))
    np.testing.assert_allclose(collinear_mass(first, second, met), expected, rtol=1e-8)


def test_without_met_it_is_the_mass_of_the_leptons(events):
    lead, sub, _ = events
    first, second = (vector.array({**x, "mass": np.zeros(N)}) for x in (lead, sub))
    found = collinear_mass(first, second, np.zeros(N))
    np.testing.assert_allclose(found, (first + second).mass, rtol=1e-8)


def test_a_higgs_that_decays_back_to_back_has_its_mass():
    # H -> e tau at rest: the tau's 62.5 GeV are shared by a muon and neutrinos along it.
    lead = vector.obj(pt=62.5, eta=0.0, phi=0.3)
    sub = vector.obj(pt=25.0, eta=0.0, phi=0.3 + math.pi)
    assert collinear_mass(lead, sub, 37.5) == pytest.approx(125.0, rel=1e-14)


def numpy_vectors(lead, sub, met):
    return vector.array(lead), vector.array(sub), vector.array({"pt": met, "phi": met})


def awkward_vectors(lead, sub, met):
    return (
        vector.zip(lead),
        vector.zip(sub),
        vector.zip({"pt": met, "phi": met}),
    )


def delphes_with_plain_met(lead, sub, met):
    electron, muon, _ = delphes_names(lead, sub, met)
    return electron, muon, ak.Array(met)


@pytest.mark.parametrize(
    "made_of", [numpy_vectors, awkward_vectors, delphes_names, delphes_with_plain_met]
)
def test_every_kind_of_record_agrees_with_the_plain_loop(made_of, events):
    found = collinear_mass(*made_of(*events))
    assert isinstance(found, np.ndarray if made_of is numpy_vectors else ak.Array)
    assert ak.to_numpy(found).dtype == np.float64
    np.testing.assert_allclose(ak.to_numpy(found), plain_loop(*events), rtol=1e-9)


def test_single_vectors_give_a_number(events):
    lead, sub, met = events
    expected = plain_loop(lead, sub, met)
    for i in range(20):
        first, second = (vector.obj(**{name: float(x[name][i]) for name in x}) for x in (lead, sub))
        for missing in (float(met[i]), vector.obj(pt=float(met[i]), phi=1.0)):
            found = collinear_mass(first, second, missing)
            assert np.ndim(found) == 0
            assert found == pytest.approx(expected[i], rel=1e-9)


def test_the_mass_of_one_record_of_an_array_is_that_number(events):
    records = delphes_names(*events)
    all_of_them = collinear_mass(*records)
    assert collinear_mass(*(r[7] for r in records)) == pytest.approx(all_of_them[7], rel=1e-14)


@pytest.fixture(scope="module")
def coffea_events(sample):
    """Events of a genuine Delphes file, as coffea gives them, with an electron and a muon."""
    path = str(sample / "hww.root")
    events = NanoEventsFactory.from_root(
        {path: "Delphes"}, schemaclass=DelphesSchema, mode="eager"
    ).events()
    return events[(ak.num(events.Electron) > 0) & (ak.num(events.Muon) > 0)]


def test_delphes_missing_momentum_is_its_met_and_not_its_pt(coffea_events):
    met = coffea_events.MissingET
    # coffea's vector says MET·cosh η, with the η that Delphes gives the sum of all momenta.
    assert ak.any(abs(met.pt - met.MET) > 10)
    assert ak.to_list(missing_pt(met)) == ak.to_list(met.MET)


def test_the_records_of_coffea_agree_with_uproot_and_the_plain_loop(coffea_events, sample):
    found = collinear_mass(
        coffea_events.Electron[:, 0], coffea_events.Muon[:, 0], coffea_events.MissingET
    )
    with uproot.open(sample / "hww.root") as file:
        branches = file["Delphes"].arrays(
            [f"{lepton}.{name}" for lepton in ("Electron", "Muon") for name in ("PT", "Eta", "Phi")]
            + ["MissingET.MET"]
        )
    both = branches[(ak.num(branches["Electron.PT"]) > 0) & (ak.num(branches["Muon.PT"]) > 0)]
    electron, muon = (
        {name.lower(): both[f"{lepton}.{name}"][:, 0] for name in ("PT", "Eta", "Phi")}
        for lepton in ("Electron", "Muon")
    )
    expected = plain_loop(electron, muon, both["MissingET.MET"][:, 0])
    assert len(expected) > 50
    np.testing.assert_allclose(ak.to_numpy(found), expected, rtol=1e-9)


def test_float32_records_lose_nothing_more_than_their_own_rounding(events):
    records = delphes_names(*events, dtype=np.float32)
    rounded = [
        {"pt": ak.to_numpy(r.PT), "eta": ak.to_numpy(r.Eta), "phi": ak.to_numpy(r.Phi)}
        for r in records[:2]
    ]
    found = collinear_mass(*records)
    assert ak.to_numpy(found).dtype == np.float64
    expected = plain_loop(*rounded, ak.to_numpy(records[2].MET))
    np.testing.assert_allclose(ak.to_numpy(found), expected, rtol=1e-9)


def by_decimals(lead, sub, met):
    """Return the formula to 50 digits; the series of cosh − cos end long before |Δ| = 0.1."""
    with localcontext() as context:
        context.prec = 50
        deta, dphi = (Decimal(lead[k]) - Decimal(sub[k]) for k in ("eta", "phi"))
        opening, factorial = Decimal(0), 1
        for n in range(1, 8):
            factorial *= (2 * n - 1) * (2 * n)
            opening += (deta ** (2 * n) - (-1) ** n * dphi ** (2 * n)) / factorial
        product = 2 * Decimal(lead["pt"]) * (Decimal(sub["pt"]) + Decimal(met))
        return float((product * opening).sqrt())


@given(
    eta=st.floats(-2.3, 2.3),
    phi=st.floats(-3.0, 3.0),
    deta=st.floats(-0.1, 0.1),
    dphi=st.floats(-0.1, 0.1),
    met=st.floats(0, 200),
)
def test_nearly_parallel_leptons_lose_no_digits(eta, phi, deta, dphi, met):
    lead = {"pt": 60.0, "eta": eta, "phi": phi}
    sub = {"pt": 25.0, "eta": eta + deta, "phi": phi + dphi}
    found = collinear_mass(vector.obj(**lead), vector.obj(**sub), met)
    assert found == pytest.approx(by_decimals(lead, sub, met), rel=1e-14, abs=1e-150)


def test_the_formula_as_printed_would_lose_them():
    lead = {"pt": 60.0, "eta": 0.3, "phi": 0.0}
    sub = {"pt": 25.0, "eta": 0.3 + 1e-8, "phi": 1e-8}
    exact = by_decimals(lead, sub, 10.0)
    as_printed = plain_loop(
        {k: [v] for k, v in lead.items()}, {k: [v] for k, v in sub.items()}, [10]
    )
    assert abs(as_printed[0] / exact - 1) > 0.01
    found = collinear_mass(vector.obj(**lead), vector.obj(**sub), 10.0)
    assert found == pytest.approx(exact, rel=1e-14)


def test_parallel_leptons_have_no_mass():
    lepton = vector.obj(pt=40.0, eta=1.1, phi=2.0)
    assert collinear_mass(lepton, lepton, 30.0) == 0.0


@pytest.mark.parametrize("turn", [-2 * math.pi, 2 * math.pi])
def test_a_full_turn_in_phi_changes_nothing(turn, events):
    lead, sub, met = events
    turned = {**sub, "phi": sub["phi"] + turn}
    found = collinear_mass(vector.array(lead), vector.array(turned), met)
    np.testing.assert_allclose(found, plain_loop(lead, sub, met), rtol=1e-9)


def test_no_events_give_no_masses():
    found = collinear_mass(*delphes_names(*random_events(0)))
    assert len(found) == 0
    assert ak.to_numpy(found).dtype == np.float64
