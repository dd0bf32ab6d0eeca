"""What tells whether events are those that were written, in whatever order and parts they come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: An odd number whose bits look random: 2⁶⁴ over the golden ratio.
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def events_digest(columns: Sequence[Any], start: int = 0) -> int:
    """Return 64 bits made of the values of some events.

    Parameters
    ----------
    columns : sequence of ndarray, shape (n,)
        Numbers or truths, always in the same order.
    start : int
        That of other events, to which these are added.

    Returns
    -------
    int
        Equal for the same events in any order, and in numbers of any type that holds their
        values. If a value, an event, or which values stand together in an event, is another
        one, equal with a probability of about 2⁻⁶⁴. Of events without any value but zero it
        does not tell how many there are: their number is to be compared, too.

    Notes
    -----
    A hash of every event, over its columns; the sum of them modulo 2⁶⁴.
    """
    found = np.zeros(len(columns[0]) if columns else 0, dtype=np.uint64)
    for values in columns:
        found = (found ^ _bits(np.asarray(values))) * _MIX  # modulo 2⁶⁴
        found ^= found >> _HALF
        found *= _MIX
        found ^= found >> _HALF
    return (start + int(np.sum(found, dtype=np.uint64))) % 2**64


def _bits(values: NDArray[Any]) -> NDArray[np.uint64]:
    """Return the bits of numbers, the same ones for a value in every type."""
    if values.dtype.kind in "biu":
        return values.astype(np.uint64)
    return values.astype(np.float64).view(np.uint64)
