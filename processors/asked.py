"""What a fileset asks of a file, beside its tree: some of its entries, and that it be the one."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

Steps = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Asked:
    """What coffea's ``preprocess`` writes into a fileset about a file.

    Attributes
    ----------
    steps : tuple of (int, int), optional
        First entry and one past the last of each range that is asked for, in order and
        apart from each other. None: every entry.
    num_entries : int, optional
        Entries that the file must have.
    uuid : str, optional
        UUID that it must have.
    """

    steps: Steps | None = None
    num_entries: int | None = None
    uuid: str | None = None

    def problem(self, entries: int, uuid: str) -> str | None:
        """Return what of it a file does not meet, in a few words with the remedy.

        Parameters
        ----------
        entries : int
            Entries of the file's tree.
        uuid : str
            The file's UUID.
        """
        anew = "preprocess the fileset anew, or give the file that it was made for"
        if self.uuid is not None and self.uuid.lower() != uuid.lower():
            return f"has the UUID {uuid}, the fileset says {self.uuid}; {anew}"
        if self.num_entries is not None and self.num_entries != entries:
            return f"holds {entries} events, the fileset says {self.num_entries}; {anew}"
        stop = max((stop for _, stop in self.steps or ()), default=0)
        if stop > entries:
            return f"holds {entries} events, a step of the fileset goes up to {stop}; {anew}"
        return None


def read_asked(spec: dict[str, Any]) -> Asked:
    """Return what a file's entry in a fileset asks for.

    Parameters
    ----------
    spec : dict
        As coffea has it: object_path, steps, num_entries, uuid, format, and what it
        computes of them.

    Raises
    ------
    ValueError
        If a value is of the wrong type or impossible, or a key is unknown: to drop one
        could mean to read something else than was asked for.
    """
    unknown = spec.keys() - _KEYS
    if unknown:
        raise ValueError(f"unknown key {', '.join(map(repr, sorted(unknown)))}")
    if spec.get("format") not in (None, "root", "parquet"):
        raise ValueError(f"format = {spec['format']!r}: root and parquet files are read")
    num_entries, uuid = spec.get("num_entries"), spec.get("uuid")
    if num_entries is not None and not _is_count(num_entries):
        raise ValueError(f"num_entries = {num_entries!r}: must be a number of events")
    if uuid is not None and not isinstance(uuid, str):
        raise ValueError(f"uuid = {uuid!r}: must be a text")
    return Asked(_steps(spec.get("steps")), num_entries, uuid)


#: The last three say nothing that changes what is read.
_KEYS = {
    *("object_path", "steps", "num_entries", "uuid", "format"),
    *("num_selected_entries", "lfn", "pfn"),
}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _steps(value: Any) -> Steps | None:
    if value is None:
        return None
    ranges: list[Any] = value if isinstance(value, list) else [value]
    for each in ranges or [value]:
        pair = isinstance(each, list) and len(each) == 2 and all(map(_is_count, each))
        if not pair or each[0] > each[1]:
            raise ValueError(f"steps: {each!r} is no [first entry, one past the last]")
    steps = sorted((first, stop) for first, stop in ranges if stop > first)
    for before, after in itertools.pairwise(steps):
        if after[0] < before[1]:
            raise ValueError(f"steps: {list(before)} and {list(after)} overlap")
    return tuple(steps)
