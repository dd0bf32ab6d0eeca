"""Which limits are set on the signals of a processed folder."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from eμsym.analysis.correction import Equalisation
from eμsym.analysis.options import DEFAULT_SEED
from eμsym.errors import ConfigurationError
from eμsym.limits.upper_limit import check_cl

#: The luminosities that the papers speak of, fb⁻¹.
PAPER_LUMINOSITIES = (10.0, 20.0, 40.0, 140.0)

#: The uncertainty that is of the branching ratio alone.
CROSS_SECTION = "cross_section"

Method = Literal["asymptotic", "poisson", "relabelled"]


@dataclass(frozen=True)
class LimitOptions:
    """Which limits are set on the signals of a processed folder.

    Attributes
    ----------
    pair, signals : tuple of str
        Datasets, as for `eμsym.analysis.options.Tests`.
    equalisation : Equalisation
        How the pair is to be corrected.
    cl : float
    luminosity_ifb : float, optional
        Of the data. Default: as the folder says.
    uncertainties : mapping of str to float
        Relative, each a log-normal nuisance of the limits on σ × BR and on BR;
        "cross_section" of those on BR alone.
    shapes : mapping of str to (str, str)
        Effects on the signals' shapes, each by what it does up and down: the name of a
        column of the signal's events, with the factor on every event's weight, or that of a
        dataset with the signal as it then is.
    method : {"asymptotic", "poisson", "relabelled"}
    toys : int
        Toys at each strength, for the methods by toys.
    luminosities : tuple of float
        fb⁻¹, at which the expected limit is told.
    branching_ratio : float, optional
        Of a signal whose median Z is told at each luminosity.
    regions : tuple of str
        Of the folder's regions, whose events alone are taken: of several the limits in each
        are set and those in all of them together.
    interval : bool
        Whether to give the interval with Feldman and Cousins' ordering, too, by toys.
    together : bool
        Whether to fit the signals together too, if they are two.
    seed : int

    Raises
    ------
    ConfigurationError
        If `cl` or a branching ratio is not between zero and one, an uncertainty or luminosity
        not above zero, or a region is there twice.
    """

    pair: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    equalisation: Equalisation = field(default_factory=Equalisation)
    cl: float = 0.95
    luminosity_ifb: float | None = None
    uncertainties: Mapping[str, float] = field(default_factory=dict)
    shapes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    method: Method = "asymptotic"
    toys: int = 2000
    luminosities: tuple[float, ...] = PAPER_LUMINOSITIES
    branching_ratio: float | None = None
    regions: tuple[str, ...] = ()
    interval: bool = False
    together: bool = False
    seed: int = DEFAULT_SEED

    def __post_init__(self) -> None:
        check_cl(self.cl)
        for name, n in Counter(self.regions).items():
            if n > 1:
                raise ConfigurationError(f"region {name!r} is chosen {n} times; name it once")
        for name, value in self.uncertainties.items():
            if not 0 < value < math.inf:
                raise ConfigurationError(
                    f"uncertainty {name}={value}: is relative and above zero, such as 0.02"
                )
        for value in (*self.luminosities, *filter(None, (self.luminosity_ifb,))):
            if not 0 < value < math.inf:
                raise ConfigurationError(f"luminosity {value} fb⁻¹: must be positive and finite")
        if self.branching_ratio is not None and not 0 < self.branching_ratio <= 1:
            raise ConfigurationError(
                f"branching ratio {self.branching_ratio}: is above 0 and at most 1, such as 0.01"
            )
