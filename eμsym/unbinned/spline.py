"""The symmetrized test with splines: the likelihood ratio of SYM in a convex basis.

The statistic is that of the symmetrized test (arXiv:2401.09530, Eq. 22-24), with
f and g in cubic B-splines in place of neural networks. The fit is convex: it has
one optimum, no seed and no epochs, and Wilks' theorem holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.distributions import ScaledChiSquared
from eμsym.errors import ConfigurationError
from eμsym.pool import Pool
from eμsym.shown import Shown
from eμsym.symmetry import Relabellings
from eμsym.unbinned.spline_fit import SplineFunction, SplineProblem, minimise
from eμsym.unbinned.spline_knots import make_knots
from eμsym.unbinned.spline_samples import Samples, check_range, checked_sample, read_samples

#: More functions than this resolve single events of any sample we know.
MAX_K = 200


@dataclass(frozen=True, eq=False, repr=False)
class SplineResult(Shown):
    """Result of `SplineTest`.

    Attributes
    ----------
    t, t_a, t_b : float
        The test statistic and its two parts, t = t(A) + t(B).
    dof : int
        K − 1: t is χ² with so many degrees of freedom in large symmetric samples.
    expected : float
        E[t] under the symmetry: dof and the term of order 1/N (Lawley's, or
        Bartlett's, correction). It stays a percent or two above dof in large
        samples too, as the outermost knots hold some 40 events whatever N is.
        For weighted events, the mean of what t is in large samples.
    effective_dof : float
        dof, or the degrees of freedom that fit the variance of t for weighted
        events (Rao and Scott 1984).
    n_a, n_b : float
        Sizes: the summed weights.
    weighted : bool
        Whether a weight differs from one.
    f, g : SplineFunction
        ln of A's, and of B's, density over that of A∪B; called on any x.
    converged : bool
        Whether both fits reached their infimum; else t is a lower bound, as may be
        in sparse samples. `to_dict` says so where they did not.
    """

    t: float
    t_a: float
    t_b: float
    dof: int
    expected: float
    effective_dof: float
    n_a: float
    n_b: float
    weighted: bool
    f: SplineFunction
    g: SplineFunction
    converged: bool = True

    @property
    def statistic(self) -> float:
        """The test statistic, t."""
        return self.t

    @property
    def reference(self) -> ScaledChiSquared:
        """χ² of `effective_dof`, scaled to the mean `expected`."""
        return ScaledChiSquared(self.effective_dof, self.expected)

    @property
    def log_pvalue(self) -> float:
        """The logarithm of `pvalue`, exact where the p-value itself is too small for a float."""
        return self.reference.log_pvalue(self.t)

    @property
    def pvalue(self) -> float:
        """The p-value from χ² of `effective_dof`, scaled to the mean `expected`.

        A reference, rough for weights that vary much. Permuted events assume less.
        """
        return self.reference.pvalue(self.t)

    @property
    def z(self) -> float:
        """Z = Φ⁻¹(1 − p) of `pvalue`."""
        return self.reference.z(self.t)

    def study_record(self, record_epochs: Sequence[int] = ()) -> dict[str, Any]:
        """Return what a study keeps besides the statistic, by `eμsym.studies.records.TABLE`."""
        return {
            "t_a": self.t_a,
            "t_b": self.t_b,
            "dof": self.dof,
            "chi2_log_pvalue": self.log_pvalue,
        }

    def ratio(self, x: ArrayLike) -> FloatArray:
        """Return the fitted ratio of the number densities, A over B, of the shape of x."""
        points = np.asarray(x, dtype=np.float64)
        result: FloatArray = self.n_a / self.n_b * np.exp(self.f(points) - self.g(points))
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return the result with its χ² p-value and the fitted functions, for JSON."""
        values: dict[str, Any] = {
            "t": self.t,
            "t_a": self.t_a,
            "t_b": self.t_b,
            "k": self.dof + 1,
            "dof": self.dof,
            "expected": self.expected,
            "effective_dof": self.effective_dof,
            "n_a": self.n_a,
            "n_b": self.n_b,
            "weighted": self.weighted,
            "pvalue": self.pvalue,
            "z": self.z if math.isfinite(self.z) else None,
            "knots": self.f.knots.tolist(),
            "f": self.f.coefficients.tolist(),
            "g": self.g.coefficients.tolist(),
        }
        return values if self.converged else values | {"converged": False}


@dataclass(frozen=True)
class SplineTest:
    """The symmetrized likelihood-ratio test with cubic B-splines (SYM, arXiv:2401.09530).

    t = t(A) + t(B), with Ñ the samples' sizes and f = Σ_k θ_k φ_k,

    t(A) = −2 min_θ { Ñ_A/(Ñ_A+Ñ_B) Σ_{A∪B} w (e^f − 1) − Σ_A w f },

    and t(B) likewise with g (Eq. 22-24, with the signs of Eq. D2). The knots
    depend on the pooled sample alone, half by quantiles and half evenly in x.
    Where one sample has no events, its function falls as far as it gains
    anything: t is the supremum, and finite.

    Parameters
    ----------
    k : int
        Number of functions K, 4 to 200. More see narrower signals, and
        fluctuations: t has K − 1 degrees of freedom.

    Raises
    ------
    ConfigurationError
        If k is not a whole number in that range.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> result = SplineTest(k=8)(rng.exponential(size=2000), rng.exponential(size=2000))
    >>> result.dof
    7
    >>> result.pvalue > 0.01
    True
    """

    k: int = 13

    def __post_init__(self) -> None:
        _check_k(self.k)

    def __call__(
        self,
        a: Any,
        b: Any = None,
        *,
        weights_a: ArrayLike | None = None,
        weights_b: ArrayLike | None = None,
        rng: Any = None,
    ) -> SplineResult:
        """Test two samples.

        Parameters
        ----------
        a, b : array_like, shape (n_a,) and (n_b,)
            Samples, numpy or awkward; or, in place of both, a `Pair` with one column.
        weights_a, weights_b : array_like, shape (n_a,) and (n_b,), optional
            Event weights, not negative. An event of weight 2 counts as two events
            in t, but as one of twice the variance in the p-value. Default: 1.
        rng : object
            Not used: the test is deterministic. All tests take it.

        Returns
        -------
        SplineResult

        Raises
        ------
        DataError
            If a sample is empty or not one-dimensional, a value is not finite, a
            weight is negative, or there are fewer than k distinct values.
        """
        return _fit(read_samples(a, b, weights_a, weights_b), self.k)

    def many_of(self, values: FloatArray, pool: Pool, drawn: Relabellings) -> FloatArray:
        """Return t of many draws of a pool's labels, as single calls would give it.

        Parameters
        ----------
        values : ndarray of float, shape (entries,)
            What is tested of the pool's entries, whatever their labels.
        pool : Pool
        drawn : Relabellings

        Returns
        -------
        ndarray of float, shape (draws,)
            Within 10⁻⁶ of what single calls give, whatever is drawn besides.

        Raises
        ------
        DataError
            As for a call, or if a draw leaves a sample empty.
        """
        from eμsym.unbinned.spline_many import drawn_statistics

        weight = np.where(pool.turned, -pool.weight, pool.weight)
        x, _ = checked_sample(values, weight, "the pool")
        check_range(x.min(), x.max())
        return drawn_statistics(np.asarray(values, dtype=np.float64), pool, drawn, self.k)


@dataclass(frozen=True, eq=False, repr=False)
class SplineScanResult(Shown):
    """Result of `SplineScan`.

    Attributes
    ----------
    results : tuple of SplineResult
        One a K, in the order asked for.
    """

    results: tuple[SplineResult, ...]

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: t and its degrees of freedom for every K."""
        return {"t": [each.t for each in self.results], "dof": [each.dof for each in self.results]}

    @property
    def best(self) -> SplineResult:
        """The result with the smallest χ² p-value."""
        return min(self.results, key=lambda result: result.log_pvalue)

    @property
    def statistic(self) -> float:
        """The test statistic, −ln of the smallest χ² p-value of any K.

        It pays for the choice of K: its p-value comes from a null, say of permutations.
        """
        return -self.best.log_pvalue

    @property
    def reference(self) -> None:
        """None: the smallest of several p-values follows no distribution that is known."""
        return None

    @property
    def pvalue(self) -> float:
        """NaN: its p-value comes from a null."""
        return float("nan")

    @property
    def z(self) -> float:
        """NaN, as `pvalue`."""
        return float("nan")

    @property
    def pvalue_bound(self) -> float:
        """An upper bound of the global p-value without toys: the smallest p times their number."""
        return min(1.0, len(self.results) * self.best.pvalue)

    def to_dict(self) -> dict[str, Any]:
        """Return every K's result, for JSON."""
        return {
            "statistic": self.statistic,
            "best_k": self.best.dof + 1,
            "pvalue_bound": self.pvalue_bound,
            "results": [result.to_dict() for result in self.results],
        }


@dataclass(frozen=True)
class SplineScan:
    """`SplineTest` with several numbers of functions, of which the best counts.

    Parameters
    ----------
    k : tuple of int
        Numbers of functions.

    Raises
    ------
    ConfigurationError
        If there is none, or one is not allowed.
    """

    k: tuple[int, ...] = (8, 13, 24)

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", tuple(self.k))
        if not self.k:
            raise ConfigurationError("k: a scan needs at least one number of functions")
        for k in self.k:
            _check_k(k)

    def __call__(
        self,
        a: Any,
        b: Any = None,
        *,
        weights_a: ArrayLike | None = None,
        weights_b: ArrayLike | None = None,
        rng: Any = None,
    ) -> SplineScanResult:
        """Test two samples; parameters and errors as for `SplineTest`."""
        samples = read_samples(a, b, weights_a, weights_b)
        return SplineScanResult(tuple(_fit(samples, k) for k in self.k))


def _fit(samples: Samples, k: int) -> SplineResult:
    events = samples.events
    problem = SplineProblem(events, make_knots(events, k))
    t_a, theta_a, arrived_a = minimise(problem, problem.score_a)
    t_b, theta_b, arrived_b = minimise(problem, problem.score_b)
    share = samples.n_a / (samples.n_a + samples.n_b)
    expected, effective_dof = problem.expected(share), float(k - 1)
    if samples.squares is not None:
        mean, effective_dof = problem.expected_weighted(share, *samples.squares)
        # The term of order 1/N of as many events as these weights are worth.
        expected = mean * (1 + (expected / (k - 1) - 1) * mean / (k - 1))
    return SplineResult(
        t=(t_a + t_b) * samples.unit,
        t_a=t_a * samples.unit,
        t_b=t_b * samples.unit,
        dof=k - 1,
        expected=expected * samples.unit,
        effective_dof=effective_dof,
        n_a=samples.n_a,
        n_b=samples.n_b,
        weighted=samples.squares is not None or samples.unit != 1,
        f=SplineFunction(problem.knots, theta_a),
        g=SplineFunction(problem.knots, theta_b),
        converged=arrived_a and arrived_b,
    )


def _check_k(k: Any) -> None:
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or not 4 <= k <= MAX_K:
        raise ConfigurationError(
            f"k: the number of spline functions is a whole number from 4 to {MAX_K}, got {k!r}"
        )
