"""What ``emusym reproduce templates`` does: make T and S of processed folders, and write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.markup import escape

from eμsym.binned.templates_io import read_templates, templates_from_folders, write_templates
from eμsym.cli.tables import plain_console
from eμsym.errors import EmusymError, OutputError
from eμsym.files import require_possible


def make_templates(
    output: str, *, background: str, signal: str, overwrite: bool, **options: Any
) -> None:
    """Make templates of processed folders and write them.

    Parameters
    ----------
    output : str
        The file.
    background, signal : str
        Folders.
    overwrite : bool
        Replace the file if it is there and holds templates.
    **options
        See `eμsym.binned.templates_io.templates_from_folders`.

    Raises
    ------
    EmusymError
        If a folder cannot be read, or the file is in the way or cannot be written.
    """
    path = Path(output)
    require_possible(path)
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists; give --overwrite, or another file with -o")
    if path.exists():
        _refuse_what_is_not_ours(path)
    made = templates_from_folders(background, signal, **options)
    write_templates(made, path)
    t, s, other = (made.provenance[part] for part in ("background", "signal", "other"))
    console = plain_console()
    console.print(
        f"T  {escape(', '.join(t['datasets']))}: {t['sum']:,.0f} entries "
        f"({_effective(t)}) and {made.provenance['flat']:g} more a bin; "
        f"{t['bins_without_events']} of {made.background.values().size} bins without an event"
    )
    console.print(f"S  {escape(s['dataset'])}, {s['order']}: {_effective(s)}")
    console.print(
        f"   {other['order']}: {other['sum']:.3f} events in the plane for each of S ("
        f"{_effective(other)})"
    )
    console.print(escape(f"Written to {path}"))


def _refuse_what_is_not_ours(path: Path) -> None:
    try:
        read_templates(path)
    except EmusymError as error:
        raise OutputError(
            f"{path}: holds no templates of ours, and is never replaced; move it away, or choose "
            "another file with -o"
        ) from error


def _effective(described: dict[str, Any]) -> str:
    n = described["effective_events"]
    return "no events" if n is None else f"{n:,.0f} effective events"
