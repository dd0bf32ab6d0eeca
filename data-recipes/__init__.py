"""How samples are made, and the sample that comes with the package."""

from __future__ import annotations

from pathlib import Path


def embedded_fileset() -> Path:
    """Return the fileset JSON of the genuine Delphes files that come with the package."""
    return Path(__file__).parent / "sample" / "fileset.json"


#: Signals that are tested by default, of which events come with the package: H→τe and H→τμ.
STORED_SIGNALS = ("hlfv_taue", "hlfv_taumu")


def stored_signal(name: str) -> Path:
    """Return the file of the selected events of a stored signal, of both flavour orders."""
    return Path(__file__).parent / "signals" / f"{name}.parquet"


def stored_templates(name: str) -> Path:
    """Return the file of the stored templates T and S of a signal."""
    return Path(__file__).parent / "templates" / f"{name}.json"
