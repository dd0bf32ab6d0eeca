"""Small studies of toys, and stores of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from eμsym.studies import Study, StudyTest, ToyRow, run_study, running
from eμsym.unbinned.spline import SplineTest

SMALL = Study(
    "small",
    3,
    (StudyTest("five", SplineTest(5)), StudyTest("eight", SplineTest(8))),
    (ToyRow("null", 12, 90, 80), ToyRow("signal", 6, 90, 80, "S3", 20)),
)
#: Each toy takes some milliseconds.
SLOW = Study("slow", 12, (StudyTest("spline", SplineTest(24)),), (ToyRow("null", 160, 3000, 3000),))


def toys_of(folder: Path) -> bytes:
    return (folder / "toys.parquet").read_bytes()


def finished(study: Study, folder: Path) -> bytes:
    """Return what toys.parquet holds of a study if nothing happens."""
    run_study(study, folder, workers=1)
    return toys_of(folder)


def parts(folder: Path) -> list[Path]:
    return sorted((folder / "parts").iterdir())


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


class StoppedError(Exception):
    """Something that stops a study."""


@contextmanager
def stopped_after(toys: int) -> Iterator[None]:
    """Stop the study after so many of its toys."""
    left = [toys]
    run_chunk = running.run_chunk

    def counted(*arguments: Any) -> Any:
        if not left[0]:
            raise StoppedError
        left[0] -= 1
        return run_chunk(*arguments)

    running.run_chunk = counted
    try:
        with pytest.raises(StoppedError):
            yield
    finally:
        running.run_chunk = run_chunk


def half_done(folder: Path) -> Path:
    """Fill a store with seven of the eighteen toys of `SMALL`, each in a part of its own."""
    with stopped_after(7):
        run_study(SMALL, folder, workers=1)
    assert len(parts(folder)) == 7
    return folder
