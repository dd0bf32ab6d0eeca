"""``emusym test``: the tests of the symmetry on a processed folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eμsym.cli.blinding import (
    Windows,
    blind_if_asked,
    blind_option,
    print_blinding,
    unblind_option,
)
from eμsym.cli.examples import examples
from eμsym.cli.html_report import report_option, say_report, update_report
from eμsym.cli.options import pair_option, take_equalisation, testing_options


@click.command(
    short_help="Compare the two samples of a folder.",
    epilog=examples(
        "emusym test processed", "emusym test processed --columns m_coll,lead_pt --overwrite"
    ),
)
@click.argument("folder", type=click.Path())
@pair_option
@click.option(
    "--confirm",
    type=click.Path(),
    metavar="FILE.json",
    help="Test what emusym scan --freeze found in other events, and nothing else, with no trials "
    "factor.",
)
@testing_options
@click.option("--overwrite", is_flag=True, help="Drop the results of earlier tests in FOLDER.")
@blind_option
@unblind_option
@report_option
def test(
    folder: str,
    confirm: str | None,
    report: bool,
    overwrite: bool,
    blind: Windows,
    unblind: bool,
    **options: Any,
) -> None:
    """Compare the two samples in FOLDER, made by emusym process; add results and figures to it.

    Results of earlier tests are kept beside the new ones, unless --overwrite is given.
    """
    if confirm is not None:
        if blind or unblind:
            raise click.UsageError("--blind and --unblind do not go with --confirm")
        _confirm(folder, confirm, options)
        return
    from eμsym.analysis.options import Tests
    from eμsym.cli.job import run_tests
    from eμsym.cli.report import print_cutflow, print_written
    from eμsym.cli.report_tests import print_tests
    from eμsym.folder import ProcessedFolder
    from eμsym.plots.look import Look

    options["equalisation"] = take_equalisation(options)
    given = {name: value for name, value in options.items() if value is not None}
    style = Look(given.pop("style"), given.pop("figure_width"))
    tests, processed = Tests(**given), ProcessedFolder(Path(folder))
    blind_if_asked(processed, blind, unblind)
    content = processed.content()
    earlier = [*content.get("earlier_tests", ()), *([content["tests"]] if content["tests"] else ())]
    analysis, results = run_tests(processed, tests, style)
    if earlier:
        results = processed.update_results(earlier_tests=[] if overwrite else earlier)
    last = update_report(Path(folder), wanted=report)
    print_cutflow(analysis.cutflow)
    print_blinding(processed)
    print_tests(results)
    print_written(Path(folder), results)
    if earlier and not overwrite:
        click.echo(
            f"Kept: {len(earlier)} earlier tests, as earlier_tests in results.json (--overwrite "
            "drops them); figures are of the last"
        )
    say_report(last)


def _confirm(folder: str, findings: str, options: dict[str, Any]) -> None:
    """Test what a scan of other events has found, corrected as it was there."""
    from click.core import ParameterSource

    from eμsym.analysis.problem import Problem
    from eμsym.analysis.scanned import confirm_folder
    from eμsym.cli.report_scan import print_confirmation
    from eμsym.cli.tables import plain_console
    from eμsym.errors import ConfigurationError
    from eμsym.folder import ProcessedFolder
    from eμsym.scanning.findings import Frozen

    context = click.get_current_context()
    known = ("folder", "confirm", "pair", "permutations", "seed")
    for name in options:
        given = context.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)
        if given and name not in known:
            option = "--" + name.replace("_", "-")
            raise ConfigurationError(
                f"{option} does not go with --confirm: what is tested, and how it is corrected, "
                f"stands in {findings}"
            )
    processed = ProcessedFolder(Path(folder))
    found, correction = confirm_folder(
        processed,
        Frozen.read(findings),
        datasets=options["pair"] or (),
        relabellings=max(options["permutations"], 1000),
        seed=options["seed"],
    )
    processed.update_results(confirmed={"findings": str(findings), **found.to_dict()})
    names = processed.results().label_rule.names
    print_confirmation(found, f"Findings of {findings}", names)
    if not isinstance(correction, str):
        why = f": {correction.reason}" if isinstance(correction, Problem) else ""
        plain_console().print(f"[yellow]![/] not corrected for the detector{why}")
    plain_console().print(f"Results in {Path(folder) / 'results.json'}")
