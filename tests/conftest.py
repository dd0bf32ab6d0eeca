"""Fixtures: the embedded sample, and Delphes-like files made to order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uproot

from eμsym.recipes import embedded_fileset
from tests.delphes_file import write_delphes


@pytest.fixture(scope="session")
def sample() -> Path:
    """The folder of genuine Delphes files that comes with the package."""
    return embedded_fileset().parent


@pytest.fixture
def delphes_file(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a Delphes-like file from a list of events."""

    def write(events: list[dict[str, Any]], name: str = "made.root", **options: Any) -> Path:
        return write_delphes(tmp_path / name, events, **options)

    return write


@pytest.fixture(scope="session")
def damaged_file(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A genuine file whose header is whole and whose muons cannot be decompressed."""
    content = bytearray((sample / "ww.root").read_bytes())
    with uproot.open(sample / "ww.root") as file:
        place = int(file["Delphes"]["Muon.PT"].member("fBasketSeek")[0])
    content[place + 100 : place + 200] = bytes(100)
    path = tmp_path_factory.mktemp("damaged") / "damaged.root"
    path.write_bytes(content)
    return path
