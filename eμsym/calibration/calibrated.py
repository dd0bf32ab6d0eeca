r"""The symmetry of a pair whose two orders a detector sees differently.

With p the probability that an event of its kinematics is eμ (`eμsym.calibration.bradley_terry`),
an eμ event gets the weight 2(1 − p) and a μe event 2p: under the symmetry both
orders then expect the same, 2np(1 − p), of n events. The weights 1/(2p) and
1/(2(1 − p)) would do as well; those taken are bounded, have the smaller variance
(Li, Morgan and Zaslavsky, J. Am. Stat. Assoc. 113 (2018) 390), and make the
difference of the samples the residual of the fit, 2 Σ (y − p) with y = 1 for eμ.

A draw gives every event of the pool a new label with its own probability, fits r to the
new labels, and weights the events anew, so that the calibration's own uncertainty is in
the null. A correction from elsewhere is not refitted; it is varied within its covariance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self

import numpy as np

from eμsym.arrays import BoolArray, FloatArray, IntArray, summed
from eμsym.calibration.bradley_terry import (
    Cells,
    NearFit,
    fit_covariance,
    inverse_information,
    newton_fit,
    probability,
)
from eμsym.calibration.efficiency_ratio import LEAD_COLUMNS, SUB_COLUMNS
from eμsym.calibration.event_list import EventList
from eμsym.calibration.self_calibration import (
    SelfCalibration,
    inside,
    recalibrated,
    with_terms,
)
from eμsym.calibration.yields import BinnedResponse, expected_log_ratio
from eμsym.exchange import LEPTONS, Exchange
from eμsym.pool import Pool
from eμsym.symmetry import Draw, FairCoin, Relabellings, Symmetry, balanced, grouping_of


class Correction(Protocol):
    """ln r = ln(ε_μ/ε_e) as numbered values: `EfficiencyRatio`, `ClassRatios`, or `MapLevels`."""

    @property
    def log_ratio(self) -> FloatArray:
        """The values, shape (k,)."""
        ...  # pragma: no cover

    @property
    def modes(self) -> FloatArray | None:
        """The directions in which they are uncertain, shape (m, k); None if they are exact."""
        ...  # pragma: no cover

    def levels(self, pool: Pool) -> tuple[IntArray, IntArray]:
        """Return which of the values the leading and the sub-leading leptons of events have."""
        ...  # pragma: no cover

    def with_log_ratio(self, log_ratio: FloatArray) -> Self:
        """Return others in their place."""
        ...  # pragma: no cover


@dataclass(frozen=True, eq=False, repr=False)
class Calibrated(Symmetry):
    """Each event is A's with a probability of its own, 1/(1 + r(lead)/r(sub)).

    Made by `Pair.equalised`.

    Parameters
    ----------
    correction : EfficiencyRatio, ClassRatios or MapLevels
        r = ε_μ/ε_e of single leptons, with its covariance.
    calibration : SelfCalibration, optional
        The fit, if ln r was fitted here.
    source : str
        "self", "control", "given", or the file that the correction is from.
    base : Symmetry
        What the labels would do if the detector saw both orders alike.
    exchange : Exchange
    unchecked : str, optional
        A line that says why it could not be checked whether ln r was fitted to some of
        the pair's own events; None if it was not, or if that is accounted for.
    """

    correction: Correction
    calibration: SelfCalibration | None = None
    source: str = "given"
    base: Symmetry = field(default_factory=FairCoin)
    exchange: Exchange = LEPTONS
    unchecked: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the correction, and where it is from."""
        return {"correction": self.correction, "source": self.source}

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]
        """The leptons' kinematics, the class, and what a window that a fit left out is made of."""
        windows = () if self.calibration is None else self.calibration.exclude
        by = getattr(self.correction, "column", None)
        own = (*LEAD_COLUMNS, *SUB_COLUMNS, *(column for column, _, _ in windows))
        return own if by is None else (*own, by)

    @property
    def raw(self) -> Symmetry:
        """The symmetry without the correction."""
        return self.base

    @property
    def log_ratio(self) -> FloatArray:
        """The values of ln r, shape (k,)."""
        return self.correction.log_ratio

    @property
    def log_ratio_modes(self) -> FloatArray | None:
        """The directions in which ln r is uncertain, shape (m, k); None if it is exact."""
        return self.correction.modes

    @property
    def in_sample(self) -> bool:
        """Whether ln r was fitted to the pool's own events."""
        return self.calibration is not None and not self.calibration.control

    def levels(self, pool: Pool) -> tuple[IntArray, IntArray]:
        """Return which ln r the leading and the sub-leading leptons have, each (entries,)."""
        return self.correction.levels(pool)

    def used(self, pool: Pool) -> BoolArray:
        """Return which events ln r was fitted to, shape (entries,)."""
        if self.calibration is None or not self.in_sample:
            return np.zeros(len(pool), dtype=bool)
        return ~inside(pool, self.calibration.exclude)

    def fitted_to(self, pool: Pool) -> Calibrated:
        """Return the symmetry with ln r fitted to all events of a pool, for others than these.

        Raises
        ------
        DataError
            If they are too few for its bins.
        """
        if self.calibration is None:
            return self
        fit = self.calibration
        cells = Cells.count(*self.levels(pool), pool, fit.terms)
        values = newton_fit(cells)
        events, covariance = EventList.of(pool), fit_covariance(values, cells)
        found = with_terms(fit.correction, fit.terms, values, covariance, events)
        return replace(self, correction=found, calibration=None, source="given")

    def refitted(self, pool: Pool) -> Calibrated:
        """Return the symmetry with ln r fitted to another pool's events, if it is fitted at all.

        Raises
        ------
        DataError
            If the fit does not converge.
        """
        if not self.in_sample:
            return self
        values = newton_fit(self.cells(pool), self._fit.values)
        theta = self._fit.terms.basis @ values
        return replace(self, correction=self.correction.with_log_ratio(theta))

    @property
    def _fit(self) -> SelfCalibration:
        """The fit, where there is one."""
        assert self.calibration is not None
        return self.calibration

    def cells(self, pool: Pool) -> Cells:
        """Return the counts of the events that are in the fit."""
        lead, sub = self.levels(pool)
        used = self.used(pool)
        return Cells.count(lead[used], sub[used], pool.where(used), self._fit.terms)

    def probabilities(self, pool: Pool) -> Callable[[FloatArray | None], FloatArray]:
        """Return P(eμ) of every event as a function of ln r; see `Symmetry.probability`."""
        lead, sub = self.levels(pool)
        return lambda log_ratio: probability(
            self.log_ratio if log_ratio is None else log_ratio, lead, sub
        )

    def weights(self, pool: Pool) -> FloatArray:
        """Return the events' weights with which both orders expect the same, shape (n,)."""
        return balanced(pool.labels, self.probability(pool)) * pool.weight

    def relabeller(self, pool: Pool) -> Callable[[np.random.Generator], Draw]:
        """Return what draws labels with each event's own probability, and ln r to go with them."""
        lead, sub = self.levels(pool)
        p = probability(self.log_ratio, lead, sub)
        refit = self._refit(pool, lead, sub)

        def draw(generator: np.random.Generator) -> Draw:
            if pool.count is None:
                labels: Any = generator.random(p.size) < p
            else:
                labels = generator.binomial(pool.sizes, p)
            return labels, refit(labels, generator)

        return draw

    def _refit(
        self, pool: Pool, lead: IntArray, sub: IntArray
    ) -> Callable[[Any, np.random.Generator], FloatArray]:
        """Return what gives ln r of a draw: fitted to its labels, or varied."""
        start = self.log_ratio
        if not self.in_sample:
            modes = self.log_ratio_modes
            if modes is None or not modes.size:
                return lambda labels, generator: start
            return lambda labels, generator: start + generator.standard_normal(len(modes)) @ modes
        used = self.used(pool)
        chosen = pool.where(used)
        cells, place = Cells.counted(lead[used], sub[used], chosen, self._fit.terms)
        near, basis = NearFit(cells, self._fit.values), self._fit.terms.basis

        def fit(labels: Any, generator: np.random.Generator) -> FloatArray:
            sums = summed(place, labels[used] * chosen.weight, cells.a.size)
            return np.asarray(basis @ near(sums))

        return fit

    def observed(self, pool: Pool) -> Relabellings:
        """Return the pool's own labels as the one draw that they are, with their ln r."""
        return Relabellings(pool.labels[None], self.log_ratio[None], self)

    def grouping(self, pool: Pool, index: IntArray) -> tuple[Pool, IntArray]:
        """Return groups of events of like bins and leptons; see `Symmetry.grouping`."""
        used = self.used(pool)
        lead, sub = self.levels(pool)
        return grouping_of(pool, (index >= 0) | used, (index, lead, sub, used.astype(np.int64)))

    def spread(
        self, pool: Pool, index: IntArray, n_bins: int
    ) -> tuple[FloatArray, FloatArray | None]:
        r"""Return the variance of A − B in bins, and its covariance, calibration included.

        .. math::
            \mathrm{cov}(D) = V - J_f F^{-1} J^T - J F^{-1} J_f^T + J C J^T,

        the variance of :math:`D_i - J_i F^{-1} s`: V is the events' own variance,
        s the score of the fit, J = −dD/dθ, C = cov(θ̂) and J_f = cov(D, s) the part
        of J from events that are in the fit. A correction from elsewhere leaves
        V + JCJᵀ; with all events in the fit it is V − JF⁻¹Jᵀ, for the fit has taken
        up part of the fluctuations. F has the information of the terms' prior.
        """
        sums = self.response(pool, index, n_bins)
        covariance = np.diag(sums.own)
        if self.in_sample:
            cells, values, basis = self.cells(pool), self._fit.values, self._fit.terms.basis
            response, fitted = sums.response @ basis, sums.fitted @ basis
            mixed = fitted @ inverse_information(values, cells) @ response.T
            covariance += response @ fit_covariance(values, cells) @ response.T - mixed - mixed.T
        elif self.log_ratio_modes is not None:
            shift = self.log_ratio_modes @ sums.response.T
            covariance += shift.T @ shift
        return 4 * sums.own, 4 * covariance

    def log_yields(self, pool: Pool, index: IntArray, n_bins: int) -> tuple[FloatArray, FloatArray]:
        """Return ln E[B]/E[A] of raw counts in every bin, and its uncertain directions.

        See `eμsym.calibration.yields.expected_log_ratio`.
        """
        own = Relabellings(pool.labels[None], None, self)
        return self.drawn_yields(pool, own, index, n_bins)[0]

    def drawn_yields(
        self, pool: Pool, drawn: Relabellings, index: IntArray, n_bins: int
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Return `log_yields` of every draw of a pool's labels, with its own ln r."""
        lead, sub = self.levels(pool)
        used = self.used(pool)
        cells = self.cells(pool) if self.in_sample else None
        modes = None if self.in_sample else self.log_ratio_modes
        found = []
        for i, labels in enumerate(drawn.labels):
            theta = self.log_ratio if drawn.log_ratio is None else drawn.log_ratio[i]
            p = probability(theta, lead, sub)
            sums = _binned_response(pool, index, n_bins, p, (lead, sub), theta.size, used)
            fisher = None
            if cells is not None:
                fisher = self._information_at(theta, cells)
                sums = sums.by_terms(self._fit.terms.basis)
            found.append(
                expected_log_ratio(pool, labels, index, p, sums, fisher=fisher, modes=modes)
            )
        return found

    def _information_at(self, theta: FloatArray, cells: Cells) -> FloatArray:
        """Return the fit's information with its prior's, of the terms of any ln r."""
        p = probability(theta, cells.lead, cells.sub)
        n = cells.total * p * (1 - p)
        prior = np.diag(cells.precision)
        return np.asarray(sum(((x * n[k, None]).T @ x for k, x in cells.chunks()), start=prior))

    def response(self, pool: Pool, index: IntArray, n_bins: int) -> BinnedResponse:
        """Return each bin's Σw²pq, Σw pq x and, of the events in the fit, Σw² pq x."""
        levels, theta = self.levels(pool), self.log_ratio
        p = probability(theta, *levels)
        return _binned_response(pool, index, n_bins, p, levels, theta.size, self.used(pool))

    def redrawn(self, pool: Pool, labels: BoolArray, log_ratio: FloatArray | None) -> Calibrated:
        """Return the symmetry of a draw: its ln r, and what a fit to its labels says of it."""
        theta = self.log_ratio if log_ratio is None else log_ratio
        if not self.in_sample:
            return replace(self, correction=self.correction.with_log_ratio(theta))
        cells = self.cells(pool.relabelled(labels))
        values = self._fit.values if log_ratio is None else newton_fit(cells, self._fit.values)
        found = recalibrated(self._fit, values, cells)
        # The draw's own ln r, to the last bit.
        correction = found.correction.with_log_ratio(theta)
        return replace(
            self, correction=correction, calibration=replace(found, correction=correction)
        )

    def keeping_sizes(self) -> Symmetry:
        """Return the symmetry itself: its events are not exchangeable."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the correction with its covariance and quality, for JSON."""
        return {
            "source": self.source,
            "unchecked": self.unchecked,
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
        }


def _binned_response(
    pool: Pool,
    index: IntArray,
    n_bins: int,
    p: FloatArray,
    levels: tuple[IntArray, IntArray],
    k: int,
    used: BoolArray,
) -> BinnedResponse:
    lead, sub = levels
    pq = p * (1 - p) * pool.sizes
    within = index >= 0
    flat = index[within] * k
    to_sub, to_lead = flat + sub[within], flat + lead[within]

    def by_lepton(weights: FloatArray) -> FloatArray:
        size = n_bins * k
        sums = summed(to_sub, weights[within], size)
        sums -= summed(to_lead, weights[within], size)
        return sums.reshape(n_bins, k)

    return BinnedResponse(
        own=summed(index[within], (pool.weight**2 * pq)[within], n_bins),
        response=by_lepton(pool.weight * pq),
        fitted=by_lepton(pool.weight**2 * pq * used),
    )
