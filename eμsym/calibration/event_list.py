"""Which events something was fitted to, event by event: in memory, and as a line of text."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import BoolArray
from eμsym.errors import DataError
from eμsym.pool import EVENT_NUMBERS, Pool, fingerprints
from eμsym.shown import Shown

#: What a text of ours says that it is.
_FORMAT, _VERSION = "emusym/events", 1
_BYTES = 8


@dataclass(frozen=True, eq=False, repr=False)
class EventList(Shown):
    """Events by their numbers in their files or runs, by which they are known again.

    Attributes
    ----------
    known_by : tuple of str
        The columns that name an event, see `Pool.known_by`.
    group : ndarray of uint64, shape (n,)
        The file, or the run, of every event; 0 of events that are known by their values.
    number : ndarray of uint64, shape (n,)
        The entry in the file, or the number in the run; else the fingerprint of the values.

    Notes
    -----
    Numbers in files are kept rather than fingerprints, for they are exact and their steps
    are small: a text has about one byte an event (1.2 MB for 10⁶ in place of 7.6 MB).

    Examples
    --------
    >>> columns = {"file_id": [5, 5, 9], "entry": [0, 7, 7]}
    >>> some = EventList.of(Pool.of_one(columns))
    >>> again = EventList.from_text(some.to_text())
    >>> again.hold(Pool.of_one({"entry": [7, 7, 8], "file_id": [9, 8, 9]})).tolist()
    [True, False, False]
    """

    known_by: tuple[str, ...]
    group: NDArray[np.uint64]
    number: NDArray[np.uint64]

    @classmethod
    def of(cls, pool: Pool) -> EventList | None:
        """Return the events of a pool; None if nothing tells one from another."""
        names = pool.known_by
        if not names or pool.count is not None:
            return None
        if names not in EVENT_NUMBERS:
            return cls(names, np.zeros(len(pool), dtype=np.uint64), pool.identity)
        number = ak.to_numpy(pool.columns[names[-1]]).astype(np.uint64)
        return cls(names, fingerprints(pool.columns, names[:-1]), number)

    def __len__(self) -> int:
        """Return the number of events."""
        return int(self.number.size)

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: how many events, and what they are known by."""
        return {"events": len(self), "known_by": list(self.known_by)}

    @property
    def by_value(self) -> bool:
        """Whether events are known by all their values, for lack of numbers."""
        return self.known_by not in EVENT_NUMBERS

    def hold(self, pool: Pool) -> BoolArray | None:
        """Return which events of a pool are among these, shape (entries,).

        None if that cannot be told: they are known by other columns.
        """
        theirs = EventList.of(pool)
        if theirs is None or theirs.known_by != self.known_by:
            return None
        return np.isin(theirs._fingerprints(), self._fingerprints())

    def _fingerprints(self) -> NDArray[np.uint64]:
        columns = {"group": self.group, "number": self.number}
        return fingerprints(columns, ("group", "number"))

    def to_text(self) -> str:
        """Return the list as one line of ASCII, JSON itself, for `from_text`.

        Numbers are sorted group by group; their differences, byte plane by byte plane,
        are compressed by zlib and written in base64.
        """
        order = np.lexsort((self.number, self.group))
        number = self.number[order]
        groups, first, size = np.unique(self.group[order], return_index=True, return_counts=True)
        step = np.diff(number, prepend=np.uint64(0))
        step[first] = number[first]
        words = np.concatenate([groups, size.astype(np.uint64), step]).astype("<u8")
        planes = words.view(np.uint8).reshape(-1, _BYTES).T
        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "known_by": list(self.known_by),
            "events": len(self),
            "groups": int(groups.size),
            "data": base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode("ascii"),
        }
        return json.dumps(content, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> EventList:
        """Return the list that `to_text` made a line of.

        Raises
        ------
        DataError
            If it is no such line, or a part of it is missing or wrong.
        """
        try:
            content = json.loads(text)
            if (content["format"], content["version"]) != (_FORMAT, _VERSION):
                raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
            n, k = int(content["events"]), int(content["groups"])
            words = _unpacked(content["data"], n + 2 * k)
            size = words[k : 2 * k].astype(np.int64)
            if size.min(initial=1) < 1 or int(size.sum()) != n:
                raise ValueError("the numbers of events do not add up")
            known_by = tuple(map(str, content["known_by"]))
        except (KeyError, OverflowError, TypeError, ValueError, zlib.error) as error:
            raise DataError(f"this is no list of events: {error}") from error
        # Modulo 2⁶⁴, differences within a group from the sums over all groups.
        total = np.cumsum(words[2 * k :], dtype=np.uint64)
        first = np.cumsum(size) - size
        before = np.concatenate([np.zeros(1, dtype=np.uint64), total])[first]
        return cls(known_by, np.repeat(words[:k], size), total - np.repeat(before, size))


def _unpacked(data: str, n_words: int) -> NDArray[np.uint64]:
    """Return the numbers that a text packs, and no more than it says that there are."""
    expected = _BYTES * n_words
    raw = zlib.decompressobj().decompress(base64.b64decode(data, validate=True), expected + 1)
    if n_words < 0 or len(raw) != expected:
        raise ValueError("its data are not of the length that it says")
    planes = np.frombuffer(raw, dtype=np.uint8).reshape(_BYTES, n_words)
    return np.ascontiguousarray(planes.T).view("<u8").ravel().astype(np.uint64)
