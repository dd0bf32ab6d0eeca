r"""ln L of two samples with every bin's background at its best, as a function of μ.

.. math::
    L(μ, b) = \prod_i \mathrm{Pois}(A_i | b_i + μ S^A_i)\, \mathrm{Pois}(B_i | κ_i b_i + μ S^B_i),
    \qquad b_i \ge 0

With κ = 1 and S^A = 0 it is L2 of DDP Eq. 4 (arXiv:2203.07529). ln L is jointly concave
in (b, μ), so that its largest value over b is concave in μ: the score
:math:`d\ln L/dμ` crosses zero once.

The best b solves a quadratic. With the contrast w = S^B/κ − S^A, N = A + B, the lever
h = (1 + κ)w/2, x = 2μh and :math:`R = \sqrt{(x + A - B)^2 + 4AB}` (a sum of squares)

.. math::
    E_A = \frac{N - x + R}{2(1+κ)}, \quad E_B = κ \frac{N + x + R}{2(1+κ)}, \quad
    q = \frac{2(B - A) - x}{N + R}

and the bin's score is hq + (1 − κ)w/2, free of cancellations: but for the constant it
is that of κ = 1 and a signal h in B. Three things are apart:

- A bin with A = B = 0 makes a kink at μ = 0: ln L has the slope −(S^A + S^B) on its right
  and max(w, −κw) on its left.
- For μ < 0 the background rises to make room for the signal. For μ > 0 the solution
  can have b < 0 where the signal is in both samples: from μ_h = (A/S^A + κB/S^B)/(1 + κ)
  on, b = 0 is best, and the score N/μ − (S^A + S^B).
- The derivative by ln κ is κb(B/E_B − 1), B/E_B − 1 = ((1 + κ)q + 1 − κ)/2κ.

Shapes throughout: `mu` (toys,), `b` and `a` (toys or 1, bins), signal and κ (bins,).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import MARGIN, BoolArray, Signal

#: A score below this, in sums of numbers up to one, is rounding: ln L is level.
FLAT = 1e-14


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Derivatives of ln L in each bin by μ and by ln κ, each of shape (toys, bins).

    Attributes
    ----------
    m, k : ndarray of float
        The first, by μ and by ln κ.
    mm, mk, kk : ndarray of float
        The second.
    """

    m: FloatArray
    k: FloatArray
    mm: FloatArray
    mk: FloatArray
    kk: FloatArray


@dataclass(frozen=True, eq=False)
class ShiftDerivatives:
    """Derivatives of ln L in each bin by a shift ξ of its signal, each of shape (toys, bins).

    Attributes
    ----------
    s, ss : ndarray of float
        The first and the second.
    ms, ks : ndarray of float
        The second by μ, and by ln κ.
    """

    s: FloatArray
    ss: FloatArray
    ms: FloatArray
    ks: FloatArray


class ProfiledLikelihood:
    """ln L of some toys at the best background of each bin.

    Parameters
    ----------
    b, a : ndarray of float, shape (toys or 1, bins)
        Counts.
    signal : Signal
        Of flat bins.
    kappa : ndarray of float, shape (bins,)
        Expected ratio of B's background to A's.

    Attributes
    ----------
    level : float
        A score below this is rounding.
    on_boundary : ndarray of bool, shape (1,)
        Whether μ̂ is held at `low`: never.
    """

    def __init__(self, b: FloatArray, a: FloatArray, signal: Signal, kappa: FloatArray) -> None:
        self.b, self.a, self.signal, self.kappa = b, a, signal, kappa
        self.total = a + b
        self.difference = a - b
        self.product = 4 * a * b
        self.contrast = signal.in_b / kappa - signal.in_a
        self.lever = (1 + kappa) * self.contrast / 2
        self.constant = (1 - kappa) * self.contrast / 2
        self.on_boundary = np.zeros(1, dtype=bool)
        self.level = FLAT * max(1.0, float(np.abs(self.lever).sum()))
        empty = self.total == 0
        self.empty = empty if empty.any() else None
        self.hold = self._held_from()

    @cached_property
    def left(self) -> FloatArray:
        """What bins with A = B = 0 add to the score left of μ = 0, shape (toys or 1,)."""
        return np.asarray((self.total == 0) @ self._fall)

    @cached_property
    def right(self) -> FloatArray:
        """What they add right of μ = 0."""
        return np.asarray(-((self.total == 0) @ self.signal.both))

    @cached_property
    def low(self) -> FloatArray:
        """A lower bound of μ̂, shape (toys,)."""
        # For μ < 0 E_A ≥ −μw if w > 0, else E_B ≥ μκw: the score is at least
        # −(ΣA or ΣB of those bins)/|μ| and what all bins have if empty.
        fall = float(self._fall.sum())
        if fall == 0:  # the backgrounds make any room, and ln L is level
            return np.zeros(1)
        return -MARGIN * (self.a @ (self.contrast > 0) + self.b @ (self.contrast < 0)) / fall

    @cached_property
    def high(self) -> FloatArray:
        """An upper bound of μ̂, shape (toys,): the score is at most that many over μ, less ΣS."""
        signal = self.signal
        entries = self.b @ (signal.in_b > 0) + self.a @ (signal.in_a > 0)
        return np.asarray(MARGIN * entries / signal.both.sum())

    @cached_property
    def _fall(self) -> FloatArray:
        """The score of each bin left of μ = 0 if it is empty."""
        return np.where(self.contrast >= 0, self.contrast, -self.kappa * self.contrast)

    @cached_property
    def _drift(self) -> FloatArray:
        return np.asarray((self.total > 0) @ self.constant)

    def _held_from(self) -> FloatArray | None:
        """Return μ_h, shape (toys, bins), or None if no bin has signal in both samples."""
        in_a, in_b = self.signal.in_a, self.signal.in_b
        both = (in_a > 0) & (in_b > 0)
        if not both.any():
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            bound = (self.a / in_a + self.kappa * self.b / in_b) / (1 + self.kappa)
        return np.asarray(np.where(both, bound, np.inf))

    def _held(self, mu: FloatArray) -> BoolArray | None:
        """Return where b = 0 is best for its bin, shape (toys, bins); None for nowhere."""
        if self.hold is None:
            return None
        held = mu[:, None] > self.hold
        return held if held.any() else None

    def score(self, mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return d ln L/dμ without the kink and its slope, each of shape (toys,)."""
        q, root, shifted = self._terms(mu)
        with np.errstate(invalid="ignore", divide="ignore"):
            bend = q * shifted / root
            bend[root == 0] = 0.0
            curvature = (1.0 + bend) / (self.total + root)
        if self.empty is not None:
            curvature[self.empty] = 0.0
        value = q @ self.lever + self._drift
        slope = -2 * (curvature @ self.lever**2)
        held = self._held(mu)
        if held is not None:
            if self.empty is not None:
                held = held & ~self.empty
            rate = self.total / np.where(mu > 0, mu, 1.0)[:, None]
            other = rate - self.signal.both - q * self.lever - self.constant
            value = value + np.where(held, other, 0.0).sum(axis=1)
            bent = 2 * curvature * self.lever**2
            bent = bent - rate / np.where(mu > 0, mu, 1.0)[:, None]
            slope = slope + np.where(held, bent, 0.0).sum(axis=1)
        return value, slope

    def _terms(self, mu: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return q, R and x + A − B, each of shape (toys, bins)."""
        shifted = 2 * mu[:, None] * self.lever
        shifted += self.difference
        root = shifted * shifted
        root += self.product
        np.sqrt(root, out=root)
        q = -(shifted + self.difference)
        with np.errstate(invalid="ignore", divide="ignore"):
            q /= self.total + root
        if self.empty is not None:
            q[self.empty] = 0.0
        return q, root, shifted

    def log_ratio(self, mu: FloatArray) -> FloatArray:
        """Return 2 ln L(μ)/L(0), each at its best background, shape (toys,)."""
        q = self._terms(mu)[0]
        x = 2 * mu[:, None] * self.lever
        with np.errstate(divide="ignore", invalid="ignore"):
            half = x / (2 * self.total)
        if self.empty is not None:
            half[self.empty] = 0.0
        gain = x * q
        gain /= 2
        if self.constant.any():
            gain += mu[:, None] * self.constant
        gain += self.b * _log_of_mean(half * (1 - q), -x, self.a, self.b)
        gain += self.a * _log_of_mean(-half * (1 + q), x, self.b, self.a)
        held = self._held(mu)
        if held is not None:
            gain[held] = self._held_gain(mu)[held]
        if self.empty is not None:
            gain[self.empty] = 0.0
        kink = np.where(mu < 0, self.left, self.right) * mu
        return np.asarray(2 * (gain.sum(axis=1) + kink))

    def _held_gain(self, mu: FloatArray) -> FloatArray:
        """Return ln L(μ)/L(0) of each bin with b = 0 at μ; whatever where it is not held."""
        expected = self.total / (1 + self.kappa)
        gain = self.total - mu[:, None] * self.signal.both
        with np.errstate(divide="ignore", invalid="ignore"):
            for n, shape, null in (
                (self.a, self.signal.in_a, expected),
                (self.b, self.signal.in_b, self.kappa * expected),
            ):
                gain += np.where(n > 0, n * np.log(mu[:, None] * shape / null), 0.0)
        return gain

    def means(self, mu: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the expectations of A and of B, each of shape (toys, bins); never negative."""
        x = 2 * mu[:, None] * self.lever
        scale = 2 * (1 + self.kappa)
        in_a = _sum_of_root(x, self.b, self.a) / scale
        in_b = self.kappa * _sum_of_root(-x, self.a, self.b) / scale
        held = self._held(mu)
        if held is not None:
            in_a = np.where(held, mu[:, None] * self.signal.in_a, in_a)
            in_b = np.where(held, mu[:, None] * self.signal.in_b, in_b)
        return in_a, in_b

    def background(self, mu: FloatArray) -> FloatArray:
        """Return the best background b of A's bins, shape (toys, bins)."""
        return self._without_signal(mu, *self.means(mu))

    def _without_signal(self, mu: FloatArray, in_a: FloatArray, in_b: FloatArray) -> FloatArray:
        x = mu[:, None]
        # The smaller of two signals cancels fewer digits.
        by_a = self.signal.in_a <= self.signal.in_b / self.kappa
        best = np.where(
            by_a, in_a - x * self.signal.in_a, (in_b - x * self.signal.in_b) / self.kappa
        )
        return np.maximum(best, 0.0)

    def shift_derivatives(
        self, mu: FloatArray, shift_a: FloatArray, shift_b: FloatArray
    ) -> ShiftDerivatives:
        """Return the derivatives bin by bin by ξ, with S_A + ξ shift_a and S_B + ξ shift_b.

        Parameters
        ----------
        mu : ndarray of float, shape (toys,)
        shift_a, shift_b : ndarray of float, shape (bins,)
        """
        kappa, x = self.kappa, mu[:, None]
        q, root, shifted = self._terms(mu)
        in_a, in_b = self.means(mu)
        b = self._without_signal(mu, in_a, in_b)
        with np.errstate(invalid="ignore", divide="ignore"):
            turn = np.where(root == 0, 0.0, shifted / root)
            curvature = (1.0 + q * turn) / (self.total + root)
        # κb is B's background; by x = μ(1 + κ)w the score of one unit of μw is `excess`.
        excess = ((1 + kappa) * q + 1 - kappa) / 2
        steep = (1 + kappa) / 2 * curvature  # −d(excess)/dx
        contrast = shift_b / kappa - shift_a
        x_s = x * (1 + kappa) * contrast
        b_s = (turn - 1) / (2 * (1 + kappa)) * x_s - x * shift_a
        result = {
            "s": x * contrast * excess,
            "ss": -x * contrast * steep * x_s,
            "ms": contrast * excess - self.contrast * steep * x_s,
            "ks": excess * b_s - steep * x_s * b,
        }
        held = self._held(mu)
        if held is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                by_a, by_b = shift_a / self.signal.in_a, shift_b / self.signal.in_b
                there = {
                    "s": self.a * by_a + self.b * by_b - x * (shift_a + shift_b),
                    "ss": -self.a * by_a**2 - self.b * by_b**2,
                    "ms": -(shift_a + shift_b),
                    "ks": np.zeros_like(q),
                }
            result = {name: np.where(held, there[name], value) for name, value in result.items()}
        return ShiftDerivatives(**result)

    def derivatives(self, mu: FloatArray) -> Derivatives:
        """Return the derivatives by μ and by ln κ bin by bin, those of the kinks left out."""
        kappa, lever = self.kappa, self.lever
        q, root, shifted = self._terms(mu)
        in_a, in_b = self.means(mu)
        b = self._without_signal(mu, in_a, in_b)
        with np.errstate(invalid="ignore", divide="ignore"):
            turn = np.where(root == 0, 0.0, shifted / root)  # dR/dx
            curvature = (1.0 + q * turn) / (self.total + root)  # −dq/dx
            excess = ((1 + kappa) * q + 1 - kappa) / (2 * kappa)
        # x = μ(1 + κ)(S_B/κ − S_A): dx/dlnκ = −μ(S_B/κ + κS_A).
        x_k = -mu[:, None] * (self.signal.in_b / kappa + kappa * self.signal.in_a)
        a_x = (turn - 1) / (2 * (1 + kappa))
        b_m = a_x * 2 * lever - self.signal.in_a
        b_k = a_x * x_k - in_a * kappa / (1 + kappa)
        steep = (1 + kappa) / 2 * curvature  # −κ d(excess)/dx
        result = {
            "m": q * lever + self.constant,
            "k": kappa * excess * b,
            "mm": -2 * curvature * lever**2,
            "mk": -steep * 2 * lever * b + kappa * excess * b_m,
            "kk": b * (kappa * (q - 1) / 2 - steep * x_k) + kappa * excess * b_k,
        }
        held = self._held(mu)
        if held is not None:
            rate = self.total / np.where(mu > 0, mu, 1.0)[:, None]
            there = {"m": rate - self.signal.both, "mm": -rate / np.where(mu > 0, mu, 1.0)[:, None]}
            result = {
                name: np.where(held, there.get(name, 0.0), value) for name, value in result.items()
            }
        if self.empty is not None:
            result = {name: np.where(self.empty, 0.0, value) for name, value in result.items()}
        return Derivatives(**result)


def _sum_of_root(x: FloatArray, b: FloatArray, a: FloatArray) -> FloatArray:
    """Return N − x + R, 2(1 + κ) times the expectation of A; of B with A for B and −x."""
    root = np.sqrt((x + a - b) ** 2 + 4 * a * b)
    c = a + b - x
    # C + R cancels where C < 0; (R² − C²)/(R − C) with R² − C² = 4Ax does not.
    with np.errstate(divide="ignore", invalid="ignore"):
        flipped = 4 * a * x / (root - c)
    return np.where(c >= 0, c + root, flipped)


def _log_of_mean(
    change: FloatArray, x: FloatArray, other: FloatArray, count: FloatArray
) -> FloatArray:
    """Return ln(1 + change), an expectation over that of μ = 0; zero where its count is zero.

    Where the expectation falls to under half, 1 + change loses digits, and the
    expectation is computed for itself: that of A, or, with A and B exchanged and −x
    for x, that of B.
    """
    fallen = change < -0.5
    if not fallen.any():
        return np.asarray(np.log1p(change))
    logs = np.log1p(np.where(fallen, 0.0, change))
    fallen &= count > 0
    x, other, count = (np.broadcast_to(v, logs.shape)[fallen] for v in (x, other, count))
    logs[fallen] = np.log(_sum_of_root(x, other, count) / (2 * (other + count)))
    return logs
