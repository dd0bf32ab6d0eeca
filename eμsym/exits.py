"""How a command ends: what the user can mend is one line on standard error, and status 2."""

from __future__ import annotations

import signal
import sys
from typing import Any

import click

from eμsym.errors import EmusymError, printable


def run_command(
    command: click.Command, arguments: list[str] | None, *, name: str, interrupted: str
) -> None:
    """Run a command line of click's to its end.

    Parameters
    ----------
    command : click.Command
    arguments : list of str or None
        None: those of the process.
    name : str
        What an error begins with.
    interrupted : str
        What Ctrl-C, or a polite kill, leaves behind.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        command.main(arguments, prog_name=name, standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except EmusymError as error:
        click.echo(f"{name}: error: {printable(str(error))}", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"{name}: interrupted; {interrupted}", err=True)
        sys.exit(2)


def _interrupt(signum: int, frame: Any) -> None:
    """Treat a polite kill like Ctrl-C, so that temporary folders are removed."""
    raise KeyboardInterrupt
