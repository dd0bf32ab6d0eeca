"""Final-state particles of many events as flat columns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from eμsym.arrays import FloatArray

IntArray = np.ndarray[Any, np.dtype[np.int64]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False)
class Particles:
    """Particles of several events, one entry of every column a particle.

    Attributes
    ----------
    event : ndarray of int, shape (n,)
        Number of the event, ascending.
    pdg : ndarray of int, shape (n,)
    charge : ndarray of float, shape (n,)
        In units of the proton's.
    momentum : ndarray, shape (3, n)
        px, py, pz in GeV.
    energy : ndarray, shape (n,)
        GeV.
    position : ndarray, shape (3, n)
        Where it was made, mm.
    """

    event: IntArray
    pdg: IntArray
    charge: FloatArray
    momentum: FloatArray
    energy: FloatArray
    position: FloatArray

    def __len__(self) -> int:
        return len(self.event)

    def __getitem__(self, chosen: BoolArray | IntArray) -> Self:
        return type(self)(*(getattr(self, f.name)[..., chosen] for f in fields(self)))

    @property
    def pt(self) -> FloatArray:
        """Transverse momentum, GeV."""
        return np.asarray(np.hypot(self.momentum[0], self.momentum[1]))

    @property
    def eta(self) -> FloatArray:
        """Pseudorapidity; infinite along the beam."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.arcsinh(self.momentum[2] / self.pt))

    @property
    def phi(self) -> FloatArray:
        """Azimuth."""
        return np.asarray(np.arctan2(self.momentum[1], self.momentum[0]))

    @property
    def mass(self) -> FloatArray:
        """Mass, GeV."""
        square = self.energy**2 - np.sum(self.momentum**2, axis=0)
        return np.asarray(np.sqrt(np.maximum(square, 0.0)))


@dataclass(frozen=True, eq=False)
class Partons:
    """Quarks and gluons of several events, of every stage of the shower.

    Attributes
    ----------
    event : ndarray of int, shape (n,)
        Number of the event, ascending.
    pdg : ndarray of int, shape (n,)
    eta, phi : ndarray, shape (n,)
    """

    event: IntArray
    pdg: IntArray
    eta: FloatArray
    phi: FloatArray

    def __getitem__(self, chosen: BoolArray | IntArray) -> Self:
        return type(self)(*(getattr(self, f.name)[chosen] for f in fields(self)))
