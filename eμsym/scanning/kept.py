"""Relabellings that are done, kept on disk until a scan has ended."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eμsym.files import make_folder
from eμsym.studies.durable_file import write_durably

_NAME = re.compile(r"(?P<scan>[0-9a-f]{16})-(?P<chunk>\d+)-(?P<content>[0-9a-f]{16})\.npy")


@dataclass
class KeptOnDisk:
    """Statistics of chunks of labellings, in a folder of their own.

    A file's name says which scan it is of and what it holds, so that what is of another scan,
    or damaged, is computed again.

    Attributes
    ----------
    folder : Path
    scan : str
        What tells this scan from others, 16 hexadecimal digits.
    answers : dict of int to ndarray
        By chunk.
    """

    folder: Path
    scan: str
    answers: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    remedy: str = "run again with fewer workers: what is done is kept"

    @classmethod
    def resumed(cls, folder: Path, *what: Any) -> KeptOnDisk:
        """Return what an interrupted scan has left, if it was the same.

        Parameters
        ----------
        folder : Path
        *what
            What the statistics depend on: bytes, or what has a `repr` of its content.
        """
        digest = hashlib.sha256()
        for each in what:
            part = each if isinstance(each, bytes) else repr(each).encode()
            digest.update(len(part).to_bytes(8, "little") + part)
        kept = cls(make_folder(folder), digest.hexdigest()[:16])
        for path in sorted(folder.iterdir()):
            found = _NAME.fullmatch(path.name)
            if found is None or found["scan"] != kept.scan:
                continue
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest()[:16] == found["content"]:
                values = np.load(io.BytesIO(content), allow_pickle=False)
                kept.answers[int(found["chunk"])] = values
        return kept

    @property
    def where(self) -> str:
        """What messages begin with."""
        return f"{self.folder}: "

    def note(self, answers: Sequence[Any]) -> str:
        """Return nothing."""
        return ""

    def keep(self, tasks: Sequence[Any], answers: Sequence[Any]) -> None:
        """Keep answers."""
        for chunk, values in zip(tasks, answers, strict=True):
            stream = io.BytesIO()
            np.save(stream, values, allow_pickle=False)
            content = stream.getvalue()
            name = f"{self.scan}-{chunk}-{hashlib.sha256(content).hexdigest()[:16]}.npy"
            write_durably(self.folder / name, content)
            self.answers[chunk] = values

    def remove(self) -> None:
        """Remove the folder: the scan has ended."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)
