"""What the commands do about the detector's e/μ difference: correct for it, check it, say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.calibration.closure import VARIABLES, closure_test
from eμsym.calibration.correction_file import read_correction, write_correction
from eμsym.calibration.self_calibration import checked_windows, inside
from eμsym.difference import Difference
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair

#: The correction as a file, in the output folder.
EQUALISATION_FILE = "equalisation.json"


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

    def apply(self, pair: Pair) -> tuple[Pair | None, str | None]:
        """Return the corrected pair; or None, and why it is not corrected.

        Raises
        ------
        EmusymError
            If a correction that was asked for cannot be had. What nobody asked for
            is left out where there are too few events for it.
        """
        if self.how == "none":
            return None, None
        # A column that is not there is the user's mistake, however few the events.
        inside(pair.pool, checked_windows(self.exclude))
        try:
            if not len(pair.pool):
                raise DataError("there are no events to correct")
            if self.how in (None, "self"):
                return pair.equalised(exclude=dict(self.exclude) or None), None
            return pair.equalised(str(self.how)), None
        except DataError as error:
            if self.how is None:
                return None, str(error)
            raise DataError(f"{error}; or give --equalise none") from error


def describe(pair: Pair, *, seed: int) -> dict[str, Any]:
    """Return a correction with its covariance, its quality and its closure, for JSON.

    Parameters
    ----------
    pair : Pair
    seed : int
        Which events make up the halves of the closure test.
    """
    try:
        variables = (*VARIABLES, "met")
        closure = closure_test(pair, variables=variables, rng=seed).to_dict()
    except DataError as problem:
        closure = {"problem": str(problem)}
    return {
        **pair.symmetry.to_dict(),
        "yields": {
            "raw": [float(s.weight.sum()) for s in (pair.raw.a, pair.raw.b)],
            "equalised": [float(s.weight.sum()) for s in (pair.a, pair.b)],
        },
        "ratio": order_ratio(pair),
        "closure": closure,
    }


def order_ratio(pair: Pair) -> dict[str, float] | None:
    """Return A/B of the weighted events and its standard error; None without A or B."""
    everything = np.zeros(len(pair.pool), dtype=np.int64)
    total = Difference.of_pool(pair.pool, pair.symmetry, everything, (1,))
    if not (total.a[0] > 0 and total.b[0] > 0):
        return None
    value, error = total.ratio()
    return {"value": float(value[0]), "error": float(error[0])}


def write_equalisation(pair: Pair | None, folder: Path) -> None:
    """Write a self-calibration as a correctionlib file, for ``--equalise``.

    Without a correction, the file of an earlier analysis is removed.
    """
    if pair is None:
        (folder / EQUALISATION_FILE).unlink(missing_ok=True)
    elif (fit := pair.symmetry.calibration) is not None:
        write_correction(fit.ratio, folder / EQUALISATION_FILE)
