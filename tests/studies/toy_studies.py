"""Small studies of toys, and stores of them."""

from __future__ import annotations

from pathlib import Path

from eμsym.studies import Study, StudyTest, ToyRow, run_study
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


def half_done(folder: Path) -> Path:
    """Fill a store with seven of the eighteen toys of `SMALL`, each in a part of its own."""
    for job, jobs in ((0, 3), (1, 18)):
        run_study(SMALL, folder, workers=1, job=job, jobs=jobs)
    assert len(parts(folder)) == 7
    return folder
