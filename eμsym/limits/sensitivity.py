"""Expected limits and median significances at other luminosities, from Asimov data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.files import json_number
from eμsym.limits.likelihoods import Likelihoods
from eμsym.limits.model import Model
from eμsym.limits.of_pair import expected_region
from eμsym.limits.region import Region
from eμsym.limits.upper_limit import BAND_NAMES, region_limit


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What is expected at luminosities.

    Attributes
    ----------
    luminosities : ndarray of float, shape (n,)
        fb⁻¹.
    limits : ndarray of float, shape (n, 5)
        Expected limits on events at that luminosity, at −2 to 2 standard deviations.
    errors : ndarray of float, shape (n,)
        The expected error of the strength without signal, in events at that luminosity.
    z : ndarray of float, shape (n,)
        Median Z if the signal has `events_per_ifb`; NaN if that is not given.
    events_per_ifb : float or None
    """

    luminosities: FloatArray
    limits: FloatArray
    errors: FloatArray
    z: FloatArray
    events_per_ifb: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "luminosity_ifb": self.luminosities.tolist(),
            "events": {
                name: [json_number(x) for x in self.limits[:, k]]
                for k, name in enumerate(BAND_NAMES)
            },
            "error": [json_number(x) for x in self.errors],
            "z": [json_number(x) for x in self.z],
            "events_per_ifb": self.events_per_ifb,
        }


def sensitivity(
    region: Region,
    luminosity_ifb: float,
    luminosities: Sequence[float],
    *,
    cl: float = 0.95,
    events_per_ifb: float | None = None,
) -> Sensitivity:
    """Return what a region's signal is expected to give at luminosities.

    The counts are scaled as they are expected without signal, in the bins that they have;
    uncertainties stay what they are.

    Parameters
    ----------
    region : Region
    luminosity_ifb : float
        Of its counts, fb⁻¹.
    luminosities : sequence of float
        fb⁻¹.
    cl : float
    events_per_ifb : float, optional
        Events of the signal a fb⁻¹, for the median Z.

    Raises
    ------
    DataError
        As for `region_limit`, or if a luminosity is not above zero.
    """
    limits, errors, z = [], [], []
    for luminosity in luminosities:
        there = expected_region(region, scale=luminosity / luminosity_ifb)
        limits.append(region_limit([there], cl=cl).expected)
        likelihoods = Likelihoods.of(Model.of([there]))
        _, bend = likelihoods.score(likelihoods.start(np.zeros((1, 1))))
        errors.append(float(np.sqrt(2 / bend[0])) if bend[0] > 0 else np.inf)
        events = np.nan if events_per_ifb is None else events_per_ifb * luminosity
        z.append(_median_z(there, events))
    return Sensitivity(
        np.array(luminosities, dtype=np.float64),
        np.array(limits),
        np.array(errors),
        np.array(z),
        events_per_ifb,
    )


def _median_z(region: Region, events: float) -> float:
    """Return Z of the Asimov data with a signal."""
    if not np.isfinite(events):
        return float("nan")
    model = Model.of([region])
    likelihoods = Likelihoods.of(model)
    signal = likelihoods.start(np.full((1, 1), events))
    s_a, s_b, _ = model.signal_and_ratio(signal.v, signal.xi)
    filled = Likelihoods.of(model, likelihoods.b + s_b, likelihoods.a + s_a)
    null = filled.profiled(np.zeros((1, 1)))
    return float(np.sqrt(max(null.value[0], 0.0)))
