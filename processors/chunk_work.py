"""What is done with one chunk of a file, wherever it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from coffea.processor.executor import WorkItem

from eμsym.errors import EmusymError, InputFileError
from eμsym.processors.emu import SymmetryProcessor
from eμsym.processors.file_events import FileEvents, Source, opened_tree
from eμsym.processors.parquet_source import opened_parquet


@dataclass(frozen=True)
class ChunkWork:
    """The function that executors call, of one work item.

    coffea's own makes a layout of every branch of a file before it reads any; this one looks
    at those alone that are needed.

    Parameters
    ----------
    processor : SymmetryProcessor
    """

    processor: SymmetryProcessor

    def __call__(self, item: WorkItem) -> dict[str, Any]:
        """Process a chunk, and return its output as ``out``.

        Raises
        ------
        EmusymError
            If the file cannot be opened or read, or holds impossible values.
        OSError
            If the operating system fails to read it, which may pass.
        """
        metadata = {
            "dataset": item.dataset,
            "filename": item.filename,
            "treename": item.treename,
            "entrystart": item.entrystart,
            "entrystop": item.entrystop,
            **(item.usermeta or {}),
        }
        parquet = self.processor.file_format.container == "parquet"
        with _opened(item, opened_parquet if parquet else opened_tree) as source:
            events = FileEvents(source, item.entrystart, item.entrystop, metadata)
            return {"out": self.processor.process(events)}


@contextmanager
def _opened(
    item: WorkItem, open_it: Callable[..., AbstractContextManager[Source]]
) -> Iterator[Source]:
    """Open a file; whatever is raised, but of the operating system, is the file's fault."""
    try:
        where = (item.filename, item.treename) if item.treename else (item.filename,)
        opened = open_it(*where)
        source = opened.__enter__()
    except (OSError, EmusymError):
        raise
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputFileError(
            f"{item.filename}: cannot be opened ({reason[0]}); copy or make the file again"
        ) from error
    try:
        yield source
    finally:
        opened.__exit__(None, None, None)
