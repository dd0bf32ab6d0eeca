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
from scipy.stats import norm

from eμsym.binned.q0 import Background
from eμsym.binned.q0_input import check_choice, check_populated, fit_input, json_number
from eμsym.binned.q0_minuit_objective import Objective
from eμsym.binned.q0_minuit_ratio import RatioObjective
from eμsym.binned.q0_ratio import checked_ratio
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.counts import FloatArray
from eμsym.errors import ConfigurationError

Profile = Literal["mu", "bins"]

#: MIGRAD stops at an estimated distance to the minimum of 0.002 times this.
TOLERANCE = 1e-8

#: Most times that MIGRAD goes on from where it stopped.
REPEATS = 5


@dataclass(frozen=True, eq=False)
class ProfileFit:
    """Result of `profile_fit`.

    Attributes
    ----------
    q0, z, mu, mu_error : float
        As in `Q0`; the error is from `covariance`.
    interval : tuple of float
        The MINOS interval of μ, where −2 ln λ rises by one: its lower and upper
        end. NaN where MINOS was not asked for or found none, and where μ̂ stands
        on a boundary or a kink; the physical boundary if that comes first.
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

    @property
    def statistic(self) -> float:
        """The test statistic, the signed q0."""
        return self.q0

    @property
    def pvalue(self) -> float:
        """One-sided p-value of an excess in B, from N(0,1)."""
        return float(norm.sf(self.z))

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
        return {key: json_number(x) for key, x in numbers.items()} | {
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

    Returns
    -------
    ProfileFit

    Raises
    ------
    DataError
        As for `q0`.
    ConfigurationError
        If an option is none of those named, a size of the scan is negative, or a
        ratio goes with a known background or with ``profile="bins"``.
    """
    check_choice("background", background, ("known", "profiled"))
    check_choice("profile", profile, ("mu", "bins"))
    if scan_size < 0 or not scan_sigmas > 0:
        raise ConfigurationError("scan_size and scan_sigmas: a scan needs positive sizes")
    counts, other, shape = fit_input(b, reference, signal, background)
    known = background == "known"
    flat_b, flat_other, s = counts.ravel(), other.ravel(), shape.ravel()
    if known:
        check_populated(flat_b, flat_other, s)
    objective: Objective | RatioObjective
    if ratio is not None:
        if profile == "bins":
            raise ConfigurationError("profile 'bins' is of equal yields; with a ratio choose 'mu'")
        objective = RatioObjective(
            flat_b, flat_other, s, checked_ratio(ratio, shape.shape, background)
        )
        names = objective.names
    else:
        free = np.zeros(s.size, dtype=bool)
        if profile == "bins" and not known:
            free = (s > 0) & (flat_b > 0) & (flat_other > 0)
        objective = Objective(flat_b, flat_other, s, free=free, known=known)
        names = tuple(_bin_name(i, shape.shape) for i in np.flatnonzero(free).tolist())
    minuit, calls = _minimum(objective, names)
    if minuit is None:
        values = objective.start(objective.resting_point or 0.0)
        covariance = np.full((values.size, values.size), np.nan)
        valid, interval = True, (np.nan, np.nan)
    else:
        values = np.array(minuit.values)
        valid = bool(minuit.valid)
        covariance = _covariance(objective, values)
        interval = _minos(objective, minuit) if minos and valid else (np.nan, np.nan)
    mu = float(values[0]) + 0.0
    mu_error = float(np.sqrt(covariance[0, 0]))
    size = max(0.0, _at_zero(objective, minuit) - objective.value(values))
    sign = -1.0 if mu < 0 else 1.0
    scan_mu = _scan_points(mu, mu_error, objective, scan_size, scan_sigmas)
    return ProfileFit(
        q0=sign * size,
        z=sign * float(np.sqrt(size)),
        mu=mu,
        mu_error=mu_error,
        interval=interval,
        names=("mu", *names),
        values=values,
        covariance=covariance,
        background=objective.background(values).reshape(shape.shape),
        scan_mu=scan_mu,
        scan=_scan(objective, minuit, scan_mu, objective.value(values)),
        valid=valid,
        n_calls=calls,
    )


def _bin_name(flat: int, shape: tuple[int, ...]) -> str:
    return f"b[{', '.join(str(i) for i in np.unravel_index(flat, shape))}]"


def _make(
    objective: Objective | RatioObjective, start: FloatArray, names: tuple[str, ...]
) -> Minuit:
    minuit = Minuit(
        objective.value,
        start,
        grad=objective.gradient,
        # Of one parameter the curvature can vanish, and MINUIT then falls back on g2.
        g2=None if names else lambda values: objective.hessian(values)[0],
        hessian=objective.hessian if names else None,
        name=("mu", *names),
    )
    minuit.tol = TOLERANCE
    minuit.errors = objective.errors(start)
    if np.isfinite(objective.low):
        minuit.limits["mu"] = (objective.low, None)
    return minuit


def _minimum(
    objective: Objective | RatioObjective, names: tuple[str, ...]
) -> tuple[Minuit | None, int]:
    """Return MINUIT at the minimum, or None if there is no need of it, and its calls."""
    if objective.resting_point is not None:
        return None, 0
    # From the boundary itself MINUIT sees no slope; zero is the natural start.
    mu = 0.0 if objective.low < 0 else float(objective.b.sum()) / 2
    minuit = _migrad(objective, mu, names)
    objective.side = 0.0
    return minuit, int(minuit.nfcn)


def _covariance(objective: Objective | RatioObjective, values: FloatArray) -> FloatArray:
    """Return the inverse of half the Hessian, NaN if it has none: HESSE without its differences."""
    hessian = objective.hessian(values)
    if not hessian[0, 0] > 0:
        return np.full(hessian.shape, np.nan)
    return np.asarray(np.linalg.inv(hessian / 2))


def _migrad(objective: Objective | RatioObjective, mu: float, names: tuple[str, ...]) -> Minuit:
    minuit = _make(objective, objective.start(mu), names)
    for _ in range(REPEATS):
        if minuit.fmin is not None:
            # MINUIT stopped at the digits that it thinks the value can tell apart.
            # From a value of zero it goes on to where the gradient vanishes.
            objective.offset += minuit.fval
        before = minuit.values[0]
        minuit.migrad()
        if abs(minuit.values[0] - before) <= 1e-9 * minuit.errors[0]:
            break
    return minuit


def _at_zero(objective: Objective | RatioObjective, minuit: Minuit | None) -> float:
    """Return the objective at μ = 0, minimised over the free backgrounds."""
    start = objective.start(0.0)
    if minuit is None or objective.start_is_best:
        return objective.value(start)
    fixed = _make(objective, start, minuit.parameters[1:])
    fixed.fixed["mu"] = True
    fixed.migrad()
    return float(fixed.fval)


def _minos(objective: Objective | RatioObjective, minuit: Minuit) -> tuple[float, float]:
    try:
        minuit.minos("mu")
    except RuntimeError:
        return np.nan, np.nan
    error, mu = minuit.merrors["mu"], float(minuit.values["mu"])
    below = mu + error.lower if error.lower_valid else np.nan
    above = mu + error.upper if error.upper_valid else np.nan
    if np.isfinite(objective.low):
        at_boundary = objective.value(objective.start(objective.low))
        if at_boundary - minuit.fval <= 1:
            below = objective.low
    return below, above


def _scan_points(
    mu: float, mu_error: float, objective: Objective | RatioObjective, size: int, sigmas: float
) -> FloatArray:
    width = mu_error if np.isfinite(mu_error) else np.sqrt(objective.b.sum() + 1)
    return np.linspace(max(objective.low, mu - sigmas * width), mu + sigmas * width, size)


def _scan(
    objective: Objective | RatioObjective, minuit: Minuit | None, points: FloatArray, lowest: float
) -> FloatArray:
    """Return −2 ln λ at the points, the free backgrounds fitted again for each."""
    if points.size == 0:
        return np.zeros(0)
    if minuit is None or objective.start_is_best:
        values = np.array([objective.value(objective.start(mu)) for mu in points])
    else:
        values = minuit.mnprofile("mu", grid=points)[1]
    return np.asarray(values - lowest)
