"""``emusym test``: the tests of the symmetry on a processed folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eμsym.cli.examples import examples
from eμsym.cli.html_report import report_option, say_report, update_report
from eμsym.cli.options import pair_option, testing_options


@click.command(
    short_help="Compare the two samples of a folder.",
    epilog=examples(
        "emusym test processed", "emusym test processed --columns m_coll,lead_pt --overwrite"
    ),
)
@click.argument("folder", type=click.Path())
@pair_option
@testing_options
@click.option("--overwrite", is_flag=True, help="Replace the results of earlier tests in FOLDER.")
@report_option
def test(folder: str, report: bool, overwrite: bool, **options: Any) -> None:
    """Compare the two samples in FOLDER, made by emusym process; add results and figures to it.

    Results of earlier tests stay, and nothing is done, unless --overwrite is given.
    """
    from eμsym.analysis.options import Tests
    from eμsym.cli.job import run_tests
    from eμsym.cli.report import print_cutflow, print_written
    from eμsym.cli.report_tests import print_tests
    from eμsym.errors import OutputError
    from eμsym.folder import ProcessedFolder

    given = {name: value for name, value in options.items() if value is not None}
    style = given.pop("style")
    tests, processed = Tests(**given), ProcessedFolder(Path(folder))
    if processed.results().tests and not overwrite:
        raise OutputError(
            f"{folder}: holds results of earlier tests; give --overwrite to replace them, or "
            "process into another folder"
        )
    analysis, results = run_tests(processed, tests, style)
    last = update_report(Path(folder), wanted=report)
    print_cutflow(analysis.cutflow)
    print_tests(results)
    print_written(Path(folder), results)
    say_report(last)
