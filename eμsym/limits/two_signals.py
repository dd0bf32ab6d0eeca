r"""Two signals at once: what a symmetry sees of them is near their difference.

H→τe and H→τμ are nearly mirror images: what one adds to B less A the other adds to A less B.
With each background measured in the other sample both can grow together, and nothing but
their own shapes tells. So beside the contour of −2 ln L in both strengths there is the
interval of their difference, all else at its best, and that of each alone, which may have no
end. Where it has none, what there is of both in common is not known: it can be so much that the
statistics of the signals' own simulation make up for anything. Then the difference is told of the
least signal that makes it, one of both alone, and so is the level of the contour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2

from eμsym.arrays import FloatArray
from eμsym.errors import DataError
from eμsym.files import json_number
from eμsym.limits.likelihoods import Likelihoods, Point
from eμsym.limits.model import Model
from eμsym.limits.region import Region
from eμsym.limits.upper_limit import check_cl

#: How far an end is looked for, in √N of all entries. One number that all of them tell of would
#: be known to that: what is ten times less known is not known.
_REACH = 10.0

#: The search begins at this part of that, or sooner.
_SHARES = 32


@dataclass(frozen=True)
class Interval:
    """Where −2 ln L is within a level of its least, all else at its best.

    Attributes
    ----------
    best : float
    low, high : float
        Minus and plus infinity where there is no end.
    """

    best: float
    low: float
    high: float

    @property
    def bounded(self) -> bool:
        """Whether both ends are there."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    def __str__(self) -> str:
        if not self.bounded:
            return "not bounded"
        return f"{self.best:.4g}, from {self.low:.4g} to {self.high:.4g}"

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        found = {name: json_number(getattr(self, name)) for name in ("best", "low", "high")}
        return {**found, "bounded": self.bounded}


@dataclass(frozen=True, eq=False)
class TwoSignals:
    """What data say of two strengths.

    Attributes
    ----------
    best : tuple of float
        The strengths where −2 ln L is smallest; along an open diagonal, of those of which one
        is zero and the other is not below.
    first, second, difference : Interval
        Of each alone and of the first less the second; along an open diagonal of one without
        the other.
    cl : float
    grid : tuple of two ndarrays of float, shapes (n,) and (m,)
        Strengths.
    rise : ndarray of float, shape (n, m)
        −2 ln L less that at the best, on the grid, or zero; the contour is at `level`.
    """

    best: tuple[float, float]
    first: Interval
    second: Interval
    difference: Interval
    cl: float
    grid: tuple[FloatArray, FloatArray]
    rise: FloatArray

    @property
    def level(self) -> float:
        """The rise at the contour: a quantile of χ² with two degrees of freedom."""
        return float(chi2.ppf(self.cl, 2))

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON, the grid left out."""
        return {
            "best": list(self.best),
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "difference": self.difference.to_dict(),
            "cl": self.cl,
        }


def two_signals(regions: Sequence[Region], *, cl: float = 0.95, points: int = 41) -> TwoSignals:
    """Fit two strengths.

    Parameters
    ----------
    regions : sequence of Region
        Of two signals each, in one unit for both: events, or branching ratios.
    cl : float
        Of the intervals, by χ² with one degree of freedom, and of the contour, with two.
    points : int
        Of the grid, on each axis.

    Raises
    ------
    DataError
        If the regions have another number of signals, or a fit does not converge.
    ConfigurationError
        If `cl` is not between zero and one.
    """
    check_cl(cl)
    model = Model.of(regions)
    if model.n_signals != 2:
        raise DataError(f"two signals are fitted together; the regions have {model.n_signals}")
    likelihoods = Likelihoods.of(model)
    best = _best(likelihoods)
    entries = model.b.sum() + model.a.sum()
    scale = _REACH * np.sqrt(entries) / (model.in_a + model.in_b).sum(axis=1)
    # What bounds a strength is to be the symmetry, and not that no background is negative.
    free = replace(likelihoods, positive=False)
    best_free = _best(free)
    level = float(chi2.ppf(cl, 1))
    rows = ((1.0, 0.0), (0.0, 1.0), (1.0, -1.0))
    first, second, difference = (
        _open_where(
            _interval(free, best_free, np.array(row), level, float(np.abs(row) @ scale)),
            _interval(likelihoods, best, np.array(row), level, float(np.abs(row) @ scale)),
        )
        for row in rows
    )
    if first.bounded and second.bounded:
        axes = tuple(_axis(interval.low, interval.high, points) for interval in (first, second))
    else:
        likelihoods = free
        best, difference = _least_signal(free, level, float(scale.sum()))
        ends = [x for x in (-difference.low, difference.high) if np.isfinite(x)]
        reach = 1.5 * max([*np.abs(ends), scale.min() / _SHARES])
        axes = (_axis(0.0, reach, points), _axis(0.0, reach, points))
    strengths = best.v[0, :2]
    mesh = np.stack(np.meshgrid(axes[0], axes[1], indexing="ij"), axis=-1).reshape(-1, 2)
    there = likelihoods.repeated(len(mesh)).profiled(
        mesh, best.rows(np.zeros(len(mesh), dtype=np.int64))
    )
    rise = np.maximum(there.value - best.value, 0.0).reshape(points, points)
    return TwoSignals(
        (float(strengths[0]), float(strengths[1])),
        first,
        second,
        difference,
        cl,
        (axes[0], axes[1]),
        rise,
    )


def _best(likelihoods: Likelihoods) -> Point:
    """Return the best fit."""
    null = likelihoods.profiled(np.zeros((1, 2)))
    return likelihoods.minimum(null, likelihoods.directions(range(likelihoods.model.n_parameters)))


def _least_signal(
    likelihoods: Likelihoods, level: float, farthest: float
) -> tuple[Point, Interval]:
    """Return the best fit with one signal alone, not below zero, and the interval of it.

    The interval is that of the first strength, and below zero of minus the second.
    """
    p, m = 2, likelihoods.model.n_parameters
    null = likelihoods.profiled(np.zeros((1, 2)))
    fits = [null]
    for k in range(p):
        found = likelihoods.minimum(null, likelihoods.directions([k, *range(p, m)]))
        if found.v[0, k] > 0:
            fits.append(found)
    best = min(fits, key=lambda fit: float(fit.value[0]))
    value = float(best.v[0, 0] - best.v[0, 1])
    last = [best]

    def rise(at: float) -> float:
        strengths = np.array([[max(at, 0.0), max(-at, 0.0)]])
        last[0] = likelihoods.profiled(strengths, last[0])
        return float(last[0].value[0] - best.value[0]) - level

    return best, _between(rise, value, farthest / _SHARES, farthest, last, best)


def _interval(
    likelihoods: Likelihoods, best: Point, row: FloatArray, level: float, farthest: float
) -> Interval:
    """Return the interval of a linear combination of the strengths."""
    p, m = 2, likelihoods.model.n_parameters
    # Free is what leaves the combination as it is.
    along = np.zeros((m, 1))
    along[:p, 0] = (-row[1], row[0])
    free = np.concatenate([along, likelihoods.directions(range(p, m))], axis=1)
    direction = np.zeros(m)
    direction[:p] = row / (row @ row)
    value = float(best.v[0, :p] @ row)
    last = [best]

    def rise(at: float) -> float:
        start = last[0].v + (at - float(last[0].v[0, :p] @ row)) * direction
        last[0] = likelihoods.minimum(likelihoods.at(start, last[0].xi), free)
        return float(last[0].value[0] - best.value[0]) - level

    _, bend = likelihoods.score(best, int(np.argmax(np.abs(row))))
    step = np.sqrt(2 * level / bend[0]) if bend[0] > 0 else np.inf
    step = min(step, farthest / _SHARES)
    return _between(rise, value, step, farthest, last, best)


def _between(
    rise: Callable[[float], float],
    value: float,
    step: float,
    farthest: float,
    last: list[Point],
    best: Point,
) -> Interval:
    """Return where a rise is below zero on both sides of its least, each search from the best."""
    ends = []
    for sign in (-1.0, 1.0):
        last[0] = best
        near, far = 0.0, step
        while rise(value + sign * far) < 0 and far < farthest:
            near, far = far, 2 * far
        if far >= farthest and rise(value + sign * farthest) < 0:
            ends.append(sign * np.inf)
            continue
        ends.append(
            float(brentq(rise, *sorted((value + sign * near, value + sign * far)), rtol=1e-9))
        )
    return Interval(value, ends[0], ends[1])


def _open_where(by_symmetry: Interval, found: Interval) -> Interval:
    """Return an interval without the ends that the symmetry does not give it."""
    low = found.low if np.isfinite(by_symmetry.low) else -np.inf
    high = found.high if np.isfinite(by_symmetry.high) else np.inf
    return Interval(found.best, low, high)


def _axis(low: float, high: float, points: int) -> FloatArray:
    """Return strengths that hold an interval, with a margin; none below a zero that ends it."""
    margin = 0.25 * (high - low)
    return np.linspace(low - (margin if low else 0.0), high + margin, points)
