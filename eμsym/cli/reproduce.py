"""``emusym reproduce``: the papers' figures and numbers, ours beside the published ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from eμsym.cli.examples import examples
from eμsym.cli.options import STYLE_NAMES
from eμsym.errors import ConfigurationError
from eμsym.papers.catalogue import CATALOGUE, EQUALISATION, SAMPLES
from eμsym.papers.registry import Option, Reproducible


class _Figures(click.Group):
    """A group whose unknown subcommand is answered by the list of those there are."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise ConfigurationError(f"no figure {args[0]!r}; there are {self.listed}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the papers' order, not by the alphabet

    @property
    def listed(self) -> str:
        return ", ".join(self.commands)


@click.group(
    cls=_Figures,
    invoke_without_command=True,
    subcommand_metavar="FIGURE [OPTIONS]",
    short_help="Draw a figure of the papers, our numbers beside theirs.",
    epilog=examples("emusym reproduce ddp-numbers", "emusym reproduce sym-numbers -o reproduced"),
)
@click.pass_context
def reproduce(ctx: click.Context) -> None:
    """Draw a figure of the papers from stored results; print our numbers beside theirs.

    The ddp figures are those of arXiv:2203.07529, the sym figures those of
    arXiv:2401.09530. 'emusym reproduce templates' makes the T and S that the ddp
    figures start from, of your own processed files. 'emusym reproduce samples'
    compares simulated samples with genuine Delphes files, and 'emusym reproduce
    equalisation' shows what correcting for the detector costs.
    """
    if ctx.invoked_subcommand is None:
        raise ConfigurationError(f"which figure? there are {ctx.command.listed}")  # type: ignore[attr-defined]


def command_of(entry: Reproducible) -> click.Command:
    """Return the subcommand that reproduces an entry of the papers.

    Parameters
    ----------
    entry : Reproducible
        Of the catalogue, or of one's own.
    """

    def command(output: str, style: str, recompute: bool = False, **options: Any) -> None:
        from eμsym.cli.reproduced import reproduce_entry

        reproduce_entry(entry, output=output, style=style, recompute=recompute, options=options)

    return click.Command(
        entry.name,
        callback=command,
        params=list(_parameters(entry)),
        help=entry.about or entry.what,
        short_help=entry.what,
        epilog=examples(f"emusym reproduce {entry.name}"),
    )


def _parameters(entry: Reproducible) -> Iterator[click.Option]:
    yield click.Option(
        ["-o", "--output"],
        type=click.Path(),
        default="emusym-reproduced",
        show_default=True,
        help="Folder for the figure and its JSON.",
    )
    yield click.Option(
        ["--style"],
        type=click.Choice(STYLE_NAMES, case_sensitive=False),
        default="neutral",
        show_default=True,
        help="Look of the figure; an experiment's also writes its label.",
    )
    if entry.compute is not None or entry.options:
        yield click.Option(["--recompute"], is_flag=True, help=entry.recompute)
    for option in entry.options:
        yield click.Option(
            [option.flag, option.name],
            type=_type_of(option),
            metavar=None if option.metavar == "PATH" else option.metavar,
            help=option.help,
        )


def _type_of(option: Option) -> Any:
    if option.metavar == "PATH":
        return click.Path()
    if option.kind is int and option.minimum is not None:
        return click.IntRange(min=option.minimum)
    return option.kind


@click.command(
    epilog=examples("emusym reproduce templates --background processed --signal processed")
)
@click.option(
    "--background", type=click.Path(), required=True, help="Folder made by emusym process, for T."
)
@click.option(
    "--signal", type=click.Path(), required=True, help="Folder made by emusym process, for S."
)
@click.option(
    "--background-datasets",
    metavar="A,B",
    help="Datasets of T, comma-separated.  [those whose role is background]",
)
@click.option("--signal-dataset", help="Dataset of S.  [the only one whose role is signal]")
@click.option(
    "--signal-order",
    type=click.Choice(["emu", "mue"]),
    help="Flavour order of S.  [the one with more of the signal]",
)
@click.option(
    "--luminosity",
    "luminosity_ifb",
    type=float,
    metavar="FB",
    help="Scale T to this integrated luminosity, in fb⁻¹.",
)
@click.option(
    "--flat", type=float, default=25.0, show_default=True, help="Entries added to every bin of T."
)
@click.option(
    "-o", "--output", type=click.Path(), default="templates.json", show_default=True, help="File."
)
@click.option("--overwrite", is_flag=True, help="Replace that file if it is there.")
def templates(
    output: str, overwrite: bool, background_datasets: str | None, **options: Any
) -> None:
    """Make T and S of processed folders, for --templates."""
    from eμsym.cli.reproduce_templates import make_templates

    names = None
    if background_datasets is not None:
        names = [name.strip() for name in background_datasets.split(",")]
    make_templates(output, overwrite=overwrite, background_datasets=names, **options)


_BESIDE = (SAMPLES, EQUALISATION)
for _entry in CATALOGUE:
    if _entry not in _BESIDE:
        reproduce.add_command(command_of(_entry))
reproduce.add_command(templates)
for _entry in _BESIDE:
    reproduce.add_command(command_of(_entry))
