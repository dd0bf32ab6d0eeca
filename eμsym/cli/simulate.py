"""``emusym simulate``: events from Pythia 8 and a parametrised detector, in Delphes' layout."""

from __future__ import annotations

import click

from eμsym.cli.examples import examples


@click.command(
    short_help="Generate a sample without MadGraph, Delphes and ROOT.",
    epilog=examples(
        "emusym simulate ztautau -n 20000 -o ztautau.root",
        "emusym simulate hlfv_taumu -n 5000 --pythia '25:m0 = 300' -o heavy.root",
    ),
)
@click.argument("process")
@click.option("-n", "n", type=int, required=True, help="Events to generate, before the filter.")
@click.option("-o", "--output", required=True, metavar="FILE.root", help="The ROOT file to write.")
@click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="The same seed gives the same events, whatever the number of workers.",
)
@click.option("--workers", type=int, help="Processes at once.  [one a core]")
@click.option(
    "--lhe",
    metavar="FILE",
    help="Les Houches file with the hard processes, of MadGraph for instance; .gz too.",
)
@click.option(
    "--filter/--no-filter",
    "filtered",
    default=True,
    show_default=True,
    help="Keep only events with an electron and a muon (zll: two of a flavour; wjets: one, and a "
    "jet), pT > 10 GeV, |η| < 2.6.",
)
@click.option(
    "--branching-ratio",
    "lfv_branching_ratio",
    type=float,
    default=0.01,
    show_default=True,
    help="Of H→τe or H→τμ, for which a signal stands.",
)
@click.option(
    "--pythia",
    multiple=True,
    metavar="SETTING",
    help='Of Pythia 8, on top of the process\'s own: "25:m0 = 300". May be repeated. The cross '
    "section stays that of the table.",
)
@click.option(
    "--job-size",
    type=int,
    default=1000,
    show_default=True,
    metavar="EVENTS",
    help="Generated at a time by a process. Pythia starts anew for each job, in a second: large "
    "samples are quicker with more. Another size gives other events.",
)
@click.option("--overwrite", is_flag=True, help="Replace the files if they are there.")
def simulate(
    process: str,
    n: int,
    output: str,
    seed: int,
    workers: int | None,
    lhe: str | None,
    filtered: bool,
    lfv_branching_ratio: float,
    pythia: tuple[str, ...],
    job_size: int,
    overwrite: bool,
) -> None:
    """Generate a sample without MadGraph, Delphes and ROOT.

    PROCESS is ztautau, ttbar, ww, wz, zz, hww, htautau, hlfv_taue or hlfv_taumu; for
    the symmetries of other final states zll (Z → ee, μμ) or wjets (W → eν, μν); with
    --lhe also one that Pythia has not, such as wt. Written are a ROOT file in Delphes'
    layout and, beside it, a fileset JSON for 'emusym process'.
    """
    from rich.console import Console

    from eμsym.recipes.simulation.production import simulate as make

    sample = make(
        process,
        n,
        output,
        seed=seed,
        workers=workers,
        lhe=lhe,
        filtered=filtered,
        lfv_branching_ratio=lfv_branching_ratio,
        pythia=pythia,
        job_size=job_size,
        overwrite=overwrite,
    )
    console = Console(highlight=False, soft_wrap=True)
    passed = " that pass the filter" if filtered else ""
    console.print(
        f"{sample.process}: {sample.entries:,} events{passed} of {sample.n_generated:,} generated, "
        f"{sample.cross_section_pb:.4g} pb, {sample.luminosity_ifb:.4g} fb⁻¹"
    )
    console.print(f"Written to {sample.path}, with its fileset {sample.fileset}")
