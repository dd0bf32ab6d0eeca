"""Injected signal strengths and Asimov significances of q0 (DDP Eq. 9-11, arXiv:2203.07529)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlog1py

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import (
    Background,
    as_counts,
    check_choice,
    chunks,
    contents,
    normalised_signal,
)
from eμsym.binned.q0_root import decreasing_root
from eμsym.counts import check_same_binning
from eμsym.errors import DataError


def injection_strength(template: Any, signal: Any, z: float, *, background: Background) -> float:
    r"""Return the signal strength that gives q0 a significance, without fluctuations.

    It solves :math:`\sqrt{q_0(T + μS, T, S)} = Z`, which is

    .. math::
        2\Big(-μ + \sum_i (T_i + μS_i) \ln\big(1 + \tfrac{μS_i}{T_i}\big)\Big) = Z^2

    with the background known, and profiled

    .. math::
        2 \sum_i \Big[(T_i + μS_i) \ln\big(1 + \tfrac{μS_i}{2T_i + μS_i}\big)
                      - T_i \ln\big(1 + \tfrac{μS_i}{2T_i}\big)\Big] = Z^2

    (DDP Eq. 9-11.)

    Parameters
    ----------
    template : array_like or histogram
        Expected symmetric background T (or one sample of it), any dimensions.
    signal : array_like or histogram
        The signal's shape; it is scaled to ΣS = 1.
    z : float
        The significance aimed at, not negative.
    background : {"known", "profiled"}

    Returns
    -------
    float
        μ_inj, in events.

    Raises
    ------
    DataError
        If `z` is negative or not finite, binnings differ, the template is
        negative or not finite, the signal is negative or all zero, or the
        background is known and zero where the signal is not (any signal is
        then infinitely significant).

    Examples
    --------
    >>> flat = [100.0] * 36
    >>> round(injection_strength(flat, [1] * 36, 5, background="known"), 2)
    304.14
    >>> round(injection_strength(flat, [1] * 36, 5, background="profiled"), 2)
    436.83
    """
    check_same_binning(template, signal)
    expected = as_counts(contents(template), "template")
    shape = normalised_signal(signal)
    return float(injection_strengths(expected, shape, z, background=background))


def injection_strengths(
    template: ArrayLike, signal: ArrayLike, z: ArrayLike, *, background: Background
) -> FloatArray:
    """Return the signal strengths of many significances, or for many toys, at once.

    Parameters
    ----------
    template : array_like, shape (*toys, *bins)
        The last axes are the signal's.
    signal : array_like, shape (*bins)
    z : array_like
        Of any shape that broadcasts with (*toys): one significance for all
        toys, or many for one template.
    background : {"known", "profiled"}

    Returns
    -------
    ndarray of float
        Of the shape that `z` and the toy axes broadcast to.

    Raises
    ------
    DataError
        As for `injection_strength`.
    """
    check_choice("background", background, ("known", "profiled"))
    target = np.asarray(z, dtype=np.float64)
    if not np.all(np.isfinite(target)) or np.any(target < 0):
        raise DataError(
            f"z: an injected significance is at least 0 and finite, got {target.min():g}"
        )
    t, s, shape = _flatten(template, signal, target, background)
    goal = np.broadcast_to(target, shape).ravel()

    mu = np.empty(goal.shape)
    for rows in chunks(goal.size, s.size):
        mu[rows] = _solve(goal[rows], t if len(t) == 1 else t[rows], s, background)
    return mu.reshape(shape)


def asimov_z(
    template: ArrayLike, signal: ArrayLike, mu: ArrayLike, *, background: Background
) -> FloatArray:
    """Return the expected Z of q0 at signal strengths, from the Asimov data B = T + μS, A = T.

    The left sides of Eq. 10 and 11, rooted; the median Z of toys.

    Parameters
    ----------
    template : array_like, shape (*toys, *bins)
        The last axes are the signal's.
    signal : array_like, shape (*bins)
        Scaled to ΣS = 1.
    mu : array_like
        Signal strengths in events, not negative, of any shape that broadcasts
        with (*toys).
    background : {"known", "profiled"}

    Returns
    -------
    ndarray of float
        Of the shape that `mu` and the toy axes broadcast to.

    Raises
    ------
    DataError
        If a strength is negative or not finite, and as for `injection_strength`.
    """
    check_choice("background", background, ("known", "profiled"))
    strength = np.asarray(mu, dtype=np.float64)
    if not np.all(np.isfinite(strength)) or np.any(strength < 0):
        raise DataError(
            f"mu: an injected strength is at least 0 and finite, got {strength.min():g}"
        )
    t, s, shape = _flatten(template, signal, strength, background)
    strength = np.broadcast_to(strength, shape).ravel()
    z = np.empty(strength.shape)
    for rows in chunks(z.size, s.size):
        z[rows] = _asimov(strength[rows], t if len(t) == 1 else t[rows], s, background)[0]
    return z.reshape(shape)


def _flatten(
    template: ArrayLike, signal: ArrayLike, values: FloatArray, background: Background
) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """Return T (toys or 1, bins) and S (bins) in the bins with signal, and the result's shape."""
    shape = normalised_signal(signal)
    t = as_counts(template, "template")
    if shape.ndim == 0 or t.ndim < shape.ndim or t.shape[t.ndim - shape.ndim :] != shape.shape:
        raise DataError(f"the template has shape {t.shape}, but the signal {shape.shape}")
    toys = t.shape[: t.ndim - shape.ndim]
    try:
        result = np.broadcast_shapes(toys, values.shape)
    except ValueError:
        raise DataError(f"shape {values.shape} does not broadcast with the toys' {toys}") from None
    used = shape.ravel() > 0
    if toys:
        t = np.broadcast_to(t, (*result, *shape.shape))
    t = t.reshape(-1, used.size)[:, used]
    if background == "known" and np.any(t == 0):
        raise DataError(
            f"the template is zero in {int(np.count_nonzero((t == 0).any(axis=0)))} bins that hold "
            "signal: with a known background any signal there is infinitely significant"
        )
    return t, shape.ravel()[used], result


def _solve(goal: FloatArray, t: FloatArray, s: FloatArray, background: Background) -> FloatArray:
    """Return μ where the Asimov Z is `goal`, shape (n,)."""

    def shortfall(mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        root, slope = _asimov(mu, t, s, background)
        return goal - root, -slope

    # q0 < μ² · curvature, its parabola at zero: the root is above this.
    with np.errstate(divide="ignore"):
        curvature = (s**2 / (t if background == "known" else 2 * t)).sum(axis=1)
    low = goal / np.sqrt(np.broadcast_to(curvature, goal.shape))
    high = 2 * low + goal + 1.0
    while np.any(under := (shortfall(high)[0] > 0)):
        high = np.where(under, 2 * high, high)
    mu = decreasing_root(shortfall, low, high, low, 1e-10 * high)
    return np.where(goal > 0, mu, 0.0)


def _asimov(
    mu: FloatArray, t: FloatArray, s: FloatArray, background: Background
) -> tuple[FloatArray, FloatArray]:
    """Return sqrt(q0) of the Asimov data and its derivative by μ, each of shape (n,)."""
    x = mu[:, None] * s
    if background == "known":
        log = np.log1p(x / t)
        value = 2 * ((t + x) * log - x).sum(axis=1)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.log1p(np.where(x > 0, x / (2 * t + x), 0.0))
            value = 2 * ((t + x) * log - xlog1py(t, x / (2 * t))).sum(axis=1)
    root = np.sqrt(np.maximum(value, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return root, log @ s / root
