"""Parts of a pair: one to explore, others to confirm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from eμsym.arrays import BoolArray, Rng
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair


def part_of(pair: Pair, chosen: BoolArray) -> Pair:
    """Return some of a pair's events, without a correction and without stored histograms."""
    raw = pair.raw
    return replace(raw, events=raw.pool.where(chosen), histograms=({}, {}))


def split(pair: Pair, share: float, *, rng: Rng = None) -> tuple[Pair, Pair]:
    """Divide a pair by events at random, whichever labels they have.

    Parameters
    ----------
    pair : Pair
    share : float
        Of the events, for the first part.
    rng : numpy.random.Generator, int or None

    Raises
    ------
    ConfigurationError
        If the share is not between zero and one.
    DataError
        If a part has no event.
    """
    if not 0 < share < 1:
        raise ConfigurationError(f"share {share} of the events: choose one between 0 and 1")
    first = np.random.default_rng(rng).random(len(pair.pool)) < share
    if first.all() or not first.any():
        raise DataError(f"{len(pair.pool):,} events are too few to be divided")
    return part_of(pair, first), part_of(pair, ~first)


def folds(pair: Pair, count: int, *, rng: Rng = None) -> Iterator[tuple[Pair, Pair]]:
    """Yield, for each of several parts, the others together and the part.

    Every event is in one part, and explored in all pairs but one.

    Parameters
    ----------
    pair : Pair
    count : int
        Two or more parts of about equal size.
    rng : numpy.random.Generator, int or None
    """
    n = len(pair.pool)
    if not isinstance(count, int | np.integer) or count < 2:  # type: ignore[redundant-expr]
        raise ConfigurationError(f"{count} folds: choose two or more")
    if n < count:
        raise DataError(f"{n:,} events are too few for {count} folds")
    number = np.random.default_rng(rng).permutation(np.arange(n) % count)
    for fold in range(count):
        yield part_of(pair, number != fold), part_of(pair, number == fold)
