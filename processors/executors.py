"""coffea's executors, made to lose nothing silently and to give the same bits every time.

coffea adds up chunks in the order in which they finish, and drops the ones that
it is told to skip. Here the work function is wrapped where it runs: a chunk
that cannot be read becomes a record of what was lost, and the outputs are kept
by chunk, to be added up in the order of the files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import coffea.processor.executor as coffea_executor
import uproot
from coffea.processor import DaskExecutor, FuturesExecutor, IterativeExecutor, accumulate
from coffea.util import coffea_console

from eμsym.errors import EmusymError
from eμsym.event_io import write_events
from eμsym.files import as_file_name, make_folder
from eμsym.workers import (
    LostWorkersError,
    collect_apart,
    dask_client,
    dask_losses,
    start_pool,
)

#: (dataset, file, first entry, one past the last entry)
ChunkKey = tuple[str, str, int, int]

_READ_ERRORS = (OSError, EmusymError, uproot.exceptions.KeyInFileError)
#: Before a file that could not be read is tried once more.
PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class LostChunk:
    """A chunk that could not be processed.

    Attributes
    ----------
    reason : str
        Why, in one line.
    unwritable : bool
        Whether its output could not be written; else its input could not be read.
    """

    reason: str
    unwritable: bool = False


class Chunks(dict[ChunkKey, Any]):
    """Outputs by chunk, which coffea's ``accumulate`` puts together by their ``+``.

    Of plain dictionaries it would look at every chunk so far whenever one more comes,
    and copy that one.
    """

    def __add__(self, other: Chunks) -> Chunks:
        """Return the chunks of both."""
        return Chunks(self | other)

    def __iadd__(self, other: Chunks) -> Chunks:
        """Take in the chunks of another."""
        self.update(other)
        return self


@dataclass(frozen=True)
class Guard:
    """The work function, wrapped: bad input becomes data, bugs stay exceptions.

    Parameters
    ----------
    function : callable
        The work function of one item.
    spill : str or None
        Folder into which the columns of every chunk are written, so that memory
        does not grow with the number of events. None keeps them in the output.
    attempts : int
        How often a chunk is tried if the operating system fails to read it.
        Anything else is not tried again: a bug would only repeat itself.
    """

    function: Callable[[Any], Any]
    spill: str | None = None
    attempts: int = 2

    def __call__(self, item: Any) -> dict[str, Any]:
        """Process one work item (for Dask: the item and the processor)."""
        work = item[0] if isinstance(item, tuple) else item
        key: ChunkKey = (work.dataset, work.filename, work.entrystart, work.entrystop)
        return {"out": {}, "chunks": Chunks({key: self._processed(item, work)})}

    def _processed(self, item: Any, work: Any) -> dict[str, Any] | LostChunk:
        """Return a chunk's output, or why there is none: what fails in writing is not reading."""
        try:
            out: dict[str, Any] = self._attempt(item)["out"]
        except Exception as error:
            cause = _read_error(error)
            if cause is None:
                raise
            return LostChunk(_one_line(cause))
        if self.spill is None:
            return out
        try:
            return {**out, "columns": self._spilled(work, out["columns"])}
        except (OSError, EmusymError) as error:
            return LostChunk(_one_line(error), unwritable=True)

    def _attempt(self, item: Any) -> Any:
        for attempt in range(1, self.attempts + 1):
            try:
                return self.function(item)
            except Exception as error:
                transient = isinstance(_read_error(error), OSError)
                if attempt == self.attempts or not transient:
                    raise
                time.sleep(PAUSE_SECONDS)
        raise AssertionError("unreachable: the loop returns or raises")

    def _spilled(self, work: Any, columns: dict[str, Any]) -> dict[str, Path]:
        paths = {}
        for dataset, accumulator in columns.items():
            folder = make_folder(Path(self.spill or "") / as_file_name(dataset))
            path = folder / f"{work.usermeta['file_id']:016x}-{work.entrystart}.parquet"
            write_events(path, [accumulator.value], like=accumulator.value[:0], tidy=False)
            paths[dataset] = path
        return paths


def _read_error(error: BaseException) -> BaseException | None:
    """Return what in the chain of causes says that the input is bad, if anything does."""
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, _READ_ERRORS):
            return link
        link = link.__cause__ or link.__context__
    return None


def _one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@dataclass
class GuardedIterative(IterativeExecutor):
    """coffea's executor for one process, guarded."""

    spill: str | None = None

    def __call__(self, items: Any, function: Any, accumulator: Any) -> Any:
        """Run the guarded function on every item."""
        guard = Guard(function, self.spill)
        if self.status:
            return super().__call__(items, guard, accumulator)
        # coffea draws its bar into nothing, which takes as long.
        return accumulate(map(guard, items), accumulator), 0


@dataclass
class GuardedFutures(FuturesExecutor):
    """coffea's executor for local processes, guarded, that stops at once when interrupted."""

    spill: str | None = None

    def __call__(self, items: Any, function: Any, accumulator: Any) -> Any:
        """Run the guarded function on every item."""
        run, guard = super().__call__, Guard(function, self.spill)
        self.pool, kill = start_pool(self.workers, threads=False, work=guard)
        try:
            with _told_once(), self.pool:
                return collect_apart(lambda: run(items, guard, accumulator), kill)
        except BrokenExecutor as error:
            raise LostWorkersError(
                "a worker was killed, perhaps for lack of memory; try fewer --workers, "
                "or a smaller --chunksize"
            ) from error


@dataclass
class GuardedDask(DaskExecutor):
    """coffea's executor for Dask, guarded; what a worker has done that dies is done again."""

    spill: str | None = None
    address: str = "local"

    def __call__(self, items: Any, function: Any, accumulator: Any) -> Any:
        """Run the guarded function on every item."""
        with dask_losses(self.address, "run again"):
            return super().__call__(items, Guard(function, self.spill), accumulator)


@contextmanager
def make_executor(
    *, workers: int, dask: str | None, spill: Path | None, progress: bool
) -> Iterator[Any]:
    """Give a guarded coffea executor.

    Parameters
    ----------
    workers : int
        Local processes; 1 works in this one.
    dask : str or None
        ``"local"`` for a Dask cluster of `workers` processes on this machine, or a
        scheduler's address.
    spill : Path or None
        See `Guard`. Not used with a remote scheduler, whose workers may see other disks.
    progress : bool
        Whether to draw a progress bar (on standard error).

    Raises
    ------
    ConfigurationError
        If Dask is not installed or the scheduler does not answer.
    """
    folder = None if spill is None else str(spill)
    common = {"status": progress, "desc": "Processing", "retries": 0}
    with _console(progress):
        if dask is not None:
            local = folder if dask == "local" else None
            with dask_client(dask, workers) as client:
                yield GuardedDask(client=client, spill=local, address=dask, **common)
        elif workers > 1:
            # Chunks are kept apart, so compressing what is already merged again and
            # again, as coffea does by default, would cost time quadratic in chunks.
            yield GuardedFutures(workers=workers, spill=folder, compression=None, **common)
        else:
            yield GuardedIterative(spill=folder, **common)


@contextmanager
def _told_once() -> Iterator[None]:
    """Keep coffea from printing a traceback of what it raises as well."""
    before = coffea_executor.traceback
    coffea_executor.traceback = SimpleNamespace(print_exc=lambda: None)
    try:
        yield
    finally:
        coffea_executor.traceback = before


@contextmanager
def _console(progress: bool) -> Iterator[None]:
    """Send coffea's progress bars to standard error, or silence them."""
    before = coffea_console.quiet, coffea_console.stderr
    coffea_console.quiet, coffea_console.stderr = not progress, True
    try:
        yield
    finally:
        coffea_console.quiet, coffea_console.stderr = before
