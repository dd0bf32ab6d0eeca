"""What a scan looks at: regions, observables and planes, binned and prepared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from eμsym.arrays import FloatArray, IntArray
from eμsym.errors import ConfigurationError, DataError
from eμsym.exchange import Exchange
from eμsym.pair import Pair
from eμsym.pool import EVENT_NUMBERS, FAKE, WEIGHT, Pool
from eμsym.regions import Region
from eμsym.scanning.choices import BINS_1D, BINS_2D, FEWEST, STATISTICS, check_choices
from eμsym.scanning.labellings import Labellings
from eμsym.scanning.observables import binned, numbers_of_bins
from eμsym.scanning.region_views import RegionViews
from eμsym.scanning.regions import (
    Chosen,
    Skipped,
    chosen_regions,
    combined,
    default_classes,
)
from eμsym.scanning.shared_terms import SharedTerms
from eμsym.scanning.view_layout import ViewLayout
from eμsym.workers import in_threads

Regions = Mapping[str, str] | Iterable[Region | tuple[str, str] | str] | Literal["default"]
Observables = Sequence[str | tuple[str, str]] | Literal["all"]
Planes = Literal["all", "none"] | Sequence[tuple[str, str]]

#: Columns that name an event and say nothing of its physics.
_NAMES = {name for names in EVENT_NUMBERS for name in names} | {WEIGHT, FAKE}


@dataclass(frozen=True)
class Where:
    """Where one entry is in a plan.

    Attributes
    ----------
    region : int
        The number of the region.
    view : int
        The number of the view in it.
    axes : tuple of int
        The numbers of its observables.
    test : str
    """

    region: int
    view: int
    axes: tuple[int, ...]
    test: str


@dataclass(frozen=True, eq=False)
class Plan:
    """What a scan looks at.

    Attributes
    ----------
    labellings : Labellings
    regions : tuple of Chosen
    views : tuple of RegionViews
        Of each region.
    tests : tuple of str
    skipped : tuple of Skipped
    """

    labellings: Labellings
    regions: tuple[Chosen, ...]
    views: tuple[RegionViews, ...]
    tests: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    @classmethod
    def of(
        cls,
        pair: Pair,
        labellings: Labellings,
        regions: Regions = "default",
        observables: Observables = "all",
        *,
        planes: Planes = "all",
        tests: Sequence[str] = STATISTICS,
        squares: bool = False,
        fewest: int = FEWEST,
        bins: tuple[int, int] = (BINS_1D, BINS_2D),
        workers: int = 1,
    ) -> Plan:
        """Prepare a scan; parameters and errors as of `eμsym.scan`."""
        pool, exchange = pair.pool, pair.symmetry.exchange
        check_choices(tests, fewest, bins)
        if not isinstance(observables, str):
            observables, planes = _planes_apart(observables, planes)
        names, skipped = comparable(pool, exchange, observables)
        pairs = _pairs(planes, names)
        if isinstance(regions, str):
            classes, without = default_classes(pool)
            regions, skipped = combined(classes), [*skipped, *without]
        wanted = as_regions(regions)
        chosen, left_out = chosen_regions(pool, exchange, wanted, fewest=fewest)
        moments = labellings.residuals.moments()
        shared = SharedTerms.of(pool, pair.symmetry, moments)
        columns = {name: pool.column(name) for name in names}
        kept, views = [], []

        def views_of(each: Chosen) -> tuple[RegionViews | None, list[Skipped]]:
            return _views(each, columns, pairs, moments.variance, shared, squares, bins)

        for each, (found, reasons) in zip(
            chosen, in_threads(views_of, chosen, workers), strict=True
        ):
            skipped += reasons
            if found is not None:
                kept.append(each)
                views.append(found)
        if not kept:
            raise DataError(
                f"{len(pool):,} events are too few to scan, or nothing varies among them"
            )
        every = tuple(dict.fromkeys((*skipped, *left_out)))
        return cls(labellings, tuple(kept), tuple(views), tuple(tests), every)

    def entries(self) -> list[Where]:
        """Return where every entry is, in the order of the statistics."""
        found = []
        for region, views in enumerate(self.views):
            for view in range(len(views.layout)):
                axes = views.layout.axes(view)
                tests = self.tests if len(axes) == 1 else self.tests_of_planes
                found += [Where(region, view, axes, test) for test in tests]
        return found

    @property
    def tests_of_planes(self) -> tuple[str, ...]:
        """The tests that planes have."""
        return tuple(test for test in self.tests if test != "spline")

    @property
    def n_windows(self) -> int:
        """How many intervals and rectangles are looked at."""
        return sum(views.layout.n_windows for views in self.views)

    def statistics(self, residuals: FloatArray) -> FloatArray:
        """Return the statistics of all entries, shape (entries, LANES), of (n, LANES) residuals."""
        alone = [STATISTICS.index(test) for test in self.tests]
        of_planes = [STATISTICS.index(test) for test in self.tests_of_planes]
        parts = []
        for views in self.views:
            found = views.statistics(np.ascontiguousarray(residuals[views.rows]))
            count = len(views.layout.observables)
            for part, kept in ((found[:count], alone), (found[count:], of_planes)):
                parts.append(part[:, kept].reshape(-1, found.shape[-1]))
        return np.concatenate(parts)


def as_regions(regions: Any) -> list[Region]:
    """Return regions that are given as such, as names with conditions, or as conditions alone.

    Raises
    ------
    ConfigurationError
        If one is none of these.
    """
    given = regions.items() if isinstance(regions, Mapping) else regions
    found = []
    for each in given:
        if isinstance(each, Region):
            found.append(each)
        elif isinstance(each, str):
            found.append(Region(each, each))
        else:
            try:
                name, where = each
            except (TypeError, ValueError):
                raise ConfigurationError(
                    f"region {each!r}: give a name and a condition, as in ('boosted', 'met > 40')"
                ) from None
            found.append(Region(str(name), str(where)))
    return found


def _planes_apart(
    observables: Sequence[str | tuple[str, str]], planes: Planes
) -> tuple[list[str], Planes]:
    """Return single observables, and planes: where any stands among those, they alone."""
    pairs = [each for each in observables if not isinstance(each, str)]
    names = [name for each in observables for name in ([each] if isinstance(each, str) else each)]
    return list(dict.fromkeys(names)), pairs or planes


def comparable(
    pool: Pool, exchange: Exchange, observables: Sequence[str] | Literal["all"]
) -> tuple[list[str], list[Skipped]]:
    """Return the columns that A and B may be compared in, and which may not and why.

    Raises
    ------
    ConfigurationError
        If a column that is named is not there, is no number, or is not comparable.
    DataError
        If none is.
    """
    if not isinstance(observables, str):
        if not observables:
            raise ConfigurationError("observables: none is named; name one, or leave it out")
        for name in observables:
            pool.column(name)
            if (effect := exchange.effect(name)) != "unchanged":
                raise ConfigurationError(
                    f"observable {name!r}: {_EFFECTS[effect]}; leave it out of the scan"
                )
        return list(dict.fromkeys(observables)), []
    names, skipped = [], []
    for name, values in pool.columns.items():
        if name in _NAMES or name == exchange.label:
            continue
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiub":
            skipped.append(Skipped(f"observable {name}", "is not one number an event"))
        elif (effect := exchange.effect(name)) != "unchanged":
            skipped.append(Skipped(f"observable {name}", _EFFECTS[effect]))
        else:
            names.append(name)
    if not names:
        raise DataError("no column is comparable: nothing to scan")
    return names, skipped


_EFFECTS = {
    "label": "is the label itself",
    "swapped": "goes with the label, so that A and B differ in it without anything new",
    "flipped": "changes its sign with the label, so that it has no value of its own",
    "not comparable": "means one thing in A and another in B",
}


def _pairs(planes: Planes, names: Sequence[str]) -> list[tuple[int, int]]:
    if isinstance(planes, str):
        if planes not in ("all", "none"):
            raise ConfigurationError(f"planes {planes!r}: choose all, none, or name pairs")
        return list(combinations(range(len(names)), 2)) if planes == "all" else []
    found = []
    for pair in planes:
        if len(pair) != 2 or pair[0] == pair[1] or any(name not in names for name in pair):  # type: ignore[redundant-expr]
            raise ConfigurationError(
                f"plane {', '.join(map(str, pair))}: name two of the observables {', '.join(names)}"
            )
        found.append((names.index(pair[0]), names.index(pair[1])))
    return list(dict.fromkeys(found))


def _views(
    chosen: Chosen,
    columns: dict[str, FloatArray],
    pairs: Sequence[tuple[int, int]],
    variance: FloatArray,
    shared: SharedTerms,
    squares: bool,
    bins: tuple[int, int],
) -> tuple[RegionViews | None, list[Skipped]]:
    rows: IntArray = chosen.rows
    one, two = numbers_of_bins(rows.size, bins_1d=bins[0], bins_2d=bins[1])
    axes, place, skipped = [], {}, []
    for i, (name, values) in enumerate(columns.items()):
        try:
            axes.append(binned(name, values[rows], one, two))
        except DataError as error:
            skipped.append(Skipped(f"observable {name} in region {chosen.name}", str(error)))
        else:
            place[i] = len(axes) - 1
    if not axes:
        return None, skipped
    planes = [(place[i], place[j]) for i, j in pairs if i in place and j in place]
    part = SharedTerms(shared.rows[rows], shared.signs)
    layout = ViewLayout(tuple(axes), tuple(planes), squares)
    return RegionViews.of(rows, layout, variance[rows], part), skipped
