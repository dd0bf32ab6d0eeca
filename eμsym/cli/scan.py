"""``emusym scan``: every region, every observable and plane, one global p-value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from eμsym.cli.options import (
    comma_separated,
    drawing_options,
    equalise_options,
    pair_option,
    take_equalisation,
)

if TYPE_CHECKING:
    from eμsym.scanning.options import ScanOptions

#: Options of the command that are those of a scan.
_SCAN = ("observables", "planes", "tests", "windows", "relabellings", "fewest", "seed")


def signal_and_events(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, float] | None:
    """Turn "hlfv_taue:190" into ("hlfv_taue", 190.0)."""
    from eμsym.errors import ConfigurationError

    if value is None:
        return None
    name, colon, number = value.rpartition(":")
    try:
        events = float(number)
    except ValueError:
        events = -1.0
    if not colon or not name or not 0 < events < float("inf"):
        raise ConfigurationError(f"--inject {value}: write SIGNAL:EVENTS, as in hlfv_taue:190")
    return name, events


@click.command(
    short_help="Every region and observable: one global p-value.",
    epilog=examples(
        "emusym scan emusym-output --observables m_coll,met,m_ll",
        "emusym scan emusym-output --freeze found.json",
    ),
)
@click.argument("source", metavar="FOLDER|CONFIG.toml", type=click.Path())
@click.option(
    "-c",
    "--config",
    "config_file",
    metavar="CONFIG.toml",
    help="Of a FOLDER: where its table [scan] says what is looked at.",
)
@click.option("--overwrite", is_flag=True, help="Of a CONFIG.toml: process again in any case.")
@pair_option
@click.option(
    "--observables",
    metavar="NAMES",
    callback=comma_separated,
    default="",
    help="Columns, comma-separated.  [all that the exchange leaves as they are]",
)
@click.option(
    "--planes",
    type=click.Choice(["all", "none"]),
    help="Planes of two observables.  [all]",
)
@click.option(
    "--tests",
    metavar="NAMES",
    callback=comma_separated,
    default="",
    help="Of nsigma, chi2, window and spline.  [all]",
)
@click.option(
    "--windows",
    type=click.Choice(["rectangle", "square"]),
    help="Windows of a plane.  [rectangle]",
)
@click.option("--relabellings", type=int, help="Draws of the labels, the same for all.  [1000]")
@click.option("--fewest", type=int, help="Events that a region holds at least.  [100]")
@equalise_options
@click.option(
    "--freeze",
    type=click.Path(),
    metavar="FILE.json",
    help="Write what was found there, for emusym test OTHER --confirm FILE.json.",
)
@click.option(
    "--findings",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many of the first entries are frozen, or confirmed.",
)
@click.option(
    "--explore",
    type=float,
    metavar="SHARE",
    help="Scan this share of the events, and confirm what is found with the others: 0.5.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    metavar="K",
    help="Confirm with each of K parts what the others show; combined by Bonferroni.",
)
@click.option(
    "--inject",
    metavar="SIGNAL:EVENTS",
    callback=signal_and_events,
    help="Also scan relabelled events with a signal, and say how often it comes first.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Scans with the signal.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Threads.  [as many as pay off]")
@click.option("--dask", metavar="local|ADDRESS", help="Run on Dask.")
@click.option("--seed", type=click.IntRange(min=0), help="Of everything that is drawn.  [20401]")
@drawing_options
@blind_option
@unblind_option
@report_option
def scan(
    source: str,
    config_file: str | None,
    overwrite: bool,
    style: Any,
    figure_width: Any,
    freeze: str | None,
    report: bool,
    blind: Windows,
    unblind: bool,
    **options: Any,
) -> None:
    """Compare A and B in every region and observable: one global p-value.

    FOLDER was made by emusym process; a CONFIG.toml is processed first, unless its
    output is there. One set of relabellings serves all entries (a region, an
    observable or a plane of two, and a test), so that the p-values which count all
    of them hold however they are correlated. Adds scan.json and figures.
    """
    from dataclasses import replace

    from eμsym.analysis.scan_request import ScanRequest
    from eμsym.cli.report_scan import print_scan
    from eμsym.cli.scan_job import run_scan
    from eμsym.files import require_possible
    from eμsym.plots.look import Look

    folder, table = _folder_and_table(source, config_file, overwrite)
    given = {name: options.pop(name) for name in _SCAN}
    chosen = {name: value for name, value in given.items() if value not in (None, ())}
    request = ScanRequest(
        options=replace(table, **chosen),
        equalisation=take_equalisation(options),
        **{name: value for name, value in options.items() if value is not None},
    )
    if freeze is not None:
        require_possible(freeze)
    blind_if_asked(folder, blind, unblind)
    found, problems = run_scan(folder, request, Look(style, figure_width), freeze=freeze)
    print_blinding(folder)
    print_scan(found, folder.path, problems, freeze)
    say_report(update_report(folder.path, wanted=report))


def _folder_and_table(
    source: str, config_file: str | None, overwrite: bool
) -> tuple[Any, ScanOptions]:
    """Return the processed folder, made if need be, and what its configuration says of scans."""
    from eμsym.cli.process import configured, process_into
    from eμsym.errors import ConfigurationError
    from eμsym.folder import ProcessedFolder, new_folder
    from eμsym.recipes import embedded_fileset

    if not source.lower().endswith(".toml"):
        table = configured(config_file, (), {}).scan
        if overwrite:
            raise ConfigurationError(
                f"{source}: --overwrite is of a CONFIG.toml, which is processed"
            )
        return ProcessedFolder(Path(source)), table
    if config_file is not None:
        raise ConfigurationError(f"{source}: is a configuration already; leave -c out")
    config = configured(source, (), {})
    folder = ProcessedFolder(Path(config.output))
    if overwrite or not folder.results_file.exists():
        from dataclasses import replace

        inputs = config.inputs or (str(embedded_fileset()),)
        with new_folder(config.output, overwrite=overwrite) as made:
            process_into(made, replace(config, inputs=inputs))
    return folder, config.scan
