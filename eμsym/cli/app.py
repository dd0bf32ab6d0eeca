"""The command ``emusym`` and its subcommands."""

from __future__ import annotations

import sys

import click

from eμsym import __version__
from eμsym.cli.check import check
from eμsym.cli.config import config
from eμsym.cli.examples import examples
from eμsym.cli.html_report import report
from eμsym.cli.init import init
from eμsym.cli.limit import limit
from eμsym.cli.process import process
from eμsym.cli.reproduce import reproduce
from eμsym.cli.run import run
from eμsym.cli.scan import scan
from eμsym.cli.simulate import simulate
from eμsym.cli.test import test
from eμsym.cli.toys import toys
from eμsym.exits import run_command


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("emusym run", "emusym run study.toml", "emusym limit --help"),
)
@click.version_option(__version__, prog_name="emusym")
def cli() -> None:
    """Are two samples, that a symmetry says are one, compatible?

    Compares events whose electron leads its muon (eμ) with events whose muon
    leads its electron (μe), from Delphes ROOT files to significances and figures.
    """


for command in (
    run,
    process,
    test,
    scan,
    limit,
    report,
    check,
    init,
    config,
    simulate,
    toys,
    reproduce,
):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors that the user can mend are one line and exit code 2.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the process.
    """
    if sys.flags.optimize > 1:
        click.echo(
            "emusym: error: PYTHONOPTIMIZE=2 (python -OO) takes away the texts that the commands' "
            "help and coffea are made of; unset it, or set it to 1",
            err=True,
        )
        sys.exit(2)
    run_command(cli, arguments, name="emusym", interrupted="no half-written result was left")
