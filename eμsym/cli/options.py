"""Options that several subcommands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

STYLE_NAMES = ("neutral", "ATLAS", "CMS", "LHCb", "ALICE")


def processing_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `eμsym.processors.runner.process`."""
    options = [
        click.option("-o", "--output", type=click.Path(), help="Folder for the results."),
        click.option("--overwrite", is_flag=True, help="Replace earlier results in that folder."),
        click.option("--tree", help="Name of the tree, where no fileset says it.  [Delphes]"),
        click.option("--dataset", help="What to call files given without a fileset.  [data]"),
        click.option("--pair", help="Datasets that make up the pair, comma-separated."),
        click.option(
            "--luminosity",
            "luminosity_ifb",
            type=float,
            metavar="FB",
            help="Scale simulated datasets to this integrated luminosity, in fb⁻¹.",
        ),
        click.option("--workers", type=int, help="Processes.  [as many as pay off]"),
        click.option("--dask", metavar="local|ADDRESS", help="Run on Dask."),
        click.option("--chunksize", type=int, help="Events in memory at a time.  [100000]"),
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


def seed_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--seed``."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=20401,
        show_default=True,
        help="Seed of everything that is drawn; the same seed gives the same bits.",
    )(function)


def style_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--style``."""
    return click.option(
        "--style",
        type=click.Choice(STYLE_NAMES, case_sensitive=False),
        default="neutral",
        show_default=True,
        help="Look of the figures; an experiment's also writes its label.",
    )(function)
