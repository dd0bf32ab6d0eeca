"""The interval of μ: where −2 ln λ rises to one, on each side of μ̂, kink or not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

#: How often the search for an end of the interval goes twice as far.
_DOUBLINGS = 20

#: Tolerance of an end, in units of the first step.
_TOLERANCE = 1e-9


def profile_interval(
    profile: Callable[[float], float], mu: float, step: float, *, low: float = -np.inf
) -> tuple[float, float]:
    """Return the interval in which a profile is within one of its value at μ̂.

    Parameters
    ----------
    profile : callable
        −2 ln L at a signal strength, minimised over all else.
    mu : float
        μ̂, where it is smallest; it may be a kink or a boundary.
    step : float
        About the error of μ̂.
    low : float
        The physical boundary of μ: the end if that comes first.

    Returns
    -------
    tuple of float
        Lower and upper end; NaN where the profile does not rise by one.
    """
    lowest = profile(mu)
    below = low if low > -np.inf and profile(low) - lowest <= 1 else None
    if below is None:
        below = _crossing(profile, mu, -step, lowest, low)
    return below, _crossing(profile, mu, step, lowest, low)


def _crossing(
    profile: Callable[[float], float], mu: float, step: float, lowest: float, low: float
) -> float:
    def excess(at: float) -> float:
        return profile(at) - lowest - 1

    near, far = mu, max(mu + step, low)
    for _ in range(_DOUBLINGS):
        if excess(far) > 0:
            edges = min(near, far), max(near, far)
            return float(brentq(excess, *edges, xtol=_TOLERANCE * abs(step)))
        near, far = far, max(far + (far - mu), low)
    return float("nan")
