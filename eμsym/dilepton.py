"""Observables of two leptons and the missing momentum, beside the papers' collinear mass."""

from __future__ import annotations

from typing import Any

import numpy as np

from eμsym.arrays import FloatArray


def _numbers(values: Any) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def invariant_mass(one: Any, other: Any) -> FloatArray:
    """Return the invariant mass of two massless particles, GeV.

    Parameters
    ----------
    one, other : ak.Array, n * {PT, Eta, Phi, …}

    Returns
    -------
    ndarray of float64, shape (n,)
        sqrt(2 pT pT' (cosh Δη − cos Δφ)), by the identity
        cosh Δη − cos Δφ = 2 sinh²(Δη/2) + 2 sin²(Δφ/2), which loses no digits.
    """
    half_deta = 0.5 * (_numbers(one.Eta) - _numbers(other.Eta))
    half_dphi = 0.5 * (_numbers(one.Phi) - _numbers(other.Phi))
    opening = np.sinh(half_deta) ** 2 + np.sin(half_dphi) ** 2
    return np.asarray(2.0 * np.sqrt(_numbers(one.PT) * _numbers(other.PT) * opening))


def summed_pt(one: Any, other: Any) -> FloatArray:
    """Return the transverse momentum of the two together, GeV; arguments as `invariant_mass`."""
    pt, other_pt = _numbers(one.PT), _numbers(other.PT)
    half = 0.5 * (_numbers(one.Phi) - _numbers(other.Phi))
    # |p + p'|² = (pT + pT')² − 4 pT pT' sin²(Δφ/2); of two back to back it may round below 0.
    squared = (pt + other_pt) ** 2 - 4 * pt * other_pt * np.sin(half) ** 2
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def azimuth_between(one: Any, other: Any) -> FloatArray:
    """Return the angle of two azimuths, 0 to π.

    Parameters
    ----------
    one, other : array of float, shape (n,)
    """
    around = np.abs(_numbers(one) - _numbers(other)) % (2 * np.pi)
    return np.asarray(np.minimum(around, 2 * np.pi - around))


def transverse_mass(lepton: Any, met: Any, met_phi: Any) -> FloatArray:
    """Return the transverse mass of a lepton and the missing momentum, GeV.

    Parameters
    ----------
    lepton : ak.Array, n * {PT, Phi, …}
    met, met_phi : array of float, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        sqrt(2 pT MET (1 − cos Δφ)) = 2 sqrt(pT MET) |sin(Δφ/2)|.
    """
    half = 0.5 * (_numbers(lepton.Phi) - _numbers(met_phi))
    return np.asarray(2.0 * np.sqrt(_numbers(lepton.PT) * _numbers(met)) * np.abs(np.sin(half)))


def dilepton_columns(one: Any, other: Any) -> dict[str, FloatArray]:
    """Return what is kept of two leptons together, whichever is called the first.

    Returns
    -------
    dict of ndarray, shape (n,)
        ``m_ll``, ``pt_ll`` in GeV; ``dphi_ll`` from 0 to π; ``deta_ll`` = |Δη|.
    """
    return {
        "m_ll": invariant_mass(one, other),
        "pt_ll": summed_pt(one, other),
        "dphi_ll": azimuth_between(one.Phi, other.Phi),
        "deta_ll": np.abs(_numbers(one.Eta) - _numbers(other.Eta)),
    }
