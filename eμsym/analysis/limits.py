"""The limits on the signals of a processed folder, in one region or in several together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from eμsym.analysis.limit_options import LimitOptions
from eμsym.analysis.parts import Fitted, all_in_one, fitted, fitted_jointly, read_parts
from eμsym.analysis.problem import Problem
from eμsym.analysis.signal_limits import SignalLimits, limits_of_region
from eμsym.analysis.signal_yields import (
    data_luminosity,
    yield_in_region,
    yield_of,
    yield_together,
)
from eμsym.analysis.signals import SignalShape, signals
from eμsym.analysis.varied_signals import varied_planes
from eμsym.arrays import BoolArray
from eμsym.errors import DataError
from eμsym.folder import ProcessedFolder
from eμsym.limits.region import Region
from eμsym.limits.two_signals import TwoSignals, two_signals
from eμsym.limits.units import SignalYield
from eμsym.limits.upper_limit import UpperLimit
from eμsym.pair import Pair


@dataclass(frozen=True, eq=False)
class TwoLimits:
    """Two signals fitted together.

    Attributes
    ----------
    names : tuple of str
    unit : str
        "BR", or "events" where a branching ratio is not to be had.
    found : TwoSignals
    """

    names: tuple[str, str]
    unit: str
    found: TwoSignals

    def to_dict(self) -> dict[str, Any]:
        """Return the intervals, for JSON."""
        return {"signals": list(self.names), "unit": self.unit, **self.found.to_dict()}


@dataclass(frozen=True, eq=False)
class FolderLimits:
    """What `folder_limits` found.

    Attributes
    ----------
    names : tuple of str
        Of A and of B.
    source : str
        Where the correction is from.
    options : LimitOptions
    signals : mapping of str to SignalLimits
        By signal; of all regions together if there are several.
    notes : tuple of str
        What is not there, and why.
    together : TwoLimits, Problem or None
        None if it was not asked for.
    regions : mapping of str to mapping of str to SignalLimits
        By region and signal, each region alone; empty unless there are several.
    """

    names: tuple[str, str]
    source: str
    options: LimitOptions
    signals: Mapping[str, SignalLimits]
    notes: tuple[str, ...] = ()
    together: TwoLimits | Problem | None = None
    regions: Mapping[str, Mapping[str, SignalLimits]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the part ``limits`` of ``results.json``."""
        chosen = self.options.regions
        found: dict[str, Any] = {
            "cl": self.options.cl,
            "method": self.options.method,
            "correction": self.source,
            "region": " + ".join(chosen) if chosen else None,
            "uncertainties": dict(self.options.uncertainties),
            "signals": {name: found.to_dict() for name, found in self.signals.items()},
            "notes": list(self.notes),
        }
        if self.regions:
            found["regions"] = {
                region: {name: each.to_dict() for name, each in limits.items()}
                for region, limits in self.regions.items()
            }
        if self.together is not None:
            found["together"] = self.together.to_dict()
        return found


@dataclass(frozen=True, eq=False)
class _Part:
    """A signal in one region: its events there, what they are worth, and what is fitted."""

    shape: SignalShape
    worth: SignalYield
    fitted: Fitted

    @property
    def events(self) -> float:
        """The signal's events in the region, by the weights of its simulation."""
        return float(self.shape.events.pool.weight.sum())


#: By region and signal.
_Parts = Mapping[str | None, Mapping[str, _Part]]


def folder_limits(
    folder: ProcessedFolder,
    options: LimitOptions | None = None,
    *,
    say: Callable[[str], None] = lambda line: None,
) -> FolderLimits:
    """Set limits on the signals of a processed folder; nothing is written.

    A correction is fitted to the events of all chosen regions, and is one in all of them.

    Parameters
    ----------
    folder : ProcessedFolder
    options : LimitOptions, optional
    say : callable
        Told of each stage in a line.

    Raises
    ------
    InputFileError, ConfigurationError
        If the folder is not a processed one, or lacks a dataset or a region.
    DataError
        If a correction that was asked for cannot be had, or two regions share an event.
    """
    options = LimitOptions() if options is None else options
    results = folder.results()
    datasets = results.datasets_of(options.pair, str(folder.path))
    raw, insides = read_parts(folder, datasets, options.regions)
    notes: list[str] = []
    if options.equalisation.how != "none":
        say(f"correcting {len(raw.pool):,} events for the detector")
    corrected = options.equalisation.apply(raw)
    if isinstance(corrected, Problem):
        notes.append(f"not corrected for the detector's e/μ difference: {corrected.reason}")
    pair = corrected if isinstance(corrected, Pair) else raw
    luminosity = options.luminosity_ifb or data_luminosity(results, datasets)
    if luminosity is None:
        notes.append(
            "the luminosity of the data is not known, or not one: limits are in events alone; "
            "give --luminosity, or luminosity_ifb in the fileset's metadata"
        )
    parts: dict[str | None, dict[str, _Part]] = {}
    for region, inside in insides.items():
        looked_for = signals(folder, datasets, options.signals, region)
        notes += looked_for.notes
        parts[region] = {}
        for shape in looked_for.shapes:
            worth, why = yield_of(results, shape, luminosity)
            notes += why
            if region is not None:
                worth = yield_in_region(worth, folder, shape, region)
            varied, why = varied_planes(folder, pair, shape, options.shapes, region)
            notes += why
            found = fitted(pair, inside, shape, varied)
            if found.kept is not None:
                where = "" if region is None else f" in {region}"
                notes.append(
                    f"{shape.name}{where}: the calibration, fitted to the same events, leaves "
                    f"{100 * found.kept:.1f} % of it, for which the limits allow"
                )
            parts[region][shape.name] = _Part(shape, worth, found)
    limits, alone = _limits(pair, parts, options, say)
    notes += _reasons(limits, alone)
    if any(
        isinstance(x.events, UpperLimit) and math.isnan(x.events.observed) for x in limits.values()
    ):
        notes.append(
            "the events are weighted simulation: limits are those expected of its yields, and "
            "none is observed"
        )
    if options.together:
        say("fitting two signals together")
    together = _together(pair, insides, parts, options) if options.together else None
    if isinstance(together, Problem):
        notes.append(f"signals together: {together.reason}")
    return FolderLimits(
        pair.names,
        pair.symmetry.source,
        options,
        limits,
        tuple(dict.fromkeys(notes)),
        together,
        alone,
    )


def _limits(
    pair: Pair, parts: _Parts, options: LimitOptions, say: Callable[[str], None]
) -> tuple[dict[str, SignalLimits], dict[str, dict[str, SignalLimits]]]:
    """Return the limits on each signal, and if there are several regions those in each."""
    expected_only = not pair.counted.pool.unit

    def limits_of(part: _Part, where: str | None) -> SignalLimits:
        say(f"limits on {part.shape.name}" + (f" in {where}" if where else ""))
        found = limits_of_region(
            part.shape, part.fitted.region, part.worth, options, expected_only=expected_only
        )
        return replace(found, kept=part.fitted.kept)

    alone = {
        str(region): {name: limits_of(part, region) for name, part in signals.items()}
        for region, signals in parts.items()
    }
    if len(alone) == 1:
        return next(iter(alone.values())), {}
    names = [
        x for x in next(iter(parts.values())) if all(x in signals for signals in parts.values())
    ]
    all_regions = {
        name: limits_of(
            _together_in(pair, {str(r): x[name] for r, x in parts.items()}), "all regions"
        )
        for name in names
    }
    return all_regions, alone


def _together_in(pair: Pair, parts: Mapping[str, _Part]) -> _Part:
    """Return a signal in all regions together, strengths being its events in all of them."""
    total = sum(part.events for part in parts.values())
    shares = {
        name: replace(part.fitted, region=part.fitted.region.scaled([part.events / total]))
        if isinstance(part.fitted.region, Region)
        else part.fitted
        for name, part in parts.items()
    }
    region: Region | Problem
    try:
        region = all_in_one(pair, shares)
    except DataError as error:
        region = Problem(str(error))
    first = next(iter(parts.values()))
    worth = yield_together([part.worth for part in parts.values()])
    return _Part(first.shape, worth, Fitted(region))


def _reasons(
    limits: Mapping[str, SignalLimits], alone: Mapping[str, Mapping[str, SignalLimits]]
) -> list[str]:
    """Return a line for every limit on events that there is not."""
    named = dict(limits)
    for region, found in alone.items():
        named |= {f"{name} in {region}": each for name, each in found.items()}
    lines = [
        f"limits on {name}: {each.events.reason}"
        for name, each in named.items()
        if isinstance(each.events, Problem)
    ]
    some = dict.fromkeys(name for found in alone.values() for name in found)
    return lines + [
        f"limits on {name}: not of all regions together, for one has none of it"
        for name in some
        if name not in limits
    ]


def _together(
    pair: Pair,
    insides: Mapping[str | None, BoolArray | None],
    parts: _Parts,
    options: LimitOptions,
) -> TwoLimits | Problem:
    names = list(dict.fromkeys(name for found in parts.values() for name in found))
    if len(names) != 2:
        return Problem(f"there are {len(names)} signals; choose two with --signals")
    if any(len(found) != 2 for found in parts.values()):
        return Problem("a region has none of one of them")
    if not pair.counted.pool.unit:
        return Problem("the events are weighted, and the contour is of counts")
    every = [part for found in parts.values() for part in found.values()]
    unit = "events" if any(part.worth.missing for part in every) else "BR"
    totals = {name: sum(found[name].events for found in parts.values()) for name in names}
    try:
        region = all_in_one(
            pair,
            {
                str(region): fitted_jointly(
                    pair,
                    insides[region],
                    [found[name].shape for name in names],
                    [
                        found[name].worth.events_per_branching_ratio
                        if unit == "BR"
                        else found[name].events / totals[name]
                        for name in names
                    ],
                )
                for region, found in parts.items()
            },
        )
        fit = two_signals([region], cl=options.cl)
    except DataError as error:
        return Problem(str(error))
    return TwoLimits((names[0], names[1]), unit, fit)
