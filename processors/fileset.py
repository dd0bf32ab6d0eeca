"""Which files to process: coffea's fileset JSON, ROOT files, globs and folders."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import read_json
from eμsym.processors.formats import DELPHES
from eμsym.validation import first_problem

DEFAULT_TREE = DELPHES.tree
Role = Literal["background", "signal", "data"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Metadata(BaseModel):
    """What is known of a dataset; further keys are kept and handed to the processor.

    Attributes
    ----------
    cross_section_pb : float, optional
        Cross section times branching ratio of what was generated.
    n_generated : float, optional
        Events generated, before any filter; with weights, the sum of their weights.
    entries : int, optional
        Events in all files of the dataset together. If a file cannot be opened,
        this alone says how many events it held.
    luminosity_ifb : float, optional
        Integrated luminosity that the dataset stands for.
    role : {"background", "signal", "data"}
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    cross_section_pb: Positive | None = None
    n_generated: Positive | None = None
    entries: Annotated[int, Field(ge=0)] | None = None
    luminosity_ifb: Positive | None = None
    role: Role = "background"


@dataclass(frozen=True)
class Dataset:
    """Files that belong together.

    Attributes
    ----------
    name : str
    files : dict of str to str
        Path or URL → name of the tree in it.
    metadata : Metadata
    """

    name: str
    files: dict[str, str]
    metadata: Metadata = field(default_factory=Metadata)


def read_fileset(
    inputs: Iterable[str | Path], *, tree: str = DEFAULT_TREE, dataset: str = "data"
) -> tuple[Dataset, ...]:
    """Find out what is to be processed.

    Parameters
    ----------
    inputs : iterable of str or Path
        Fileset JSON files (coffea's; paths in it are relative to its folder), or
        ROOT files, globs of them and folders that hold them. `URLs` are passed on.
    tree : str
        Name of the tree where a fileset does not give it.
    dataset : str
        What to call the files that are given without a fileset; their role is data.

    Returns
    -------
    tuple of Dataset
        In the order given.

    Raises
    ------
    ConfigurationError, InputFileError
        If nothing is found, a fileset is not one, or a dataset or file is named twice.
    """
    if problem := problem_of_name(dataset):
        raise ConfigurationError(f"dataset {dataset!r}: {problem}; give another one")
    datasets: list[Dataset] = []
    bare: dict[str, str] = {}
    for item in map(str, inputs):
        if item.endswith(".json"):
            datasets.extend(_from_json(Path(item), tree))
        else:
            for path in _expand(item):
                if path in bare:
                    raise ConfigurationError(f"{path}: is given twice; give every file once")
                bare[path] = tree
    if bare:
        datasets.append(Dataset(dataset, bare, Metadata(role="data")))
    if not datasets:
        raise ConfigurationError("nothing to process; give a fileset JSON, ROOT files or a glob")
    names = [d.name for d in datasets]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"dataset {name!r} is given twice; rename one of them")
    return tuple(datasets)


def problem_of_name(name: str) -> str | None:
    """Return what keeps a text from being a dataset's name; None if it can be one."""
    if not name.strip():
        return "the name is empty"
    if not name.isprintable():
        return "the name holds a control character, or what is no text"
    return None


def _expand(item: str) -> list[str]:
    """Turn a path, a glob, a folder or a URL into file names."""
    if "://" in item:
        return [item]
    path = Path(item)
    if path.is_dir():
        found = sorted(str(p) for p in path.glob("*.root"))
        if not found:
            raise InputFileError(f"{item}: is a folder without .root files")
        return found
    if path.exists() or not glob.has_magic(item):
        return [item]  # a missing file is found missing when it is looked at
    found = sorted(glob.glob(item, recursive=True))  # noqa: PTH207 (absolute globs too)
    if not found:
        raise InputFileError(f"{item}: no file matches")
    return found


def _from_json(path: Path, tree: str) -> list[Dataset]:
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise ConfigurationError(
            f'{path}: is not a fileset; expected {{"dataset": {{"files": {{"a.root": "{tree}"}}}}}}'
        )
    return [_dataset(path, name, entry, tree) for name, entry in content.items()]


def _dataset(path: Path, name: str, entry: Any, tree: str) -> Dataset:
    where = f"{path}: dataset {name!r}"
    if problem := problem_of_name(name):
        raise ConfigurationError(f"{where}: {problem}; rename it")
    if isinstance(entry, list):
        entry = {"files": entry}
    if not isinstance(entry, dict) or not isinstance(entry.get("files"), (dict, list)):
        raise ConfigurationError(f"{where}: has no files")
    unknown = entry.keys() - {"files", "metadata", "treename", "form", "format"}
    if unknown:
        raise ConfigurationError(f"{where}: unknown key {', '.join(sorted(unknown))}")
    try:
        metadata = Metadata.model_validate(entry.get("metadata") or {})
    except ValidationError as error:
        raise ConfigurationError(f"{where}: metadata {first_problem(error)}") from error
    default_tree = entry.get("treename") or tree
    listed = entry["files"]
    if isinstance(listed, list):
        listed = dict.fromkeys(listed, default_tree)
    files: dict[str, str] = {}
    for file, spec in listed.items():
        # coffea's preprocess writes {"object_path": tree, "steps": …} for a file;
        # steps and entries are found anew here.
        tree_name = spec.get("object_path") if isinstance(spec, dict) else spec
        for found in _expand(_beside(path, file)):
            if found in files:
                raise ConfigurationError(f"{where}: {found} is listed twice")
            files[found] = tree_name or default_tree
    if not files:
        raise ConfigurationError(f"{where}: has no files")
    return Dataset(name, files, metadata)


def _beside(fileset: Path, file: str) -> str:
    """Take a relative path as relative to the fileset; if nothing is there, to here."""
    if "://" in file or Path(file).is_absolute():
        return file
    beside = fileset.parent / file
    if not beside.exists() and Path(file).exists():
        return file
    return str(beside)
