r"""ln r of leptons from maps that were measured elsewhere: its values, with the errors they share.

A map's error belongs to a bin of it, and all that is made with the bin shares it. Where the
electrons' and the muons' map have different bins, two values of ln r = ln ε_μ − ln ε_e may
share one and not the other: with the modes

.. math::
    J_{sl} = ± σ_s/ε_s

of value l for the error s of one bin of one map, zero where l is not made with it, the
covariance is Jᵀ J.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from eμsym.arrays import FloatArray, IntArray
from eμsym.calibration.binned_map import BinnedMap, CorrectionFile
from eμsym.calibration.design import Design
from eμsym.calibration.efficiency_ratio import LEAD_COLUMNS, SUB_COLUMNS, lepton_columns
from eμsym.errors import DataError, InputFileError
from eμsym.pool import Pool
from eμsym.shown import Shown

#: More different values with errors than this are no bins.
MOST_LEVELS = 2000


@dataclass(frozen=True, eq=False)
class Factor:
    """What one map contributes to ln r of every lepton.

    Attributes
    ----------
    sign : float
        Of its logarithm in ln r: +1 or −1.
    values : ndarray of float, shape (n,)
        Above zero.
    bins : ndarray of int, shape (n,)
        Which of the map's bins they are from.
    error : ndarray of float, shape (n,), or None
        The relative errors; None if the map is exact.
    """

    sign: float
    values: FloatArray
    bins: IntArray
    error: FloatArray | None

    @classmethod
    def of(
        cls,
        efficiency: BinnedMap,
        error: BinnedMap | None,
        columns: dict[str, FloatArray],
        sign: float,
    ) -> Factor:
        """Evaluate a map and the map of its errors.

        Raises
        ------
        DataError
            If an efficiency is not in (0, 1], an error is negative, or one of them is not
            defined for all leptons.
        """
        values = efficiencies(efficiency, columns)
        bins = efficiency.bins(columns)
        if error is None:
            return cls(sign, values, bins, None)
        sigma = error.values(columns)
        if not np.all((sigma >= 0) & np.isfinite(sigma)):
            raise DataError(f"{error.path}: {error.name} is negative or not finite")
        return cls(sign, values, bins, sigma / values)


def efficiencies(efficiency: BinnedMap, columns: dict[str, FloatArray]) -> FloatArray:
    """Return the values of a map of efficiencies.

    Raises
    ------
    DataError
        If one is not in (0, 1], or not defined.
    """
    values = efficiency.values(columns)
    wrong = ~((values > 0) & (values <= 1))
    if wrong.any():
        k = int(np.argmax(wrong))
        where = ", ".join(f"{name} {columns[name][k]:.4g}" for name in efficiency.inputs)
        raise DataError(
            f"{efficiency.path}: {efficiency.name} is {values[k]:g} at {where}; an efficiency is "
            "above 0 and at most 1"
        )
    return values


def map_with_error(
    file: CorrectionFile, name: str, inputs: Sequence[str]
) -> tuple[BinnedMap, BinnedMap | None]:
    """Return a map of efficiencies and the map of its errors, None if the file has none.

    Raises
    ------
    InputFileError
        If there is no such map, it needs other inputs, or has errors but no bins.
    """
    found = file.map(name, inputs)
    if f"{name}_error" not in file.names:
        return found, None
    if not found.binned:
        raise InputFileError(
            f"{file.path}: {name} has errors, but is one formula; errors are those of bins, give "
            "both efficiencies in bins"
        )
    return found, file.map(f"{name}_error", inputs)


class Maps(Protocol):
    """Maps that give ln r: `EfficiencyMaps` or `PairEfficiencies`."""

    @property
    def path(self) -> str:
        """The file."""
        ...  # pragma: no cover

    def factors(self, pt: FloatArray, eta: FloatArray) -> tuple[Factor, ...]:
        """Return what every map contributes, of the leading and sub-leading leptons, (2, n)."""
        ...  # pragma: no cover


@dataclass(frozen=True, eq=False, repr=False)
class MapLevels(Shown):
    """ln r of some leptons, from maps: numbered values with their covariance.

    Attributes
    ----------
    maps : EfficiencyMaps or PairEfficiencies
    table : ndarray of float, shape (rows, k)
        What tells the values apart: ln r and, of each map with errors, the bin and the
        relative error; columns in lexicographic order.
    log_ratio : ndarray of float, shape (k,)
    modes : ndarray of float, shape (sources, k), or None
        What one standard deviation of every independent error does to `log_ratio`. None
        if no map has errors.
    """

    maps: Maps
    table: FloatArray
    log_ratio: FloatArray
    modes: FloatArray | None

    @classmethod
    def of(cls, maps: Maps, pt: FloatArray, eta: FloatArray) -> MapLevels:
        """Return the values that these leptons have.

        Raises
        ------
        DataError
            If a map is not defined for a lepton, or those with errors are not binned.
        """
        factors = maps.factors(pt, eta)
        rows = _distinct(_rows(factors))
        signs = [factor.sign for factor in factors if factor.error is not None]
        if not signs:
            return cls(maps, rows, rows[0], None)
        if rows.shape[1] > MOST_LEVELS:
            raise DataError(
                f"{maps.path}: has errors, but {rows.shape[1]:,} different efficiencies; errors "
                "are those of bins, give both efficiencies in bins"
            )
        return cls(maps, rows, rows[0], _modes(rows, signs))

    @property
    def covariance(self) -> FloatArray | None:
        """The covariance of `log_ratio`, shape (k, k); None if no map has errors."""
        if self.modes is None:
            return None
        return np.asarray(self.modes.T @ self.modes)

    def index(self, pt: FloatArray, eta: FloatArray) -> IntArray:
        """Return which of `log_ratio` leptons have, of the shape of pT [GeV] and η.

        Raises
        ------
        DataError
            If a lepton has none of those that the table was made of.
        """
        rows = _rows(self.maps.factors(pt, eta))
        level = np.zeros(rows.shape[1], dtype=np.int64)
        of_table = np.zeros(self.table.shape[1], dtype=np.int64)
        for row, values in zip(rows, self.table, strict=True):
            unique, place = np.unique(values, return_inverse=True)
            found = self._place(unique, row)
            codes, of_table = np.unique(of_table * unique.size + place, return_inverse=True)
            level = self._place(codes, level * unique.size + found)
        return level.reshape(np.shape(pt))

    @property
    def slots(self) -> dict[str, str]:
        """The objects, by what their columns begin with, and which r each has."""
        return {"lead": "r", "sub": "r"}

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the two leptons' kinematics."""
        return (*LEAD_COLUMNS, *SUB_COLUMNS)

    def design(self, pool: Pool) -> Design:
        """Return which of `log_ratio` the leading and the sub-leading leptons of events have."""
        return Design.of_orders(*self.index(*lepton_columns(pool)))

    def _place(self, known: FloatArray | IntArray, wanted: FloatArray | IntArray) -> IntArray:
        place = np.minimum(np.searchsorted(known, wanted), max(known.size - 1, 0))
        if wanted.size and not (known.size and np.array_equal(known[place], wanted)):
            raise DataError(f"{self.maps.path}: other leptons than those that were corrected")
        return np.asarray(place, dtype=np.int64)

    def with_log_ratio(self, log_ratio: FloatArray) -> MapLevels:
        """Return other ln r of the same leptons and covariance."""
        return replace(self, log_ratio=log_ratio)

    def offset(self, pt: FloatArray, eta: FloatArray) -> FloatArray:
        """Return ln P(A)/P(B) of events with these leading and sub-leading leptons.

        Parameters
        ----------
        pt, eta : ndarray of float, shape (2, n)

        Returns
        -------
        ndarray of float, shape (n,)
        """
        lead, sub = self.index(pt, eta)
        return np.asarray(self.log_ratio[sub] - self.log_ratio[lead])

    def offset_modes(self, pt: FloatArray, eta: FloatArray) -> csr_array:
        """Return what one standard deviation of every error does to `offset`, (n, sources)."""
        lead, sub = self.index(pt, eta)
        if self.modes is None:
            return csr_array((lead.size, 0))
        by_level = csr_array(self.modes.T)
        return csr_array(by_level[sub] - by_level[lead])


def _rows(factors: tuple[Factor, ...]) -> FloatArray:
    """Return ln r, then bins and relative errors of the maps that have some, (rows, leptons)."""
    log_ratio = sum(factor.sign * np.log(factor.values) for factor in factors)
    rows = [np.asarray(log_ratio)]
    for factor in factors:
        if factor.error is not None:
            rows += [factor.bins.astype(np.float64), factor.error]
    return np.stack(rows)


def _distinct(rows: FloatArray) -> FloatArray:
    """Return the different columns, in lexicographic order; as `numpy.unique`, but faster."""
    code = np.zeros(rows.shape[1], dtype=np.int64)
    first = np.zeros(0, dtype=np.int64)
    for row in rows:
        unique, place = np.unique(row, return_inverse=True)
        _, first, code = np.unique(
            code * unique.size + place, return_index=True, return_inverse=True
        )
    return np.asarray(rows[:, first])


def _modes(rows: FloatArray, signs: list[float]) -> FloatArray:
    """Return the modes of the errors in `_rows`, a row for every bin that occurs."""
    found = []
    for k, sign in enumerate(signs):
        used, place = np.unique(rows[1 + 2 * k], return_inverse=True)
        own = np.arange(used.size)[:, None] == place
        found.append(np.where(own, sign * rows[2 + 2 * k], 0.0))
    return np.concatenate(found)
