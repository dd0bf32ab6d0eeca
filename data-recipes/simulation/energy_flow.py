"""Calorimeter towers, and what is left of them when tracks have been taken out.

Energy flow as Delphes' ``SimpleCalorimeter`` does it (arXiv:1307.6346, §3.3):
a tower's energy is what its particles deposit, smeared. Where it is
significantly more than the momenta of the tracks that point to it, the excess is a
neutral object and the tracks stay as they are; elsewhere the tracks share the best
estimate of the tower's and their own energy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.recipes.simulation.atlas_card import Calorimeter
from eμsym.recipes.simulation.particles import IntArray

Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Deposits:
    """What reaches a calorimeter: energies in GeV and where, of particles or tracks.

    Attributes
    ----------
    event, energy, eta, phi : ndarray, shape (n,)
    sigma : ndarray, shape (n,)
        Uncertainty of the energy; of tracks, else 0.
    """

    event: IntArray
    energy: FloatArray
    eta: FloatArray
    phi: FloatArray
    sigma: FloatArray


@dataclass(frozen=True, eq=False)
class Towers:
    """What a calorimeter measured.

    Attributes
    ----------
    event : ndarray of int, shape (n,)
    energy : ndarray, shape (n,)
        GeV; 0 if too little was seen.
    neutral : ndarray, shape (n,)
        The part that is significantly more than the tracks, else 0.
    eta, phi : ndarray, shape (n,)
        Anywhere in the tower.
    of_track : ndarray of int, shape (number of tracks,)
        The tower to which a track points; -1 for none.
    track_factor : ndarray, shape (number of tracks,)
        By which the track's momentum is to be multiplied.
    """

    event: IntArray
    energy: FloatArray
    neutral: FloatArray
    eta: FloatArray
    phi: FloatArray
    of_track: IntArray
    track_factor: FloatArray


def log_normal(mean: FloatArray, sigma: FloatArray, rng: Rng) -> FloatArray:
    """Draw from log-normal distributions of given mean and standard deviation.

    Delphes smears momenta and energies so; they stay positive and keep their mean.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.sqrt(np.log1p((sigma / mean) ** 2))
        drawn = mean * np.exp(width * rng.standard_normal(np.shape(mean)) - 0.5 * width**2)
    return np.where(mean > 0, drawn, 0.0)


def measure(calorimeter: Calorimeter, particles: Deposits, tracks: Deposits, rng: Rng) -> Towers:
    """Measure the particles of many events.

    Parameters
    ----------
    calorimeter : Calorimeter
    particles : Deposits
        With the energy that they leave in this calorimeter.
    tracks : Deposits
        Of the particles that leave energy here.
    rng : numpy.random.Generator

    Returns
    -------
    Towers
    """
    n_particles = len(particles.event)
    event = np.concatenate([particles.event, tracks.event])
    cell = np.concatenate(
        [tower_number(calorimeter, found.eta, found.phi) for found in (particles, tracks)]
    )
    seen = cell >= 0
    n_cells = int(calorimeter.phi_towers.sum())
    keys, tower = np.unique(event[seen] * n_cells + cell[seen], return_inverse=True)
    of = np.full(len(cell), -1)
    of[seen] = tower
    of_particle, of_track = of[:n_particles], of[n_particles:]

    def total(of: IntArray, values: FloatArray) -> FloatArray:
        sums = np.bincount(of[of >= 0], weights=values[of >= 0], minlength=len(keys))
        return sums.astype(np.float64)  # of nothing, bincount gives whole numbers

    deposited = total(of_particle, particles.energy)
    in_tracks = total(of_track, tracks.energy)
    track_variance = total(of_track, tracks.sigma**2)

    low, high, phi_low, phi_high = tower_edges(calorimeter, keys % n_cells)
    centre = 0.5 * (low + high)
    energy = log_normal(deposited, calorimeter.sigma(deposited, centre), rng)
    sigma = calorimeter.sigma(energy, centre)
    faint = (energy < calorimeter.energy_min) | (energy < calorimeter.significance_min * sigma)
    energy = np.where(faint, 0.0, energy)
    eta, phi = rng.uniform(low, high), rng.uniform(phi_low, phi_high)

    neutral, factor = separate(calorimeter, energy, sigma, in_tracks, track_variance)
    # One more for the tracks that point to no tower, whose number is -1.
    factor = np.append(factor, 1.0)
    return Towers(
        event=keys // n_cells,
        energy=energy,
        neutral=neutral,
        eta=eta,
        phi=phi,
        of_track=of_track,
        track_factor=factor[of_track],
    )


def separate(
    calorimeter: Calorimeter,
    energy: FloatArray,
    sigma: FloatArray,
    in_tracks: FloatArray,
    track_variance: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Divide what towers measured between tracks and a neutral object.

    Parameters
    ----------
    calorimeter : Calorimeter
    energy, sigma : ndarray, shape (n,)
        Measured in a tower, GeV.
    in_tracks, track_variance : ndarray, shape (n,)
        Energy of the tracks that point to it, and its σ², GeV².

    Returns
    -------
    neutral : ndarray, shape (n,)
        Energy of the neutral object; 0 where there is none.
    factor : ndarray, shape (n,)
        By which the tracks are to be multiplied; 1 where there is a neutral object.
        Elsewhere they share the mean of both measurements, weighted by 1/σ².
    """
    excess = np.maximum(energy - in_tracks, 0.0)
    significant = (excess > calorimeter.energy_min) & (
        excess > calorimeter.significance_min * np.sqrt(track_variance + sigma**2)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = sigma**2 / (track_variance + sigma**2)
        factor = weight + (1 - weight) * energy / in_tracks
    factor = np.where(significant | ~np.isfinite(factor), 1.0, factor)
    return np.where(significant, excess, 0.0), factor


def tower_number(calorimeter: Calorimeter, eta: FloatArray, phi: FloatArray) -> IntArray:
    """Return the number of the tower at (η, φ); -1 outside the calorimeter."""
    ring = np.searchsorted(calorimeter.eta_edges, eta) - 1
    inside = (ring >= 0) & (ring < len(calorimeter.phi_towers)) & np.isfinite(phi)
    ring = np.where(inside, ring, 0)
    towers = calorimeter.phi_towers[ring]
    turn = np.where(inside, (phi + np.pi) / (2 * np.pi), 0.0)
    column = np.clip(np.ceil(turn * towers).astype(np.int64) - 1, 0, towers - 1)
    first = np.concatenate([[0], np.cumsum(calorimeter.phi_towers)[:-1]])
    return np.where(inside, first[ring] + column, -1)


def tower_edges(
    calorimeter: Calorimeter, cell: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the lower and upper edges in η and φ of towers."""
    last = np.cumsum(calorimeter.phi_towers)
    ring = np.searchsorted(last, cell, side="right")
    towers = calorimeter.phi_towers[ring]
    column = cell - (last[ring] - towers)
    low, high = calorimeter.eta_edges[ring], calorimeter.eta_edges[ring + 1]
    width = 2 * np.pi / towers
    return low, high, column * width - np.pi, (column + 1) * width - np.pi
