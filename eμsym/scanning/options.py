"""What a scan is told: the table ``[scan]`` of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from eμsym.errors import ConfigurationError, DataError
from eμsym.pool import Pool
from eμsym.regions import Region
from eμsym.scanning.choices import BINS_1D, BINS_2D, FEWEST, STATISTICS, check_choices
from eμsym.scanning.regions import Skipped, classes_of, combined, default_classes, thirds_of

#: Of everything that is drawn, unless another seed is given.
DEFAULT_SEED = 20401


@dataclass(frozen=True)
class ScanOptions:
    """What a scan looks at.

    Attributes
    ----------
    observables : tuple of str
        Columns; none means all that the exchange leaves as they are.
    planes : {"all", "none"} or tuple of (str, str)
        Planes of two observables.
    classes : mapping of str to tuple of float, optional
        Classes by column, exclusive and inclusive, and all pairs of columns: the values of a
        count, or the edges of others. Default: those of `eμsym.scan`.
    thirds : tuple of str
        Columns whose thirds are classes, too, where `classes` or this is given.
    region : tuple of Region
        Named conditions, besides the classes.
    tests : tuple of str
        Of nsigma, chi2, window and spline.
    windows : {"rectangle", "square"}
        In planes; of one observable they are intervals.
    relabellings : int
    fewest : int
        Events that a region holds at least.
    bins, bins_2d : int
        Bins of an observable alone, and along each axis of a plane, at most.
    seed : int

    Raises
    ------
    ConfigurationError
        If a value is impossible.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    observables: tuple[str, ...] = ()
    planes: Literal["all", "none"] | tuple[tuple[str, str], ...] = "all"
    classes: Mapping[str, tuple[float, ...]] | None = None
    thirds: tuple[str, ...] = ()
    region: tuple[Region, ...] = ()
    tests: tuple[str, ...] = STATISTICS
    windows: Literal["rectangle", "square"] = "rectangle"
    relabellings: int = 1000
    fewest: int = FEWEST
    bins: int = BINS_1D
    bins_2d: int = BINS_2D
    seed: int = DEFAULT_SEED

    def __post_init__(self) -> None:
        check_choices(self.tests, self.fewest, (self.bins, self.bins_2d))
        if self.relabellings < 19:
            raise ConfigurationError(f"relabellings = {self.relabellings}: choose 19 or more")
        if self.seed < 0:
            raise ConfigurationError(f"seed = {self.seed}: choose zero or more")
        for name, edges in (self.classes or {}).items():
            if len(edges) < 1 or any(b <= a for a, b in pairwise(edges)):
                raise ConfigurationError(
                    f"classes.{name} = {list(edges)}: give rising values, one or more"
                )
        names = [region.name for region in self.region]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ConfigurationError(f"region {twice[0]!r} is there twice; give each its own name")

    def regions_of(self, pool: Pool) -> tuple[list[Region], list[Skipped]]:
        """Return the regions besides all events, and the classes that cannot be had and why."""
        if self.classes is None and not self.thirds:
            classes, skipped = default_classes(pool)
        else:
            classes, skipped = [], []
            asked = [(name, edges) for name, edges in (self.classes or {}).items()]
            for name, edges in (*asked, *((name, None) for name in self.thirds)):
                try:
                    values = pool.column(name)
                    made = thirds_of(name, values) if edges is None else None
                    classes.append(made or classes_of(name, values, edges or ()))
                except (DataError, IndexError) as error:
                    skipped.append(Skipped(f"classes of {name}", str(error)))
        return [*self.region, *combined(classes)], skipped

    def to_dict(self) -> dict[str, Any]:
        """Return the options for JSON."""
        planes = self.planes if isinstance(self.planes, str) else [list(x) for x in self.planes]
        return {
            "observables": list(self.observables) or "all",
            "planes": planes,
            "classes": None
            if self.classes is None
            else {name: list(edges) for name, edges in self.classes.items()},
            "thirds": list(self.thirds),
            "region": [{"name": each.name, "where": each.where} for each in self.region],
            "tests": list(self.tests),
            "windows": self.windows,
            "relabellings": self.relabellings,
            "fewest": self.fewest,
            "bins": self.bins,
            "bins_2d": self.bins_2d,
            "seed": self.seed,
        }
