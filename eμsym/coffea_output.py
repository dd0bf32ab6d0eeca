"""The output of a coffea run of `EMuProcessor`, as events and histograms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import awkward as ak
import numpy as np
from hist import Hist

from eμsym.errors import ConfigurationError, DataError
from eμsym.histogram_io import sides


def events_of(output: Any, datasets: Iterable[str] | None) -> tuple[ak.Array, tuple[str, ...]]:
    """Return the selected events of datasets, and the datasets' names.

    The events are in an order that no executor can change: dataset by dataset as they are
    named, or else in alphabetical order; in one, by the file's identity and the entry.

    Parameters
    ----------
    output : mapping
        As `EMuProcessor.process` describes it.
    datasets : iterable of str or None
        None: all.

    Raises
    ------
    DataError
        If it is no such output.
    ConfigurationError
        If a dataset is not there, or none is chosen.
    """
    columns = _part(output, "columns")
    known = ", ".join(columns) or "none"
    names = sorted(columns) if datasets is None else list(dict.fromkeys(datasets))
    if not names:
        raise ConfigurationError(f"no dataset is chosen; there are {known}")
    for name in names:
        if name not in columns:
            raise ConfigurationError(f"no dataset {name!r}; there are {known}")
    return ak.concatenate([_in_order(name, columns[name]) for name in names]), tuple(names)


def histograms_of(
    output: Any, datasets: tuple[str, ...], orders: tuple[str, str]
) -> tuple[dict[str, Hist], dict[str, Hist]]:
    """Return the histograms of A and of B, added up over datasets.

    Raises
    ------
    DataError
        If it is no output of a coffea run, or has other orders.
    """
    histograms = _part(output, "histograms")
    try:
        return sides(histograms, datasets=datasets, orders=orders)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"the histograms have no axes dataset and order ({', '.join(orders)}): {error}"
        ) from error


def _part(output: Any, name: str) -> Mapping[str, Any]:
    part = output.get(name) if isinstance(output, Mapping) else None
    if not isinstance(part, Mapping):
        raise DataError(
            f"no {name} in the output; give what coffea's Runner returns for an EMuProcessor "
            "(with savemetrics: the first of the two)"
        )
    return part


def _in_order(name: str, accumulator: Any) -> ak.Array:
    """Return one dataset's events by file and entry, as far as they say those."""
    events = getattr(accumulator, "value", accumulator)
    if not isinstance(events, ak.Array) or not ak.fields(events):
        raise DataError(f"the columns of dataset {name!r} are no record array of events")
    if not {"file_id", "entry"} <= set(ak.fields(events)):
        return events
    return events[np.lexsort((ak.to_numpy(events.entry), ak.to_numpy(events.file_id)))]
