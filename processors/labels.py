"""The columns of selected leptons, and which events a label rule calls A."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from eμsym.arrays import BoolArray
from eμsym.dilepton import dilepton_columns, transverse_mass
from eμsym.expression import Expression
from eμsym.final_states import Leptons
from eμsym.kinematics import collinear_mass
from eμsym.label_rule import LabelRule
from eμsym.processors.columns import KIND_COLUMNS, typed

_MEMBERS = {"pt": "PT", "eta": "Eta", "phi": "Phi"}


def lepton_columns(leptons: Leptons, met: Any, met_phi: Any) -> dict[str, Any]:
    """Return the columns of the leading and the sub-leading lepton, and of the two together.

    Parameters
    ----------
    leptons : Leptons
    met, met_phi : array of float, shape (n,)
    """
    columns: dict[str, Any] = {"met": met, "met_phi": met_phi}
    for prefix, lepton in zip(("lead", "sub"), leptons.all, strict=False):
        columns |= {f"{prefix}_{name}": lepton[member] for name, member in _MEMBERS.items()}
        columns[f"{prefix}_charge"] = lepton.Charge
        columns[f"{prefix}_isolation"] = lepton.IsolationVar
        columns[f"mt_{prefix}"] = transverse_mass(lepton, met, met_phi)
    if leptons.sub is not None:
        lead, sub = _vector(leptons.lead), _vector(leptons.sub)
        columns["m_coll"] = collinear_mass(lead, sub, met)
        columns |= dilepton_columns(leptons.lead, leptons.sub)
    return columns


def _vector(lepton: Any) -> Any:
    """Return a lepton as `collinear_mass` takes it."""
    return SimpleNamespace(**{name: lepton[member] for name, member in _MEMBERS.items()})


def charge_columns(leptons: Leptons, met: Any, met_phi: Any) -> dict[str, Any]:
    """Return the columns of the positive and the negative lepton; arguments as `lepton_columns`."""
    columns: dict[str, Any] = {}
    leads = leptons.lead.Charge > 0
    for slot, first in (("pos", leads), ("neg", ~leads)):
        values = {
            member: np.where(first, leptons.lead[member], leptons.all[-1][member])
            for member in _MEMBERS.values()
        }
        columns |= {f"{slot}_{name}": values[member] for name, member in _MEMBERS.items()}
        columns[f"mt_{slot}"] = transverse_mass(SimpleNamespace(**values), met, met_phi)
    return columns


def flavour_columns(leptons: Leptons) -> dict[str, Any]:
    """Return the columns of the electron and the muon of events that have one of each."""
    electron, muon = leptons.electron_leads, ~leptons.electron_leads
    columns: dict[str, Any] = {}
    for name, leads in (("electron", electron), ("muon", muon)):
        for ending in ("pt", "eta"):
            member = _MEMBERS[ending]
            values = np.where(leads, leptons.lead[member], leptons.all[-1][member])
            columns[f"{name}_{ending}"] = values
    return columns


def in_a(rule: LabelRule, leptons: Leptons, columns: Mapping[str, Any]) -> BoolArray:
    """Return which events are A, shape (n,).

    Parameters
    ----------
    rule : LabelRule
    leptons : Leptons
    columns : mapping of str to array of shape (n,)
        For the rule's condition, if it has one.

    Raises
    ------
    ConfigurationError, DataError
        If the condition cannot be told of an event.
    """
    electron_leads = np.asarray(leptons.electron_leads, dtype=bool)
    if rule.condition is not None:
        # As they are written, so that whoever computes it again finds the same.
        known = typed(columns) | dict.fromkeys(KIND_COLUMNS[rule.selection], electron_leads)
        return Expression(rule.condition).condition(known)
    if rule.ordered_by == "Charge":
        return np.asarray(electron_leads == (leptons.lead.Charge > 0))
    return electron_leads


def oriented(rule: LabelRule, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns with every η times the sign of one, if the rule wants it."""
    if rule.oriented_by is None:
        return dict(columns)
    sign = np.where(np.asarray(columns[rule.oriented_by]) > 0, 1, -1)
    return {
        name: np.asarray(values) * sign if name.endswith("_eta") else values
        for name, values in columns.items()
    }
