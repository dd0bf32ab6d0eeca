"""The parametrised response, against genuine Delphes events and closed forms.

The genuine events are twelve of tt̄ with all branches of the ATLAS card: particles, tracks,
towers and energy flow, so that every step can be checked on its own input.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from scipy.stats import chi2, kstest, lognorm

from eμsym.recipes.simulation.atlas_card import (
    ECAL,
    HCAL,
    ISOLATION_CONE,
    ISOLATION_PT_MIN,
    identification_efficiency,
    track_resolution,
    tracking_efficiency,
)
from eμsym.recipes.simulation.energy_flow import log_normal, separate, tower_edges, tower_number
from eμsym.recipes.simulation.isolation import Objects, cone_sums
from eμsym.recipes.simulation.particles import Particles, Partons
from eμsym.recipes.simulation.propagation import to_the_calorimeter
from eμsym.recipes.simulation.response import respond

N_GENUINE = 12


NO_PARTONS = Partons(*(np.zeros(0, dtype) for dtype in (int, int, float, float)))


class Genuine:
    """The genuine events, every branch as a flat column of float."""

    def __init__(self) -> None:
        path = Path(__file__).parents[1] / "data" / "all_branches.root"
        self.tree = uproot.open(path)["Delphes"]

    def __call__(self, name: str) -> Any:
        return ak.to_numpy(ak.flatten(self.tree[name].array())).astype(float)

    def event(self, collection: str) -> Any:
        return np.repeat(np.arange(N_GENUINE), self.tree[f"{collection}_size"].array())

    def particles(self) -> Particles:
        """Those in the final state, with the charge in units of the proton's."""
        final = self("Particle.Status") == 1
        columns = {
            name: self(f"Particle.{name}")[final]
            for name in ("PID", "Charge", "Px", "Py", "Pz", "E", "X", "Y", "Z")
        }
        return Particles(
            self.event("Particle")[final],
            columns["PID"].astype(int),
            columns["Charge"],
            np.stack([columns[axis] for axis in ("Px", "Py", "Pz")]),
            columns["E"],
            np.stack([columns[axis] for axis in ("X", "Y", "Z")]),
        )


@pytest.fixture(scope="module")
def genuine() -> Genuine:
    return Genuine()


@pytest.fixture(scope="module")
def matched(genuine: Genuine) -> Any:
    """The number of the particle that made every genuine track."""
    particles, found = genuine.particles(), []
    tracks = {name: genuine(f"Track.{name}") for name in ("PID", "Eta", "X", "Y", "Z")}
    for i, event in enumerate(genuine.event("Track")):
        same = (particles.event == event) & (particles.pdg == tracks["PID"][i])
        away = np.abs(particles.eta - tracks["Eta"][i])
        for axis, name in enumerate("XYZ"):
            away = away + np.abs(particles.position[axis] - tracks[name][i])
        found.append(int(np.argmin(np.where(same, away, np.inf))))
    assert len(set(found)) == len(found) == 858
    return np.array(found)


def gun(pdg: int, pt: float, eta: float, n: int) -> Particles:
    """One particle of charge −1 an event, from the origin."""
    phi = np.random.default_rng(5).uniform(-np.pi, np.pi, n)
    momentum = np.stack([pt * np.cos(phi), pt * np.sin(phi), np.full(n, pt * np.sinh(eta))])
    energy = np.full(n, pt * np.cosh(eta))
    return Particles(
        np.arange(n), np.full(n, pdg), np.full(n, -1.0), momentum, energy, np.zeros((3, n))
    )


# ---------------------------------------------------------------- to the calorimeter


def test_tracks_arrive_where_those_of_delphes_do(genuine: Genuine, matched: Any) -> None:
    """858 tracks, among them 200 below 0.345 GeV, which spiral to the ends of the solenoid."""
    particles = genuine.particles()[matched]
    eta, phi = to_the_calorimeter(particles.position, particles.momentum, particles.charge)
    assert np.sum(particles.pt < 0.345) > 50
    np.testing.assert_allclose(eta, genuine("Track.EtaOuter"), atol=2e-4)
    turn = (phi - genuine("Track.PhiOuter") + np.pi) % (2 * np.pi) - np.pi
    assert np.max(np.abs(turn)) < 2e-4


def test_a_prompt_track_bends_as_the_closed_form_says() -> None:
    """A chord of length R of a circle of radius ρ turns by asin(R / 2ρ)."""
    pt, eta = np.array([0.5, 1.0, 5.0, 50.0]), np.array([0.0, 0.3, -1.0, 1.2])
    for sign in (-1.0, 1.0):
        momentum = np.stack([pt, 0 * pt, pt * np.sinh(eta)])
        found = to_the_calorimeter(np.zeros((3, 4)), momentum, np.full(4, sign))
        radius = pt / (0.299792458 * 2.0)
        half_turn = np.arcsin(1.15 / (2 * radius))
        np.testing.assert_allclose(found[1], -sign * half_turn, atol=1e-12)
        path = 2 * radius * half_turn
        np.testing.assert_allclose(np.sinh(found[0]), np.sinh(eta) * path / 1.15, atol=1e-12)


def test_neutral_particles_fly_straight_and_outside_nothing_arrives() -> None:
    momentum = np.array([[1.0, 1.0, 1.0, 0.0], [2.0, 0.0, 0.0, 0.0], [3.0, 0.5, 0.5, 9.0]])
    position = np.array([[0.0, 0.0, 1200.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 1000.0, 0.0, 0.0]])
    eta, phi = to_the_calorimeter(position, momentum, np.zeros(4))
    assert eta[0] == pytest.approx(np.arcsinh(3 / np.sqrt(5)))
    assert phi[0] == pytest.approx(np.arctan2(2, 1))
    assert eta[1] == pytest.approx(np.arcsinh((1.0 + 0.5 * 1.15) / 1.15))
    assert np.all(np.isnan(eta[2:]))  # made outside of the solenoid; along the beam


# ---------------------------------------------------------------- towers and energy flow


@pytest.mark.parametrize("calorimeter", [ECAL, HCAL], ids=["electromagnetic", "hadronic"])
def test_towers_are_those_of_the_card(genuine: Genuine, calorimeter: Any) -> None:
    edges = of_calorimeter(genuine, calorimeter)[0]
    centre = 0.5 * (edges[:, 0::2] + edges[:, 1::2])
    cell = tower_number(calorimeter, centre[:, 0], centre[:, 1])
    ours = np.stack(tower_edges(calorimeter, cell), axis=1)
    np.testing.assert_allclose(ours, edges, atol=1e-6)


def of_calorimeter(genuine: Genuine, calorimeter: Any) -> tuple[Any, Any, Any]:
    """Return edges, energies and events of the genuine towers; muons count as towers there."""
    edges, em = genuine("Tower.Edges[4]"), genuine("Tower.Eem")
    chosen = em > 0 if calorimeter is ECAL else (em == 0) & (edges[:, 1] > edges[:, 0])
    return edges[chosen], genuine("Tower.E")[chosen], genuine.event("Tower")[chosen]


@pytest.mark.parametrize("calorimeter", [ECAL, HCAL], ids=["electromagnetic", "hadronic"])
def test_energy_flow_is_that_of_delphes(genuine: Genuine, matched: Any, calorimeter: Any) -> None:
    """Given the genuine towers and tracks, every neutral object and corrected track is found."""
    pdg = np.abs(genuine("Track.PID"))
    chosen = pdg == 11 if calorimeter is ECAL else ~np.isin(pdg, (11, 13))
    eta, phi = genuine("Track.EtaOuter")[chosen], genuine("Track.PhiOuter")[chosen]
    pt = genuine("Track.PT")[chosen]
    energy = np.hypot(genuine("Track.Mass")[chosen], pt * np.cosh(genuine("Track.Eta")[chosen]))
    kind = "electron" if calorimeter is ECAL else "hadron"
    sigma = energy * track_resolution(kind, genuine.particles().pt[matched][chosen], eta)

    edges, measured, event = of_calorimeter(genuine, calorimeter)
    n_cells = int(calorimeter.phi_towers.sum())
    centre = 0.5 * (edges[:, 0::2] + edges[:, 1::2])
    towers = event * n_cells + tower_number(calorimeter, centre[:, 0], centre[:, 1])
    of_track = genuine.event("Track")[chosen] * n_cells + tower_number(calorimeter, eta, phi)
    points = of_track == towers[:, None]
    neutral, factor = separate(
        calorimeter,
        measured,
        calorimeter.sigma(measured, centre[:, 0]),
        points @ energy,
        points @ sigma**2,
    )
    name = "EFlowPhoton" if calorimeter is ECAL else "EFlowNeutralHadron"
    found = np.sort(neutral[neutral > 0])
    np.testing.assert_allclose(found, np.sort(genuine(f"{name}.E")), rtol=1e-5)

    flow_pdg = np.abs(genuine("EFlowTrack.PID"))
    flow = genuine("EFlowTrack.PT")[
        flow_pdg == 11 if calorimeter is ECAL else ~np.isin(flow_pdg, (11, 13))
    ]
    assert len(flow) == len(pt)
    seen = points.any(axis=0)  # the others' towers were too faint to be kept
    assert seen.sum() > 0.3 * len(pt)
    corrected = pt[seen] * factor[np.argmax(points[:, seen], axis=0)]
    nearest = np.min(np.abs(corrected[:, None] / flow - 1), axis=1)
    assert np.max(nearest) < 1e-5


def test_isolation_sums_are_those_of_delphes(genuine: Genuine) -> None:
    flow = ["EFlowTrack", "EFlowPhoton", "EFlowNeutralHadron"]
    pt = {c: genuine(f"{c}.PT" if c == "EFlowTrack" else f"{c}.ET") for c in flow}
    keep = {c: np.ones(len(pt[c]), dtype=bool) for c in flow}
    keep["EFlowTrack"] = ~np.isin(np.abs(genuine("EFlowTrack.PID")), (11, 13))

    def column(values: Any) -> Any:
        return np.concatenate([values(c)[keep[c]] for c in flow])

    objects = Objects(
        column(genuine.event),
        column(lambda c: pt[c]),
        column(lambda c: genuine(f"{c}.Eta")),
        column(lambda c: genuine(f"{c}.Phi")),
        column(lambda c: np.full(len(pt[c]), c == "EFlowTrack")),
    )
    for name, number in (("Electron", 9), ("Muon", 6)):
        leptons = Objects(
            genuine.event(name),
            *(genuine(f"{name}.{member}") for member in ("PT", "Eta", "Phi")),
            np.ones(number, dtype=bool),
        )
        charged, neutral = cone_sums(leptons, objects, cone=ISOLATION_CONE, pt_min=ISOLATION_PT_MIN)
        np.testing.assert_allclose(charged, genuine(f"{name}.SumPtCharged"), rtol=1e-5)
        np.testing.assert_allclose(neutral, genuine(f"{name}.SumPtNeutral"), rtol=1e-5)
        isolation = (charged + neutral) / leptons.pt
        np.testing.assert_allclose(isolation, genuine(f"{name}.IsolationVar"), rtol=1e-5)


# ---------------------------------------------------------------- smearing and efficiencies


def test_smearing_is_log_normal_with_the_mean_and_the_width_asked_for() -> None:
    mean, sigma = 7.0, 2.5
    drawn = log_normal(np.full(20_000, mean), np.full(20_000, sigma), np.random.default_rng(3))
    width = np.sqrt(np.log(1 + (sigma / mean) ** 2))
    expected = lognorm(width, scale=mean * np.exp(-0.5 * width**2))
    assert expected.mean() == pytest.approx(mean)
    assert expected.std() == pytest.approx(sigma)
    assert kstest(drawn, expected.cdf).pvalue > 0.01
    assert log_normal(np.zeros(3), np.ones(3), np.random.default_rng(3)).tolist() == [0, 0, 0]


def test_genuine_tracks_scatter_as_the_card_says(genuine: Genuine, matched: Any) -> None:
    """Pulls of 823 hadrons' tracks about the particles that made them are unit Gaussian."""
    true = genuine.particles()[matched]
    hadron = ~np.isin(np.abs(true.pdg), (11, 13))
    resolution = track_resolution("hadron", true.pt, genuine("Track.EtaOuter"))[hadron]
    width = np.sqrt(np.log1p(resolution**2))
    pull = np.log(genuine("Track.PT")[hadron] / true.pt[hadron]) / width + 0.5 * width
    assert kstest(pull, "norm").pvalue > 0.01


@pytest.mark.parametrize(
    ("pdg", "pt", "eta", "efficiency"),
    [
        # Tracking × identification, as written in the description of the genuine files.
        (11, 40.0, 0.3, 0.95 * 0.95),
        (11, 150.0, 1.0, 0.99 * 0.95),
        (11, 40.0, 2.0, 0.83 * 0.85),
        (11, 150.0, 2.0, 0.90 * 0.85),
        (13, 40.0, 0.3, 0.99 * 0.95),
        (13, 40.0, 2.0, 0.98 * 0.85),
        (13, 40.0, 2.7, 0.0),
        (11, 5.0, 0.3, 0.0),
    ],
)
def test_single_leptons(pdg: int, pt: float, eta: float, efficiency: float) -> None:
    n = 20_000
    seen = respond(gun(pdg, pt, eta, n), NO_PARTONS, n, np.random.default_rng(1))
    found = seen.electrons if pdg == 11 else seen.muons
    if pdg == 11 and efficiency:
        efficiency *= isolated_part(pt, eta)
    error = max(np.sqrt(efficiency * (1 - efficiency) / n), 1e-9)
    assert len(found.pt) / n == pytest.approx(efficiency, abs=5 * error)
    assert np.all(found.charge == -1)
    assert np.all(found.sum_pt_charged == 0)
    assert np.all(found.isolation <= (0.15 if pdg == 11 else 0.0))
    assert np.all(np.abs(found.eta - eta) < 1e-9)


def isolated_part(pt: float, eta: float) -> float:
    """How often a lone electron's own shower does not spoil its isolation, one by one.

    If the tower has 2σ more than the track, Delphes takes the excess for a photon.
    """
    draw, n, kept = np.random.default_rng(9).standard_normal, 50_000, 0
    size = abs(eta)
    a, b = (0.03, 1.3e-3) if size <= 0.5 else (0.05, 1.7e-3) if size <= 1.5 else (0.15, 3.1e-3)
    resolution = float(np.hypot(a, b * pt))
    energy = pt * float(np.cosh(eta))
    widths = [
        np.sqrt(np.log1p(relative**2))
        for relative in (resolution, np.hypot(0.0017, 0.101 / np.sqrt(energy)))
    ]
    for _ in range(n):
        track, tower = (energy * np.exp(w * draw() - w * w / 2) for w in widths)
        error = np.sqrt((resolution * track) ** 2 + (0.0017 * tower) ** 2 + 0.101**2 * tower)
        kept += not (tower - track > 2 * error and tower - track > 0.15 * track)
    return kept / n


def test_lepton_resolution() -> None:
    """A muon has its track's, an electron the mean of track's and tower's, weighted by 1/σ²."""
    n, pt = 50_000, 60.0
    rng = np.random.default_rng(2)
    muons = respond(gun(13, pt, 1.0, n), NO_PARTONS, n, rng).muons
    expected = np.hypot(0.015, 1.5e-4 * pt)
    assert np.std(muons.pt / pt) == pytest.approx(expected, rel=0.02)
    electrons = respond(gun(11, pt, 0.3, n), NO_PARTONS, n, rng).electrons
    energy = pt * np.cosh(0.3)
    calorimeter = np.hypot(0.0017, 0.101 / np.sqrt(energy))
    track = np.hypot(0.03, 1.3e-3 * pt)
    both = 1 / np.hypot(1 / calorimeter, 1 / track)
    # Where the track is low by more than 2σ, its excess in the tower becomes a photon and the
    # electron keeps the track's momentum, or is not isolated any more: the tails are left out.
    low, high = np.quantile(electrons.pt / pt, [0.158655, 0.841345])
    assert 0.5 * (high - low) == pytest.approx(both, rel=0.06)
    assert np.median(electrons.pt) == pytest.approx(pt, rel=0.002)


def test_the_card_s_steps_in_pt_and_eta() -> None:
    pt, eta = np.array([0.1, 0.5, 1.0, 1.01, 100.0, 101.0]), np.zeros(6)
    assert tracking_efficiency("electron", pt, eta).tolist() == [0, 0.73, 0.73, 0.95, 0.95, 0.99]
    assert tracking_efficiency("hadron", pt, eta + 2.0).tolist() == [0, 0.6, 0.6, 0.85, 0.85, 0.85]
    assert tracking_efficiency("muon", pt, eta + 2.6).tolist() == [0] * 6
    assert identification_efficiency(np.array([10.0, 10.1]), np.zeros(2)).tolist() == [0, 0.95]
    assert track_resolution("electron", np.array([1e4]), np.zeros(1)).tolist() == [1.0]


# ---------------------------------------------------------------- all together


def test_response_to_genuine_particles(genuine: Genuine) -> None:
    """The missing momentum of the twelve events is one of those that we would get."""
    particles, n_times = genuine.particles(), 100
    rng = np.random.default_rng(11)
    seen = [respond(particles, NO_PARTONS, N_GENUINE, rng) for _ in range(n_times)]
    drawn = np.stack([each.missing[:2] for each in seen])
    met = genuine("MissingET.MET") * np.exp(1j * genuine("MissingET.Phi"))
    deviation = np.stack([met.real, met.imag]) - drawn.mean(axis=0)
    chi_squared = np.sum((deviation / drawn.std(axis=0)) ** 2)
    assert 0.005 < chi2.sf(chi_squared, 2 * N_GENUINE) < 0.995

    gen = respond(particles, NO_PARTONS, N_GENUINE, rng).gen_missing
    expected = genuine("GenMissingET.MET") * np.exp(1j * genuine("GenMissingET.Phi"))
    np.testing.assert_allclose(gen[0] + 1j * gen[1], expected, rtol=1e-3, atol=0.02)


def test_muons_take_part_in_the_missing_momentum() -> None:
    n = 1000
    seen = respond(gun(13, 50.0, 0.3, n), NO_PARTONS, n, np.random.default_rng(1))
    found = np.hypot(*seen.missing[:2]) > 0
    assert found.mean() == pytest.approx(0.99, abs=0.015)
    event = seen.muons.event
    opposite = np.stack([np.cos(seen.muons.phi), np.sin(seen.muons.phi)]) * -seen.muons.pt
    np.testing.assert_allclose(seen.missing[:2, event], opposite, atol=1e-9)


def test_of_nothing_nothing_is_seen() -> None:
    nothing = gun(11, 50.0, 0.0, 3)[np.zeros(3, dtype=bool)]
    seen = respond(nothing, NO_PARTONS, 4, np.random.default_rng(1))
    assert len(seen.electrons.pt) == len(seen.muons.pt) == 0
    assert seen.missing.tolist() == np.zeros((3, 4)).tolist()
