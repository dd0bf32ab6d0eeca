"""The profile-likelihood fit behind q0 with MINUIT: covariance, MINOS interval and scan of μ.

It is the slow way to q0, there to be compared with the fast one and to show the
whole likelihood. Needs iminuit 2.32, the first that takes a Hessian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from iminuit import Minuit
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.binned.merging import MergedBins
from eμsym.binned.q0_added import likelihood_of
from eμsym.binned.q0_input import (
    Background,
    check_choice,
    check_populated,
    checked_ratio,
    fit_input,
    is_signal_pair,
    is_sparse,
)
from eμsym.binned.q0_interval import profile_interval
from eμsym.binned.q0_objective import BinsObjective, KnownObjective, Objective
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.distributions import SignedChiSquared
from eμsym.errors import ConfigurationError
from eμsym.fakes import FakeCounts
from eμsym.files import json_number
from eμsym.minuit import migrad_to_the_end, quiet
from eμsym.shown import Shown

Profile = Literal["mu", "bins"]

#: MIGRAD goes on until μ moves by less than this in units of its error.
SETTLED = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class ProfileFit(Shown):
    """Result of `profile_fit`.

    Attributes
    ----------
    q0, z, mu, mu_error : float
        As in `Q0`; the error is from `covariance`.
    interval : tuple of float
        The interval of μ, where −2 ln λ rises by one: its lower and upper end, by
        MINOS, or by a search along the profile where μ̂ stands on a boundary or a
        kink. NaN where MINOS was not asked for, or −2 ln λ does not rise by one; the
        physical boundary if that comes first.
    names : tuple of str
        The parameters that MINUIT fitted: "mu", then with ``profile="bins"``
        one "b[i, j]" for each bin with signal and with entries in A and in B.
    values : ndarray of float, shape (parameters,)
        Their best values.
    covariance : ndarray of float, shape (parameters, parameters)
        Their covariance matrix, the inverse Hessian of −ln L; NaN on a boundary
        or a kink.
    background : ndarray of float, shape (*bins)
        The background at μ̂: b̂ of each bin, or T if it is known.
    scan_mu, scan : ndarray of float, shape (scan_size,)
        Signal strengths and −2 ln λ(μ) there, with the background at its best
        for each.
    valid : bool
        Whether MIGRAD says that it converged.
    n_calls : int
        How often the likelihood was computed until the minimum was found.
    sparse, bins
        As in `Q0`.
    """

    q0: float
    z: float
    mu: float
    mu_error: float
    interval: tuple[float, float]
    names: tuple[str, ...]
    values: FloatArray
    covariance: FloatArray
    background: FloatArray
    scan_mu: FloatArray
    scan: FloatArray
    valid: bool
    n_calls: int
    sparse: bool = False
    bins: MergedBins | None = None

    @property
    def statistic(self) -> float:
        """The test statistic, the signed q0."""
        return self.q0

    @property
    def reference(self) -> SignedChiSquared:
        """What q0 follows under the symmetry: its signed root, `z`, is N(0,1)."""
        return SignedChiSquared()

    @property
    def pvalue(self) -> float:
        """One-sided p-value of a signal, of μ > 0."""
        return self.reference.pvalue(self.q0)

    def to_dict(self) -> dict[str, Any]:
        """Return the fit without its matrix and background, for JSON; NaN becomes None."""
        numbers = {
            "q0": self.q0,
            "z": self.z,
            "pvalue": self.pvalue,
            "mu": self.mu,
            "mu_error": self.mu_error,
            "mu_low": self.interval[0],
            "mu_high": self.interval[1],
        }
        merged = {} if self.bins is None else {"bins": self.bins.to_dict()}
        return {key: json_number(x) for key, x in numbers.items()} | {
            "sparse": self.sparse,
            **merged,
            "n_parameters": len(self.names),
            "scan_mu": [json_number(x) for x in self.scan_mu.tolist()],
            "scan": [json_number(x) for x in self.scan.tolist()],
            "valid": self.valid,
            "n_calls": self.n_calls,
        }


def profile_fit(
    b: Any,
    reference: Any,
    signal: Any,
    *,
    background: Background,
    profile: Profile = "mu",
    minos: bool = True,
    scan_size: int = 41,
    scan_sigmas: float = 3.0,
    ratio: YieldRatio | ArrayLike | None = None,
    fakes: FakeCounts | None = None,
) -> ProfileFit:
    """Fit the signal strength with MINUIT, and the background with it if asked.

    The likelihoods are those of `q0`, minimised as −2 ln of their ratio to the
    saturated model, with exact gradients and Hessians.

    Parameters
    ----------
    b, reference, signal : array_like or histogram
        As for `q0`.
    background : {"known", "profiled"}
    profile : {"mu", "bins"}
        "mu" gives MINUIT one parameter, and each bin its best background in
        closed form. "bins" makes the background of every bin a parameter; those
        without signal do not touch μ, and those empty in A or in B can have
        their optimum at zero, where no covariance exists: they stay in closed form.
    minos : bool
        Whether to find the MINOS interval.
    scan_size : int
        Number of points of the profile scan; 0 for none.
    scan_sigmas : float
        Half-width of the scan in errors of μ̂; it ends at the physical boundary.
    ratio : YieldRatio or array_like, optional
        As for `q0`. Its nuisances are parameters of MINUIT, "nu[k]"; the
        backgrounds are not (``profile="mu"``).
    fakes : FakeCounts, optional
        What both samples have besides, in flat bins, with ``profile="mu"``; its nuisances
        are "tau[k]" of each source and "fakes[i]" of each bin's statistics.

    Returns
    -------
    ProfileFit

    Raises
    ------
    DataError
        As for `q0`.
    ConfigurationError
        If an option is none of those named, a size of the scan is negative, or a
        ratio or a signal in both samples goes with a known background or with
        ``profile="bins"``.
    """
    check_choice("background", background, ("known", "profiled"))
    check_choice("profile", profile, ("mu", "bins"))
    if scan_size < 0 or not scan_sigmas > 0:
        raise ConfigurationError("scan_size and scan_sigmas: a scan needs positive sizes")
    given = b, reference, signal, background, profile, ratio, fakes
    objective, shape, sparse = _objective(*given)
    search = _Search(objective)
    minuit = search.minimum()
    if minuit is None:
        values, calls, valid = objective.start(search.rest or 0.0), 0, True
        covariance = np.full((values.size, values.size), np.nan)
    else:
        values, calls, valid = np.array(minuit.values), int(minuit.nfcn), bool(minuit.valid)
        covariance = _covariance(objective, values)
    mu = float(values[0]) + 0.0
    mu_error = float(np.sqrt(covariance[0, 0]))
    lowest = objective.value(values)
    size = max(0.0, search.at_zero() - lowest)
    sign = -1.0 if mu < 0 else 1.0
    width = mu_error if np.isfinite(mu_error) else float(objective.steps(values)[0])
    interval = np.nan, np.nan
    if minos and valid:
        interval = _interval(objective, minuit, mu, width)
    first, last = mu - scan_sigmas * width, mu + scan_sigmas * width
    scan_mu = np.linspace(max(objective.low, first), last, scan_size)
    return ProfileFit(
        q0=sign * size,
        z=sign * float(np.sqrt(size)),
        mu=mu,
        mu_error=mu_error,
        interval=interval,
        names=("mu", *objective.names),
        values=values,
        covariance=covariance,
        background=objective.background(values).reshape(shape),
        scan_mu=scan_mu,
        scan=_scan(objective, minuit, scan_mu, lowest),
        valid=valid,
        n_calls=calls,
        sparse=sparse,
    )


def _objective(
    b: Any,
    reference: Any,
    signal: Any,
    background: Background,
    profile: Profile,
    ratio: YieldRatio | ArrayLike | None,
    fakes: FakeCounts | None,
) -> tuple[Objective, tuple[int, ...], bool]:
    """Return what MINUIT minimises, the shape of the bins, and whether they are sparse."""
    counts, other, shapes = fit_input(b, reference, signal, background)
    shape = counts.shape
    kappa = checked_ratio(ratio, shape, background)
    counts, other, shapes = counts.ravel(), other.ravel(), shapes.ravel()
    if background == "known":
        check_populated(counts, other, shapes.in_b)
        return KnownObjective(counts, other, shapes.in_b), shape, False
    sparse = is_sparse(counts, other, shapes)
    if profile == "mu":
        return likelihood_of(counts, other, shapes, kappa, fakes), shape, sparse
    if ratio is not None or fakes is not None or is_signal_pair(signal):
        raise ConfigurationError(
            "profile 'bins' is of equal yields and a signal in B; "
            "with a ratio or a signal in both choose 'mu'"
        )
    names = [f"b[{', '.join(str(i) for i in index)}]" for index in np.ndindex(*shape)]
    return BinsObjective(counts, other, shapes.in_b, names), shape, sparse


class _Search:
    """The search for the minimum of an objective, on one side of a kink if there is one.

    MINUIT meets no kink on its way to the minimum, whose side is known: that side's
    straight lines go on beyond zero. Once it is found, every μ has its own.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.rest, self.side = objective.rest()

    def minimum(self) -> Minuit | None:
        """Return MINUIT at the minimum, or None if there is no need of it."""
        if self.rest is not None:
            return None
        minuit = self._migrad(self.objective.start(self.objective.first_mu))
        self.side = 0.0
        return minuit

    def at_zero(self) -> float:
        """Return the objective at μ = 0, minimised over the other parameters."""
        start = self.objective.start(0.0)
        if self.rest is None and not self.objective.start_is_best:
            start = np.array(self._migrad(start, hold_mu=True).values)
        return self.objective.value(start)

    def _migrad(self, start: FloatArray, *, hold_mu: bool = False) -> Minuit:
        objective = self.objective
        return migrad_to_the_end(
            lambda v: objective.value(v, self.side),
            lambda v: objective.gradient(v, self.side),
            lambda v: objective.hessian(v, self.side),
            start,
            steps=objective.steps(start),
            errordef=Minuit.LEAST_SQUARES,
            settled=SETTLED,
            watched=1,
            names=("mu", *objective.names),
            low=objective.low,
            hold_first=hold_mu,
        )


def _covariance(objective: Objective, values: FloatArray) -> FloatArray:
    """Return the inverse of half the Hessian, NaN if it has none: HESSE without its differences."""
    hessian = objective.hessian(values)
    if not hessian[0, 0] > 0:
        return np.full(hessian.shape, np.nan)
    return np.asarray(np.linalg.inv(hessian / 2))


def _interval(
    objective: Objective, minuit: Minuit | None, mu: float, width: float
) -> tuple[float, float]:
    """Return the interval by MINOS; by a search along the profile what MINOS does not find."""
    below = above = np.nan
    if minuit is not None:
        below, above = _minos(minuit)
        if np.isfinite(objective.low):
            below = np.nan  # it may end at the boundary, of which MINOS knows nothing
    if np.isnan(below) or np.isnan(above):
        found = profile_interval(objective.profiled, mu, width, low=objective.low)
        below = found[0] if np.isnan(below) else below
        above = found[1] if np.isnan(above) else above
    return below, above


def _minos(minuit: Minuit) -> tuple[float, float]:
    """Return both ends by MINOS, NaN where it finds none."""
    try:
        with quiet(minuit):
            minuit.minos("mu")
    except RuntimeError:
        return np.nan, np.nan
    error, mu = minuit.merrors["mu"], float(minuit.values["mu"])
    below = mu + error.lower if error.lower_valid else np.nan
    above = mu + error.upper if error.upper_valid else np.nan
    return below, above


def _scan(
    objective: Objective, minuit: Minuit | None, points: FloatArray, lowest: float
) -> FloatArray:
    """Return −2 ln λ at the points, the free backgrounds fitted again for each."""
    if points.size == 0:
        return np.zeros(0)
    if minuit is None or objective.start_is_best:
        return np.array([objective.value(objective.start(mu)) for mu in points]) - lowest
    with quiet(minuit):
        return np.asarray(minuit.mnprofile("mu", grid=points)[1] - minuit.fval)
