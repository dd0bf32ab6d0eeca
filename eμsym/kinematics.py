"""The observables of the papers that are computed from the two leptons and the MET."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np


def _column(record: Any, delphes_name: str, vector_name: str) -> Any:
    """Return a component under Delphes' name if the record has it, else under vector's."""
    name = delphes_name if _has_field(record, delphes_name) else vector_name
    return _float64(getattr(record, name))


def _has_field(record: Any, name: str) -> bool:
    # Only awkward arrays are asked: ak.fields refuses vector's single objects.
    return isinstance(record, (ak.Array, ak.Record)) and name in ak.fields(record)


def _float64(values: Any) -> Any:
    if isinstance(values, ak.Array):
        return ak.values_astype(values, np.float64)
    return np.asarray(values, dtype=np.float64)[()]


def missing_pt(met: Any) -> Any:
    """Return the magnitude of the missing transverse momentum, in GeV.

    Parameters
    ----------
    met : record array, vector or array of float
        Delphes records are read through their ``MET`` field. Their ``pt`` would
        go through MET·cosh η, which is another number. Other vectors give their
        ``pt``; plain arrays are taken as they are.
    """
    if _has_field(met, "MET"):
        return _float64(met.MET)
    if hasattr(met, "pt"):
        return _float64(met.pt)
    return _float64(met)


def collinear_mass(lead: Any, sub: Any, met: Any) -> Any:
    r"""Return the collinear mass of a lepton pair, in GeV.

    The missing momentum is taken to fly along the sub-leading lepton, as the
    neutrinos of a boosted τ would (ATLAS and CDF's convention):

    .. math::
        m_\text{coll} = \sqrt{2\, p_T^{\ell_1} (p_T^{\ell_2} + E_T^\text{miss})
                        (\cosh Δη - \cos Δφ)}

    Parameters
    ----------
    lead, sub : record arrays or vectors, shape (n,)
        The leading and the sub-leading lepton, with ``PT, Eta, Phi`` (Delphes,
        coffea) or ``pt, eta, phi`` (vector). GeV and radians.
    met : record array, vector or array of float, shape (n,)
        Missing transverse momentum in GeV; see `missing_pt`.

    Returns
    -------
    array of float64, shape (n,)
        awkward in, awkward out; otherwise numpy.

    Notes
    -----
    Everything is computed in float64 and with the identity
    cosh Δη − cos Δφ = 2 sinh²(Δη/2) + 2 sin²(Δφ/2), which loses no digits for
    two nearly parallel leptons.

    Examples
    --------
    >>> import vector
    >>> lead = vector.obj(pt=60.0, eta=0.3, phi=0.0)
    >>> sub = vector.obj(pt=25.0, eta=0.3, phi=3.141592653589793)
    >>> round(float(collinear_mass(lead, sub, 35.0)), 6)
    120.0
    """
    half_deta = 0.5 * (_column(lead, "Eta", "eta") - _column(sub, "Eta", "eta"))
    half_dphi = 0.5 * (_column(lead, "Phi", "phi") - _column(sub, "Phi", "phi"))
    opening = np.sinh(half_deta) ** 2 + np.sin(half_dphi) ** 2
    pt_product = _column(lead, "PT", "pt") * (_column(sub, "PT", "pt") + missing_pt(met))
    return 2.0 * np.sqrt(pt_product * opening)
