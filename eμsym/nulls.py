"""Nulls of any test: from toys, permutations and bootstraps over all cores, or from χ²."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2, norm

from eμsym.errors import DataError
from eμsym.null import Null
from eμsym.pair import Pair
from eμsym.running.toys import toy_statistics
from eμsym.sources import PermutationSource, PoolSource, Source, columns_pair
from eμsym.testing import Columns, OnColumns, on_columns


@dataclass(frozen=True)
class ChiSquared:
    """The χ² distribution as a null: a reference, exact for large samples only.

    Parameters
    ----------
    dof : int
        Degrees of freedom: the number of parameters less one.
    """

    dof: int

    def pvalue(self, statistic: float) -> float:
        """Return the probability to be at or above the statistic."""
        return float(chi2.sf(statistic, self.dof))

    def z(self, statistic: float) -> float:
        """Return Z = Φ⁻¹(1 − p) of the statistic."""
        return float(norm.isf(self.pvalue(statistic)))

    def to_dict(self) -> dict[str, Any]:
        """Return the distribution's name and parameter, for JSON."""
        return {"distribution": "chi2", "dof": self.dof}


def toy_null(test: Callable[..., Any], source: Source, n: int, **options: Any) -> Null:
    """Return the null of a test from a symmetric source, such as a toy model without signal.

    Parameters and errors are those of `toy_statistics`.
    """
    return Null(toy_statistics(test, source, n, **options))


def permutation_null(
    test: Callable[..., Any],
    pair: Pair | tuple[Any, ...],
    n: int = 1000,
    *,
    column: Columns = None,
    scale: float | tuple[float, ...] = 1.0,
    **options: Any,
) -> Null:
    """Return the null of a test from permutations of an observed pair.

    The sizes are kept, and weights stay with their events. It assumes nothing of
    the distribution, and is exact for exchangeable events: under the symmetry
    p = (k+1)/(n+1) is uniform (SYM section III E, arXiv:2401.09530).

    Parameters
    ----------
    test : callable
        As for `toy_statistics`.
    pair : Pair, or tuple of arrays
        Or (a, b) or (a, b, weights_a, weights_b), of shape (n,) or (n, d). The events
        of an equalised pair are not exchangeable: its null is `calibrated_null`,
        which is returned.
    n : int
        Number of permutations: no p-value below 1/(n+1) can be shown.
    column : str, tuple of str or None
        What the test reads of the pair. None gives it the pair.
    scale : float or tuple of float
        The column is multiplied by this, as in `OnColumns`.
    **options
        As for `toy_statistics`.

    Returns
    -------
    Null

    Raises
    ------
    DataError
        As for `toy_statistics`, or if the pair has no such column.

    Examples
    --------
    >>> from eμsym.unbinned.spline import SplineTest
    >>> rng = np.random.default_rng(3)
    >>> a, b = rng.exponential(size=300), rng.exponential(size=400)
    >>> null = permutation_null(SplineTest(k=6), (a, b), 99, rng=1)
    >>> bool(null.pvalue(SplineTest(k=6)(a, b).statistic) > 0.01)
    True
    """
    from eμsym.calibration.equalisation import EqualisedPair

    if isinstance(pair, EqualisedPair):
        from eμsym.calibration.relabelling import calibrated_null

        return calibrated_null(test, pair, n, column=column, scale=scale, **options)
    if not isinstance(pair, Pair):
        if len(pair) not in (2, 4):
            raise DataError("a pair of arrays is (a, b) or (a, b, weights_a, weights_b)")
        column = _array_columns(pair[0])
        pair = columns_pair(*pair)
    else:
        reads = on_columns(test, column, scale)
        if isinstance(reads, OnColumns):
            # Only what the test reads is permuted.
            read = reads.samples(pair)
            pair, test = columns_pair(*read), reads.test
            column, scale = _array_columns(read[0]), 1.0
    return toy_null(test, PermutationSource(pair), n, column=column, scale=scale, **options)


def bootstrap_null(
    test: Callable[..., Any],
    pool: Any,
    n: int = 1000,
    *,
    n_a: float,
    n_b: float,
    column: Columns,
    **options: Any,
) -> Null:
    """Return the null of a test from pairs drawn with replacement from one pool of events.

    The sizes are Poisson, as the paper draws eμ events (SYM section III A). Events
    that come twice tie: the pool should be larger than the samples.

    Parameters
    ----------
    test : callable
        As for `toy_statistics`.
    pool : ak.Array, n * {column: number}, or mapping of str to array of shape (n,)
    n : int
        Number of toys.
    n_a, n_b : float
        Expected sizes of A and B.
    column : str, tuple of str or None
        What the test reads of the pair. None gives it the pair.
    **options
        As for `toy_statistics`.

    Returns
    -------
    Null

    Raises
    ------
    DataError
        As for `toy_statistics` and `PoolSource`.
    """
    return toy_null(test, PoolSource(pool, n_a, n_b), n, column=column, **options)


def _array_columns(values: Any) -> str | tuple[str, ...]:
    shape = np.shape(values)
    return _numbered(shape[1]) if len(shape) == 2 else "x"


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"x{j}" for j in range(count))
