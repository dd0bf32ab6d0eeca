"""Values of events as a file has them: read, and refused with a line if they are impossible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import awkward as ak
import numpy as np

from eμsym.errors import DataError, EmusymError, InputFileError
from eμsym.flat_objects import FlatObjects, flat_values, offsets_of
from eμsym.processors.formats.quantities import Quantity, compare_counts, place_of

_NEVER_NEGATIVE = ("PT", "IsolationVar")
#: Kinds of numpy's types that are numbers.
_NUMBERS = "iufb"


def collection(events: Any, quantities: Mapping[str, Quantity]) -> ak.Array:
    """Return the members of a collection, of which every event has equally many.

    Parameters
    ----------
    events : NanoEvents
    quantities : mapping of str to Quantity
        Names of the members → what they are in the file. The first one's counts are those
        that an error compares with.

    Returns
    -------
    ak.Array, n * var * {…}

    Raises
    ------
    InputFileError, DataError
        As `Format.read`.
    """
    columns = {
        name: _values(events, quantity, 2, never_negative=name in _NEVER_NEGATIVE)
        for name, quantity in quantities.items()
    }
    first, *others = quantities
    offsets, _ = columns[first]
    _check_counts(events, quantities[first], offsets)
    for name in others:
        found, _ = columns[name]
        if not np.array_equal(found, offsets):
            _check_counts(events, quantities[name], found)
            counts = (np.diff(found), np.diff(offsets))
            compare_counts(
                events, quantities[name].name, counts[0], quantities[first].name, counts[1]
            )
    return FlatObjects(offsets, {n: flat for n, (_, flat) in columns.items()}).to_awkward()


def per_event(
    events: Any, quantity: Quantity, *, never_negative: bool = False
) -> np.ndarray[Any, Any]:
    """Return a quantity of which every event must have one value, shape (n,).

    Raises
    ------
    InputFileError, DataError
        As `Format.read`.
    """
    offsets, values = _values(events, quantity, 1, 2, never_negative=never_negative)
    _check_counts(events, quantity, offsets)
    counts = _counts_of_singletons(events, quantity) if offsets is None else np.diff(offsets)
    if (counts != 1).any():
        event = int(np.argmax(counts != 1))
        file, entry = place_of(events, event)
        how_many = {0: "no value"}.get(counts[event], f"{counts[event]} values")
        raise DataError(
            f"{file}: {quantity.name} has {how_many} in entry {entry}, where there must be one; "
            "such events must be mended or dropped"
        )
    return np.asarray(values)


def numbers(events: Any, quantity: Quantity) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return a number by which events are known, shape (n,).

    Raises
    ------
    InputFileError, DataError
        As `Format.read`, and if a number does not fit into 64 bits with a sign.
    """
    values = per_event(events, quantity)
    beyond = values > np.iinfo(np.int64).max
    if beyond.any():
        file, entry = place_of(events, int(np.argmax(beyond)))
        raise DataError(
            f"{file}: {quantity.name} = {values[beyond][0]} in entry {entry}; give numbers below "
            "2⁶³"
        )
    return values.astype(np.int64)


def truths(events: Any, quantity: Quantity) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return what events pass, shape (n,).

    Raises
    ------
    InputFileError, DataError
        As `Format.read`.
    """
    values = per_event(events, quantity)
    return values.astype(np.bool_)


def _check_counts(events: Any, quantity: Quantity, offsets: Any) -> None:
    """Refuse a quantity that has not as many values in an event as a branch of counts says."""
    stated = getattr(quantity, "counts", None)
    if stated is not None and offsets is not None and stated in events.fields:
        with _the_file_at_fault(events, stated):
            expected = np.asarray(events[stated])
        compare_counts(events, quantity.name, np.diff(offsets), stated, expected)


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


def _values(
    events: Any, quantity: Quantity, *dimensions: int, never_negative: bool = False
) -> tuple[Any, Any]:
    """Return the values of a quantity, found possible: where every event's begin, and all.

    The first is None where there is one value an event and no list.
    """
    with _the_file_at_fault(events, quantity.name):
        values = quantity.read(events)
        offsets, flat = _laid_flat(values, len(events), dimensions)
    bad = ~np.isfinite(flat)
    if never_negative:
        bad |= flat < 0
    if bad.any():
        first = int(np.argmax(bad))
        event = first if offsets is None else int(np.searchsorted(offsets, first, "right")) - 1
        file, entry = place_of(events, event)
        raise DataError(
            f"{file}: {quantity.name} = {flat[first]} in entry {entry}; "
            "such events must be mended or dropped"
        )
    return offsets, flat


@contextmanager
def _the_file_at_fault(events: Any, name: str) -> Iterator[None]:
    """Make one line of whatever uproot, awkward or a decompressor raises of a branch."""
    try:
        yield
    except EmusymError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputFileError(
            f"{place_of(events, 0)[0]}: branch {name} cannot be read ({reason[0]}); "
            "copy or make the file again"
        ) from error


def _laid_flat(values: Any, n: int, dimensions: tuple[int, ...]) -> tuple[Any, Any]:
    """Return where every event's values begin, if they are lists, and all values."""
    found = flat_values(values)
    if found is None:
        values = ak.materialize(values)
        _refuse_others_than_numbers(values, n, dimensions)
        counts = ak.to_numpy(ak.num(values)) if values.ndim == 2 else None
        offsets = None if counts is None else offsets_of(counts)
        return offsets, np.asarray(ak.to_numpy(ak.ravel(values)))
    offsets, flat = found
    there_are = len(flat) if offsets is None else len(offsets) - 1
    ndim = 1 if offsets is None else 2
    if flat.dtype.kind not in _NUMBERS or ndim not in dimensions or there_are != n:
        _refuse_others_than_numbers(values, n, dimensions)
    return offsets, flat


def _refuse_others_than_numbers(values: Any, n: int, dimensions: tuple[int, ...]) -> None:
    numbers = not values.fields and ak.to_numpy(ak.ravel(values)).dtype.kind in _NUMBERS
    # Leptons of which every event must have equally many are no leptons.
    fixed = 1 not in dimensions and isinstance(values.type.content, ak.types.RegularType)
    if not numbers or values.ndim not in dimensions or fixed:
        expected = "numbers" if 2 in dimensions else "one number"
        raise ValueError(f"it holds {values.type.content} of every event, expected {expected}")
    if len(values) != n:
        raise ValueError(f"it has {len(values)} of {n} entries")
