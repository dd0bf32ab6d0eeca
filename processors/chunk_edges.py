"""Where a file is cut into chunks: where nothing has to be unpacked twice, if it can be."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

#: Most events of a chunk, unless something else is said. Each chunk costs 10 to 25 ms beside what
#: its events do, and so many events of leptons alone take 70 MiB.
CHUNKSIZE = 250_000


def chunk_edges(first: int, last: int, size: int, parts: Sequence[int] = ()) -> list[int]:
    """Return where chunks of entries begin, and where the last one ends.

    Parameters
    ----------
    first, last : int
        First entry, and one past the last. Of none there is one chunk, which is empty.
    size : int
        Largest number of entries in a chunk.
    parts : sequence of int
        Entries at which parts of the file begin that are unpacked whole, ascending. A chunk
        ends at one of them if one is near: else the part is unpacked for both neighbours.

    Returns
    -------
    list of int
        Chunks are of nearly equal size, as far as the parts allow.

    Examples
    --------
    >>> chunk_edges(0, 120, 100)
    [0, 60, 120]
    >>> chunk_edges(0, 120, 100, parts=[0, 50, 100])
    [0, 50, 120]
    """
    edges = [first]
    while (rest := last - edges[-1]) > size:
        start = edges[-1]
        even = start + rest // math.ceil(rest / size)
        # Not far below, so that there are at most twice as many chunks.
        lowest, highest = (start + even) // 2 + 1, start + size
        near = parts[bisect_left(parts, lowest) : bisect_right(parts, highest)]
        edges.append(min(near, key=lambda part: abs(part - even), default=even))
    return [*edges, last]
