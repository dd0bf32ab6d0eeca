"""How samples are made, and the sample that comes with the package."""

from __future__ import annotations

from pathlib import Path


def embedded_fileset() -> Path:
    """Return the fileset JSON of the genuine Delphes files that come with the package."""
    return Path(__file__).parent / "sample" / "fileset.json"
