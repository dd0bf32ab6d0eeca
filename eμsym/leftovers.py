"""Temporary names beside a file or folder, by which those of dead processes are known.

A name says which process on which machine writes there: ``.NAME.partial-MACHINE-PID-…``.
Another machine that sees the same disk, or another container, has other processes under
the same numbers; what it writes is left alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import socket
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

#: Bytes that a file system allows a name to have, nearly everywhere.
NAME_BYTES = 255
#: What is being written, and what is set aside while something else takes its place.
PARTIAL, ASIDE = "partial", "aside"

_NAME = re.compile(
    rf"\.(?P<name>.+)\.(?P<kind>{PARTIAL}|{ASIDE})"
    r"-(?P<machine>[0-9a-f]{10})-(?P<process>\d+)-[0-9a-f]{8}"
)
_ENDING_BYTES = len(f"..{PARTIAL}--{'0' * 10}-{'0' * 10}-{'0' * 8}")


def temporary_name(path: Path, kind: str = PARTIAL) -> Path:
    """Return a name beside `path` that no other process, thread or call writes to.

    Parameters
    ----------
    path : Path
    kind : {"partial", "aside"}
    """
    name = shortened(path.name, NAME_BYTES - _ENDING_BYTES)
    return path.with_name(f".{name}.{kind}-{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}")


def shortened(name: str, longest: int) -> str:
    """Return a name of at most so many bytes; what is cut off is told by a digest."""
    encoded = os.fsencode(name)
    if len(encoded) <= longest:
        return name
    digest = hashlib.blake2b(encoded, digest_size=8).hexdigest()
    return f"{encoded[: longest - len(digest) - 1].decode('utf-8', 'ignore')}~{digest}"


def is_leftover(path: Path) -> bool:
    """Whether a dead process of this machine wrote under that temporary name."""
    return _of_the_dead(_NAME.fullmatch(path.name))


def remove_leftovers(folder: Path) -> None:
    """Remove what dead processes left half-written in a folder, and put back what they set aside.

    What cannot be listed or removed stays; the next run tries again.
    """
    for path, found in _leftovers(folder):
        # A whole folder whose place was to be taken when the process died.
        place = path.with_name(found["name"])
        if found["kind"] == ASIDE and not os.path.lexists(place):
            with contextlib.suppress(OSError):
                path.rename(place)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def _leftovers(folder: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir()):
            found = _NAME.fullmatch(path.name)
            if found is not None and _of_the_dead(found):
                yield path, found


def _of_the_dead(found: re.Match[str] | None) -> bool:
    if found is None or found["machine"] != _machine():
        return False
    try:
        os.kill(int(found["process"]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


@cache
def _machine() -> str:
    """Return what tells this machine, since it was started, and this container from others."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=5).hexdigest()
