"""``emusym toys``: a study's toys, kept as they are done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eμsym.cli.examples import examples

if TYPE_CHECKING:
    from eμsym.studies import StudyResults


@click.command(
    short_help="Run a study: draw its toys, test each, keep it at once.",
    epilog=examples("emusym toys study.toml", "emusym toys --merge job0 job1 -o merged"),
)
@click.argument("paths", nargs=-1, required=True, metavar="STUDY.toml | --merge STORES…")
@click.option(
    "-o", "--output", type=click.Path(), help="The store, a folder.  [the study's file, no ending]"
)
@click.option("--merge", is_flag=True, help="Put stores of one study together into --output.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes or threads.  [all cores, if it pays]"
)
@click.option("--dask", metavar="local|ADDRESS", help="Run on Dask.")
@click.option(
    "--job",
    type=click.IntRange(min=0),
    default=0,
    help="Do only every --jobs-th toy, from this one on; the first is 0.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Jobs that share the toys.")
@click.option(
    "--any-version",
    is_flag=True,
    help="Go on with toys that other versions of the packages made.",
)
def toys(paths: tuple[str, ...], output: str | None, merge: bool, **options: Any) -> None:
    """Run a study: draw its toys, test each, and keep it at once.

    Killed at any moment, the same command goes on with what is missing, and ends
    with the same bytes. STUDY.toml says which toys and tests; a study may later
    be given more toys. The result is OUTPUT/toys.parquet, a line a toy and test.
    """
    from eμsym.errors import ConfigurationError
    from eμsym.studies import merge_stores, read_study, run_study

    if merge:
        if output is None:
            raise ConfigurationError("--merge: name the folder of the merged store with -o")
        results = merge_stores(paths, output)
    else:
        if len(paths) > 1:
            raise ConfigurationError(f"{len(paths)} studies: give one, or --merge stores")
        folder = Path(paths[0]).with_suffix("") if output is None else Path(output)
        output = str(folder)
        results = run_study(read_study(paths[0]), folder, **options)
    for note in results.notes:
        click.echo(f"emusym: note: {note}", err=True)
    _print_results(results, Path(output))


def _print_results(results: StudyResults, folder: Path) -> None:
    from rich.markup import escape

    from eμsym.cli.tables import plain_console, plain_table, print_table

    console, table = plain_console(), plain_table(padding=0)
    for heading in ("row", "source", "test"):
        table.add_column(heading, no_wrap=True)
    for heading in ("toys", "median t", "16–84 %", "95 %", "χ² median", "16–84 %", "95 %"):
        table.add_column(heading, justify="right", no_wrap=True)
    lines = results.summary()
    troubles = [name for name in ("diverged", "failed") if any(line[name] for line in lines)]
    for heading in troubles:
        table.add_column(heading, justify="right")
    for line in lines:
        chi2 = _quantiles(line["chi2_quantiles"])
        if line["dof"] is not None and chi2[0]:
            chi2[0] = f"{chi2[0]} ({line['dof']})"
        table.add_row(
            *(escape(line[name]) for name in ("row", "source", "test")),
            f"{line['done']:,}" + ("" if line["done"] == line["toys"] else f"/{line['toys']:,}"),
            *_quantiles(line["quantiles"]),
            *chi2,
            *(str(line[name]) for name in troubles),
        )
    print_table(f"{escape(results.study.name)}: test statistics t, beside χ² (dof)", table)
    for name, given in results.inputs.items():
        events = " + ".join(f"{n:,}" for n in given["events"])
        distinct = " + ".join(f"{n:,}" for n in given["distinct"])
        drawn = f"draws from {events} events, {distinct} of them different."
        console.print(f"Row {escape(name)} {drawn}")
    failed = sum(line["failed"] for line in lines)
    if failed:
        console.print(f"[yellow]![/] {escape(_failures(results, failed))}")
    if results.complete:
        console.print(escape(f"All {results.done:,} toys are in {folder / 'toys.parquet'}"))
    else:
        left = results.study.toys - results.done
        console.print(escape(f"{results.done:,} toys are in {folder}; {left:,} are missing"))


def _quantiles(values: list[float] | None) -> list[str]:
    if values is None:
        return ["", "", ""]
    median, low, high, top = (f"{value:.1f}" for value in values)
    return [median, f"{low}–{high}", top]


def _failures(results: StudyResults, failed: int) -> str:
    first = next(
        line
        for line in results.table.select(["row", "toy", "test", "problem"])
        .filter(results.table["problem"].is_valid())
        .to_pylist()
    )
    return (
        f"{failed:,} tests failed and are in no quantile; the first: toy {first['toy']} of "
        f"{first['row']}, {first['test']}: {first['problem']}"
    )
