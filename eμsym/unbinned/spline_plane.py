"""The symmetrized test with splines of two columns at once.

The likelihood ratio of `eμsym.SplineTest` (arXiv:2401.09530, Eq. 22-24) with f and g in the
products of B-splines of one column and of the other. It is convex as there. The columns are
ranks, so that a density ratio of any two columns is a function on a square; they are in cells,
of which a labelling is but the sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eμsym.arrays import FloatArray, IntArray, summed
from eμsym.distributions import ScaledChiSquared
from eμsym.errors import ConfigurationError, DataError
from eμsym.newton import NewtonStep, NotConvergedError, newton
from eμsym.pair import Pair
from eμsym.pool import WEIGHT, Pool
from eμsym.shown import Shown
from eμsym.sources import columns_pair
from eμsym.symmetry import Relabellings
from eμsym.unbinned.subspace_axis import rank_axes
from eμsym.unbinned.subspace_views import CELLS_2D, spline_basis

#: The fewest cubic splines a column, and the most: more would be singular in 48 cells.
LEAST, MOST = 4, 12

#: Steps end once t can gain no more than about this.
_TOLERANCE = 1e-8

_MAX_STEPS = 300

#: Directions in which the pool has less than this part of the largest sum of squares are none.
_DEGENERATE = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class SplinePlaneResult(Shown):
    """Result of `SplinePlaneTest`.

    Attributes
    ----------
    t, t_a, t_b : float
        The test statistic and its two parts.
    dof : int
        K² − 1, or less where the plane has no events: of the χ² that t follows in large samples.
    columns : tuple of str
    converged : bool
        Whether both fits reached their infimum; else t is a lower bound.
    """

    t: float
    t_a: float
    t_b: float
    dof: int
    columns: tuple[str, str]
    converged: bool

    @property
    def statistic(self) -> float:
        """The test statistic, t."""
        return self.t

    @property
    def reference(self) -> ScaledChiSquared:
        """χ² of `dof`, to which t tends in large samples of unweighted events."""
        return ScaledChiSquared(self.dof, self.dof)

    @property
    def pvalue(self) -> float:
        """The p-value from χ²; relabelled events assume less."""
        return self.reference.pvalue(self.t)

    @property
    def z(self) -> float:
        """Z = Φ⁻¹(1 − p) of `pvalue`."""
        return self.reference.z(self.t)

    def to_dict(self) -> dict[str, Any]:
        """Return the result, for JSON."""
        return {
            "t": self.t,
            "t_a": self.t_a,
            "t_b": self.t_b,
            "dof": self.dof,
            "columns": list(self.columns),
            "converged": self.converged,
            "pvalue": self.pvalue,
            "z": self.z if np.isfinite(self.z) else None,
        }


@dataclass(frozen=True)
class SplinePlaneTest:
    """The symmetrized likelihood-ratio test with products of B-splines in two columns.

    t = t(A) + t(B), with

    t(A) = −2 min_θ { Ñ_A/(Ñ_A+Ñ_B) Σ_{A∪B} w (e^f − 1) − Σ_A w f },  f = Σ θ_kl φ_k(u) φ_l(v),

    u and v the ranks of the two columns in 48 cells each, and t(B) likewise.

    Parameters
    ----------
    k : int
        Splines a column, 4 to 12: t has K² − 1 degrees of freedom.

    Raises
    ------
    ConfigurationError
        If k is not a whole number in that range.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> result = SplinePlaneTest(k=4)(rng.normal(size=(900, 2)), rng.normal(size=(800, 2)))
    >>> result.dof, result.pvalue > 0.01
    (15, True)
    """

    k: int = 5

    def __post_init__(self) -> None:
        k: Any = self.k
        if not isinstance(k, int | np.integer) or not LEAST <= k <= MOST:
            raise ConfigurationError(f"k: a whole number, {LEAST} to {MOST}, got {k!r}")

    def __call__(
        self,
        *samples: Any,
        weights_a: ArrayLike | None = None,
        weights_b: ArrayLike | None = None,
        rng: Any = None,
    ) -> SplinePlaneResult:
        """Test a pair of two columns, or two samples.

        Parameters
        ----------
        *samples : Pair, or two array_like, shape (n_a, 2) and (n_b, 2)
        weights_a, weights_b : array_like, shape (n,), optional
            Of the events of two samples; not negative.
        rng : object
            Not used: the test is deterministic. All tests take it.

        Returns
        -------
        SplinePlaneResult

        Raises
        ------
        DataError
            If a sample is empty, there are not two columns, a column is constant, not finite or
            ordered like the other, or a weight is negative.
        """
        pair = _pair(samples, weights_a, weights_b)
        plane = _Plane.of(pair.pool, self.k)
        t_a, t_b, converged = plane.fitted(pair.pool.labels)
        return SplinePlaneResult(t_a + t_b, t_a, t_b, plane.dof, plane.columns, converged)

    def many(self, pool: Pool, drawn: Relabellings) -> FloatArray:
        """Return t of many draws of a pool's labels, shape (draws,), as single calls give it."""
        plane = _Plane.of(pool, self.k)
        return np.array([sum(plane.fitted(labels)[:2]) for labels in drawn.labels])


@dataclass(frozen=True, eq=False)
class _Plane:
    """What all labellings of a pool have in common.

    Attributes
    ----------
    columns : tuple of str
    cell : ndarray of int, shape (n,)
        That of every event, of those that hold one.
    event_weight : ndarray of float, shape (n,)
    weight : ndarray of float, shape (cells,)
        Summed weights.
    basis : ndarray of float, shape (cells, directions)
        Orthonormal on the pool.
    """

    columns: tuple[str, str]
    cell: IntArray
    event_weight: FloatArray
    weight: FloatArray
    basis: FloatArray

    @classmethod
    def of(cls, pool: Pool, k: int) -> _Plane:
        names = [name for name in pool.columns if name != WEIGHT]
        if len(names) != 2:
            raise DataError(f"the plane takes two columns; there are {', '.join(names) or 'none'}")
        pool.check_weights()
        if np.any(pool.weight < 0):
            raise DataError("weights: some are negative; the splines' likelihood has none of them")
        axes = rank_axes([(name, pool.column(name)) for name in names])
        one, other = (axis.cells(CELLS_2D) for axis in axes)
        filled, cell = np.unique(one.index * len(other) + other.index, return_inverse=True)
        phi = np.einsum(
            "ik,il->ikl",
            spline_basis(one, k)[filled // len(other)],
            spline_basis(other, k)[filled % len(other)],
        ).reshape(filled.size, -1)
        weight = summed(cell, pool.weight * pool.sizes, filled.size)
        values, vectors = np.linalg.eigh(phi.T @ (weight[:, np.newaxis] * phi))
        kept = values > _DEGENERATE * values[-1]
        basis = phi @ (vectors[:, kept] / np.sqrt(values[kept]))
        return cls((names[0], names[1]), cell, pool.weight, weight, basis)

    @property
    def dof(self) -> int:
        """Free directions but the constant."""
        return int(self.basis.shape[1]) - 1

    def fitted(self, labels: NDArray[Any]) -> tuple[float, float, bool]:
        """Return t(A), t(B), and whether both reached their infimum.

        Raises
        ------
        DataError
            If a sample is empty.
        """
        of_a = summed(self.cell, self.event_weight * labels, self.weight.size)
        found = []
        for own, name in ((of_a, "A"), (self.weight - of_a, "B")):
            if own.sum() <= 0:
                raise DataError(f"{name}: the sample is empty")
            found.append(_minimise(self, own))
        (t_a, first), (t_b, second) = found
        return t_a, t_b, first and second


@dataclass(frozen=True, eq=False)
class _Point:
    """θ, the loss there, and the Newton step from it."""

    plane: _Plane
    score: FloatArray
    share: float
    theta: FloatArray
    ratio: FloatArray
    value: float

    @classmethod
    def at(cls, plane: _Plane, score: FloatArray, share: float, theta: FloatArray) -> _Point:
        with np.errstate(over="ignore"):
            ratio = plane.weight * np.exp(plane.basis @ theta)
        loss = share * float(np.sum(ratio) - np.sum(plane.weight)) - float(score @ theta)
        return cls(plane, score, share, theta, ratio, loss)

    def newton_step(self) -> NewtonStep:
        phi = self.plane.basis
        gradient = self.share * (phi.T @ self.ratio) - self.score
        hessian = self.share * (phi.T @ (self.ratio[:, np.newaxis] * phi))
        # Where a sample has no events f falls for ever, and the curvature fades with it.
        ridge = 1e-12 * float(np.trace(hessian)) / len(hessian)
        raised = hessian + ridge * np.eye(len(hessian))
        step = np.asarray(-np.linalg.solve(raised, gradient), dtype=np.float64)
        longest = 8.0 / max(8.0, float(np.max(np.abs(phi @ step))))
        return NewtonStep(step, -float(gradient @ step), longest)


def _minimise(plane: _Plane, own: FloatArray) -> tuple[float, bool]:
    """Return −2 times the infimum of a sample's loss, and whether it was reached."""
    share, total = float(own.sum() / plane.weight.sum()), float(plane.weight.sum())
    score = plane.basis.T @ own
    try:
        best = newton(
            lambda theta: _Point.at(plane, score, share, theta),
            _Point(plane, score, share, np.zeros(score.size), plane.weight, 0.0),
            tolerance=_TOLERANCE,
            decrease=0.1,
            rounding=1e-12 * total,
            max_steps=_MAX_STEPS,
            what="the fit of the splines in two columns",
            remedy="choose fewer functions",
        )
    except NotConvergedError as error:
        return max(0.0, -2.0 * error.point.value), False
    return max(0.0, -2.0 * best.value), True


def _pair(samples: tuple[Any, ...], weights_a: Any, weights_b: Any) -> Pair:
    if len(samples) == 1 and isinstance(samples[0], Pair):
        if weights_a is not None or weights_b is not None:
            raise DataError("weights: a pair has its own")
        return samples[0]
    if len(samples) != 2:
        raise DataError("give a pair, or two samples of shape (n, 2)")
    return columns_pair(*samples, weights_a, weights_b)
