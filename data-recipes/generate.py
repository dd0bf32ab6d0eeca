"""Make samples: MadGraph → Pythia 8 → Delphes, or Pythia 8 → Delphes, in parallel jobs.

``python data-recipes/generate.py ttbar -n 100000 --seed 1 --jobs 8 -o samples``, from a
checkout, or ``python -m eμsym.recipes.generate`` from anywhere. What it needs, and how to
install it, is in the README beside it. What is finished is not made again: the same
command goes on after any interruption, and with more events and jobs in the same
proportion it extends a sample.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from eμsym.errors import ConfigurationError
from eμsym.exits import run_command
from eμsym.files import make_folder, read_json, write_json
from eμsym.recipes.chain_jobs import Job, commands, plan_jobs
from eμsym.recipes.chain_programs import (
    DELPHES,
    MADGRAPH,
    ProgramError,
    Programs,
    find_card,
    find_programs,
)
from eμsym.recipes.chain_run import fileset, n_events_for, run_jobs
from eμsym.recipes.cross_sections import LFV_BRANCHING_RATIO, Chain, processes
from eμsym.recipes.delphes_card import CARD, patch_card, patch_card_file

FILESET = "fileset.json"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="PROCESS...", nargs=-1, required=True)
@click.option("-n", "--events", type=int, help="Events of each process.")
@click.option("-l", "--luminosity", type=float, help="In place of -n: fb⁻¹ of each process.")
@click.option("--seed", type=int, default=1, show_default=True, help="Job i uses seed + i.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Jobs of each process.")
@click.option("--parallel", type=int, help="Jobs at once.  [default: as many as cores]")
@click.option("--madgraph", help="Folder of MadGraph5_aMC@NLO.  [default: on the path]")
@click.option("--delphes", help="Folder of Delphes.  [default: on the path]")
@click.option("--delphes-card", help=f"In place of the installation's cards/{CARD}.")
@click.option("--pythia-only", is_flag=True, help="Pythia makes the hard process too.")
@click.option(
    "--lfv-branching-ratio",
    type=float,
    default=LFV_BRANCHING_RATIO,
    show_default=True,
    help="Of H→τe and H→τμ, for the cross section.",
)
@click.option("-o", "--output", default="samples", show_default=True, help="Folder to write to.")
@click.option("--dry-run", is_flag=True, help="Only print the commands.")
def make_samples(
    names: tuple[str, ...],
    events: int | None,
    luminosity: float | None,
    seed: int,
    jobs: int,
    parallel: int | None,
    madgraph: str | None,
    delphes: str | None,
    delphes_card: str | None,
    pythia_only: bool,
    lfv_branching_ratio: float,
    output: str,
    dry_run: bool,
) -> None:
    """Make Delphes samples of PROCESS..., or of all processes with the word all.

    MadGraph makes the hard process, Pythia 8 the shower, Delphes the detector. What is
    finished is not made again; the same command goes on after an interruption.
    """
    chain: Chain = "pythia" if pythia_only else "madgraph"
    if (events is None) == (luminosity is None):
        raise ConfigurationError("give the number of events with -n, or fb⁻¹ with --luminosity")
    if parallel is not None and parallel < 1:
        raise ConfigurationError(f"--parallel {parallel}: choose 1 or more")
    planned: list[Job] = []
    for name in processes(chain) if names == ("all",) else dict.fromkeys(names):
        n_events, n_jobs = events or 0, jobs
        if luminosity is not None:
            n_events = n_events_for(name, luminosity, chain, lfv_branching_ratio)
            n_jobs = min(jobs, n_events)
        planned += plan_jobs(
            name,
            chain=chain,
            n_events=n_events,
            n_jobs=n_jobs,
            seed=seed,
            output=Path(output),
        )
    if dry_run:
        _print_commands(planned, madgraph, delphes, need_madgraph=not pythia_only)
        return
    programs = find_programs(madgraph=madgraph, delphes=delphes, need_madgraph=not pythia_only)
    card = _card(programs, delphes_card, Path(output))
    records = _with_bar(planned, programs, card, parallel or os.cpu_count() or 1)
    made = fileset(records, lfv_branching_ratio=lfv_branching_ratio)
    path = Path(output) / FILESET
    # Processes of earlier runs in this folder stay in it.
    before = read_json(path) if path.exists() else {}
    write_json(path, {**before, **made})
    for name, entry in made.items():
        metadata = entry["metadata"]
        click.echo(
            f"{name}: {metadata['entries']:,} events in {len(entry['files'])} files, "
            f"{metadata['cross_section_pb']:g} pb, {metadata['luminosity_ifb']:g} fb⁻¹"
        )
    click.echo(f"Fileset in {path}; next: emusym run -i {path}")


def _card(programs: Programs, given: str | None, output: Path) -> Path:
    """Write the patched Delphes card into the sample's folder, if it is not there."""
    source = find_card(programs.delphes, given)
    path = make_folder(output) / CARD
    if path.is_file():
        text = source.read_bytes().decode("utf-8", "surrogateescape")
        patched = patch_card(text, name=str(source))[0].encode("utf-8", "surrogateescape")
        if path.read_bytes() != patched:
            raise ConfigurationError(
                f"{path}: is another card than {source} makes; "
                "choose another folder with -o, or remove this one"
            )
        return path
    for change in patch_card_file(source, path):
        click.echo(f"{CARD}: {change}")
    return path


def _print_commands(
    jobs: list[Job], madgraph: str | None, delphes: str | None, *, need_madgraph: bool
) -> None:
    """Print what would be run; a program that is not installed by its name alone."""
    try:
        programs = find_programs(madgraph=madgraph, delphes=delphes, need_madgraph=need_madgraph)
    except ProgramError as error:
        click.echo(f"# {error}")
        programs = Programs(Path(DELPHES), Path(MADGRAPH) if need_madgraph else None)
    for job in jobs:
        for line in commands(job, programs, job.output.absolute() / CARD):
            click.echo(line)


def _with_bar(
    jobs: list[Job], programs: Programs, card: Path, parallel: int
) -> dict[Job, dict[str, Any]]:
    """Run jobs under a progress bar, if standard error is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("jobs", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("jobs", total=len(jobs))
        return run_jobs(jobs, programs, card, parallel=parallel, advance=lambda: bar.advance(task))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors that the user can mend are one line and exit code 2."""
    run_command(
        make_samples,
        arguments,
        name="generate.py",
        interrupted="the same command goes on from here",
    )


if __name__ == "__main__":
    main()
