"""What flies beside something: isolation of leptons, and pairs that are near."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.recipes.simulation.particles import BoolArray, IntArray

#: Event, η and φ of objects, a column each.
Places = tuple[IntArray, FloatArray, FloatArray]


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
    pt, charged = objects.pt[hard], objects.charged[hard]
    candidate, other = pairs_within(
        (candidates.event, candidates.eta, candidates.phi),
        (objects.event[hard], objects.eta[hard], objects.phi[hard]),
        cone,
    )

    def total(chosen: BoolArray) -> FloatArray:
        sums = np.bincount(
            candidate[chosen], weights=pt[other[chosen]], minlength=len(candidates.event)
        )
        return sums.astype(np.float64)  # of nothing, bincount gives whole numbers

    return total(charged[other]), total(~charged[other])


def pairs_within(candidates: Places, others: Places, cone: float) -> tuple[IntArray, IntArray]:
    """Return the pairs of a candidate and another object of its event that are near.

    Parameters
    ----------
    candidates, others : tuple of ndarray
        Event, η and φ.
    cone : float
        Largest ΔR = √(Δη² + Δφ²).

    Returns
    -------
    candidate, other : ndarray of int, shape (number of pairs,)
        By candidate, and those of one candidate in the order of the others.
    """
    event, eta, phi = candidates
    order = np.argsort(others[0], kind="stable")
    other_event, other_eta, other_phi = (column[order] for column in others)
    first = np.searchsorted(other_event, event, side="left")
    count = np.searchsorted(other_event, event, side="right") - first
    candidate = np.repeat(np.arange(len(count)), count)
    before = np.repeat(np.cumsum(count) - count, count)
    other = np.repeat(first, count) + np.arange(len(candidate)) - before
    dphi = np.abs(phi[candidate] - other_phi[other])
    dphi = np.minimum(dphi, 2 * np.pi - dphi)
    near = np.hypot(eta[candidate] - other_eta[other], dphi) <= cone
    return candidate[near], order[other[near]]
