"""The least that a processed folder's ``results.json`` says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.folder import ProcessedFolder

#: No events after any cut.
NOTHING = {"raw": 0, "sumw": 0.0, "sumw2": 0.0}


def counts_of(weight: Any) -> dict[str, Any]:
    """Return the number of events, Σw and Σw² of some weights."""
    w = np.asarray(weight, dtype=np.float64)
    return {"raw": len(w), "sumw": float(w.sum()), "sumw2": float((w**2).sum())}


def results_of(
    datasets: Iterable[str], selected: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Return all parts that must be there.

    The datasets have no events, but those selected: dataset → order → weights.
    """
    names = list(datasets)
    nothing: dict[str, Any] = {"all": NOTHING, "emu": NOTHING, "mue": NOTHING}
    flows = {
        name: {order: counts_of(weight) for order, weight in orders.items()}
        for name, orders in (selected or {}).items()
    }
    return {
        "provenance": {"packages": {}},
        "configuration": {"processor": {}},
        "datasets": {name: {"role": "background"} for name in names},
        "inputs": [],
        "normalisation": {name: {"scale": 1.0, "luminosity_ifb": None} for name in names},
        "missing": [],
        "warnings": [],
        "pair": names,
        "cutflow": {name: nothing | flows.get(name, {}) for name in names},
        "tests": {},
    }


def write_results(
    folder: Path,
    datasets: Iterable[str],
    selected: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write such a ``results.json`` into a folder."""
    ProcessedFolder(folder).write_results(results_of(datasets, selected))
