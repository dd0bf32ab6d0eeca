"""``emusym check``: can these files be read, and if not, why not?"""

from __future__ import annotations

import click

from eμsym.cli.examples import examples


@click.command(
    short_help="Say whether files can be processed, and as what.",
    epilog=examples("emusym check fileset.json --deep"),
)
@click.argument("inputs", nargs=-1, required=True)
@click.option("-c", "--config", "config_file", help="TOML file that says how files are read.")
@click.option("--tree", default="", help="Name of the tree.  [the format's]")
@click.option("--deep", is_flag=True, help="Read every needed value, not only the headers.")
def check(inputs: tuple[str, ...], config_file: str | None, tree: str, deep: bool) -> None:
    """Say of what format files are, and whether they can be processed.

    INPUTS are fileset JSON files, ROOT or Parquet files, globs of them or folders.
    """
    from rich.console import Console
    from rich.text import Text

    from eμsym.errors import InputFileError, printable
    from eμsym.processors.emu import SymmetryProcessor
    from eμsym.processors.fileset import read_fileset
    from eμsym.processors.find_format import find_format
    from eμsym.processors.inspection import inspect_datasets, read_whole_file
    from eμsym.processors.run_config import RunConfig, read_run_config

    console = Console(highlight=False, soft_wrap=True)
    datasets = read_fileset(inputs, tree=tree)
    config = read_run_config(config_file) if config_file else RunConfig()
    found = find_format(datasets, config.format)
    processor = SymmetryProcessor(config.processor, found)
    wanted = processor.file_format, processor.wanted
    reports = inspect_datasets(datasets, *wanted)
    if deep:
        reports = [read_whole_file(each, config.chunksize, *wanted) for each in reports]
    for report in reports:
        if report.ok:
            how = "all needed values read" if deep else "tree and branches found"
            some = "" if report.steps is None else f" of which {report.asked:,} are asked for,"
            said = [f"{report.entries:,} events ({found.name}),{some} {how}", *report.notes]
            line = f"{report.path}: {'; '.join(said)}"
        else:
            line = str(report.problem)
        word = Text("ok  ", "green") if report.ok else Text("bad ", "red")
        console.print(Text.assemble(word, " ", printable(line)))
    n_bad = sum(not report.ok for report in reports)
    if n_bad:
        raise InputFileError(f"{n_bad} of {len(reports)} file(s) cannot be processed, see above")
