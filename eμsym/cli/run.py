"""``emusym run``: the whole chain, from ROOT files to the answer and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eμsym.cli.blinding import Windows, blind_if_asked, blind_option, print_blinding
from eμsym.cli.examples import examples
from eμsym.cli.html_report import report_option, say_report, update_report
from eμsym.cli.options import TESTING, processing_options, take_equalisation, testing_options


@click.command(
    short_help="Process, test and draw: the whole chain.",
    epilog=examples(
        "emusym run",
        "emusym run study.toml --overwrite",
        "emusym run fileset.json -o results --luminosity 20",
        "emusym run study.toml --blind m_coll=110:140",
    ),
)
@click.argument("arguments", metavar="[CONFIG.toml] [FILE]...", nargs=-1)
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    help="Fileset JSON, ROOT file, glob or folder; may be given again.",
)
@processing_options
@testing_options
@blind_option
@report_option
def run(
    arguments: tuple[str, ...],
    inputs: tuple[str, ...],
    overwrite: bool,
    blind: Windows,
    report: bool,
    **options: Any,
) -> None:
    """Process, test and draw: the whole chain.

    FILEs are fileset JSON files, ROOT files, globs of them or folders, as after -i.
    Without them and a configuration it runs on the sample of genuine Delphes files
    that comes with the package.
    """
    from dataclasses import replace

    from eμsym.analysis.options import Tests
    from eμsym.cli.job import run_tests
    from eμsym.cli.process import configured, process_into
    from eμsym.cli.report import print_cutflow, print_written
    from eμsym.cli.report_tests import print_tests
    from eμsym.folder import ProcessedFolder, new_folder
    from eμsym.plots.look import Look
    from eμsym.recipes import embedded_fileset

    # Before the work: minutes of it must not end at a correction file that is none.
    options["equalisation"] = take_equalisation(options)
    testing = {name: options.pop(name) for name in TESTING}
    style = Look(testing.pop("style"), testing.pop("figure_width"))
    tests = Tests(**testing)
    config_file, files = _config_and_files(arguments)
    config = configured(config_file, (*files, *inputs), options)
    if not config.inputs:
        config = replace(config, inputs=(str(embedded_fileset()),))
    with new_folder(config.output, overwrite=overwrite) as folder:
        process_into(folder, config)
        blind_if_asked(folder, blind)
        analysis, results = run_tests(folder, replace(tests, pair=config.pair), style)
        last = update_report(folder.path, wanted=report, shown=Path(config.output))
    print_cutflow(analysis.cutflow)
    print_blinding(ProcessedFolder(Path(config.output)))
    print_tests(results)
    print_written(Path(config.output), results)
    say_report(last)


def _config_and_files(arguments: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """Tell the configuration, of which there is one at most, from the files to process."""
    from eμsym.errors import ConfigurationError

    configs = [item for item in arguments if item.lower().endswith(".toml")]
    if len(configs) > 1:
        raise ConfigurationError(f"{configs[1]}: a second configuration; give one")
    files = tuple(item for item in arguments if item not in configs)
    return (configs[0] if configs else None), files
