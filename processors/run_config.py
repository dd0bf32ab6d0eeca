"""The configuration of a run, read from TOML and checked before anything is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eμsym.errors import ConfigurationError
from eμsym.input_files import read_toml
from eμsym.processors.config import EMuConfig
from eμsym.processors.fileset import DEFAULT_TREE
from eμsym.validation import first_problem


@dataclass(frozen=True)
class RunConfig:
    """What ``emusym run`` and ``emusym process`` can be told.

    Attributes
    ----------
    inputs : tuple of str
        Fileset JSON, ROOT files, globs or folders, relative to the configuration.
        None means the embedded sample (``emusym run`` only).
    tree, dataset : str
        See `eμsym.processors.fileset.read_fileset`.
    output : str
        Folder for the results, relative to where the command runs.
    pair : tuple of str
        Datasets that make up the pair; default: the data if any, else all.
    luminosity_ifb : float, optional
        Scale simulated datasets to this luminosity, fb⁻¹.
    workers : int, optional
    dask : str, optional
    chunksize : int
    allow_missing : bool
        See `eμsym.processors.runner.process`.
    processor : EMuConfig
        Cuts, plane, observables, and the maps of resolutions, whose file is relative to the
        configuration.
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
    chunksize: int = 100_000
    allow_missing: bool = False
    processor: EMuConfig = field(default_factory=EMuConfig)


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
    try:
        return TypeAdapter(RunConfig).validate_python(content)
    except ValidationError as error:
        problem = first_problem(error, remedy="; see emusym run --help for what there is")
        raise ConfigurationError(f"{path}: {problem}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _beside(config: Path, item: Any) -> Any:
    if not isinstance(item, str) or "://" in item:
        return item
    return str(config.parent / item)
