"""Files that outlive a kill and a power cut, written by several processes at once."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from filelock import lock_descriptor

from eμsym.errors import OutputError

#: Another process may tidy up just when this one writes.
_ATTEMPTS = 5


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and onto the disk.

    Its folder is made if need be, not those above.

    Raises
    ------
    OutputError
        If the operating system refuses (no permission, disk full). Nothing new
        is left then, and an older file of that name is as it was.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        # Unlike a process' number, this is not that of a process on another machine.
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
        try:
            path.parent.mkdir(exist_ok=True)
            with temporary.open("xb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
            _sync_folder(path.parent)
            return
        except FileNotFoundError as error:
            if attempt == _ATTEMPTS or not path.parent.parent.is_dir():
                raise OutputError(_cannot_write(path, error)) from error
        except OSError as error:
            raise OutputError(_cannot_write(path, error)) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left half-written; one that lives writes it again."""
    with contextlib.suppress(OSError):
        for path in folder.glob(".*.partial"):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Have other processes that ask for the same wait, where the disk can do that."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            lock_descriptor(handle)
        yield
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _cannot_write(path: Path, error: OSError) -> str:
    return (
        f"{path}: cannot be written ({error.strerror or error}); mend that, or choose another "
        "place, and run again: every toy that was kept stays"
    )
