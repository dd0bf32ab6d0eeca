"""Events on disk, as Parquet."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import awkward as ak
import pyarrow.parquet as pq

from eμsym.errors import InputFileError
from eμsym.files import whole_file


def read_events(path: str | Path) -> ak.Array:
    """Read the columns of a Parquet file as a record array.

    Arrow opens the path itself: with a file of Python's, as in `awkward.from_parquet`, one of
    its threads may hold that when Python ends, which then aborts (arrow issue 34314).

    Raises
    ------
    InputFileError
        If it cannot be read, or the checksum of a page, where it has them, is another one.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return ak.from_arrow(file.read())
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputFileError(f"{path}: is not a readable Parquet file ({reason})") from error


def write_events(path: str | Path, parts: Iterable[Any], *, like: Any, tidy: bool = True) -> None:
    """Write record arrays one after the other, so that memory stays small.

    Every page has a checksum, so that damage is noticed when it is read.

    Parameters
    ----------
    path : str or Path
    parts : iterable of ak.Array
    like : ak.Array
        A record array, perhaps of no events, with the columns and types of all parts.
    tidy : bool
        See `eμsym.files.whole_file`.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    schema = ak.to_arrow_table(like, extensionarray=False).schema
    with whole_file(path, tidy=tidy) as temporary, _writer(temporary, schema) as writer:
        for part in parts:
            writer.write_table(ak.to_arrow_table(part, extensionarray=False))


def _writer(path: Path, schema: Any) -> Any:
    return pq.ParquetWriter(path, schema, write_page_checksum=True)
