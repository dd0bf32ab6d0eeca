"""The command ``emusym``: its subcommands, and how errors reach the user."""

from __future__ import annotations

import signal
import sys
from typing import Any

import click

from eμsym import __version__
from eμsym.cli.check import check
from eμsym.cli.process import process
from eμsym.cli.reproduce import reproduce
from eμsym.cli.run import run
from eμsym.cli.simulate import simulate
from eμsym.cli.test import test
from eμsym.cli.toys import toys
from eμsym.errors import EmusymError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="emusym")
def cli() -> None:
    """Are two samples, that a symmetry says are one, compatible?

    Compares events whose electron leads its muon (eμ) with events whose muon
    leads its electron (μe), from Delphes ROOT files to significances and figures.
    Start with: emusym run
    """


for command in (run, process, test, check, simulate, toys, reproduce):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors that the user can mend are one line and exit code 2.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the process.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        cli.main(arguments, prog_name="emusym", standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except EmusymError as error:
        click.echo(f"emusym: error: {error}", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("emusym: interrupted; no half-written result was left", err=True)
        sys.exit(2)


def _interrupt(signum: int, frame: Any) -> None:
    """Treat a polite kill like Ctrl-C, so that temporary folders are removed."""
    raise KeyboardInterrupt
