"""``emusym test``: the tests of the symmetry on a processed folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eμsym.cli.html_report import report_option, say_report, update_report
from eμsym.cli.options import pair_option, testing_options


@click.command()
@click.argument("folder", type=click.Path())
@pair_option
@testing_options
@report_option
def test(folder: str, report: bool, **options: Any) -> None:
    """Compare the two samples in FOLDER, made by emusym process; add results and figures to it."""
    from eμsym.analysis.options import Tests
    from eμsym.cli.job import run_tests
    from eμsym.cli.report import print_cutflow, print_written
    from eμsym.cli.report_tests import print_tests
    from eμsym.folder import ProcessedFolder

    given = {name: value for name, value in options.items() if value is not None}
    style = given.pop("style")
    analysis, results = run_tests(ProcessedFolder(Path(folder)), Tests(**given), style)
    last = update_report(Path(folder), wanted=report)
    print_cutflow(analysis.cutflow)
    print_tests(results)
    print_written(Path(folder), results)
    say_report(last)
