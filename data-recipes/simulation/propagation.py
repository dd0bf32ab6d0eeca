"""Where particles leave the magnetic field and reach the calorimeters."""

from __future__ import annotations

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.recipes.simulation.atlas_card import FIELD, HALF_LENGTH, RADIUS

#: Radius in m of the circle of a particle with pT of 1 GeV and charge 1 in 1 tesla.
_RADIUS_PER_GEV = 1.0 / 0.299792458
_SLOWEST_PT = 3.2e-5


def to_the_calorimeter(
    position: FloatArray, momentum: FloatArray, charge: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Follow particles through the solenoid's field to the surface of its cylinder.

    Parameters
    ----------
    position : ndarray, shape (3, n)
        Where the particles are made, in mm.
    momentum : ndarray, shape (3, n)
        In GeV.
    charge : ndarray, shape (n,)
        In units of the proton's.

    Returns
    -------
    eta, phi : ndarray, shape (n,)
        Direction, seen from the origin, of the point where they arrive; NaN for
        those that are made outside, or that fly along the beam.
    """
    start = position * 1e-3
    px, py, pz = momentum
    pt = np.hypot(px, py)
    inside = (np.hypot(start[0], start[1]) <= RADIUS) & (np.abs(start[2]) <= HALF_LENGTH)
    with np.errstate(divide="ignore", invalid="ignore"):
        bent = charge != 0
        end = np.where(bent, _helix(start, px, py, pz, pt, charge), _line(start, px, py, pz, pt))
        eta = np.arcsinh(end[2] / np.hypot(end[0], end[1]))
        phi = np.arctan2(end[1], end[0])
    gone = ~inside | (pt < _SLOWEST_PT) | ~np.isfinite(eta)
    return np.where(gone, np.nan, eta), np.where(gone, np.nan, phi)


def _line(
    start: FloatArray, px: FloatArray, py: FloatArray, pz: FloatArray, pt: FloatArray
) -> FloatArray:
    x, y, z = start
    along = (x * px + y * py) / pt
    across = (x * py - y * px) / pt
    to_side = np.sqrt(RADIUS**2 - across**2) - along
    to_end = (np.copysign(HALF_LENGTH, pz) - z) * pt / pz
    length = np.fmin(to_side, to_end)
    return np.stack([x + length * px / pt, y + length * py / pt, z + length * pz / pt])


def _helix(
    start: FloatArray,
    px: FloatArray,
    py: FloatArray,
    pz: FloatArray,
    pt: FloatArray,
    charge: FloatArray,
) -> FloatArray:
    """Follow the circle in the transverse plane by the angle ψ > 0 that it turns.

    The field points along +z, so positive charges turn clockwise: the direction
    of flight is φ0 − sψ, s the charge's sign, about the centre c that lies on
    the right of a positive particle, at the circle's radius ρ.
    """
    x, y, z = start
    sign = np.sign(charge)
    radius = pt * _RADIUS_PER_GEV / (np.abs(charge) * FIELD)
    phi0 = np.arctan2(py, px)
    x_c = x + sign * radius * np.sin(phi0)
    y_c = y - sign * radius * np.cos(phi0)
    distance = np.hypot(x_c, y_c)
    # |c + ρ(…)|² = R² has two solutions; without one the particle stays in the cylinder
    # and spirals to its end.
    bend = np.arcsin((RADIUS**2 - distance**2 - radius**2) / (2 * radius * distance))
    from_centre = sign * (phi0 - np.arctan2(y_c, x_c))
    turns = np.stack([from_centre + bend, from_centre + np.pi - bend]) % (2 * np.pi)
    to_end = (np.copysign(HALF_LENGTH, pz) - z) * pt / (pz * radius)
    turn = np.fmin(np.fmin(*turns), to_end)
    phi = phi0 - sign * turn
    x_end = x_c - sign * radius * np.sin(phi)
    y_end = y_c + sign * radius * np.cos(phi)
    return np.stack([x_end, y_end, z + turn * radius * pz / pt])
