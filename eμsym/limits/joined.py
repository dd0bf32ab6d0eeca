"""Several regions of one pair as one: what they share, they share by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from eμsym.arrays import FloatArray, IntArray
from eμsym.binned.pair_bins import PairBins
from eμsym.binned.q0_input import Signal
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.errors import DataError
from eμsym.limits.added import fakes_of_bins, joined_fakes
from eμsym.limits.region import Region, ShapeVariation
from eμsym.pair import Pair


def of_one_calibration(
    pair: Pair, places: Sequence[IntArray], regions: Sequence[Region]
) -> list[Region]:
    """Return regions of one pair with the ratio that its symmetry expects in all their bins.

    A calibration is uncertain in the same directions in all of them: each is one nuisance, by
    its name, and what the bins of one region tell of it holds in the others.

    Parameters
    ----------
    pair : Pair
    places : sequence of ndarray of int, shape (n,)
        For each region the bin of every event of the pair's pool, −1 outside. No event is in
        two regions.
    regions : sequence of Region
    """
    ends = np.cumsum([0, *(region.b.size for region in regions)])
    index = np.full(len(pair.pool), -1)
    for place, first in zip(places, ends[:-1], strict=True):
        index = np.where(place >= 0, place + first, index)
    ratio, fakes = PairBins(pair.pool, pair.symmetry, index, (int(ends[-1]),)).prompt_ratio()
    sources = [] if fakes is None else [f"transfer factor {k}" for k in range(len(fakes.by_source))]
    names = tuple(f"ratio {k}" for k in range(len(ratio.modes)))
    return [
        replace(
            region,
            ratio=YieldRatio(ratio.log_ratio[low:high], ratio.modes[:, low:high]),
            ratio_names=names,
            fakes=None if fakes is None else fakes_of_bins(fakes, low, high),
            fake_names=(*sources, *(f"fakes {i}" for i in range(low, high))),
        )
        for region, low, high in zip(regions, ends[:-1], ends[1:], strict=True)
    ]


def joined(regions: Sequence[Region], *, name: str = "") -> Region:
    """Return regions as one of all their bins; nuisances of one name are one.

    Parameters
    ----------
    regions : sequence of Region
        Of as many strengths, in the same units, and of the same normalisations.
    name : str

    Raises
    ------
    DataError
        If they differ in what is of a whole region.
    """
    first, *others = regions
    if any(
        dict(x.normalisations) != dict(first.normalisations) or len(x.signals) != len(first.signals)
        for x in others
    ):
        raise DataError("regions that are joined have the same strengths and normalisations")
    strengths = range(len(first.signals))
    names = tuple(dict.fromkeys(name for region in regions for name in region.ratio_names))
    modes = [_modes(region, names) for region in regions]
    fakes = [region.fakes for region in regions if region.fakes is not None]
    if 0 < len(fakes) < len(regions):
        raise DataError("of regions that are joined all or none have fakes subtracted")
    effects = dict.fromkeys(effect for region in regions for effect in region.shapes)
    return Region(
        name,
        np.concatenate([region.b for region in regions]),
        np.concatenate([region.a for region in regions]),
        tuple(_signal([region.signals[j] for region in regions]) for j in strengths),
        YieldRatio(
            np.concatenate([region.ratio.log_ratio for region in regions]),
            np.concatenate(modes, axis=1),
        ),
        names,
        first.normalisations,
        {effect: tuple(_variation(regions, effect, j) for j in strengths) for effect in effects},
        joined_fakes(fakes) if fakes else None,
        _fake_names(regions),
    )


def _modes(region: Region, names: Sequence[str]) -> FloatArray:
    """Return what every named nuisance does to ln κ in a region."""
    found = np.zeros((len(names), region.b.size))
    for name, mode in zip(region.ratio_names, region.ratio.modes, strict=True):
        found[names.index(name)] += mode
    return found


def _fake_names(regions: Sequence[Region]) -> tuple[str, ...]:
    """Return the names of the nuisances of fakes: of each source once, then of all bins."""
    sources: list[tuple[str, ...]] = []
    of_bins: list[str] = []
    for region in regions:
        n = len(region.fake_names) - region.b.size
        sources.append(region.fake_names[: max(n, 0)])
        of_bins += region.fake_names[max(n, 0) :]
    if len(set(sources)) > 1:
        raise DataError("regions that are joined have the same sources of fakes, by their names")
    return (*sources[0], *of_bins)


def _signal(parts: Sequence[Signal]) -> Signal:
    in_a, in_b = (np.concatenate([getattr(x, k) for x in parts]) for k in ("in_a", "in_b"))
    if not any(x.uncertain for x in parts):
        return Signal(in_a, in_b)
    v_a, v_b = (np.concatenate([x.variances[side] for x in parts]) for side in (0, 1))
    return Signal(in_a, in_b, v_a, v_b)


def _variation(regions: Sequence[Region], effect: str, j: int) -> ShapeVariation | None:
    """Return what an effect does to a strength's signal; nothing in regions that lack it."""
    found = [region.shapes[effect][j] if effect in region.shapes else None for region in regions]
    if not any(found):
        return None
    four = []
    for side in ("up_a", "up_b", "down_a", "down_b"):
        nominal = f"in_{side[-1]}"
        four.append(
            np.concatenate(
                [
                    getattr(region.signals[j], nominal) if x is None else getattr(x, side)
                    for region, x in zip(regions, found, strict=True)
                ]
            )
        )
    return ShapeVariation(*four)
