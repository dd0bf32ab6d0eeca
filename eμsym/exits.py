"""How a command ends: what the user can mend is one line on standard error, and status 2."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import Any

import click

from eμsym.errors import EmusymError, printable
from eμsym.terminal import prepare_terminal

#: What asks a process to end: a kill, and a terminal or connection that is closed.
_POLITE = (signal.SIGTERM, signal.SIGHUP)


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
        What Ctrl-C, a polite kill, or the end of the terminal leaves behind.
    """
    if arguments is None:
        prepare_terminal()
    before = {number: signal.getsignal(number) for number in _POLITE}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _interrupt)
    try:
        command.main(arguments, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        with contextlib.suppress(OSError, EmusymError):
            error.show()
        sys.exit(error.exit_code)
    except EmusymError as error:
        _tell(f"{name}: error: {printable(str(error))}")
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        _tell(f"{name}: interrupted; {interrupted}")
        sys.exit(2)
    finally:
        for number, handler in before.items():
            if handler is not None:  # one that is not Python's
                signal.signal(number, handler)
        with contextlib.suppress(EmusymError):  # the first one has been told
            sys.stdout.flush()


def _tell(line: str) -> None:
    """Write a line to standard error; where that takes nothing, the status says it alone."""
    with contextlib.suppress(OSError, EmusymError):
        click.echo(line, err=True)


def _interrupt(signum: int, frame: Any) -> None:
    """Treat a polite kill like Ctrl-C, so that temporary folders are removed.

    Another one, of a batch system that asks twice, does not interrupt that.
    """
    for number in _POLITE:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
