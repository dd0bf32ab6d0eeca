"""Events of a file, of which nothing is read but what is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import awkward as ak
from uproot.source.futures import TrivialExecutor

from eμsym.processors.root_files import opened_root

#: How uproot calls the two containers of events that ROOT knows.
TREES = ("TTree", "ROOT::RNTuple")


class Source(Protocol):
    """Where the values of a file's branches come from."""

    @property
    def names(self) -> frozenset[str]:
        """All branches."""
        ...  # pragma: no cover

    def layout(self, name: str) -> str:
        """Return how the values of a branch are laid out, as far as the header says."""
        ...  # pragma: no cover

    def parts(self, names: Collection[str]) -> tuple[int, ...]:
        """Return the entries at which all of some branches begin a part that is read whole."""
        ...  # pragma: no cover

    def values(self, name: str, start: int, stop: int) -> ak.Array:
        """Return those of a branch in some entries."""
        ...  # pragma: no cover


@dataclass(frozen=True, eq=False)
class RootSource:
    """A TTree or an RNTuple.

    Parameters
    ----------
    tree : uproot.TTree or uproot RNTuple
    """

    tree: Any

    @cached_property
    def names(self) -> frozenset[str]:
        """All branches, as uproot lists them; of an RNTuple its fields."""
        return frozenset(self.tree.keys(**self._top))

    @property
    def _top(self) -> dict[str, bool]:
        # Below the fields of an RNTuple stand those of what they are made of.
        return {} if self._is_ttree else {"recursive": False}

    @property
    def _is_ttree(self) -> bool:
        return bool(self.tree.classname == "TTree")

    def layout(self, name: str) -> str:
        """Return how the values of a branch are laid out, as far as its header says."""
        branch = self.tree[name]
        return repr(getattr(branch, "interpretation", None) or branch.typename)

    def parts(self, names: Collection[str]) -> tuple[int, ...]:
        """Return the entries at which all of some branches begin a part that is read whole.

        Of an RNTuple none: with the last entry of a cluster uproot reads the next one, too.
        """
        if not self._is_ttree:
            return ()
        return tuple(self.tree.common_entry_offsets(filter_name=frozenset(names).__contains__))

    def values(self, name: str, start: int, stop: int) -> ak.Array:
        """Return those of a branch in some entries; of none, without reading any."""
        branch = self.tree[name]
        if start == stop:
            if self._is_ttree:
                form = branch.interpretation.awkward_form(None)
            else:
                form = branch.to_akform()[0].contents[0]
            return ak.Array(form.length_zero_array(highlevel=False))
        here: dict[str, Any] = {}
        if self._is_ttree:
            # In this process and thread alone: other chunks have theirs.
            here["decompression_executor"] = here["interpretation_executor"] = TrivialExecutor()
        return branch.array(entry_start=start, entry_stop=stop, **here)


@contextmanager
def opened_tree(path: str, tree: str) -> Iterator[RootSource]:
    """Open a tree of a ROOT file.

    Parameters
    ----------
    path : str
        What uproot opens.
    tree : str
    """
    with opened_root(path) as file:
        yield RootSource(file[tree])


@dataclass(frozen=True, eq=False)
class FileEvents:
    """Some entries of a file, used as coffea's events are: ``events["Muon_pt"]``.

    Members of a collection are also ``events["Muon"]["pt"]`` or ``events.Muon.pt``, whether
    the branch is called ``Muon_pt``, ``Muon.pt`` or ``Muon/Muon.pt``.

    Parameters
    ----------
    source : Source
    start, stop : int
        First entry, and one past the last.
    metadata : mapping of str to Any
        ``dataset``, ``filename``, ``entrystart``.
    """

    source: Source
    start: int
    stop: int
    metadata: Mapping[str, Any]
    _read: dict[str, ak.Array] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def fields(self) -> frozenset[str]:
        """All branches of the file."""
        return self.source.names

    def __getitem__(self, name: str) -> Any:
        # Delphes counts the members of a collection in a branch of its name, and in X_size.
        if name not in self.source.names or f"{name}_size" in self.source.names:
            if not self._members(name):
                raise KeyError(f"the events have no {name!r}")
            return _Collection(self, name)
        if name not in self._read:
            self._read[name] = self.source.values(name, self.start, self.stop)
        return self._read[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(f"the events have no {name!r}") from error

    def _members(self, collection: str) -> list[str]:
        """Return the members of a collection, each once."""
        starts = (f"{collection}/{collection}.", f"{collection}.", f"{collection}_")
        found = {
            name.removeprefix(start): None
            for start in starts
            for name in self.source.names
            if name.startswith(start)
        }
        return list(found)


@dataclass(frozen=True, eq=False)
class _Collection:
    """The branches of a collection, by the names of its members."""

    events: FileEvents
    name: str

    @property
    def fields(self) -> list[str]:
        return self.events._members(self.name)

    def __getitem__(self, member: str) -> ak.Array:
        starts = (f"{self.name}/{self.name}.", f"{self.name}.", f"{self.name}_")
        for path in (f"{start}{member}" for start in starts):
            if path in self.events.fields:
                return self.events[path]
        raise KeyError(f"{self.name} has no {member!r}")

    def __getattr__(self, name: str) -> ak.Array:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(f"{self.name} has no {name!r}") from error
