"""What commands do with ``--blind``, and what they say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from eμsym.cli.options import ranges
from eμsym.cli.stages import say_stage

if TYPE_CHECKING:
    from eμsym.folder import ProcessedFolder

Windows = Mapping[str, tuple[float, float]]


def blind_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--blind``."""
    return click.option(
        "--blind",
        metavar="COLUMN=LOW:HIGH",
        multiple=True,
        callback=ranges,
        help="Hide a window, m_coll=110:140, from figures, tables and tests; remembered in the "
        "folder. Given again: what is inside all of them.",
    )(function)


def unblind_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--unblind``."""
    return click.option(
        "--unblind", is_flag=True, help="Show again what an earlier --blind has hidden."
    )(function)


def blind_if_asked(folder: ProcessedFolder, blind: Windows, unblind: bool = False) -> None:
    """Hide a window of a folder, or show what was hidden; else leave it as it is.

    Says how many figures were removed, which would still show the window.

    Raises
    ------
    ConfigurationError
        If both are asked for, or as of `eμsym.blind_folder.blind_folder`.
    """
    from eμsym.blind_folder import blind_folder
    from eμsym.blinding import Blinding
    from eμsym.errors import ConfigurationError

    if blind and unblind:
        raise ConfigurationError("--blind and --unblind: give one of them")
    if blind or unblind:
        gone = blind_folder(folder, Blinding(blind))
        if gone:
            named = ", ".join(gone[:3]) + (", …" if len(gone) > 3 else "")
            say_stage(f"removing {len(gone)} figures that show what is blinded now: {named}")


def print_blinding(folder: ProcessedFolder) -> None:
    """Say what is hidden, if anything is."""
    from rich.markup import escape

    from eμsym.cli.tables import plain_console

    line = folder.results().blinding_line
    if line:
        plain_console().print(f"[bold]Blinded[/]  {escape(line)}")
