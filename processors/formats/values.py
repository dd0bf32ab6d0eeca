"""Values of events as a file has them: read, and refused with a line if they are impossible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np

from eμsym.errors import DataError, EmusymError, InputFileError
from eμsym.processors.formats.quantities import Quantity, compare_counts, place_of

_NEVER_NEGATIVE = ("PT", "IsolationVar")


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
    counts = ak.num(columns[first])
    for name in others:
        compare_counts(
            events, quantities[name].name, ak.num(columns[name]), quantities[first].name, counts
        )
    return ak.zip(columns)


def per_event(events: Any, quantity: Quantity, *, never_negative: bool = False) -> ak.Array:
    """Return a quantity of which every event must have one value, n * float.

    Raises
    ------
    InputFileError, DataError
        As `Format.read`.
    """
    values = _values(events, quantity, 1, 2, never_negative=never_negative)
    if values.ndim == 2:
        counts = ak.to_numpy(ak.num(values))
    else:
        counts = _counts_of_singletons(events, quantity)
    if (counts != 1).any():
        event = int(np.argmax(counts != 1))
        file, entry = place_of(events, event)
        how_many = {0: "no value"}.get(counts[event], f"{counts[event]} values")
        raise DataError(
            f"{file}: {quantity.name} has {how_many} in entry {entry}, where there must be one; "
            "such events must be mended or dropped"
        )
    return ak.flatten(values) if values.ndim == 2 else values


def numbers(events: Any, quantity: Quantity) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return a number by which events are known, shape (n,).

    Raises
    ------
    InputFileError, DataError
        As `Format.read`, and if a number does not fit into 64 bits with a sign.
    """
    values: np.ndarray[Any, Any] = ak.to_numpy(per_event(events, quantity))
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
    values: np.ndarray[Any, Any] = ak.to_numpy(per_event(events, quantity))
    return values.astype(np.bool_)


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
) -> ak.Array:
    """Return the values of a quantity, found possible."""
    file, _ = place_of(events, 0)
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
        _, entry = place_of(events, int(np.argmax(ak.to_numpy(in_event))))
        value = ak.ravel(values[bad])[0]
        raise DataError(
            f"{file}: {quantity.name} = {value} in entry {entry}; "
            "such events must be mended or dropped"
        )
    return values


def _refuse_others_than_numbers(values: Any, n: int, dimensions: tuple[int, ...]) -> None:
    numbers = not values.fields and ak.to_numpy(ak.ravel(values)).dtype.kind in "iufb"
    # Leptons of which every event must have equally many are no leptons.
    fixed = 1 not in dimensions and isinstance(values.type.content, ak.types.RegularType)
    if not numbers or values.ndim not in dimensions or fixed:
        expected = "numbers" if 2 in dimensions else "one number"
        raise ValueError(f"it holds {values.type.content} of every event, expected {expected}")
    if len(values) != n:
        raise ValueError(f"it has {len(values)} of {n} entries")
