"""Isolation of leptons: what else flies beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.recipes.simulation.particles import BoolArray, IntArray


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects of many events in the transverse plane, one entry of every column an object.

    Attributes
    ----------
    event : ndarray of int, shape (n,)
    pt, eta, phi : ndarray, shape (n,)
    charged : ndarray of bool, shape (n,)
    """

    event: IntArray
    pt: FloatArray
    eta: FloatArray
    phi: FloatArray
    charged: BoolArray


def cone_sums(
    candidates: Objects, objects: Objects, *, cone: float, pt_min: float
) -> tuple[FloatArray, FloatArray]:
    """Return the charged and the neutral pT around candidates, in GeV.

    Parameters
    ----------
    candidates : Objects
    objects : Objects
        Of the same events; none of them is a candidate.
    cone : float
        Largest ΔR = √(Δη² + Δφ²).
    pt_min : float
        Smallest pT of an object that counts, GeV.

    Returns
    -------
    charged, neutral : ndarray, shape (number of candidates,)
    """
    hard = objects.pt >= pt_min
    order = np.argsort(objects.event[hard], kind="stable")
    event, pt, eta, phi, charged = (
        column[hard][order]
        for column in (objects.event, objects.pt, objects.eta, objects.phi, objects.charged)
    )
    first = np.searchsorted(event, candidates.event, side="left")
    count = np.searchsorted(event, candidates.event, side="right") - first
    candidate = np.repeat(np.arange(len(count)), count)
    before = np.repeat(np.cumsum(count) - count, count)
    other = np.repeat(first, count) + np.arange(len(candidate)) - before
    dphi = np.abs(candidates.phi[candidate] - phi[other])
    dphi = np.minimum(dphi, 2 * np.pi - dphi)
    near = np.hypot(candidates.eta[candidate] - eta[other], dphi) <= cone

    def total(chosen: BoolArray) -> FloatArray:
        sums = np.bincount(candidate[chosen], weights=pt[other[chosen]], minlength=len(count))
        return sums.astype(np.float64)  # of nothing, bincount gives whole numbers

    return total(near & charged[other]), total(near & ~charged[other])
