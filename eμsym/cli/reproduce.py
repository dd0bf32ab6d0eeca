"""``emusym reproduce``: the papers' figures and numbers, ours beside the published ones."""

from __future__ import annotations

from typing import Any

import click

from eμsym.cli.options import STYLE_NAMES
from eμsym.errors import ConfigurationError

#: Figures of the DDP paper, and what each shows.
DDP = {
    "ddp-fig1": "The templates T and S in the plane.",
    "ddp-fig2": "Distributions of the tests' significances, without and with signal.",
    "ddp-fig3": "Significance by the size of the window.",
    "ddp-fig4": "ROC curves of the tests.",
    "ddp-fig5": "Significance by the injected signal.",
    "ddp-numbers": "Every number that the paper prints, and no figure.",
}
#: Figures of the SYM paper.
SYM = {
    "sym-fig1": "NPLM's t without signal, with and without clipped weights.",
    "sym-fig2": "The symmetrized t without signal, for six pairs of sizes.",
    "sym-fig3": "The same of simulated eμ events, for three luminosities.",
    "sym-fig4": "Significance by the ideal one, for three signals.",
    "sym-fig5": "Significance by the branching ratio of H→τe.",
    "sym-fig6": "Permutations of one pair beside independent pairs.",
    "sym-fig7": "Percentiles of t by the number of epochs.",
    "sym-fig8": "The collinear mass of background and signal.",
    "sym-fig9": "NPLM's t with the expected number of events.",
    "sym-fig10": "t after long training beside that of overfit solutions.",
    "sym-numbers": "Every number that the paper prints, and no figure.",
}


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


@click.group(cls=_Figures, invoke_without_command=True, subcommand_metavar="FIGURE [OPTIONS]")
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


def _output_and_style(command: Any) -> Any:
    """Add the options that all figures have."""
    style = click.option(
        "--style",
        type=click.Choice(STYLE_NAMES, case_sensitive=False),
        default="neutral",
        show_default=True,
        help="Look of the figure; an experiment's also writes its label.",
    )
    output = click.option(
        "-o",
        "--output",
        type=click.Path(),
        default="emusym-reproduced",
        show_default=True,
        help="Folder for the figure and its JSON.",
    )
    return output(style(command))


def _ddp_command(figure: str, what: str) -> click.Command:
    @click.command(figure, help=what, short_help=what)
    @_output_and_style
    @click.option("--recompute", is_flag=True, help="Compute anew, not from stored results.")
    @click.option(
        "--templates", type=click.Path(), help="Your own T and S, in place of the stored ones."
    )
    @click.option(
        "--toys", type=click.IntRange(min=2), help="Pairs to draw when recomputing.  [20000]"
    )
    @click.option(
        "--seed",
        type=click.IntRange(min=0),
        help="Of everything that is drawn; the same seed gives the same bits.  [20401]",
    )
    def command(**options: Any) -> None:
        from eμsym.cli.reproduce_ddp import reproduce_ddp

        reproduce_ddp(figure, **options)

    return command


def _sym_command(figure: str, what: str) -> click.Command:
    @click.command(figure, help=what, short_help=what)
    @_output_and_style
    @click.option(
        "--recompute",
        is_flag=True,
        help="Run the studies anew, which takes hours; stopped, it goes on with what is missing.",
    )
    @click.option(
        "--toys",
        type=click.IntRange(min=2),
        help="At most so many toys a row.  [500, and 100 with signal]",
    )
    @click.option("--workers", type=click.IntRange(min=1), help="Toys at once.  [one a core]")
    @click.option("--dask", metavar="local|ADDRESS", help="Run on Dask.")
    def command(**options: Any) -> None:
        from eμsym.cli.reproduce_sym import reproduce_sym

        reproduce_sym(figure, **options)

    return command


for _figure, _what in DDP.items():
    reproduce.add_command(_ddp_command(_figure, _what))


@reproduce.command("ddp-fig6", short_help="A classifier's largest score by the injected signal.")
@_output_and_style
@click.option("--recompute", is_flag=True, help="Train anew: ten minutes of one core.")
@click.option(
    "--templates", type=click.Path(), help="Your own T and S, in place of the stored ones."
)
@click.option("--scale", type=float, help="T is multiplied by this.  [0.5]")
@click.option("--seed", type=click.IntRange(min=0), help="Of all that is drawn.  [20401]")
def ddp_fig6(**options: Any) -> None:
    """Draw a classifier's largest score by the injected signal, with bootstraps' bands."""
    from eμsym.cli.reproduce_ddp_fig6 import reproduce_ddp_fig6

    reproduce_ddp_fig6(**options)


for _figure, _what in SYM.items():
    reproduce.add_command(_sym_command(_figure, _what))


@reproduce.command()
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
    from eμsym.cli.reproduce_ddp import make_templates

    names = None
    if background_datasets is not None:
        names = [name.strip() for name in background_datasets.split(",")]
    make_templates(output, overwrite=overwrite, background_datasets=names, **options)


@reproduce.command()
@_output_and_style
@click.option("--recompute", is_flag=True, help="Simulate anew, with Pythia 8.")
@click.option(
    "-n",
    "n",
    type=click.IntRange(min=1),
    help="Events to generate of a process; of Z→ττ ten times as many.  [2000]",
)
@click.option("--seed", type=click.IntRange(min=0), help="Of the simulation.  [20401]")
@click.option("--workers", type=click.IntRange(min=1), help="Processes at once.  [one a core]")
def samples(**options: Any) -> None:
    """Compare samples of 'emusym simulate' with genuine Delphes files, by process."""
    from eμsym.cli.reproduce_samples import reproduce_samples

    reproduce_samples(**options)


@reproduce.command()
@_output_and_style
@click.option("--recompute", is_flag=True, help="Compute anew: two minutes of one core.")
@click.option(
    "--toys",
    type=click.IntRange(min=2),
    help="Pairs without signal to draw when recomputing; half as many with each.  [400]",
)
@click.option("--seed", type=click.IntRange(min=0), help="Of the toys.  [20401]")
def equalisation(**options: Any) -> None:
    """Show what taking the detector's e/μ difference out costs, and what leaving it in does."""
    from eμsym.cli.reproduce_equalisation import reproduce_equalisation

    reproduce_equalisation(**options)
