"""A study to start from: a fileset and a commented configuration for files that are there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eμsym.errors import ConfigurationError, InputFileError, OutputError
from eμsym.files import whole_file, write_json
from eμsym.processors.fileset import Dataset, Metadata, problem_of_name, read_fileset
from eμsym.processors.find_format import find_format
from eμsym.processors.formats import DELPHES, Format, FormatOptions
from eμsym.processors.inspection import inspect_datasets
from eμsym.processors.paths import expand
from eμsym.processors.reference import reference
from eμsym.processors.urls import is_url

#: What numbers the files of one dataset: ttbar_1.root, ttbar-002.root, ttbar.3.root.
_NUMBER = re.compile(r"[_.-]?\d+$")

_HEADING = """\
# A study of {files} in {datasets}, made by `emusym init`.
#
# 1. Fill in {fileset}, dataset by dataset, under "metadata":
#    "role"             "data", "background" or "signal"; now a guess: "{role}"
#    "cross_section_pb" of simulation, cross section times branching ratio
#    "n_generated"      of simulation, events generated before any filter, or their weights' sum
#    The last two are needed to scale simulation to a luminosity, and for limits on σ × BR.
#    "luminosity_ifb"   of data: limits on cross sections need it, and figures are headed by it
#    "sqrt_s_tev"       energy of the collisions, 13.6 say; figures are headed by it
# 2. Change here what is to be other than the default.
# 3. emusym check {fileset}
#    emusym run {configuration}
#
"""


@dataclass(frozen=True)
class NewStudy:
    """What `new_study` has made.

    Attributes
    ----------
    configuration : str
        TOML: every key with its meaning; the inputs, the output and the format given.
    fileset : dict
        For JSON.
    format : str
        Of the files.
    """

    configuration: str
    fileset: dict[str, Any]
    format: str

    def write(self, path: str | Path) -> tuple[Path, Path]:
        """Write both files, ``PATH.toml`` and ``PATH.json``, and return where they are.

        Raises
        ------
        OutputError
            If one of them is there already, or cannot be written.
        """
        configuration, fileset = _names(path)
        for each in (configuration, fileset):
            if os.path.lexists(each):
                raise OutputError(
                    f"{each}: is there already, and is not replaced; give another name with -o"
                )
        write_json(fileset, self.fileset)
        with whole_file(configuration) as temporary:
            temporary.write_text(self.configuration, encoding="utf-8")
        return configuration, fileset


def new_study(inputs: Iterable[str], path: str | Path) -> NewStudy:
    """Return a configuration and a fileset for files.

    The files of each folder within a folder are a dataset of its name; those that lie in it
    directly, or are given one by one, are of one dataset if their names differ by the number at
    the end alone.

    Parameters
    ----------
    inputs : iterable of str
        Folders, files and globs.
    path : str or Path
        Where `NewStudy.write` will write it: files below its folder are named relative to it.

    Raises
    ------
    InputFileError
        If there is no file, one cannot be processed, or they are of several formats.
    ConfigurationError
        If a file is given twice, or a name can be none of a dataset's.
    """
    datasets = _grouped(inputs)
    found = _one_format(datasets)
    entries = {}
    for report in inspect_datasets(datasets, found):
        if report.problem is not None:
            raise InputFileError(report.problem)
        entries[report.path] = report.entries or 0
    # Delphes is a simulation; of others it cannot be told before the events are read.
    role = "background" if found.name == DELPHES.name else "data"
    configuration, fileset = _names(path)
    content = {
        each.name: {
            "files": {_relative(file, fileset.parent): found.tree for file in each.files},
            "metadata": {"role": role, "entries": sum(entries[file] for file in each.files)},
        }
        for each in datasets
    }
    heading = _HEADING.format(
        files=_number(len(entries), f"{found.name} file"),
        datasets=_number(len(datasets), "dataset"),
        fileset=fileset.name,
        configuration=configuration.name,
        role=role,
    )
    text = _given(reference(), fileset.name, f"{configuration.stem}-output", found)
    return NewStudy(heading + text, content, found.name)


def _names(path: str | Path) -> tuple[Path, Path]:
    path = Path(path)
    if path.suffix in (".toml", ".json"):
        path = path.with_suffix("")
    return path.with_name(f"{path.name}.toml"), path.with_name(f"{path.name}.json")


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _grouped(inputs: Iterable[str]) -> tuple[Dataset, ...]:
    groups: dict[str, list[str]] = {}
    for item in inputs:
        if item.lower().endswith((".json", ".json.gz", ".toml")):
            raise ConfigurationError(
                f"{item}: is a fileset or a configuration already; give files of events"
            )
        folder = Path(item)
        inner = sorted(x for x in folder.iterdir() if x.is_dir()) if folder.is_dir() else []
        for each in inner:
            if not each.name.startswith(".") and any(_events_in(each)):
                groups.setdefault(each.name, []).extend(expand(str(each)))
        if not inner or any(_events_in(folder)):
            for path in expand(item):
                groups.setdefault(_dataset_of(path), []).append(path)
    if not groups:
        raise ConfigurationError("nothing to make a study of; give files of events or a folder")
    known: set[str] = set()
    for name, files in groups.items():
        if problem := problem_of_name(name):
            raise ConfigurationError(f"dataset {name!r}: {problem}; rename it")
        for path in files:
            if path in known:
                raise ConfigurationError(f"{path}: is given twice; give every file once")
            known.add(path)
    return tuple(
        Dataset(name, dict.fromkeys(files, ""), Metadata()) for name, files in groups.items()
    )


def _events_in(folder: Path) -> Iterable[Path]:
    return (x for x in folder.iterdir() if x.suffix in (".root", ".parquet") and x.is_file())


def _dataset_of(path: str) -> str:
    stem = Path(path).name.partition(".root")[0].removesuffix(".parquet")
    return _NUMBER.sub("", stem) or stem


def _one_format(datasets: tuple[Dataset, ...]) -> Format:
    files = [(path, each) for each in datasets for path in each.files]
    first, known = files[0][0], None
    for path, _ in files:
        found = find_format(read_fileset([path]), FormatOptions())
        if known is None:
            known = found
        elif found.name != known.name:
            raise InputFileError(
                f"{path}: is of the format {found.name}, {first} is {known.name}; a study is of "
                "one format, make one of each"
            )
    assert known is not None
    return known


def _relative(file: str, folder: Path) -> str:
    if is_url(file):
        return file
    path, base = Path(os.path.abspath(file)), Path(os.path.abspath(folder))  # noqa: PTH100
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)


def _given(text: str, fileset: str, output: str, found: Format) -> str:
    """Return the reference with the lines that this study has."""
    for line, given in (
        ("#inputs = []", f'inputs = ["{fileset}"]'),
        ('#output = "emusym-output"', f'output = "{output}"'),
        ("#[format]", "[format]"),
        ("# name: text\n\n# Which missing", f'name = "{found.name}"\n\n# Which missing'),
    ):
        assert text.count(line) == 1, line
        text = text.replace(line, given)
    return text
