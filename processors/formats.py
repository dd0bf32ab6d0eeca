"""What a format of files is: its tree, its branches, and how a chunk is read and checked.

Everything that is Delphes' own is `DELPHES`; another format is another `Format`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import awkward as ak
import numpy as np
from coffea.nanoevents import DelphesSchema

from eμsym.errors import DataError, InputFileError
from eμsym.selection import LEPTON_FIELDS


@dataclass(frozen=True, eq=False)
class Chunk:
    """The needed columns of some events, read and found possible.

    Attributes
    ----------
    electrons, muons : ak.Array, n * var * {PT, Eta, Phi, Charge, IsolationVar}
        GeV and radians; isolation relative to the lepton's pT.
    met, met_phi : ak.Array, n * float
        GeV and radians.
    weight : ndarray of float64, shape (n,)
    """

    electrons: ak.Array
    muons: ak.Array
    met: ak.Array
    met_phi: ak.Array
    weight: np.ndarray[Any, np.dtype[np.float64]]


class Quantity(Protocol):
    """A number of every event, or of every lepton of it, and what to call it in an error."""

    @property
    def name(self) -> str:
        """What it is called in the files."""
        ...  # pragma: no cover

    def read(self, events: Any) -> ak.Array:
        """Return its values, n * float or n * var * float; whatever is raised, is the file's."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class Field:
    """A quantity that stands in the events as it is, up to its unit.

    Parameters
    ----------
    path : tuple of str
        Where: the collection and its member, or one name.
    unit : float
        What the values are multiplied by: 0.001 for MeV.
    """

    path: tuple[str, ...]
    unit: float = 1.0

    @property
    def name(self) -> str:
        """The path, with dots."""
        return ".".join(self.path)

    def read(self, events: Any) -> ak.Array:
        """Return the values."""
        for part in self.path:
            events = events[part]
        values = ak.materialize(events)
        return values if self.unit == 1.0 else values * self.unit


@dataclass(frozen=True)
class Format:
    """How events stand in the files of one kind, and how they are read.

    Parameters
    ----------
    name : str
        What to call such files.
    tree : str
        Name of their tree, unless something else is said.
    schema : type
        coffea's schema, which makes events of the branches.
    branches : tuple of str
        All that the schema or the selection cannot do without, as uproot lists them.
    electrons, muons : mapping of str to Quantity
        Keys: `eμsym.selection.LEPTON_FIELDS`.
    met, met_phi : Quantity
    weight : Quantity or None
        The events' weights. None: every event counts once.
    remedy : str
        What to do about a branch that is missing.
    """

    name: str
    tree: str
    schema: type
    branches: tuple[str, ...]
    electrons: Mapping[str, Quantity]
    muons: Mapping[str, Quantity]
    met: Quantity
    met_phi: Quantity
    weight: Quantity | None
    remedy: str

    def missing(self, branches: Collection[str]) -> tuple[str, ...]:
        """Return the needed branches that are not among those of a tree."""
        return tuple(branch for branch in self.branches if branch not in branches)

    def read(self, events: Any) -> Chunk:
        """Read what the selection needs of events that coffea made with the schema.

        Parameters
        ----------
        events : NanoEvents

        Returns
        -------
        Chunk

        Raises
        ------
        InputFileError
            If a branch is missing or its bytes cannot be decoded.
        DataError
            If a value is not finite, or a momentum or isolation is negative.
        """
        weight = np.ones(len(events)) if self.weight is None else _values(events, self.weight)
        return Chunk(
            electrons=_leptons(events, self.electrons),
            muons=_leptons(events, self.muons),
            met=_values(events, self.met, never_negative=True),
            met_phi=_values(events, self.met_phi),
            weight=ak.to_numpy(weight).astype(np.float64),
        )


_NEVER_NEGATIVE = ("PT", "IsolationVar")


def _leptons(events: Any, quantities: Mapping[str, Quantity]) -> ak.Array:
    columns = {
        name: _values(events, quantities[name], never_negative=name in _NEVER_NEGATIVE)
        for name in LEPTON_FIELDS
    }
    return ak.zip(columns)


def _values(events: Any, quantity: Quantity, *, never_negative: bool = False) -> ak.Array:
    """Return the values of a quantity, found possible."""
    metadata = getattr(events, "metadata", None) or {}
    file = metadata.get("filename", "events")
    try:
        values = quantity.read(events)
    except Exception as error:
        # Whatever uproot, awkward or a decompressor raises here, the file is at fault.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputFileError(
            f"{file}: branch {quantity.name} cannot be read ({reason[0]}); "
            "copy or make the file again"
        ) from error
    bad = ~np.isfinite(values)
    if never_negative:
        bad = bad | (values < 0)
    if ak.any(bad, axis=None):
        in_event = ak.any(bad, axis=1) if bad.ndim == 2 else bad
        event = int(np.argmax(ak.to_numpy(in_event)))
        value = ak.ravel(values[bad])[0]
        raise DataError(
            f"{file}: {quantity.name} = {value} in entry "
            f"{metadata.get('entrystart', 0) + event}; such events must be mended or dropped"
        )
    return values


_DELPHES_MEMBERS = {
    "Event": ("Weight",),
    "Electron": LEPTON_FIELDS,
    "Muon": LEPTON_FIELDS,
    # The schema makes a vector of it, which takes η as well.
    "MissingET": ("MET", "Eta", "Phi"),
}

DELPHES = Format(
    name="Delphes",
    tree="Delphes",
    schema=DelphesSchema,
    branches=tuple(
        branch
        for collection, members in _DELPHES_MEMBERS.items()
        for branch in (f"{collection}_size", *(f"{collection}/{collection}.{m}" for m in members))
    ),
    electrons={name: Field(("Electron", name)) for name in LEPTON_FIELDS},
    muons={name: Field(("Muon", name)) for name in LEPTON_FIELDS},
    met=Field(("MissingET", "MET")),
    met_phi=Field(("MissingET", "Phi")),
    weight=Field(("Event", "Weight")),
    remedy="keep it in the TreeWriter of the Delphes card",
)
