"""The columns of a selected event: names, units, and labels for axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np

from eμsym.label_rule import LEADING

#: What every selected event keeps, and how an axis calls it. GeV and radians.
LABELS = {
    "m_coll": r"$m_\mathrm{coll}$ [GeV]",
    "lead_pt": r"leading lepton $p_\mathrm{T}$ [GeV]",
    "lead_eta": r"leading lepton $\eta$",
    "lead_phi": r"leading lepton $\phi$ [rad]",
    "lead_charge": r"leading lepton charge",
    "lead_isolation": r"leading lepton isolation",
    "sub_pt": r"sub-leading lepton $p_\mathrm{T}$ [GeV]",
    "sub_eta": r"sub-leading lepton $\eta$",
    "sub_phi": r"sub-leading lepton $\phi$ [rad]",
    "sub_charge": r"sub-leading lepton charge",
    "sub_isolation": r"sub-leading lepton isolation",
    "met": r"$E_\mathrm{T}^\mathrm{miss}$ [GeV]",
    "met_phi": r"$\phi(E_\mathrm{T}^\mathrm{miss})$ [rad]",
}

#: All columns and their types: the observables, then the label, weight and identity.
COLUMNS = {
    **dict.fromkeys(LABELS, np.float32),
    "m_coll": np.float64,
    "lead_charge": np.int8,
    "sub_charge": np.int8,
    LEADING.column: np.bool_,
    "weight": np.float64,
    "file_id": np.uint64,
    "entry": np.int64,
}


def record_array(columns: Mapping[str, Any] | None = None) -> ak.Array:
    """Return columns as an awkward record array with the types of `COLUMNS`.

    Parameters
    ----------
    columns : mapping of str to array of shape (n,), optional
        Default: no events.
    """
    return ak.zip(
        {
            name: ak.to_numpy(columns[name]).astype(dtype) if columns else np.empty(0, dtype)
            for name, dtype in COLUMNS.items()
        }
    )
