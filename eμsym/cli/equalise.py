"""What the commands do about the detector's e/μ difference: correct for it, check it, say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hist
import numpy as np

from eμsym.binned.nsigma import ABSORBED
from eμsym.calibration.closure import VARIABLES, closure_test
from eμsym.calibration.correction_file import read_correction, write_correction
from eμsym.calibration.equalisation import EqualisedPair, difference_covariance
from eμsym.calibration.self_calibration import checked_windows, inside
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair, Sample

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

    def apply(self, pair: Pair) -> tuple[EqualisedPair | None, str | None]:
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
        inside(pair, checked_windows(self.exclude))
        try:
            if not any(len(sample.require_events()) for sample in (pair.a, pair.b)):
                raise DataError("there are no events to correct")
            if self.how in (None, "self"):
                return pair.equalised(exclude=dict(self.exclude) or None), None
            return pair.equalised(str(self.how)), None
        except DataError as error:
            if self.how is None:
                return None, str(error)
            raise DataError(f"{error}; or give --equalise none") from error


def describe(pair: EqualisedPair, *, seed: int) -> dict[str, Any]:
    """Return a correction with its covariance, its quality and its closure, for JSON.

    Parameters
    ----------
    pair : EqualisedPair
    seed : int
        Which events make up the halves of the closure test.
    """
    try:
        variables = (*VARIABLES, "met")
        closure = closure_test(pair, variables=variables, rng=seed).to_dict()
    except DataError as problem:
        closure = {"problem": str(problem)}
    return {
        **pair.to_dict(),
        "ratio": order_ratio(pair),
        "closure": closure,
    }


def order_ratio(pair: EqualisedPair) -> dict[str, float] | None:
    """Return A/B of the weighted events and its standard error; None without A or B."""
    a, b = (float(sample.weight.sum()) for sample in (pair.a, pair.b))
    if not (a > 0 and b > 0):
        return None
    everything = np.zeros(pair.events.in_a.size, dtype=np.int64)
    sigma = float(np.sqrt(max(difference_covariance(pair, everything, 1)[0, 0], 0.0)))
    return {"value": a / b, "error": 2 * sigma / (a + b) * a / b}


def write_equalisation(pair: EqualisedPair | None, folder: Path) -> None:
    """Write a self-calibration as a correctionlib file, for ``--equalise``.

    Without a correction, the file of an earlier analysis is removed.
    """
    if pair is None:
        (folder / EQUALISATION_FILE).unlink(missing_ok=True)
    elif pair.calibration is not None:
        write_correction(pair.calibration.ratio, folder / EQUALISATION_FILE)


def with_calibrated_errors(pair: EqualisedPair) -> Pair:
    """Return the pair with histograms whose variances are those of the corrected pair.

    The variances of A and of B are scaled so that their sum is the diagonal of
    `EqualisedPair.covariance`: pulls in windows and in figures then are those of
    `EqualisedPair.nsigma`.
    """
    histograms: tuple[dict[str, hist.Hist], dict[str, hist.Hist]] = ({}, {})
    for name in pair.a.histograms:
        a, b = pair.hist(name)
        diagonal = np.diag(pair.covariance(name)).reshape(a.values().shape)
        both = a.variances() + b.variances()
        left = diagonal > ABSORBED * both
        scale = np.divide(diagonal, both, out=np.zeros_like(both), where=left)
        for kept, histogram in zip(histograms, (a, b), strict=True):
            kept[name] = histogram.copy()
            kept[name].view().variance = histogram.variances() * scale
    a, b = (
        Sample(sample.events, kept)
        for sample, kept in zip((pair.a, pair.b), histograms, strict=True)
    )
    return Pair(a, b, pair.names)
