"""The strengths at which CLs falls to 1 − cl, observed and expected, of many data sets at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import BoolArray, FloatArray
from eμsym.binned.q0_root import decreasing_root
from eμsym.errors import DataError
from eμsym.limits.asymptotics import expected_cls, expected_root, log_cls
from eμsym.limits.likelihoods import Likelihoods, Point, beyond

#: A limit is found once a step is below this, in errors of the strength.
_TOLERANCE = 1e-7


@dataclass(frozen=True, eq=False)
class Found:
    """Limits of n data sets.

    Attributes
    ----------
    observed : ndarray of float, shape (n,)
    expected : ndarray of float, shape (n, 5)
        Without signal, where the data fluctuate by −2 to 2 standard deviations.
    mu : ndarray of float, shape (n,)
        The best strength that is not below zero.
    """

    observed: FloatArray
    expected: FloatArray
    mu: FloatArray


@dataclass(frozen=True, eq=False)
class Scan:
    """CLs against the strength, of one data set.

    Attributes
    ----------
    mu, observed : ndarray of float, shape (points,)
    expected : ndarray of float, shape (points, 5)
        At −2 to 2 standard deviations of the background's fluctuation.
    """

    mu: FloatArray
    observed: FloatArray
    expected: FloatArray


class Profile:
    """q̃_μ of data sets, as a function of one strength each.

    Parameters
    ----------
    likelihoods : Likelihoods
        Of one strength.
    best : Point
        The best fit with a strength not below zero.

    Notes
    -----
    Each point is searched from where the one before ended.
    """

    def __init__(self, likelihoods: Likelihoods, best: Point) -> None:
        self.likelihoods, self.best, self._last = likelihoods, best, best

    def __call__(self, mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return q̃_μ and its derivative, each of shape (n,).

        Raises
        ------
        DataError
            If Newton's method finds no minimum.
        """
        self._last = self.likelihoods.profiled(mu[:, None], self._last)
        slope, _ = self.likelihoods.score(self._last)
        above = mu > self.best.v[:, 0]
        q = np.maximum(self._last.value - self.best.value, 0.0)
        return np.where(above, q, 0.0), np.where(above, slope, 0.0)


def asimov(likelihoods: Likelihoods, null: Point) -> Likelihoods:
    """Return the data that a model without signal expects, its nuisances fitted to the data.

    Parameters
    ----------
    likelihoods : Likelihoods
    null : Point
        The best fit without signal.
    """
    in_a, in_b = likelihoods.means(null)
    p = likelihoods.model.n_signals
    return Likelihoods(likelihoods.model, in_b, in_a, null.v[:, p:], null.xi)


def limits_of(likelihoods: Likelihoods, cl: float = 0.95) -> Found:
    """Return the CLs limits by the asymptotic formulae.

    Parameters
    ----------
    likelihoods : Likelihoods
        Of one strength.
    cl : float

    Raises
    ------
    DataError
        If Newton's method finds no minimum, or the data bound no strength.
    """
    n = len(likelihoods)
    null = likelihoods.profiled(np.zeros((n, 1)))
    best = likelihoods.fit(start=null)
    expecting = asimov(likelihoods, null)
    flat = expecting.start(np.zeros((n, 1)))
    roots = expected_root(cl)
    size = _first_error(expecting, flat)
    # All five at once, in a row for each data set.
    expected = _expected(expecting.repeated(5), np.repeat(size, 5), np.tile(roots, n))
    expected = expected.reshape(n, 5)
    q, q_asimov = Profile(likelihoods, best), Profile(expecting, flat)
    mu, level = best.v[:, 0], np.log1p(-cl)

    def function(at: FloatArray) -> tuple[FloatArray, FloatArray]:
        (value, slope), (other, other_slope) = q(at), q_asimov(at)
        log, log_slope = log_cls(value, other, slope, other_slope)
        return log - level, log_slope

    start = mu + expected[:, 2]
    high, reached = beyond(lambda at: function(at)[0] <= 0, start)
    _check(high, reached)
    observed = decreasing_root(
        function, mu, high, np.minimum(start, high), _TOLERANCE * expected[:, 2]
    )
    return Found(observed, expected, mu)


def scan_of(likelihoods: Likelihoods, mu: FloatArray) -> Scan:
    """Return CLs by the asymptotic formulae at strengths.

    Parameters
    ----------
    likelihoods : Likelihoods
        Of one data set and one strength.
    mu : ndarray of float, shape (points,)

    Raises
    ------
    DataError
        If Newton's method finds no minimum.
    """
    null = likelihoods.profiled(np.zeros((1, 1)))
    best = likelihoods.fit(start=null)
    expecting = asimov(likelihoods, null)
    every = np.zeros(mu.size, dtype=np.int64)
    q = Profile(likelihoods.repeated(mu.size), best.rows(every))
    q_asimov = Profile(expecting.repeated(mu.size), expecting.start(np.zeros((1, 1))).rows(every))
    (value, slope), (other, other_slope) = q(mu), q_asimov(mu)
    log, _ = log_cls(value, other, slope, other_slope)
    return Scan(mu, np.exp(log), expected_cls(other))


def _first_error(expecting: Likelihoods, flat: Point) -> FloatArray:
    """Return about the error of a strength without signal, shape (n,)."""
    slope, bend = expecting.score(flat)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(2 / bend)
        straight = 1 / slope  # bins without any entry make it rise as a line
    found = np.fmin(np.where(bend > 0, error, np.inf), np.where(slope > 0, straight, np.inf))
    entries = np.sum(expecting.a + expecting.b, axis=1) + 1
    return np.asarray(np.where(np.isfinite(found), found, entries))


def _expected(expecting: Likelihoods, size: FloatArray, root: FloatArray) -> FloatArray:
    """Return where √q_A reaches a value, shape (n,)."""
    profile = Profile(expecting, expecting.start(np.zeros((len(expecting), 1))))

    def function(mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        value, slope = profile(mu)
        found = np.sqrt(value)
        with np.errstate(divide="ignore", invalid="ignore"):
            return root - found, -slope / (2 * found)

    high, reached = beyond(lambda mu: function(mu)[0] <= 0, root * size)
    _check(high, reached)
    return decreasing_root(
        function, np.zeros(len(size)), high, np.minimum(root * size, high), _TOLERANCE * size
    )


def _check(high: FloatArray, reached: BoolArray) -> None:
    if not np.all(reached):
        raise DataError(
            f"the data bound no strength of this signal, up to {np.max(high):.2g}: it is in "
            "both samples as the backgrounds are, or there is no entry; give another signal"
        )
