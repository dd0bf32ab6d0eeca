"""The detector's e/μ difference: corrected for, checked, and described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eμsym.analysis.problem import Problem
from eμsym.analysis.yields import Measured
from eμsym.calibration.before_after import BeforeAfter, before_after
from eμsym.calibration.closure import VARIABLES, Closure, closure_test
from eμsym.calibration.correction_file import read_correction
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.calibration.self_calibration import checked_windows, inside
from eμsym.difference import Difference
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair


@dataclass(frozen=True)
class Equalisation:
    """How a pair is to be corrected.

    Attributes
    ----------
    how : str, optional
        "self", "none" or a correctionlib file. Default: "self" where the events allow
        it, else none.
    exclude : mapping of str to (float, float)
        Window that a self-calibration leaves out.

    Raises
    ------
    InputFileError
        If the file cannot be used.
    ConfigurationError
        If the window is none, or goes with another correction than "self".
    """

    how: str | None = None
    exclude: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checked_windows(self.exclude)
        if self.how not in (None, "self", "none"):
            read_correction(str(self.how))
        if self.exclude and self.how not in (None, "self"):
            raise ConfigurationError(
                f"--equalise-exclude is of --equalise self: with {self.how} nothing is calibrated"
            )

    def apply(self, pair: Pair) -> Pair | Problem | None:
        """Return the corrected pair; None if none is wanted, or why it is not corrected.

        Raises
        ------
        EmusymError
            If a correction that was asked for cannot be had. What nobody asked for
            is left out where there are too few events for it, or where the events are
            labelled by a rule that it is not of.
        """
        if self.how == "none":
            return None
        # A column that is not there is the user's mistake, however few the events.
        inside(pair.pool, checked_windows(self.exclude))
        try:
            if not len(pair.pool):
                raise DataError("there are no events to correct")
            if self.how in (None, "self"):
                return pair.equalised(exclude=dict(self.exclude) or None)
            return pair.equalised(str(self.how))
        except (ConfigurationError, DataError) as error:
            if self.how is None:
                return Problem(str(error))
            raise type(error)(f"{error}; or give --equalise none") from error


@dataclass(frozen=True, eq=False)
class Correction:
    """What a correction is, and how well it does.

    Attributes
    ----------
    about : mapping
        The correction with its covariance and its quality, for JSON.
    fitted : EfficiencyRatio or None
        r = ε_μ/ε_e, if it was fitted to the pair.
    raw, equalised : tuple of float
        Σw of A and of B before and after.
    ratio : Measured or None
        A/B after; None without A or B.
    closure : Closure or Problem
    before_after : BeforeAfter
        A/B against each variable, and r.
    """

    about: Mapping[str, Any]
    fitted: EfficiencyRatio | None
    raw: tuple[float, float]
    equalised: tuple[float, float]
    ratio: Measured | None
    closure: Closure | Problem
    before_after: BeforeAfter

    @classmethod
    def of(cls, pair: Pair, *, seed: int) -> Correction:
        """Return what was done to a corrected pair.

        Parameters
        ----------
        pair : Pair
        seed : int
            Which events make up the halves of the closure test.
        """
        closure: Closure | Problem
        try:
            closure = closure_test(pair, variables=(*VARIABLES, "met"), rng=seed)
        except DataError as error:
            closure = Problem(str(error))
        fit = pair.symmetry.calibration
        return cls(
            about=pair.symmetry.to_dict(),
            fitted=None if fit is None else fit.ratio,
            raw=_totals(pair.raw),
            equalised=_totals(pair),
            ratio=order_ratio(pair),
            closure=closure,
            before_after=before_after(pair),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the correction with its covariance, quality and closure, for JSON.

        ``worst`` of the closure is the variable that fits worst.
        """
        closure = self.closure.to_dict()
        if isinstance(self.closure, Closure):
            closure["worst"] = self.closure.worst.variable
        return {
            **self.about,
            "yields": {"raw": list(self.raw), "equalised": list(self.equalised)},
            "ratio": None if self.ratio is None else self.ratio.to_dict(),
            "closure": closure,
        }


def order_ratio(pair: Pair) -> Measured | None:
    """Return A/B of the weighted events and its standard error; None without A or B."""
    everything = np.zeros(len(pair.pool), dtype=np.int64)
    total = Difference.of_pool(pair.pool, pair.symmetry, everything, (1,))
    if not (total.a[0] > 0 and total.b[0] > 0):
        return None
    value, error = total.ratio()
    return Measured(float(value[0]), float(error[0]))


def _totals(pair: Pair) -> tuple[float, float]:
    return float(pair.a.weight.sum()), float(pair.b.weight.sum())
