r"""What q0 is expected to give at a luminosity that simulation is scaled to.

With the yields A and B of a pair without signal, their expected ratio κ = E[B]/E[A], and
the signal S in both samples, the Asimov data of every bin are

.. math::
    \hat{A}_i = b_i + S^A_i, \qquad \hat{B}_i = κ_i b_i + S^B_i, \qquad
    b_i = \tfrac12 (A_i + B_i/κ_i)

and :math:`Z^2 = -2 \ln L(0)/L(\hat{μ})` of q0 with the background profiled (DDP Eq. 4 and
9, arXiv:2203.07529; Cowan et al., arXiv:1007.1727, section 3.2). The best fit is the data
themselves, so that Z² is the deviance D of the fit without signal, whose means are E:

.. math::
    \frac{∂D}{∂\hat{A}_i} = 2 \ln \frac{\hat{A}_i}{E^A_i}, \qquad
    \frac{∂D}{∂\hat{B}_i} = 2 \ln \frac{\hat{B}_i}{E^B_i}

since E is at its best. With Σw² of the simulated events they give the error of Z.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import Signal, as_counts, checked_ratio
from eμsym.binned.q0_nuisances import NuisanceLikelihood
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.counts import check_same_binning, counts_and_variances
from eμsym.errors import DataError
from eμsym.files import json_number
from eμsym.shown import Shown

#: A significance below this is rounding: the signal is in both samples as the backgrounds are.
_LEVEL = 1e-7


@dataclass(frozen=True, repr=False)
class Expected(Shown):
    """What q0 with the background profiled is expected to give, from simulation.

    Attributes
    ----------
    z : float
        Z of the Asimov data with the expected signal: the median Z of experiments.
    z_error : float
        Its standard error from the statistics of the simulation. NaN where `z` is zero.
    z_unbiased : float
        The same without what the simulation's scatter adds to Z² on average, to second
        order: with few simulated signal events a bin `z` is too large. Zero if the scatter
        is all there is.
    mu : float
        The expected events of signal, of both samples.
    mu_error_at_null : float
        The error that a fit of μ is expected to have without signal, in events. Infinite
        if the signal is in both samples as the backgrounds are.
    luminosity_ifb : float or None
        The integrated luminosity that all of it is for, fb⁻¹, as it was given.
    """

    z: float
    z_error: float
    z_unbiased: float
    mu: float
    mu_error_at_null: float
    luminosity_ifb: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON; NaN becomes None, infinity "inf"."""
        return {k: None if x is None else json_number(x) for k, x in asdict(self).items()}


def expected_significance(
    a: ArrayLike,
    b: ArrayLike,
    signal_a: ArrayLike,
    signal_b: ArrayLike,
    *,
    variances: tuple[ArrayLike, ArrayLike],
    signal_variances: tuple[ArrayLike, ArrayLike],
    ratio: YieldRatio | ArrayLike | None = None,
    luminosity_ifb: float | None = None,
) -> Expected:
    """Return the expected Z of q0 for weighted samples, with the simulation's error.

    Parameters
    ----------
    a, b : array_like, shape (*bins)
        Yields of both samples without signal, scaled to one luminosity. They may be
        negative where weights are, as long as their mean b is above zero where there is
        signal; a bin without either is left out.
    signal_a, signal_b : array_like, shape (*bins)
        The expected yields of the signal in A and in B at that luminosity, in events.
    variances : tuple of two array_like, shape (*bins)
        Σw² of the simulated events behind `a` and `b`.
    signal_variances : tuple of two array_like, shape (*bins)
        The same of `signal_a` and `signal_b`. All four are taken to be independent.
    ratio : YieldRatio or array_like, optional
        The expected κ = E[B]/E[A] of every bin without signal, as for `q0`: what is
        uncertain in a `YieldRatio` is profiled. Default: 1.
    luminosity_ifb : float, optional
        That luminosity, kept with the result.

    Returns
    -------
    Expected

    Raises
    ------
    DataError
        If shapes differ, a number is not finite, a variance or a signal is negative, all of
        the signal is zero, a bin with signal has no background above zero, or a ratio is not
        above zero.

    Notes
    -----
    The error is of first order in the fluctuations of the simulation, `z_unbiased` of second.
    A few effective events of signal a bin are enough for both; bins that are thinner are to
    be merged before.

    Examples
    --------
    >>> found = expected_significance(
    ...     [100, 100], [100, 100], [0, 0], [44, 0],
    ...     variances=([10, 10], [10, 10]), signal_variances=([0, 0], [4.4, 0]),
    ... )
    >>> round(found.z, 3), round(found.z_error, 3), round(found.mu_error_at_null, 3)
    (2.825, 0.126, 14.142)
    """
    yield_a, spread_a = counts_and_variances(a, variances[0], name="A")
    yield_b, spread_b = counts_and_variances(b, variances[1], name="B")
    extra_a, spread_sa = counts_and_variances(signal_a, signal_variances[0], name="S in A")
    extra_b, spread_sb = counts_and_variances(signal_b, signal_variances[1], name="S in B")
    for other in (yield_b, extra_a, extra_b):
        check_same_binning(yield_a, other)
    as_counts(extra_a, "S in A")
    as_counts(extra_b, "S in B")
    kappa = checked_ratio(ratio, yield_a.shape, "profiled")

    background = (yield_a.ravel() + yield_b.ravel() / kappa.ratio) / 2
    used = background > 0
    lacking = ~used & (extra_a.ravel() + extra_b.ravel() > 0)
    if lacking.any():
        raise DataError(
            f"in {int(lacking.sum())} of the bins with signal the expected background is not above "
            f"zero (the smallest: {background[lacking].min():g}); merge bins, or simulate more"
        )
    background = background[used]
    in_a, in_b = extra_a.ravel()[used], extra_b.ravel()[used]
    signal = Signal.normalised((in_a, in_b))
    kappa = YieldRatio(kappa.log_ratio[used], kappa.modes[:, used])

    data_a, data_b = background + in_a, kappa.ratio * background + in_b
    of_background = (spread_a.ravel()[used] + spread_b.ravel()[used] / kappa.ratio**2) / 4
    spreads = np.stack([of_background, spread_sa.ravel()[used], spread_sb.ravel()[used]])
    likelihood = NuisanceLikelihood(data_b, data_a, signal, kappa)
    null = likelihood.start(0.0)
    z = float(np.sqrt(likelihood.value(null)))
    mu = float(in_a.sum() + in_b.sum())
    if z < _LEVEL:
        return Expected(0.0, float("nan"), 0.0, mu, float("inf"), luminosity_ifb)
    slopes, bends = _derivatives(data_a, data_b, kappa, likelihood.background(null), null[1:])
    without = NuisanceLikelihood(kappa.ratio * background, background, signal, kappa)
    return Expected(
        z=z,
        z_error=float(np.sqrt(np.sum(slopes**2 * spreads))) / (2 * z),
        z_unbiased=float(np.sqrt(max(0.0, z**2 - np.sum(bends * spreads) / 2))),
        mu=mu,
        mu_error_at_null=without.mu_error(np.zeros_like(null)),
        luminosity_ifb=luminosity_ifb,
    )


def _derivatives(
    a: FloatArray, b: FloatArray, kappa: YieldRatio, mean_a: FloatArray, nu: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the first and second derivatives of D by b, S_A and S_B of every bin.

    Parameters
    ----------
    a, b : ndarray of float, shape (bins,)
        The Asimov data.
    kappa : YieldRatio
        Of flat bins.
    mean_a : ndarray of float, shape (bins,)
        The expectation of A in the fit without signal.
    nu : ndarray of float, shape (k,)
        The ratio's nuisances in that fit.

    Returns
    -------
    slopes, bends : ndarray of float, shape (3, bins)
        Each by b, S_A and S_B; no mixed ones, for they fluctuate independently.
    """
    k, fitted = kappa.ratio, np.exp(kappa.log_ratio + nu @ kappa.modes)
    mean_b, total = fitted * mean_a, a + b
    by_a = 2 * np.log1p((a - mean_a) / mean_a)
    by_b = 2 * np.log1p((b - mean_b) / mean_b)
    slopes = np.stack([by_a + k * by_b, by_a, by_b])
    # The share of B in the fit; ln E_A and ln E_B change by −share and 1 − share with ln κ.
    share = fitted / (1 + fitted)
    by_log = np.stack([share - k * (1 - share), share, share - 1])
    fisher = np.eye(len(nu)) + (kappa.modes * total * share * (1 - share)) @ kappa.modes.T
    response = np.sum(kappa.modes * np.linalg.solve(fisher, kappa.modes), axis=0)
    direct = np.stack(
        [1 / a + k**2 / b - (1 + k) ** 2 / total, 1 / a - 1 / total, 1 / b - 1 / total]
    )
    return slopes, 2 * (direct - by_log**2 * response)
