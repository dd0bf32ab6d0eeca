"""Making a sample: jobs in parallel, one ROOT file, and the fileset that describes it."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eμsym.errors import ConfigurationError, DataError, EmusymError, OutputError
from eμsym.files import read_json, require_possible, whole_file
from eμsym.recipes.cross_sections import (
    LFV_BRANCHING_RATIO,
    Chain,
    CrossSection,
    cross_section,
    processes,
)
from eμsym.recipes.pythia_cards import pythia_settings
from eμsym.recipes.simulation.delphes_layout import (
    TREE,
    Columns,
    DelphesFile,
    joined,
    read_record,
)
from eμsym.recipes.simulation.event_filters import FILTERS
from eμsym.recipes.simulation.jobs import JOB_SIZE, Job, JobResult, cut_into_jobs, run_job
from eμsym.recipes.simulation.lhe import LesHouchesFile, read_les_houches_file
from eμsym.recipes.simulation.parallel import progress_bar, run_in_order
from eμsym.recipes.simulation.pythia_events import load_pythia
from eμsym.recipes.simulation.tau_veto import DESCRIPTION as TAU_VETO
from eμsym.workers import cores

SCHEMA, VERSION = "emusym/simulated-sample", 1
#: Events that are collected before they are written together.
_WRITE_EVENTS = 10_000
#: The process whose events may be given up before the τ decay.
_WITH_TAU_VETO = "ztautau"
_PACKAGES = ("emusym", "pythia8mc", "fastjet", "numpy", "awkward", "uproot")
_RESPONSE = "parametrised, ATLAS card of Delphes, isolation below 0.15 (e) and 0.25 (μ)"


@dataclass(frozen=True)
class SimulatedSample:
    """A sample that was made, as its file and its fileset describe it.

    Attributes
    ----------
    path, fileset : Path
        The ROOT file and the JSON beside it.
    process : str
    n_generated, entries : int
        Events generated, and those of them that passed the filter and were written.
    sum_of_weights : float
        Of the events generated.
    cross_section_pb : float
        σ·BR of what was generated, from the table of cross sections.
    luminosity_ifb : float
        That the sample stands for.
    record : dict
        All of this, and how the sample was made; it is also in the ROOT file.
    """

    path: Path
    fileset: Path
    process: str
    n_generated: int
    entries: int
    sum_of_weights: float
    cross_section_pb: float
    luminosity_ifb: float
    record: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the record, for JSON."""
        return dict(self.record)


def simulate(
    process: str,
    n: int,
    output: str | Path,
    *,
    seed: int,
    workers: int | None = None,
    lhe: str | Path | None = None,
    filtered: bool = True,
    lfv_branching_ratio: float = LFV_BRANCHING_RATIO,
    pythia: Sequence[str] = (),
    overwrite: bool = False,
    job_size: int = JOB_SIZE,
    progress: bool | None = None,
) -> SimulatedSample:
    """Generate events with Pythia 8, simulate the detector, and write a Delphes file.

    The same arguments give the same events, whatever the number of workers.

    Parameters
    ----------
    process : str
        One of `eμsym.recipes.cross_sections.processes`.
    n : int
        Number of events to generate, before any filter.
    output : str or Path
        The ROOT file. The fileset goes beside it, with the ending ``.json``.
    seed : int
        At least 0. Another seed or another size of the jobs gives other events.
    workers : int, optional
        Processes at once. Default: one for every core.
    lhe : str or Path, optional
        Les Houches file with the hard processes, of MadGraph for instance.
    filtered : bool
        Leave out events without the leptons (and the jet) of the process's final state;
        see `eμsym.recipes.simulation.event_filters`; of Z → ττ also what cannot pass is given
        up before the τ decay, see `eμsym.recipes.simulation.tau_veto`.
    lfv_branching_ratio : float
        Of H→τe or H→τμ, for which a signal stands.
    pythia : sequence of str
        Settings of Pythia's after those of the process, such as ``"25:m0 = 300"``, which they
        override. The cross section stays that of the table.
    overwrite : bool
        Replace files that are there, if this function wrote them.
    job_size : int
        Events generated at a time by one worker.
    progress : bool, optional
        Whether a bar on standard error shows the time left, after two seconds.
        Default: if that is a terminal.

    Returns
    -------
    SimulatedSample

    Raises
    ------
    ConfigurationError
        If the process is unknown, a number or a setting is impossible, or Pythia is missing.
    InputFileError
        If the Les Houches file is damaged or ends early.
    OutputError
        If the file is in the way or cannot be written.
    """
    path = Path(output)
    fileset = path.with_suffix(".json")
    table = _what_to_generate(process, lfv_branching_ratio, with_lhe=lhe is not None)
    _check_numbers(n, seed, workers, job_size)
    _check_output(path, fileset, overwrite)
    load_pythia()
    events = None if lhe is None else _hard_events(lhe, n)
    settings = (*pythia_settings(process, chain=table.chain), *pythia)
    # Settings of one's own may make another process, or let the τ decay in another way.
    tau_veto = filtered and process == _WITH_TAU_VETO and lhe is None and not pythia
    jobs = cut_into_jobs(
        process,
        settings,
        n,
        seed=seed,
        job_size=job_size,
        event_filter=table.final_state if filtered else None,
        lhe=None if events is None else events.path,
        tau_veto=tau_veto,
    )
    event_filter = FILTERS[table.final_state].description if filtered else None
    if tau_veto:
        event_filter = f"{event_filter}; {TAU_VETO}"
    record = _record(table, settings, seed, job_size, event_filter, events)
    with whole_file(fileset) as json_file, whole_file(path) as root_file:
        # Made again, the sample keeps its identity, by which its events are known.
        identity = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps([record, n], sort_keys=True))
        with DelphesFile(root_file, identity) as file, progress_bar(n, progress) as advance:
            counts = _run(jobs, file, advance, workers)
            sample = _sample(path, fileset, table, record, *counts)
            file.write_record(sample.record)
        text = json.dumps(_fileset(sample, table), indent=1, ensure_ascii=False, allow_nan=False)
        json_file.write_text(text + "\n", encoding="utf-8")
        # An older fileset would be wrong beside the new file, should this process die here.
        fileset.unlink(missing_ok=True)
    return sample


def _what_to_generate(process: str, branching_ratio: float, *, with_lhe: bool) -> CrossSection:
    alone = processes(final_state=None)
    if not with_lhe and process not in alone and process in processes("madgraph"):
        raise ConfigurationError(
            f"{process}: Pythia has no such process; make its events with MadGraph and give "
            "them with --lhe"
        )
    if process not in (*alone, *processes("madgraph")):
        raise ConfigurationError(
            f"no process {process!r}; there are {', '.join(alone)}, and with --lhe "
            f"{', '.join(processes('madgraph'))}"
        )
    chain: Chain = "madgraph" if with_lhe else "pythia"
    return cross_section(process, chain=chain, lfv_branching_ratio=branching_ratio)


def _check_numbers(n: int, seed: int, workers: int | None, job_size: int) -> None:
    for value, name in ((n, "events"), (workers, "workers"), (job_size, "events in a job")):
        if value is not None and value < 1:
            raise ConfigurationError(f"{value} {name}: choose a whole number, 1 or more")
    if seed < 0:
        raise ConfigurationError(f"seed {seed}: choose a whole number, 0 or more")


def _check_output(path: Path, fileset: Path, overwrite: bool) -> None:
    if path == fileset:
        raise OutputError(f"{path}: is where the fileset goes; let the ROOT file end in .root")
    for there in (path, fileset):
        require_possible(there)
        if there.is_dir():
            raise OutputError(f"{there}: is a folder; choose another file with -o")
        if os.path.lexists(there) and not overwrite:
            raise OutputError(f"{there}: exists; give --overwrite, or another file with -o")
    for there, ours in ((path, _is_sample(path)), (fileset, _is_fileset(fileset, path))):
        if os.path.lexists(there) and not ours:
            raise OutputError(
                f"{there}: was not written by emusym simulate, and is never replaced; move it "
                "away, or choose another file with -o"
            )


def _is_sample(path: Path) -> bool:
    """Whether a file says that `simulate` wrote it; a link to one is somebody's own."""
    if path.is_symlink():
        return False
    try:
        record = read_record(path)
    except Exception:
        return False  # whatever uproot says of a file that is something else
    return record is not None and record.get("schema") == SCHEMA


def _is_fileset(path: Path, sample: Path) -> bool:
    """Whether a file is a fileset that `simulate` wrote beside its sample."""
    if path.is_symlink():
        return False
    try:
        (dataset,) = read_json(path).values()
        return dataset["files"] == {sample.name: TREE} and "response" in dataset["metadata"]
    except (EmusymError, AttributeError, KeyError, TypeError, ValueError):
        return False


def _hard_events(path: str | Path, n: int) -> LesHouchesFile:
    events = read_les_houches_file(path)
    if events.n_events < n:
        raise ConfigurationError(
            f"{path}: holds {events.n_events:,} events, {n:,} were asked for; ask for at most "
            "those, or make more"
        )
    return events


def _run(
    jobs: list[Job], file: DelphesFile, advance: Callable[[int], None], workers: int | None
) -> tuple[int, float, int]:
    """Run the jobs and write their events; return events generated, Σ weights, and entries."""
    n_generated, sum_of_weights, entries = 0, 0.0, 0
    waiting: list[Columns] = []

    def consume(result: JobResult) -> None:
        nonlocal n_generated, sum_of_weights, entries
        n_generated += result.n_generated
        sum_of_weights += result.sum_of_weights
        entries += len(result.columns["Event"])
        waiting.append(result.columns)
        if sum(len(columns["Event"]) for columns in waiting) >= _WRITE_EVENTS:
            file.add(joined(waiting))
            waiting.clear()
        advance(job_size)

    job_size = jobs[0].n
    at_once = cores() if workers is None else workers
    run_in_order(run_job, jobs, consume, workers=min(at_once, len(jobs)))
    file.add(joined(waiting))
    return n_generated, sum_of_weights, entries


def _record(
    table: CrossSection,
    settings: tuple[str, ...],
    seed: int,
    job_size: int,
    event_filter: str | None,
    events: LesHouchesFile | None,
) -> dict[str, Any]:
    """Return all that decides the events of a sample, but their number."""
    record = {
        "schema": SCHEMA,
        "version": VERSION,
        "process": table.process,
        "seed": seed,
        "job_size": job_size,
        "filter": event_filter,
        "response": _RESPONSE,
        "cross_section": table.to_dict(),
        "pythia_settings": list(settings),
        "versions": {package: version(package) for package in _PACKAGES},
    }
    if events is not None:
        record["lhe"] = {**asdict(events), "path": events.path.name}
    return record


def _sample(
    path: Path,
    fileset: Path,
    table: CrossSection,
    record: dict[str, Any],
    n_generated: int,
    sum_of_weights: float,
    entries: int,
) -> SimulatedSample:
    if not sum_of_weights > 0:
        raise DataError(
            f"{path}: the weights of its {n_generated:,} generated events add up to "
            f"{sum_of_weights:g}; such a sample has no cross section"
        )
    luminosity = sum_of_weights * 1e-3 / table.filtered_pb
    record = {
        **record,
        "n_generated": n_generated,
        "entries": entries,
        "sum_of_weights": sum_of_weights,
        "cross_section_pb": table.filtered_pb,
        "luminosity_ifb": luminosity,
    }
    return SimulatedSample(
        path,
        fileset,
        table.process,
        n_generated,
        entries,
        sum_of_weights,
        table.filtered_pb,
        luminosity,
        record,
    )


def _fileset(sample: SimulatedSample, table: CrossSection) -> dict[str, Any]:
    """Return coffea's fileset of the one file; see `eμsym.processors.fileset.Metadata`."""
    metadata = {
        "cross_section_pb": sample.cross_section_pb,
        # With weights, theirs is the sum that a histogram is to be divided by.
        "n_generated": sample.sum_of_weights,
        "entries": sample.entries,
        "luminosity_ifb": sample.luminosity_ifb,
        "sqrt_s_tev": _energy_tev(sample.record["pythia_settings"]),
        "role": table.role,
        "seed": sample.record["seed"],
        "filter": sample.record["filter"],
        "response": sample.record["response"],
        "versions": sample.record["versions"],
    }
    if table.lfv_branching_ratio is not None:
        metadata["branching_ratio"] = table.lfv_branching_ratio
    return {sample.process: {"files": {sample.path.name: TREE}, "metadata": metadata}}


def _energy_tev(settings: Sequence[str]) -> float:
    """Return the collisions' energy: that of the last setting that says it, which counts."""
    pairs = (setting.partition("=")[::2] for setting in settings)
    gev = {name.strip().lower(): value.strip() for name, value in pairs}["beams:ecm"]
    return float(gev) / 1000
