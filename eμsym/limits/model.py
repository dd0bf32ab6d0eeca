"""Regions as one model: the expected signal and the ratio in all their bins, by parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.errors import DataError
from eμsym.limits.added import Added
from eμsym.limits.region import Region


@dataclass(frozen=True, eq=False)
class Expected:
    """What is expected in every bin at some parameters, and its derivatives.

    Attributes
    ----------
    s_a, s_b, kappa : ndarray of float, shape (n, bins)
        Signals and fakes of A and of B, and the ratio of the backgrounds.
    of_a, of_b : ndarray of float, shape (n, p, bins)
        The signals for one unit of each strength.
    d_a, d_b : ndarray of float, shape (n, m, bins)
        Derivatives of s_a and s_b by all parameters.
    """

    s_a: FloatArray
    s_b: FloatArray
    kappa: FloatArray
    of_a: FloatArray
    of_b: FloatArray
    d_a: FloatArray
    d_b: FloatArray


@dataclass(frozen=True, eq=False)
class Model:
    r"""What all regions expect, by parameters v = (μ_1, …, μ_p, θ_1, …, θ_k) and shifts ξ.

    .. math::
        s_i = F_i(θ) + \sum_j μ_j e^{\sum_k θ_k δ_{jki}} \Bigl[ S_{ji} + \sum_k h_{jki}(θ_k)
              + ξ_{ji} σ_{ji} \Bigr], \qquad \ln κ_i = \ln \hat{κ}_i + \sum_k θ_k m_{ki}

    in A and in B, with h of `ShapeVariation`; ξ is what the statistics of a signal's own
    simulation leaves open, as in `Signal.shift`, and F the fakes of `Added`, if any.

    Attributes
    ----------
    names : tuple of str
        Of the nuisances.
    b, a, log_ratio : ndarray of float, shape (bins,)
        The observed counts, and ln κ̂.
    in_a, in_b : ndarray of float, shape (p, bins)
    shift_a, shift_b : ndarray of float, shape (p, bins), or None
        σ; None if all signals are exact.
    modes : ndarray of float, shape (k, bins)
    rates : ndarray of float, shape (p, k, bins), or None
        δ; None if there are none.
    shapes : tuple of four ndarrays of float, shape (p, k, bins), or None
        O in A and B, E in A and B; None if there are none.
    regions : tuple of Region
    added : Added or None
        The fakes; None if there are none.
    """

    names: tuple[str, ...]
    b: FloatArray
    a: FloatArray
    log_ratio: FloatArray
    in_a: FloatArray
    in_b: FloatArray
    shift_a: FloatArray | None
    shift_b: FloatArray | None
    modes: FloatArray
    rates: FloatArray | None
    shapes: tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None
    regions: tuple[Region, ...]
    added: Added | None = None

    @classmethod
    def of(cls, regions: Sequence[Region]) -> Model:
        """Join regions; a nuisance that has one name in several of them is one.

        Raises
        ------
        DataError
            If there is none, two have one name, they are of different numbers of signals, or
            no bin has any signal.
        """
        regions = tuple(regions)
        if not regions:
            raise DataError("there is no region to fit")
        names = [region.name for region in regions]
        if len(set(names)) < len(names):
            raise DataError(f"two regions have one name: {', '.join(names)}")
        n_signals = {len(region.signals) for region in regions}
        if len(n_signals) > 1:
            raise DataError(f"the regions are of {sorted(n_signals)} signals; give each the same")
        p, known = n_signals.pop(), _nuisances(regions)
        place = {name: k for k, name in enumerate(known)}
        sizes = [region.b.size for region in regions]
        ends = np.cumsum([0, *sizes])
        modes = np.zeros((len(known), ends[-1]))
        rates, shapes = np.zeros((p, *modes.shape)), np.zeros((4, p, *modes.shape))
        for region, low, high in zip(regions, ends[:-1], ends[1:], strict=True):
            for name, mode in zip(region.ratio_names, region.ratio.modes, strict=True):
                modes[place[name], low:high] += mode
            for name, log_errors in region.normalisations.items():
                rates[:, place[name], low:high] += np.array(log_errors)[:, None]
            for name, variations in region.shapes.items():
                for j, variation in enumerate(variations):
                    if variation is not None:
                        signal = region.signals[j]
                        parts = (*variation.odd(), *variation.even(signal))
                        shapes[:, j, place[name], low:high] += parts
        in_a, in_b = (
            np.stack([np.concatenate([_part(r, j, name) for r in regions]) for j in range(p)])
            for name in ("in_a", "in_b")
        )
        for j in range(p):
            if not (in_a[j] + in_b[j]).sum() > 0:
                raise DataError("signal: none of it is in the bins; there is nothing to limit")
        shift_a, shift_b = _shifts(regions, p)
        return cls(
            names=tuple(known),
            b=np.concatenate([region.b for region in regions]),
            a=np.concatenate([region.a for region in regions]),
            log_ratio=np.concatenate([region.ratio.log_ratio for region in regions]),
            in_a=in_a,
            in_b=in_b,
            shift_a=shift_a,
            shift_b=shift_b,
            modes=modes,
            rates=rates if rates.any() else None,
            shapes=(shapes[0], shapes[1], shapes[2], shapes[3]) if shapes.any() else None,
            regions=regions,
            added=_added(regions, known),
        )

    @property
    def n_signals(self) -> int:
        """The number of strengths, p."""
        return len(self.in_a)

    @property
    def n_parameters(self) -> int:
        """The number of strengths and nuisances, m."""
        return len(self.in_a) + len(self.names)

    def expected(self, v: FloatArray, xi: FloatArray | None) -> Expected:
        """Return what is expected, shapes as of `Expected`.

        Parameters
        ----------
        v : ndarray of float, shape (n, m)
        xi : ndarray of float, shape (n, p, bins), or None
            None if the signals are exact.
        """
        p = self.n_signals
        mu, theta = v[:, :p, None], v[:, p:]
        of_a, of_b = self._shapes_at(theta, xi)
        kappa = np.exp(self.log_ratio + np.einsum("nk,kb->nb", theta, self.modes))
        slope_a, slope_b = self.slopes(theta)
        if self.rates is not None:
            factor = self.factors(theta)
            of_a, of_b = of_a * factor, of_b * factor
        d_a, d_b = np.zeros((2, len(v), v.shape[1], self.b.size))
        d_a[:, :p], d_b[:, :p] = of_a, of_b
        if self.rates is not None:
            d_a[:, p:] += np.einsum("nj,njb,jkb->nkb", v[:, :p], of_a, self.rates)
            d_b[:, p:] += np.einsum("nj,njb,jkb->nkb", v[:, :p], of_b, self.rates)
        if slope_a is not None and slope_b is not None:
            scaled = mu if self.rates is None else mu * factor
            d_a[:, p:] += np.einsum("njb,njkb->nkb", np.broadcast_to(scaled, of_a.shape), slope_a)
            d_b[:, p:] += np.einsum("njb,njkb->nkb", np.broadcast_to(scaled, of_b.shape), slope_b)
        s_a, s_b = (mu * of_a).sum(axis=1), (mu * of_b).sum(axis=1)
        if self.added is not None:
            more_a, more_b = self.added.at(v[:, p:])
            s_a, s_b = s_a + more_a, s_b + more_b
            d_a[:, p:] += self.added.slopes_a
            d_b[:, p:] += self.added.slopes_b
        return Expected(s_a, s_b, kappa, of_a, of_b, d_a, d_b)

    def signal_and_ratio(
        self, v: FloatArray, xi: FloatArray | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return s_a, s_b and κ alone, each of shape (n, bins)."""
        p = self.n_signals
        theta = v[:, p:]
        of_a, of_b = self._shapes_at(theta, xi)
        mu = v[:, :p, None]
        if self.rates is not None:
            mu = mu * self.factors(theta)
        kappa = np.exp(self.log_ratio + np.einsum("nk,kb->nb", theta, self.modes))
        s_a, s_b = (mu * of_a).sum(axis=1), (mu * of_b).sum(axis=1)
        if self.added is not None:
            more_a, more_b = self.added.at(theta)
            s_a, s_b = s_a + more_a, s_b + more_b
        return s_a, s_b, kappa

    def factors(self, theta: FloatArray) -> FloatArray:
        """Return by what the normalisations scale each signal, shape (n, p, bins)."""
        assert self.rates is not None
        return np.asarray(np.exp(np.einsum("nk,jkb->njb", theta, self.rates)))

    def slopes(self, theta: FloatArray) -> tuple[FloatArray | None, FloatArray | None]:
        """Return dh/dθ in A and in B, shape (n, p, k, bins); None without shape variations."""
        if self.shapes is None:
            return None, None
        odd_a, odd_b, even_a, even_b = self.shapes
        turn = _even_part(theta)[1][:, None, :, None]
        return odd_a + turn * even_a, odd_b + turn * even_b

    def bends(self, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return d²h/dθ² in A and in B, shape (n, p, k, bins)."""
        assert self.shapes is not None
        bend = _even_part(theta)[2][:, None, :, None]
        return bend * self.shapes[2], bend * self.shapes[3]

    def _shapes_at(self, theta: FloatArray, xi: FloatArray | None) -> tuple[FloatArray, FloatArray]:
        """Return the signals before normalisations, each of shape (n or 1, p, bins)."""
        of_a, of_b = self.in_a[None], self.in_b[None]
        if self.shapes is not None:
            odd_a, odd_b, even_a, even_b = self.shapes
            even = _even_part(theta)[0]
            of_a = of_a + np.einsum("nk,jkb->njb", theta, odd_a)
            of_a = of_a + np.einsum("nk,jkb->njb", even, even_a)
            of_b = of_b + np.einsum("nk,jkb->njb", theta, odd_b)
            of_b = of_b + np.einsum("nk,jkb->njb", even, even_b)
        if xi is not None and self.shift_a is not None and self.shift_b is not None:
            of_a, of_b = of_a + xi * self.shift_a, of_b + xi * self.shift_b
        return of_a, of_b


def _nuisances(regions: Sequence[Region]) -> list[str]:
    """Return the names of all nuisances, in the order in which they come."""
    every = [
        name
        for region in regions
        for name in (
            *region.ratio_names,
            *region.normalisations,
            *region.shapes,
            *region.fake_names,
        )
    ]
    return list(dict.fromkeys(every))


def _added(regions: Sequence[Region], names: Sequence[str]) -> Added | None:
    """Return the fakes of all regions, by the nuisances of a model."""
    if not any(region.fakes for region in regions):
        return None
    ends = np.cumsum([0, *(region.b.size for region in regions)])
    found = Added(*np.zeros((2, ends[-1])), *np.zeros((2, len(names), ends[-1])))
    for region, low, high in zip(regions, ends[:-1], ends[1:], strict=True):
        if region.fakes is None:
            continue
        found.in_a[low:high], found.in_b[low:high] = region.fakes.in_a, region.fakes.in_b
        for name, (of_a, of_b) in region.added.items():
            found.slopes_a[names.index(name), low:high] += of_a
            found.slopes_b[names.index(name), low:high] += of_b
    return found


def _part(region: Region, j: int, name: str) -> FloatArray:
    return np.asarray(getattr(region.signals[j], name), dtype=np.float64)


def _shifts(regions: Sequence[Region], p: int) -> tuple[FloatArray | None, FloatArray | None]:
    if not any(signal.uncertain for region in regions for signal in region.signals):
        return None, None
    shifts = [[region.signals[j].shift(region.ratio.ratio) for region in regions] for j in range(p)]
    a, b = (
        np.stack([np.concatenate([each[side] for each in of_one]) for of_one in shifts])
        for side in (0, 1)
    )
    return a, b


def _even_part(theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return what multiplies E in `ShapeVariation`, and its first two derivatives."""
    within = np.abs(theta) < 1
    x = np.where(within, theta, 0.0)
    value = np.where(within, (3 * x**6 - 10 * x**4 + 15 * x**2) / 8, np.abs(theta))
    slope = np.where(within, (18 * x**5 - 40 * x**3 + 30 * x) / 8, np.sign(theta))
    return value, slope, np.where(within, (90 * x**4 - 120 * x**2 + 30) / 8, 0.0)
