"""Which files a processed folder has, and what in it this program did not write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from eμsym.errors import EmusymError
from eμsym.files import RESULTS_FILE, all_in, as_file_name, read_json
from eμsym.leftovers import is_leftover

RESULTS_SCHEMA = "emusym/results"
VERSION = 1

#: Files that every command may write.
_ALWAYS_OURS = (
    RESULTS_FILE,
    "histograms.json",
    "histograms.root",
    "equalisation.json",
    "report.html",
    "scan.json",
)
#: What every figure is written as; the report shows the last.
FIGURE_FORMATS = ("png", "pdf", "svg")
#: Folders of the files that a dataset, a figure or a signal names.
_EVENTS, _FIGURES, _WORKSPACES = "events", "figures", "pyhf"
#: What a scan has done so far, until it has ended.
SCAN_PARTS = ".scan"
_SCAN_PART = re.compile(
    r"[0-9a-f]{16}-\d+-[0-9a-f]{16}\.npy"
    r"|\.[0-9a-f]{16}-\d+-[0-9a-f]{16}\.npy\.[0-9a-f]{32}\.partial"
)


def event_file(folder: Path, dataset: str) -> Path:
    """Return where a dataset's events are."""
    return folder / _EVENTS / as_file_name(dataset, ".parquet")


def workspace_file(folder: Path, signal: str) -> Path:
    """Return where the pyhf workspace of a signal is."""
    return folder / _WORKSPACES / as_file_name(signal, ".json")


def figure_files(folder: Path, name: str) -> tuple[Path, ...]:
    """Return where a figure is, in each of its formats."""
    return tuple(folder / _FIGURES / as_file_name(name, f".{x}") for x in FIGURE_FORMATS)


def strangers(folder: Path) -> list[str]:
    """Return what is in a processed folder and was not written by this program.

    Its own files are those that ``results.json`` accounts for, and what a process that died
    left half-written. Anything else is a stranger: a file that somebody added, any link, and
    all there is where no ``results.json`` of ours says what belongs to it.

    Parameters
    ----------
    folder : Path
        It need not be a processed one.

    Returns
    -------
    list of str
        Paths relative to the folder; of a folder in it that is not ours, the folder.
    """
    try:
        ours = set(_accounted_for(folder))
    except (EmusymError, AttributeError, KeyError, TypeError):
        return all_in(folder)
    return sorted(str(path.relative_to(folder)) for path in _strangers_in(folder, folder, ours))


def _accounted_for(folder: Path) -> Iterator[Path]:
    """Yield the files that belong to the folder, as far as what is there says."""
    results_file = folder / RESULTS_FILE
    if results_file.is_symlink():
        return
    content = read_json(results_file, schema=RESULTS_SCHEMA, version=VERSION)
    yield from (folder / name for name in _ALWAYS_OURS)
    yield from (event_file(folder, name) for name in content["cutflow"])
    yield from (folder / _FIGURES / Path(name).name for name in content.get("figures", ()))
    for tests in (content["tests"], *content.get("earlier_tests", ())):
        yield from (workspace_file(folder, name) for name in tests.get("q0", ()))


def _strangers_in(folder: Path, place: Path, ours: set[Path]) -> Iterator[Path]:
    for path in place.iterdir():
        if path.is_symlink():
            yield path
        elif path.is_dir() and place == folder and path.name in (_EVENTS, _FIGURES, _WORKSPACES):
            yield from _strangers_in(folder, path, ours)
        elif path.is_dir() and place == folder and path.name == SCAN_PARTS:
            yield from (each for each in path.iterdir() if not _SCAN_PART.fullmatch(each.name))
        elif not path.is_file() or not (path in ours or is_leftover(path)):
            yield path
