r"""−ln L of every bin at its best background, by what is in the bin: two signals and a ratio.

.. math::
    F(s_A, s_B, k) = \min_{b \ge 0} \bigl[ (b + s_A) - A \ln(b + s_A)
        + (e^k b + s_B) - B \ln(e^k b + s_B) \bigr]

It is the closed profile of `eμsym.binned.q0_profiled`, taken apart: there the signal is μS, here
it is anything, so that its own nuisances, a second signal or another region need no other
formulae. With κ = e^k, w = s_B/κ − s_A, x = (1 + κ)w, N = A + B and
:math:`R = \sqrt{(x + A - B)^2 + 4AB}`

.. math::
    E_A = \frac{N - x + R}{2(1+κ)}, \qquad 1 - \frac{B}{E_B} = -\frac{(1+κ)q + 1 - κ}{2κ},
    \qquad q = \frac{2(B - A) - x}{N + R}.

Where that makes b negative, b = 0 is best, and so it is in a bin without entries. All shapes
are (n, bins): n data sets, or n points of one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import BoolArray, FloatArray
from eμsym.binned.deviance import deviance


@dataclass(frozen=True, eq=False)
class BinProfile:
    """F of every bin, at the best b, with its derivatives, each of shape (n, bins).

    Attributes
    ----------
    value : ndarray of float
        F over that of the saturated model: zero where both expectations are the counts.
    background : ndarray of float
        b.
    a, b, k : ndarray of float
        The derivatives by s_A, s_B and k = ln κ.
    aa, ab, bb, ak, bk, kk : ndarray of float
        The second derivatives.
    """

    value: FloatArray
    background: FloatArray
    a: FloatArray
    b: FloatArray
    k: FloatArray
    aa: FloatArray
    ab: FloatArray
    bb: FloatArray
    ak: FloatArray
    bk: FloatArray
    kk: FloatArray


def bin_means(
    n_a: FloatArray,
    n_b: FloatArray,
    s_a: FloatArray,
    s_b: FloatArray,
    kappa: FloatArray,
    *,
    positive: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """Return the best expectations of A and of B, each of shape (n, bins).

    Parameters
    ----------
    n_a, n_b : ndarray of float, shape (n, bins)
        Counts.
    s_a, s_b : ndarray of float, shape (n, bins)
        Expected signal.
    kappa : ndarray of float, shape (n, bins)
    positive : bool
        Whether b must not be negative. Else F depends on the contrast w alone: it is all
        that a symmetry knows of a signal.
    """
    x = (1 + kappa) * (s_b / kappa - s_a)
    root = np.sqrt((x + n_a - n_b) ** 2 + 4 * n_a * n_b)
    scale = 2 * (1 + kappa)
    in_a = _sum_of_root(n_a + n_b - x, 4 * n_a * x, root) / scale
    in_b = kappa * _sum_of_root(n_a + n_b + x, -4 * n_b * x, root) / scale
    held = _held(n_a, n_b, s_a, s_b, kappa) if positive else np.zeros(in_a.shape, dtype=bool)
    return np.where(held, s_a, in_a), np.where(held, s_b, in_b)


def bin_value(
    n_a: FloatArray,
    n_b: FloatArray,
    s_a: FloatArray,
    s_b: FloatArray,
    kappa: FloatArray,
    *,
    positive: bool = True,
) -> FloatArray:
    """Return F alone, shape (n, bins); parameters as of `bin_means`."""
    in_a, in_b = bin_means(n_a, n_b, s_a, s_b, kappa, positive=positive)
    return 0.5 * (deviance(n_a, in_a) + deviance(n_b, in_b))


def bin_profile(
    n_a: FloatArray,
    n_b: FloatArray,
    s_a: FloatArray,
    s_b: FloatArray,
    kappa: FloatArray,
    *,
    positive: bool = True,
) -> BinProfile:
    """Return F with its derivatives; parameters as of `bin_means`."""
    one, total = 1 + kappa, n_a + n_b
    x = one * (s_b / kappa - s_a)
    shifted = x + n_a - n_b
    root = np.sqrt(shifted**2 + 4 * n_a * n_b)
    in_a = _sum_of_root(total - x, 4 * n_a * x, root) / (2 * one)
    in_b = kappa * _sum_of_root(total + x, -4 * n_b * x, root) / (2 * one)
    held = _held(n_a, n_b, s_a, s_b, kappa) if positive else np.zeros(in_a.shape, dtype=bool)
    in_a, in_b = np.where(held, s_a, in_a), np.where(held, s_b, in_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.where(held, 0.0, (2 * (n_b - n_a) - x) / (total + root))
        turn = np.where(root == 0, 0.0, shifted / root)
        curvature = np.where(held, 0.0, (1 + q * turn) / (total + root))
        # Of a held bin, whose expectations are its signals.
        per_a = np.where(n_a > 0, n_a / in_a, 0.0)
        per_b = np.where(n_b > 0, n_b / in_b, 0.0)
        bent_a = np.where(n_a > 0, per_a / in_a, 0.0)
        bent_b = np.where(n_b > 0, per_b / in_b, 0.0)
    slope_b = -(one * q + 1 - kappa) / (2 * kappa)
    # The smaller of two signals cancels fewer digits.
    b = np.where(s_a <= s_b / kappa, in_a - s_a, (in_b - s_b) / kappa)
    b = np.where(held, 0.0, np.maximum(b, 0.0) if positive else b)
    bend = one**2 / 2 * curvature  # d²F/dw²
    steep = one / 2 * curvature
    a_x = (turn - 1) / (2 * one)
    x_k = -(s_b / kappa + kappa * s_a)
    b_k = a_x * x_k - in_a * kappa / one
    by_k = kappa * slope_b
    free = {
        "a": -by_k,
        "b": slope_b,
        "k": by_k * b,
        "aa": bend,
        "ab": -bend / kappa,
        "bb": bend / kappa**2,
        "ak": -b * bend - by_k * (a_x * one + 1),
        "bk": b * bend / kappa + by_k * a_x * one / kappa,
        "kk": -b * (kappa * (q - 1) / 2 - steep * x_k) + by_k * b_k,
    }
    if held.any():
        none = np.zeros_like(b)
        fixed = {"a": 1 - per_a, "b": 1 - per_b, "aa": bent_a, "bb": bent_b}
        free = {name: np.where(held, fixed.get(name, none), x) for name, x in free.items()}
    value = 0.5 * (deviance(n_a, in_a) + deviance(n_b, in_b))
    return BinProfile(value=value, background=b, **free)


def _sum_of_root(c: FloatArray, difference: FloatArray, root: FloatArray) -> FloatArray:
    """Return c + R, where it cancels as (R² − c²)/(R − c)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(c >= 0, c + root, difference / (root - c))


def _held(
    n_a: FloatArray, n_b: FloatArray, s_a: FloatArray, s_b: FloatArray, kappa: FloatArray
) -> BoolArray:
    """Return where b = 0 is best: where F does not fall from there.

    A bin that lacks signal in one sample is never held, for b makes the difference up, but
    for one without entries or a deficit.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        per_a = np.where(n_a > 0, n_a / s_a, 0.0)
        per_b = np.where(n_b > 0, n_b / s_b, 0.0)
        full = per_a + kappa * per_b <= 1 + kappa
    empty = (n_a + n_b == 0) & (s_a >= 0) & (s_b >= 0)
    return np.asarray((full & (s_a > 0) & (s_b > 0)) | empty)
