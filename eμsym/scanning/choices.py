"""What a scan can be told, and what it has if it is told nothing."""

from __future__ import annotations

from collections.abc import Sequence

from eμsym.errors import ConfigurationError

#: Statistics of a view, in this order; the spline's score of observables alone.
STATISTICS = ("nsigma", "chi2", "window", "spline")

#: What the number of a cell says of an event that has no value of an observable.
NO_CELL = 255

#: Bins of an observable alone, and of each of two in a plane, at most.
BINS_1D, BINS_2D = 24, 8

#: Entries that a plane's bins hold on average, at least.
ENTRIES_A_BIN = 25

#: Events that a region holds at least.
FEWEST = 100


def check_choices(tests: Sequence[str], fewest: int, bins: tuple[int, int]) -> None:
    """Raise a `ConfigurationError` if no scan can be had of these.

    Parameters
    ----------
    tests : sequence of str
    fewest : int
        Events that a region holds at least.
    bins : tuple of int
        Of an observable alone, and along each axis of a plane.
    """
    unknown = [test for test in tests if test not in STATISTICS]
    if not tests or unknown:
        named = ", ".join(map(repr, unknown)) or "none"
        raise ConfigurationError(f"tests {named}: choose from {', '.join(STATISTICS)}")
    if len(set(tests)) < len(tests):
        raise ConfigurationError("tests: one is named twice")
    if not fewest >= 20:
        raise ConfigurationError(f"fewest {fewest}: a region holds 20 events or more")
    one, two = bins
    if not 2 <= two <= one <= 64 or two > 15:
        raise ConfigurationError(
            f"bins {one} and {two}: choose 2 to 64 of an observable, and 2 to 15, no more than "
            "those, along each axis of a plane"
        )
