"""Pulls of nuisances, and their impacts on the strength of a signal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eμsym.errors import DataError
from eμsym.files import json_number
from eμsym.limits.likelihoods import Likelihoods, Point
from eμsym.limits.model import Model
from eμsym.limits.region import Region


@dataclass(frozen=True)
class Impact:
    """One nuisance in the best fit.

    Attributes
    ----------
    name : str
    pull : float
        Its best value, in standard deviations before the fit.
    error : float
        Its standard error after the fit, in those.
    up, down : float
        By how much the best strength moves where the nuisance is held one such error above
        and below its best.
    """

    name: str
    pull: float
    error: float
    up: float
    down: float

    @property
    def size(self) -> float:
        """The larger of both impacts, without sign."""
        return max(abs(self.up), abs(self.down))

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        names = ("pull", "error", "up", "down")
        return {"name": self.name, **{name: json_number(getattr(self, name)) for name in names}}


@dataclass(frozen=True)
class Impacts:
    """The best fit of a strength with its nuisances.

    Attributes
    ----------
    mu, mu_error : float
        The strength, on either side of zero, and its error from the curvature.
    nuisances : tuple of Impact
        The largest impact first.
    """

    mu: float
    mu_error: float
    nuisances: tuple[Impact, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "mu": json_number(self.mu),
            "mu_error": json_number(self.mu_error),
            "nuisances": [impact.to_dict() for impact in self.nuisances],
        }


def impacts(regions: Sequence[Region]) -> Impacts:
    """Fit a strength, and fit it again with each nuisance moved by its error.

    Parameters
    ----------
    regions : sequence of Region
        Of one signal each.

    Raises
    ------
    DataError
        If a fit does not converge, or there is no error: the likelihood is flat, or kinked by
        bins without entries.
    """
    model = Model.of(regions)
    if model.n_signals != 1:
        raise DataError(f"impacts are on one strength; the regions have {model.n_signals}")
    likelihoods = Likelihoods.of(model)
    m = model.n_parameters
    best = likelihoods.minimum(
        likelihoods.profiled(np.zeros((1, 1))), likelihoods.directions(range(m))
    )
    covariance = _covariance(likelihoods, best)
    errors = np.sqrt(np.diag(covariance))
    found = []
    for k, name in enumerate(model.names, 1):
        others = likelihoods.directions([j for j in range(m) if j != k])
        moved = []
        for sign in (1.0, -1.0):
            # Where a Gaussian would have the others.
            start = best.v + sign * covariance[k] / errors[k]
            there = likelihoods.minimum(likelihoods.at(start, best.xi), others)
            moved.append(float(there.v[0, 0] - best.v[0, 0]))
        found.append(Impact(name, float(best.v[0, k]), float(errors[k]), moved[0], moved[1]))
    ordered = sorted(found, key=lambda impact: -impact.size)
    return Impacts(float(best.v[0, 0]), float(errors[0]), tuple(ordered))


def _covariance(likelihoods: Likelihoods, best: Point) -> Any:
    hessian = likelihoods.hessian(best)
    try:
        covariance = 2 * np.linalg.inv(hessian)
    except np.linalg.LinAlgError:
        covariance = np.full_like(hessian, np.nan)
    if not np.all(np.diag(covariance) > 0):
        raise DataError(
            "the likelihood is flat in the strength or a nuisance: there are no errors to move "
            "them by; merge bins, or give another signal"
        )
    return covariance
