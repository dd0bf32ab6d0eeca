"""Processing a fileset with coffea's executors, with an account of every event asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import awkward as ak
import hist
import loky
from coffea.processor import accumulate
from coffea.processor.executor import WorkItem

from eμsym.errors import ConfigurationError, InputFileError, LostEventsError, OutputError
from eμsym.event_io import read_events
from eμsym.label_rule import LEADING, LabelRule
from eμsym.processors.chunk_edges import CHUNKSIZE
from eμsym.processors.chunk_work import ChunkWork
from eμsym.processors.columns import record_array
from eμsym.processors.config import EMuConfig
from eμsym.processors.emu import SymmetryProcessor
from eμsym.processors.executors import ChunkKey, LostChunk, make_executor
from eμsym.processors.fileset import Dataset
from eμsym.processors.find_format import find_format
from eμsym.processors.formats import DELPHES, Format, FormatOptions
from eμsym.processors.inspection import FileReport, inspect_datasets

#: Below this many events per further worker, starting it costs more than it saves.
EVENTS_PER_WORKER = 500_000
#: No machine has more cores; many more processes could not even be counted.
MOST_WORKERS = 4096


@dataclass(frozen=True)
class FileAccount:
    """What was asked of a file and what was processed.

    Attributes
    ----------
    dataset, path, tree, uuid : str
    file_id : int
        See `eμsym.processors.file_identity.file_id`; 0 if the file could not be opened.
    entries : int or None
        Events in the file; None if that could not be found out.
    asked : int or None
        Events asked for: those of the fileset's steps, else all.
    processed : int
        Events processed.
    problems : tuple of str
        Why the rest is missing, a line each.
    notes : tuple of str
        What else should be known of the file, a line each.
    """

    dataset: str
    path: str
    tree: str
    uuid: str
    file_id: int
    entries: int | None
    asked: int | None
    processed: int
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every event asked for was processed."""
        return not self.problems and self.asked == self.processed


@dataclass(frozen=True, eq=False)
class Processed:
    """Output of `process`.

    Attributes
    ----------
    datasets : tuple of Dataset
    files : tuple of FileAccount
    cutflow : dict
        dataset → cut → raw, sumw, sumw2; see `SymmetryProcessor`.
    histograms : dict of str to hist.Hist
        Axes dataset (in the order asked for), order, observables; event weights
        as they are in the files.
    parts : dict
        dataset → record arrays, or Parquet files of them, in order of file and entry.
    rule : LabelRule
        By which the events were labelled.
    file_format : Format
        What the files are.
    """

    datasets: tuple[Dataset, ...]
    files: tuple[FileAccount, ...]
    cutflow: dict[str, dict[str, dict[str, float]]]
    histograms: dict[str, hist.Hist]
    parts: dict[str, list[Any]]
    rule: LabelRule = LEADING
    file_format: Format = DELPHES

    @property
    def files_by_dataset(self) -> dict[str, list[FileAccount]]:
        """The files of every dataset, in the order asked for."""
        files: dict[str, list[FileAccount]] = {dataset.name: [] for dataset in self.datasets}
        for file in self.files:
            files[file.dataset].append(file)
        return files

    @property
    def missing(self) -> tuple[FileAccount, ...]:
        """The files that were not processed whole."""
        return tuple(file for file in self.files if not file.complete)

    def columns(self, dataset: str) -> Iterator[ak.Array]:
        """Yield the columns of a dataset's selected events, a chunk at a time."""
        for part in self.parts[dataset]:
            yield read_events(part) if isinstance(part, Path) else part

    @property
    def like(self) -> ak.Array:
        """No events, with the columns and types of all."""
        for name, parts in self.parts.items():
            if parts:
                return next(self.columns(name))[:0]
        return record_array()

    def events(self, dataset: str) -> ak.Array:
        """Return the columns of all of a dataset's selected events."""
        return ak.concatenate(list(self.columns(dataset)))


def process(
    datasets: Iterable[Dataset],
    config: EMuConfig | None = None,
    *,
    workers: int | None = None,
    dask: str | None = None,
    chunksize: int = CHUNKSIZE,
    allow_missing: bool = False,
    spill: Path | None = None,
    progress: bool = False,
    file_format: Format | FormatOptions | None = None,
) -> Processed:
    """Run `SymmetryProcessor` over datasets.

    The output is the same, bit for bit, for any number of workers and any executor.

    Parameters
    ----------
    datasets : iterable of Dataset
        See `eμsym.processors.fileset.read_fileset`.
    config : EMuConfig, optional
    workers : int, optional
        Processes. Default: as many as there are cores, but no more than the
        number of events is worth.
    dask : str, optional
        ``"local"``, or the address of a Dask scheduler.
    chunksize : int
        Largest number of events held in memory at a time, per worker.
    allow_missing : bool
        Go on without files and chunks that cannot be read, and account for them.
    spill : Path, optional
        Folder for the chunks' columns while the run goes on; without it they stay
        in memory.
    progress : bool
        Whether to draw a progress bar.
    file_format : Format or FormatOptions, optional
        What kind of files they are. Default, and where the options do not name it: what the
        first of them is found to be.

    Returns
    -------
    Processed

    Raises
    ------
    InputFileError
        If a file cannot be processed and `allow_missing` is false.
    LostEventsError
        If events were lost on the way and `allow_missing` is false, or nothing is left.
    OutputError
        If the chunks' columns cannot be written into `spill`.
    ConfigurationError
        If an option is impossible or one file's events would count twice.
    """
    datasets = tuple(datasets)
    config = config or EMuConfig()
    if chunksize < 1:
        raise ConfigurationError(f"chunksize {chunksize}: give at least 1")
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise ConfigurationError(f"workers {workers}: give at least 1, at most {MOST_WORKERS}")
    asked = [(d, path, tree) for d in datasets for path, tree in d.files.items()]
    if not isinstance(file_format, Format):
        file_format = find_format(datasets, file_format or FormatOptions())
    processor = SymmetryProcessor(config, file_format)
    reports = inspect_datasets(datasets, processor.file_format, processor.wanted)
    owners = [d.name for d, _, _ in asked]
    _refuse_bad_files(reports, allow_missing)
    _refuse_copies(owners, reports)
    items = _work_items(asked, reports, chunksize)
    if workers is None:
        events = sum(len(item) for item in items)
        workers = min(loky.cpu_count(), max(1, math.ceil(events / EVENTS_PER_WORKER)))
    with make_executor(workers=workers, dask=dask, spill=spill, progress=progress) as executor:
        chunks = executor(items, ChunkWork(processor), None)[0]["chunks"]
    for out in chunks.values():
        if isinstance(out, LostChunk) and out.unwritable:
            raise OutputError(out.reason)
    files = _account(owners, reports, items, chunks)
    if not allow_missing:
        _refuse_losses(files)
    return _add_up(datasets, processor, files, items, chunks)


def _refuse_bad_files(reports: list[FileReport], allow_missing: bool) -> None:
    bad = [report for report in reports if not report.ok]
    if bad and len(bad) == len(reports):
        others = f" (and {len(bad) - 1} more: no file can be read)" if len(bad) > 1 else ""
        raise InputFileError(f"{bad[0].problem}{others}")
    if bad and not allow_missing:
        others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise InputFileError(f"{bad[0].problem}{others}; or go on without with --allow-missing")


def _refuse_copies(owners: list[str], reports: list[FileReport]) -> None:
    """Refuse two files of one dataset that are the same, byte for byte as far as is seen."""
    seen: dict[tuple[str, int], str] = {}
    for owner, report in zip(owners, reports, strict=True):
        if not report.ok:
            continue
        first = seen.setdefault((owner, report.file_id), report.path)
        if first != report.path:
            raise ConfigurationError(
                f"{report.path}: has the same UUID as {first}, and the same content: its events "
                "would count twice; give one of the copies"
            )


def _work_items(
    asked: list[tuple[Dataset, str, str]], reports: list[FileReport], chunksize: int
) -> list[WorkItem]:
    """Cut what is asked for of every readable file into chunks."""
    items = []
    for (dataset, _, _), report in zip(asked, reports, strict=True):
        if not report.ok:
            continue
        uuid = UUID(report.uuid).bytes
        identity: dict[str, Any] = {"file_id": report.file_id}
        if dataset.metadata.cuts is not None:
            identity["cuts"] = dict(dataset.metadata.cuts)
        items += [
            WorkItem(dataset.name, report.source, report.tree, start, stop, uuid, identity)
            for start, stop in report.chunks(chunksize)
        ]
    return items


def _key(item: WorkItem) -> ChunkKey:
    return (item.dataset, item.filename, item.entrystart, item.entrystop)


def _account(
    owners: list[str],
    reports: list[FileReport],
    items: list[WorkItem],
    chunks: dict[ChunkKey, Any],
) -> tuple[FileAccount, ...]:
    """Compare, file by file, what was asked for with what came back."""
    processed: dict[tuple[str, str], int] = {}
    problems: dict[tuple[str, str], list[str]] = {}
    for item in items:
        where = (item.dataset, item.filename)
        out = chunks.get(_key(item), LostChunk("the chunk never came back"))
        if isinstance(out, LostChunk):
            lost = f"entries {item.entrystart}-{item.entrystop} lost: {out.reason}"
            problems.setdefault(where, []).append(lost)
        else:
            processed[where] = processed.get(where, 0) + len(item)
    accounts = []
    for owner, report in zip(owners, reports, strict=True):
        where = (owner, report.source)
        found = [report.problem] if report.problem else problems.get(where, [])
        accounts.append(
            FileAccount(
                dataset=owner,
                path=report.path,
                tree=report.tree,
                uuid=report.uuid,
                file_id=report.file_id,
                entries=report.entries,
                asked=report.asked,
                processed=processed.get(where, 0),
                problems=tuple(found),
                notes=report.notes,
            )
        )
    return tuple(accounts)


def _refuse_losses(files: tuple[FileAccount, ...]) -> None:
    lost = [file for file in files if not file.complete]
    if not lost:
        return
    events = sum((file.asked or 0) - file.processed for file in lost)
    raise LostEventsError(
        f"{lost[0].path}: {lost[0].problems[0]} ({events} events of {len(lost)} file(s) lost); "
        "mend this, or go on without with --allow-missing"
    )


def _add_up(
    datasets: tuple[Dataset, ...],
    processor: SymmetryProcessor,
    files: tuple[FileAccount, ...],
    items: list[WorkItem],
    chunks: dict[ChunkKey, Any],
) -> Processed:
    """Add the chunks in the order of files and entries, which no executor can change."""
    outputs: dict[str, list[dict[str, Any]]] = {dataset.name: [] for dataset in datasets}
    for item in items:
        out = chunks.get(_key(item))
        if out is not None and not isinstance(out, LostChunk):
            outputs[item.dataset].append(out)
    if not any(outputs.values()):
        problem = next(file.problems[0] for file in files if file.problems)
        raise LostEventsError(f"{files[0].path}: {problem}; no chunk of any file could be read")
    parts: dict[str, list[Any]] = {name: [] for name in outputs}
    cutflow: dict[str, Any] = {}
    orders = processor.rule.orders
    histograms = processor.config.histograms(*outputs, orders=orders)
    for name, of_dataset in outputs.items():
        for out in of_dataset:
            part = out.pop("columns")[name]
            parts[name].append(part if isinstance(part, Path) else part.value)
        # Each by itself: in the histograms of all, every chunk would touch every dataset's bins.
        empty = {"cutflow": {}, "histograms": processor.config.histograms(name, orders=orders)}
        total: Any = accumulate([empty, *of_dataset])
        cutflow |= total["cutflow"]
        for key, histogram in histograms.items():
            where = histogram.axes["dataset"].index(name)
            histogram.view(flow=True)[where] = total["histograms"][key].view(flow=True)[0]
    total = processor.postprocess({"cutflow": cutflow, "histograms": histograms})
    return Processed(
        datasets,
        files,
        total["cutflow"],
        total["histograms"],
        parts,
        processor.rule,
        processor.file_format,
    )
