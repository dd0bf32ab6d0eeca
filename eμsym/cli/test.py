"""``emusym test``: the tests of the symmetry on a processed folder."""

from __future__ import annotations

from pathlib import Path

import click

from eμsym.cli.options import seed_option, style_option


@click.command()
@click.argument("folder", type=click.Path())
@click.option("--pair", help="Datasets that make up the pair, comma-separated.")
@style_option
@seed_option
def test(folder: str, pair: str | None, style: str, seed: int) -> None:
    """Compare eμ with μe in FOLDER, made by emusym process; add results and figures to it."""
    from eμsym.cli.analysis import analyse
    from eμsym.cli.report import print_cutflow, print_tests, print_written

    names = tuple(name.strip() for name in pair.split(",")) if pair else ()
    results = analyse(Path(folder), pair=names, style=style, seed=seed)
    print_cutflow(results)
    print_tests(results)
    print_written(Path(folder), results)
