"""Events as the selection takes them, whatever files they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import awkward as ak
import numpy as np

#: Members of jets, beside ``BTag``, which not every file can tell.
JET_FIELDS = ("PT", "Eta", "Phi", "Mass")

#: What is read of the events only if it is asked for, and how an error calls it.
ON_REQUEST = {"jets": "jets", "btags": "b-tags of jets", "event_numbers": "event numbers"}


@dataclass(frozen=True, eq=False)
class Chunk:
    """The needed columns of some events, read and found possible.

    Attributes
    ----------
    electrons, muons : ak.Array, n * var * {PT, Eta, Phi, Charge, IsolationVar}
        GeV and radians; isolation relative to the lepton's pT. Where an identification is
        asked for, there is a further field ``Identified``, bool.
    met, met_phi : ndarray of float, shape (n,)
        GeV and radians.
    weight : ndarray of float64, shape (n,)
    jets : ak.Array or None, n * var * {PT, Eta, Phi, Mass}
        GeV and radians, all that the file has (and that pass ``jet_id``, if there is one): no
        other cut is made, and leptons that are also found as jets are still among them. With
        b-tags there is a further field ``BTag``, bool. None if jets were not asked for.
    run, lumi, event : ndarray of int64 or None, shape (n,)
        Numbers of the run, the luminosity block and the event. None if they were not asked
        for, and where the format has no such number.
    passes : dict of str to ndarray of bool, shape (n,)
        What events must pass before anything else, such as ``golden_json`` and ``trigger``,
        in the order of the cutflow's rows. The same keys for every file of a format.
    extra : mapping of str to ndarray of float, shape (n,)
        Those of `Format.extra`.
    """

    electrons: ak.Array
    muons: ak.Array
    met: np.ndarray[Any, Any]
    met_phi: np.ndarray[Any, Any]
    weight: np.ndarray[Any, np.dtype[np.float64]]
    jets: ak.Array | None = None
    run: np.ndarray[Any, np.dtype[np.int64]] | None = None
    lumi: np.ndarray[Any, np.dtype[np.int64]] | None = None
    event: np.ndarray[Any, np.dtype[np.int64]] | None = None
    passes: Mapping[str, np.ndarray[Any, np.dtype[np.bool_]]] = field(default_factory=dict)
    extra: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
