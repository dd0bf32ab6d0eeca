r"""Tests by distances of events: the energy distance, and the maximum mean discrepancy.

Both are a quadratic form Σ_ij c_i c_j k(x_i, x_j) of the pooled events, c = w/Σ_A w of A's and
−w/Σ_B w of B's. It takes a time that grows with the square of the number of events; many
labellings share the distances.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from eμsym.arrays import FloatArray
from eμsym.errors import ConfigurationError, DataError
from eμsym.pool import Pool
from eμsym.symmetry import Relabellings
from eμsym.unbinned.moments_and_steps import TwoSampleResult, two_samples

#: More events than these would take hours.
MAX_EVENTS = 50_000

#: Events whose distances to all others are held at a time, and labellings that are summed at
#: once: always as many, so that no bit depends on how many there are.
_ROWS, _LANES = 256, 32

#: Events whose distances give the median, evenly chosen from all.
_FOR_MEDIAN = 1000

_Kernel = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True)
class DistanceTest(ABC):
    """What tests by distances have in common.

    Columns are divided by their pooled standard deviations, so that no unit matters.
    """

    #: The products release the GIL.
    releases_gil = True

    def __call__(
        self,
        a: Any,
        b: Any,
        *,
        weights_a: ArrayLike | None = None,
        weights_b: ArrayLike | None = None,
        rng: Any = None,
    ) -> TwoSampleResult:
        """Test two samples.

        Parameters
        ----------
        a, b : array_like, shape (n,) or (n, d)
        weights_a, weights_b : array_like, shape (n,), optional
        rng : object
            Not used. All tests take it.

        Returns
        -------
        TwoSampleResult
            Without a reference: p is that of a null.

        Raises
        ------
        DataError
            As for `KSTest`; also if a column is constant, or there are more than
            `MAX_EVENTS` events.
        """
        (x_a, w_a), (x_b, w_b) = two_samples(a, b, weights_a, weights_b)
        c = np.concatenate([w_a / w_a.sum(), -w_b / w_b.sum()])
        x = _scaled(np.concatenate([x_a, x_b]))
        return TwoSampleResult(float(quadratic_forms(self._kernel(x), x, c[:, np.newaxis])[0]))

    def many_of(self, values: FloatArray, pool: Pool, drawn: Relabellings) -> FloatArray:
        """Return the statistics of many draws of a pool's labels, shape (draws,).

        Parameters
        ----------
        values : ndarray of float, shape (entries,) or (entries, d)
            What is tested of the pool's entries, whatever their labels.
        pool : Pool
        drawn : Relabellings

        Raises
        ------
        DataError
            As for a call.
        """
        (x, _), _ = two_samples(values, values, pool.weight, pool.weight)
        scaled = _scaled(x)
        return quadratic_forms(self._kernel(scaled), scaled, _signed_shares(pool, drawn))

    @abstractmethod
    def _kernel(self, x: FloatArray) -> _Kernel:
        """Return the function of pairs of points, with what it needs of all of them."""


@dataclass(frozen=True)
class EnergyTest(DistanceTest):
    """The energy distance 2E|x−y| − E|x−x₂| − E|y−y₂| (Székely and Rizzo, InterStat 5 (2004)).

    Examples
    --------
    >>> EnergyTest()([0.0, 2.0], [0.0, 2.0]).statistic
    0.0
    """

    def _kernel(self, x: FloatArray) -> _Kernel:
        return lambda some, every: -cdist(some, every)


@dataclass(frozen=True)
class MMDTest(DistanceTest):
    """The squared maximum mean discrepancy with a Gaussian kernel.

    Gretton et al., J. Mach. Learn. Res. 13 (2012) 723.

    Parameters
    ----------
    width : float, optional
        Of the kernel, in pooled standard deviations. Default: the median distance of events.

    Raises
    ------
    ConfigurationError
        If the width is not above 0.

    Examples
    --------
    >>> round(MMDTest(width=1.0)([0.0, 2.0], [0.0, 2.0]).statistic, 12)
    0.0
    """

    width: float | None = None

    def __post_init__(self) -> None:
        if self.width is not None and not (np.isfinite(self.width) and self.width > 0):
            raise ConfigurationError(f"width: a number above 0, got {self.width!r}")

    def _kernel(self, x: FloatArray) -> _Kernel:
        width = self.width
        if width is None:
            # By rising value of the first column: the labels, and the order, are no matter.
            chosen = x[np.lexsort(x.T[::-1])][:: max(1, len(x) // _FOR_MEDIAN)]
            width = float(np.median(cdist(chosen, chosen)[np.triu_indices(len(chosen), 1)]))
        scale = -0.5 / width**2
        return lambda some, every: np.exp(scale * cdist(some, every, "sqeuclidean"))


def quadratic_forms(kernel: _Kernel, x: FloatArray, c: FloatArray) -> FloatArray:
    """Return Σ_ij c_i c_j k(x_i, x_j) for many c.

    Parameters
    ----------
    kernel : callable
        Of (m, d) and (n, d) to (m, n).
    x : ndarray of float, shape (n, d)
    c : ndarray of float, shape (n, labellings)

    Returns
    -------
    ndarray of float, shape (labellings,)
    """
    n, labellings = c.shape
    padded = -(-labellings // _LANES) * _LANES
    lanes = np.zeros((padded // _LANES, n, _LANES))
    for i in range(labellings):
        lanes[i // _LANES, :, i % _LANES] = c[:, i]
    total = np.zeros((len(lanes), _LANES))
    for first in range(0, n, _ROWS):
        rows = slice(first, first + _ROWS)
        near = kernel(x[rows], x)
        for group, mine in zip(total, lanes, strict=True):
            group += np.sum(mine[rows] * (near @ mine), axis=0)
    return np.asarray(total.ravel()[:labellings])


def _scaled(x: FloatArray) -> FloatArray:
    if len(x) > MAX_EVENTS:
        raise DataError(
            f"{len(x):,} events have too many distances, at most {MAX_EVENTS:,} events: "
            "take SubspaceTest, or fewer events"
        )
    # Exactly: rounding in one of many equal values must not make it vary.
    if np.any(x.min(axis=0) == x.max(axis=0)):
        raise DataError("a column is constant: leave it out")
    return np.asarray(x / x.std(axis=0))


def _signed_shares(pool: Pool, drawn: Relabellings) -> FloatArray:
    """Return c of every draw, shape (entries, draws)."""
    probability = drawn.symmetry.probabilities(pool)
    found = np.empty((len(pool), len(drawn)))
    for i, labels in enumerate(drawn.labels):
        p = probability(None if drawn.log_ratio is None else drawn.log_ratio[i])
        found[:, i] = _signed_share(labels, p, pool)
    return found


def _signed_share(labels: NDArray[Any], p: FloatArray, pool: Pool) -> FloatArray:
    of_a = 2 * (1 - p) * labels * pool.weight
    of_b = 2 * p * (pool.sizes - labels) * pool.weight
    for side, name in ((of_a, "A"), (of_b, "B")):
        if not side.sum() > 0:
            raise DataError(f"{name}: the sample is empty")
    return np.asarray(of_a / of_a.sum() - of_b / of_b.sum())
