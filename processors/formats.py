"""What a format of files is: its tree, its branches, and how a chunk is read and checked.

Everything that is Delphes' own is `DELPHES`; another format is another `Format`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import awkward as ak
import numpy as np

from eμsym.errors import DataError, EmusymError, InputFileError
from eμsym.processors.own_counts import OwnCountsSchema
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
    counts : str, optional
        The branch that also says how many values every event has; where it is there,
        it must agree.
    """

    path: tuple[str, ...]
    unit: float = 1.0
    counts: str | None = None

    @property
    def name(self) -> str:
        """The path, with dots."""
        return ".".join(self.path)

    def read(self, events: Any) -> ak.Array:
        """Return the values.

        Raises
        ------
        InputFileError
            If there are more or fewer of them in an event than `counts` says.
        """
        values = events
        for part in self.path:
            values = values[part]
        values = ak.materialize(values)
        if self.counts is not None and self.counts in events.fields and values.ndim == 2:
            _compare_counts(events, self.name, ak.num(values), self.counts, events[self.counts])
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
        All that the selection cannot do without, as uproot lists them; no others are read.
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

    @property
    def only_needed(self) -> dict[str, Any]:
        """Options of coffea's ``iteritems_options`` that leave out all but the needed branches.

        What else stands in a tree, a user's own branches or types that nobody knows,
        then cannot be in the way.
        """
        return {"filter_name": frozenset(self.branches).__contains__}

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
            If a branch is missing, its bytes cannot be decoded, or two branches disagree
            about how many leptons an event has.
        DataError
            If a value is not finite, a momentum or isolation is negative, or an event has
            not one weight or one missing momentum.
        """
        weight = np.ones(len(events)) if self.weight is None else _per_event(events, self.weight)
        return Chunk(
            electrons=_leptons(events, self.electrons),
            muons=_leptons(events, self.muons),
            met=_per_event(events, self.met, never_negative=True),
            met_phi=_per_event(events, self.met_phi),
            weight=ak.to_numpy(weight).astype(np.float64),
        )


_NEVER_NEGATIVE = ("PT", "IsolationVar")


def _leptons(events: Any, quantities: Mapping[str, Quantity]) -> ak.Array:
    """Return the members of a collection, of which every event has equally many."""
    columns = {
        name: _values(events, quantities[name], 2, never_negative=name in _NEVER_NEGATIVE)
        for name in LEPTON_FIELDS
    }
    first = LEPTON_FIELDS[0]
    counts = ak.num(columns[first])
    for name in LEPTON_FIELDS[1:]:
        _compare_counts(
            events, quantities[name].name, ak.num(columns[name]), quantities[first].name, counts
        )
    return ak.zip(columns)


def _per_event(events: Any, quantity: Quantity, *, never_negative: bool = False) -> ak.Array:
    """Return a quantity of which every event must have one value, n * float."""
    values = _values(events, quantity, 1, 2, never_negative=never_negative)
    if values.ndim == 2:
        counts = ak.to_numpy(ak.num(values))
    else:
        counts = _counts_of_singletons(events, quantity)
    if (counts != 1).any():
        event = int(np.argmax(counts != 1))
        file, entry = _place(events, event)
        how_many = {0: "no value"}.get(counts[event], f"{counts[event]} values")
        raise DataError(
            f"{file}: {quantity.name} has {how_many} in entry {entry}, where there must be one; "
            "such events must be mended or dropped"
        )
    return ak.flatten(values) if values.ndim == 2 else values


def _counts_of_singletons(events: Any, quantity: Quantity) -> np.ndarray[Any, Any]:
    """Return how many values every event had before coffea's schema took one of each.

    `DelphesSchema` makes plain numbers of the collections that should have one value an
    event, without looking whether they do, but keeps where each event's values began.
    """
    place = f"{quantity.name.partition('.')[0]}.offsets"
    if place not in events.fields:
        return np.ones(len(events), dtype=np.int64)
    starts = ak.to_numpy(ak.materialize(events[place]))
    return np.append(np.diff(starts), 1)[: len(events)]


def _compare_counts(events: Any, name: str, counts: Any, other: str, expected: Any) -> None:
    """Refuse a branch that has not as many values in every event as another one says."""
    counts, expected = ak.to_numpy(counts), ak.to_numpy(ak.materialize(expected))
    if np.array_equal(counts, expected):
        return
    event = int(np.argmax(counts != expected))
    file, entry = _place(events, event)
    raise InputFileError(
        f"{file}: {name} has {counts[event]} values in entry {entry}, {other} gives "
        f"{expected[event]}; copy or make the file again"
    )


def _place(events: Any, event: int) -> tuple[str, int]:
    """Return the file and the entry in it of an event of a chunk."""
    metadata = getattr(events, "metadata", None) or {}
    return metadata.get("filename", "events"), metadata.get("entrystart", 0) + event


def _values(
    events: Any, quantity: Quantity, *dimensions: int, never_negative: bool = False
) -> ak.Array:
    """Return the values of a quantity, found possible."""
    file, _ = _place(events, 0)
    try:
        values = quantity.read(events)
        _refuse_others_than_numbers(values, len(events), dimensions)
    except EmusymError:
        raise
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
        _, entry = _place(events, int(np.argmax(ak.to_numpy(in_event))))
        value = ak.ravel(values[bad])[0]
        raise DataError(
            f"{file}: {quantity.name} = {value} in entry {entry}; "
            "such events must be mended or dropped"
        )
    return values


def _refuse_others_than_numbers(values: Any, n: int, dimensions: tuple[int, ...]) -> None:
    numbers = not values.fields and ak.to_numpy(ak.ravel(values)).dtype.kind in "iuf"
    # Leptons of which every event must have equally many are no leptons.
    fixed = 1 not in dimensions and isinstance(values.type.content, ak.types.RegularType)
    if not numbers or values.ndim not in dimensions or fixed:
        expected = "numbers" if 2 in dimensions else "one number"
        raise ValueError(f"it holds {values.type.content} of every event, expected {expected}")
    if len(values) != n:
        raise ValueError(f"it has {len(values)} of {n} entries")


_DELPHES_MEMBERS = {
    "Event": ("Weight",),
    "Electron": LEPTON_FIELDS,
    "Muon": LEPTON_FIELDS,
    "MissingET": ("MET", "Phi"),
}


def _delphes(collection: str, member: str) -> Field:
    return Field((collection, member), counts=f"{collection}_size")


DELPHES = Format(
    name="Delphes",
    tree="Delphes",
    schema=OwnCountsSchema,
    branches=tuple(
        branch
        for collection, members in _DELPHES_MEMBERS.items()
        for branch in (f"{collection}_size", *(f"{collection}/{collection}.{m}" for m in members))
    ),
    electrons={name: _delphes("Electron", name) for name in LEPTON_FIELDS},
    muons={name: _delphes("Muon", name) for name in LEPTON_FIELDS},
    met=_delphes("MissingET", "MET"),
    met_phi=_delphes("MissingET", "Phi"),
    weight=_delphes("Event", "Weight"),
    remedy="keep it in the TreeWriter of the Delphes card",
)
