"""One job of the chain: hard process → shower → detector, into one ROOT file.

A job has a folder of its own for cards and logs. It is finished once its small JSON
stands beside its ROOT file: that is written last, and whole, and says with which
settings the file was made. So a run that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uproot

from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import make_folder, read_json, whole_file, write_json
from eμsym.processors.inspection import inspect_file
from eμsym.recipes.chain_madgraph import EVENTS, madgraph_script, madgraph_version, unpack_events
from eμsym.recipes.chain_programs import (
    Children,
    ProgramError,
    Programs,
    command_line,
    delphes_version,
    pythia_version,
)
from eμsym.recipes.cross_sections import Chain
from eμsym.recipes.pythia_cards import MAX_SEED, pythia_card

SCHEMA = "emusym/chain-job"
VERSION = 1
#: Pythia gives up on an event now and then; fewer than this fraction left is a failure.
MIN_FRACTION = 0.98


@dataclass(frozen=True)
class Job:
    """A part of a sample.

    Attributes
    ----------
    process : str
    chain : {"madgraph", "pythia"}
    number : int
        From 0.
    n_events : int
        Events asked for.
    seed : int
        Of MadGraph and of Pythia.
    output : Path
        The folder of the whole sample.
    """

    process: str
    chain: Chain
    number: int
    n_events: int
    seed: int
    output: Path

    @property
    def name(self) -> str:
        """Such as ``ttbar_003``."""
        return f"{self.process}_{self.number:03d}"

    @property
    def root_file(self) -> Path:
        """The Delphes file."""
        return self.output / self.process / f"{self.name}.root"

    @property
    def record_file(self) -> Path:
        """The JSON that says that the job is finished, and how."""
        return self.output / self.process / f"{self.name}.json"

    @property
    def folder(self) -> Path:
        """Where the programs run: cards, logs, MadGraph's events."""
        return self.output / self.process / self.name


def plan_jobs(
    process: str, *, chain: Chain, n_events: int, n_jobs: int, seed: int, output: Path
) -> list[Job]:
    """Split a sample into jobs of nearly equal size; job i has seed + i.

    Raises
    ------
    ConfigurationError
        If a number is impossible.
    """
    if n_events < 1:
        raise ConfigurationError(f"{n_events} events: choose a whole number, 1 or more")
    if not 1 <= n_jobs <= n_events:
        raise ConfigurationError(
            f"{n_jobs} jobs for {n_events} events of {process}: choose 1 to {n_events}"
        )
    if not 1 <= seed <= MAX_SEED - n_jobs + 1:
        raise ConfigurationError(
            f"seed {seed}: choose 1 to {MAX_SEED - n_jobs + 1:,} (job i uses seed + i)"
        )
    sizes = [n_events // n_jobs + (i < n_events % n_jobs) for i in range(n_jobs)]
    jobs = [Job(process, chain, i, size, seed + i, output) for i, size in enumerate(sizes)]
    for job in (jobs[0], jobs[-1]):
        _cards(job, job.n_events)  # what cannot be, is said before anything runs
    return jobs


def commands(job: Job, programs: Programs, card: Path) -> list[str]:
    """Return the command lines of a job, for people."""
    lines = []
    if job.chain == "madgraph":
        lines.append(command_line([str(programs.madgraph), "madgraph.mg5"], job.folder))
    delphes = [str(programs.delphes), str(card), "pythia.cmnd", "delphes.root"]
    return [*lines, command_line(delphes, job.folder)]


def finished(job: Job, card: Path) -> dict[str, Any] | None:
    """Return the record of a job that is finished; None if it is not, or its file is damaged.

    Raises
    ------
    ConfigurationError
        If the folder holds the same job with other settings.
    """
    if not job.record_file.exists():
        return None
    record: dict[str, Any] = read_json(job.record_file, schema=SCHEMA)
    settings = _settings(job, card)
    if record["configuration_hash"] != _hash(settings):
        made: dict[str, Any] = record["configuration"]
        differing = [
            f"{key} {made.get(key)} → {value}"
            for key, value in settings.items()
            if made.get(key) != value
        ]
        raise ConfigurationError(
            f"{job.record_file}: made with other settings ({', '.join(differing)}); "
            "choose another folder with -o, or remove this one"
        )
    report = inspect_file(str(job.root_file))
    return record if report.ok and report.entries == record["entries"] else None


def run_job(job: Job, programs: Programs, card: Path, children: Children) -> dict[str, Any]:
    """Run a job, whatever is there of it already.

    Parameters
    ----------
    job : Job
    programs : Programs
    card : Path
        The Delphes card, patched.
    children : Children
        What runs the programs, and can stop them.

    Returns
    -------
    dict
        The record that now stands beside the file.

    Raises
    ------
    EmusymError
        If a program fails, or what it wrote is not what it should be; the job is
        then not finished.
    """
    make_folder(job.folder)
    versions = {"delphes": delphes_version(programs.delphes)}
    n_events = job.n_events
    unpacked = job.folder / "events.lhe"
    if job.chain == "madgraph":
        n_events = _hard_events(job, programs, children, unpacked)
        versions["madgraph"] = madgraph_version(unpacked)
    partial, log = job.folder / "delphes.root", job.folder / "delphes.log"
    partial.unlink(missing_ok=True)  # Delphes replaces no file
    _write(job.folder / "pythia.cmnd", _cards(job, n_events)["pythia_card"])
    command = [str(programs.delphes), str(card.absolute()), "pythia.cmnd", partial.name]
    try:
        children.run(command, folder=job.folder, log=log)
    except ProgramError as error:
        raise ProgramError(f"{job.name}: {error}") from error
    entries, versions["root"] = _check(job, partial, log, n_events)
    versions["pythia"] = pythia_version(log)
    partial.replace(job.root_file)
    unpacked.unlink(missing_ok=True)
    settings = _settings(job, card)
    record = {
        "schema": SCHEMA,
        "version": VERSION,
        "configuration": settings,
        "configuration_hash": _hash(settings),
        "file": job.root_file.name,
        "entries": entries,
        "versions": versions,
    }
    write_json(job.record_file, record)
    return record


def _hard_events(job: Job, programs: Programs, children: Children, unpacked: Path) -> int:
    """Have MadGraph make the events unless it has; unpack and count them."""
    events = job.folder / "events.lhe.gz"
    script = job.folder / "madgraph.mg5"
    text = _cards(job, job.n_events)["madgraph_script"]
    # Events of an earlier try count only if they were made by this very script.
    made = events.is_file() and script.is_file() and script.read_text(encoding="utf-8") == text
    if not made:
        events.unlink(missing_ok=True)
        working = job.folder / "madgraph"
        shutil.rmtree(working, ignore_errors=True)
        _write(script, text)
        log = job.folder / "madgraph.log"
        try:
            children.run([str(programs.madgraph), script.name], folder=job.folder, log=log)
        except ProgramError as error:
            raise ProgramError(f"{job.name}: {error}") from error
        if not (working / EVENTS).is_file():
            # It ends with status 0 whatever happens.
            raise ProgramError(f"{job.name}: MadGraph made no events; see {log}")
        (working / EVENTS).replace(events)
        shutil.rmtree(working, ignore_errors=True)
    try:
        n_events = unpack_events(events, unpacked)
        if n_events == 0:
            raise InputFileError(f"{events}: holds no events; see madgraph.log beside it")
    except InputFileError:
        events.unlink()  # the next try is to make them again
        raise
    return n_events


def _check(job: Job, path: Path, log: Path, n_events: int) -> tuple[int, str]:
    """Make sure of a Delphes file; return its entries and the version of ROOT."""
    report = inspect_file(str(path))
    if not report.ok or report.entries is None:
        raise ProgramError(f"{job.name}: {report.problem}; see {log}")
    if report.entries < MIN_FRACTION * n_events:
        raise ProgramError(
            f"{job.name}: Delphes wrote {report.entries} of {n_events} events; see {log}"
        )
    with uproot.open({str(path): None}) as file:
        weights = file["Delphes"]["Event/Event.Weight"].array(library="np")
        if not np.all(np.concatenate(weights) == 1):
            raise ProgramError(
                f"{job.name}: Delphes wrote event weights other than 1: did MadGraph take "
                f"'set event_norm sum'? see {job.folder}"
            )
        return report.entries, str(file.file.root_version)


def _cards(job: Job, n_events: int) -> dict[str, str]:
    """Return the texts that the programs are given."""
    lhe = "events.lhe" if job.chain == "madgraph" else None
    card = pythia_card(job.process, n_events=n_events, seed=job.seed, chain=job.chain, lhe=lhe)
    if lhe is None:
        return {"pythia_card": card}
    script = madgraph_script(job.process, n_events=job.n_events, seed=job.seed, folder="madgraph")
    return {"pythia_card": card, "madgraph_script": script}


def _settings(job: Job, card: Path) -> dict[str, Any]:
    """Return all that decides what is in the file; texts as the beginning of their hash."""
    settings = {key: value for key, value in asdict(job).items() if key != "output"}
    texts = {**_cards(job, job.n_events), "delphes_card": card.read_bytes().decode("latin-1")}
    return {**settings, **{key: _hash(text) for key, text in texts.items()}}


def _hash(content: Any) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]


def _write(path: Path, text: str) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
