"""Options that several subcommands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from eμsym.errors import ConfigurationError

if TYPE_CHECKING:
    from eμsym.analysis.correction import Equalisation

#: Names of the options that `testing_options` adds.
TESTING = (
    "region",
    "equalisation",
    "signals",
    "windows",
    "minimizer",
    "pyhf",
    "columns",
    "symmetrized",
    "epochs",
    "permutations",
    "max_permutations",
    "seed",
    "style",
    "figure_width",
)
STYLE_NAMES = ("neutral", "ATLAS", "CMS", "LHCb", "ALICE")
WIDTH_NAMES = ("screen", "column", "page")


def only_with_recompute(recompute: bool, options: Mapping[str, Any]) -> None:
    """Refuse options, by their names and values, that stored results have no use for.

    Raises
    ------
    ConfigurationError
        If one is given, that is not None, without ``--recompute``.
    """
    for option, value in options.items():
        if value is not None and not recompute:
            raise ConfigurationError(f"{option} is of use only with --recompute")


def comma_separated(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Turn "a, b" into ("a", "b"), nothing into None and an empty text into ()."""
    if value is None:
        return None
    return tuple(name.strip() for name in value.split(",") if name.strip())


def numbers(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[float, ...] | None:
    """Turn "1.37, 1.52" into (1.37, 1.52) and nothing into None."""
    texts = comma_separated(context, parameter, value)
    try:
        return None if texts is None else tuple(float(text) for text in texts)
    except ValueError:
        raise ConfigurationError(
            f"{parameter.opts[0]} {value}: write numbers, such as 1.37,1.52"
        ) from None


def ranges(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[float, float]]:
    """Turn ("m_coll=110:140",) into {"m_coll": (110.0, 140.0)}."""
    option = parameter.opts[0]
    result: dict[str, tuple[float, float]] = {}
    for text in values:
        column, _, edges = text.partition("=")
        try:
            low, high = (float(edge) for edge in edges.split(":"))
        except ValueError:
            raise ConfigurationError(
                f"{option} {text}: write COLUMN=LOW:HIGH, such as m_coll=110:140"
            ) from None
        if column.strip() in result:
            raise ConfigurationError(
                f"{option} {text}: {column.strip()} has a range already; events inside "
                "all ranges are left out, give one for each column"
            )
        result[column.strip()] = (low, high)
    return result


pair_option = click.option(
    "--pair",
    metavar="NAMES",
    callback=comma_separated,
    help="Datasets that make up the pair, comma-separated.  [the data if any, else all]",
)


def processing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `eμsym.processors.runner.process`."""
    options = [
        click.option("-o", "--output", type=click.Path(), help="Folder for the results."),
        click.option("--overwrite", is_flag=True, help="Replace earlier results in that folder."),
        click.option("--tree", help="Name of the tree, where no fileset says it.  [the format's]"),
        click.option("--dataset", help="What to call files given without a fileset.  [data]"),
        click.option(
            "--symmetry",
            metavar="NAME",
            help="What is exchanged: leading, charge, flavour, lepton_jet or forward_backward; "
            "your own in a configuration.  [leading]",
        ),
        pair_option,
        click.option(
            "--luminosity",
            "luminosity_ifb",
            type=float,
            metavar="FB",
            help="Scale simulated datasets to this integrated luminosity, in fb⁻¹.",
        ),
        click.option("--workers", type=int, help="Processes.  [as many as pay off]"),
        click.option("--dask", metavar="local|ADDRESS", help="Run on Dask."),
        click.option("--chunksize", type=int, help="Events in memory at a time.  [250000]"),
        click.option(
            "--allow-missing",
            is_flag=True,
            default=None,
            help="Go on without what cannot be read; say what, and correct the normalisation.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def equalise_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `eμsym.analysis.correction.Equalisation`."""
    options = [
        click.option(
            "--equalise",
            metavar="self|none|FILE.json",
            help="Take the detector's e/μ difference out: as the pair itself shows it, or as a "
            "correctionlib file has it.  [self; none where that cannot be done, and says so]",
        ),
        click.option(
            "--equalise-exclude",
            "exclude",
            metavar="COLUMN=LOW:HIGH",
            multiple=True,
            callback=ranges,
            help="Window that the self-calibration leaves out, so that it takes no signal there "
            "for the detector's doing: m_coll=110:140. Given again: what is inside all of them.",
        ),
        click.option(
            "--equalise-by",
            "by",
            metavar="COLUMN",
            help="Column of few values, which trigger fired or a run period: each class of events "
            "gets an r of its own.",
        ),
        click.option(
            "--equalise-edges",
            "abseta_edges",
            metavar="NUMBERS",
            callback=numbers,
            help="Where r may jump in |η|, comma-separated.  [by format: 1.5 of Delphes, "
            "1.4442,1.566 of NanoAOD, 1.37,1.52 of PHYSLITE, all of these of flat files]",
        ),
        click.option(
            "--equalise-pt-edges",
            "pt_edges",
            metavar="NUMBERS",
            callback=numbers,
            help="Where r may jump in pT, in GeV, comma-separated: thresholds of triggers.",
        ),
        click.option(
            "--equalise-signed-eta",
            "signed_eta",
            is_flag=True,
            help="Let r differ between η and −η.",
        ),
        click.option(
            "--equalise-given",
            "given",
            metavar="FILE.json",
            help="Efficiencies on top of which r is fitted, such as those of pairs that an OR of "
            "triggers leaves: a correctionlib file.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def take_equalisation(options: dict[str, Any]) -> Equalisation:
    """Take what `equalise_options` added out of the options of a command, as one.

    Raises
    ------
    InputFileError, ConfigurationError
        If it is no correction.
    """
    from eμsym.analysis.correction import Equalisation

    names = ("exclude", "by", "abseta_edges", "pt_edges", "signed_eta", "given")
    how = options.pop("equalise")
    given = {name: options.pop(name) for name in names}
    return Equalisation(how, **{name: x for name, x in given.items() if x is not None})


def drawing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of how figures look."""
    style = click.option(
        "--style",
        type=click.Choice(STYLE_NAMES, case_sensitive=False),
        default="neutral",
        show_default=True,
        help="Look of the figures; an experiment's also writes its label.",
    )
    width = click.option(
        "--figure-width",
        type=click.Choice(WIDTH_NAMES, case_sensitive=False),
        default="screen",
        show_default=True,
        help="Of the figures: one or two of a journal's columns, or as a screen has room.",
    )
    return style(width(function))


def testing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `eμsym.analysis.options.Tests`, and the figures' style."""
    options: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
        click.option(
            "--region",
            metavar="NAME",
            help="Test one of the configuration's regions alone.  [all events]",
        ),
        click.option(
            "--signals",
            metavar="NAMES",
            callback=comma_separated,
            default="",
            help="Signal datasets to test with q0.  [those not in the pair, and stored shapes]",
        ),
        click.option(
            "--windows",
            type=click.Choice(["square", "rectangle"]),
            default="square",
            show_default=True,
            help="Windows of the plane that are scanned.",
        ),
        click.option(
            "--minimizer",
            type=click.Choice(["minuit", "newton"]),
            default="minuit",
            show_default=True,
            help="For q0; minuit also gives the MINOS interval and the profile of μ.",
        ),
        click.option(
            "--pyhf",
            is_flag=True,
            help="Also write the whole likelihood of each signal as a pyhf workspace.",
        ),
        click.option(
            "--columns",
            metavar="NAMES",
            callback=comma_separated,
            default="",
            help="What the unbinned tests look at: splines at one column, the subspace test at "
            "several. The network takes GeV in units of 100 GeV.  [splines and network: m_coll; "
            "subspaces: m_coll, lead_pt, sub_pt, met, mt_sub]",
        ),
        click.option(
            "--symmetrized",
            is_flag=True,
            help="Train the network of the symmetrized test, beside the quick tests; says first "
            "how long it will take.",
        ),
        click.option(
            "--epochs",
            type=click.IntRange(min=1),
            default=500_000,
            show_default=True,
            help="Epochs of each training of the network.",
        ),
        click.option(
            "--permutations",
            type=click.IntRange(min=1),
            default=200,
            show_default=True,
            help="Relabellings for the nulls of all tests, the same for each.",
        ),
        click.option(
            "--max-permutations",
            type=click.IntRange(min=1),
            help="Five times as many as long as a p-value is small, up to this.  [five times; with "
            "the network no more]",
        ),
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            default=20401,
            show_default=True,
            help="Seed of everything that is drawn; the same seed gives the same bits.",
        ),
        drawing_options,
    ]
    first, *others = options
    for option in reversed(others):
        function = option(function)
    return first(equalise_options(function))
