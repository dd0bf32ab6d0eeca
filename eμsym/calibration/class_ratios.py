"""ln r of each class of events: which trigger fired, a run period, a number of jets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from eμsym.arrays import FloatArray, IntArray
from eμsym.calibration.design import Design
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.calibration.event_list import EventList
from eμsym.calibration.rule_ratios import RuleRatios
from eμsym.errors import ConfigurationError, DataError
from eμsym.exchange import Exchange
from eμsym.pool import Pool
from eμsym.shown import Shown

#: A column with more values than this says no class.
MOST_CLASSES = 50


@dataclass(frozen=True, eq=False, repr=False)
class ClassRatios(Shown):
    """ln r = ln(ε_μ/ε_e) by classes of events, each with a ratio of its own.

    An efficiency of pairs that is none of single leptons often is one in each class: where
    either of two single-lepton triggers selects, the events in which only the electron's
    fired, only the muon's, or both have ε_e(k_e)(1 − ε_μ(k_μ)), (1 − ε_e)ε_μ and ε_e ε_μ.

    Parameters
    ----------
    column : str
        What tells the classes apart; the exchange must leave it alone.
    classes : tuple of float
        Its values, rising.
    ratios : tuple of EfficiencyRatio or RuleRatios
        One each, all of one rule.
    """

    column: str
    classes: tuple[float, ...]
    ratios: tuple[EfficiencyRatio | RuleRatios, ...]

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the column and its values."""
        return {"column": self.column, "classes": self.classes}

    @cached_property
    def log_ratio(self) -> FloatArray:
        """The values of ln r, those of the first class first, shape (k,)."""
        return np.concatenate([ratio.log_ratio for ratio in self.ratios])

    @cached_property
    def modes(self) -> FloatArray:
        """The directions in which they are uncertain, shape (m, k)."""
        return np.asarray(block_diag(*(ratio.modes for ratio in self.ratios)))

    @cached_property
    def covariance(self) -> FloatArray:
        """Their covariance, shape (k, k): classes are independent."""
        return np.asarray(self.modes.T @ self.modes)

    @property
    def slots(self) -> dict[str, str]:
        """The objects, by what their columns begin with, and which r each has."""
        return self.ratios[0].slots

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the objects' kinematics, and the one of the classes."""
        return (*self.ratios[0].reads, self.column)

    def design(self, pool: Pool) -> Design:
        """Return which of `log_ratio` the objects of events have, and with which signs.

        Raises
        ------
        DataError
            If an event is in none of the classes.
        """
        number = class_of(pool, self.column, self.classes)
        parts = [pool.where(number == i) for i in range(len(self.classes))]
        own = [ratio.design(part) for ratio, part in zip(self.ratios, parts, strict=True)]
        alike = own[0].signs.shape[1] == 1
        levels = np.empty((len(own[0].levels), len(pool)), dtype=np.int64)
        signs = own[0].signs if alike else np.empty(levels.shape)
        start = 0
        for i, (ratio, design) in enumerate(zip(self.ratios, own, strict=True)):
            mine = number == i
            levels[:, mine] = design.levels + start
            if not alike:
                signs[:, mine] = design.signs
            start += ratio.log_ratio.size
        return Design(levels, signs)

    def with_log_ratio(self, log_ratio: FloatArray) -> ClassRatios:
        """Return other ln r of the same bins and covariance."""
        ends = np.cumsum([ratio.log_ratio.size for ratio in self.ratios])[:-1]
        parts = np.split(log_ratio, ends)
        ratios = tuple(r.with_log_ratio(x) for r, x in zip(self.ratios, parts, strict=True))
        return replace(self, ratios=ratios)

    def fitted(
        self, log_ratio: FloatArray, modes: FloatArray, events: EventList | None
    ) -> ClassRatios:
        """Return the result of a fit: values, their directions, and the events in it."""
        ratios, start = [], 0
        for ratio in self.ratios:
            part = slice(start, start := start + ratio.log_ratio.size)
            own = modes[:, part]
            own = own[np.any(own != 0, axis=1)]
            ratios.append(ratio.fitted(log_ratio[part], own, events))
        return replace(self, ratios=tuple(ratios))

    def to_dict(self) -> dict[str, Any]:
        """Return the ratio of each class, for JSON."""
        return {
            "column": self.column,
            "classes": [
                {"value": value, "ratio": ratio.to_dict()}
                for value, ratio in zip(self.classes, self.ratios, strict=True)
            ],
        }


def classes_of(pool: Pool, column: str, exchange: Exchange) -> tuple[float, ...]:
    """Return the classes that a column tells apart, rising.

    Parameters
    ----------
    pool : Pool
    column : str
    exchange : Exchange
        Of A and B.

    Raises
    ------
    ConfigurationError
        If there is no such column, the exchange changes it, or it has too many values.
    """
    if column not in pool.columns:
        raise ConfigurationError(f"classes by {column}: the events have no such column")
    if (on := exchange.dependence(column)) is not None:
        raise ConfigurationError(
            f"classes by {column}: it changes with {on}; use a column that does not"
        )
    values = np.unique(pool.column(column))
    if values.size > MOST_CLASSES or not np.all(np.isfinite(values)):
        raise ConfigurationError(
            f"classes by {column}: it has {values.size:,} values, or some that are not finite; "
            f"give a column with {MOST_CLASSES} at most, such as a run period or a number of jets"
        )
    return tuple(values.tolist())


def class_of(pool: Pool, column: str, classes: tuple[float, ...]) -> IntArray:
    """Return the number of the class of every event, shape (entries,).

    Raises
    ------
    DataError
        If an event is in none of them.
    """
    values = pool.column(column)
    number = np.clip(np.searchsorted(classes, values), 0, len(classes) - 1)
    strange = np.asarray(classes)[number] != values
    if np.any(strange):
        raise DataError(
            f"{column} = {values[strange][0]:g} is none of the classes that were calibrated: "
            f"{', '.join(f'{value:g}' for value in classes)}"
        )
    return np.asarray(number, dtype=np.int64)
