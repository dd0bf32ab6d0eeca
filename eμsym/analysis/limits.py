"""The limits on the signals of a processed folder: events, cross section, branching ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eμsym.analysis.correction import Equalisation
from eμsym.analysis.limit_options import CROSS_SECTION, LimitOptions
from eμsym.analysis.problem import Problem
from eμsym.analysis.signal_yields import data_luminosity, yield_in_region, yield_of
from eμsym.analysis.signals import SignalShape, signals
from eμsym.analysis.varied_signals import varied_planes
from eμsym.analysis.weighted_region import weighted_region
from eμsym.errors import DataError
from eμsym.folder import ProcessedFolder
from eμsym.limits.impacts import Impacts, impacts
from eμsym.limits.likelihoods import Likelihoods
from eμsym.limits.model import Model
from eμsym.limits.of_pair import counted_region, joint_region
from eμsym.limits.region import Region, log_normal
from eμsym.limits.search import Scan, scan_of
from eμsym.limits.sensitivity import Sensitivity, sensitivity
from eμsym.limits.toys import ToyKind, feldman_cousins_interval, toy_limit
from eμsym.limits.two_signals import TwoSignals, two_signals
from eμsym.limits.units import SignalYield
from eμsym.limits.upper_limit import UpperLimit, region_limit
from eμsym.pair import Pair
from eμsym.pair_io import read_pair

#: Points of the scan of CLs, and how far it goes in units of the larger limit.
_SCAN_POINTS, _SCAN_REACH = 60, 1.5

#: What is said of limits where fakes are subtracted; docs/coverage says how it was measured.
FAKES_NOTE = (
    "limits with fakes: where the signal moves the background, the fakes go along, unlike in q0; "
    "limits are off by up to about the fakes' share of the events, most often too weak"
)


@dataclass(frozen=True, eq=False)
class SignalLimits:
    """The limits on one signal.

    Attributes
    ----------
    shape : SignalShape
    n_bins, n_nuisances : int
        Merged bins; nuisances of the ratio.
    events : UpperLimit or Problem
        On the selected events of both orders.
    cross_section, branching_ratio : UpperLimit or Problem
        On σ × BR in pb, and on BR.
    signal_yield : SignalYield
    scan : Scan or None
        CLs against the events of signal.
    sensitivity : Sensitivity or None
        Expected limits at luminosities; None if the data's is not known.
    region : Region or None
        What was fitted for the limit on events.
    impacts : Impacts, Problem or None
        Of all uncertainties; None of weighted events, or without any.
    interval : tuple of float, Problem or None
        In events, with Feldman and Cousins' ordering; None if it was not asked for.
    """

    shape: SignalShape
    events: UpperLimit | Problem
    cross_section: UpperLimit | Problem
    branching_ratio: UpperLimit | Problem
    signal_yield: SignalYield
    n_bins: int = 0
    n_nuisances: int = 0
    scan: Scan | None = None
    sensitivity: Sensitivity | None = None
    region: Region | None = None
    impacts: Impacts | Problem | None = None
    interval: tuple[float, float] | Problem | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the limits with what they are made of, for JSON."""
        found: dict[str, Any] = {
            "order": self.shape.order,
            "shape": self.shape.origin,
            "n_bins": self.n_bins,
            "n_nuisances": self.n_nuisances,
            "yield": self.signal_yield.to_dict(),
            "events": self.events.to_dict(),
            "cross_section": self.cross_section.to_dict(),
            "branching_ratio": self.branching_ratio.to_dict(),
        }
        if self.sensitivity is not None:
            found["sensitivity"] = self.sensitivity.to_dict()
        if self.impacts is not None:
            found["impacts"] = self.impacts.to_dict()
        if isinstance(self.interval, Problem):
            found["feldman_cousins"] = self.interval.to_dict()
        elif self.interval is not None:
            found["feldman_cousins"] = list(self.interval)
        return found


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
    notes : tuple of str
        What is not there, and why.
    together : TwoLimits, Problem or None
        None if it was not asked for.
    """

    names: tuple[str, str]
    source: str
    options: LimitOptions
    signals: Mapping[str, SignalLimits]
    notes: tuple[str, ...] = ()
    together: TwoLimits | Problem | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the part ``limits`` of ``results.json``."""
        found: dict[str, Any] = {
            "cl": self.options.cl,
            "method": self.options.method,
            "correction": self.source,
            "region": self.options.region,
            "uncertainties": dict(self.options.uncertainties),
            "signals": {name: found.to_dict() for name, found in self.signals.items()},
            "notes": list(self.notes),
        }
        if self.together is not None:
            found["together"] = self.together.to_dict()
        return found


def folder_limits(folder: ProcessedFolder, options: LimitOptions | None = None) -> FolderLimits:
    """Set limits on the signals of a processed folder; nothing is written.

    Parameters
    ----------
    folder : ProcessedFolder
    options : LimitOptions, optional

    Raises
    ------
    InputFileError, ConfigurationError
        If the folder is not a processed one, or lacks a dataset.
    DataError
        If a correction that was asked for cannot be had.
    """
    options = LimitOptions() if options is None else options
    results = folder.results()
    datasets = results.datasets_of(options.pair, str(folder.path))
    raw = read_pair(folder.path, datasets=datasets, region=options.region)
    notes: list[str] = []
    corrected = Equalisation(options.equalise, options.exclude).apply(raw)
    if isinstance(corrected, Problem):
        notes.append(f"not corrected for the detector's e/μ difference: {corrected.reason}")
    pair = corrected if isinstance(corrected, Pair) else raw
    looked_for = signals(folder, datasets, options.signals, options.region)
    notes += looked_for.notes
    luminosity = options.luminosity_ifb or data_luminosity(results, datasets)
    if luminosity is None:
        notes.append(
            "the luminosity of the data is not known: limits are in events alone; give "
            "--luminosity, or luminosity_ifb in the fileset's metadata"
        )
    found = {}
    for shape in looked_for.shapes:
        signal_yield, why = yield_of(results, shape, luminosity)
        notes += why
        if options.region is not None:
            signal_yield = yield_in_region(signal_yield, folder, shape, options.region)
        varied, why = varied_planes(folder, pair, shape, options.shapes)
        notes += why
        found[shape.name] = _limits(pair, shape, signal_yield, options, varied)
    notes += [
        f"limits on {name}: {each.events.reason}"
        for name, each in found.items()
        if isinstance(each.events, Problem)
    ]
    if any(
        isinstance(x.events, UpperLimit) and math.isnan(x.events.observed) for x in found.values()
    ):
        notes.append(
            "the events are weighted simulation: limits are those expected of its yields, and "
            "none is observed"
        )
    if pair.symmetry.fake_errors:
        notes.append(FAKES_NOTE)
    together = _together(pair, list(found.values()), options) if options.together else None
    if isinstance(together, Problem):
        notes.append(f"signals together: {together.reason}")
    return FolderLimits(pair.names, pair.symmetry.source, options, found, tuple(notes), together)


def _together(
    pair: Pair, found: Sequence[SignalLimits], options: LimitOptions
) -> TwoLimits | Problem:
    if len(found) != 2:
        return Problem(f"there are {len(found)} signals; choose two with --signals")
    if not pair.counted.pool.unit:
        return Problem("the events are weighted, and the contour is of counts")
    first, second = found
    worth = [each.signal_yield for each in found]
    events = None
    if not any(each.missing for each in worth):
        events = [
            1e3 * (x.luminosity_ifb or 0) * (x.acceptance or 0) * (x.production_pb or 0)
            for x in worth
        ]
    try:
        axes = pair.axes_of("plane")
        region = joint_region("", [x.shape.test(axes) for x in found], pair, events=events)
        fit = two_signals([region], cl=options.cl)
    except DataError as error:
        return Problem(str(error))
    names = first.shape.name, second.shape.name
    return TwoLimits(names, "events" if events is None else "BR", fit)


def _limits(
    pair: Pair,
    shape: SignalShape,
    signal_yield: SignalYield,
    options: LimitOptions,
    varied: Mapping[str, tuple[Any, Any]],
) -> SignalLimits:
    try:
        region, expected_only = _region(pair, shape, varied)
        events = _limit(region, options, expected_only)
    except DataError as error:
        problem = Problem(str(error))
        return SignalLimits(shape, problem, problem, problem, signal_yield)
    of_size, of_ratio = (
        {k: v for k, v in options.uncertainties.items() if (k == CROSS_SECTION) == alone}
        for alone in (False, True)
    )
    if shape.origin != "dataset" and signal_yield.acceptance and signal_yield.acceptance_error:
        # The bins of a stored shape know nothing of the statistics of this acceptance.
        relative = signal_yield.acceptance_error / signal_yield.acceptance
        of_size["acceptance statistics"] = relative
    cross_section = _in_units(region, signal_yield.cross_section, of_size, options, expected_only)
    ratio = _in_units(
        region,
        signal_yield.branching_ratio,
        {**of_size, **of_ratio},
        options,
        expected_only,
    )
    largest = np.nanmax([events.observed, *events.expected[:4]])
    scan = scan_of(
        Likelihoods.of(Model.of([region])),
        np.linspace(0, _SCAN_REACH * float(largest), _SCAN_POINTS + 1)[1:],
    )
    sizes = None
    if signal_yield.luminosity_ifb is not None:
        sizes = sensitivity(
            region, signal_yield.luminosity_ifb, options.luminosities, cl=options.cl
        )
    return SignalLimits(
        shape,
        events,
        cross_section,
        ratio,
        signal_yield,
        n_bins=region.b.size,
        n_nuisances=len(region.ratio.modes),
        scan=scan,
        sensitivity=sizes,
        region=region,
        impacts=None if expected_only else _impacts(sized(region, {**of_size, **of_ratio})),
        interval=_interval(region, options, expected_only) if options.interval else None,
    )


def _interval(
    region: Region, options: LimitOptions, expected_only: bool
) -> tuple[float, float] | Problem:
    if expected_only:
        return Problem("the events are weighted simulation, in which nothing is observed")
    kind: ToyKind = "poisson" if options.method == "asymptotic" else options.method
    try:
        return feldman_cousins_interval(
            [region], kind=kind, n=options.toys, cl=options.cl, rng=options.seed
        )
    except DataError as error:
        return Problem(str(error))


def _impacts(region: Region) -> Impacts | Problem | None:
    if not (region.ratio_names or region.normalisations or region.shapes):
        return None
    try:
        return impacts([region])
    except DataError as error:
        return Problem(str(error))


def sized(region: Region, uncertainties: Mapping[str, float]) -> Region:
    """Return a region whose signal's size has relative uncertainties, by name."""
    return replace(
        region, normalisations={name: (log_normal(x),) for name, x in uncertainties.items()}
    )


def _region(
    pair: Pair, shape: SignalShape, varied: Mapping[str, tuple[Any, Any]]
) -> tuple[Region, bool]:
    """Return the region of a signal in the plane, and whether it can be expected only."""
    axes = pair.axes_of("plane")
    if pair.counted.pool.unit:
        test = shape.test(axes)
        return counted_region("", test, test.counts(pair), shapes=varied), False
    return weighted_region(pair, shape, axes), True


def _in_units(
    region: Region,
    units: Any,
    uncertainties: Mapping[str, float],
    options: LimitOptions,
    expected_only: bool,
) -> UpperLimit | Problem:
    """Return the limit with the uncertainties of a signal's size, in other units than events."""
    try:
        found: UpperLimit = units(_limit(sized(region, uncertainties), options, expected_only))
    except DataError as error:
        return Problem(str(error))
    return found


def _limit(region: Region, options: LimitOptions, expected_only: bool) -> UpperLimit:
    found = region_limit([region], cl=options.cl)
    if expected_only:
        return replace(found, observed=math.nan, mu=math.nan)
    if options.method == "asymptotic":
        return found
    kind: ToyKind = options.method
    return toy_limit([region], kind=kind, n=options.toys, cl=options.cl, rng=options.seed)
