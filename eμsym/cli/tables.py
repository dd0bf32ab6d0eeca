"""Tables of the command line that fit 80 columns."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table


def plain_console() -> Console:
    """Return a console that prints words as they are and leaves long lines to the terminal."""
    return Console(highlight=False, soft_wrap=True)


def plain_table(**options: Any) -> Table:
    """Return an empty table without edges.

    Parameters
    ----------
    **options
        Of `rich.table.Table`, in place of those chosen here.
    """
    chosen: dict[str, Any] = {
        "box": box.SIMPLE_HEAD,
        "show_edge": False,
        "padding": (0, 1, 0, 0),
        "pad_edge": False,
        "header_style": "none",
    }
    return Table(**chosen | options)


def titled_table(title: str, **options: Any) -> Table:
    """Return an empty table without edges below its title.

    Parameters
    ----------
    title : str
    **options
        As of `plain_table`.
    """
    below = {"title": f"\n{title}", "title_justify": "left", "title_style": "bold"}
    return plain_table(**below | options)


def print_table(title: str, table: Table) -> None:
    """Print a table below its title, with all its digits even in too narrow a terminal.

    Parameters
    ----------
    title : str
    table : rich.table.Table
    """
    console = plain_console()
    console.print(f"\n[bold]{title}[/]")
    needed = Console(width=1000).measure(table).maximum
    Console(highlight=False, width=max(console.width, needed)).print(table)
