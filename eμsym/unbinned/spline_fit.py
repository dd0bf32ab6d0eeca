"""A convex fit of the logarithm of a density ratio in cubic B-splines, exact on all events.

Between two knots a spline is a cubic in the local coordinate s, which runs from
-1 to 1, so Σ w e^f and its derivatives need no more of the events than the sums
Σ w e^f s^j, j = 0..6, of each interval: no design matrix is ever formed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.linalg import solveh_banded

from eμsym.arrays import FloatArray
from eμsym.errors import DataError
from eμsym.newton import NewtonStep, NotConvergedError, newton
from eμsym.shown import Shown
from eμsym.unbinned.distinct import Distinct
from eμsym.unbinned.spline_knots import ORDER

#: Steps end once t can gain no more than about this.
TOLERANCE = 1e-9

MAX_STEPS = 500


@dataclass(frozen=True, eq=False, repr=False)
class SplineFunction(Shown):
    """A cubic spline f(x) = Σ_k θ_k φ_k(x) on the range of the pooled sample.

    Parameters
    ----------
    knots : ndarray of float, shape (K − 2,)
    coefficients : ndarray of float, shape (K,)
        θ.
    """

    knots: FloatArray
    coefficients: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return f(x), of the shape of x; NaN outside the range, where nothing is known."""
        values = BSpline(_padded(self.knots), self.coefficients, 3, extrapolate=False)
        result: FloatArray = np.asarray(values(np.asarray(x, dtype=np.float64)))
        return result


class SplineProblem:
    """The events, prepared for fits of one sample against the pool of both.

    Parameters
    ----------
    events : Distinct
        Of one column.
    knots : ndarray of float, shape (K − 2,)
    """

    def __init__(self, events: Distinct, knots: FloatArray) -> None:
        x = events.x[0]
        self.knots = knots
        self.weight = events.weight
        self.total = float(events.weight.sum())
        self.stops = np.append(np.searchsorted(x, knots[:-1]), x.size)
        half = np.diff(knots) / 2
        counts = np.diff(self.stops)
        s = x - np.repeat(knots[:-1] + half, counts)
        s /= np.repeat(half, counts)
        self.powers = np.empty((7, x.size))
        self.powers[0] = 1.0
        for j in range(1, 7):
            np.multiply(self.powers[j - 1], s, out=self.powers[j])
        self.pieces = cubic_pieces(knots)
        self.pool = self.moments(events.weight)
        self.score_a = self.project(self.moments(events.a))
        self.score_b = self.project(self.pool) - self.score_a

    def moments(self, weight: FloatArray) -> FloatArray:
        """Return Σ weight s^j of the events in each interval, shape (K − 3, 7)."""
        spans = zip(self.stops[:-1], self.stops[1:], strict=True)
        return np.stack([np.einsum("ij,j->i", self.powers[:, i:j], weight[i:j]) for i, j in spans])

    def project(self, moments: FloatArray) -> FloatArray:
        """Return Σ weight φ_k of every function, shape (K,), from the moments."""
        parts = np.einsum("ij,ijk->ik", moments[:, :ORDER], self.pieces)
        result = np.zeros(len(parts) + ORDER - 1)
        for k in range(ORDER):
            result[k : k + len(parts)] += parts[:, k]
        return result

    def gram(self, moments: FloatArray) -> FloatArray:
        """Return Σ weight φ_k φ_l as the upper bands of solveh_banded, shape (4, K)."""
        hankel = moments[:, np.add.outer(np.arange(ORDER), np.arange(ORDER))]
        blocks = np.swapaxes(self.pieces, 1, 2) @ hankel @ self.pieces
        bands = np.zeros((ORDER, len(blocks) + ORDER - 1))
        for k in range(ORDER):
            for m in range(k, ORDER):
                bands[ORDER - 1 - (m - k), m : m + len(blocks)] += blocks[:, k, m]
        return bands

    def expected(self, share: float) -> float:
        """Return E[t] under random labels, to the first order beyond K − 1.

        Expanding both fits to the fourth order in their parameters (Lawley 1956)
        gives, with ψ orthonormal on the pool, P the projection on them, h their
        summed squares without the constant, and c, 1 − c the shares of A and B,

        E[t] = (K−1)(1 + 1/N) + (c³ + (1−c)³) (|Ph|² + 2 |T|² − |h|²) / (4 N c (1−c))
               − (1−2c)² |T'|² / (3 N c (1−c)),

        with T_ijk = mean ψ_i ψ_j ψ_k, j and k without the constant, and T' the
        same with i without it. On a histogram this is Williams' correction (1976).
        """
        total = self.total
        gram = _dense(self.gram(self.pool)) / total
        inverse = np.asarray(np.linalg.pinv(gram, hermitian=True), dtype=np.float64)
        free = inverse - 1.0  # the constant function has all coefficients one
        third = self._triple() / total
        squares = np.tensordot(free @ third @ free, third, axes=([1, 2], [1, 2]))
        with_constant, without = float(np.sum(inverse * squares)), float(np.sum(free * squares))
        projected = np.tensordot(third, free)
        leverage = self._leverage(free)
        square = float(self.weight @ leverage**2) / total
        spread = float(projected @ inverse @ projected) + 2 * with_constant - square
        c, d = share, 1 - share
        first = (c**3 + d**3) * spread / 4 - (d - c) ** 2 * without / 3
        k = self.score_a.size - 1
        # Where the term is not small the expansion has failed, and only its sign is known.
        return float(np.clip(k + (k + first / (c * d)) / total, 0.5 * k, 2.0 * k))

    def expected_weighted(
        self, share: float, squares_a: FloatArray, squares_b: FloatArray
    ) -> tuple[float, float]:
        """Return E[t] for weighted events under the symmetry, and the dof that fit its variance.

        To leading order t is the quadratic form of the score Σ_A w (φ − φ̄) with
        the inverse of c (1−c) Σ w (φ − φ̄)(φ − φ̄)ᵀ. With M that inverse times the
        score's covariance, which Σ w² over each sample estimate, E[t] = tr M and
        Var[t] = 2 tr M²: t tr M / tr M² is near χ² with (tr M)² / tr M² degrees of
        freedom (Rao and Scott 1984).

        Parameters
        ----------
        share : float
            c, the share of A in the summed weights.
        squares_a, squares_b : ndarray of float, shape (n,)
            Summed squares of the weights of A and of B at every x.
        """
        inverse = np.linalg.pinv(_dense(self.gram(self.pool)), hermitian=True)
        free = inverse - 1 / self.total
        squares = (1 - share) ** 2 * squares_a + share**2 * squares_b
        covariance = _dense(self.gram(self.moments(squares)))
        form = free @ covariance / (share * (1 - share))
        mean = float(np.trace(form))
        return mean, mean**2 / float(np.sum(form * form.T))

    def _triple(self) -> FloatArray:
        """Return Σ weight φ_a φ_b φ_c, shape (K, K, K)."""
        high = self.weight * self.powers[6]
        spans = zip(self.stops[:-1], self.stops[1:], strict=True)
        top = np.stack([np.einsum("ij,j->i", self.powers[1:4, i:j], high[i:j]) for i, j in spans])
        moments = np.concatenate([self.pool, top], axis=1)
        degree = np.arange(ORDER)
        blocks = moments[:, np.add.outer(np.add.outer(degree, degree), degree)]
        for _ in range(3):  # each turn takes the first index to functions, and puts it last
            blocks = np.einsum("ijkl,ija->ikla", blocks, self.pieces)
        result = np.zeros((self.score_a.size,) * 3)
        for i, block in enumerate(blocks):
            part = slice(i, i + ORDER)
            result[part, part, part] += block
        return result

    def _leverage(self, matrix: FloatArray) -> FloatArray:
        """Return φᵀ matrix φ of every event: a polynomial of degree six in each interval."""
        local = np.arange(len(self.pieces))[:, None] + np.arange(ORDER)
        form = self.pieces @ matrix[local[:, :, None], local[:, None, :]]
        form = form @ np.swapaxes(self.pieces, 1, 2)
        sextic = np.zeros((len(form), 7))
        for j in range(ORDER):
            sextic[:, j : j + ORDER] += form[:, j]
        h = np.empty(self.weight.size)
        for i, c in enumerate(sextic):
            span = slice(self.stops[i], self.stops[i + 1])
            np.einsum("i,ij->j", c, self.powers[:, span], out=h[span])
        return h

    def ratio(self, theta: FloatArray) -> FloatArray:
        """Return weight · e^f of every event, shape (n,)."""
        windows = np.lib.stride_tricks.sliding_window_view(theta, ORDER)
        cubic = np.einsum("ijk,ik->ij", self.pieces, windows)
        f = np.empty(self.weight.size)
        for i, c in enumerate(cubic):
            span = slice(self.stops[i], self.stops[i + 1])
            np.einsum("i,ij->j", c, self.powers[:ORDER, span], out=f[span])
        with np.errstate(over="ignore", under="ignore"):
            np.exp(f, out=f)
            f *= self.weight
        return f


@dataclass(frozen=True, eq=False)
class _Point:
    """θ, the loss there, and the Newton step from it."""

    problem: SplineProblem
    score: FloatArray
    share: float
    theta: FloatArray
    ratio: FloatArray
    value: float

    @classmethod
    def at(
        cls, problem: SplineProblem, score: FloatArray, share: float, theta: FloatArray
    ) -> _Point:
        ratio = problem.ratio(theta)
        loss = share * (float(ratio.sum()) - problem.total) - float(score @ theta)
        return cls(problem, score, share, theta, ratio, loss)

    def newton_step(self) -> NewtonStep:
        problem = self.problem
        moments = problem.moments(self.ratio) if np.any(self.theta) else problem.pool
        gradient = self.share * problem.project(moments) - self.score
        step = _newton_step(self.share * problem.gram(moments), gradient)
        # Far from the minimum e^f is a poor parabola: no f may move by more than this.
        longest = 8.0 / max(8.0, float(np.max(np.abs(step))))
        return NewtonStep(step, -float(gradient @ step), longest)


def minimise(
    problem: SplineProblem, score: FloatArray, *, max_steps: int = MAX_STEPS
) -> tuple[float, FloatArray, bool]:
    """Fit one sample: min over θ of c Σ_{A∪B} w (e^f − 1) − θ·score, by Newton steps.

    The loss is convex and bounded below, so damped steps reach its infimum.
    Where the sample has no events f may fall for ever; the loss then nears its
    infimum by a factor e a step, and the fit ends once it is there.

    Parameters
    ----------
    problem : SplineProblem
    score : ndarray of float, shape (K,)
        Σ w φ_k over the sample's events.
    max_steps : int

    Returns
    -------
    t : float
        −2 times the smallest loss.
    theta : ndarray of float, shape (K,)
    converged : bool
        Whether the infimum has been reached in `max_steps`. It may not be in sparse
        samples, where coefficients run far; t is then a lower bound.
    """
    share = float(score.sum()) / problem.total  # the functions add up to one everywhere
    try:
        best = newton(
            lambda theta: _Point.at(problem, score, share, theta),
            _Point(problem, score, share, np.zeros(score.size), problem.weight, 0.0),
            tolerance=TOLERANCE,
            decrease=0.1,
            rounding=1e-12 * problem.total,
            max_steps=max_steps,
            what="the fit of the splines",
            remedy="choose fewer functions",
        )
    except NotConvergedError as error:
        return max(0.0, -2.0 * error.point.value), error.point.theta, False
    return max(0.0, -2.0 * best.value), best.theta, True


def _newton_step(bands: FloatArray, gradient: FloatArray) -> FloatArray:
    """Solve bands · step = −gradient; a function whose events all faded stays where it is."""
    diagonal = bands[-1]
    scale = 1 / np.sqrt(np.maximum(diagonal, 1e-280))
    scaled = bands * scale
    for offset in range(ORDER):
        scaled[ORDER - 1 - offset, offset:] *= scale[: scale.size - offset]
    ridge = 1e-13
    while True:
        scaled[-1] = 1.0 + ridge
        try:
            step: NDArray[np.float64] = -scale * solveh_banded(
                scaled, scale * gradient, check_finite=False
            )
        except np.linalg.LinAlgError:
            ridge *= 10
        else:
            return step


def _dense(bands: FloatArray) -> FloatArray:
    """Return the symmetric matrix of its upper bands."""
    matrix = np.diag(bands[-1])
    for offset in range(1, ORDER):
        band = np.diag(bands[ORDER - 1 - offset, offset:], offset)
        matrix += band + band.T
    return matrix


def _padded(knots: FloatArray) -> FloatArray:
    return np.concatenate([[knots[0]] * 3, knots, [knots[-1]] * 3])


def cubic_pieces(knots: FloatArray) -> FloatArray:
    """Return the functions as cubics in s: [interval, power, function], shape (K − 3, 4, 4).

    Raises
    ------
    DataError
        If the intervals' widths differ by too many orders of magnitude.
    """
    count = knots.size - 1
    middle, half = (knots[:-1] + knots[1:]) / 2, np.diff(knots) / 2
    basis = BSpline(_padded(knots), np.eye(count + ORDER - 1), 3)
    local = np.arange(count)[:, None] + np.arange(ORDER)
    factorial = (1.0, 1.0, 2.0, 6.0)
    with np.errstate(over="ignore", invalid="ignore"):
        powers = [
            np.take_along_axis(basis(middle, nu), local, axis=1)
            * half[:, None] ** nu
            / factorial[nu]
            for nu in range(ORDER)
        ]
    pieces: FloatArray = np.stack(powers, axis=1)
    if not np.all(np.isfinite(pieces)):
        raise DataError("x: its values differ by too many orders of magnitude; rescale or cut them")
    return pieces
