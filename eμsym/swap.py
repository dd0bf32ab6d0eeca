"""Taking a folder's place at once, so that one of the two is there at every moment."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from eμsym.leftovers import ASIDE, temporary_name

#: Of linux/fs.h: exchange the two names. AT_FDCWD: paths are from the working folder.
_RENAME_EXCHANGE, _AT_FDCWD = 2, -100


def take_place(new: Path, old: Path) -> Path:
    """Give a new folder the name of an old one, which gets another name.

    Where the system can exchange two names at once, it does. Elsewhere the old folder is
    set aside first; a process that dies in between leaves a name from which
    `eμsym.leftovers.remove_leftovers` puts it back.

    Parameters
    ----------
    new, old : Path
        Two folders of one file system.

    Returns
    -------
    Path
        Where the old folder is now.

    Raises
    ------
    OSError
        If the system refuses; then both are where they were.
    """
    if exchanged(new, old):
        return new
    aside = temporary_name(old, ASIDE)
    old.rename(aside)
    try:
        new.rename(old)
    except BaseException:
        aside.rename(old)
        raise
    return aside


def exchanged(one: Path, other: Path) -> bool:
    """Exchange two names, if this system has that and this file system can do it."""
    function = getattr(ctypes.CDLL(None), "renameat2", None)
    if function is None:
        return False
    names = (os.fsencode(one.absolute()), os.fsencode(other.absolute()))
    done = function(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
    return int(done) == 0
