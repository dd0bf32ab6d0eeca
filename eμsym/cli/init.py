"""``emusym init``: a configuration and a fileset for files that are there."""

from __future__ import annotations

import click

from eμsym.cli.examples import examples


@click.command(
    short_help="Write a configuration and a fileset to start from.",
    epilog=examples("emusym init data", "emusym init 'data/*.root' -o study"),
)
@click.argument("inputs", metavar="FOLDER|FILE...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="NAME",
    default="study",
    show_default=True,
    help="Written are NAME.toml and NAME.json.",
)
def init(inputs: tuple[str, ...], output: str) -> None:
    """Write a commented configuration and a fileset for a folder of files.

    What format the files have is found from them. Each folder within FOLDER is a
    dataset, else files whose names differ by their number alone. Nothing is replaced.
    """
    from eμsym.errors import printable
    from eμsym.processors.new_study import new_study

    study = new_study(inputs, output)
    configuration, fileset = study.write(output)
    for name, each in study.fileset.items():
        n, entries = len(each["files"]), each["metadata"]["entries"]
        files = f"{n} file{'' if n == 1 else 's'}"
        click.echo(printable(f"{name}: {files}, {entries:,} events ({study.format})"))
    click.echo(printable(f"Written to {configuration} and {fileset}"))
    click.echo(
        printable(f"Fill in roles and cross sections there, then: emusym run {configuration}")
    )
