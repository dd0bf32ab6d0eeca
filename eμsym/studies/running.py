"""Running a study: what is missing of it, on local cores or Dask, kept as it is done."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eμsym.errors import ConfigurationError, DataError
from eμsym.progress import Advance, toy_bar
from eμsym.studies.combining import combined, toys_in
from eμsym.studies.pools import REMEDY, Workers, start_workers
from eμsym.studies.records import Toy, Work, run_chunk
from eμsym.studies.results import StudyResults
from eμsym.studies.row_sources import prepare
from eμsym.studies.store import Store, open_store, read_store
from eμsym.studies.study_config import Study
from eμsym.studies.study_file import StudyFile, versions_here
from eμsym.workers import LostWorkersError, collect_apart, cores

#: Toys wait no longer than this to be written: it is what a kill can cost.
KEEP_SECONDS = 1.0
#: Seconds in this process before workers are started, which takes about as long.
ALONE_SECONDS = 1.0
#: Work that a worker is given at once.
_CHUNK_SECONDS = 0.5
#: What is done sooner than this shows no bar.
BAR_AFTER_SECONDS = 2.0
#: How often local workers may die before the study gives up.
_POOLS = 4


def run_study(
    study: Study,
    folder: str | Path,
    *,
    workers: int | None = None,
    dask: str | None = None,
    job: int = 0,
    jobs: int = 1,
    any_version: bool = False,
    progress: bool | None = None,
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
    progress : bool, optional
        Whether to show a bar with the time left and the failures. Default: if
        standard error is a terminal.

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
        with toy_bar(
            before + len(missing), progress, after=BAR_AFTER_SECONDS, done=before
        ) as advance:
            _Run(work, store, advance, missing).run(workers, dask)
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
class _Run:
    """The toys that are missing, on their way to the store."""

    work: Work
    store: Store
    advance: Advance
    missing: list[Toy]
    seconds: float = 0.0
    done: int = 0
    failed: int = 0
    diverged: int = 0
    records: list[dict[str, Any]] = field(default_factory=list)
    finished: set[Toy] = field(default_factory=set)
    kept: float = -float("inf")

    def run(self, workers: int | None, dask: str | None) -> None:
        """Do them all."""
        try:
            if dask is None and workers in (None, 1):
                self._alone(ALONE_SECONDS if workers is None else float("inf"))
            if self._left():
                self._shared(cores() if workers is None else workers, dask)
        finally:
            self._keep()

    def _left(self) -> list[Toy]:
        return [toy for toy in self.missing if toy not in self.finished]

    def _alone(self, limit: float) -> None:
        """Do toys in this process until the time is up, or all if they are soon done."""
        for i, toy in enumerate(self.missing):
            self._take([toy], run_chunk(self.work, [toy]))
            left = self.seconds / self.done * (len(self.missing) - i - 1)
            if self.seconds > limit and left > 2 * ALONE_SECONDS:
                return

    def _shared(self, workers: int, dask: str | None) -> None:
        for attempt in range(1, _POOLS + 1):
            try:
                with start_workers(self.work, workers, dask) as pool:
                    collect_apart(functools.partial(self._collect, pool), pool.stop)
                return
            except BrokenExecutor as error:
                if attempt == _POOLS:
                    raise LostWorkersError(
                        f"{self.store.folder}: worker processes were killed {_POOLS} times (is "
                        f"the memory enough?); {REMEDY}"
                    ) from error

    def _collect(self, pool: Workers) -> None:
        waiting: dict[Future[Any], list[Toy]] = {}
        todo = self._left()[::-1]
        slots, asked = pool.slots(), time.monotonic()
        try:
            while (todo or waiting) and not pool.stopped.is_set():
                if time.monotonic() - asked > KEEP_SECONDS:
                    slots, asked = pool.slots(), time.monotonic()
                while todo and len(waiting) < 2 * slots:
                    toys = [todo.pop() for _ in range(self._chunk_size(len(todo), slots))]
                    waiting[pool.submit(toys)] = toys
                found, _ = wait(waiting, timeout=KEEP_SECONDS, return_when=FIRST_COMPLETED)
                for future in found:
                    self._take(waiting.pop(future), future.result())
                self._keep_if_due()
        finally:
            for future in waiting:
                future.cancel()

    def _chunk_size(self, left: int, slots: int) -> int:
        """Return how many toys a worker is given: half a second's, less towards the end."""
        if not self.seconds:
            return 1
        size = int(_CHUNK_SECONDS * self.done / self.seconds)
        return max(1, min(size, left // (4 * slots), left))

    def _take(self, toys: list[Toy], answer: tuple[list[dict[str, Any]], int, float]) -> None:
        records, count, seconds = answer
        self.records += records
        self.finished.update(toys[:count])
        self.seconds += seconds
        self.done += count
        self.failed += sum("problem" in record for record in records)
        self.diverged += sum(bool(record.get("diverged")) for record in records)
        counts = {"failed": self.failed, "diverged": self.diverged}
        self.advance(count, ", ".join(f"{n} {what}" for what, n in counts.items() if n))
        self._keep_if_due()

    def _keep_if_due(self) -> None:
        if self.records and time.monotonic() - self.kept > KEEP_SECONDS:
            self._keep()

    def _keep(self) -> None:
        self.kept = time.monotonic()
        if self.records:
            # Dropped only then: interrupted, they are written once more, under the same name.
            self.store.write_part(self.records)
            self.records = []
