"""``emusym run``: the whole chain, from ROOT files to the answer and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eμsym.cli.options import TESTING, processing_options, testing_options


@click.command()
@click.argument("config_file", metavar="[CONFIG.toml]", required=False)
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    help="Fileset JSON, ROOT file, glob or folder; may be given again.",
)
@processing_options
@testing_options
def run(
    config_file: str | None,
    inputs: tuple[str, ...],
    overwrite: bool,
    **options: Any,
) -> None:
    """Process, test and draw: the whole chain.

    Without a configuration and inputs it runs on the sample of genuine Delphes
    files that comes with the package.
    """
    from dataclasses import replace

    from eμsym.analysis.options import Tests
    from eμsym.cli.job import run_tests
    from eμsym.cli.process import configured, process_into
    from eμsym.cli.report import print_cutflow, print_tests, print_written
    from eμsym.folder import new_folder
    from eμsym.recipes import embedded_fileset

    testing = {name: options.pop(name) for name in TESTING}
    style = testing.pop("style")
    tests = Tests(**testing)
    config = configured(config_file, inputs, options)
    if not config.inputs:
        config = replace(config, inputs=(str(embedded_fileset()),))
    with new_folder(config.output, overwrite=overwrite) as folder:
        process_into(folder, config)
        analysis, results = run_tests(folder, replace(tests, pair=config.pair), style)
    print_cutflow(analysis.cutflow)
    print_tests(results)
    print_written(Path(config.output), results)
