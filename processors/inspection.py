"""Is this a file that we can read, and if not, why not?"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from eμsym.errors import EmusymError
from eμsym.processors.asked import Asked, Steps
from eμsym.processors.chunk_edges import CHUNKSIZE, chunk_edges
from eμsym.processors.file_events import TREES, FileEvents, RootSource, Source, opened_tree
from eμsym.processors.file_header import local_problem
from eμsym.processors.file_identity import file_id
from eμsym.processors.fileset import Dataset
from eμsym.processors.formats import DELPHES, FORMATS, Format, most_like
from eμsym.processors.parquet_source import opened_parquet, parquet_id
from eμsym.processors.root_files import opened_root
from eμsym.processors.urls import (
    fetched_whole,
    is_url,
    only_whole_files,
    url_problem,
)


@dataclass(frozen=True)
class FileReport:
    """What was found in a file.

    Attributes
    ----------
    path, tree : str
    entries : int or None
        None if the tree could not be opened.
    uuid : str
        Identity that ROOT wrote into the file, of others that of `file_id`; empty if it
        could not be opened.
    file_id : int
        What the file is, see `eμsym.processors.file_identity.file_id`; 0 if it could not be
        opened.
    problem : str or None
        One line: what is wrong and what to do. None if the file can be processed.
    steps : tuple of (int, int), optional
        Ranges of entries that are asked for; None: all of them.
    opened_as : str, optional
        What uproot must open to read it, if not `path`.
    notes : tuple of str
        What should be known of it, a line each.
    parts : tuple of int
        Entries at which parts of it begin that are read whole.
    """

    path: str
    tree: str
    entries: int | None = None
    uuid: str = ""
    file_id: int = 0
    problem: str | None = None
    steps: Steps | None = None
    opened_as: str | None = None
    notes: tuple[str, ...] = ()
    parts: tuple[int, ...] = field(default=(), repr=False)

    @property
    def source(self) -> str:
        """What uproot opens."""
        return self.opened_as or self.path

    @property
    def ok(self) -> bool:
        """Whether the file can be processed."""
        return self.problem is None

    @property
    def ranges(self) -> Steps:
        """The ranges of entries asked for, at least one, which may be empty."""
        whole = ((0, self.entries or 0),)
        return whole if self.steps is None else self.steps or ((0, 0),)

    def chunks(self, size: int) -> Iterator[tuple[int, int]]:
        """Yield the entries asked for in chunks of a size at most; see `chunk_edges`.

        A file of which nothing is asked for is one empty chunk.
        """
        for first, last in self.ranges:
            yield from itertools.pairwise(chunk_edges(first, last, size, self.parts))

    @property
    def asked(self) -> int | None:
        """Events asked for; None if that is all and their number is not known."""
        if self.steps is None:
            return self.entries
        return sum(stop - start for start, stop in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Return the report, for JSON."""
        found = {**asdict(self), "file_id": f"{self.file_id:016x}", "ok": self.ok}
        del found["parts"]
        return found


def inspect_file(
    path: str,
    tree: str | None = None,
    file_format: Format = DELPHES,
    wanted: Collection[str] = (),
) -> FileReport:
    """Look at a file's header, tree and branches, reading no event.

    Parameters
    ----------
    path : str
        A local path or a URL.
    tree : str, optional
        Default: the format's.
    file_format : Format
    wanted : collection of str
        What must be there beside leptons, missing momentum and weights, see `Format.read`.

    Returns
    -------
    FileReport
        Never raises: a bad file is a result.
    """
    look = _Look(file_format, tuple(wanted))
    return _inspect(path, tree or "", look)


#: How the needed branches of a tree are laid out: name and interpretation of each.
_Layout = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Look:
    """What is looked for in files, and the layouts found good: those are not looked at again."""

    file_format: Format
    wanted: tuple[str, ...]
    good: set[_Layout] = field(default_factory=set)

    @property
    def branches(self) -> tuple[str, ...]:
        return self.file_format.needed(self.wanted)


def _inspect(path: str, tree: str, look: _Look) -> FileReport:
    tree = tree or look.file_format.tree
    parquet = look.file_format.container == "parquet"
    if is_url(path) and not parquet:
        return _inspect_url(path, tree, look)
    problem = local_problem(Path(path), look.file_format)
    if problem:
        return FileReport(path, tree, problem=problem)
    try:
        inspect = _inspect_parquet if parquet else _inspect_opened
        return inspect(FileReport(path, tree), look)
    except Exception as error:
        return FileReport(path, tree, problem=_problem(path, error))


def _inspect_url(url: str, tree: str, look: _Look) -> FileReport:
    report = FileReport(url, tree)
    try:
        if only_whole_files(url):
            report = replace(report, opened_as=fetched_whole(url))
        return _inspect_opened(report, look)
    except Exception as error:
        return replace(report, problem=url_problem(url, error))


def _inspect_opened(report: FileReport, look: _Look) -> FileReport:
    """Look at a tree and its branches; whatever is raised, the file or its server is at fault."""
    with opened_root(report.source) as file:
        uuid, identity = str(file.file.uuid), file_id(file)
        entries, problem = _tree_problem(file, report.path, report.tree, look)
        report = replace(report, entries=entries, uuid=uuid, file_id=identity, problem=problem)
        if not report.ok:
            return report
        return _looked_at(report, RootSource(file[report.tree]), look)


def _inspect_parquet(report: FileReport, look: _Look) -> FileReport:
    """Look at the columns of a Parquet file; whatever is raised, the file is at fault."""
    with opened_parquet(report.path) as source:
        identity = parquet_id(report.path)
        entries, uuid = source.entries, str(UUID(int=identity))
        report = replace(report, entries=entries, uuid=uuid, file_id=identity)
        if problem := _missing_branches(report, source.names, look):
            return replace(report, problem=problem)
        return _looked_at(report, source, look)


def _looked_at(report: FileReport, source: Source, look: _Look) -> FileReport:
    """Read no event of the needed branches, which finds those of another kind or shape."""
    there = [x for x in look.file_format.where_there(look.wanted) if x in source.names]
    layout = tuple((x, source.layout(x)) for x in (*look.branches, *there))
    if layout not in look.good:
        look.file_format.read(_events(source, report, 0, 0), look.wanted)
        look.good.add(layout)
    notes, parts = look.file_format.notes(source.names), source.parts(look.branches)
    return replace(report, notes=tuple(notes), parts=parts)


def inspect_files(
    files: Iterable[tuple[str, str]],
    file_format: Format = DELPHES,
    wanted: Collection[str] = (),
) -> list[FileReport]:
    """Look at many (path, tree), several at a time; the order is kept. See `inspect_file`."""
    files, look = list(files), _Look(file_format, tuple(wanted))
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda each: _inspect(each[0], each[1], look), files))


def inspect_datasets(
    datasets: Iterable[Dataset],
    file_format: Format = DELPHES,
    wanted: Collection[str] = (),
) -> list[FileReport]:
    """Look at the files of datasets, in order; they must be what their fileset says they are.

    See `inspect_file`.
    """
    datasets = tuple(datasets)
    files = [(d, path, tree) for d in datasets for path, tree in d.files.items()]
    reports = inspect_files(((path, tree) for _, path, tree in files), file_format, wanted)
    return [
        _compared(report, dataset.asked.get(report.path))
        for (dataset, _, _), report in zip(files, reports, strict=True)
    ]


def _compared(report: FileReport, asked: Asked | None) -> FileReport:
    if asked is None:
        return report
    report = replace(report, steps=asked.steps)
    other = asked.problem(report.entries or 0, report.uuid) if report.ok else None
    return replace(report, problem=f"{report.path}: {other}") if other else report


def _tree_problem(file: Any, path: str, name: str, look: _Look) -> tuple[int | None, str | None]:
    """Return the number of entries and what is wrong with the tree."""
    if lacking := look.file_format.lacking(look.wanted):
        return None, f"{path}: {lacking}"
    kinds = file.classnames(cycle=False)
    if name not in kinds:
        trees = [key for key, kind in kinds.items() if kind in TREES]
        other = f"it has {', '.join(trees)}; name one with --tree" if trees else "it has no tree"
        return None, f"{path}: has no tree {name!r} ({other})"
    if kinds[name] not in TREES:
        return None, f"{path}: {name!r} is a {kinds[name]}, not a TTree; name the tree with --tree"
    tree = file[name]
    entries = int(tree.num_entries)
    if problem := _missing_branches(FileReport(path, name), RootSource(tree).names, look):
        return entries, problem
    if kinds[name] != "TTree":
        return entries, None
    found = tree.keys(filter_name=frozenset(look.branches).__contains__)
    for branch in look.branches:
        odd = _branch_problem(tree[branch], entries, found.count(branch))
        if odd:
            return None, f"{path}: branch {branch} {odd}; copy or make the file again"
    return entries, None


def _missing_branches(report: FileReport, names: frozenset[str], look: _Look) -> str | None:
    """Return the line for branches that a file has not, or None."""
    if lacking := look.file_format.lacking(look.wanted):
        return f"{report.path}: {lacking}"
    missing = look.file_format.missing(names, look.wanted)
    if not missing:
        return None
    other = most_like(names, look.file_format.container)
    known = {each.name for each in FORMATS}
    if other is not None and look.file_format.name in known - {other.name}:
        return (
            f"{report.path}: is a {other.name} file, not {look.file_format.name}; process files "
            "of one format at a time"
        )
    what = f"tree {report.tree!r}" if report.tree else "the file"
    return (
        f"{report.path}: branch {', '.join(missing)} is missing from {what}; "
        f"{look.file_format.remedy}"
    )


def _branch_problem(branch: Any, entries: int, times: int) -> str | None:
    """Return what a branch's own account of itself has against that of its tree."""
    if times > 1:
        return f"stands in the tree {times} times"
    if branch.num_entries != entries:
        return f"has {branch.num_entries} entries, its tree {entries}"
    edges = branch.entry_offsets
    if edges[0] != 0 or any(after < before for before, after in itertools.pairwise(edges)):
        return "has parts that are not in order"
    return None


def read_whole_file(
    report: FileReport,
    chunksize: int = CHUNKSIZE,
    file_format: Format = DELPHES,
    wanted: Collection[str] = (),
) -> FileReport:
    """Read every needed value of a file that was found readable.

    Parameters
    ----------
    report : FileReport
    chunksize : int
        Events in memory at a time.
    file_format : Format
    wanted : collection of str
        As for `inspect_file`.

    Returns
    -------
    FileReport
        The report, with the first problem met.
    """
    if not report.ok:
        return report
    for start, stop in report.chunks(chunksize):
        try:
            with _opened(report, file_format) as source:
                file_format.read(_events(source, report, start, stop), wanted)
        except Exception as error:
            return replace(report, problem=_problem(report.path, error))
    return report


@contextmanager
def _opened(report: FileReport, file_format: Format) -> Iterator[Source]:
    """Open a file that was found readable."""
    if file_format.container == "parquet":
        with opened_parquet(report.path) as source:
            yield source
    else:
        with opened_tree(report.source, report.tree) as tree:
            yield tree


def _events(source: Source, report: FileReport, start: int, stop: int) -> FileEvents:
    """Return some entries as the processor sees them, of which nothing is read yet."""
    return FileEvents(source, start, stop, {"filename": report.path, "entrystart": start})


def _problem(path: str, error: Exception) -> str:
    """Return the line for whatever uproot or coffea raises of a file: the file is at fault."""
    if isinstance(error, EmusymError):
        return str(error)
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return f"{path}: cannot be opened as ROOT ({reason[0]}); copy or make it again"
