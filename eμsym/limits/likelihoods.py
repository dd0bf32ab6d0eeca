r"""−2 ln L of many data sets of one model at once, and its minima by Newton's method.

.. math::
    -2 \ln L = 2 \sum_i F_i(s_A, s_B, \ln κ) + \sum_k (θ_k - c_k)^2 + \sum_{ji} (ξ_{ji} - d_{ji})^2

with the closed profile F of `bin_profile` over the saturated model, the parameters of `Model`,
and c and d what other measurements found of the nuisances: zero in data, drawn in toys. The
shifts ξ, one a bin and signal, are eliminated in every step, for each is coupled to the others
by the parameters v alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eμsym.arrays import BoolArray, FloatArray, IntArray
from eμsym.binned.q0_root import decreasing_root
from eμsym.errors import DataError
from eμsym.limits.bin_profile import bin_means, bin_value
from eμsym.limits.model import Model
from eμsym.limits.quadratic import Quadratic, quadratic, solved

#: Twice what −2 ln L may still fall by when a fit ends; a smaller one is squared by a step.
_DECREMENT = 1e-9
_MAX_STEPS, _MAX_HALVINGS, _DOUBLINGS = 100, 40, 60
_ROUNDING = 1e-12

#: A strength is found once a step is below this, in its errors.
_TOLERANCE = 1e-8

#: Data sets times bins times parameters that are worked on at once.
CHUNK = 1 << 18


@dataclass(frozen=True, eq=False)
class Point:
    """Parameters of n data sets.

    Attributes
    ----------
    v : ndarray of float, shape (n, m)
        Strengths, then nuisances.
    xi : ndarray of float, shape (n, p, bins), or None
    value : ndarray of float, shape (n,)
        −2 ln L.
    """

    v: FloatArray
    xi: FloatArray | None
    value: FloatArray

    def rows(self, chosen: BoolArray | IntArray) -> Point:
        """Return some of them."""
        return Point(
            self.v[chosen], None if self.xi is None else self.xi[chosen], self.value[chosen]
        )


@dataclass(frozen=True, eq=False)
class Likelihoods:
    """−2 ln L of n data sets.

    Attributes
    ----------
    model : Model
    b, a : ndarray of float, shape (n, bins)
        Counts.
    centre : ndarray of float, shape (n, k)
        c.
    xi_centre : ndarray of float, shape (n, p, bins), or None
        d; None if the signals are exact.
    positive : bool
        Whether no background is negative, see `bin_means`.
    """

    model: Model
    b: FloatArray
    a: FloatArray
    centre: FloatArray
    xi_centre: FloatArray | None
    positive: bool = True

    @classmethod
    def of(
        cls,
        model: Model,
        b: FloatArray | None = None,
        a: FloatArray | None = None,
        *,
        centre: FloatArray | None = None,
        xi_centre: FloatArray | None = None,
    ) -> Likelihoods:
        """Return those of data sets; by default the model's own, nuisances centred at zero."""
        b, a = (model.b[None] if b is None else b), (model.a[None] if a is None else a)
        n = len(b)
        if centre is None:
            centre = np.zeros((n, len(model.names)))
        if model.shift_a is None:
            xi_centre = None
        elif xi_centre is None:
            xi_centre = np.zeros((n, *model.in_a.shape))
        return cls(model, b, a, centre, xi_centre)

    def __len__(self) -> int:
        """Return the number of data sets."""
        return len(self.b)

    def rows(self, chosen: BoolArray | slice) -> Likelihoods:
        """Return some of the data sets."""
        xi = None if self.xi_centre is None else self.xi_centre[chosen]
        return replace(
            self, b=self.b[chosen], a=self.a[chosen], centre=self.centre[chosen], xi_centre=xi
        )

    def repeated(self, n: int) -> Likelihoods:
        """Return every data set n times in a row."""
        xi = None if self.xi_centre is None else np.repeat(self.xi_centre, n, axis=0)
        b, a, centre = (np.repeat(x, n, axis=0) for x in (self.b, self.a, self.centre))
        return replace(self, b=b, a=a, centre=centre, xi_centre=xi)

    def at(self, v: FloatArray, xi: FloatArray | None = None) -> Point:
        """Return a point with its value; ξ at its centre if it is not given."""
        xi = self.xi_centre if xi is None else xi
        return Point(v, xi, self._values(v, xi))

    def start(self, mu: FloatArray) -> Point:
        """Return the point of strengths, shape (n, p), with all nuisances at their centres."""
        return self.at(np.concatenate([mu, self.centre], axis=1))

    def profiled(self, mu: FloatArray, start: Point | None = None) -> Point:
        """Return the best nuisances for strengths, shape (n, p).

        Parameters
        ----------
        mu : ndarray of float, shape (n, p)
        start : Point, optional
            Where to begin, nuisances of other strengths.

        Raises
        ------
        DataError
            If Newton's method finds no minimum.
        """
        p = self.model.n_signals
        free = self.directions(range(p, self.model.n_parameters))
        if start is None:
            point = self.start(mu)
        else:
            point = self.at(np.concatenate([mu, start.v[:, p:]], axis=1), start.xi)
        if not free.shape[1] and point.xi is None:
            return point
        return self.minimum(point, free)

    def score(self, point: Point, j: int = 0) -> tuple[FloatArray, FloatArray]:
        """Return the profile's slope by strength j and that one's, each of shape (n,).

        Parameters
        ----------
        point : Point
            At the best of all parameters but strengths.
        j : int
        """
        local, p = self._quadratic(point), self.model.n_signals
        h = local.hessian
        slope, bend = local.gradient[:, j], h[:, j, j]
        if h.shape[1] > p:
            across = h[:, j, p:]
            bend = bend - np.einsum("nk,nk->n", across, solved(h[:, p:, p:], across))
        return slope, np.asarray(bend)

    def hessian(self, point: Point) -> FloatArray:
        """Return the second derivatives by v of the first of the data sets, ξ following."""
        return np.asarray(self._quadratic(point).hessian[0])

    def fit(self, *, start: Point | None = None) -> Point:
        """Return the best fit with the one strength not below zero.

        Raises
        ------
        DataError
            If Newton's method finds no minimum.
        """
        null = self.profiled(np.zeros((len(self), 1)), start)
        slope, bend = self.score(null)
        up = slope < -_ROUNDING * (1 + np.abs(slope))
        if not up.any():
            return null
        found = self.rows(up)._above_zero(null.rows(up), slope[up], bend[up])
        v, value = null.v.copy(), null.value.copy()
        v[up], value[up] = found.v, found.value
        xi = None if null.xi is None or found.xi is None else null.xi.copy()
        if xi is not None and found.xi is not None:
            xi[up] = found.xi
        return Point(v, xi, value)

    def _above_zero(self, null: Point, slope: FloatArray, bend: FloatArray) -> Point:
        """Return the best fits of data sets whose strength is above zero: all at once, or nested.

        A kink at zero, or a ratio that is very uncertain, can keep Newton's method of all
        parameters from its end. A search of the strength alone has a bracket.
        """
        try:
            found = self.minimum(null, self.directions(range(self.model.n_parameters)))
        except DataError:
            return self._rising(null, slope, bend)
        lost = ~(found.v[:, 0] > 0)
        if not lost.any():
            return found
        again = self.rows(lost)._rising(null.rows(lost), slope[lost], bend[lost])
        v, value = found.v, found.value
        v[lost], value[lost] = again.v, again.value
        xi = found.xi
        if xi is not None and again.xi is not None:
            xi[lost] = again.xi
        return Point(v, xi, value)

    def _rising(self, null: Point, slope: FloatArray, bend: FloatArray) -> Point:
        """Return the best fits of data sets whose strength is above zero."""
        last = [null]

        def function(mu: FloatArray) -> tuple[FloatArray, FloatArray]:
            last[0] = self.profiled(mu[:, None], last[0])
            slope, bend = self.score(last[0])
            return -slope, -bend

        error = np.sqrt(2 / np.where(bend > 0, bend, np.inf))
        first = np.where(error > 0, -slope / np.where(bend > 0, bend, 1.0), 0.0)
        entries = np.sum(self.a + self.b, axis=1) / np.sum(self.model.in_a + self.model.in_b)
        first = np.where((first > 0) & (first < entries), first, entries)
        high, _ = beyond(lambda mu: function(mu)[0] <= 0, first)
        mu = decreasing_root(
            function, np.zeros(len(self)), high, first, _TOLERANCE * (error + high)
        )
        return self.profiled(mu[:, None], last[0])

    def directions(self, parameters: Sequence[int]) -> FloatArray:
        """Return the directions of parameters, by their places, shape (m, r)."""
        return np.eye(self.model.n_parameters)[:, list(parameters)]

    def minimum(self, point: Point, free: FloatArray) -> Point:
        """Return the minima along free directions.

        Parameters
        ----------
        point : Point
            Where to begin.
        free : ndarray of float, shape (m, r)
            Directions that are free, see `directions`.

        Raises
        ------
        DataError
            If Newton's method finds none.
        """
        n, size = len(self), self.model.b.size * max(1, self.model.n_parameters)
        most = max(1, CHUNK // size)
        if n <= most:
            return self._minimum(point, free)
        parts = []
        for first in range(0, n, most):
            rows = np.zeros(n, dtype=bool)
            rows[first : first + most] = True
            parts.append(self.rows(rows)._minimum(point.rows(rows), free))
        xi = None
        if point.xi is not None:
            xi = np.concatenate([x.xi for x in parts if x.xi is not None])
        v, value = (np.concatenate([getattr(x, name) for x in parts]) for name in ("v", "value"))
        return Point(v, xi, value)

    def means(self, point: Point) -> tuple[FloatArray, FloatArray]:
        """Return the expectations of A and of B, each of shape (n, bins)."""
        signal = self.model.signal_and_ratio(point.v, point.xi)
        return bin_means(self.a, self.b, *signal, positive=self.positive)

    def _values(self, v: FloatArray, xi: FloatArray | None) -> FloatArray:
        # A step may try a κ beyond all floats; it is taken back.
        with np.errstate(all="ignore"):
            signal = self.model.signal_and_ratio(v, xi)
            value = 2 * bin_value(self.a, self.b, *signal, positive=self.positive).sum(axis=1)
        value = value + ((v[:, self.model.n_signals :] - self.centre) ** 2).sum(axis=1)
        if xi is not None and self.xi_centre is not None:
            value = value + ((xi - self.xi_centre) ** 2).sum(axis=(1, 2))
        return np.asarray(value)

    def _minimum(self, point: Point, free: FloatArray) -> Point:
        v, value = point.v.copy(), point.value.copy()
        xi = None if point.xi is None else point.xi.copy()
        left = np.ones(len(v), dtype=bool)
        rounding = _ROUNDING * (np.sum(self.a + self.b, axis=1) + 1)
        whole = self
        for _ in range(_MAX_STEPS):
            rows = whole if left.all() else whole.rows(left)
            now = Point(v[left], None if xi is None else xi[left], value[left])
            move, turn, decrement = rows._step(now, free)
            then = rows._lowered(now, move, turn, rounding[left])
            v[left], value[left] = then.v, then.value
            if xi is not None and then.xi is not None:
                xi[left] = then.xi
            # Where a step no longer lowers the value by its rounding, it has arrived.
            left[left] = (decrement > _DECREMENT) & (decrement > rounding[left])
            if not left.any():
                return Point(v, xi, value)
        raise DataError(
            f"the fit of μ: no minimum was reached in {_MAX_STEPS} steps for "
            f"{np.count_nonzero(left)} of {left.size} data sets; merge bins, or give a surer "
            "ratio or signal"
        )

    def _quadratic(self, point: Point) -> Quadratic:
        return quadratic(
            self.model,
            self.b,
            self.a,
            point.v,
            point.xi,
            self.centre,
            self.xi_centre,
            positive=self.positive,
        )

    def _step(
        self, point: Point, free: FloatArray
    ) -> tuple[FloatArray, FloatArray | None, FloatArray]:
        """Return the steps of v and of ξ, and the decrements."""
        local = self._quadratic(point)
        move = np.zeros_like(point.v)
        decrement = np.zeros(len(move))
        if free.shape[1]:
            slope = np.einsum("nm,mr->nr", local.gradient, free)
            # In two: einsum of three at once is m⁴ products.
            bend = np.einsum("mr,nms->nrs", free, np.einsum("nmk,ks->nms", local.hessian, free))
            along = -solved(bend, slope)
            move = np.einsum("nr,mr->nm", along, free)
            decrement = -np.einsum("nr,nr->n", slope, along)
        if local.own is None or local.across is None or local.inverse is None:
            return move, None, decrement
        slope_xi = local.own + np.einsum("nm,nmjb->njb", move, local.across)
        turn = -np.einsum("nijb,njb->nib", local.inverse, slope_xi)
        decrement = decrement + np.einsum("nib,nijb,njb->n", local.own, local.inverse, local.own)
        return move, turn, decrement

    def _lowered(
        self, point: Point, move: FloatArray, turn: FloatArray | None, rounding: FloatArray
    ) -> Point:
        """Return the point after a step, which is halved where the value rises."""
        length = np.ones(len(move))
        xi = point.xi
        v = point.v + move
        if xi is not None and turn is not None:
            xi = xi + turn
        value = self._values(v, xi)
        for _ in range(_MAX_HALVINGS):
            high = ~(value <= point.value + rounding)
            if not high.any():
                return Point(v, xi, value)
            length[high] /= 2
            v[high] = (point.v + length[:, None] * move)[high]
            some = None
            if xi is not None and turn is not None and point.xi is not None:
                xi[high] = (point.xi + length[:, None, None] * turn)[high]
                some = xi[high]
            value[high] = self.rows(high)._values(v[high], some)
        high = ~(value <= point.value + rounding)
        if xi is not None and point.xi is not None:
            xi = np.where(high[:, None, None], point.xi, xi)
        return Point(np.where(high[:, None], point.v, v), xi, np.where(high, point.value, value))


def beyond(
    reached: Callable[[FloatArray], BoolArray], first: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Return strengths, doubled from the first until a condition holds, and where it then does.

    Parameters
    ----------
    reached : callable
        Takes strengths, shape (n,), and returns whether it holds, shape (n,).
    first : ndarray of float, shape (n,)
    """
    high, there = first.copy(), reached(first)
    for _ in range(_DOUBLINGS):
        if there.all():
            break
        high[~there] *= 2
        # Once reached is reached: another evaluation may differ by rounding.
        there = there | reached(high)
    return high, there
