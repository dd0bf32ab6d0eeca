"""Files that are given as paths, globs or folders."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from eμsym.errors import InputFileError
from eμsym.processors.urls import is_url

_ENDINGS = (".root", ".parquet")


def exists(path: str | Path) -> bool:
    """Return whether there is something of that name that we may look at.

    Unlike `Path.exists` it raises nothing: a name may be too long, or in a folder that may
    not be entered. What is wrong with it, the one says who opens it.
    """
    return os.path.exists(path)  # noqa: PTH110


def expand(item: str) -> list[str]:
    """Turn a path, a glob, a folder or a URL into file names.

    Hidden files, which file systems and editors put beside others, are not taken for the
    user's: a folder and a glob leave them out.

    Parameters
    ----------
    item : str
        A part of it that names what is there is never taken for a glob.

    Returns
    -------
    list of str
        Sorted. A path that is none of these is returned as it is; whether a file is
        there is found out when it is looked at.

    Raises
    ------
    InputFileError
        If a glob matches nothing, a folder holds no such file or may not be read, or a
        name is no text, which could be written into no result.
    """
    found = _expanded(item.removeprefix("file://"))
    for path in found:
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise InputFileError(
                f"{path}: has bytes in its name that are no UTF-8; rename it"
            ) from error
    return found


def _expanded(item: str) -> list[str]:
    if is_url(item):
        return [item]
    path = Path(item)
    if os.path.isdir(item):  # noqa: PTH112 (raises nothing)
        found = sorted(str(path / name) for name in _listed(path) if _is_visible(name))
        if not found:
            raise InputFileError(f"{item}: is a folder without {' or '.join(_ENDINGS)} files")
        return found
    if exists(item) or not glob.has_magic(item):
        return [item]
    found = sorted(glob.glob(_literal_where_there(path), recursive=True))  # noqa: PTH207
    if not found:
        raise InputFileError(f"{item}: no file matches")
    return found


def beside(folder: Path, item: str) -> str:
    """Take a relative path as relative to a folder; if nothing is there, to here."""
    if is_url(item) or Path(item).is_absolute():
        return item
    if not exists(folder / item) and exists(item):
        return item
    return str(folder / item)


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 (names)
    except OSError as error:
        raise InputFileError(
            f"{folder}: cannot be read ({error.strerror}); check its permissions"
        ) from error


def _is_visible(name: str) -> bool:
    return name.lower().endswith(_ENDINGS) and not name.startswith(".")


def _literal_where_there(path: Path) -> str:
    """Escape the brackets of the folders that are there: "signal [v2]/*.root"."""
    for folder in path.parents:
        if exists(folder) and folder != Path():
            rest = path.relative_to(folder)
            return str(Path(glob.escape(str(folder))) / rest)
    return str(path)
