"""A study's folder: its configuration, and every toy that is done.

``study.json`` says what the study is, ``parts/*.parquet`` hold toys as they are
finished, and ``toys.parquet`` holds all of them, sorted, once none is missing.
A part's name is the SHA-256 of its content: it cannot be overwritten by another,
and if its content has changed that is found out.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from eμsym.errors import ConfigurationError, DataError, InputFileError, OutputError
from eμsym.files import make_folder
from eμsym.input_files import is_file, unlike_a_file
from eμsym.studies.combining import combined
from eμsym.studies.durable_file import alone_in, remove_leftovers, write_durably
from eμsym.studies.parquet_bytes import CorruptTableError, from_bytes, to_bytes
from eμsym.studies.records import TABLE
from eμsym.studies.study_config import Study
from eμsym.studies.study_file import STUDY_FILE, VERSION, StudyFile, first_difference

TOYS_FILE = "toys.parquet"
PARTS = "parts"
_SCHEMA = "emusym/toys"

#: A part may be gone because another process has just put it into toys.parquet.
_ATTEMPTS = 20


@dataclass
class Store:
    """The folder of one study.

    Attributes
    ----------
    folder : Path
    content : StudyFile
        What ``study.json`` says.
    notes : list of str
        What was found to be wrong and was mended, a line each.
    """

    folder: Path
    content: StudyFile
    notes: list[str] = field(default_factory=list)

    @property
    def study(self) -> Study:
        """The study that the store is of."""
        return self.content.study

    def read(self, *, mend: bool = False) -> pa.Table:
        """Return all toys that are done, each once, sorted.

        Parameters
        ----------
        mend : bool
            Set corrupt parts aside, so that their toys are done again, in place
            of an error.

        Raises
        ------
        InputFileError
            If a file cannot be read or is corrupt.
        ConfigurationError
            If a file is of another study.
        DataError
            If a toy that is there twice is not the same.
        """
        return self._read(mend)[0]

    def write_part(self, records: list[dict[str, Any]]) -> None:
        """Keep toys that have just been done.

        Raises
        ------
        OutputError
            If they cannot be written; what was there before stays as it was.
        """
        self.write_table_as_part(pa.Table.from_pylist(records, TABLE))

    def write_table_as_part(self, table: pa.Table) -> None:
        """Keep toys; errors as for `write_part`."""
        content = to_bytes(table, self._metadata())
        write_durably(self.folder / PARTS / f"{_digest(content)}.parquet", content)

    def finish(self) -> pa.Table:
        """Return all toys, and keep them in ``toys.parquet`` alone if none is missing.

        Raises
        ------
        OutputError, InputFileError, ConfigurationError, DataError
            As for `read` and `write_part`. Whatever fails, no toy is lost.
        """
        with alone_in(self.folder):
            # Meanwhile another process may have asked for more toys.
            self.content = StudyFile.read(self.folder)
            table, parts = self._read(mend=True)
            if table.num_rows == self.study.toys * len(self.study.tests):
                path = self.folder / TOYS_FILE
                if parts or not path.exists():
                    write_durably(path, to_bytes(table, self._metadata()))
                self._remove(parts)
        return table

    def _remove(self, parts: Iterable[Path]) -> None:
        with contextlib.suppress(OSError):
            for path in parts:
                path.unlink(missing_ok=True)
        folder = self.folder / PARTS
        if folder.exists():
            remove_leftovers(folder)
            remove_leftovers(self.folder)
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _read(self, mend: bool) -> tuple[pa.Table, list[Path]]:
        """Return the toys, and the parts that they came from."""
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):
                # Parts first: what disappears from them is then found in the other.
                parts = self._parts(mend)
                tables = [*parts.values(), *self._whole()]
                try:
                    return combined(tables, self.study), list(parts)
                except DataError as error:
                    raise DataError(f"{self.folder}: {error}") from error
        raise InputFileError(f"{self.folder}: its files keep changing; is it being removed?")

    def _parts(self, mend: bool) -> dict[Path, pa.Table]:
        tables = {}
        for path in sorted((self.folder / PARTS).glob("[!.]*.parquet")):
            content = _content(path)
            if _digest(content) == path.stem:
                tables[path] = self._table(path, content)
            else:
                self._set_aside(path, mend)
        return tables

    def _whole(self) -> list[pa.Table]:
        path = self.folder / TOYS_FILE
        return [self._table(path, _content(path))] if path.exists() else []

    def _table(self, path: Path, content: bytes) -> pa.Table:
        try:
            table, metadata = from_bytes(content)
        except CorruptTableError as error:
            raise InputFileError(
                f"{path}: is corrupt ({error}); put back a copy, or remove it to have its toys "
                "done again"
            ) from error
        for name, what in (("schema", "kind"), ("version", "version"), ("fingerprint", "study")):
            if metadata.get(name) != self._metadata()[name]:
                raise ConfigurationError(
                    f"{path}: is of another {what}; move it out of this folder"
                )
        return table

    def _set_aside(self, path: Path, mend: bool) -> None:
        problem = f"{path}: is corrupt (its content is not what was written)"
        if not mend:
            raise InputFileError(f"{problem}; emusym toys sets it aside and does its toys again")
        aside = self.folder / f"{path.name}.corrupt"
        try:
            path.replace(aside)
        except FileNotFoundError:
            return
        except OSError as error:
            raise OutputError(f"{problem} and cannot be moved ({error.strerror})") from error
        self.notes.append(f"{problem}; kept as {aside.name}, its toys are done again")

    def _metadata(self) -> dict[str, str]:
        return {
            "schema": _SCHEMA,
            "version": str(VERSION),
            "fingerprint": self.content.fingerprint,
        }


def read_store(folder: str | Path) -> Store:
    """Open a store to read it.

    Raises
    ------
    InputFileError, ConfigurationError
        If it is no store, or of another version.
    """
    folder = Path(folder)
    if not is_file(folder / STUDY_FILE):
        raise InputFileError(f"{folder}: has no {STUDY_FILE}; make it with emusym toys")
    return Store(folder, StudyFile.read(folder))


def open_store(folder: str | Path, wanted: StudyFile) -> Store:
    """Open the store of a study, or begin it.

    A store may be asked for more toys than it was begun with, and for nothing else.

    Raises
    ------
    ConfigurationError
        If the folder is of another study; the message says in what.
    OutputError
        If it cannot be made, or holds other things.
    InputFileError
        If its ``study.json`` cannot be read.
    """
    folder = Path(folder)
    if not is_file(folder / STUDY_FILE):
        _refuse_foreign(folder)
        wanted.write(make_folder(folder))
        return Store(folder, wanted)
    store = read_store(folder)
    if (difference := first_difference(store.content, wanted)) is not None:
        raise ConfigurationError(
            f"{folder}: is of another study: {difference}; choose another folder with -o"
        )
    more = False
    for old, new in zip(store.study.rows, wanted.study.rows, strict=True):
        if new.toys < old.toys:
            raise ConfigurationError(
                f"{folder}: row {new.name!r} has {old.toys} toys there, and {new.toys} are asked "
                "for; ask for as many, or more"
            )
        more = more or new.toys > old.toys
    if more:
        store.content = replace(wanted, versions=store.content.versions)
        store.content.write(folder)
    return store


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(f"{folder}: is a file; choose another folder with -o")
    # A process beside this one may be about to write the file.
    if any(not path.name.startswith(f".{STUDY_FILE}.") for path in folder.iterdir()):
        if (folder / STUDY_FILE).exists():
            return
        raise OutputError(f"{folder}: holds other files; choose another folder with -o")


def _content(path: Path) -> bytes:
    try:
        if kind := unlike_a_file(path):  # a pipe may never end
            raise InputFileError(f"{path}: {kind}; move it out of this folder")
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputFileError(f"{path}: cannot be read ({error.strerror})") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
