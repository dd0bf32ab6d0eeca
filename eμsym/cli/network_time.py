"""How long the network will take, said before it is trained; hours are asked about."""

from __future__ import annotations

import sys

import click

from eμsym.analysis.options import Tests
from eμsym.cli.tables import plain_console
from eμsym.errors import ConfigurationError
from eμsym.folder import ProcessedFolder
from eμsym.pair_io import read_pair
from eμsym.unbinned.symmetrized import SymmetrizedTest
from eμsym.workers import cores

#: Exponentials a second and core of the compiled loop, about, and nodes in place of events.
_RATE, _NODES = 4e8, 120

_HOUR = 3600.0


def network_seconds(n_events: int, tests: Tests, n_cores: int) -> float:
    """Return about how long the network and its relabellings take, in seconds.

    Parameters
    ----------
    n_events : int
        Of both samples.
    tests : Tests
    n_cores : int
    """
    points = n_events if len(tests.read) > 1 else min(n_events, _NODES)
    hidden = SymmetrizedTest().hidden
    neurons = hidden if isinstance(hidden, int) else sum(hidden)
    one = 2 * tests.epochs * points * (neurons + 1) / _RATE
    return one + one * tests.most_permutations / n_cores


def announce_network(folder: ProcessedFolder, tests: Tests) -> None:
    """Say how long the network will take, and, at a terminal, ask whether hours are wanted.

    Raises
    ------
    ConfigurationError
        If they are not.
    """
    if not tests.symmetrized:
        return
    datasets = tests.pair or tuple(folder.results().pair)
    n = len(read_pair(folder.path, datasets=datasets).pool)
    seconds = network_seconds(n, tests, cores())
    plain_console().print(
        f"The network: {tests.epochs:,} epochs of 2 nets on {n:,} events, and "
        f"{tests.most_permutations:,} relabellings: about {duration(seconds)} on {cores()} cores."
    )
    ask = seconds > _HOUR and sys.stdin is not None and sys.stdin.isatty()
    if ask and not click.confirm("Train it?", default=True):
        raise ConfigurationError(
            "the network is not trained: leave out --symmetrized, or take fewer --epochs or "
            "--permutations"
        )


def duration(seconds: float) -> str:
    """Return a time in words, to one or two digits."""
    for unit, size in (("days", 86400.0), ("hours", _HOUR), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{max(1.0, seconds):.0f} seconds"
