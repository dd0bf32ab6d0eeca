"""``emusym process``: ROOT files to histograms, columns and a cutflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eμsym.cli.examples import examples
from eμsym.cli.options import processing_options

if TYPE_CHECKING:
    from eμsym.folder import ProcessedFolder
    from eμsym.processors.run_config import RunConfig


@click.command(
    short_help="Select events of files and split them in two.",
    epilog=examples(
        "emusym process fileset.json -o processed",
        "emusym process data.root --symmetry charge -o processed",
    ),
)
@click.argument("inputs", nargs=-1)
@click.option("-c", "--config", "config_file", help="TOML file with cuts, binnings and options.")
@processing_options
def process(
    inputs: tuple[str, ...], config_file: str | None, overwrite: bool, **options: Any
) -> None:
    """Select events of files and split them in two: eμ events by the leading lepton.

    INPUTS are fileset JSON files, ROOT or Parquet files, globs of them or folders;
    without any, the configuration says which. Delphes, NanoAOD, PHYSLITE or flat:
    what they are is found from the files.
    """
    from eμsym.analysis.yields import Cutflow
    from eμsym.cli.report import print_cutflow, print_resolution, print_written
    from eμsym.folder import ProcessedFolder, new_folder

    config = configured(config_file, inputs, options)
    with new_folder(config.output, overwrite=overwrite) as folder:
        results = process_into(folder, config)
    print_cutflow(Cutflow.of(ProcessedFolder(Path(config.output)).results()))
    print_resolution(results)
    print_written(Path(config.output), results)


def configured(
    config_file: str | None, inputs: tuple[str, ...], options: dict[str, Any]
) -> RunConfig:
    """Return the configuration: the file's, overridden by what the command line gives."""
    from dataclasses import replace

    from eμsym.processors.run_config import RunConfig, read_run_config

    config = read_run_config(config_file) if config_file else RunConfig()
    given = {name: value for name, value in options.items() if value is not None}
    if inputs:
        given["inputs"] = inputs
    if "symmetry" in given:
        given["processor"] = replace(config.processor, symmetry=given.pop("symmetry"))
    return replace(config, **given)


def process_into(folder: ProcessedFolder, config: RunConfig) -> dict[str, Any]:
    """Process what a configuration asks for and write it into an existing folder.

    Returns
    -------
    dict
        The content of ``results.json``.
    """
    import sys

    from eμsym.cli.stages import say_stage
    from eμsym.processors.fileset import read_fileset
    from eμsym.processors.folder import write_folder
    from eμsym.processors.normalisation import normalise, pair_datasets
    from eμsym.processors.runner import process as run_processor

    datasets = read_fileset(config.inputs, tree=config.tree, dataset=config.dataset)
    pair = pair_datasets(datasets, config.pair)
    n_files = sum(len(each.files) for each in datasets)
    say_stage(f"selecting events of {n_files:,} {'file' if n_files == 1 else 'files'}")
    parts = folder.path / ".parts"
    processed = run_processor(
        datasets,
        config.processor,
        workers=config.workers,
        dask=config.dask,
        chunksize=config.chunksize,
        allow_missing=config.allow_missing,
        spill=parts,
        progress=sys.stderr.isatty(),
        file_format=config.format,
    )
    normalisation = normalise(
        processed, luminosity_ifb=config.luminosity_ifb, allow_missing=config.allow_missing
    )
    say_stage("writing events and histograms")
    return write_folder(folder, processed, config.processor, normalisation, pair, parts)
