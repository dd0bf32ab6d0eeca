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

    Raises
    ------
    InputFileError
        If it cannot be read.
    """
    try:
        return ak.from_parquet(str(path))
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputFileError(f"{path}: is not a readable Parquet file ({reason})") from error


def write_events(path: str | Path, parts: Iterable[Any], *, like: Any) -> None:
    """Write record arrays one after the other, so that memory stays small.

    Parameters
    ----------
    path : str or Path
    parts : iterable of ak.Array
    like : ak.Array
        A record array, perhaps of no events, with the columns and types of all parts.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    schema = ak.to_arrow_table(like, extensionarray=False).schema
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for part in parts:
            writer.write_table(ak.to_arrow_table(part, extensionarray=False))
