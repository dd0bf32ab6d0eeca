"""A sample is cut into jobs of fixed size, each with seeds of its own.

What a job gives depends on its number alone, not on who runs it, how many there
are or in which order they finish.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.random import SeedSequence

from eμsym.recipes.simulation.delphes_layout import Columns, delphes_columns, joined
from eμsym.recipes.simulation.event_filters import FILTERS
from eμsym.recipes.simulation.pythia_events import generate
from eμsym.recipes.simulation.response import respond
from eμsym.recipes.simulation.tau_veto import TauVeto

#: Events that a job generates. Starting Pythia takes as long as about 50 of them.
JOB_SIZE = 1000
#: Pythia takes seeds from 1 to this.
_MAX_SEED = 900_000_000
#: Which of a job's seeds the veto has; the response's are counted from 0.
_OF_THE_VETO = 1 << 31


@dataclass(frozen=True)
class Job:
    """A part of a sample.

    Attributes
    ----------
    settings : tuple of str
        Pythia's, without the seed.
    first, n : int
        Number of its first event, and how many to generate.
    pythia_seed : int
        No two jobs of a sample have the same.
    response_seed : SeedSequence
        Of the detector's response.
    event_filter : str or None
        The one of `FILTERS` that events must pass to reach the detector; None: all reach it.
    lhe : Path or None
        File with the hard processes; those before the first are skipped.
    tau_veto : bool
        Whether to give up events of Z → ττ early; see `TauVeto`.
    """

    settings: tuple[str, ...]
    first: int
    n: int
    pythia_seed: int
    response_seed: SeedSequence
    event_filter: str | None = "emu"
    lhe: Path | None = None
    tau_veto: bool = False


@dataclass(frozen=True, eq=False)
class JobResult:
    """What became of a job.

    Attributes
    ----------
    columns : dict of str to ak.Array
        Delphes' collections of the events that passed the filter.
    n_generated : int
        Events that Pythia made or a veto gave up; those that failed do not count.
    sum_of_weights : float
        Of the events made.
    """

    columns: Columns
    n_generated: int
    sum_of_weights: float


def cut_into_jobs(
    process: str,
    settings: tuple[str, ...],
    n: int,
    *,
    seed: int,
    job_size: int = JOB_SIZE,
    event_filter: str | None = "emu",
    lhe: Path | None = None,
    tau_veto: bool = False,
) -> list[Job]:
    """Cut a sample into jobs.

    The seeds follow from the seed, the process and the size of the jobs. Pythia's are
    consecutive numbers, so that they differ however many jobs there are.

    Parameters
    ----------
    process : str
    settings : tuple of str
    n : int
        Events of the whole sample.
    seed : int
    job_size : int
    event_filter : str or None
        See `Job`.
    lhe : Path, optional
    tau_veto : bool

    Returns
    -------
    list of Job
    """
    entropy = [seed, zlib.crc32(process.encode()), job_size]
    first_seed = int(SeedSequence(entropy).generate_state(1)[0])
    return [
        Job(
            settings,
            first=i * job_size,
            n=min(job_size, n - i * job_size),
            pythia_seed=(first_seed + i) % _MAX_SEED + 1,
            response_seed=SeedSequence(entropy, spawn_key=(i,)),
            event_filter=event_filter,
            lhe=lhe,
            tau_veto=tau_veto,
        )
        for i in range(-(-n // job_size))
    ]


def run_job(job: Job) -> JobResult:
    """Generate a job's events, filter them, and simulate the detector.

    Raises
    ------
    ConfigurationError, InputFileError
        As `eμsym.recipes.simulation.pythia_events.generate`.
    """
    rng = np.random.default_rng(_seed(job.response_seed))
    settings = (*job.settings, "Random:setSeed = on", f"Random:seed = {job.pythia_seed}")
    veto = TauVeto(np.random.default_rng(_seed(job.response_seed, _OF_THE_VETO)))
    parts: list[Columns] = []
    n_generated, sum_of_weights = 0, 0.0
    prepare = veto.attach if job.tau_veto else None
    for made in generate(settings, job.n, lhe=job.lhe, skip=job.first, prepare=prepare):
        n_generated += made.n_events
        sum_of_weights += float(np.sum(made.weight))
        if job.event_filter is not None:
            made = made[FILTERS[job.event_filter].passes(made.particles, made.n_events)]
        seen = respond(made.particles, made.partons, made.n_events, rng)
        parts.append(delphes_columns(replace(made, number=job.first + made.number), seen))
    # Events of a veto are of Pythia's own process, each of weight 1.
    return JobResult(
        joined(parts), n_generated + veto.n_vetoed, sum_of_weights + float(veto.n_vetoed)
    )


def _seed(seed: SeedSequence, *key: int) -> SeedSequence:
    """Return a job's seed, or one beside it; a new one, as a generator's children count in it."""
    return SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *key))
