"""A folder's pair in one or several of its regions, and what is fitted for a signal in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from eμsym.analysis.problem import Problem
from eμsym.analysis.signals import SignalShape
from eμsym.analysis.weighted_region import weighted_region
from eμsym.arrays import BoolArray, IntArray
from eμsym.errors import DataError
from eμsym.folder import ProcessedFolder
from eμsym.limits.joined import joined, of_one_calibration
from eμsym.limits.kept import kept_in, with_what_is_kept
from eμsym.limits.of_pair import counted_region, joint_region
from eμsym.limits.part_of_pair import PartOfPair
from eμsym.limits.region import Region
from eμsym.pair import Pair
from eμsym.pair_io import read_pair


@dataclass(frozen=True, eq=False)
class Fitted:
    """What is fitted for a signal in a part of a pair.

    Attributes
    ----------
    region : Region or Problem
        Strengths are in events of the signal in that part.
    place : ndarray of int, shape (n,), or None
        The bin of every event of the pair, −1 outside, where κ is that of a calibration.
    kept : float or None
        How much of the signal a calibration with the pair's own events leaves, see
        `eμsym.limits.kept.kept_in`; the region's signal is so much less. None if there is none.
    """

    region: Region | Problem
    place: IntArray | None = None
    kept: float | None = None


def read_parts(
    folder: ProcessedFolder, datasets: Sequence[str], regions: Sequence[str]
) -> tuple[Pair, dict[str | None, BoolArray | None]]:
    """Return the events of all regions together, without correction, and which are in which.

    Parameters
    ----------
    folder : ProcessedFolder
    datasets : sequence of str
    regions : sequence of str
        Of the folder's. None: all events.

    Returns
    -------
    pair : Pair
    insides : dict of str or None to ndarray of bool or None
        By region; None stands for all of the pair's events.

    Raises
    ------
    ConfigurationError
        If there is no such region.
    DataError
        If two regions share an event, or one has none.
    """
    if len(regions) < 2:
        name = regions[0] if regions else None
        return read_pair(folder.path, datasets=datasets, region=name), {name: None}
    whole, results = read_pair(folder.path, datasets=datasets), folder.results()
    insides = {}
    for name in regions:
        region = results.region(name)
        whole.where(region.where)  # raises where the condition is none of this pair
        insides[name] = region.condition.condition(whole.pool.columns)
    for (one, in_one), (other, in_other) in combinations(insides.items(), 2):
        if shared := np.count_nonzero(in_one & in_other):
            raise DataError(
                f"regions {one!r} and {other!r} share {shared} events: their limits are not "
                "independent; choose regions that share none"
            )
    some = np.any(list(insides.values()), axis=0)
    pair = replace(whole, events=whole.pool.where(some), histograms=({}, {}))
    pair = pair.filled_like(whole.histograms)
    return pair, {name: inside[some] for name, inside in insides.items()}


def fitted(
    pair: Pair,
    inside: BoolArray | None,
    shape: SignalShape,
    varied: Mapping[str, tuple[Any, Any]],
) -> Fitted:
    """Return what is fitted for a signal in the plane of a part of a pair.

    Parameters
    ----------
    pair : Pair
    inside : ndarray of bool, shape (n,), or None
        Which of its events are in the part; None: all.
    shape : SignalShape
        The signal there.
    varied : mapping of str to (up, down)
        As for `pair_limit`; of counts alone.
    """
    part = pair if inside is None else PartOfPair(pair, inside)
    axes = pair.axes_of("plane")
    try:
        if not pair.counted.pool.unit:
            return Fitted(weighted_region(part, shape, axes))
        test = shape.test(axes)
        counts = test.counts(part)
        region = counted_region("", test, counts, shapes=varied)
        kept = kept_in(part, shape.events.pool, axes=axes, bins=counts.bins, signal=counts.signal)
        region = with_what_is_kept(region, [kept])
    except DataError as error:
        return Fitted(Problem(str(error)))
    return Fitted(region, _place(part, axes, counts.bins), None if kept == 1.0 else kept)


def fitted_jointly(
    pair: Pair,
    inside: BoolArray | None,
    shapes: Sequence[SignalShape],
    events: Sequence[float],
) -> Fitted:
    """Return what is fitted for several signals at once, in units of so many events of each.

    Parameters
    ----------
    pair, inside
        As for `fitted`.
    shapes : sequence of SignalShape
    events : sequence of float
    """
    part = pair if inside is None else PartOfPair(pair, inside)
    axes = pair.axes_of("plane")
    try:
        tests = [shape.test(axes) for shape in shapes]
        region = joint_region("", tests, part, events=events)
        bins = tests[0].counts(part).bins
        kept = [
            kept_in(part, shape.events.pool, axes=axes, bins=bins, signal=signal)
            for shape, signal in zip(shapes, joint_region("", tests, part).signals, strict=True)
        ]
        region = with_what_is_kept(region, kept)
    except DataError as error:
        return Fitted(Problem(str(error)))
    return Fitted(region, _place(part, axes, bins))


def _place(part: Pair | PartOfPair, axes: Sequence[Any], bins: Any) -> IntArray | None:
    """Return the merged bin of every event; of all a pair's events nobody asks for it."""
    return part.in_bins(*axes, merged=bins).index if isinstance(part, PartOfPair) else None


def all_in_one(pair: Pair, parts: Mapping[str, Fitted]) -> Region:
    """Return what is fitted in all parts of a pair together.

    Parameters
    ----------
    pair : Pair
    parts : mapping of str to Fitted
        By the names of the regions, in the same units.

    Raises
    ------
    DataError
        If nothing can be fitted in one of them.
    """
    regions, places = [], []
    for name, part in parts.items():
        if isinstance(part.region, Problem):
            raise DataError(f"region {name!r}: {part.region.reason}")
        regions.append(part.region)
        if part.place is not None:
            places.append(part.place)
    if len(regions) == 1:
        return regions[0]
    return joined(of_one_calibration(pair, places, regions) if places else regions)
