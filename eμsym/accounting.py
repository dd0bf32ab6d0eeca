"""Are the events and histograms of a processed folder those that its ``results.json`` counted?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import hist
import numpy as np

from eμsym.arrays import BoolArray, FloatArray
from eμsym.errors import InputFileError
from eμsym.event_digest import events_digest
from eμsym.folder import ProcessedFolder
from eμsym.pool import WEIGHT
from eμsym.results import Counts, Results

#: Sums of the same weights in another order differ by less than this times Σ|w|.
_ROUNDING = 1e-9
_REMEDY = "it was cut or damaged; make the folder anew with emusym process"


def check_events(path: Path, events: ak.Array, results: Results, dataset: str) -> None:
    """Compare a dataset's events with what the cutflow says of both samples.

    Parameters
    ----------
    path : Path
        Where they are from, for errors.
    events : ak.Array
    results : Results
    dataset : str

    Raises
    ------
    InputFileError
        If a column is not one number an event, the label or the weight is missing, or the
        number of events, the sum of their weights or, where it was written down, the digest
        of all columns is another one.
    """
    rule = results.label_rule
    for name in ak.fields(events):
        _column(path, events, name, kinds="biuf")
    in_a = _column(path, events, rule.column, kinds="b").astype(bool)
    weight = _column(path, events, WEIGHT, kinds="fiu").astype(np.float64)
    for order, chosen in zip(rule.orders, (in_a, ~in_a), strict=True):
        counts, scale = _expected(path, results, dataset, order)
        found = int(np.count_nonzero(chosen))
        if found != counts.raw:
            raise InputFileError(
                f"{path}: holds {found:,} {order} events, the cutflow counted {counts.raw:,}; "
                f"{_REMEDY}"
            )
        _compare(f"{path}: the weights of {order}", _sum(weight, chosen), counts, scale)
    written = results.events
    if written is not None:
        columns = [_column(path, events, name, kinds="biuf") for name in written.columns]
        if f"{events_digest(columns):016x}" != written.digests.get(dataset):
            raise InputFileError(
                f"{path}: holds other values than were written, or of other events; {_REMEDY}"
            )


def check_histograms(
    folder: ProcessedFolder,
    histograms: Mapping[str, hist.Hist],
    results: Results,
    dataset: str,
) -> None:
    """Compare the sums of a dataset's histograms with what the cutflow says of both samples.

    Parameters
    ----------
    folder : ProcessedFolder
    histograms : mapping of str to hist.Hist
        Axes dataset, order, then the observables; one that lacks the dataset holds none of it.
    results : Results
    dataset : str

    Raises
    ------
    InputFileError
        If a sum, with what lies outside the axes, is another one.
    """
    path = folder.path / "histograms.json"
    for name, histogram in histograms.items():
        if dataset not in histogram.axes["dataset"]:
            continue
        for order in results.orders:
            part = histogram[{"dataset": dataset, "order": order}]
            total = float(np.sum(part.values(flow=True)))
            what = f"{path}: {name} of {order} in dataset {dataset!r}"
            _compare(what, total, *_expected(path, results, dataset, order))


def _column(path: Path, events: ak.Array, name: str, *, kinds: str) -> np.ndarray[Any, Any]:
    if name not in ak.fields(events):
        raise InputFileError(f"{path}: has no column {name!r}; {_REMEDY}")
    try:
        values = np.asarray(ak.to_numpy(events[name], allow_missing=False))
    except (TypeError, ValueError) as error:
        raise InputFileError(f"{path}: {name} is not one number an event; {_REMEDY}") from error
    if values.dtype.kind not in kinds or values.ndim != 1:
        kind = "true or false" if kinds == "b" else "a number"
        raise InputFileError(
            f"{path}: {name} is of type {values.dtype} and must be {kind} an event; {_REMEDY}"
        )
    return values


def _expected(path: Path, results: Results, dataset: str, order: str) -> tuple[Counts, float]:
    flow, scale = results.cutflow[dataset], results.normalisation.get(dataset)
    if order not in flow or scale is None:
        lacks = f"cutflow.{dataset}.{order}" if scale is not None else f"normalisation.{dataset}"
        raise InputFileError(f"{path}: results.json beside it lacks {lacks}; {_REMEDY}")
    return flow[order], scale.scale


def _sum(weight: FloatArray, chosen: BoolArray) -> float:
    return float(np.sum(weight[chosen]))


def _compare(what: str, found: float, counts: Counts, scale: float) -> None:
    """Compare Σw with the cutflow's; Σ|w| is at most the root of n Σw²."""
    expected = counts.sumw * scale
    allowed = _ROUNDING * math.sqrt(max(0.0, counts.raw * counts.sumw2)) * abs(scale)
    if not abs(found - expected) <= max(allowed, _ROUNDING * abs(expected)):
        raise InputFileError(
            f"{what} add up to {found:.12g}, the cutflow counted {expected:.12g}; {_REMEDY}"
        )
