"""MINUIT to the end: MIGRAD, given derivatives, until it no longer moves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from iminuit import Minuit
from iminuit.warnings import IMinuitWarning

from eμsym.arrays import FloatArray

#: MIGRAD stops at an estimated distance to the minimum of 0.002 times this.
TOLERANCE = 1e-8

#: Most times that MIGRAD goes on from where it stopped.
REPEATS = 5


def migrad_to_the_end(
    value: Callable[[FloatArray], float],
    gradient: Callable[[FloatArray], FloatArray],
    hessian: Callable[[FloatArray], FloatArray],
    start: FloatArray,
    *,
    steps: FloatArray,
    errordef: float,
    settled: float,
    watched: int | None = None,
    names: Sequence[str] | None = None,
    low: float = -np.inf,
    hold_first: bool = False,
) -> Minuit:
    """Minimise a function with MIGRAD, more precisely than one call of it does.

    MIGRAD stops at the digits that it thinks the value can tell apart. From a value
    of zero it can tell smaller differences: so it goes on from where it stopped, with
    the smallest value so far subtracted.

    Parameters
    ----------
    value, gradient, hessian : callable
        Take the parameters, shape (k,).
    start, steps : ndarray of float, shape (k,)
        Where to begin, and the first steps' sizes.
    errordef : float
        The rise of the value at one standard error: 1 for −2 ln L, ½ for −ln L.
    settled : float
        It ends once parameters move by less than this in units of their errors.
    watched : int, optional
        The first parameters that must have settled. Default: all.
    names : sequence of str, optional
    low : float
        A lower limit of the first parameter.
    hold_first : bool
        Whether to hold the first parameter at its start; then MIGRAD runs once.

    Returns
    -------
    iminuit.Minuit
        Its values are those of the function less a constant; ``valid`` says whether
        the minimum was found.
    """
    offset = 0.0

    def shifted(theta: FloatArray) -> float:
        return value(theta) - offset

    def curvature(theta: FloatArray) -> FloatArray:
        return np.diag(hessian(theta))

    with warnings.catch_warnings():
        # Where the Hessian is not positive, MINUIT does fall back on its diagonal.
        warnings.filterwarnings("ignore", "hessian overrides g2", IMinuitWarning)
        minuit = Minuit(
            shifted,
            start,
            grad=gradient,
            g2=curvature,
            hessian=None if start.size == 1 else hessian,
            name=names,
        )
    minuit.errordef = errordef
    minuit.tol = TOLERANCE
    minuit.errors = steps
    if np.isfinite(low):
        minuit.limits[0] = (low, None)
    minuit.fixed[0] = hold_first
    for _ in range(1 if hold_first else REPEATS):
        if minuit.fmin is not None:
            offset += minuit.fval
        before = np.array(minuit.values)
        with quiet(minuit):
            minuit.migrad()
        moved = np.abs(np.array(minuit.values) - before)
        if np.all((moved <= settled * np.array(minuit.errors))[:watched]):
            break
    return minuit


@contextmanager
def quiet(minuit: Minuit) -> Iterator[None]:
    """Keep MINUIT's own words from the terminal; what went wrong is in its result.

    Its level is one for the whole process; it is as before afterwards.
    """
    before = minuit.print_level
    minuit.print_level = -1
    try:
        yield
    finally:
        minuit.print_level = before
