"""The configuration of a run, read from TOML and checked before anything is done."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eμsym.errors import ConfigurationError
from eμsym.input_files import read_toml
from eμsym.processors.chunk_edges import CHUNKSIZE
from eμsym.processors.config import EMuConfig
from eμsym.processors.fileset import DEFAULT_TREE
from eμsym.processors.formats import FormatOptions
from eμsym.processors.models import keys_at
from eμsym.scanning.options import ScanOptions
from eμsym.validation import first_error, first_problem


@dataclass(frozen=True)
class RunConfig:
    """What ``emusym run`` and ``emusym process`` can be told.

    Attributes
    ----------
    inputs : tuple of str
        Fileset JSON, ROOT files, globs or folders, relative to the configuration.
        None means the embedded sample (``emusym run`` only).
    tree : str
        Name of the tree, where no fileset says it.
    dataset : str
        What to call files that are given without a fileset.
    output : str
        Folder for the results, relative to where the command runs.
    pair : tuple of str
        Datasets that make up the pair; default: the data if any, else all.
    luminosity_ifb : float, optional
        Scale simulated datasets to this luminosity, fb⁻¹.
    workers : int, optional
        Processes; default: as many as pay off.
    dask : str, optional
        "local", or the address of a Dask scheduler, to run there.
    chunksize : int
        Largest number of events in memory at a time, for each process.
    allow_missing : bool
        Whether to go on without what cannot be read; it is accounted for.
    processor : EMuConfig
        What is selected, kept and histogrammed; the maps of resolutions are relative to the
        configuration.
    format : FormatOptions
        How the files are read; `golden_json` is relative to the configuration.
    scan : ScanOptions
        What ``emusym scan`` looks at.

    Raises
    ------
    ConfigurationError
        If the luminosity is not finite.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    inputs: tuple[str, ...] = ()
    tree: str = DEFAULT_TREE
    dataset: str = "data"
    output: str = "emusym-output"
    pair: tuple[str, ...] = ()
    luminosity_ifb: float | None = None
    workers: int | None = None
    dask: str | None = None
    chunksize: int = CHUNKSIZE
    allow_missing: bool = False
    processor: EMuConfig = field(default_factory=EMuConfig)
    format: FormatOptions = field(default_factory=FormatOptions)
    scan: ScanOptions = field(default_factory=ScanOptions)

    def __post_init__(self) -> None:
        if self.luminosity_ifb is not None and not math.isfinite(self.luminosity_ifb):
            raise ConfigurationError(
                f"luminosity_ifb = {self.luminosity_ifb}: must be positive and finite"
            )


def read_run_config(path: str | Path) -> RunConfig:
    """Read a TOML configuration.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    RunConfig
        With `inputs` and the file of resolutions made relative to the file's folder.

    Raises
    ------
    InputFileError
        If the file cannot be read or is not TOML.
    ConfigurationError
        If a key is unknown or a value is impossible; the message names both.
    """
    path = Path(path)
    content = read_toml(path)
    inputs = content.get("inputs", [])
    if isinstance(inputs, list):
        content["inputs"] = [_beside(path, item) for item in inputs]
    processor = content.get("processor")
    resolution = processor.get("resolution") if isinstance(processor, dict) else None
    if isinstance(resolution, dict) and "file" in resolution:
        resolution["file"] = _beside(path, resolution["file"])
    options = content.get("format")
    if isinstance(options, dict) and "golden_json" in options:
        content["format"] = {**options, "golden_json": _beside(path, options["golden_json"])}
    try:
        # As JSON, of which pydantic takes lists for tuples and tables for dataclasses while it
        # takes no truth for a number, and no text for either. What JSON has not are dates, which
        # stand nowhere here: no table is taken for anything else.
        text = json.dumps(content, default=lambda date: {str(date): None})
        return TypeAdapter(RunConfig).validate_json(text, strict=True)
    except ValidationError as error:
        known = ", ".join(keys_at(RunConfig, tuple(first_error(error)["loc"])))
        problem = first_problem(error, remedy=f"; there are {known} (see emusym config)")
        raise ConfigurationError(f"{path}: {problem}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _beside(config: Path, item: Any) -> Any:
    if not isinstance(item, str) or "://" in item:
        return item
    return str(config.parent / item)
