"""Test statistics of a study's toys as one small JSON file: what the SYM paper's figures need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eμsym.arrays import FloatArray
from eμsym.distributions import Null
from eμsym.errors import ConfigurationError, InputFileError
from eμsym.files import read_json
from eμsym.studies import Study, StudyResults, study_from_dict
from eμsym.studies.study_config import StudyTest

SCHEMA = "emusym/study-statistics"
VERSION = 1
#: Digits of t after the point: the nodes engine is exact to fewer.
DIGITS = 4


@dataclass(frozen=True, eq=False)
class RowStatistics:
    """The toys of one row and one test.

    Attributes
    ----------
    t : ndarray of float, shape (n,)
        Of toys 0 to n − 1. Infinite where a training diverged, NaN where the test failed.
    at_epochs : ndarray of float, shape (n, number of recorded epochs)
    diverged : int
    dof : int or None
        Of the χ² reference.
    """

    t: FloatArray
    at_epochs: FloatArray
    diverged: int
    dof: int | None

    @property
    def found(self) -> FloatArray:
        """The statistics of the tests that did not fail."""
        kept: FloatArray = self.t[~np.isnan(self.t)]
        return kept

    def to_dict(self) -> dict[str, Any]:
        """Return the statistics, for JSON: null stands for infinity."""
        failed = np.flatnonzero(np.isnan(self.t))
        return {
            "toys": int(self.t.size),
            "diverged": self.diverged,
            "failed": [int(i) for i in failed],
            "dof": self.dof,
            "t": _plain(self.t),
            "t_at_epochs": [_plain(line) for line in self.at_epochs]
            if self.at_epochs.shape[1]
            else [],
        }


@dataclass(frozen=True, eq=False)
class StoredStudy:
    """The test statistics of a study.

    Attributes
    ----------
    study : Study
        As it was asked for. Paths are names of files, without their folders.
    versions : tuple of dict
        Versions of the packages that made the toys.
    inputs : dict
        For each row that reads files: SHA-256, number and distinct number of events.
    rows : dict of (str, str) to RowStatistics
        By the names of row and test.
    """

    study: Study
    versions: tuple[dict[str, str], ...]
    inputs: Mapping[str, Mapping[str, Any]]
    rows: Mapping[tuple[str, str], RowStatistics] = field(default_factory=dict)

    def row(self, row: str, test: str | None = None) -> RowStatistics:
        """Return the statistics of one row and test; the test may be left out if there is one.

        Raises
        ------
        ConfigurationError
            If there is no such row or test.
        """
        if test is None and len(self.study.tests) == 1:
            test = self.study.tests[0].name
        found = self.rows.get((row, str(test)))
        if found is None:
            raise ConfigurationError(f"study {self.study.name!r} has no row {row!r} of {test!r}")
        return found

    def statistics(self, row: str, test: str | None = None) -> FloatArray:
        """Return t of a row's toys whose test did not fail, see `row`."""
        return self.row(row, test).found

    def null(self, row: str, test: str | None = None) -> Null:
        """Return a row as a null, see `row`.

        Raises
        ------
        DataError
            If no toy is done.
        """
        return Null(self.statistics(row, test))

    def epochs(self, test: str | None = None) -> NDArray[np.int64]:
        """Return the epochs of `RowStatistics.at_epochs`."""
        tests: dict[str, StudyTest] = {each.name: each for each in self.study.tests}
        chosen = tests[test] if test is not None else self.study.tests[0]
        return np.array(chosen.record_epochs, dtype=np.int64)

    @property
    def complete(self) -> bool:
        """Whether all toys that were asked for are there."""
        return all(
            self.rows[row.name, test.name].t.size == row.toys
            for row in self.study.rows
            for test in self.study.tests
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the study and its statistics, for JSON."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "study": portable_study(self.study),
            "versions": [dict(each) for each in self.versions],
            "inputs": {name: dict(given) for name, given in self.inputs.items()},
            "rows": [
                {"row": row, "test": test, **found.to_dict()}
                for (row, test), found in self.rows.items()
            ],
        }


def portable_study(study: Study) -> dict[str, Any]:
    """Return a study as a dict whose paths are names of files, without their folders."""
    content = study.to_dict()
    for row in content["rows"]:
        for key in ("path", "signal_path"):
            if row.get(key) is not None:
                row[key] = Path(row[key]).name
    return content


def stored_study(
    results: StudyResults, versions: tuple[dict[str, str], ...] | None = None
) -> StoredStudy:
    """Return what is kept of a study, which may be done in part.

    Of each row those toys are kept that were done before the first one that is
    missing, so that none is left out for the time that it took.

    Parameters
    ----------
    results : StudyResults
    versions : tuple of dict, optional
        Of the packages that made the toys. Default: those of this process.
    """
    if versions is None:
        from eμsym.studies.study_file import versions_here

        versions = (versions_here(),)
    rows = {
        (row.name, test.name): _statistics(results, row.name, test)
        for row in results.study.rows
        for test in results.study.tests
    }
    study = study_from_dict(portable_study(results.study))
    return StoredStudy(study, versions, results.inputs, rows)


def store_study(
    results: StudyResults, versions: tuple[dict[str, str], ...] | None = None
) -> dict[str, Any]:
    """Return what `read_stored` reads, for JSON; parameters as for `stored_study`."""
    return stored_study(results, versions).to_dict()


def read_stored(path: str | Path) -> StoredStudy:
    """Read the statistics of a study that were written as JSON.

    Raises
    ------
    InputFileError, ConfigurationError
        If the file is missing, is another one, or is damaged.
    """
    data = read_json(path, schema=SCHEMA, version=VERSION)
    try:
        study = study_from_dict(data["study"])
        epochs = {test.name: len(test.record_epochs) for test in study.tests}
        stored = StoredStudy(
            study,
            tuple(dict(each) for each in data["versions"]),
            {name: dict(given) for name, given in data["inputs"].items()},
            {
                (entry["row"], entry["test"]): _row_from_dict(entry, epochs[entry["test"]])
                for entry in data["rows"]
            },
        )
        missing = {(r.name, t.name) for r in study.rows for t in study.tests} - stored.rows.keys()
    except (AttributeError, KeyError, TypeError, ValueError, ConfigurationError) as error:
        raise InputFileError(f"{path}: a part is missing or damaged ({error!r})") from error
    if missing:
        raise InputFileError(f"{path}: row and test {min(missing)} are missing; make it anew")
    return stored


def _statistics(results: StudyResults, row: str, test: StudyTest) -> RowStatistics:
    toys = results.column("toy", row, test.name)
    # Toys are in order; beyond a gap none is kept.
    kept = int(np.count_nonzero(toys == np.arange(toys.size)))
    t = results.statistics(row, test.name)[:kept]
    at_epochs = np.empty((kept, 0))
    if test.record_epochs:
        at_epochs = results.at_epochs(row, test.name)[1][:kept]
    dofs = np.unique(results.column("dof", row, test.name)[:kept])
    dofs = dofs[~np.isnan(dofs)]
    return RowStatistics(
        t=np.round(t, DIGITS),
        at_epochs=np.round(at_epochs, DIGITS),
        diverged=int(np.nansum(results.column("diverged", row, test.name)[:kept])),
        dof=int(dofs[0]) if dofs.size == 1 else None,
    )


def _row_from_dict(entry: Mapping[str, Any], n_epochs: int) -> RowStatistics:
    t = _array(entry["t"])
    t[entry["failed"]] = np.nan
    if t.size != entry["toys"]:
        raise ValueError(f"{t.size} of {entry['toys']} toys")
    at_epochs = np.empty((t.size, n_epochs))
    for i, line in enumerate(entry["t_at_epochs"]):
        at_epochs[i] = _array(line)
    if n_epochs and len(entry["t_at_epochs"]) != t.size:
        raise ValueError(f"{len(entry['t_at_epochs'])} of {t.size} toys have t at their epochs")
    at_epochs[entry["failed"]] = np.nan
    dof = entry["dof"]
    return RowStatistics(t, at_epochs, int(entry["diverged"]), None if dof is None else int(dof))


def _plain(values: FloatArray) -> list[float | None]:
    """Return numbers for JSON, where infinity is null (and NaN, which is told apart elsewhere)."""
    return [float(value) if np.isfinite(value) else None for value in values]


def _array(values: list[float | None]) -> FloatArray:
    return np.array([np.inf if value is None else value for value in values], dtype=np.float64)
