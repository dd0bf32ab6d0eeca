"""Running a study: what is missing of it, on local cores or Dask, kept as it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eμsym.errors import ConfigurationError, DataError
from eμsym.progress import Advance
from eμsym.running.loop import run_tasks
from eμsym.studies.combining import combined, toys_in
from eμsym.studies.records import Toy, Work
from eμsym.studies.results import StudyResults
from eμsym.studies.row_sources import prepare
from eμsym.studies.store import Store, open_store, read_store
from eμsym.studies.study_config import Study
from eμsym.studies.study_file import StudyFile, versions_here

REMEDY = "run again: what is done is kept"


def run_study(
    study: Study,
    folder: str | Path,
    *,
    workers: int | None = None,
    dask: str | None = None,
    job: int = 0,
    jobs: int = 1,
    any_version: bool = False,
    progress: bool | Advance | None = None,
) -> StudyResults:
    """Do the toys of a study that its store has not, and keep each as it is done.

    What is kept is the same, bit for bit, for any number of workers, on Dask or
    not, run through or killed and resumed at any time. Several processes, also
    on several machines, may work on one store.

    Parameters
    ----------
    study : Study
        See `eμsym.studies.study_config.read_study`.
    folder : str or Path
        The store; made if it is not there.
    workers : int, optional
        Local processes (threads, if all tests release the GIL). Default: all
        cores, if the toys take longer than starting workers does.
    dask : str, optional
        ``"local"`` for a Dask cluster of `workers` processes on this machine, or
        the address of a scheduler.
    job, jobs : int
        Do only every `jobs`-th toy, from number `job` (0 is the first) on.
    any_version : bool
        Go on with toys that were made with other versions of the packages.
    progress : bool or callable, optional
        Whether to show a bar with the time left and the failures, or what is told
        instead. Default: if standard error is a terminal.

    Returns
    -------
    StudyResults
        All that is done, by this call or before.

    Raises
    ------
    ConfigurationError
        If the store is of another study or version, or an option impossible.
    InputFileError, DataError
        If a row's events cannot be read, or the store is damaged.
    OutputError
        If toys cannot be kept, as on a full disk.
    LostWorkersError
        If workers die again and again.
    """
    for value, name in ((1 if workers is None else workers, "workers"), (jobs, "jobs")):
        if value < 1:
            raise ConfigurationError(f"{name} {value}: give at least 1")
    if not 0 <= job < jobs:
        raise ConfigurationError(f"job {job} of {jobs}: give 0 to {jobs - 1}")
    prepared = prepare(study)
    wanted = StudyFile(prepared.study, prepared.inputs, (versions_here(),))
    store = open_store(folder, wanted)
    done = toys_in(store.read(mend=True), store.study)
    missing = [toy for toy in in_turn(prepared.study)[job::jobs] if toy not in done]
    if missing:
        _check_versions(store, any_version)
        work = Work(
            prepared.study.tests, prepared.rows, tuple(row.name for row in prepared.study.rows)
        )
        before = prepared.study.toys - len(missing) if jobs == 1 else 0
        run_tasks(
            work,
            missing,
            _InStore(store),
            workers=workers,
            dask=dask,
            done_before=before,
            progress=progress,
        )
    table = store.finish()
    return StudyResults(store.study, table, store.content.inputs, tuple(store.notes))


def read_results(folder: str | Path) -> StudyResults:
    """Return what a store holds.

    Raises
    ------
    InputFileError, ConfigurationError, DataError
        If it is no store, or damaged.
    """
    store = read_store(folder)
    return StudyResults(store.study, store.read(), store.content.inputs)


def merge_stores(folders: Sequence[str | Path], output: str | Path) -> StudyResults:
    """Put the toys of several stores of one study into one.

    Parameters
    ----------
    folders : sequence of str or Path
        They stay as they are.
    output : str or Path
        A new store, or one of the same study.

    Raises
    ------
    ConfigurationError
        If they are not of one study.
    DataError
        If a toy that two of them have is not the same.
    InputFileError, OutputError
        If a store cannot be read, or the new one not written.
    """
    if not folders:
        raise ConfigurationError("merge: name the stores that are to be put together")
    stores = [read_store(folder) for folder in folders]
    for store in stores[1:]:
        if store.content.fingerprint != stores[0].content.fingerprint:
            raise ConfigurationError(f"{store.folder}: is of another study than {folders[0]}")
    largest = max(stores, key=lambda store: store.study.toys)
    rows = tuple(
        replace(row, toys=max(each.study.rows[i].toys for each in stores))
        for i, row in enumerate(largest.study.rows)
    )
    versions = {tuple(sorted(each.items())): each for s in stores for each in s.content.versions}
    content = StudyFile(
        replace(largest.study, rows=rows), largest.content.inputs, tuple(versions.values())
    )
    tables = [store.read() for store in stores]
    try:
        combined(tables, content.study)
    except DataError as error:
        raise DataError(f"{', '.join(map(str, folders))}: {error}") from error
    merged = open_store(output, content)
    for table in tables:
        if table.num_rows:
            merged.write_table_as_part(table)
    return StudyResults(merged.study, merged.finish(), content.inputs, tuple(merged.notes))


def in_turn(study: Study) -> list[Toy]:
    """Return a study's toys in the order in which they are done.

    All rows progress together, so that the time left can be told and what is
    done can be looked at meanwhile.
    """
    placed = [
        ((toy + 0.5) / row.toys, number, toy)
        for number, row in enumerate(study.rows)
        for toy in range(row.toys)
    ]
    return [(number, toy) for _, number, toy in sorted(placed)]


def _check_versions(store: Store, any_version: bool) -> None:
    here = versions_here()
    for versions in store.content.versions:
        for name, version in here.items():
            if versions.get(name) != version and not any_version:
                raise ConfigurationError(
                    f"{store.folder}: was begun with {name} {versions.get(name)}, this is "
                    f"{version}, and toys may differ in their last digits; install that one, or "
                    "go on with --any-version"
                )
    if here not in store.content.versions:
        store.content = replace(store.content, versions=(*store.content.versions, here))
        store.content.write(store.folder)


@dataclass
class _InStore:
    """Keeps toys in a store: `eμsym.running.keepers.Keeper` of their lines."""

    store: Store
    failed: int = 0
    diverged: int = 0
    remedy: str = REMEDY

    @property
    def where(self) -> str:
        return f"{self.store.folder}: "

    def note(self, answers: Sequence[list[dict[str, Any]]]) -> str:
        records = [record for answer in answers for record in answer]
        self.failed += sum("problem" in record for record in records)
        self.diverged += sum(bool(record.get("diverged")) for record in records)
        counts = {"failed": self.failed, "diverged": self.diverged}
        return ", ".join(f"{n} {what}" for what, n in counts.items() if n)

    def keep(self, tasks: Sequence[Toy], answers: Sequence[list[dict[str, Any]]]) -> None:
        self.store.write_part([record for answer in answers for record in answer])
