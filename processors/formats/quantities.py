"""Where a number of every event, or of every object in it, stands in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import awkward as ak
import numpy as np

from eμsym.errors import InputFileError


class Quantity(Protocol):
    """A number of every event, or of every object of it, and what to call it in an error."""

    @property
    def name(self) -> str:
        """What it is called in the files."""
        ...  # pragma: no cover

    @property
    def branches(self) -> tuple[str, ...]:
        """What of the tree it is made of, as uproot lists it."""
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
        The branch that also says how many values every event has: it must agree.
    branch : str, optional
        What uproot calls it. Default: the path with underscores, as in NanoAOD.
    """

    path: tuple[str, ...]
    unit: float = 1.0
    counts: str | None = None
    branch: str | None = None

    @property
    def name(self) -> str:
        """The path, with dots."""
        return ".".join(self.path)

    @property
    def branches(self) -> tuple[str, ...]:
        """The counts, if they have a branch of their own, and the values."""
        own = self.branch or "_".join(self.path)
        return (own,) if self.counts is None else (self.counts, own)

    def is_in(self, events: Any) -> bool:
        """Return whether some events have it."""
        collection, member = self.path[0], self.path[1:]
        return self.branches[-1] in events.fields or (
            collection in events.fields and all(x in events[collection].fields for x in member)
        )

    def read(self, events: Any) -> ak.Array:
        """Return the values."""
        values = events
        own = self.branches[-1]
        for part in (own,) if own in events.fields else self.path:
            values = values[part]
        return values if self.unit == 1.0 else values * self.unit


class MayBeMissing(Quantity, Protocol):
    """A quantity of which one can ask whether some events have it."""

    def is_in(self, events: Any) -> bool:
        """Return whether they do."""
        ...  # pragma: no cover


@dataclass(frozen=True)
class OneIfMissing:
    """Weights of events that have some, and 1 in files that have none, as those of data.

    Parameters
    ----------
    weight : Field or another quantity that may be missing
    """

    weight: MayBeMissing

    @property
    def name(self) -> str:
        """What the weight is called."""
        return self.weight.name

    @property
    def branches(self) -> tuple[str, ...]:
        """None must be there."""
        return ()

    @property
    def where_there(self) -> tuple[str, ...]:
        """Those of the weight."""
        return self.weight.branches

    def read(self, events: Any) -> ak.Array:
        """Return the weights, n * float."""
        return self.weight.read(events) if self.weight.is_in(events) else ak.Array(ones(events))


def ones(events: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return 1 for every event, shape (n,)."""
    return np.ones(len(events))


@dataclass(frozen=True)
class Bit:
    """A bit of a whole number, as a truth.

    Parameters
    ----------
    number : Field
    bit : int
        0 is the lowest.
    """

    number: Field
    bit: int = 0

    @property
    def name(self) -> str:
        """What the number is called."""
        return self.number.name

    @property
    def counts(self) -> str | None:
        """The branch that says how many there are."""
        return self.number.counts

    @property
    def branches(self) -> tuple[str, ...]:
        """Those of the number."""
        return self.number.branches

    def read(self, events: Any) -> ak.Array:
        """Return whether the bit is set, n * var * bool."""
        return (self.number.read(events) >> self.bit) & 1 == 1


def compare_counts(events: Any, name: str, counts: Any, other: str, expected: Any) -> None:
    """Refuse a branch that has not as many values in every event as another one says.

    Raises
    ------
    InputFileError
        That names the first event where they differ.
    """
    counts, expected = np.asarray(counts), np.asarray(expected)
    if np.array_equal(counts, expected):
        return
    event = int(np.argmax(counts != expected))
    file, entry = place_of(events, event)
    raise InputFileError(
        f"{file}: {name} has {counts[event]} values in entry {entry}, {other} gives "
        f"{expected[event]}; copy or make the file again"
    )


def place_of(events: Any, event: int) -> tuple[str, int]:
    """Return the file and the entry in it of an event of a chunk."""
    metadata = getattr(events, "metadata", None) or {}
    return metadata.get("filename", "events"), metadata.get("entrystart", 0) + event
