"""What ``emusym reproduce`` does with an entry: read or compute it, draw, write and print it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import rich.table
from rich.console import Console

from eμsym.cli.options import only_with_recompute
from eμsym.cli.tables import plain_console, titled_table
from eμsym.errors import ConfigurationError
from eμsym.files import make_folder, write_json
from eμsym.papers.registry import Reproducible
from eμsym.papers.tables import Note, Table
from eμsym.plots.style import save_figure

_WIDTH = 80


def reproduce_entry(
    entry: Reproducible,
    *,
    output: str,
    style: Any = "neutral",
    recompute: bool = False,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Draw what an entry draws, write its data beside it, and print what it says.

    Parameters
    ----------
    entry : Reproducible
    output : str
        Folder; made if it is not there.
    style : str
        See `eμsym.plots.style.styled`.
    recompute : bool
        Compute anew, in place of reading what is stored.
    options : mapping of str to object, optional
        Of computing anew, by their names; those that are None were not given.

    Raises
    ------
    EmusymError
        If an option makes no sense, something cannot be read or computed, or the output
        cannot be written.
    """
    given = {} if options is None else options
    only_with_recompute(
        recompute, {option.flag: given.get(option.name) for option in entry.options}
    )
    if recompute and entry.compute is None:
        raise ConfigurationError(f"--recompute: {entry.name} has no toys; leave it out")
    _check(entry, given)
    # First: minutes of toys must not end at a folder that cannot be made.
    folder = make_folder(output)
    if recompute and entry.compute is not None:
        say = Console(stderr=True, highlight=False, soft_wrap=True).print
        wanted = {name: value for name, value in given.items() if value is not None}
        found = entry.compute(entry.needs, folder, say, **wanted)
    else:
        found = entry.stored(entry.needs)
    claims = entry.claims(found)
    written = []
    if entry.draw is not None:
        written = save_figure(entry.draw(found, style), folder, entry.name)
    data = folder / f"{entry.name}.json"
    write_json(data, entry.to_dict(found, claims))
    print_report(entry.report(found, claims))
    files = ", ".join(path.name for path in [*written, data])
    plain_console().print(f"Written to {folder}: {files}")


def _check(entry: Reproducible, given: Mapping[str, Any]) -> None:
    """Refuse numbers that click has no type for."""
    for option in entry.options:
        value = given.get(option.name)
        if value is None or option.above is None:
            continue
        if not (math.isfinite(value) and value > option.above):
            raise ConfigurationError(
                f"{option.flag} {value:g}: give a number above {option.above:g}"
            )


def print_report(report: Iterable[Table | str]) -> None:
    """Print tables with their notes, and paragraphs, in 80 columns."""
    console = plain_console()
    for part in report:
        if isinstance(part, str):
            console.print(textwrap.fill(part, _WIDTH))
        else:
            console.print(_drawn(part))
            for note in part.notes:
                console.print(_indented(note))


def _drawn(table: Table) -> rich.table.Table:
    close = {"padding": 0} if table.close else {}
    drawn = titled_table(table.title, show_edge=table.edged, **close)
    for column in table.columns:
        drawn.add_column(
            column.heading,
            justify="right" if column.right else "left",
            no_wrap=column.no_wrap,
            max_width=column.max_width,
        )
    for i, row in enumerate(table.rows):
        drawn.add_row(*row, style="yellow" if i in table.differing else None)
    return drawn


def _indented(note: Note) -> str:
    text = textwrap.indent("\n".join(textwrap.wrap(note.text, _WIDTH - 2)), "  ")
    return text.replace(" ", "!" if note.differs else " ", 1)
