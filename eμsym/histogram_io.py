"""Histograms of processed datasets on disk, as UHI JSON."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hist

from eμsym.errors import InputFileError
from eμsym.files import read_json, write_json
from eμsym.label_rule import LEADING

HISTOGRAMS_SCHEMA = "emusym/histograms"
VERSION = 1
#: Categories of the axis ``order`` where no file says others, A first.
ORDERS = LEADING.orders


def read_uhi_json(path: str | Path, schema: str) -> Any:
    """Return the content of a JSON file with histograms, of a schema of ours."""
    import uhi.io.json

    return read_json(path, schema=schema, object_hook=uhi.io.json.object_hook)


@contextlib.contextmanager
def whole_content(path: str | Path) -> Iterator[None]:
    """Turn what a JSON file of the right schema lacks into an `InputFileError`."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputFileError(f"{path}: a part is missing or damaged ({error!r})") from error


def read_histograms(path: str | Path) -> dict[str, hist.Hist]:
    """Read the histograms of a processed folder: axes dataset, order, then the observables."""
    with whole_content(path):
        data = read_uhi_json(path, HISTOGRAMS_SCHEMA)
        return {name: hist.Hist(value) for name, value in data["histograms"].items()}


def write_histograms(path: str | Path, histograms: Mapping[str, hist.Hist]) -> None:
    """Write histograms as UHI JSON, for `read_histograms`."""
    import uhi.io.json

    data = {"schema": HISTOGRAMS_SCHEMA, "version": VERSION, "histograms": dict(histograms)}
    write_json(path, data, default=uhi.io.json.default, one_line=True)


def select(histogram: hist.Hist, *, datasets: Iterable[str], order: str) -> hist.Hist:
    """Add up datasets of one order, leaving the observables' axes.

    Parameters
    ----------
    histogram : hist.Hist
        Axes ``dataset``, ``order``, then the observables.
    datasets : iterable of str
        Datasets that the histogram does not know count as empty.
    order : str
        One of the label rule's, such as ``emu``.
    """
    result = hist.Hist(*histogram.axes[2:], storage=hist.storage.Weight())
    known = set(histogram.axes["dataset"])
    for name in datasets:
        if name in known:
            result += histogram[{"dataset": name, "order": order}]
    return result


def sides(
    histograms: Mapping[str, hist.Hist], *, datasets: Iterable[str], orders: tuple[str, str]
) -> tuple[dict[str, hist.Hist], dict[str, hist.Hist]]:
    """Return the histograms of A and of B, as `select` gives each.

    Parameters
    ----------
    histograms : mapping of str to hist.Hist
        As for `select`.
    datasets : iterable of str
    orders : tuple of str
        A's and B's.
    """
    datasets = tuple(datasets)
    a, b = (
        {name: select(each, datasets=datasets, order=order) for name, each in histograms.items()}
        for order in orders
    )
    return a, b
