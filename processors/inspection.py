"""Is this a file that we can read, and if not, why not?"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import awkward as ak
import uproot
from coffea.nanoevents import NanoEventsFactory

from eμsym.errors import EmusymError
from eμsym.input_files import unlike_a_file
from eμsym.processors.asked import Asked, Steps
from eμsym.processors.file_identity import file_id
from eμsym.processors.fileset import Dataset
from eμsym.processors.formats import DELPHES, Format
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
        Identity that ROOT wrote into the file; empty if it could not be opened.
    file_id : int
        What the file is, see `eμsym.processors.file_identity.file_id`; 0 if it could not be
        opened.
    problem : str or None
        One line: what is wrong and what to do. None if the file can be processed.
    steps : tuple of (int, int), optional
        Ranges of entries that are asked for; None: all of them.
    opened_as : str, optional
        What uproot must open to read it, if not `path`.
    """

    path: str
    tree: str
    entries: int | None = None
    uuid: str = ""
    file_id: int = 0
    problem: str | None = None
    steps: Steps | None = None
    opened_as: str | None = None

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

    @property
    def asked(self) -> int | None:
        """Events asked for; None if that is all and their number is not known."""
        if self.steps is None:
            return self.entries
        return sum(stop - start for start, stop in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Return the report, for JSON."""
        return {**asdict(self), "file_id": f"{self.file_id:016x}", "ok": self.ok}


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
    return _inspect(path, file_format.tree if tree is None else tree, look)


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
    if is_url(path):
        return _inspect_url(path, tree, look)
    problem = _local_problem(Path(path), look.file_format)
    if problem:
        return FileReport(path, tree, problem=problem)
    try:
        return _inspect_opened(FileReport(path, tree), look)
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
    # The mapping form keeps colons in paths from being taken for tree names.
    with uproot.open({report.source: None}) as file:
        uuid, identity = str(file.file.uuid), file_id(file)
        entries, problem = _tree_problem(file, report.path, report.tree, look)
        report = replace(report, entries=entries, uuid=uuid, file_id=identity, problem=problem)
        if not report.ok:
            return report
        tree = file[report.tree]
        layout = tuple((x, repr(tree[x].interpretation)) for x in look.branches)
        if layout not in look.good:
            events = _events(file, report, look, 0, entries)
            empty = events.layout.form.length_zero_array(highlevel=False)
            look.file_format.read(ak.Array(empty, behavior=events.behavior), look.wanted)
            look.good.add(layout)
    return report


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


def _local_problem(path: Path, file_format: Format) -> str | None:
    try:
        kind = unlike_a_file(path)
        if kind:
            return f"{path}: {kind}; give {'its files' if path.is_dir() else 'a file'}"
        size = path.stat().st_size
        with path.open("rb") as stream:
            header = stream.read(20)
    except (FileNotFoundError, NotADirectoryError):
        return f"{path}: does not exist; check the path"
    except PermissionError as error:
        return f"{path}: cannot be read ({error.strerror}); check its permissions"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return f"{path}: cannot be read ({reason}); check the path"
    if size == 0:
        return f"{path}: is empty (0 bytes); copy or make it again"
    if header[:4] != b"root":
        return (
            f"{path}: is not a ROOT file (it begins with {header[:8]!r}); "
            f"give a {file_format.name} file"
        )
    expected = _size_in_header(header)
    if expected is not None and size < expected:
        return f"{path}: is truncated ({size} of {expected} bytes); copy or make it again"
    return None


def _size_in_header(header: bytes) -> int | None:
    """Return the file size (fEND) that ROOT wrote into the header, if it is all there.

    Layout of TFile's header: "root", version, fBEGIN, fEND; fEND has 8 bytes
    from version 1000000 on, that is in files over 2 GB.
    """
    if len(header) < 20:
        return None
    (version,) = struct.unpack(">i", header[4:8])
    size: int
    if version >= 1_000_000:
        (size,) = struct.unpack(">q", header[12:20])
    else:
        (size,) = struct.unpack(">i", header[12:16])
    return size


def _tree_problem(file: Any, path: str, name: str, look: _Look) -> tuple[int | None, str | None]:
    """Return the number of entries and what is wrong with the tree."""
    if lacking := look.file_format.lacking(look.wanted):
        return None, f"{path}: {lacking}; ask for what needs none"
    kinds = file.classnames(cycle=False)
    if name not in kinds:
        trees = [key for key, kind in kinds.items() if kind == "TTree"]
        other = f"it has {', '.join(trees)}; name one with --tree" if trees else "it has no tree"
        return None, f"{path}: has no tree {name!r} ({other})"
    if kinds[name] != "TTree":
        return None, f"{path}: {name!r} is a {kinds[name]}, not a TTree; name the tree with --tree"
    tree = file[name]
    found = tree.keys(filter_name=frozenset(look.branches).__contains__)
    missing = look.file_format.missing(found, look.wanted)
    entries = int(tree.num_entries)
    if missing:
        return entries, (
            f"{path}: branch {', '.join(missing)} is missing from tree {name!r}; "
            f"{look.file_format.remedy}"
        )
    for branch in look.branches:
        odd = _branch_problem(tree[branch], entries, found.count(branch))
        if odd:
            return None, f"{path}: branch {branch} {odd}; copy or make the file again"
    return entries, None


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
    chunksize: int = 100_000,
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
    look = _Look(file_format, tuple(wanted))
    for first, last in report.ranges:
        for start in range(first, last, chunksize):
            try:
                with uproot.open({report.source: None}) as file:
                    stop = min(start + chunksize, last)
                    events = _events(file, report, look, start, stop)
                    file_format.read(events, wanted)
            except Exception as error:
                return replace(report, problem=_problem(report.path, error))
    return report


def _events(file: Any, report: FileReport, look: _Look, start: int, stop: int | None) -> Any:
    """Return some entries as the processor sees them, of which nothing is read yet."""
    return NanoEventsFactory.from_root(
        file,
        treepath=report.tree,
        schemaclass=look.file_format.schema,
        entry_start=start,
        entry_stop=stop,
        metadata={"filename": report.path, "entrystart": start},
        mode="virtual",
        iteritems_options=look.file_format.only(look.wanted),
    ).events()


def _problem(path: str, error: Exception) -> str:
    """Return the line for whatever uproot or coffea raises of a file: the file is at fault."""
    if isinstance(error, EmusymError):
        return str(error)
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return f"{path}: cannot be opened as ROOT ({reason[0]}); copy or make it again"
