"""Tables of toys as Parquet: the same table, the same bytes."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from eμsym.studies.records import TABLE


class CorruptTableError(Exception):
    """Bytes that are not a table of toys, or no longer."""


def to_bytes(table: pa.Table, metadata: Mapping[str, str]) -> bytes:
    """Return a table of toys as a Parquet file, which depends on nothing else.

    Parameters
    ----------
    table : pyarrow.Table
        Of the schema `TABLE`.
    metadata : mapping of str to str
    """
    schema = TABLE.with_metadata({key: metadata[key] for key in sorted(metadata)})
    sink = pa.BufferOutputStream()
    # How a table came together shows in its chunks, which must not show in the file.
    pq.write_table(
        table.cast(schema).combine_chunks(),
        sink,
        version="2.6",
        compression="zstd",
        compression_level=3,
        use_dictionary=["row", "test", "problem"],
        row_group_size=1 << 20,
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def from_bytes(content: bytes) -> tuple[pa.Table, dict[str, str]]:
    """Return a table of toys and its metadata.

    Raises
    ------
    CorruptTableError
        If it is not whole, or not one.
    """
    try:
        source = pa.BufferReader(content)
        file = pq.ParquetFile(source, page_checksum_verification=True)
        # A thread of Arrow that still holds a Python object when Python ends aborts it.
        table = file.read(use_threads=False)
        raw = table.schema.metadata or {}
        metadata = {key.decode(): value.decode() for key, value in raw.items()}
        return table.cast(TABLE), metadata
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CorruptTableError(" ".join(str(error).split())) from error
