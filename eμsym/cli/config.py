"""``emusym config``: every key of a configuration, with its meaning and its default."""

from __future__ import annotations

import click

from eμsym.cli.examples import examples


@click.command(
    short_help="Print a configuration file to start from.",
    epilog=examples("emusym config > study.toml"),
)
def config() -> None:
    """Print every key of a configuration file, as a file to start from."""
    from eμsym.processors.reference import reference

    click.echo(reference(), nl=False)
