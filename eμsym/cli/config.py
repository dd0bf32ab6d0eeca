"""``emusym config``: every key of a configuration, with its meaning and its default."""

from __future__ import annotations

import click


@click.command()
def config() -> None:
    """Print every key of a configuration file, as a file to start from.

    For example: emusym config > study.toml
    """
    from eμsym.processors.reference import reference

    click.echo(reference(), nl=False)
