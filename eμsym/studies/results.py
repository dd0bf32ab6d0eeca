"""What a study found, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import chi2

from eμsym.arrays import FloatArray
from eμsym.distributions import Null
from eμsym.errors import ConfigurationError
from eμsym.studies.study_config import Study, StudyTest

#: Of a standard normal's median, one and two standard deviations.
_LEVELS = (0.5, 0.16, 0.84, 0.95)


@dataclass(frozen=True, eq=False)
class StudyResults:
    """The toys of a study that are done.

    Attributes
    ----------
    study : Study
    table : pyarrow.Table
        A line for each toy and test, see `eμsym.studies.records.TABLE`, sorted by
        row, toy and test in the order of the study.
    inputs : dict
        For each row that reads files: SHA-256, number and distinct number of events.
    notes : tuple of str
        What the user should know, a line each.
    """

    study: Study
    table: pa.Table
    inputs: dict[str, dict[str, Any]]
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """The number of toys that are done."""
        return int(self.table.num_rows) // len(self.study.tests)

    @property
    def complete(self) -> bool:
        """Whether all toys are done."""
        return self.done == self.study.toys

    def statistics(self, row: str | None = None, test: str | None = None) -> FloatArray:
        """Return the test statistics of a row's toys that are done, in their order.

        Parameters
        ----------
        row, test : str, optional
            Names. Default: the only one there is.

        Returns
        -------
        ndarray of float, shape (n,)
            Infinite where a training diverged, NaN where the test failed.

        Raises
        ------
        ConfigurationError
            If there is no such row or test, or several to choose from.
        """
        t: FloatArray = self.column("statistic", row, test)
        return t

    def null(self, row: str | None = None, test: str | None = None) -> Null:
        """Return a row's test statistics as a null.

        Raises
        ------
        ConfigurationError
            As for `statistics`.
        DataError
            If a test failed, or no toy is done.
        """
        return Null(self.statistics(row, test))

    def column(self, name: str, row: str | None = None, test: str | None = None) -> Any:
        """Return a column of numbers for a row and a test, NaN where it has none.

        Parameters
        ----------
        name : str
            Of `eμsym.studies.records.TABLE`.
        row, test : str, optional
            As for `statistics`.

        Returns
        -------
        ndarray of float, shape (n,)
        """
        values = self.select(row, test).column(name)
        return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)

    def at_epochs(
        self, row: str | None = None, test: str | None = None
    ) -> tuple[tuple[int, ...], FloatArray]:
        """Return the epochs that were recorded, and t at each.

        Returns
        -------
        epochs : tuple of int
        t : ndarray of float, shape (n, number of epochs)
            NaN where the test failed.

        Raises
        ------
        ConfigurationError
            As for `statistics`, or if the test's `record_epochs` are none.
        """
        epochs = self._test(test).record_epochs
        if not epochs:
            raise ConfigurationError(f"test {self._test(test).name!r} has no record_epochs")
        missing = [np.nan] * len(epochs)
        lists = self.select(row, test).column("t_at").to_pylist()
        t = np.array([missing if each is None else each for each in lists], dtype=np.float64)
        return epochs, t.reshape(-1, len(epochs))

    def select(self, row: str | None = None, test: str | None = None) -> pa.Table:
        """Return the lines of one row and one test; parameters and errors as `statistics`."""
        chosen = pc.and_(
            pc.equal(self.table["row"], _one(row, [each.name for each in self.study.rows], "row")),
            pc.equal(self.table["test"], self._test(test).name),
        )
        return self.table.filter(chosen)

    def summary(self) -> list[dict[str, Any]]:
        """Return, for each row and test, how many toys are done and the quantiles of t.

        Returns
        -------
        list of dict
            ``row``, ``test``, ``source``, ``toys`` (asked for), ``done``,
            ``failed``, ``diverged``, ``quantiles`` (of 0.5, 0.16, 0.84 and 0.95;
            the smallest value that at least such a part of the toys does not
            exceed), ``dof``, and ``chi2_quantiles``, those of its χ².
        """
        return [
            self._summary_of(row.name, row.source, row.toys, test.name)
            for row in self.study.rows
            for test in self.study.tests
        ]

    def _summary_of(self, row: str, source: str, toys: int, test: str) -> dict[str, Any]:
        t = self.statistics(row, test)
        found = t[~np.isnan(t)]
        dofs = self.column("dof", row, test)
        dofs = np.unique(dofs[~np.isnan(dofs)])
        dof = int(dofs[0]) if dofs.size == 1 else None
        quantiles = np.quantile(found, _LEVELS, method="inverted_cdf") if found.size else None
        return {
            "row": row,
            "test": test,
            "source": source,
            "toys": toys,
            "done": int(t.size),
            "failed": int(t.size - found.size),
            "diverged": int(np.nansum(self.column("diverged", row, test))),
            "quantiles": None if quantiles is None else [float(q) for q in quantiles],
            "dof": dof,
            "chi2_quantiles": None if not dof else [float(q) for q in chi2.ppf(_LEVELS, dof)],
        }

    def _test(self, name: str | None) -> StudyTest:
        chosen = _one(name, [test.name for test in self.study.tests], "test")
        return next(test for test in self.study.tests if test.name == chosen)


def _one(name: str | None, names: list[str], what: str) -> str:
    if name is None and len(names) == 1:
        return names[0]
    if name is None or name not in names:
        raise ConfigurationError(f"{what} {name!r}: name one of {', '.join(names)}")
    return name
