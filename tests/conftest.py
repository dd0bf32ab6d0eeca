"""Fixtures: the embedded sample, and Delphes-like files made to order."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uproot
from filelock import FileLock

from eμsym.cli import main
from eμsym.recipes import embedded_fileset
from tests.delphes_file import write_delphes


@pytest.fixture(scope="session")
def sample() -> Path:
    """The folder of genuine Delphes files that comes with the package."""
    return embedded_fileset().parent


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that only the first of pytest's processes to ask for it makes."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    done = folder / ".done"
    with FileLock(folder.with_suffix(".lock")):
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def main_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where ``emusym run --overwrite`` was run; read only.

    printed.txt and errors.txt hold what it wrote into pipes.
    """

    def make(folder: Path) -> None:
        command = [sys.executable, "-c", "from eμsym.cli import main; main()", "run", "--overwrite"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        (folder / "printed.txt").write_text(done.stdout, encoding="utf-8")
        (folder / "errors.txt").write_text(done.stderr, encoding="utf-8")

    return made_once(tmp_path_factory, "main-job", make)


@pytest.fixture(scope="session")
def embedded_run(main_job: Path) -> Path:
    """Results of ``emusym run`` on the embedded sample: read only, for those who change a copy."""
    return main_job / "emusym-output"


@pytest.fixture(scope="session")
def processed_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of ``emusym process`` on the embedded sample: read only, as `embedded_run`."""

    def make(folder: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            main(["process", str(embedded_fileset()), "-o", str(folder / "out")])

    return made_once(tmp_path_factory, "processed-sample", make) / "out"


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
