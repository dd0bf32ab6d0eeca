"""What a file is, whatever it is called and wherever it lies."""

from __future__ import annotations

import hashlib
import queue
from typing import Any

from eμsym.processors.root_files import opened_root

#: Bytes of a block, and how many of them of a file are looked at: smaller files are whole.
_BLOCK, _BLOCKS = 1 << 16, 16


def file_id(file: Any) -> int:
    """Return 64 bits by which a ROOT file is known again.

    With the number of an entry they name one event, in every run that reads the file,
    whatever its path, dataset or chunks.

    Parameters
    ----------
    file : uproot.ReadOnlyDirectory
        An open file.

    Notes
    -----
    A hash of the UUID that ROOT wrote into the file, of its size and of 16 blocks of
    64 KiB spread over it, which are all of a file up to 1 MiB: UUIDs may be nil, or be made
    to be reproducible, and then stand in files of different events. Two different files
    agree with a probability of about 2⁻⁶⁴, if they do not differ between the blocks alone.
    """
    source = file.file.source
    size = int(source.num_bytes)
    digest = hashlib.blake2b(file.file.uuid.bytes + size.to_bytes(8, "little"), digest_size=8)
    # All at once: of a remote file they come side by side.
    for block in source.chunks(_blocks(size), queue.Queue()):
        digest.update(block.raw_data.tobytes())
    return int.from_bytes(digest.digest(), "little")


def file_id_at(path: str) -> int:
    """Return the `file_id` of the file at a path or URL.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    with opened_root(path) as file:
        return file_id(file)


def _blocks(size: int) -> list[tuple[int, int]]:
    """Return first and last byte (exclusive) of the blocks, the ends of the file included."""
    if size <= _BLOCK * _BLOCKS:
        return [(0, size)]
    starts = [(size - _BLOCK) * i // (_BLOCKS - 1) for i in range(_BLOCKS)]
    return [(start, start + _BLOCK) for start in starts]
