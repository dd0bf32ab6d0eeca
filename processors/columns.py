"""The columns of a selected event: names, units, labels for axes, and how they are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from eμsym.flat_objects import records
from eμsym.label_rule import LEADING, LabelRule

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
    "m_ll": r"$m_{\ell\ell}$ [GeV]",
    "pt_ll": r"$p_\mathrm{T}^{\ell\ell}$ [GeV]",
    "dphi_ll": r"$\Delta\phi_{\ell\ell}$ [rad]",
    "deta_ll": r"$|\Delta\eta_{\ell\ell}|$",
    "mt_lead": r"$m_\mathrm{T}$(leading lepton, $E_\mathrm{T}^\mathrm{miss}$) [GeV]",
    "mt_sub": r"$m_\mathrm{T}$(sub-leading lepton, $E_\mathrm{T}^\mathrm{miss}$) [GeV]",
}
#: What events keep beside if their jets are read; see `eμsym.jets.jet_columns`.
JET_LABELS = {
    "n_jets": "number of jets",
    "n_bjets": "number of b-tagged jets",
    "ht": r"$H_\mathrm{T}$ [GeV]",
    "jet1_pt": r"leading jet $p_\mathrm{T}$ [GeV]",
    "jet1_eta": r"leading jet $\eta$",
    "jet2_pt": r"sub-leading jet $p_\mathrm{T}$ [GeV]",
    "jet2_eta": r"sub-leading jet $\eta$",
}
#: What events keep beside if their numbers are read, as far as their files have them.
EVENT_NUMBERS = ("run", "lumi", "event")

#: What events keep beside whose slots are the positive and the negative lepton.
CHARGE_LABELS = {
    f"{slot}_{name}": rf"{word} lepton {label}"
    for slot, word in (("pos", "positive"), ("neg", "negative"))
    for name, label in (
        ("pt", r"$p_\mathrm{T}$ [GeV]"),
        ("eta", r"$\eta$"),
        ("phi", r"$\phi$ [rad]"),
    )
}
CHARGE_LABELS |= {
    f"mt_{slot}": rf"$m_\mathrm{{T}}$({word} lepton, $E_\mathrm{{T}}^\mathrm{{miss}}$) [GeV]"
    for slot, word in (("pos", "positive"), ("neg", "negative"))
}
#: What events keep beside whose labels depend on the efficiencies of the electron and the muon.
FLAVOUR_LABELS = {
    f"{lepton}_{name}": f"{lepton} {label}"
    for lepton in ("electron", "muon")
    for name, label in (("pt", r"$p_\mathrm{T}$ [GeV]"), ("eta", r"$\eta$"))
}
#: What an axis calls any of the columns.
ALL_LABELS = {**LABELS, **JET_LABELS, **CHARGE_LABELS, **FLAVOUR_LABELS}

#: What the condition of a symmetry may read beside, by its final state; it is not kept.
KIND_COLUMNS = {
    "emu": ("electron_leads",),
    "same_flavour": ("electrons",),
    "one_lepton": ("electrons",),
}

#: What is read of the files only on request, and the columns that ask for it.
ON_REQUEST: dict[str, tuple[str, ...]] = {
    "jets": tuple(name for name in JET_LABELS if name != "n_bjets"),
    "btags": ("n_bjets",),
    "event_numbers": EVENT_NUMBERS,
}

#: All columns that every event has, and their types: the observables, then the label, weight
#: and identity.
COLUMNS: dict[str, Any] = {
    **dict.fromkeys(LABELS, np.float32),
    "m_coll": np.float64,
    "lead_charge": np.int8,
    "sub_charge": np.int8,
    LEADING.column: np.bool_,
    "weight": np.float64,
    "file_id": np.uint64,
    "entry": np.int64,
}
#: The types of all columns that the processor makes of itself.
TYPES: dict[str, Any] = {
    **COLUMNS,
    **dict.fromkeys((*JET_LABELS, *CHARGE_LABELS, *FLAVOUR_LABELS), np.float32),
    "n_jets": np.int32,
    "n_bjets": np.int32,
    **dict.fromkeys(EVENT_NUMBERS, np.int64),
}


def columns_of(rule: LabelRule) -> dict[str, Any]:
    """Return the columns that an event labelled by a rule has, and their types.

    Those of jets and event numbers are among them, though they are there only on request.

    Parameters
    ----------
    rule : LabelRule
    """
    found = {name: dtype for name, dtype in COLUMNS.items() if name != LEADING.column}
    if rule.selection == "one_lepton":
        of_two = {"m_coll", "m_ll", "pt_ll", "dphi_ll", "deta_ll", "mt_sub"}
        found = {n: x for n, x in found.items() if n not in of_two and not n.startswith("sub_")}
    if rule.ordered_by == "Charge":
        found |= dict.fromkeys(CHARGE_LABELS, np.float32)
    if by_flavour(rule):
        found |= dict.fromkeys(FLAVOUR_LABELS, np.float32)
    on_request = {name: TYPES[name] for names in ON_REQUEST.values() for name in names}
    names = [*found, rule.column, *on_request]
    order = [name for name in COLUMNS if name in found or name == rule.column]
    return {n: {**TYPES, rule.column: np.bool_}[n] for n in dict.fromkeys([*order, *names])}


def by_flavour(rule: LabelRule) -> bool:
    """Return whether a rule's labels depend on the efficiencies of the electron and the muon."""
    return any(term.slot in ("electron", "muon") for term in rule.terms)


def record_array(columns: Mapping[str, Any] | None = None) -> ak.Array:
    """Return columns as an awkward record array, with the types of `TYPES` where it has them.

    Parameters
    ----------
    columns : mapping of str to array of shape (n,), optional
        Default: no events, with `COLUMNS`.
    """
    return records(typed(dict.fromkeys(COLUMNS, ()) if columns is None else columns))


def typed(columns: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return columns as numpy arrays, with the types of `TYPES` where it has them.

    Parameters
    ----------
    columns : mapping of str to array of shape (n,)
    """
    return {name: np.asarray(values, TYPES.get(name)) for name, values in columns.items()}
