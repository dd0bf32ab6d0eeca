r"""−2 ln L with fakes as components of both samples besides the background and the signal.

.. math::
    L = \prod_i \mathrm{Pois}(A_i | b_i + c^A_i)\, \mathrm{Pois}(B_i | κ_i b_i + c^B_i)\,
        e^{-(ν^2 + t^2 + ξ^2 + ζ^2)/2}, \qquad
    c_i = F_i + \sum_s t_s δF_{si} + ξ_i σ^F_i + μ (S_i + ζ_i σ^S_i)

with each b ≥ 0 at its best: ln L is that of `q0_profiled` for a signal c of strength one. t is
the error of each transfer factor, ξ_i the statistics of the control events, ζ_i that of the
signal's simulation; the free background leaves of each the contrast, as in `Signal.shift`,
and ν are the directions of ln κ. With φ = (c^A, c^B, ln κ) of a bin

.. math::
    \frac{d \ln L}{dφ} = (α, β, κ b β), \qquad α = A/E_A - 1, \quad β = B/E_B - 1

and the second derivatives are those at fixed b plus :math:`u u^T/(p + κ^2 q)`, with
p = A/E_A², q = B/E_B² and u the mixed derivative by b; nothing is added where b = 0 is best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from eμsym.arrays import BoolArray, FloatArray
from eμsym.binned.deviance import deviance
from eμsym.binned.q0_input import Signal
from eμsym.binned.q0_nuisances import NuisanceLikelihood
from eμsym.binned.q0_profiled import ProfiledLikelihood
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.fakes import FakeCounts


@dataclass(frozen=True, eq=False)
class AddedBins:
    """−2 ln L of n data sets over that of the saturated model, by v = (μ, ν, t, ξ, ζ).

    No bin is empty in both samples of a data set.

    Attributes
    ----------
    b, a : ndarray of float, shape (n, bins)
        Counts.
    log_ratio : ndarray of float, shape (n, bins)
        ln κ at ν = 0.
    modes : ndarray of float, shape (n, k, bins)
    fakes : ndarray of float, shape (n, 2, bins)
        F of A and of B.
    slopes : ndarray of float, shape (n, 2, parameters, bins)
        What one unit of each parameter adds to c of A and of B, but for ζ.
    wobble : ndarray of float, shape (n, 2, bins) or None
        σ^S of A and of B; None if the signal is exact.
    """

    b: FloatArray
    a: FloatArray
    log_ratio: FloatArray
    modes: FloatArray
    fakes: FloatArray
    slopes: FloatArray
    wobble: FloatArray | None

    @classmethod
    def of(
        cls,
        b: FloatArray,
        a: FloatArray,
        signal: Signal,
        ratios: Sequence[YieldRatio],
        fakes: Sequence[FakeCounts],
    ) -> Self:
        """Return the data sets with a ratio, and with fakes, each of its own."""
        n, bins = b.shape
        k = max(len(ratio.modes) for ratio in ratios)
        s = len(fakes[0].by_source)
        modes = np.zeros((n, k, bins))
        for own, ratio in zip(modes, ratios, strict=True):
            own[: len(ratio.modes)] = ratio.modes
        log_ratio = np.stack([ratio.log_ratio for ratio in ratios])
        kappa = np.exp(log_ratio)
        statistics = _contrast(
            kappa,
            np.stack([each.variance_a for each in fakes]),
            np.stack([each.variance_b for each in fakes]),
        )
        wobble = _contrast(kappa, *signal.variances) if signal.uncertain else None
        slopes = np.zeros((n, 2, 1 + k + s + bins * (1 if wobble is None else 2), bins))
        slopes[:, 0, 0], slopes[:, 1, 0] = signal.in_a, signal.in_b
        slopes[:, :, 1 + k : 1 + k + s] = np.stack([x.by_source for x in fakes]).swapaxes(1, 2)
        place = np.arange(bins)
        slopes[:, :, 1 + k + s + place, place] = statistics
        central = np.stack([[each.in_a, each.in_b] for each in fakes])
        return cls(b, a, log_ratio, modes, central, slopes, wobble)

    @property
    def n_parameters(self) -> int:
        """The number of parameters, μ among them."""
        return int(self.slopes.shape[2])

    def of_rows(self, rows: BoolArray) -> AddedBins:
        """Return some of the data sets."""
        wobble = None if self.wobble is None else self.wobble[rows]
        return AddedBins(
            b=self.b[rows],
            a=self.a[rows],
            log_ratio=self.log_ratio[rows],
            modes=self.modes[rows],
            fakes=self.fakes[rows],
            slopes=self.slopes[rows],
            wobble=wobble,
        )

    def values(self, v: FloatArray) -> FloatArray:
        """Return −2 ln L, shape (n,)."""
        # A step may try a κ beyond all floats; it is taken back.
        with np.errstate(all="ignore"):
            in_a, in_b = self._at(v)[0].means(np.ones(1))
            terms = deviance(self.b, in_b) + deviance(self.a, in_a)
            return np.asarray(terms.sum(axis=1) + np.sum(v[:, 1:] ** 2, axis=1))

    def derivatives(self, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return gradients, shape (n, parameters), and Hessians of `values`."""
        likelihood, kappa, slopes = self._at(v)
        in_a, in_b = likelihood.means(np.ones(1))
        b = likelihood.background(np.ones(1))
        some_a, some_b = (np.where(x > 0, x, 1.0) for x in (in_a, in_b))
        alpha, beta = self.a / some_a - 1, self.b / some_b - 1
        p, q = self.a / some_a**2, self.b / some_b**2
        n, bins = self.a.shape
        first = np.stack([alpha, beta, kappa * b * beta], axis=1)
        u = np.stack([-p, -kappa * q, kappa * beta - q * kappa**2 * b], axis=1)
        bend = p + kappa**2 * q
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where((b > 0) & (bend > 0), 1 / bend, 0.0)
        second = np.einsum("nib,njb,nb->nijb", u, u, rate)
        second[:, 0, 0] -= p
        second[:, 1, 1] -= q
        second[:, 1, 2] -= q * kappa * b
        second[:, 2, 1] -= q * kappa * b
        second[:, 2, 2] += kappa * b * beta - q * kappa**2 * b**2
        size = slopes.shape[2]
        by = np.zeros((n, 3, size, bins))
        by[:, :2] = slopes
        by[:, 2, 1 : 1 + self.modes.shape[1]] = self.modes
        gradient = -2 * np.einsum("nib,nipb->np", first, by)
        turned = np.einsum("nijb,njpb->nipb", second, by)
        left = by.transpose(0, 2, 1, 3).reshape(n, size, 3 * bins)
        right = turned.transpose(0, 2, 1, 3).reshape(n, size, 3 * bins)
        hessian = -2 * left @ right.transpose(0, 2, 1)
        if self.wobble is not None:  # c has the product μζ
            mixed = -2 * np.einsum("nib,nib->nb", first[:, :2], self.wobble)
            hessian[:, 0, -bins:] += mixed
            hessian[:, -bins:, 0] += mixed
        gradient[:, 1:] += 2 * v[:, 1:]
        hessian[:, 1:, 1:] += 2 * np.eye(size - 1)
        return gradient, hessian

    def _at(self, v: FloatArray) -> tuple[ProfiledLikelihood, FloatArray, FloatArray]:
        """Return ln L for the signal c of strength one, κ, and dc/dv."""
        k, bins = self.modes.shape[1], self.a.shape[1]
        kappa = np.exp(self.log_ratio + np.einsum("nk,nkb->nb", v[:, 1 : 1 + k], self.modes))
        slopes = self.slopes
        added = self.fakes + np.einsum("np,nipb->nib", v, slopes)
        if self.wobble is not None:
            zeta, mu = v[:, None, -bins:], v[:, :1, None]
            added = added + mu * zeta * self.wobble
            slopes = slopes.copy()
            slopes[:, :, 0] += zeta * self.wobble
            place = np.arange(bins)
            slopes[:, :, slopes.shape[2] - bins + place, place] = mu * self.wobble
        signal = Signal(added[:, 0], added[:, 1])
        return ProfiledLikelihood(self.b, self.a, signal, kappa), kappa, slopes


class AddedLikelihood(NuisanceLikelihood):
    """−2 ln L of one data set by μ and all nuisances, with fakes in both samples.

    Parameters
    ----------
    b, a : ndarray of float, shape (bins,)
        Counts. Bins that are empty in both samples are left out.
    signal : Signal
    ratio : YieldRatio
        Of the background, without fakes.
    fakes : FakeCounts
    """

    def __init__(
        self,
        b: FloatArray,
        a: FloatArray,
        signal: Signal,
        ratio: YieldRatio,
        fakes: FakeCounts,
    ) -> None:
        super().__init__(b, a, signal, ratio)
        some = a + b > 0
        own = YieldRatio(ratio.log_ratio[some], ratio.modes[:, some])
        counts = FakeCounts(
            fakes.in_a[some],
            fakes.in_b[some],
            fakes.variance_a[some],
            fakes.variance_b[some],
            fakes.by_source[:, :, some],
        )
        self._some = some
        self.has_kink = False
        self.model = AddedBins.of(
            b[some][None], a[some][None], signal.of_bins(some), [own], [counts]
        )
        bins = int(np.count_nonzero(some))
        self.names = (
            *self.names,
            *(f"tau[{s}]" for s in range(len(fakes.by_source))),
            *(f"fakes[{i}]" for i in range(bins)),
            *(f"signal[{i}]" for i in range(bins if signal.uncertain else 0)),
        )

    def value(self, v: FloatArray, side: float = 0.0) -> float:
        """Return −2 ln L; there is no kink, so that `side` does not matter."""
        return float(self.model.values(np.asarray(v)[None])[0])

    def derivatives(self, v: FloatArray, side: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Return gradient and Hessian in one go."""
        gradient, hessian = self.model.derivatives(np.asarray(v)[None])
        return gradient[0], hessian[0]

    def free_side(self, null: FloatArray) -> float:
        """Return on which side of zero μ̂ lies, +1 or −1."""
        return 1.0 if self.gradient(null)[0] < 0 else -1.0

    def background(self, v: FloatArray) -> FloatArray:
        """Return the best background of every bin of A, shape (bins,); without fakes."""
        found = np.zeros(self.a.size)
        found[self._some] = self.model._at(np.asarray(v)[None])[0].background(np.ones(1))[0]
        return found


def likelihood_of(
    b: FloatArray,
    a: FloatArray,
    signal: Signal,
    ratio: YieldRatio,
    fakes: FakeCounts | None,
) -> NuisanceLikelihood:
    """Return −2 ln L of one data set, with fakes if there are any."""
    if fakes is None:
        return NuisanceLikelihood(b, a, signal, ratio)
    return AddedLikelihood(b, a, signal, ratio, fakes)


def _contrast(kappa: FloatArray, in_a: FloatArray, in_b: FloatArray) -> FloatArray:
    """Return what one deviation of the contrast moves in A and in B; see `Signal.shift`."""
    none = np.zeros_like(kappa)
    signal = Signal(none, none, none + in_a, none + in_b)
    return np.stack(signal.shift(kappa), axis=1)
