"""Events that are there more than once, in files that are not copies of each other.

Two samples may share events while their files, by whose identity copies are refused,
differ. Different events do not agree in every bit of both leptons and of the
missing momentum; so 64 bits made of those tell whether an event was seen before, and
are all that is kept of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from eμsym.processors.runner import Processed

Fingerprints = NDArray[np.uint64]

_COLUMNS = tuple(f"{lepton}_{x}" for lepton in ("lead", "sub") for x in ("pt", "eta", "phi"))
_COLUMNS += ("met", "met_phi")
#: An odd number whose bits look random: 2⁶⁴ over the golden ratio.
_MIX = np.uint64(0x9E3779B97F4A7C15)
_NAMED_FILES = 2


@dataclass(frozen=True)
class RepeatedEvents:
    """Selected events of a dataset that occur more than once in it.

    Attributes
    ----------
    dataset : str
    selected : int
        All selected events.
    repeated : int
        Those that repeat another one: an event that is there twice counts as one.
    files : tuple of str
        The files that hold such events, the first ones included.
    """

    dataset: str
    selected: int
    repeated: int
    files: tuple[str, ...] = ()

    def warning(self) -> str | None:
        """Return a line if there are any."""
        if not self.repeated:
            return None
        named = ", ".join(self.files[:_NAMED_FILES])
        more = len(self.files) - _NAMED_FILES
        others = f" and {more} more" if more > 0 else ""
        return (
            f"dataset {self.dataset}: {self.repeated:,} of its {self.selected:,} selected events "
            f"repeat others of it (in {named}{others}), which so count more than once; "
            "give every event once"
        )


@dataclass(frozen=True)
class SharedEvents:
    """Selected events that are in more than one of several datasets.

    Attributes
    ----------
    shared : int
        As often as they count too much: an event of two datasets counts as one.
    datasets : tuple of str
        Those that hold such events.
    """

    shared: int
    datasets: tuple[str, ...] = ()

    def warning(self) -> str | None:
        """Return a line if there are any."""
        if not self.shared:
            return None
        named = ", ".join(self.datasets)
        return (
            f"datasets {named}: share {self.shared:,} selected events, which so count more than "
            "once in the pair; give every event once, or choose with --pair"
        )


def fingerprints(events: ak.Array) -> Fingerprints:
    """Return 64 bits of every selected event.

    Parameters
    ----------
    events : ak.Array
        Columns as in `eμsym.processors.columns.COLUMNS`.

    Returns
    -------
    ndarray of uint64, shape (n,)
        Equal for events whose leptons and missing momentum agree in every bit; for two
        others with a probability of about 2⁻⁶⁴.
    """
    found = np.zeros(len(events), dtype=np.uint64)
    for name in (name for name in _COLUMNS if name in events.fields):
        bits = ak.to_numpy(events[name]).astype(np.float32).view(np.uint32)
        found = (found ^ bits) * _MIX  # modulo 2⁶⁴
        found ^= found >> np.uint64(32)
    return found


def repeated_events(processed: Processed, dataset: str, seen: Fingerprints) -> RepeatedEvents:
    """Count the events of a dataset that are in it more than once.

    Parameters
    ----------
    processed : Processed
    dataset : str
    seen : Fingerprints
        Of all its selected events. Only if some are equal are its columns read, to name
        the files.
    """
    every = np.sort(seen)
    again = every[1:] == every[:-1]
    repeated = int(np.count_nonzero(again))
    files = _files(processed, dataset, np.unique(every[1:][again])) if repeated else ()
    return RepeatedEvents(dataset, len(every), repeated, files)


def shared_events(seen: Mapping[str, Fingerprints]) -> SharedEvents:
    """Count the events that are in more than one dataset.

    Parameters
    ----------
    seen : mapping of str to Fingerprints
        Of the selected events of each dataset. What a dataset itself holds twice is
        counted by `repeated_events`, not here.
    """
    once = {name: np.unique(found) for name, found in seen.items()}
    every = np.sort(np.concatenate([np.zeros(0, dtype=np.uint64), *once.values()]))
    again = every[1:][every[1:] == every[:-1]]
    holders = [name for name, found in once.items() if np.isin(found, again).any()]
    return SharedEvents(len(again), tuple(holders))


def _files(processed: Processed, dataset: str, shared: Fingerprints) -> tuple[str, ...]:
    """Return the files that hold any of some events, in the order asked for."""
    holders: set[Any] = set()
    for events in processed.columns(dataset):
        holds = np.isin(fingerprints(events), shared)
        holders |= set(np.unique(ak.to_numpy(events.file_id)[holds]).tolist())
    return tuple(
        file.path for file in processed.files if file.dataset == dataset and file.file_id in holders
    )
