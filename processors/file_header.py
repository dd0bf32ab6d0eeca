"""What the first bytes of a file say of it."""

from __future__ import annotations

import struct
from pathlib import Path

from eμsym.input_files import unlike_a_file
from eμsym.processors.formats import Format
from eμsym.processors.parquet_source import MAGIC

#: What files of a container are called, and how they begin.
_BEGINNINGS = {"root": ("ROOT", b"root"), "parquet": ("Parquet", MAGIC)}


def local_problem(path: Path, file_format: Format) -> str | None:
    """Return what is wrong with a file on a disk here as far as its first bytes say, or None.

    Parameters
    ----------
    path : Path
    file_format : Format
        What it should be.
    """
    try:
        kind = unlike_a_file(path)
        if kind:
            return f"{path}: {kind}; give {'its files' if path.is_dir() else 'a file'}"
        size = path.stat().st_size
        with path.open("rb") as stream:
            header = stream.read(20)
    except (FileNotFoundError, NotADirectoryError):
        return f"{path}: does not exist; check the path"
    except PermissionError as error:
        return f"{path}: cannot be read ({error.strerror}); check its permissions"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return f"{path}: cannot be read ({reason}); check the path"
    if size == 0:
        return f"{path}: is empty (0 bytes); copy or make it again"
    kind, begins = _BEGINNINGS[file_format.container]
    if header[:4] != begins:
        return (
            f"{path}: is not a {kind} file (it begins with {header[:8]!r}); "
            f"give a {file_format.name} file"
        )
    if file_format.container == "parquet":
        return None
    expected = _size_in_header(header)
    if expected is not None and size < expected:
        return f"{path}: is truncated ({size} of {expected} bytes); copy or make it again"
    return None


def _size_in_header(header: bytes) -> int | None:
    """Return the file size (fEND) that ROOT wrote into the header, if it is all there.

    Layout of TFile's header: "root", version, fBEGIN, fEND; fEND has 8 bytes
    from version 1000000 on, that is in files over 2 GB.
    """
    if len(header) < 20:
        return None
    (version,) = struct.unpack(">i", header[4:8])
    size: int
    if version >= 1_000_000:
        (size,) = struct.unpack(">q", header[12:20])
    else:
        (size,) = struct.unpack(">i", header[12:16])
    return size
