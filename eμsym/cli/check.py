"""``emusym check``: can these files be read, and if not, why not?"""

from __future__ import annotations

import click


@click.command()
@click.argument("inputs", nargs=-1, required=True)
@click.option("--tree", default="Delphes", show_default=True, help="Name of the tree.")
@click.option("--deep", is_flag=True, help="Read every needed value, not only the headers.")
def check(inputs: tuple[str, ...], tree: str, deep: bool) -> None:
    """Say whether files are Delphes files that can be processed.

    INPUTS are fileset JSON files, ROOT files, globs of them or folders.
    """
    from rich.console import Console
    from rich.text import Text

    from eμsym.errors import InputFileError, printable
    from eμsym.processors.fileset import read_fileset
    from eμsym.processors.inspection import inspect_datasets, read_whole_file

    console = Console(highlight=False, soft_wrap=True)
    datasets = read_fileset(inputs, tree=tree)
    reports = inspect_datasets(datasets)
    if deep:
        reports = [read_whole_file(report) for report in reports]
    for report in reports:
        if report.ok:
            how = "all needed values read" if deep else "tree and branches found"
            some = "" if report.steps is None else f" of which {report.asked:,} are asked for,"
            line = f"{report.path}: {report.entries:,} events,{some} {how}"
        else:
            line = str(report.problem)
        word = Text("ok  ", "green") if report.ok else Text("bad ", "red")
        console.print(Text.assemble(word, " ", printable(line)))
    n_bad = sum(not report.ok for report in reports)
    if n_bad:
        raise InputFileError(f"{n_bad} of {len(reports)} file(s) cannot be processed, see above")
