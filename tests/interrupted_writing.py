"""What may interrupt a writer, and what is found in its folder afterwards."""

from __future__ import annotations

from pathlib import Path

#: What may happen while a result is being written.
INTERRUPTIONS = [KeyboardInterrupt, SystemExit, RuntimeError, MemoryError]


def everything_in(folder: Path) -> dict[str, str]:
    """Return every path below a folder, hidden ones too, with the content of the files."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }
