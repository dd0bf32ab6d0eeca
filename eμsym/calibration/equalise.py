"""The symmetry that a correction of the detector's e/μ difference leaves a pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.calibration.calibrated import Calibrated, Correction
from eμsym.calibration.correction_file import EfficiencyMaps, read_correction
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins
from eμsym.calibration.self_calibration import lepton_columns, self_calibrate
from eμsym.errors import ConfigurationError, DataError
from eμsym.exchange import LEPTONS
from eμsym.pool import Pool
from eμsym.symmetry import Labelled


def calibrated(
    pair: Labelled,
    correction: Any = "self",
    *,
    exclude: Mapping[str, Sequence[float]] | None = None,
    control: Labelled | None = None,
    bins: LeptonBins | None = None,
) -> Calibrated:
    """Return the symmetry of a pair's labels under a correction; see `Pair.equalised`."""
    raw = pair.symmetry.raw
    # Two arbitrary samples exchange nothing; under a correction their leptons do.
    exchange = raw.exchange if raw.exchange.swapped else LEPTONS
    if isinstance(correction, str) and correction == "self":
        fit = self_calibrate(pair if control is None else control, exclude=exclude, bins=bins)
        if control is None:
            return Calibrated(fit.ratio, fit, "self", raw, exchange)
        if np.isin(control.pool.identity, pair.pool.identity).any():
            raise DataError(
                "control: some of its events are the pair's too; a fit to them is that of 'self'"
            )
        return Calibrated(fit.ratio, replace(fit, control=True), "control", raw, exchange)
    if exclude is not None or control is not None or bins is not None:
        raise ConfigurationError(
            "exclude, control and bins are of a self-calibration; a correction from elsewhere "
            "has been fitted already"
        )
    found, source = _from_elsewhere(correction, pair.pool)
    return Calibrated(found, None, source, raw, exchange)


def _from_elsewhere(correction: Any, pool: Pool) -> tuple[Correction, str]:
    """Return a correction that needs no fit, and what to call it."""
    source = "given"
    if isinstance(correction, str | Path):
        source, correction = str(correction), read_correction(correction)
    pool.check_weights()
    if isinstance(correction, EfficiencyRatio):
        return correction, source
    if not isinstance(correction, EfficiencyMaps):
        raise ConfigurationError(
            f"correction {correction!r}: give 'self', an EfficiencyRatio or a correctionlib file"
        )
    name = correction.path if source == "given" else source
    return correction.at(*lepton_columns(pool)), name
