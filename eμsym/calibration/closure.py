"""Closure of a correction: is what it has not seen symmetric, in each kinematic variable?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist.axis import Variable
from scipy.stats import chi2, norm

from eμsym.arrays import FloatArray, IntArray, Rng, summed
from eμsym.difference import Difference
from eμsym.errors import ConfigurationError, DataError
from eμsym.pool import Pool
from eμsym.shown import Shown
from eμsym.symmetry import Labelled, Symmetry

#: Where closure is looked at by default; η with its sign, of which the ratio knows nothing.
VARIABLES = ("lead_pt", "sub_pt", "lead_eta", "sub_eta", "m_coll")


@dataclass(frozen=True, eq=False, repr=False)
class ClosureOf(Shown):
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


@dataclass(frozen=True, eq=False, repr=False)
class Closure(Shown):
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

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the numbers, and the names of the variables."""
        return {**super().shown(), "variables": [each.variable for each in self.variables]}

    @property
    def pvalue(self) -> float:
        """The two-sided p-value of `z`."""
        return float(2 * norm.sf(abs(self.z)))

    @property
    def worst(self) -> ClosureOf:
        """The variable with the smallest p-value."""
        return min(self.variables, key=lambda item: item.pvalue)

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
    pair: Labelled,
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
    pair : Pair
        That has been corrected, see `Pair.equalised`.
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
    pool, symmetry, n_fitted = pair.pool, pair.symmetry, 0
    if (used := symmetry.used(pool)).any():
        fitted = used & (np.random.default_rng(rng).random(used.size) < 0.5)
        symmetry = symmetry.fitted_to(pool.where(fitted))
        pool, n_fitted = pool.where(used & ~fitted), int(np.count_nonzero(fitted))
    everything = np.zeros(len(pool), dtype=np.int64)
    total = Difference.of_pool(pool, symmetry, everything, (1,))
    return Closure(
        variables=tuple(_closure_of(pool, symmetry, name, int(n_bins)) for name in variables),
        z=-float(total.pull[0]),
        n_fitted=n_fitted,
        n_tested=len(pool),
    )


def quantile_bins(values: FloatArray, n_bins: int) -> tuple[FloatArray, IntArray]:
    """Return edges between which about equally many values lie, and the bin of each value.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    n_bins : int

    Returns
    -------
    edges : ndarray of float, shape (bins + 1,)
        Fewer where values repeat; one bin is left if all are equal.
    index : ndarray of int, shape (n,)
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)))
    if edges.size < 2:
        edges = np.array([edges[0], np.nextafter(edges[0], np.inf)])
    return edges, np.minimum(Variable(edges).index(values), edges.size - 2)


def _closure_of(pool: Pool, symmetry: Symmetry, name: str, n_bins: int) -> ClosureOf:
    values = pool.column(name)
    if np.ptp(values) == 0:
        raise DataError(f"{name}: all values are {values[0]:g}; there is nothing to compare")
    edges, index = quantile_bins(values, n_bins)
    size = edges.size - 1
    difference = Difference.of_pool(pool, symmetry, index, (size,))
    found = difference.chi_square()
    return ClosureOf(
        variable=name,
        edges=edges,
        a=summed(index, pool.weight * pool.labels, size),
        b=summed(index, pool.weight * ~pool.labels, size),
        pull=-np.nan_to_num(difference.pull),
        chi2=found.chi2,
        dof=found.dof,
    )
