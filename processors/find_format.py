"""Of what format files are: found from what is in them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eμsym.processors.file_events import TREES, RootSource
from eμsym.processors.fileset import Dataset
from eμsym.processors.formats import (
    DELPHES,
    FLAT,
    FORMATS,
    Format,
    FormatOptions,
    format_named,
    most_like,
)
from eμsym.processors.parquet_source import MAGIC
from eμsym.processors.root_files import opened_root
from eμsym.processors.urls import fetched_whole, is_url, only_whole_files


def find_format(datasets: Iterable[Dataset], options: FormatOptions) -> Format:
    """Return the format of files, as a user wants it read.

    Parameters
    ----------
    datasets : iterable of Dataset
    options : FormatOptions
        Its name, if there is one, is taken as it is.

    Returns
    -------
    Format
        That of the first file that has one. Delphes if none has: why not, is said by whoever
        looks at the files.

    Raises
    ------
    ConfigurationError, InputFileError
        As `format_named`.
    """
    name = options.name
    if name is None:
        files = ((path, tree) for each in datasets for path, tree in each.files.items())
        found = (_format_of(path, tree) for path, tree in files)
        name = next((each.name for each in found if each is not None), DELPHES.name)
    return format_named(name, options)


def _format_of(path: str, tree: str) -> Format | None:
    """Return what a file is, or None if it is nothing that is known or cannot be opened."""
    try:
        if not is_url(path):
            if not Path(path).is_file():  # a pipe would be waited for
                return None
            with Path(path).open("rb") as stream:
                if stream.read(len(MAGIC)) == MAGIC:
                    return FLAT
        elif only_whole_files(path):
            path = fetched_whole(path)
        with opened_root(path) as file:
            kinds = file.classnames(cycle=False)
            names = (tree,) if tree else tuple(known.tree for known in FORMATS)
            for name in names:
                if kinds.get(name) in TREES:
                    return most_like(RootSource(file[name]).names)
    except Exception:  # what is wrong with it, is found again and said when it is looked at
        return None
    return None
