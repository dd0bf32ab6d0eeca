"""``emusym limit``: upper limits on signals by CLs."""

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
from eμsym.cli.options import (
    comma_separated,
    drawing_options,
    equalise_options,
    pair_option,
    take_equalisation,
)


def relative_uncertainties(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, float]:
    """Turn ("luminosity=0.02",) into {"luminosity": 0.02}."""
    from eμsym.errors import ConfigurationError

    found: dict[str, float] = {}
    for text in values:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise ConfigurationError(
                f"--uncertainty {text}: write NAME=RELATIVE, such as luminosity=0.02"
            ) from None
    return found


def effects(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[str, str]]:
    """Turn ("scale=up:down",) into {"scale": ("up", "down")}."""
    from eμsym.errors import ConfigurationError

    found: dict[str, tuple[str, str]] = {}
    for text in values:
        name, _, pair = text.partition("=")
        up, _, down = pair.partition(":")
        if not (name.strip() and up.strip() and down.strip()):
            raise ConfigurationError(f"--shape {text}: write NAME=UP:DOWN, columns or datasets")
        found[name.strip()] = up.strip(), down.strip()
    return found


def numbers(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    """Turn "10,20" into (10.0, 20.0)."""
    from eμsym.errors import ConfigurationError

    if value is None:
        return None
    try:
        return tuple(float(x) for x in value.split(",") if x.strip())
    except ValueError:
        raise ConfigurationError(
            f"--luminosities {value}: write numbers with commas between, such as 10,20,140"
        ) from None


@click.command(
    short_help="Set upper limits on signals, by CLs.",
    epilog=examples(
        "emusym limit processed --signals hlfv_taue",
        "emusym limit processed --uncertainty luminosity=0.02",
    ),
)
@click.argument("folder", type=click.Path())
@pair_option
@click.option(
    "--signals",
    metavar="NAMES",
    callback=comma_separated,
    default="",
    help="Signal datasets.  [those not in the pair, and stored shapes]",
)
@equalise_options
@click.option("--cl", type=float, default=0.95, show_default=True, help="Confidence level.")
@click.option(
    "--luminosity",
    "luminosity_ifb",
    type=float,
    metavar="FB",
    help="Of the data, in fb⁻¹, for limits on σ × BR and BR.  [as the folder says]",
)
@click.option(
    "--uncertainty",
    "uncertainties",
    metavar="NAME=RELATIVE",
    multiple=True,
    callback=relative_uncertainties,
    help="Log-normal, of the limits on σ × BR and BR; cross_section of BR alone. May be repeated.",
)
@click.option(
    "--shape",
    "shapes",
    metavar="NAME=UP:DOWN",
    multiple=True,
    callback=effects,
    help="An effect on the signal's shape: columns with factors on its weights, or datasets.",
)
@click.option(
    "--method",
    type=click.Choice(["asymptotic", "poisson", "relabelled"]),
    default="asymptotic",
    show_default=True,
    help="By formulae, or by toys that draw counts or labels.",
)
@click.option(
    "--toys",
    type=click.IntRange(min=100),
    default=2000,
    show_default=True,
    help="Toys at each strength.",
)
@click.option(
    "--luminosities",
    metavar="FB,…",
    callback=numbers,
    help="Where the expected limit is told, in fb⁻¹.  [10,20,40,140]",
)
@click.option(
    "--branching-ratio",
    type=float,
    metavar="BR",
    help="Also tell the median Z that a signal of this one has at these luminosities.",
)
@click.option(
    "--region",
    "regions",
    metavar="NAME",
    multiple=True,
    help="Take the events of one of the configuration's regions alone; repeated, also one limit "
    "of these together, which share no event.  [all events]",
)
@click.option(
    "--interval",
    is_flag=True,
    help="Also give the interval with Feldman and Cousins' ordering, by toys.",
)
@click.option(
    "--together", is_flag=True, help="Also fit two signals together: contour and difference."
)
@click.option(
    "--with",
    "others",
    type=click.Path(),
    metavar="FOLDER",
    multiple=True,
    help="Also one limit of FOLDER and this one together, which share no event. May be repeated.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=20401, show_default=True, help="Of the toys."
)
@click.option("--pyhf", is_flag=True, help="Also write each likelihood as a pyhf workspace.")
@click.option(
    "--hepdata",
    type=click.Path(),
    metavar="NEW_FOLDER",
    help="Also write a submission to HEPData there (needs emusym[hepdata]).",
)
@drawing_options
@blind_option
@unblind_option
@report_option
def limit(
    folder: str,
    others: tuple[str, ...],
    pyhf: bool,
    hepdata: str | None,
    style: Any,
    figure_width: Any,
    report: bool,
    blind: Windows,
    unblind: bool,
    **options: Any,
) -> None:
    """Set upper limits on signals in FOLDER, made by emusym process; add them to it."""
    from eμsym.analysis.limit_options import LimitOptions
    from eμsym.cli.limit_job import combine, run_limits
    from eμsym.cli.report_limits import print_combined, print_limits
    from eμsym.folder import ProcessedFolder
    from eμsym.plots.look import Look

    options["equalisation"] = take_equalisation(options)
    given = {name: value for name, value in options.items() if value is not None}
    processed = ProcessedFolder(Path(folder))
    blind_if_asked(processed, blind, unblind)
    found, problems = run_limits(
        processed, LimitOptions(**given), Look(style, figure_width), pyhf=pyhf, hepdata=hepdata
    )
    print_blinding(processed)
    print_limits(found, Path(folder), problems)
    if others:
        together = combine(ProcessedFolder(Path(folder)), found, [Path(x) for x in others])
        print_combined(together, found.options.cl)
    say_report(update_report(Path(folder), wanted=report))
