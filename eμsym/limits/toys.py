r"""CLs by toys, drawn with the nuisances that fit the data best at each strength.

Poisson toys draw A and B around their best expectations. Relabelled ones keep what a symmetry
keeps, the events of each bin, and draw only their labels: given A_i + B_i

.. math::
    B_i \sim \mathrm{Binomial}\Bigl(A_i + B_i,\; \frac{κ_i \hat{\hat b}_i(μ) + μ S^B_i}
    {(1 + κ_i) \hat{\hat b}_i(μ) + μ (S^A_i + S^B_i)}\Bigr).

What other measurements say of the nuisances is drawn too, around their best values. With q̃_μ of
the data, CL_{s+b} is the share of the toys of strength μ whose q̃_μ is as large, CL_b that of toys
without signal. A toy's numbers depend on the seed, the strength's place and the toy's block
alone, not on how many processes draw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator, SeedSequence
from scipy.stats import norm

from eμsym.arrays import FloatArray, Rng
from eμsym.binned.q0_input import check_choice
from eμsym.errors import ConfigurationError, DataError
from eμsym.limits.asymptotics import BANDS
from eμsym.limits.likelihoods import Likelihoods, Point
from eμsym.limits.model import Model
from eμsym.limits.region import Region
from eμsym.limits.search import limits_of
from eμsym.limits.upper_limit import UpperLimit, check_cl
from eμsym.progress import Advance
from eμsym.running.loop import answers_of

ToyKind = Literal["poisson", "relabelled"]
KINDS = ("poisson", "relabelled")

#: Toys that are drawn and fitted together.
BLOCK = 2000

#: Strengths that are tried, unless others are given: from this share of the lowest expected
#: limit to this many times the highest.
POINTS, _FROM, _TO = 20, 0.4, 1.4

#: Strengths of an interval, and how far they go in units of the larger limit.
STRENGTHS, _BEYOND = 30, 1.6


@dataclass(frozen=True, eq=False)
class ToyScan:
    """Test statistics of toys at strengths.

    Attributes
    ----------
    mu : ndarray of float, shape (points,)
    data : ndarray of float, shape (points,)
        t̃_μ of the data, −2 ln L(μ)/L(μ̂) with μ̂ not below zero; times −1 where μ̂ > μ.
    with_signal, without : ndarray of float, shape (points, toys)
        The same of toys of each strength, and of toys without signal.
    kind : str
    """

    mu: FloatArray
    data: FloatArray
    with_signal: FloatArray
    without: FloatArray
    kind: str

    @property
    def observed(self) -> FloatArray:
        """CLs of the data, shape (points,)."""
        return self._cls(self._for_limits(self.data))

    @property
    def observed_error(self) -> FloatArray:
        """Its standard error by the number of toys, shape (points,)."""
        q, n = self._for_limits(self.data)[:, None], self.without.shape[1]
        above = np.mean(self._for_limits(self.with_signal) >= q, axis=1)
        below = np.mean(self._for_limits(self.without) >= q, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = (1 - above) / (n * above) + (1 - below) / (n * below)
            return np.asarray(np.where(above > 0, self.observed * np.sqrt(relative), 1 / n))

    @property
    def expected(self) -> FloatArray:
        """CLs of data without signal at −2 to 2 standard deviations, shape (points, 5)."""
        q = np.sort(self._for_limits(self.without), axis=1)
        places = norm.cdf(-BANDS) * (q.shape[1] - 1)
        chosen = q[:, np.rint(places).astype(int)]
        return np.stack([self._cls(chosen[:, k]) for k in range(len(BANDS))], axis=1)

    def confidence_of(self) -> FloatArray:
        """Return the share of toys of each strength that fit it no worse, shape (points,).

        It is the p-value of each strength with t̃_μ, whose ordering is that of Feldman and
        Cousins (Phys. Rev. D 57 (1998) 3873).
        """
        n = self.with_signal.shape[1]
        larger = np.abs(self.with_signal) >= np.abs(self.data)[:, None] - 1e-9
        return np.asarray((1 + larger.sum(axis=1)) / (n + 1))

    def _cls(self, q: FloatArray) -> FloatArray:
        some = q[:, None] - 1e-9
        above = np.mean(self._for_limits(self.with_signal) >= some, axis=1)
        below = np.mean(self._for_limits(self.without) >= some, axis=1)
        return np.asarray(above / np.maximum(below, 1 / self.without.shape[1]))

    def _for_limits(self, t: FloatArray) -> FloatArray:
        """Return q̃_μ: zero where μ̂ > μ."""
        return np.maximum(t, 0.0)


@dataclass(frozen=True, eq=False)
class _Toys:
    """Toys of one model, in any process; a task is (strength, block), −1 without signal."""

    model: Model
    kind: str
    mu: FloatArray
    means: FloatArray  # (points + 1, 2, bins), the last without signal
    centres: FloatArray  # (points + 1, k)
    xi: FloatArray | None  # (points + 1, p, bins)
    seed: SeedSequence
    sizes: tuple[int, ...]

    def __call__(self, tasks: Sequence[tuple[int, int]]) -> list[FloatArray]:
        return [self._block(*task) for task in tasks]

    def _block(self, point: int, block: int) -> FloatArray:
        """Return t̃, signed, of a block: (toys,), or (points, toys) without signal."""
        # Points are counted from one; those without signal are 0.
        key = (*self.seed.spawn_key, point + 1, block)
        seed = SeedSequence(self.seed.entropy, spawn_key=key, pool_size=self.seed.pool_size)
        toys = self._draw(point, self.sizes[block], np.random.default_rng(seed))
        best = toys.fit()
        if point >= 0:
            return signed(toys, best, self.mu[point])
        return np.stack([signed(toys, best, mu) for mu in self.mu])

    def _draw(self, point: int, n: int, rng: Generator) -> Likelihoods:
        in_a, in_b = self.means[point]
        if self.kind == "poisson":
            a, b = (rng.poisson(mean, (n, mean.size)).astype(float) for mean in (in_a, in_b))
        else:
            total = np.rint(self.model.a + self.model.b).astype(np.int64)
            sum_of_means = in_a + in_b
            share = np.divide(
                in_b, sum_of_means, out=np.full(in_b.shape, 0.5), where=sum_of_means > 0
            )
            b = rng.binomial(total, share, (n, total.size)).astype(float)
            a = total - b
        centre = rng.normal(self.centres[point], 1.0, (n, self.centres.shape[1]))
        xi = None
        if self.xi is not None:
            xi = rng.normal(self.xi[point], 1.0, (n, *self.xi[point].shape))
        return Likelihoods.of(self.model, b, a, centre=centre, xi_centre=xi)


def signed(likelihoods: Likelihoods, best: Point, mu: float) -> FloatArray:
    """Return t̃_μ of data sets, times −1 where μ̂ > μ, shape (n,).

    Parameters
    ----------
    likelihoods : Likelihoods
    best : Point
        The best fits with a strength not below zero.
    mu : float
    """
    there = likelihoods.profiled(np.full((len(likelihoods), 1), mu), best)
    t = np.maximum(there.value - best.value, 0.0)
    return np.where(best.v[:, 0] > mu, -t, t)


def toy_scan(
    regions: Sequence[Region],
    mu: Sequence[float] | FloatArray,
    *,
    kind: ToyKind = "poisson",
    n: int = 2000,
    rng: Rng = None,
    workers: int | None = None,
    progress: bool | Advance | None = None,
) -> ToyScan:
    """Draw toys at strengths, and as many without signal.

    Parameters
    ----------
    regions : sequence of Region
        Of one signal each.
    mu : sequence of float
        Strengths, above zero.
    kind : {"poisson", "relabelled"}
    n : int
        Toys of each strength.
    rng : numpy.random.Generator, int or None
    workers : int, optional
        Processes. Default: all cores, where that pays.
    progress : bool or callable, optional
        As for `eμsym.running.loop.run_tasks`.

    Raises
    ------
    DataError
        As for `region_limit`; or if counts to be relabelled are no whole numbers.
    ConfigurationError
        If there is no such kind, or fewer than 100 toys are asked for.
    """
    check_choice("kind", kind, KINDS)
    if n < 100:
        raise ConfigurationError(f"{n} toys: a share of 5 % needs 100 at least, better 2000")
    parent = np.random.default_rng(rng).bit_generator.seed_seq
    model, strengths = Model.of(regions), np.asarray(mu, dtype=np.float64)
    total = model.a + model.b
    if kind == "relabelled" and not np.array_equal(total, np.rint(total)):
        raise DataError("relabelled toys are of whole events; the counts are not, take Poisson's")
    data = Likelihoods.of(model)
    points = np.append(strengths, 0.0)
    every = data.repeated(points.size)
    conditional = every.profiled(points[:, None])
    in_a, in_b = every.means(conditional)
    best = data.fit()
    sizes = tuple(min(BLOCK, n - first) for first in range(0, n, BLOCK))
    work = _Toys(
        model,
        kind,
        strengths,
        np.stack([in_a, in_b], axis=1),
        conditional.v[:, model.n_signals :],
        conditional.xi,
        parent.spawn(1)[0],  # type: ignore[attr-defined]
        sizes,
    )
    blocks = range(len(sizes))
    tasks = [(point, block) for point in (-1, *range(strengths.size)) for block in blocks]
    answers = dict(
        zip(tasks, answers_of(work, tasks, workers=workers, progress=progress), strict=True)
    )
    observed = np.array([float(signed(data, best, x)[0]) for x in strengths])
    return ToyScan(
        strengths,
        observed,
        np.stack([np.concatenate([answers[k, j] for j in blocks]) for k in range(strengths.size)]),
        np.concatenate([answers[-1, j] for j in blocks], axis=1),
        kind,
    )


def toy_limit(
    regions: Sequence[Region],
    *,
    kind: ToyKind = "poisson",
    n: int = 2000,
    cl: float = 0.95,
    rng: Rng = None,
    workers: int | None = None,
) -> UpperLimit:
    """Return the CLs limit on the one strength of regions by toys.

    At `POINTS` strengths around the asymptotic limits; between them ln CLs is a line. An
    expected limit beyond them is infinite: given the events of few bins their labels need not
    bound a signal at all.

    Parameters
    ----------
    regions, kind, n, rng, workers
        As for `toy_scan`.
    cl : float

    Raises
    ------
    DataError
        As for `toy_scan`; or if CLs does not cross 1 − cl within the strengths.
    ConfigurationError
        As for `toy_scan`, or if `cl` is not between zero and one.
    """
    check_cl(cl)
    near = limits_of(Likelihoods.of(Model.of(regions)), cl)
    ends = min(near.expected[0, 0], near.observed[0]), max(near.expected[0, 4], near.observed[0])
    scan = toy_scan(
        regions,
        np.linspace(_FROM * ends[0], _TO * ends[1], POINTS),
        kind=kind,
        n=n,
        rng=rng,
        workers=workers,
    )
    observed = crossing(scan.mu, scan.observed, 1 - cl)
    low, below, median, above, high = (_or_infinite(scan, k, 1 - cl) for k in range(5))
    return UpperLimit(
        observed, (low, below, median, above, high), float(near.mu[0]), cl, method=f"{kind} toys"
    )


def feldman_cousins(scan: ToyScan, cl: float = 0.95) -> tuple[float, float]:
    """Return the interval of the strength with Feldman and Cousins' ordering.

    Parameters
    ----------
    scan : ToyScan
        Its strengths must reach beyond the interval.
    cl : float

    Returns
    -------
    tuple of float
        The lower end is zero if the smallest strength is accepted.

    Raises
    ------
    DataError
        If no strength, or the largest, is accepted.
    """
    check_cl(cl)
    p = scan.confidence_of()
    accepted = np.flatnonzero(p > 1 - cl)
    if not accepted.size or accepted[-1] == p.size - 1:
        raise DataError(
            f"the strengths from {scan.mu[0]:g} to {scan.mu[-1]:g} do not hold the interval; "
            "scan further, or more finely"
        )
    first, last = int(accepted[0]), int(accepted[-1])
    low = (
        0.0
        if first == 0
        else crossing(scan.mu[first - 1 : first + 1][::-1], p[first - 1 : first + 1][::-1], 1 - cl)
    )
    return low, crossing(scan.mu[last : last + 2], p[last : last + 2], 1 - cl)


def feldman_cousins_interval(
    regions: Sequence[Region],
    *,
    kind: ToyKind = "poisson",
    n: int = 2000,
    cl: float = 0.95,
    rng: Rng = None,
    workers: int | None = None,
) -> tuple[float, float]:
    """Return the interval of the one strength of regions with Feldman and Cousins' ordering.

    At `STRENGTHS` of them, from a small part of the asymptotic limits to beyond both.

    Parameters
    ----------
    regions, kind, n, rng, workers
        As for `toy_scan`.
    cl : float

    Raises
    ------
    DataError, ConfigurationError
        As for `toy_limit`.
    """
    check_cl(cl)
    near = limits_of(Likelihoods.of(Model.of(regions)), cl)
    # The upper end of an interval is a little above a one-sided limit of the same level.
    beyond = _BEYOND * max(near.expected[0, 2], near.observed[0])
    strengths = np.linspace(0.0, beyond, STRENGTHS + 1)[1:]
    scan = toy_scan(regions, strengths, kind=kind, n=n, rng=rng, workers=workers)
    return feldman_cousins(scan, cl)


def _or_infinite(scan: ToyScan, k: int, level: float) -> float:
    p = scan.expected[:, k]
    return crossing(scan.mu, p, level) if p[-1] <= level else float("inf")


def crossing(mu: FloatArray, p: FloatArray, level: float) -> float:
    """Return the last strength at which a falling p reaches a level, its logarithm a line between.

    Parameters
    ----------
    mu, p : ndarray of float, shape (points,)
    level : float

    Raises
    ------
    DataError
        If it is below the level, or above it, everywhere.
    """
    above = np.flatnonzero(p > level)
    if not above.size or above[-1] == p.size - 1:
        raise DataError(
            f"p of strengths from {mu[0]:g} to {mu[-1]:g} goes from {p[0]:.3g} to {p[-1]:.3g} and "
            f"does not cross {level:.3g}; scan other strengths, or draw more toys"
        )
    k = int(above[-1])
    floor = 1e-6
    high, low = np.log(max(p[k], floor)), np.log(max(p[k + 1], floor))
    share = (high - np.log(level)) / (high - low)
    return float(mu[k] + share * (mu[k + 1] - mu[k]))
