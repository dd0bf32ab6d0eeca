"""The least that a processed folder's ``results.json`` says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eμsym.folder import ProcessedFolder

#: No events after any cut.
NOTHING = {"raw": 0, "sumw": 0.0, "sumw2": 0.0}


def results_of(datasets: Iterable[str]) -> dict[str, Any]:
    """Return all parts that must be there, for datasets without events."""
    names = list(datasets)
    return {
        "provenance": {"packages": {}},
        "configuration": {"processor": {}},
        "datasets": {name: {"role": "background"} for name in names},
        "inputs": [],
        "normalisation": {name: {"scale": 1.0, "luminosity_ifb": None} for name in names},
        "missing": [],
        "warnings": [],
        "pair": names,
        "cutflow": {name: {"all": NOTHING, "emu": NOTHING, "mue": NOTHING} for name in names},
        "tests": {},
    }


def write_results(folder: Path, datasets: Iterable[str]) -> None:
    """Write such a ``results.json`` into a folder."""
    ProcessedFolder(folder).write_results(results_of(datasets))
