"""A pool of events: their columns, weights and identities, and the labels that they carry.

The two samples of a pair are two views of one pool: the events whose label is A, and
the others. What a symmetry says is what may become of the labels while all else stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import BoolArray, FloatArray, IntArray, as_numbers
from eμsym.axes import index_on
from eμsym.counts import check_same_binning, counts_and_variances
from eμsym.errors import DataError
from eμsym.shown import Shown

WEIGHT = "weight"
#: The column that says which file an event is of, in 64 bits; all 0: no file.
FILE = "file_id"
#: The column that marks events which estimate fakes, see `Pool.fake`.
FAKE = "fake"

#: The columns that name an event of an experiment, in the spellings of common formats: the
#: last is a number in what the others name.
EVENT_NUMBERS = (
    ("run", "luminosityBlock", "event"),
    ("run", "lumi", "event"),
    ("runNumber", "eventNumber"),
    (FILE, "entry"),
)
#: An odd number whose bits look random: 2⁶⁴ over the golden ratio.
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False, repr=False)
class Pool(Shown):
    """Events and their labels.

    Parameters
    ----------
    columns : mapping of str to array of shape (n,)
        The column ``weight``, if there is one, holds the weights of events as they came,
        before any correction; without it every event counts once.
    labels : ndarray of bool, shape (n,)
        Whether an event is of the sample A. Of groups of like events, see `grouped`:
        ndarray of int, how many of them are.
    count : ndarray of int, shape (n,), optional
        How many like events each entry stands for. Default: every entry is one event.

    Examples
    --------
    >>> pool = Pool.joined({"x": [1.0, 2.0, 2.0]}, {"x": [2.0, 5.0]})
    >>> pool.labels.tolist()
    [True, True, True, False, False]
    >>> groups = pool.grouped(pool.column("x").astype(int))
    >>> groups.column("x").tolist(), groups.labels.tolist(), groups.sizes.tolist()
    ([1.0, 2.0, 5.0], [1, 2, 0], [1, 3, 1])
    """

    columns: Mapping[str, Any]
    labels: NDArray[Any]
    count: IntArray | None = None

    @classmethod
    def joined(cls, a: Any, b: Any, *, names: tuple[str, str] = ("A", "B")) -> Pool:
        """Make a pool of two sets of columns: A's events first, then B's.

        If only one of them has weights, those of the other are ones; without the column
        ``fake`` none of its events is one.

        Parameters
        ----------
        a, b : mapping of str to array of shape (n,), or ak.Array of records
        names : tuple of str
            What to call them in an error.

        Raises
        ------
        DataError
            If the columns of one differ in length, or the two have different columns.
        """
        sides = [_columns(columns, name) for columns, name in zip((a, b), names, strict=True)]
        sizes = [_length(columns) for columns in sides]
        if different := (sides[0].keys() ^ sides[1].keys()) - {WEIGHT, FAKE}:
            raise DataError(
                f"only one of the samples has the columns {', '.join(sorted(different))}"
            )
        if any(WEIGHT in columns for columns in sides):
            for columns, size in zip(sides, sizes, strict=True):
                columns.setdefault(WEIGHT, np.ones(size))
        if any(FAKE in columns for columns in sides):
            for columns, size in zip(sides, sizes, strict=True):
                columns.setdefault(FAKE, np.zeros(size, dtype=np.int8))
        columns = {name: _joined(sides[0][name], sides[1][name]) for name in sides[0]}
        return cls(columns, np.arange(sum(sizes)) < sizes[0])

    @classmethod
    def of_one(cls, events: Any, *, name: str = "events") -> Pool:
        """Make a pool of one set of columns, all of A.

        Raises
        ------
        DataError
            If columns differ in length.
        """
        columns = _columns(events, name)
        return cls(columns, np.ones(_length(columns), dtype=bool))

    @classmethod
    def split(cls, events: Any, *, by: str) -> Pool:
        """Make a pool of events that a column labels: those of A first, else in their order.

        Parameters
        ----------
        events : ak.Array of records, or mapping of str to array of shape (n,)
        by : str
            The column that is true for A.

        Raises
        ------
        DataError
            If the column is missing, or columns differ in length.
        """
        columns = _columns(events, "events")
        if by not in columns:
            raise DataError(f"no column {by!r} to split by; there are {list(columns)}")
        labels = np.asarray(columns[by]).astype(bool)
        order = np.argsort(~labels, kind="stable")
        return cls({name: values[order] for name, values in columns.items()}, labels[order])

    @classmethod
    def of_counts(
        cls,
        *,
        b: Any,
        a: Any,
        variances: tuple[FloatArray | None, FloatArray | None] = (None, None),
    ) -> Pool:
        """Make a pool of the bins of two histograms of unweighted events, each a group.

        Parameters
        ----------
        b, a : array_like of int, or histogram
            Of any one shape.
        variances : tuple, optional
            Of B and of A, which must be the counts.

        Returns
        -------
        Pool
            The bins that hold an event; its column ``bin`` has their flat numbers.

        Raises
        ------
        DataError
            If the counts are not those of unweighted events.
        """
        check_same_binning(b, a)
        found = []
        for sample, given, name in ((b, variances[0], "B"), (a, variances[1], "A")):
            counts, variance = counts_and_variances(sample, given, name=name)
            # Whole sums of weights, such as 2 + 2, are no counts either.
            if np.any(counts != np.rint(counts)) or np.any(counts != variance):
                raise DataError(
                    f"{name}: the binomial null needs unweighted counts; of weighted samples "
                    "give the events"
                )
            found.append(counts.ravel().astype(np.int64))
        total = found[0] + found[1]
        some = np.flatnonzero(total)
        return cls({"bin": some}, found[1][some], total[some])

    def __len__(self) -> int:
        """Return the number of entries: events, or groups of like events."""
        return int(self.labels.size)

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: how many events there are of each, and of what."""
        groups = {} if self.count is None else {"groups": len(self)}
        return {"a": self.n_a, "b": self.n_b, **groups, "columns": list(self.columns)}

    @property
    def fields(self) -> list[str]:
        """The columns' names."""
        return list(self.columns)

    @cached_property
    def weight(self) -> FloatArray:
        """The weight of one event of each entry, shape (n,); ones if there is no such column."""
        if WEIGHT in self.columns:
            return as_numbers(self.columns[WEIGHT], f"column {WEIGHT!r}")
        return np.ones(len(self))

    @cached_property
    def unit(self) -> bool:
        """Whether all weights are one."""
        return bool(np.all(self.weight == 1))

    @cached_property
    def fake(self) -> IntArray:
        """Which source of fakes each entry belongs to, shape (n,): 0 for an event of the data.

        An event of source k is k if it was observed in A, −k if in B, whatever its label
        has become since. Without the column ``fake`` all are zero.
        """
        if FAKE in self.columns:
            return np.asarray(self.columns[FAKE]).astype(np.int64)
        return np.zeros(len(self), dtype=np.int64)

    @cached_property
    def turned(self) -> BoolArray:
        """Which entries are subtracted fakes, and may be added to the other sample instead."""
        return np.asarray((self.fake != 0) & (self.weight < 0))

    def check_weights(self) -> None:
        """Raise a `DataError` if a weight is not finite."""
        if not np.all(np.isfinite(self.weight)):
            raise DataError("an event's weight is NaN or infinite; remove such events")

    @cached_property
    def sizes(self) -> IntArray:
        """How many events each entry stands for, shape (n,)."""
        return np.ones(len(self), dtype=np.int64) if self.count is None else self.count

    @property
    def n_a(self) -> int:
        """The number of events of A."""
        return int(self.labels.sum())

    @property
    def n_b(self) -> int:
        """The number of events of B."""
        return (len(self) if self.count is None else int(self.count.sum())) - self.n_a

    def column(self, name: str) -> FloatArray:
        """Return one column as float64, shape (n,).

        Raises
        ------
        DataError
            If there is no such column; the message lists those there are. Or if it is not
            one number an event.
        """
        if name not in self.columns:
            known = ", ".join(sorted(self.columns)) or "none"
            raise DataError(f"no column {name!r}; there are {known}")
        return as_numbers(self.columns[name], f"column {name!r}")

    @cached_property
    def events(self) -> ak.Array:
        """One record an entry: n * {column: value}."""
        return ak.zip(dict(self.columns), depth_limit=1)

    @cached_property
    def known_by(self) -> tuple[str, ...]:
        """The columns by which an event is known again.

        Those of run and event numbers, or of file and entry, where the columns have them;
        else all columns of numbers but the weight. Labels and other yes or no are not of
        the event alone.
        """
        for names in EVENT_NUMBERS:
            there = all(name in self.columns for name in names)
            if there and (names[0] != FILE or np.any(self.columns[FILE] != 0)):
                return names
        numbers = {
            name
            for name, x in self.columns.items()
            if isinstance(x, np.ndarray) and x.dtype.kind in "fiu"
        }
        return tuple(sorted(numbers - {WEIGHT, FAKE}))

    @cached_property
    def identity(self) -> NDArray[np.uint64]:
        """64 bits of every event by which it is known again, shape (n,).

        They are made of the columns of `known_by`: events that agree in those are taken
        for one, and two others agree with a probability of about 2⁻⁶⁴.
        """
        return fingerprints(self.columns, self.known_by)

    def relabelled(self, labels: NDArray[Any]) -> Pool:
        """Return the same events with other labels."""
        return replace(self, labels=labels)

    def with_columns(self, columns: Mapping[str, Any]) -> Pool:
        """Return the pool with these columns added, or in place of its own."""
        return replace(self, columns={**self.columns, **columns})

    def restricted(self, names: Iterable[str]) -> Pool:
        """Return the pool with these columns alone, the weights, and which events are fakes.

        Raises
        ------
        DataError
            If there is no such column.
        """
        for name in (names := list(names)):
            if name not in self.columns:
                self.column(name)
        kept = [name for name in self.columns if name in names or name in (WEIGHT, FAKE)]
        return replace(self, columns={name: self.columns[name] for name in kept})

    def where(self, chosen: Any) -> Pool:
        """Return some of the entries, by a mask or by their numbers."""
        return Pool(
            {name: values[chosen] for name, values in self.columns.items()},
            self.labels[chosen],
            None if self.count is None else self.count[chosen],
        )

    def grouped(self, *keys: IntArray) -> Pool:
        """Return groups of like events, as entries of a pool of their own; see `grouping`."""
        return self.grouping(*keys)[0]

    def grouping(self, *keys: IntArray) -> tuple[Pool, IntArray]:
        """Return groups of like events, as entries of a pool of their own, and who is in which.

        Events are alike if they agree in all keys; of columns that the keys do not fix,
        a group has those of its first event. Events of which one weighs more than
        another are left as they are.

        Parameters
        ----------
        *keys : ndarray of int, shape (n,)

        Returns
        -------
        groups : Pool
        number : ndarray of int, shape (n,)
            The group of every event.
        """
        if not self.unit or self.count is not None:
            return self, np.arange(len(self))
        flat = np.zeros(len(self), dtype=np.int64)
        for key in keys:
            low = int(key.min(initial=0))
            flat = flat * (int(key.max(initial=0)) - low + 1) + (key - low)
        _, first, group, count = np.unique(
            flat, return_index=True, return_inverse=True, return_counts=True
        )
        a = np.bincount(group, self.labels, first.size).astype(np.int64)
        columns = {name: values[first] for name, values in self.columns.items()}
        return Pool(columns, a, count.astype(np.int64)), group

    def bin_index(self, axes: Sequence[Any]) -> tuple[IntArray, tuple[int, ...]]:
        """Return the flat bin of every entry, −1 outside, and the bins' shape.

        Parameters
        ----------
        axes : sequence of hist axes
            Their names say which columns.

        Raises
        ------
        DataError
            If there is no such column.
        """
        shape = tuple(len(axis) for axis in axes)
        places = np.stack([index_on(axis, self.column(axis.name)) for axis in axes])
        within = np.all((places >= 0) & (places < np.array(shape)[:, None]), axis=0)
        flat = np.ravel_multi_index(tuple(np.where(within, places, 0)), shape)
        return np.where(within, flat, -1), shape


def fingerprints(columns: Mapping[str, Any], names: Sequence[str]) -> NDArray[np.uint64]:
    """Return 64 bits of every event, made of some of its columns.

    Parameters
    ----------
    columns : mapping of str to array of shape (n,)
    names : sequence of str
        Which columns count, in this order.

    Returns
    -------
    ndarray of uint64, shape (n,)
        Equal for events that agree in these columns; for two others with a probability
        of about 2⁻⁶⁴.
    """
    found = np.zeros(len(columns[names[0]]) if names else 0, dtype=np.uint64)
    for name in names:
        values = np.ascontiguousarray(ak.to_numpy(columns[name]))
        if values.dtype.kind == "f":
            values = values.view(np.uint32 if values.dtype.itemsize == 4 else np.uint64)
        found = (found ^ values.astype(np.uint64)) * _MIX  # modulo 2⁶⁴
        found ^= found >> np.uint64(32)
    return found


def _columns(columns: Any, name: str) -> dict[str, Any]:
    """Return a dictionary of arrays, numpy's where they are regular."""
    if isinstance(columns, ak.Array):
        columns = {field: columns[field] for field in ak.fields(columns)}
    lengths = {column: len(values) for column, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"{name}: the columns differ in length: {lengths}")
    return {column: _array(values) for column, values in columns.items()}


def _array(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return values
    array = values if isinstance(values, ak.Array) else ak.Array(list(values))
    try:
        return ak.to_numpy(array, allow_missing=False)
    except (TypeError, ValueError):
        return array  # text, or lists of any length: no test reads them


def _length(columns: Mapping[str, Any]) -> int:
    return len(next(iter(columns.values()))) if columns else 0


def _joined(left: Any, right: Any) -> Any:
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return np.concatenate([left, right])
    return ak.concatenate([left, right])
