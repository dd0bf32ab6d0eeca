"""Which files to process: coffea's fileset JSON, ROOT files, globs and folders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from eμsym.errors import ConfigurationError
from eμsym.files import read_json
from eμsym.processors.asked import Asked, read_asked
from eμsym.processors.control_cuts import control_cuts
from eμsym.processors.paths import beside, exists, expand
from eμsym.selection import Cuts
from eμsym.validation import first_problem

#: The tree that files of their format usually have.
DEFAULT_TREE = ""
Role = Literal["background", "signal", "data", "fake", "fake_prompt"]


def _no_other(value: Any) -> Any:
    """Refuse what pydantic would take for a number: 1 of true, and what a text spells."""
    if isinstance(value, (bool, str)):
        raise ValueError("must be a number")
    return value


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(_no_other)]


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
    sqrt_s_tev : float, optional
        Energy of the collisions in their centre of mass, which figures say.
    role : {"background", "signal", "data", "fake", "fake_prompt"}
        "fake": control events that estimate the fake leptons of the data, which are
        subtracted; "fake_prompt": simulated events of prompt leptons among those.
    transfer_factor, transfer_factor_error : float, optional
        Of a dataset of the role "fake": how many fakes each of its events stands for.
    subtracted_from : str, optional
        Of "fake_prompt": the dataset of the role "fake" that the events are taken off.
    cuts : dict, optional
        Of both: what of the cuts is another than the configuration's, see
        `eμsym.selection.ControlCuts`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    cross_section_pb: Positive | None = None
    n_generated: Positive | None = None
    entries: Annotated[int, Field(ge=0), BeforeValidator(_no_other)] | None = None
    luminosity_ifb: Positive | None = None
    sqrt_s_tev: Positive | None = None
    role: Role = "background"
    transfer_factor: Positive | None = None
    transfer_factor_error: Positive | None = None
    subtracted_from: str | None = None
    cuts: dict[str, Any] | None = None

    @field_validator("cuts")
    @classmethod
    def _are_cuts(cls, given: dict[str, Any] | None) -> dict[str, Any] | None:
        if given is not None:
            try:
                control_cuts(Cuts(), given)
            except ConfigurationError as error:
                raise ValueError(str(error)) from error
        return given


@dataclass(frozen=True)
class Dataset:
    """Files that belong together.

    Attributes
    ----------
    name : str
    files : dict of str to str
        Path or URL → name of the tree in it; empty: the one that files of its format have.
    metadata : Metadata
    asked : mapping of str to Asked
        Path or URL → which entries are asked for, and what the file must be; files that
        are not in it are asked for whole.
    """

    name: str
    files: dict[str, str]
    metadata: Metadata = field(default_factory=Metadata)
    asked: Mapping[str, Asked] = field(default_factory=dict)


def read_fileset(
    inputs: Iterable[str | Path], *, tree: str = DEFAULT_TREE, dataset: str = "data"
) -> tuple[Dataset, ...]:
    """Find out what is to be processed.

    Parameters
    ----------
    inputs : iterable of str or Path
        Fileset JSON files (coffea's, perhaps compressed; paths in it are relative to its
        folder), or ROOT files, globs of them and folders that hold them. A tree's name may
        follow a file's after a colon. `URLs` are passed on.
    tree : str
        Name of the tree where nothing else gives it. Default: as the format has it.
    dataset : str
        What to call the files that are given without a fileset; their role is data.

    Returns
    -------
    tuple of Dataset
        In the order given. Of one name in several filesets, such as a sample made with several
        seeds, they are parts of one dataset: events generated, entries and luminosities add up,
        all else that decides what an event is worth has to be the same, and further keys, such
        as a seed, are kept where all parts agree.

    Raises
    ------
    ConfigurationError, InputFileError
        If nothing is found, a fileset is not one, a file is named twice, or parts of a dataset
        say different things of it.
    """
    if problem := problem_of_name(dataset):
        raise ConfigurationError(f"dataset {dataset!r}: {problem}; give another one")
    datasets: list[Dataset] = []
    bare: dict[str, str] = {}
    for item in map(str, inputs):
        if item.lower().endswith(_JSON):
            datasets.extend(_from_json(Path(item), tree))
            continue
        file, named = _split(item)
        for path in expand(file):
            if path in bare:
                raise ConfigurationError(f"{path}: is given twice; give every file once")
            bare[path] = named or tree
    if bare:
        datasets.append(Dataset(dataset, bare, Metadata(role="data")))
    if not datasets:
        raise ConfigurationError("nothing to process; give a fileset JSON, ROOT files or a glob")
    return _with_parts_joined(datasets)


#: What parts have of their own, and the whole has the sum of.
_SUMMED = ("n_generated", "entries", "luminosity_ifb")


def _with_parts_joined(datasets: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """Return datasets with those of one name, of several filesets, joined into one."""
    by_name: dict[str, Dataset] = {}
    for part in datasets:
        first = by_name.get(part.name)
        by_name[part.name] = part if first is None else _joined(first, part)
    return tuple(by_name.values())


def _joined(one: Dataset, other: Dataset) -> Dataset:
    twice = sorted(one.files.keys() & other.files.keys())
    if twice:
        raise ConfigurationError(
            f"dataset {one.name!r} is given twice, both times with {twice[0]}; give it once"
        )
    return Dataset(
        one.name,
        one.files | other.files,
        _metadata(one.name, one.metadata, other.metadata),
        {**one.asked, **other.asked},
    )


def _metadata(name: str, one: Metadata, other: Metadata) -> Metadata:
    first, second = one.model_dump(), other.model_dump()
    whole: dict[str, Any] = {}
    for key in (*first, *(key for key in second if key not in first)):
        a, b = first.get(key), second.get(key)
        if key in _SUMMED and a is not None and b is not None:
            whole[key] = a + b
        elif a == b:
            whole[key] = a
        elif key in Metadata.model_fields:
            raise ConfigurationError(
                f"dataset {name!r} is given twice, once with {key} = {_said(a)} and once with "
                f"{_said(b)}; rename one of them, or let them agree"
            )
    return Metadata(**whole)


def _said(value: Any) -> str:
    return "nothing" if value is None else f"{value}"


_JSON = (".json", ".json.gz")
#: A file and its tree in one word, "a.root:Delphes"; the port of a URL has no .root before it.
_FILE_AND_TREE = re.compile(r"(?P<file>.*\.root):(?P<tree>[^:]+)", re.DOTALL)


def _split(item: str, folder: Path | None = None) -> tuple[str, str | None]:
    """Split "a.root:Delphes" into file and tree; a file that is called so stays whole."""
    parts = _FILE_AND_TREE.fullmatch(item)
    if parts is None or exists(item) or (folder is not None and exists(folder / item)):
        return item, None
    return parts["file"], parts["tree"].strip("/")


def problem_of_name(name: str) -> str | None:
    """Return what keeps a text from being a dataset's name; None if it can be one."""
    if not name.strip():
        return "the name is empty"
    if not name.isprintable():
        return "the name holds a control character, or what is no text"
    return None


def _from_json(path: Path, tree: str) -> list[Dataset]:
    content = read_json(path)
    if not isinstance(content, dict) or not content:
        raise ConfigurationError(
            f'{path}: is not a fileset; expected {{"dataset": {{"files": {{"a.root": '
            f'"{tree or "Delphes"}"}}}}}}'
        )
    return [_dataset(path, name, entry, tree) for name, entry in content.items()]


#: What coffea writes beside the files: the layout of the tree, which every file says itself.
_DATASET_KEYS = {
    *("files", "metadata", "treename", "form", "format"),
    *("compressed_form", "did", "num_entries", "num_selected_entries"),
}


def _dataset(path: Path, name: str, entry: Any, tree: str) -> Dataset:
    where = f"{path}: dataset {name!r}"
    if problem := problem_of_name(name):
        raise ConfigurationError(f"{where}: {problem}; rename it")
    entry = _with_files(entry)
    if not isinstance(entry, dict) or not isinstance(entry.get("files"), (dict, list)):
        raise ConfigurationError(f"{where}: has no files")
    unknown = entry.keys() - _DATASET_KEYS
    if unknown:
        raise ConfigurationError(f"{where}: unknown key {', '.join(map(repr, sorted(unknown)))}")
    if entry.get("format") not in (None, "root", "parquet"):
        raise ConfigurationError(
            f"{where}: format = {entry['format']!r}; root and parquet files are read"
        )
    known = {} if entry.get("metadata") is None else entry["metadata"]
    try:
        metadata = Metadata.model_validate(known)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {first_problem(error, 'metadata')}") from error
    default_tree = _tree_name(f"{where}: treename", entry.get("treename")) or tree
    files: dict[str, str] = {}
    asked: dict[str, Asked] = {}
    for file, spec in _specs(where, path.parent, entry["files"]):
        try:
            wanted = read_asked(spec)
        except ValueError as error:
            raise ConfigurationError(f"{where}: {file}: {error}") from error
        tree_name = _tree_name(f"{where}: {file}: tree", spec.get("object_path"))
        found = expand(beside(path.parent, file))
        if wanted != Asked() and len(found) > 1:
            raise ConfigurationError(
                f"{where}: {file} is {len(found)} files; what is asked of each must be said of each"
            )
        for each in found:
            if each in files:
                raise ConfigurationError(f"{where}: {each} is listed twice")
            files[each] = tree_name or default_tree
            asked[each] = wanted
    if not files:
        raise ConfigurationError(f"{where}: has no files")
    return Dataset(name, files, metadata, asked)


def _with_files(entry: Any) -> Any:
    """Return a dataset with its files under that name: coffea also takes them alone."""
    if isinstance(entry, list):
        return {"files": entry}
    if isinstance(entry, dict) and entry and all(".root" in name for name in entry):
        return {"files": entry}
    return entry


def _specs(where: str, folder: Path, listed: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every file listed, and its entry in coffea's long form."""
    if isinstance(listed, dict):
        for file, spec in listed.items():
            if not isinstance(spec, dict):
                spec = {"object_path": spec}
            yield file, spec
        return
    for item in listed:
        if not isinstance(item, str):
            raise ConfigurationError(f"{where}: {item!r} is no file's name")
        file, tree = _split(item, folder)
        yield file, {"object_path": tree}


def _tree_name(what: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"{what} = {value!r}: must be the name of a tree")
    return value or None
