"""The limits on one signal in one region: events, cross section, branching ratio, and more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eμsym.analysis.limit_options import CROSS_SECTION, LimitOptions
from eμsym.analysis.problem import Problem
from eμsym.analysis.signals import SignalShape
from eμsym.errors import DataError
from eμsym.limits.impacts import Impacts, impacts
from eμsym.limits.likelihoods import Likelihoods
from eμsym.limits.model import Model
from eμsym.limits.region import Region, log_normal
from eμsym.limits.search import Scan, scan_of
from eμsym.limits.sensitivity import Sensitivity, sensitivity
from eμsym.limits.toys import ToyKind, feldman_cousins_interval, toy_limit
from eμsym.limits.units import SignalYield
from eμsym.limits.upper_limit import UpperLimit, region_limit

#: Points of the scan of CLs, and how far it goes in units of the larger limit.
_SCAN_POINTS, _SCAN_REACH = 60, 1.5


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
    kept : float or None
        How much of the signal a calibration with the same events leaves, for which all
        limits allow; None if there is none, or of several regions together.
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
    kept: float | None = None

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
        if self.kept is not None:
            found["kept_by_calibration"] = self.kept
        if self.sensitivity is not None:
            found["sensitivity"] = self.sensitivity.to_dict()
        if self.impacts is not None:
            found["impacts"] = self.impacts.to_dict()
        if isinstance(self.interval, Problem):
            found["feldman_cousins"] = self.interval.to_dict()
        elif self.interval is not None:
            found["feldman_cousins"] = list(self.interval)
        return found


def limits_of_region(
    shape: SignalShape,
    region: Region | Problem,
    signal_yield: SignalYield,
    options: LimitOptions,
    *,
    expected_only: bool,
) -> SignalLimits:
    """Return all the limits on a signal in a region.

    Parameters
    ----------
    shape : SignalShape
    region : Region or Problem
        What is fitted, strengths in events of the signal, or why there is nothing to fit.
    signal_yield : SignalYield
        What these events are worth.
    options : LimitOptions
    expected_only : bool
        Whether the counts are those that weighted simulation expects.
    """
    if isinstance(region, Problem):
        return SignalLimits(shape, region, region, region, signal_yield)
    try:
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
        per_ifb = None
        if options.branching_ratio is not None and not signal_yield.missing:
            per_br = signal_yield.events_per_branching_ratio
            per_ifb = options.branching_ratio * per_br / signal_yield.luminosity_ifb
        sizes = sensitivity(
            region,
            signal_yield.luminosity_ifb,
            options.luminosities,
            cl=options.cl,
            events_per_ifb=per_ifb,
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
    uncertain = (region.ratio_names, region.normalisations, region.shapes, region.fake_names)
    if not any(uncertain):
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
