"""What the detector of Delphes' ATLAS card makes of particles.

The same steps as the card's, on columns of many events: tracks (efficiency and
resolution by kind, pT and η), electromagnetic and hadronic towers, energy flow,
electrons and muons that are identified and isolated, the missing momentum of
all towers and muon tracks, and jets. What is left out: the particles' times, and tags
of hadronic τ decays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.recipes.simulation.atlas_card import (
    ECAL,
    ECAL_FRACTION,
    HCAL,
    ISOLATION_CONE,
    ISOLATION_MAX,
    ISOLATION_PT_MIN,
    UNSEEN,
    Kind,
    identification_efficiency,
    track_resolution,
    tracking_efficiency,
)
from eμsym.recipes.simulation.energy_flow import Deposits, Rng, Towers, log_normal, measure
from eμsym.recipes.simulation.isolation import Objects, cone_sums
from eμsym.recipes.simulation.jets import JetInput, Jets, find_jets
from eμsym.recipes.simulation.particles import BoolArray, IntArray, Particles, Partons
from eμsym.recipes.simulation.propagation import to_the_calorimeter

_NEUTRINOS = (12, 14, 16)


@dataclass(frozen=True, eq=False)
class Leptons:
    """Electrons or muons of many events, by event and falling pT.

    Attributes
    ----------
    event, charge : ndarray of int, shape (n,)
    pt, eta, phi : ndarray, shape (n,)
        GeV and radians.
    sum_pt_charged, sum_pt_neutral : ndarray, shape (n,)
        Of the energy flow in the isolation cone, GeV.
    """

    event: IntArray
    charge: IntArray
    pt: FloatArray
    eta: FloatArray
    phi: FloatArray
    sum_pt_charged: FloatArray
    sum_pt_neutral: FloatArray

    def __getitem__(self, chosen: BoolArray | IntArray) -> Self:
        return type(self)(*(getattr(self, f.name)[chosen] for f in fields(self)))

    @property
    def isolation(self) -> FloatArray:
        """Delphes' IsolationVar, the sums over the lepton's pT."""
        return (self.sum_pt_charged + self.sum_pt_neutral) / self.pt


@dataclass(frozen=True, eq=False)
class Reconstructed:
    """Events as the detector saw them.

    Attributes
    ----------
    electrons, muons : Leptons
        Identified and isolated.
    missing : ndarray, shape (3, n_events)
        Minus the momenta of all towers and muon tracks, GeV.
    gen_missing : ndarray, shape (3, n_events)
        Minus those of all particles but neutrinos.
    jets : Jets
        Without those of isolated leptons and photons.
    """

    electrons: Leptons
    muons: Leptons
    missing: FloatArray
    gen_missing: FloatArray
    jets: Jets


@dataclass(frozen=True, eq=False)
class Tracks:
    """Reconstructed tracks: the particles, their smeared pT, and where they arrive.

    `tower` is the number of the electromagnetic tower that they point to, −1 of none.
    """

    particles: Particles
    pt: FloatArray
    resolution: FloatArray
    outer_eta: FloatArray
    outer_phi: FloatArray
    tower: IntArray

    def __getitem__(self, chosen: BoolArray | IntArray) -> Self:
        return type(self)(*(getattr(self, f.name)[chosen] for f in fields(self)))

    @property
    def energy(self) -> FloatArray:
        """Energy of the smeared momentum, GeV."""
        return np.asarray(np.hypot(self.particles.mass, self.pt * np.cosh(self.particles.eta)))


def respond(particles: Particles, partons: Partons, n_events: int, rng: Rng) -> Reconstructed:
    """Simulate the detector's response to events.

    Parameters
    ----------
    particles : Particles
        All final-state ones of events 0 … n_events − 1.
    partons : Partons
        Of the same events; they decide the flavours of jets.
    n_events : int
    rng : numpy.random.Generator

    Returns
    -------
    Reconstructed

    Raises
    ------
    ConfigurationError
        If FastJet is not installed.
    """
    # A generator of its own: leptons and missing momentum do not depend on there being jets.
    of_jets = rng.spawn(1)[0]
    particles = particles[~np.isin(np.abs(particles.pdg), _NEUTRINOS)]
    gen_missing = -_total(particles.event, particles.momentum, n_events)
    eta, phi = to_the_calorimeter(particles.position, particles.momentum, particles.charge)
    arrives = np.isfinite(eta)
    particles, eta, phi = particles[arrives], eta[arrives], phi[arrives]
    tracks = _tracks(particles, eta, phi, rng)
    towers, tracks, e_flow = _calorimeters(particles, eta, phi, tracks, rng)

    of_muon = np.abs(tracks.particles.pdg) == 13
    of_electron = np.abs(tracks.particles.pdg) == 11
    muon_tracks = tracks[of_muon]
    at = muon_tracks.particles
    missing = -_total(at.event, _momentum(muon_tracks.pt, at.eta, at.phi), n_events)
    for found in towers:
        pt = found.energy / np.cosh(found.eta)
        missing -= _total(found.event, _momentum(pt, found.eta, found.phi), n_events)
    electrons, of_electrons = _leptons("electron", tracks[of_electron], e_flow, rng)
    muons, of_muons = _leptons("muon", muon_tracks, e_flow, rng)
    of_photons = _photon_towers(towers[0], e_flow, of_jets)
    taken = np.append(tracks[of_electron].tower[of_electrons], of_photons)
    objects = _jet_input(towers, taken, muon_tracks, of_muons)
    return Reconstructed(
        electrons, muons, missing, gen_missing, find_jets(objects, partons, n_events, of_jets)
    )


def _photon_towers(ecal: Towers, e_flow: Objects, rng: Rng) -> IntArray:
    """Return the numbers of the electromagnetic towers that are isolated photons."""
    tower = np.flatnonzero(ecal.neutral > 0)
    pt = ecal.neutral[tower] / np.cosh(ecal.eta[tower])
    found = rng.random(len(pt)) < identification_efficiency(pt, ecal.eta[tower])
    tower, pt = tower[found], pt[found]
    photons = Objects(
        ecal.event[tower], pt, ecal.eta[tower], ecal.phi[tower], np.zeros(len(pt), bool)
    )
    sums = cone_sums(photons, e_flow, cone=ISOLATION_CONE, pt_min=ISOLATION_PT_MIN)
    # The photon itself is part of the energy flow.
    beside = sums[0] + sums[1] - pt
    return tower[beside <= ISOLATION_MAX["photon"] * pt]


def _jet_input(
    towers: tuple[Towers, Towers], taken: IntArray, muons: Tracks, taken_muons: IntArray
) -> JetInput:
    """Join towers and muons; what is taken are numbers of electromagnetic towers and of muons."""
    parts = []
    for electromagnetic, found in zip((True, False), towers, strict=True):
        pt = found.energy / np.cosh(found.eta)
        momentum = np.vstack([_momentum(pt, found.eta, found.phi), found.energy])
        nothing = np.zeros(len(pt))
        of_one = np.zeros(len(pt), dtype=bool)
        if electromagnetic:
            of_one[taken[taken >= 0]] = True
        seen = JetInput(
            found.event,
            momentum,
            found.energy if electromagnetic else nothing,
            nothing if electromagnetic else found.energy,
            of_one,
        )
        parts.append(seen[found.energy > 0])
    at, nothing = muons.particles, np.zeros(len(muons.pt))
    momentum = np.vstack([_momentum(muons.pt, at.eta, at.phi), muons.energy])
    isolated = np.zeros(len(muons.pt), dtype=bool)
    isolated[taken_muons] = True
    parts.append(JetInput(at.event, momentum, nothing, nothing, isolated))
    return JetInput.joined(parts)


def _momentum(pt: FloatArray, eta: FloatArray, phi: FloatArray) -> FloatArray:
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])


def _total(event: IntArray, momentum: FloatArray, n_events: int) -> FloatArray:
    """Add up momenta of shape (3, n), event by event."""
    sums = [np.bincount(event, weights=p, minlength=n_events) for p in momentum]
    return np.stack(sums).astype(np.float64)  # of nothing, bincount gives whole numbers


def _tracks(particles: Particles, eta: FloatArray, phi: FloatArray, rng: Rng) -> Tracks:
    pt, code = particles.pt, np.abs(particles.pdg)
    efficiency, resolution = np.zeros(len(pt)), np.zeros(len(pt))
    kinds: dict[Kind, BoolArray] = {"electron": code == 11, "muon": code == 13}
    kinds["hadron"] = ~kinds["electron"] & ~kinds["muon"]
    for kind, chosen in kinds.items():
        chosen = chosen & (particles.charge != 0)
        efficiency[chosen] = tracking_efficiency(kind, pt[chosen], eta[chosen])
        resolution[chosen] = track_resolution(kind, pt[chosen], eta[chosen])
    found = rng.random(len(pt)) < efficiency
    smeared = log_normal(pt[found], resolution[found] * pt[found], rng)
    nowhere = np.full(int(found.sum()), -1, dtype=np.int64)
    return Tracks(particles[found], smeared, resolution[found], eta[found], phi[found], nowhere)


def _calorimeters(
    particles: Particles, eta: FloatArray, phi: FloatArray, tracks: Tracks, rng: Rng
) -> tuple[tuple[Towers, Towers], Tracks, Objects]:
    """Return the towers, the tracks with what the towers say of them, and the energy flow.

    Electrons' tracks are corrected by the first calorimeter, hadrons' by the second.
    """
    towers = []
    for calorimeter in (ECAL, HCAL):
        deposit = particles.energy * _fraction(calorimeter is ECAL, particles.pdg)
        leaves = deposit > 0
        pointing = _fraction(calorimeter is ECAL, tracks.particles.pdg) > 0
        chosen = tracks[pointing]
        found = measure(
            calorimeter,
            Deposits(
                particles.event[leaves],
                deposit[leaves],
                eta[leaves],
                phi[leaves],
                np.zeros(int(leaves.sum())),
            ),
            Deposits(
                chosen.particles.event,
                chosen.energy,
                chosen.outer_eta,
                chosen.outer_phi,
                chosen.energy * chosen.resolution,
            ),
            rng,
        )
        pt = tracks.pt.copy()
        pt[pointing] *= found.track_factor
        tracks = replace(tracks, pt=pt)
        if calorimeter is ECAL:
            tower = tracks.tower.copy()
            tower[pointing] = found.of_track
            tracks = replace(tracks, tower=tower)
        towers.append(found)
    hadrons = tracks[~np.isin(np.abs(tracks.particles.pdg), (11, 13))]
    columns = [
        (hadrons.particles.event, hadrons.pt, hadrons.particles.eta, hadrons.particles.phi, True)
    ]
    for found in towers:
        seen = found.neutral > 0
        pt = found.neutral[seen] / np.cosh(found.eta[seen])
        columns.append((found.event[seen], pt, found.eta[seen], found.phi[seen], False))
    charged = np.concatenate([np.full(len(event), flag) for event, _, _, _, flag in columns])
    event, pt, eta, phi = (np.concatenate([c[i] for c in columns]) for i in range(4))
    return (towers[0], towers[1]), tracks, Objects(event, pt, eta, phi, charged)


def _fraction(electromagnetic: bool, pdg: IntArray) -> FloatArray:
    """Return the part of the energy that particles leave in a calorimeter."""
    code = np.abs(pdg)
    in_ecal = np.zeros(len(code))
    for number, fraction in ECAL_FRACTION.items():
        in_ecal[code == number] = fraction
    return in_ecal if electromagnetic else np.where(np.isin(code, UNSEEN), 0.0, 1.0 - in_ecal)


def _leptons(kind: Kind, tracks: Tracks, e_flow: Objects, rng: Rng) -> tuple[Leptons, IntArray]:
    """Return the identified and isolated leptons, and the numbers of their tracks."""
    efficiency = identification_efficiency(tracks.pt, tracks.outer_eta)
    number = np.flatnonzero(rng.random(len(efficiency)) < efficiency)
    tracks = tracks[number]
    at = tracks.particles
    charged, neutral = cone_sums(
        Objects(at.event, tracks.pt, at.eta, at.phi, at.charge != 0),
        e_flow,
        cone=ISOLATION_CONE,
        pt_min=ISOLATION_PT_MIN,
    )
    found = Leptons(
        at.event, np.sign(at.charge).astype(np.int64), tracks.pt, at.eta, at.phi, charged, neutral
    )
    isolated = found.isolation <= ISOLATION_MAX[kind]
    found, number = found[isolated], number[isolated]
    order = np.lexsort((-found.pt, found.event))
    return found[order], number[order]
