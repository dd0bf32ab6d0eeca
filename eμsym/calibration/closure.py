"""Closure of a correction: is what it has not seen symmetric, in each kinematic variable?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist.axis import Variable
from scipy.stats import chi2, norm

from eμsym.calibration.bradley_terry import BoolArray, fit_covariance, newton_fit, summed
from eμsym.calibration.efficiency_ratio import EfficiencyRatio
from eμsym.calibration.equalisation import EqualisedPair, difference_covariance, equalise
from eμsym.calibration.self_calibration import check_comparable, comparisons, pool_column
from eμsym.counts import FloatArray
from eμsym.errors import ConfigurationError, DataError
from eμsym.pair import Pair, Sample
from eμsym.sources import Rng

#: Where closure is looked at by default; η with its sign, of which the ratio knows nothing.
VARIABLES = ("lead_pt", "sub_pt", "lead_eta", "sub_eta", "m_coll")

#: Directions of the covariance with less than this, of the largest, hold no information.
_RANK = 1e-9


@dataclass(frozen=True, eq=False)
class ClosureOf:
    """The asymmetry left in one variable.

    Attributes
    ----------
    variable : str
    edges : ndarray of float, shape (bins + 1,)
        Quantiles of the events; all of them are inside.
    a, b : ndarray of float, shape (bins,)
        Summed weights of both orders before the correction.
    pull : ndarray of float, shape (bins,)
        (A − B)/σ after it, σ with the uncertainty of the correction.
    chi2 : float
        Of all bins together, with their correlations.
    dof : int
    """

    variable: str
    edges: FloatArray
    a: FloatArray
    b: FloatArray
    pull: FloatArray
    chi2: float
    dof: int

    @property
    def pvalue(self) -> float:
        """The p-value of χ²."""
        return float(chi2.sf(self.chi2, self.dof))

    def to_dict(self) -> dict[str, Any]:
        """Return bins, pulls, χ² and its p-value, for JSON."""
        return {
            "edges": self.edges.tolist(),
            "a": self.a.tolist(),
            "b": self.b.tolist(),
            "pull": self.pull.tolist(),
            "chi2": self.chi2,
            "dof": self.dof,
            "pvalue": self.pvalue,
        }


@dataclass(frozen=True, eq=False)
class Closure:
    """Result of `closure_test`.

    Attributes
    ----------
    variables : tuple of ClosureOf
    z : float
        The total asymmetry that is left, Σ over all events, over its standard
        error: positive for an excess of A.
    n_fitted, n_tested : int
        Events that ln r was fitted to here (none, for a correction from elsewhere)
        and those that it was tested on.
    """

    variables: tuple[ClosureOf, ...]
    z: float
    n_fitted: int
    n_tested: int

    @property
    def pvalue(self) -> float:
        """The two-sided p-value of `z`."""
        return float(2 * norm.sf(abs(self.z)))

    def to_dict(self) -> dict[str, Any]:
        """Return the total and each variable, for JSON."""
        return {
            "z": self.z,
            "pvalue": self.pvalue,
            "n_fitted": self.n_fitted,
            "n_tested": self.n_tested,
            "variables": {item.variable: item.to_dict() for item in self.variables},
        }


def closure_test(
    pair: EqualisedPair,
    *,
    variables: Sequence[str] = VARIABLES,
    n_bins: int = 8,
    rng: Rng = None,
) -> Closure:
    """Test what a correction leaves of the e/μ difference, on events that it has not seen.

    A self-calibration is repeated, in its own bins, on a random half of the events
    that it was fitted to, and tested on the other half. A correction from elsewhere,
    or from a control region, is tested on all events. Those in the window that a fit
    excludes have no part: there may be a signal there.

    Parameters
    ----------
    pair : EqualisedPair
    variables : sequence of str
        Columns.
    n_bins : int
        Bins of each variable, of about equal contents.
    rng : numpy.random.Generator, int or None
        Which events make up the halves.

    Returns
    -------
    Closure

    Raises
    ------
    DataError
        If half of the events are too few for the fit, or there is no such column.
    ConfigurationError
        If `n_bins` is not a whole number of at least 1.
    """
    if not isinstance(n_bins, int | np.integer) or n_bins < 1:
        raise ConfigurationError(f"{n_bins} bins: choose a whole number, 1 or more")
    n_fitted = 0
    if pair.in_sample:
        used = pair.events.used
        fitted = used & (np.random.default_rng(rng).random(used.size) < 0.5)
        tested = equalise(_part(pair.raw, used & ~fitted), _fit(pair, fitted))
        n_fitted = int(np.count_nonzero(fitted))
    else:
        tested = pair
    total, variance = _differences(tested, np.zeros(tested.events.in_a.size, dtype=np.int64), 1)
    return Closure(
        variables=tuple(_closure_of(tested, name, int(n_bins)) for name in variables),
        z=float(total[0] / np.sqrt(variance[0, 0])),
        n_fitted=n_fitted,
        n_tested=int(tested.events.in_a.size),
    )


def _fit(pair: EqualisedPair, chosen: BoolArray) -> EfficiencyRatio:
    """Return ln r as the chosen events alone have it."""
    assert pair.calibration is not None
    bins = pair.calibration.ratio.bins
    cells = comparisons(pair.raw, bins, chosen).cells()
    check_comparable(cells, bins)
    theta = newton_fit(cells)
    return EfficiencyRatio(bins, theta, fit_covariance(theta, cells))


def _part(pair: Pair, chosen: BoolArray) -> Pair:
    n_a = len(pair.a.require_events())
    a, b = pair.a.require_events()[chosen[:n_a]], pair.b.require_events()[chosen[n_a:]]
    return Pair(Sample(a), Sample(b), pair.names)


def _closure_of(pair: EqualisedPair, name: str, n_bins: int) -> ClosureOf:
    values = pool_column(pair.raw, name)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)))
    if edges.size < 2:
        raise DataError(f"{name}: all values are {edges[0]:g}; there is nothing to compare")
    index = np.minimum(Variable(edges).index(values), edges.size - 2)
    difference, covariance = _differences(pair, index, edges.size - 1)
    sigma = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance)
    kept = values > _RANK * values[-1]
    projected = (vectors.T @ difference)[kept]
    weight, in_a = pair.events.weight, pair.events.in_a
    return ClosureOf(
        variable=name,
        edges=edges,
        a=summed(index, weight * in_a, edges.size - 1),
        b=summed(index, weight * ~in_a, edges.size - 1),
        pull=np.divide(difference, sigma, out=np.zeros_like(difference), where=sigma > 0),
        chi2=float(np.sum(projected**2 / values[kept])),
        dof=int(np.count_nonzero(kept)),
    )


def _differences(pair: EqualisedPair, index: Any, n_bins: int) -> tuple[FloatArray, FloatArray]:
    """Return A − B of the weighted events in each bin, and its covariance."""
    weight = np.concatenate([pair.a.weight, -pair.b.weight])
    return summed(index, weight, n_bins), difference_covariance(pair, index, n_bins)
