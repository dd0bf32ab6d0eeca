"""The numbers of Delphes' public ATLAS card that decide what becomes of a particle.

The magnet, the tracks' and leptons' efficiencies and resolutions, the calorimeters'
towers and resolutions, the isolation, with the lepton thresholds of the papers
(0.15 for electrons, where the card has 0.12, and 0.25 for muons), and the jets. Delphes:
arXiv:1307.6346; the card: ``cards/delphes_card_ATLAS.tcl`` of its distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.recipes.simulation.particles import IntArray

Kind = Literal["hadron", "electron", "muon"]

#: Cylinder of the magnetic field: radius and half-length in m, field in tesla.
RADIUS, HALF_LENGTH, FIELD = 1.15, 3.51, 2.0

#: Cone, smallest object pT in GeV, and largest sum of pT over the candidate's own.
ISOLATION_CONE, ISOLATION_PT_MIN = 0.5, 0.5
ISOLATION_MAX = {"electron": 0.15, "muon": 0.25, "photon": 0.12}

#: Leptons and photons are identified above this pT in GeV, in |η| up to 1.5 and to 2.5.
IDENTIFIED_PT_MIN = 10.0
_IDENTIFICATION = (0.95, 0.85)

#: Jets are anti-kT ones of towers and muons, of this R and of more pT in GeV, before `jet_scale`.
JET_RADIUS, JET_PT_MIN = 0.6, 20.0
#: A jet has the flavour of the heaviest quark within this ΔR, of those with more pT in GeV
#: and less |η|.
FLAVOUR_CONE, PARTON_PT_MIN, PARTON_ETA_MAX = 0.5, 1.0, 2.5

#: |η| up to which the two parts of the tracker reach.
_BARREL, _ENDCAP = 1.5, 2.5
#: Upper edges in pT (GeV) of the tracking efficiencies; below 0.1 GeV there is none.
_TRACKING_PT = (0.1, 1.0, 100.0)
_TRACKING: dict[Kind, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "hadron": ((0.0, 0.70, 0.95, 0.95), (0.0, 0.60, 0.85, 0.85)),
    "electron": ((0.0, 0.73, 0.95, 0.99), (0.0, 0.50, 0.83, 0.90)),
    "muon": ((0.0, 0.75, 0.99, 0.99), (0.0, 0.70, 0.98, 0.98)),
}
#: Upper edges in |η| of the tracks' resolutions, σ(pT)/pT = a ⊕ b pT with pT in GeV.
_RESOLUTION_ETA = (0.5, 1.5, 2.5)
_RESOLUTION: dict[Kind, tuple[tuple[float, float], ...]] = {
    "hadron": ((0.06, 1.3e-3), (0.10, 1.7e-3), (0.25, 3.1e-3)),
    "electron": ((0.03, 1.3e-3), (0.05, 1.7e-3), (0.15, 3.1e-3)),
    "muon": ((0.01, 1.0e-4), (0.015, 1.5e-4), (0.025, 3.5e-4)),
}


def tracking_efficiency(kind: Kind, pt: FloatArray, eta: FloatArray) -> FloatArray:
    """Return the probability that a charged particle leaves a track; pT in GeV."""
    barrel, endcap = (np.array(values) for values in _TRACKING[kind])
    step = np.searchsorted(_TRACKING_PT, pt)
    return _by_region(eta, barrel[step], endcap[step])


def identification_efficiency(pt: FloatArray, eta: FloatArray) -> FloatArray:
    """Return the probability that an electron's or muon's track, or a photon, is identified."""
    high = np.asarray(pt) > IDENTIFIED_PT_MIN
    return _by_region(eta, *(np.where(high, value, 0.0) for value in _IDENTIFICATION))


def _by_region(eta: FloatArray, barrel: FloatArray, endcap: FloatArray) -> FloatArray:
    size = np.abs(eta)
    return np.where(size <= _BARREL, barrel, np.where(size <= _ENDCAP, endcap, 0.0))


def track_resolution(kind: Kind, pt: FloatArray, eta: FloatArray) -> FloatArray:
    """Return σ(pT)/pT of tracks with |η| ≤ 2.5, never above 1; pT in GeV."""
    region = np.minimum(np.searchsorted(_RESOLUTION_ETA, np.abs(eta)), 2)
    constant, linear = np.array(_RESOLUTION[kind])[region].T
    return np.asarray(np.minimum(np.hypot(constant, linear * pt), 1.0))


def jet_scale(pt: FloatArray, eta: FloatArray) -> FloatArray:
    """Return the factor by which a jet's energy and momentum are multiplied; pT in GeV."""
    return np.asarray(np.sqrt((3.0 - 0.2 * np.abs(eta)) ** 2 / pt + 1.0))


def b_tag_efficiency(flavour: IntArray, pt: FloatArray) -> FloatArray:
    """Return the probability that jets are b-tagged (the card cites ATL-PHYS-PUB-2015-022).

    Parameters
    ----------
    flavour : ndarray of int
        5 of b, 4 of c; all others are light.
    pt : ndarray
        After the scale, GeV.
    """
    b = 0.80 * np.tanh(0.003 * pt) * 30.0 / (1.0 + 0.086 * pt)
    c = 0.20 * np.tanh(0.02 * pt) / (1.0 + 0.0034 * pt)
    light = 0.002 + 7.3e-6 * pt
    return np.select([flavour == 5, flavour == 4], [b, c], light)


@dataclass(frozen=True, eq=False)
class Calorimeter:
    """Towers of a calorimeter and how well they measure.

    Parameters
    ----------
    eta_edges : ndarray, shape (n + 1,)
        Of the rings of towers.
    phi_towers : ndarray of int, shape (n,)
        Towers in every ring, which begin at −π.
    resolution_eta : tuple of float
        Upper edges in |η|, of the ring's centre, of the resolutions.
    resolution : tuple of (constant, stochastic, noise)
        σ(E) = c E ⊕ s √E ⊕ n, in GeV; beyond the last |η| nothing is smeared.
    energy_min : float
        Less than this is not seen, GeV.
    significance_min : float
        Nor is an energy of fewer than so many of its own σ.
    """

    eta_edges: FloatArray
    phi_towers: IntArray
    resolution_eta: tuple[float, ...]
    resolution: tuple[tuple[float, float, float], ...]
    energy_min: float
    significance_min: float = 2.0

    def sigma(self, energy: FloatArray, eta: FloatArray) -> FloatArray:
        """Return σ(E) in GeV of an energy in a ring whose centre is at η."""
        beyond = (*self.resolution, (0.0, 0.0, 0.0))
        region = np.searchsorted(self.resolution_eta, np.abs(eta))
        constant, stochastic, noise = np.array(beyond)[region].T
        variance = (constant * energy) ** 2 + stochastic**2 * energy + noise**2
        return np.asarray(np.sqrt(variance))


def _rings(edges: dict[float, int]) -> tuple[FloatArray, IntArray]:
    """Order η edges; the ring below an edge has the number of towers given with it."""
    ordered = sorted(edges)
    return np.array(ordered), np.array([edges[edge] for edge in ordered[1:]])


def _ecal_edges() -> dict[float, int]:
    forward = (3.125, 3.3, 3.475, 3.65, 3.825, 4.0, 4.175, 4.35, 4.525, 4.7, 5.0)
    fine = [0.0174 * i for i in range(-85, 87)]
    fine += [sign * (1.4964 + 0.0174 * i) for i in range(1, 85) for sign in (-1, 1)]
    fine.append(-1.4964)
    edges = {round(edge, 4): 360 for edge in fine}
    return edges | {-2.958: 36} | {sign * edge: 36 for edge in forward for sign in (-1, 1)}


def _hcal_edges() -> dict[float, int]:
    ten_degrees = [round(0.1 * i, 1) for i in range(-25, 27)] + [-3.2, 3.3]
    twenty = (2.8, 3.0, 3.2, 3.5, 3.7, 3.9, 4.1, 4.3, 4.5, 4.7, 4.9)
    twenty_negative = (-4.9, -4.7, -4.5, -4.3, -4.1, -3.9, -3.7, -3.5, -3.3, -3.0, -2.8, -2.6)
    return dict.fromkeys(ten_degrees, 36) | dict.fromkeys((*twenty, *twenty_negative), 18)


ECAL = Calorimeter(
    *_rings(_ecal_edges()),
    resolution_eta=(3.2, 4.9),
    resolution=((0.0017, 0.101, 0.0), (0.0350, 0.285, 0.0)),
    energy_min=0.5,
)
HCAL = Calorimeter(
    *_rings(_hcal_edges()),
    resolution_eta=(1.7, 3.2, 4.9),
    resolution=((0.0302, 0.5205, 1.59), (0.0500, 0.706, 0.0), (0.09420, 1.00, 0.0)),
    energy_min=1.0,
)
#: Neutral hadrons that leave part of their energy in the electromagnetic calorimeter.
ECAL_FRACTION = {11: 1.0, 22: 1.0, 111: 1.0, 310: 0.3, 3122: 0.3}
#: Particles that leave none in either.
UNSEEN = (12, 13, 14, 16)
