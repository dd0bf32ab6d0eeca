"""``emusym test``: the tests of the symmetry on a processed folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eμsym.cli.options import pair_option, testing_options


@click.command()
@click.argument("folder", type=click.Path())
@pair_option
@testing_options
def test(folder: str, **options: Any) -> None:
    """Compare eμ with μe in FOLDER, made by emusym process; add results and figures to it."""
    from eμsym.cli.analysis import Tests, analyse
    from eμsym.cli.report import print_cutflow, print_tests, print_written

    given = {name: value for name, value in options.items() if value is not None}
    results = analyse(Path(folder), Tests(**given))
    print_cutflow(results)
    print_tests(results)
    print_written(Path(folder), results)
