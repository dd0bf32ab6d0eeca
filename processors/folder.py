"""The output folder of a processed fileset."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from eμsym.event_digest import events_digest
from eμsym.folder import ProcessedFolder
from eμsym.label_rule import LABEL_RULE
from eμsym.processors.config import EMuConfig
from eμsym.processors.formats import Format
from eμsym.processors.normalisation import Normalisation, luminosity_warning, scaled
from eμsym.processors.repeats import (
    Fingerprints,
    RepeatedEvents,
    fingerprints,
    repeated_events,
    shared_events,
)
from eμsym.processors.runner import Processed

_PACKAGES = (
    "emusym",
    "awkward",
    "boost-histogram",
    "coffea",
    "hist",
    "iminuit",
    "numpy",
    "scipy",
    "uproot",
)


def write_folder(
    folder: ProcessedFolder,
    processed: Processed,
    config: EMuConfig,
    normalisation: Mapping[str, Normalisation],
    pair: tuple[str, ...],
    parts: Path | None = None,
) -> dict[str, Any]:
    """Write columns, histograms and ``results.json``.

    Parameters
    ----------
    folder : ProcessedFolder
        Existing and empty; see `eμsym.files.whole_folder`.
    processed : Processed
    config : EMuConfig
    normalisation : mapping of str to Normalisation
    pair : tuple of str
        Datasets that make up the pair.
    parts : Path, optional
        Folder of the chunks' columns, removed when they are written.

    Returns
    -------
    dict
        The content of ``results.json``.
    """
    seen: dict[str, Fingerprints] = {}
    digests: dict[str, str] = {}
    repeats: list[RepeatedEvents] = []
    for name in processed.parts:
        scale = normalisation[name].scale
        seen[name], digests[name] = _write_events(folder, processed, name, scale)
        repeats.append(repeated_events(processed, name, seen[name]))
    columns = ak.fields(processed.like)
    shared = shared_events({name: seen[name] for name in pair})
    if parts is not None:
        shutil.rmtree(parts, ignore_errors=True)
    folder.write_histograms(scaled(processed.histograms, normalisation), processed.rule.orders)
    warnings = [
        *only_steps(processed),
        *simulated_notes(processed),
        luminosity_warning(normalisation, pair),
        *(found.warning() for found in repeats),
        shared.warning(),
    ]
    results = {
        "provenance": provenance(),
        "configuration": {"processor": config.to_dict(), "format": _format(processed.file_format)},
        LABEL_RULE: processed.rule.to_dict(),
        "datasets": {d.name: d.metadata.model_dump() for d in processed.datasets},
        "inputs": [
            {**asdict(file), "file_id": f"{file.file_id:016x}", "complete": file.complete}
            for file in processed.files
        ],
        "normalisation": {name: n.to_dict() for name, n in normalisation.items()},
        "missing": missing(processed, normalisation),
        "repeated_events": {found.dataset: found.repeated for found in repeats},
        "shared_events": asdict(shared),
        "warnings": [warning for warning in warnings if warning],
        "pair": list(pair),
        "cutflow": processed.cutflow,
        "events": {"columns": columns, "digests": digests},
        "tests": {},
    }
    return folder.write_results(results)


def _format(file_format: Format) -> dict[str, Any]:
    """Return what the files were and what was said of them, without what was not."""
    said = {name: value for name, value in file_format.settings.items() if value}
    cracks = {} if file_format.cracks is None else {"cracks": list(file_format.cracks)}
    return {**said, "name": file_format.name, **cracks}


def missing(processed: Processed, normalisation: Mapping[str, Normalisation]) -> list[str]:
    """Return a line for every file and dataset of which events are missing."""
    lines = []
    for file in processed.missing:
        lost = "an unknown number" if file.asked is None else file.asked - file.processed
        of = "" if file.asked is None else f" of {file.asked}"
        lines.append(f"{file.path}: {lost}{of} events; {'; '.join(file.problems)}")
    for name, result in normalisation.items():
        if result.entries is None:
            lines.append(
                f"dataset {name}: not corrected for the events lost, whose number is unknown; "
                "give 'entries' in the fileset's metadata"
            )
        elif result.entries > result.processed:
            lines.append(
                f"dataset {name}: {result.processed} of {result.entries} events processed, "
                f"weights multiplied by {result.scale:.6g}"
            )
    return lines


def only_steps(processed: Processed) -> list[str]:
    """Return a line for every dataset of which the fileset's steps ask for some events only."""
    lines = []
    for name, every in processed.files_by_dataset.items():
        files = [file for file in every if file.entries is not None]
        there_are = sum(file.entries or 0 for file in files)
        asked = sum(file.asked or 0 for file in files)
        if asked < there_are:
            lines.append(
                f"dataset {name}: the fileset's steps ask for {asked:,} of the "
                f"{there_are:,} events of its files"
            )
    return lines


def simulated_notes(processed: Processed) -> list[str]:
    """Return a line for what should be known of simulated files, such as that weights lack."""
    roles = {dataset.name: dataset.metadata.role for dataset in processed.datasets}
    simulated = (file for file in processed.files if roles[file.dataset] != "data")
    lines = [f"dataset {file.dataset}: {note}" for file in simulated for note in file.notes]
    return list(dict.fromkeys(lines))


def provenance() -> dict[str, Any]:
    """Return the versions that made a result."""
    return {
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def _write_events(
    folder: ProcessedFolder, processed: Processed, dataset: str, scale: float
) -> tuple[Fingerprints, str]:
    """Write a dataset's columns a chunk at a time; return the events' fingerprints and digest."""
    seen: list[Fingerprints] = []
    digest = 0

    def scaled_chunks() -> Iterator[ak.Array]:
        nonlocal digest
        for columns in processed.columns(dataset):
            seen.append(fingerprints(columns))
            events = ak.with_field(columns, columns.weight * scale, "weight")
            digest = events_digest([ak.to_numpy(events[x]) for x in ak.fields(columns)], digest)
            yield events

    folder.write_events(dataset, scaled_chunks(), like=processed.like)
    return np.concatenate([np.zeros(0, dtype=np.uint64), *seen]), f"{digest:016x}"
