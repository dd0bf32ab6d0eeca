"""The progress bar of everything that takes more than a moment."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Counts what is done, and may say something beside the bar."""

    def __call__(self, count: int, note: str = "") -> None:
        """Count so many more."""
        ...  # pragma: no cover


@contextmanager
def toy_bar(
    total: int, wanted: bool | Advance | None, *, after: float, done: int = 0
) -> Iterator[Advance]:
    """Give a function that counts toys, and show a bar with the time left once they take long.

    Parameters
    ----------
    total : int
        Number of toys.
    wanted : bool or callable, optional
        A function that counts already is given back. Default: if standard error is
        a terminal.
    after : float
        Seconds before it is shown.
    done : int
        Toys that were done before.
    """
    if callable(wanted):
        yield wanted
        return
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield _ignored
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        "toys",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    # Asked for by name, it is drawn wherever standard error goes.
    console = Console(stderr=True, force_terminal=wanted)
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("", total=total, completed=done)
    begin = time.monotonic()
    shown = False

    def advance(count: int, note: str = "") -> None:
        nonlocal shown
        bar.update(task, advance=count, description=note)
        if not shown and time.monotonic() - begin > after:
            shown = True
            bar.start()

    try:
        yield advance
    finally:
        if shown:
            bar.stop()


def _ignored(count: int, note: str = "") -> None:
    pass
