"""The signals that q0 looks for: those of the folder's own datasets, and stored ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import hist

from eμsym.binned.q0_of_pair import Q0Test
from eμsym.errors import ConfigurationError
from eμsym.event_io import read_events
from eμsym.folder import ProcessedFolder
from eμsym.label_rule import LEADING
from eμsym.pair import Pair
from eμsym.pair_io import read_pair
from eμsym.recipes import STORED_SIGNALS, stored_signal
from eμsym.regions import Region
from eμsym.results import Results
from eμsym.selection import Cuts


@dataclass(frozen=True, eq=False)
class SignalShape:
    """A signal: its events in both samples.

    Attributes
    ----------
    name : str
    orders : tuple of str
        What A and B are called.
    events : Pair
        Of the signal alone.
    origin : str
        "dataset" of the folder, or "stored" with the package.
    """

    name: str
    orders: tuple[str, str]
    events: Pair
    origin: str = "dataset"

    @property
    def side(self) -> Literal["a", "b"]:
        """The sample in which most of it is."""
        pool = self.events.pool
        return "a" if 2 * float(pool.weight @ pool.labels) >= float(pool.weight.sum()) else "b"

    @property
    def order(self) -> str:
        """What that sample is called."""
        return self.orders[0 if self.side == "a" else 1]

    def planes(self, axes: Sequence[Any]) -> tuple[hist.Hist, hist.Hist]:
        """Return its histograms in A and in B, what lies outside the axes in their flow bins.

        Raises
        ------
        DataError
            If its events lack a column.
        """
        return self.events.hist(*axes)

    def test(self, axes: Sequence[Any]) -> Q0Test:
        """Return the test for it; errors as for `planes`."""
        return Q0Test(self.planes(axes), tuple(axes))


@dataclass(frozen=True, eq=False)
class Signals:
    """What q0 is to look for, and what it cannot.

    Attributes
    ----------
    shapes : tuple of SignalShape
    notes : tuple of str
        One line each: what is left out, or is not as it should be.
    """

    shapes: tuple[SignalShape, ...]
    notes: tuple[str, ...] = ()


def signals(
    folder: ProcessedFolder,
    pair: Iterable[str],
    chosen: tuple[str, ...] = (),
    region: str | None = None,
) -> Signals:
    """Return the signals of a folder, and without a choice the stored ones that it lacks.

    Parameters
    ----------
    folder : ProcessedFolder
    pair : iterable of str
        Datasets of the pair. A signal among them is no independent shape, and is
        taken only if it is chosen.
    chosen : tuple of str
        Names of datasets; default: all signals that are not in the pair.
    region : str, optional
        A region of the folder: the part of each signal in it is taken.

    Raises
    ------
    ConfigurationError
        If a chosen dataset is not there, or has no event.
    """
    results, inside = folder.results(), set(pair)
    datasets, orders = results.datasets, results.orders
    for name in chosen:
        if name not in datasets:
            raise ConfigurationError(f"no dataset {name!r}; there are {', '.join(datasets)}")
    names = chosen or tuple(
        name for name, about in datasets.items() if about.role == "signal" and name not in inside
    )
    shapes, notes = [], []
    for name in names:
        events = read_pair(folder.path, datasets=[name], region=region)
        if float(events.pool.weight.sum()) > 0:
            shapes.append(SignalShape(name, orders, events))
        elif chosen:
            where = "" if region is None else f" in region {region!r}"
            raise ConfigurationError(f"dataset {name!r} has no selected event{where}")
        else:
            notes.append(f"q0 of {name}: left out, the dataset has no selected event")
    if not chosen:
        lacking = [name for name in STORED_SIGNALS if name not in {x.name for x in shapes}]
        stored = stored_signals(orders, lacking)
        if results.label_rule.column != LEADING.column:
            named = f"their events are labelled by the rule {LEADING.name!r}, not by "
            notes += [
                f"q0 of {x.name}: left out, {named}{results.label_rule.name!r}" for x in stored
            ]
            stored = []
        parts = [] if region is None else [results.region(region)]
        if results.blinding:
            parts.append(Region(f"outside of {results.blinding}", results.blinding.where))
        for part in parts:
            stored, problems = _in_region(stored, part)
            notes += problems
        shapes += stored
        notes += _other_cuts(results, [x.name for x in stored])
    return Signals(tuple(shapes), tuple(notes))


def stored_signals(
    orders: tuple[str, str], names: Sequence[str] = STORED_SIGNALS
) -> list[SignalShape]:
    """Return signals that come with the package.

    Parameters
    ----------
    orders : tuple of str
        What A and B are called.
    names : sequence of str
        Of `eμsym.recipes.STORED_SIGNALS`.
    """
    return [
        SignalShape(name, orders, Pair.from_events(read_events(stored_signal(name))), "stored")
        for name in names
    ]


def _in_region(
    shapes: Sequence[SignalShape], region: Region
) -> tuple[list[SignalShape], list[str]]:
    """Return the parts of signals in a region, and a line for each that lacks its columns."""
    inside, problems = [], []
    for shape in shapes:
        try:
            inside.append(replace(shape, events=shape.events.where(region.where)))
        except ConfigurationError as error:
            reason = str(error).partition("; there are")[0]
            problems.append(f"q0 of {shape.name}: left out, region {region.name!r}: {reason}")
    return inside, problems


def _other_cuts(results: Results, names: Sequence[str]) -> list[str]:
    """Say so if the stored signals were selected by other cuts than the folder's events."""
    cuts, theirs = results.configuration.processor.get("cuts"), Cuts()
    if not names or cuts is None or Cuts(**cuts) == theirs:
        return []
    changed = [key for key, value in cuts.items() if value != getattr(theirs, key)]
    return [
        f"the stored signals {', '.join(names)} were selected with the default cuts, this folder "
        f"with another {', '.join(changed)}: their shapes are only near; give datasets of yours"
    ]
