r"""Upper limits by CLs on the strength of a signal, its background measured in the other sample.

.. math::
    L(μ, b, θ) = \prod_i \mathrm{Pois}(A_i | b_i + μ S^A_i)\,
                 \mathrm{Pois}(B_i | κ_i b_i + μ S^B_i) \prod_k N(θ_k | 0, 1)

as for `eμsym.q0` (DDP Eq. 4, arXiv:2203.07529), with the test statistic q̃_μ for limits of
Cowan et al. (arXiv:1007.1727, Eq. 16) and CLs (A. Read, J. Phys. G 28 (2002) 2693).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from eμsym.arrays import FloatArray
from eμsym.binned.q0_input import (
    Signal,
    as_counts,
    checked_ratio,
    contents,
    fit_input,
    is_signal_pair,
    signal_parts,
)
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.counts import check_same_binning
from eμsym.errors import ConfigurationError, DataError
from eμsym.files import json_number
from eμsym.limits.likelihoods import Likelihoods
from eμsym.limits.model import Model
from eμsym.limits.region import Region, ShapeVariation, log_normal
from eμsym.limits.search import limits_of
from eμsym.shown import Shown

#: What the five expected limits are called.
BAND_NAMES = ("-2", "-1", "median", "+1", "+2")


@dataclass(frozen=True, repr=False)
class UpperLimit(Shown):
    """An upper limit, with what is expected without signal.

    Attributes
    ----------
    observed : float
    expected : tuple of five float
        The limits that data without signal would give at −2, −1, 0, 1 and 2 standard
        deviations of their fluctuation; the third is the median.
    mu : float
        The best strength that is not below zero.
    cl : float
        The confidence level.
    unit : str
        Of all of these.
    method : str
        "asymptotic", or by which toys.
    """

    observed: float
    expected: tuple[float, float, float, float, float]
    mu: float
    cl: float = 0.95
    unit: str = "events"
    method: str = "asymptotic"

    @property
    def median(self) -> float:
        """The limit that is expected without signal."""
        return self.expected[2]

    def scaled(self, per_event: float, unit: str = "") -> UpperLimit:
        """Return the limit in other units.

        Parameters
        ----------
        per_event : float
            What one event is in them: 1/(σ L ε) for a branching ratio.
        unit : str
            What they are called.

        Raises
        ------
        DataError
            If it is not a number above zero.
        """
        if not 0 < per_event < np.inf:
            raise DataError(f"per_event: {per_event} of a unit an event; give one above zero")
        low, below, median, above, high = (x * per_event for x in self.expected)
        return replace(
            self,
            observed=self.observed * per_event,
            expected=(low, below, median, above, high),
            mu=self.mu * per_event,
            unit=unit,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON; NaN becomes None, infinity "inf"."""
        return {
            "observed": json_number(self.observed),
            "expected": {
                name: json_number(x) for name, x in zip(BAND_NAMES, self.expected, strict=True)
            },
            "mu": json_number(self.mu),
            "cl": self.cl,
            "unit": self.unit,
            "method": self.method,
        }


def check_cl(cl: float) -> None:
    """Raise a `ConfigurationError` unless a confidence level is between zero and one."""
    if not 0 < cl < 1:
        raise ConfigurationError(f"cl {cl}: a confidence level is between 0 and 1, say 0.95")


def upper_limit(
    b: Any,
    a: Any,
    signal: Any,
    *,
    cl: float = 0.95,
    ratio: YieldRatio | ArrayLike | None = None,
    normalisations: Mapping[str, float] | None = None,
    shapes: Mapping[str, tuple[Any, Any]] | None = None,
) -> UpperLimit:
    r"""Return the CLs upper limit on a signal, observed and expected, by asymptotic formulae.

    Parameters
    ----------
    b, a : array_like or histogram
        Counts of both samples, as for `eμsym.q0`; not weighted.
    signal : array_like or histogram, or tuple of two
        The signal's shape in B, or (S_B, S_A), its shapes in both samples with their
        relative size, in the order of the counts. Scaled to Σ(S_B + S_A) = 1, so that
        limits are in events of both samples.
    cl : float
    ratio : YieldRatio or array_like, optional
        The expected κ = E[B]/E[A] of every bin; a `YieldRatio` brings its nuisances.
        Default: 1.
    normalisations : mapping of str to float, optional
        Relative uncertainties of the signal's size, each a log-normal nuisance.
    shapes : mapping of str to (up, down), optional
        What effects of one standard deviation make of the signal; each up and down is
        of the signal's own form and normalisation.

    Returns
    -------
    UpperLimit

    Raises
    ------
    DataError
        As for `eμsym.q0` with a profiled background; or if an uncertainty is not above zero.
    ConfigurationError
        If `cl` is not between zero and one.

    Examples
    --------
    >>> limit = upper_limit([110, 100], [100, 100], [1, 0])
    >>> round(limit.observed, 2), [round(x, 2) for x in limit.expected]
    (35.92, [15.26, 20.51, 28.53, 39.87, 53.8])
    """
    check_cl(cl)
    varied = {
        effect: tuple(_b_first(shape) for shape in pair) if isinstance(pair, tuple) else pair  # type: ignore[redundant-expr]
        for effect, pair in (shapes or {}).items()
    }
    region = signal_region(
        "",
        b,
        a,
        _b_first(signal),
        ratio=ratio,
        normalisations=normalisations,
        shapes=varied,
    )
    return region_limit([region], cl=cl)


def _b_first(signal: Any) -> Any:
    """Return a signal (S_B, S_A) as (S_A, S_B), the order of `eμsym.q0`."""
    return (signal[1], signal[0]) if is_signal_pair(signal) else signal


def region_limit(regions: Sequence[Region], *, cl: float = 0.95) -> UpperLimit:
    """Return the CLs limit on the one strength that regions share.

    Parameters
    ----------
    regions : sequence of Region
        Of one signal each. Regions must share no event; nuisances of one name are one.
    cl : float

    Raises
    ------
    DataError
        If they do not fit together, a fit does not converge, or the data bound nothing.
    ConfigurationError
        If `cl` is not between zero and one.
    """
    check_cl(cl)
    model = Model.of(regions)
    if model.n_signals != 1:
        raise DataError(f"a limit is on one strength; the regions have {model.n_signals}")
    found = limits_of(Likelihoods.of(model), cl)
    low, below, median, above, high = (float(x) for x in found.expected[0])
    return UpperLimit(
        observed=float(found.observed[0]),
        expected=(low, below, median, above, high),
        mu=float(found.mu[0]),
        cl=cl,
    )


def signal_region(
    name: str,
    b: Any,
    a: Any,
    signal: Any,
    *,
    ratio: YieldRatio | ArrayLike | None = None,
    normalisations: Mapping[str, float] | None = None,
    shapes: Mapping[str, tuple[Any, Any]] | None = None,
) -> Region:
    """Return a region of one signal from histograms or arrays; as for `upper_limit`.

    A signal in both samples is (S_A, S_B), as for `eμsym.q0`.
    """
    counts_b, counts_a, shape = fit_input(b, a, signal, "profiled")
    kappa = checked_ratio(ratio, counts_b.shape, "profiled")
    varied = {}
    for effect, pair in (shapes or {}).items():
        if not (isinstance(pair, tuple) and len(pair) == 2):  # type: ignore[redundant-expr]
            raise DataError(f"{effect}: give a shape up and one down")
        varied[effect] = (_variation(effect, signal, *pair),)
    return Region(
        name,
        counts_b.ravel(),
        counts_a.ravel(),
        (shape.ravel(),),
        kappa,
        normalisations={
            effect: (log_normal(x, effect),) for effect, x in (normalisations or {}).items()
        },
        shapes=varied,
    )


def _variation(effect: str, signal: Any, up: Any, down: Any) -> ShapeVariation:
    """Return a variation in the units of the normalised signal."""
    total = 1.0
    if not isinstance(signal, Signal):
        total = sum(float(as_counts(contents(x), "signal").sum()) for x in signal_parts(signal))
    parts: list[FloatArray] = []
    for varied in (up, down):
        if is_signal_pair(varied) != (is_signal_pair(signal) or isinstance(signal, Signal)):
            raise DataError(f"{effect}: give it as the signal is given, of one or of both samples")
        given = signal_parts(varied)
        for shape in given:
            check_same_binning(signal_parts(signal)[-1], shape)
        flat = [as_counts(contents(x), effect).ravel() / total for x in given]
        parts += [np.zeros_like(flat[0]), *flat] if len(flat) == 1 else flat
    return ShapeVariation(*parts)
