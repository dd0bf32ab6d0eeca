"""The report's file: what its first bytes are, and that no other file takes harm."""

from __future__ import annotations

from pathlib import Path

from eμsym.errors import OutputError
from eμsym.files import whole_file

REPORT_FILE = "report.html"
#: What a page of ours says of its maker, near its beginning.
MADE_BY = '<meta name="generator" content="emusym '
_BEGINNING = 2000


def write_page(folder: Path, page: str) -> Path:
    """Write a page as the report of a folder, whole or not at all.

    Parameters
    ----------
    folder : Path
    page : str

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    OutputError
        If it cannot be written, or something of that name is there that is not ours.
    """
    path = folder / REPORT_FILE
    _refuse_others(path)
    with whole_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return path


def remove_page(folder: Path) -> bool:
    """Remove the report of a folder, if it is ours; return whether there was one.

    Raises
    ------
    OutputError
        If it cannot be removed.
    """
    path = folder / REPORT_FILE
    if not _is_ours(path):
        return False
    try:
        path.unlink()
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed ({error.strerror})") from error
    return True


def _refuse_others(path: Path) -> None:
    if (path.exists() or path.is_symlink()) and not _is_ours(path):
        raise OutputError(f"{path}: was not made by emusym, and is not replaced; move it away")


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return MADE_BY in file.read(_BEGINNING)
    except OSError:
        return False
