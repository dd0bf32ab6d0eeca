"""One limit of several processed folders that share no event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eμsym.analysis.limit_options import CROSS_SECTION, LimitOptions
from eμsym.analysis.limits import FolderLimits
from eμsym.analysis.problem import Problem
from eμsym.analysis.signal_limits import SignalLimits, sized
from eμsym.errors import DataError
from eμsym.folder import ProcessedFolder
from eμsym.limits.region import Region
from eμsym.limits.upper_limit import UpperLimit, region_limit
from eμsym.pair_io import read_pair

_PER_PB = 1e3


@dataclass(frozen=True, eq=False)
class CombinedLimits:
    """The limits on one signal by all folders together.

    Attributes
    ----------
    folders : tuple of str
    cross_section, branching_ratio : UpperLimit or Problem
    """

    folders: tuple[str, ...]
    cross_section: UpperLimit | Problem
    branching_ratio: UpperLimit | Problem

    def to_dict(self) -> dict[str, Any]:
        """Return both, for JSON."""
        return {
            "folders": list(self.folders),
            "cross_section": self.cross_section.to_dict(),
            "branching_ratio": self.branching_ratio.to_dict(),
        }


def check_apart(folders: Sequence[ProcessedFolder], pairs: Sequence[Sequence[str]]) -> None:
    """Raise a `DataError` if two folders share an event.

    Parameters
    ----------
    folders : sequence of ProcessedFolder
    pairs : sequence of sequence of str
        The datasets of each folder's pair.
    """
    pools = [
        read_pair(folder.path, datasets=list(names)).pool
        for folder, names in zip(folders, pairs, strict=True)
    ]
    for j, one in enumerate(pools):
        for k in range(j):
            other = pools[k]
            if one.known_by != other.known_by:
                continue
            shared = np.intersect1d(one.identity, other.identity).size
            if shared:
                raise DataError(
                    f"{folders[j].path} and {folders[k].path} share {shared} events: limits of "
                    "both are not independent; process other files, or choose datasets with --pair"
                )


def combined_limits(
    found: Mapping[str, FolderLimits], options: LimitOptions
) -> dict[str, CombinedLimits]:
    """Return the limits on each signal that all folders have, by asymptotic formulae.

    Uncertainties of one name are one nuisance; those of each folder's ratio of yields are
    its own.

    Parameters
    ----------
    found : mapping of str to FolderLimits
        By folder, of events that none shares with another.
    options : LimitOptions
    """
    first, *others = found.values()
    names = [name for name in first.signals if all(name in x.signals for x in others)]
    return {
        name: CombinedLimits(
            tuple(found),
            _combined({key: x.signals[name] for key, x in found.items()}, options, "pb"),
            _combined({key: x.signals[name] for key, x in found.items()}, options, "BR"),
        )
        for name in names
    }


def _combined(
    parts: Mapping[str, SignalLimits], options: LimitOptions, unit: str
) -> UpperLimit | Problem:
    uncertainties = {
        name: value
        for name, value in options.uncertainties.items()
        if unit == "BR" or name != CROSS_SECTION
    }
    try:
        regions = [_region(key, part, uncertainties, unit) for key, part in parts.items()]
        limit = region_limit(regions, cl=options.cl)
    except DataError as error:
        return Problem(str(error))
    if not all(_observed(part) for part in parts.values()):
        limit = replace(limit, observed=float("nan"), mu=float("nan"))
    return replace(limit, unit=unit)


def _region(
    folder: str, part: SignalLimits, uncertainties: Mapping[str, float], unit: str
) -> Region:
    worth, region = part.signal_yield, part.region
    if region is None:
        raise DataError(f"{folder}: has no limit on {part.shape.name}")
    missing = [x for x in worth.missing if unit == "BR" or x != "the cross section"]
    if missing or worth.luminosity_ifb is None or worth.acceptance is None:
        raise DataError(f"{folder}: {' and '.join(missing)} missing for {part.shape.name}")
    events = _PER_PB * worth.luminosity_ifb * worth.acceptance
    if unit == "BR":
        events *= worth.production_pb or 0.0
    # The nuisances of the ratio and of fakes get the folder's name.
    own = replace(region.scaled([events]), name=folder, ratio_names=(), fake_names=())
    return sized(own, uncertainties)


def _observed(part: SignalLimits) -> bool:
    return isinstance(part.events, UpperLimit) and part.events.observed == part.events.observed
