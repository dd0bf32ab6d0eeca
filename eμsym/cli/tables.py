"""Tables of the command line that fit 80 columns."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table


def titled_table(title: str, **options: Any) -> Table:
    """Return an empty table below its title, plain and close.

    Parameters
    ----------
    title : str
    **options
        Of `rich.table.Table`, in place of those chosen here.
    """
    chosen: dict[str, Any] = {
        "title_justify": "left",
        "title_style": "bold",
        "box": box.SIMPLE_HEAD,
        "show_edge": False,
        "padding": (0, 1, 0, 0),
        "pad_edge": False,
        "header_style": "none",
    }
    return Table(title=f"\n{title}", **chosen | options)
