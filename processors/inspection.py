"""Is this a file that we can read, and if not, why not?"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import uproot
from coffea.nanoevents import NanoEventsFactory

from eμsym.errors import EmusymError
from eμsym.processors.formats import DELPHES, Format


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
    problem : str or None
        One line: what is wrong and what to do. None if the file can be processed.
    """

    path: str
    tree: str
    entries: int | None = None
    uuid: str = ""
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the file can be processed."""
        return self.problem is None

    def to_dict(self) -> dict[str, Any]:
        """Return the report, for JSON."""
        return {**asdict(self), "ok": self.ok}


def inspect_file(path: str, tree: str | None = None, file_format: Format = DELPHES) -> FileReport:
    """Look at a file's header, tree and branches, reading no event.

    Parameters
    ----------
    path : str
        A local path or a URL.
    tree : str, optional
        Default: the format's.
    file_format : Format

    Returns
    -------
    FileReport
        Never raises: a bad file is a result.
    """
    tree = file_format.tree if tree is None else tree
    problem = None if "://" in path else _local_problem(Path(path), file_format)
    if problem:
        return FileReport(path, tree, problem=problem)
    try:
        # The mapping form keeps colons in paths from being taken for tree names.
        with uproot.open({path: None}) as file:
            uuid = str(file.file.uuid)
            entries, problem = _tree_problem(file, path, tree, file_format)
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        problem = f"{path}: cannot be opened as ROOT ({reason[0]}); copy or make it again"
        return FileReport(path, tree, problem=problem)
    return FileReport(path, tree, entries, uuid, problem)


def inspect_files(
    files: Iterable[tuple[str, str]], file_format: Format = DELPHES
) -> list[FileReport]:
    """Look at many (path, tree), several at a time; the order is kept."""
    files = list(files)
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda each: inspect_file(each[0], each[1], file_format), files))


def _local_problem(path: Path, file_format: Format) -> str | None:
    if not path.exists():
        return f"{path}: does not exist; check the path"
    if path.is_dir():
        return f"{path}: is a folder; give its files"
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            header = stream.read(20)
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror}); check its permissions"
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


def _tree_problem(
    file: Any, path: str, name: str, file_format: Format
) -> tuple[int | None, str | None]:
    """Return the number of entries and what is wrong with the tree."""
    kinds = file.classnames(cycle=False)
    if name not in kinds:
        trees = [key for key, kind in kinds.items() if kind == "TTree"]
        other = f"it has {', '.join(trees)}; name one with --tree" if trees else "it has no tree"
        return None, f"{path}: has no tree {name!r} ({other})"
    if kinds[name] != "TTree":
        return None, f"{path}: {name!r} is a {kinds[name]}, not a TTree; name the tree with --tree"
    tree = file[name]
    missing = file_format.missing(set(tree.keys()))
    entries = int(tree.num_entries)
    if missing:
        return entries, (
            f"{path}: branch {', '.join(missing)} is missing from tree {name!r}; "
            f"{file_format.remedy}"
        )
    return entries, None


def read_whole_file(
    report: FileReport, chunksize: int = 100_000, file_format: Format = DELPHES
) -> FileReport:
    """Read every needed value of a file that was found readable.

    Parameters
    ----------
    report : FileReport
    chunksize : int
        Events in memory at a time.
    file_format : Format

    Returns
    -------
    FileReport
        The report, with the first problem met.
    """
    if not report.ok:
        return report
    for start in range(0, report.entries or 0, chunksize):
        stop = min(start + chunksize, report.entries or 0)
        try:
            with uproot.open({report.path: None}) as file:
                file_format.read(
                    NanoEventsFactory.from_root(
                        file,
                        treepath=report.tree,
                        schemaclass=file_format.schema,
                        entry_start=start,
                        entry_stop=stop,
                        metadata={"filename": report.path, "entrystart": start},
                        mode="virtual",
                        iteritems_options=file_format.only_needed,
                    ).events()
                )
        except EmusymError as error:
            return replace(report, problem=str(error))
    return report
