"""Blind a processed folder: from then on nothing that reads it sees the window's events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from eμsym.blinding import Blinding
from eμsym.effects import check_symmetric
from eμsym.errors import ConfigurationError
from eμsym.event_io import read_events
from eμsym.expression import Expression
from eμsym.folder import ProcessedFolder
from eμsym.pool import WEIGHT
from eμsym.report.blinded import without_unblinded


def blind_folder(folder: ProcessedFolder, blinding: Blinding) -> list[str]:
    """Write into ``results.json`` which events are hidden, and how many are left.

    The files of the folder keep all events; `eμsym.read_pair` and every command leave out what
    is in the window, until the folder is unblinded, with a blinding without windows. Figures
    that were not made under this blinding are removed.

    Parameters
    ----------
    folder : ProcessedFolder
    blinding : Blinding
        In place of an earlier one.

    Returns
    -------
    list of str
        Names of the figures that are gone, without their endings.

    Raises
    ------
    InputFileError
        If the folder is not a processed one.
    ConfigurationError
        If there is no such column, or it is not the same for A and B.
    DataError
        If the window cannot be told of an event.
    """
    if not blinding:
        folder.update_results(blinded=None)
        return []
    results, inside = folder.results(), Expression(blinding.where)
    check_symmetric(inside, results.label_rule.exchange)
    left: dict[str, dict[str, Any]] = {}
    for dataset, path in folder.event_files().items():
        events = read_events(path)
        columns = {name: ak.to_numpy(events[name]) for name in ak.fields(events)}
        for name in blinding.windows:
            if name not in columns:
                raise ConfigurationError(
                    f"blinding: no column {name!r}; there are {', '.join(columns)}"
                )
        kept = inside.condition(columns)
        in_a = columns[results.label_rule.column].astype(bool)
        scale = results.normalisation[dataset].scale
        weight = columns[WEIGHT].astype(np.float64) / (scale or 1.0)
        left[dataset] = {
            order: _counts(weight[kept & side])
            for order, side in zip(results.orders, (in_a, ~in_a), strict=True)
        }
    content = folder.update_results(blinded={"windows": blinding.to_dict(), "left": left})
    return _remove_unblinded(folder, content)


def _remove_unblinded(folder: ProcessedFolder, content: Mapping[str, Any]) -> list[str]:
    """Remove the figures that show what is hidden now; return their names."""
    shown, _ = without_unblinded(content)
    gone = set(content.get("figures", ())).difference(shown["figures"])
    if not gone:
        return []
    folder.update_results(figures=folder.replace_figures(shown["figures"]))
    return sorted({Path(name).stem for name in gone})


def _counts(weight: np.ndarray[Any, np.dtype[np.float64]]) -> Mapping[str, float]:
    sums = {"sumw": float(weight.sum()), "sumw2": float(np.square(weight).sum())}
    return {"raw": int(weight.size), **sums}
