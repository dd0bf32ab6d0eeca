"""−2 ln L of data sets around a point, to second order, each bin's own shift eliminated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eμsym.arrays import FloatArray
from eμsym.limits.bin_profile import bin_profile
from eμsym.limits.model import Expected, Model


@dataclass(frozen=True, eq=False)
class Quadratic:
    """Derivatives of −2 ln L.

    Attributes
    ----------
    gradient : ndarray of float, shape (n, m)
        By v, with ξ going to its best.
    hessian : ndarray of float, shape (n, m, m)
    own : ndarray of float, shape (n, p, bins), or None
        By ξ; None if the signals are exact, as are the others.
    across : ndarray of float, shape (n, m, p, bins), or None
        The second derivatives by v and ξ.
    inverse : ndarray of float, shape (n, p, p, bins), or None
        The inverse of those by ξ: a step dv takes ξ along by −inverse·(own + across·dv).
    """

    gradient: FloatArray
    hessian: FloatArray
    own: FloatArray | None
    across: FloatArray | None
    inverse: FloatArray | None


def quadratic(
    model: Model,
    b: FloatArray,
    a: FloatArray,
    v: FloatArray,
    xi: FloatArray | None,
    centre: FloatArray,
    xi_centre: FloatArray | None,
    *,
    positive: bool = True,
) -> Quadratic:
    """Return the derivatives of −2 ln L at a point, see `Likelihoods`.

    Parameters
    ----------
    model : Model
    b, a : ndarray of float, shape (n, bins)
    v : ndarray of float, shape (n, m)
    xi : ndarray of float, shape (n, p, bins), or None
    centre : ndarray of float, shape (n, k)
    xi_centre : ndarray of float, shape (n, p, bins), or None
    positive : bool
        As for `bin_means`.
    """
    p = model.n_signals
    at = model.expected(v, xi)
    f = bin_profile(a, b, at.s_a, at.s_b, at.kappa, positive=positive)
    d_a, d_b = at.d_a, at.d_b
    by_a, by_b = f.a[:, None], f.b[:, None]
    gradient = (by_a * d_a + by_b * d_b).sum(axis=2)
    modes = np.zeros((v.shape[1], model.b.size))
    modes[p:] = model.modes
    gradient += np.einsum("nb,mb->nm", f.k, modes)
    t_a = f.aa[:, None] * d_a + f.ab[:, None] * d_b + f.ak[:, None] * modes
    t_b = f.ab[:, None] * d_a + f.bb[:, None] * d_b + f.bk[:, None] * modes
    t_k = f.ak[:, None] * d_a + f.bk[:, None] * d_b + f.kk[:, None] * modes
    hessian = np.einsum("nib,njb->nij", d_a, t_a) + np.einsum("nib,njb->nij", d_b, t_b)
    hessian += np.einsum("ib,njb->nij", modes, t_k)
    _curved(hessian, model, v, at, f.a, f.b)
    gradient, hessian = 2 * gradient, 2 * hessian
    gradient[:, p:] += 2 * (v[:, p:] - centre)
    diagonal = np.arange(p, v.shape[1])
    hessian[:, diagonal, diagonal] += 2
    if xi is None or xi_centre is None:
        return Quadratic(gradient, hessian, None, None, None)
    assert model.shift_a is not None
    assert model.shift_b is not None
    one_a, one_b = model.shift_a[None], model.shift_b[None]
    if model.rates is not None:
        factor = model.factors(v[:, p:])
        one_a, one_b = factor * one_a, factor * one_b
    mu = v[:, :p, None]
    x_a, x_b = mu * one_a, mu * one_b
    own = 2 * (by_a * x_a + by_b * x_b) + 2 * (xi - xi_centre)
    across = np.einsum("nmb,njb->nmjb", t_a, x_a) + np.einsum("nmb,njb->nmjb", t_b, x_b)
    by_one = by_a * one_a + by_b * one_b
    signals = np.arange(p)
    across[:, signals, signals] += by_one
    if model.rates is not None:
        across[:, p:] += np.einsum("jkb,njb->nkjb", model.rates, mu * by_one)
    across *= 2
    bend = f.aa[:, None, None] * x_a[:, :, None] * x_a[:, None]
    bend = bend + f.bb[:, None, None] * x_b[:, :, None] * x_b[:, None]
    mixed = x_a[:, :, None] * x_b[:, None]
    bend = bend + f.ab[:, None, None] * (mixed + mixed.swapaxes(1, 2))
    bend = 2 * bend + 2 * np.eye(p)[:, :, None]
    inverse = _inverse(bend)
    reached = np.einsum("nmjb,njib->nmib", across, inverse)
    gradient = gradient - np.einsum("nmib,nib->nm", reached, own)
    hessian = hessian - np.einsum("nmib,nlib->nml", reached, across)
    return Quadratic(gradient, hessian, own, across, inverse)


def _curved(
    hessian: FloatArray,
    model: Model,
    v: FloatArray,
    at: Expected,
    by_a: FloatArray,
    by_b: FloatArray,
) -> None:
    """Add to half the Hessian what the curvature of s in the parameters gives."""
    p = model.n_signals
    theta, mu = v[:, p:], v[:, :p]
    slope_a, slope_b = model.slopes(theta)
    shaped = None
    if slope_a is not None and slope_b is not None:
        one = np.ones((len(v), p, model.b.size))
        factor = one if model.rates is None else model.factors(theta)
        # Σ over A and B of dF/ds times f dh/dθ, (n, p, k, bins).
        shaped = factor[:, :, None] * (
            by_a[:, None, None] * slope_a + by_b[:, None, None] * slope_b
        )
        bend_a, bend_b = model.bends(theta)
        bent = np.einsum(
            "nj,njb,njkb->nk",
            mu,
            factor,
            by_a[:, None, None] * bend_a + by_b[:, None, None] * bend_b,
        )
        each = np.arange(p, v.shape[1])
        hessian[:, each, each] += bent
        crossed = shaped.sum(axis=3)
        hessian[:, :p, p:] += crossed
        hessian[:, p:, :p] += crossed.swapaxes(1, 2)
    if model.rates is None:
        return
    felt = by_a[:, None] * at.of_a + by_b[:, None] * at.of_b  # (n, p, bins)
    crossed = np.einsum("njb,jkb->njk", felt, model.rates)
    hessian[:, :p, p:] += crossed
    hessian[:, p:, :p] += crossed.swapaxes(1, 2)
    scaled = mu[:, :, None] * felt
    for j in range(p):
        rates = model.rates[j]
        hessian[:, p:, p:] += np.einsum("nb,kb,lb->nkl", scaled[:, j], rates, rates)
        if shaped is not None:
            mixed = np.einsum("n,kb,nlb->nkl", mu[:, j], rates, shaped[:, j])
            hessian[:, p:, p:] += mixed + mixed.swapaxes(1, 2)


def _inverse(matrices: FloatArray) -> FloatArray:
    """Return the inverses of symmetric matrices, shape (n, p, p, bins)."""
    if matrices.shape[1] == 1:
        return 1 / matrices
    inverse = np.asarray(np.linalg.inv(np.moveaxis(matrices, 3, 1)), dtype=np.float64)
    return np.moveaxis(inverse, 1, 3)


def solved(bend: FloatArray, slope: FloatArray) -> FloatArray:
    """Return H⁻¹ g, with eigenvalues of H that are not well above zero raised.

    Parameters
    ----------
    bend : ndarray of float, shape (n, k, k)
    slope : ndarray of float, shape (n, k)
    """
    if not slope.shape[1]:
        return slope
    # In these units parameters have curvatures of one.
    size = np.sqrt(np.abs(np.einsum("nii->ni", bend)))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(bend / size[:, :, None] / size[:, None, :])
    values = np.maximum(np.abs(values), 1e-10)
    inner = np.einsum("nij,ni->nj", vectors, slope / size) / values
    return np.asarray(np.einsum("nij,nj->ni", vectors, inner) / size)
