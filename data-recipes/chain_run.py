"""Running the jobs of the chain side by side, and the fileset of what came out."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from eμsym import __version__
from eμsym.errors import ConfigurationError, EmusymError, OutputError
from eμsym.recipes.chain_jobs import Job, finished, run_job
from eμsym.recipes.chain_programs import Children, ProgramError, Programs
from eμsym.recipes.cross_sections import LFV_BRANCHING_RATIO, Chain, cross_section


def run_jobs(
    jobs: list[Job],
    programs: Programs,
    card: Path,
    *,
    parallel: int = 1,
    advance: Callable[[], None] = lambda: None,
) -> dict[Job, dict[str, Any]]:
    """Run what is not finished of some jobs; a job that fails does not stop the others.

    Parameters
    ----------
    jobs : list of Job
    programs : Programs
    card : Path
        The Delphes card, patched.
    parallel : int
        How many at once.
    advance : callable
        Called once for every job that is finished, those of before included.

    Returns
    -------
    dict of Job to dict
        The records, in the order of the jobs.

    Raises
    ------
    EmusymError
        If any job failed, or the folder holds jobs of other settings.
    """
    records: dict[Job, dict[str, Any]] = {}
    for job in jobs:
        record = finished(job, card)
        if record is not None:
            records[job] = record
            advance()
    missing = [job for job in jobs if job not in records]
    failures: dict[Job, EmusymError] = {}
    children = Children()
    # The main thread only waits on this queue: an interrupt inside concurrent.futures can
    # leave a lock behind.
    ended: SimpleQueue[tuple[Job, dict[str, Any] | BaseException]] = SimpleQueue()

    def attempt(job: Job) -> None:
        try:
            ended.put((job, run_job(job, programs, card, children)))
        except OSError as error:  # a full disk, no permission
            where = f" {error.filename}" if error.filename else ""
            reason = error.strerror or error
            ended.put((job, OutputError(f"{job.name}: cannot read or write{where} ({reason})")))
        except BaseException as error:
            ended.put((job, error))

    with ThreadPoolExecutor(max(1, parallel)) as pool:
        try:
            for job in missing:
                pool.submit(attempt, job)
            for _ in missing:
                job, outcome = ended.get()
                if isinstance(outcome, EmusymError):
                    failures[job] = outcome
                elif isinstance(outcome, BaseException):
                    raise outcome
                else:
                    records[job] = outcome
                    advance()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            children.stop()
            raise
    if failures:
        first = next(failures[job] for job in jobs if job in failures)
        others = f" (and {len(failures) - 1} other jobs)" if len(failures) > 1 else ""
        raise ProgramError(f"{first}{others}; the same command again runs only what is missing")
    return {job: records[job] for job in jobs}


def fileset(
    records: dict[Job, dict[str, Any]], *, lfv_branching_ratio: float = LFV_BRANCHING_RATIO
) -> dict[str, Any]:
    """Return the fileset (coffea's JSON) of finished jobs.

    Parameters
    ----------
    records : dict of Job to dict
        See `run_jobs`.
    lfv_branching_ratio : float
        Of H→τe and H→τμ, for the cross section of the signals.

    Returns
    -------
    dict
        Paths are relative to the folder of the sample. Nothing is filtered before
        Delphes, so as many events are generated as there are entries; an event that
        Pythia gave up on counts as not generated.
    """
    result: dict[str, Any] = {}
    for name in dict.fromkeys(job.process for job in records):
        own = {job: record for job, record in records.items() if job.process == name}
        chain = next(iter(own)).chain
        sigma = cross_section(name, chain=chain, lfv_branching_ratio=lfv_branching_ratio)
        entries = sum(record["entries"] for record in own.values())
        metadata: dict[str, Any] = {
            "cross_section_pb": float(f"{sigma.filtered_pb:.5g}"),
            "n_generated": entries,
            "entries": entries,
            "luminosity_ifb": float(f"{entries / sigma.filtered_pb / 1000:.5g}"),
            "role": sigma.role,
        }
        if sigma.lfv_branching_ratio is not None:
            metadata["branching_ratio"] = sigma.lfv_branching_ratio
        versions: dict[str, set[str]] = {"emusym": {__version__}}
        for record in own.values():
            for program, version in record["versions"].items():
                versions.setdefault(program, set()).add(version)
        metadata |= {
            "generated": sigma.generated,
            "chain": chain,
            "seeds": [job.seed for job in own],
            "versions": {program: ", ".join(sorted(found)) for program, found in versions.items()},
        }
        files = {f"{name}/{record['file']}": "Delphes" for record in own.values()}
        result[name] = {"files": files, "metadata": metadata}
    return result


def n_events_for(
    process: str,
    luminosity_ifb: float,
    chain: Chain,
    lfv_branching_ratio: float = LFV_BRANCHING_RATIO,
) -> int:
    """Return how many events of a process an integrated luminosity (fb⁻¹) holds.

    Raises
    ------
    ConfigurationError
        If the luminosity is not positive, or the process is unknown.
    """
    if not 0 < luminosity_ifb < math.inf:
        raise ConfigurationError(f"luminosity {luminosity_ifb} fb⁻¹: must be positive")
    sigma = cross_section(process, chain=chain, lfv_branching_ratio=lfv_branching_ratio)
    return math.ceil(sigma.filtered_pb * 1000 * luminosity_ifb)
