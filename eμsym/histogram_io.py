"""Histograms of processed datasets on disk, as UHI JSON."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hist

from eμsym.errors import InputFileError
from eμsym.files import read_json, write_json

HISTOGRAMS_SCHEMA = "emusym/histograms"
VERSION = 1
#: Labels of the flavour-order axis and the pair's samples, A first.
ORDERS = ("emu", "mue")


def read_uhi_json(path: str | Path, schema: str) -> Any:
    """Return the content of a JSON file with histograms, of a schema of ours."""
    import uhi.io.json

    return read_json(path, schema=schema, object_hook=uhi.io.json.object_hook)


@contextlib.contextmanager
def whole_content(path: str | Path) -> Iterator[None]:
    """Turn what a JSON file of the right schema lacks into an `InputFileError`."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError) as error:
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
    write_json(path, data, default=uhi.io.json.default)


def select(histogram: hist.Hist, *, datasets: Iterable[str], order: str) -> hist.Hist:
    """Add up datasets of one flavour order, leaving the observables' axes.

    Parameters
    ----------
    histogram : hist.Hist
        Axes ``dataset``, ``order``, then the observables.
    datasets : iterable of str
        Datasets that the histogram does not know count as empty.
    order : {"emu", "mue"}
    """
    result = hist.Hist(*histogram.axes[2:], storage=hist.storage.Weight())
    known = set(histogram.axes["dataset"])
    for name in datasets:
        if name in known:
            result += histogram[{"dataset": name, "order": order}]
    return result
