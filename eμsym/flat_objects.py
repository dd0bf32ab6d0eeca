"""Objects of events laid flat: what awkward does, without its cost where events are few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import awkward as ak
import numpy as np
from awkward.contents import ListOffsetArray, NumpyArray, RecordArray

from eμsym.arrays import BoolArray, IntArray


@dataclass(frozen=True, eq=False)
class FlatObjects:
    """The leptons, or other objects, of n events, one after the other.

    Parameters
    ----------
    offsets : ndarray of int, shape (n + 1,)
        Those of event i are objects ``offsets[i]`` to ``offsets[i + 1]``; the first is 0.
    members : mapping of str to ndarray, shape (``offsets[-1]``,)
    """

    offsets: IntArray
    members: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.members[name]

    @cached_property
    def counts(self) -> IntArray:
        """How many objects every event has, shape (n,)."""
        return np.diff(self.offsets)

    @cached_property
    def event(self) -> IntArray:
        """The event of every object."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def count(self, mask: BoolArray) -> IntArray:
        """Return in how many objects of every event something holds, shape (n,)."""
        return np.bincount(self.event[mask], minlength=len(self.counts))

    def any(self, mask: BoolArray) -> BoolArray:
        """Return whether something holds in any object of every event, shape (n,)."""
        found = np.zeros(len(self.counts), dtype=np.bool_)
        found[self.event[mask]] = True
        return found

    def chosen(self, mask: BoolArray) -> FlatObjects:
        """Return the objects in which something holds, of the same events."""
        members = {name: values[mask] for name, values in self.members.items()}
        return FlatObjects(offsets_of(self.count(mask)), members)

    def of_events(self, events: IntArray) -> FlatObjects:
        """Return the objects of some of the events, whose numbers are given."""
        counts = self.counts[events]
        offsets = offsets_of(counts)
        objects = np.arange(offsets[-1]) + np.repeat(self.offsets[events] - offsets[:-1], counts)
        return FlatObjects(offsets, {name: x[objects] for name, x in self.members.items()})

    def jagged(self, values: Any) -> ak.Array:
        """Return values of the objects by event, n * var * value."""
        return ak.Array(ListOffsetArray(ak.index.Index64(self.offsets), NumpyArray(values)))

    def to_awkward(self) -> ak.Array:
        """Return the objects by event, n * var * {…}."""
        content = _records(self.members, int(self.offsets[-1]))
        return ak.Array(ListOffsetArray(ak.index.Index64(self.offsets), content))


def flat_objects(objects: Any) -> FlatObjects:
    """Lay objects flat.

    Parameters
    ----------
    objects : ak.Array, n * var * {…}, or FlatObjects
        Members are numbers, none of them missing. What is laid flat already stays as it is.

    Raises
    ------
    ValueError
        If a member is missing of an object.
    """
    if isinstance(objects, FlatObjects):
        return objects
    found = _laid_out_flat(ak.to_layout(objects))
    if found is not None:
        return found
    members = {
        name: np.asarray(ak.to_numpy(ak.flatten(objects[name]), allow_missing=False))
        for name in ak.fields(objects)
    }
    return FlatObjects(offsets_of(ak.to_numpy(ak.num(objects), allow_missing=False)), members)


def flat_values(values: ak.Array) -> tuple[IntArray | None, Any] | None:
    """Return where the values of every event begin, and all values, if they are laid out so.

    Parameters
    ----------
    values : ak.Array, n * number or n * var * number

    Returns
    -------
    offsets : ndarray of int, shape (n + 1,), or None
        See `FlatObjects`; None of one number an event.
    flat : ndarray, shape (``offsets[-1]``,) or (n,)
        Together None of what is laid out in any other way, or not read yet.
    """
    layout = ak.to_layout(values)
    if _is_flat(layout):
        return None, layout.data
    if not _is_list(layout) or not _is_flat(layout.content):
        return None
    offsets = layout.offsets.data
    return _from_zero(offsets), layout.content.data[offsets[0] : offsets[-1]]


def _from_zero(offsets: Any) -> IntArray:
    found = offsets - offsets[0] if offsets[0] else offsets
    return np.asarray(found, dtype=np.int64)


def offsets_of(counts: IntArray) -> IntArray:
    """Return where the objects of every event begin, and where all end, shape (n + 1,)."""
    return np.append(0, np.cumsum(counts, dtype=np.int64))


def _laid_out_flat(layout: Any) -> FlatObjects | None:
    """Return the objects of a layout that needs no more than to be looked at, or None."""
    if not _is_list(layout) or not isinstance(layout.content, RecordArray):
        return None
    offsets, content = layout.offsets.data, layout.content
    if not all(map(_is_flat, content.contents)):
        return None
    here = slice(offsets[0], offsets[-1])
    members = {n: x.data[here] for n, x in zip(content.fields, content.contents, strict=True)}
    return FlatObjects(_from_zero(offsets), members)


def _is_list(layout: Any) -> bool:
    # What coffea has not read yet is no array of numpy's.
    return (
        isinstance(layout, ListOffsetArray)
        and layout.parameter("__array__") is None
        and isinstance(layout.offsets.data, np.ndarray)
    )


def _is_flat(layout: Any) -> bool:
    return (
        isinstance(layout, NumpyArray)
        and isinstance(layout.data, np.ndarray)
        and layout.data.ndim == 1
    )


def records(columns: Mapping[str, Any]) -> ak.Array:
    """Return columns as an awkward array of records, n * {…}.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (n,)
    """
    return ak.Array(_records(columns, len(next(iter(columns.values())))))


def _records(columns: Mapping[str, Any], length: int) -> RecordArray:
    contents = [NumpyArray(np.ascontiguousarray(values)) for values in columns.values()]
    return RecordArray(contents, list(columns), length)
