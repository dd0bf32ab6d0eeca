"""``emusym report``: one page of everything in a folder; and how other commands end with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from eμsym.cli.blinding import Windows, blind_if_asked, blind_option, unblind_option
from eμsym.cli.examples import examples
from eμsym.errors import EmusymError, printable


@click.command(
    short_help="Write all that is in a folder as one page of HTML.",
    epilog=examples("emusym report emusym-output"),
)
@click.argument("folder", type=click.Path())
@blind_option
@unblind_option
def report(folder: str, blind: Windows, unblind: bool) -> None:
    """Write FOLDER/report.html: all that is in FOLDER, as one page to read, print and send.

    It needs no network and no other file. emusym run, test and limit write it too.
    With --blind it leaves out what was made before the window was hidden.
    """
    from eμsym.folder import ProcessedFolder
    from eμsym.report import write_report

    blind_if_asked(ProcessedFolder(Path(folder)), blind, unblind)
    click.echo(f"Report in {printable(str(write_report(folder)))}")


def report_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option of whether a report is written, on by default."""
    return click.option(
        "--report/--no-report",
        default=True,
        help="Also write report.html, one page of everything in the folder.  [report]",
    )(function)


def update_report(folder: Path, *, wanted: bool = True, shown: Path | None = None) -> str:
    """Write the report of a folder, or, not wanted, remove an earlier one: its numbers are gone.

    No report is worth a result: what keeps one from being written is told, and no error.

    Parameters
    ----------
    folder : Path
    wanted : bool
    shown : Path, optional
        What the folder will be called; default: as it is.

    Returns
    -------
    str
        What is to be said at the end; empty if there is nothing to say.
    """
    from eμsym.report import write_report
    from eμsym.report.report_file import REPORT_FILE, remove_page

    path = (shown or folder) / REPORT_FILE
    try:
        if wanted:
            write_report(folder)
            return f"Report in {path}"
        return f"Removed {path}, which was of earlier results" if remove_page(folder) else ""
    except EmusymError as error:
        reason = str(error).replace(str(folder), str(shown or folder))
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
    return f"! The report is left out: {reason}"


def say_report(line: str) -> None:
    """Print what `update_report` has returned."""
    if line:
        click.echo(printable(line))
