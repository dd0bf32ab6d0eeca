"""What is in simulated files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import uproot


def content(path: Path) -> dict[str, Any]:
    """Return every branch of a file."""
    with uproot.open(path) as file:
        tree = file["Delphes"]
        return {name: tree[name].array() for name in tree.keys() if "/" in name}  # noqa: SIM118


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(ak.array_equal(a[name], b[name]) for name in a)


def hard_processes(path: Path) -> set[tuple[float, ...]]:
    """Return the momentum fractions and the neutrinos' momentum, which no two events share."""
    names = ("Event/Event.X1", "Event/Event.X2", "GenMissingET/GenMissingET.MET")
    columns = [ak.to_numpy(ak.flatten(content(path)[name])) for name in names]
    return set(zip(*(column.tolist() for column in columns), strict=True))
