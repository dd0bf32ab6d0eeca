r"""The symmetry of a pair whose two samples a detector sees differently.

With p the probability that an event of its kinematics is A's (`eμsym.calibration.bradley_terry`),
an event of A gets the weight 2(1 − p) and one of B 2p: under the symmetry both
then expect the same, 2np(1 − p), of n events. The weights 1/(2p) and
1/(2(1 − p)) would do as well; those taken are bounded, have the smaller variance
(Li, Morgan and Zaslavsky, J. Am. Stat. Assoc. 113 (2018) 390), and make the
difference of the samples the residual of the fit, 2 Σ (y − p) with y = 1 for A.

A draw gives every event of the pool a new label with its own probability, fits r to the
new labels, and weights the events anew, so that the calibration's own uncertainty is in
the null. A correction from elsewhere is not refitted; it is varied within its covariance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from eμsym.arrays import BoolArray, FloatArray, IntArray, summed
from eμsym.calibration.bradley_terry import (
    Cells,
    NearFit,
    fit_covariance,
    inverse_information,
    newton_fit,
)
from eμsym.calibration.corrections import Correction, Known
from eμsym.calibration.design import Design
from eμsym.calibration.event_list import EventList
from eμsym.calibration.self_calibration import (
    SelfCalibration,
    inside,
    recalibrated,
    with_terms,
)
from eμsym.calibration.yields import BinnedResponse, KnownResponse, expected_log_ratio
from eμsym.exchange import LEPTONS, Exchange
from eμsym.pool import Pool
from eμsym.symmetry import Draw, FairCoin, Relabellings, Symmetry, balanced, grouping_of


@dataclass(frozen=True, eq=False, repr=False)
class Calibrated(Symmetry):
    """Each event is A's with a probability of its own: of eμ pairs 1/(1 + r(lead)/r(sub)).

    Made by `Pair.equalised`.

    Parameters
    ----------
    correction : EfficiencyRatio, RuleRatios, ClassRatios or MapLevels
        r of single objects, ε_μ/ε_e or another, with its covariance.
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
    known : Known, optional
        Efficiencies from elsewhere on top of which ln r was fitted: their ln P(A)/P(B) of
        every event is an offset, with errors that no fit takes up but by what r can.
    """

    correction: Correction
    calibration: SelfCalibration | None = None
    source: str = "given"
    base: Symmetry = field(default_factory=FairCoin)
    exchange: Exchange = LEPTONS
    unchecked: str | None = None
    known: Known | None = None

    def shown(self) -> dict[str, Any]:
        """Return what a `repr` shows: the correction, and where it is from."""
        return {"correction": self.correction, "source": self.source}

    @property
    def reads(self) -> tuple[str, ...]:  # type: ignore[override]
        """The leptons' kinematics, the class, and what a window that a fit left out is made of."""
        windows = () if self.calibration is None else self.calibration.exclude
        known = () if self.known is None else self.known.correction.reads
        own = (*self.correction.reads, *(column for column, _, _ in windows), *known)
        return tuple(dict.fromkeys(own))

    @property
    def slots(self) -> dict[str, str]:
        """The objects, by what their columns begin with, and which r each has."""
        return self.correction.slots

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

    def design(self, pool: Pool) -> Design:
        """Return which ln r are in ln P(A)/P(B) of the events, and with which signs."""
        return self.correction.design(pool)

    def offset(self, pool: Pool) -> FloatArray | None:
        """Return what is known of logit P(A) beside ln r, shape (entries,); None if nothing is."""
        return None if self.known is None else self.known.offset(pool)

    def _cells(self, pool: Pool, used: BoolArray) -> tuple[Cells, IntArray]:
        """Return the counts of some events, and which of them each of these is in."""
        offset = self.offset(pool)
        known = None if offset is None else offset[used]
        design = self.design(pool).where(used)
        return Cells.counted(design, pool.where(used), self._fit.terms, known)

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
        cells = self._cells(pool, np.ones(len(pool), dtype=bool))[0]
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
        return self._cells(pool, self.used(pool))[0]

    def probabilities(self, pool: Pool) -> Callable[[FloatArray | None], FloatArray]:
        """Return P(A) of every event as a function of ln r; see `Symmetry.probability`."""
        design, offset = self.design(pool), self.offset(pool)
        return lambda log_ratio: design.probability(
            self.log_ratio if log_ratio is None else log_ratio, offset
        )

    def weights(self, pool: Pool) -> FloatArray:
        """Return the events' weights with which both samples expect the same, shape (n,)."""
        return balanced(pool.labels, self.probability(pool)) * pool.weight

    def relabeller(self, pool: Pool) -> Callable[[np.random.Generator], Draw]:
        """Return what draws labels with each event's own probability, and ln r to go with them."""
        varied = self._varied_probability(pool)
        refit = self._refit(pool)

        def draw(generator: np.random.Generator) -> Draw:
            p = varied(generator)
            if pool.count is None:
                labels: Any = generator.random(p.size) < p
            else:
                labels = generator.binomial(pool.sizes, p)
            return labels, refit(labels, generator)

        return draw

    def _varied_probability(self, pool: Pool) -> Callable[[np.random.Generator], FloatArray]:
        """Return what gives P(A) of a draw: what is known of it varies within its errors."""
        design, offset = self.design(pool), self.offset(pool)
        modes = None if self.known is None else self.known.modes(pool)
        p = design.probability(self.log_ratio, offset)
        if modes is None:
            return lambda generator: p

        def varied(generator: np.random.Generator) -> FloatArray:
            shift = modes @ generator.standard_normal(modes.shape[1])
            return design.probability(self.log_ratio, offset + shift)

        return varied

    def _refit(self, pool: Pool) -> Callable[[Any, np.random.Generator], FloatArray]:
        """Return what gives ln r of a draw: fitted to its labels, or varied."""
        start = self.log_ratio
        if not self.in_sample:
            modes = self.log_ratio_modes
            if modes is None or not modes.size:
                return lambda labels, generator: start
            return lambda labels, generator: start + generator.standard_normal(len(modes)) @ modes
        used = self.used(pool)
        chosen = pool.where(used)
        cells, place = self._cells(pool, used)
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
        known = () if self.known is None else self.known.correction.design(pool).keys
        keys = (index, *self.design(pool).keys, used.astype(np.int64), *known)
        return grouping_of(pool, (index >= 0) | used, keys)

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
        up part of the fluctuations. F has the information of the terms' prior. What is known
        from elsewhere adds what its errors do to D and, through θ̂, take from it again.
        """
        sums = self.response(pool, index, n_bins)
        covariance = np.diag(sums.own)
        known = self._known_response(pool, index, n_bins, self.probability(pool))
        if self.in_sample:
            cells, values, basis = self.cells(pool), self._fit.values, self._fit.terms.basis
            response, fitted = sums.response @ basis, sums.fitted @ basis
            inverse = inverse_information(values, cells)
            mixed = fitted @ inverse @ response.T
            covariance += response @ fit_covariance(values, cells) @ response.T - mixed - mixed.T
            if known is not None:
                known = known.after(response @ inverse)
        elif self.log_ratio_modes is not None:
            shift = self.log_ratio_modes @ sums.response.T
            covariance += shift.T @ shift
        if known is not None:
            covariance += known.response @ known.response.T
        return 4 * sums.own, 4 * covariance

    def shared_terms(self, pool: Pool) -> tuple[FloatArray, FloatArray] | None:
        """Return what correlates sums of residuals, as in `spread`; see the base.

        The errors of efficiencies that ln r was fitted on top of are left out.
        """
        design, p = self.design(pool), self.probability(pool)
        pq = (pool.weight * p * (1 - p) * pool.sizes)[:, np.newaxis]
        if not self.in_sample:
            modes = self.log_ratio_modes
            if modes is None or not modes.size:
                return None
            return pq * design.rows(modes.T), np.eye(len(modes))
        values, basis, cells = self._fit.values, self._fit.terms.basis, self.cells(pool)
        inverse, used = inverse_information(values, cells), self.used(pool)
        rows = pq * design.rows(basis)
        if pool.unit and used.all():
            return rows, -inverse
        fitted = rows * (pool.weight * used)[:, np.newaxis]
        corner = np.zeros_like(inverse)
        middle = np.block([[fit_covariance(values, cells), -inverse], [-inverse, corner]])
        return np.concatenate([rows, fitted], axis=1), middle

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
        design, offset = self.design(pool), self.offset(pool)
        used = self.used(pool)
        cells = self.cells(pool) if self.in_sample else None
        modes = None if self.in_sample else self.log_ratio_modes
        found = []
        for i, labels in enumerate(drawn.labels):
            theta = self.log_ratio if drawn.log_ratio is None else drawn.log_ratio[i]
            p = design.probability(theta, offset)
            sums = _binned_response(pool, index, n_bins, p, design, theta.size, used)
            known = self._known_response(pool, index, n_bins, p)
            fisher = None
            if cells is not None:
                fisher = self._information_at(theta, cells)
                sums = sums.by_terms(self._fit.terms.basis)
            found.append(
                expected_log_ratio(
                    pool, labels, index, p, sums, fisher=fisher, modes=modes, known=known
                )
            )
        return found

    def _information_at(self, theta: FloatArray, cells: Cells) -> FloatArray:
        """Return the fit's information with its prior's, of the terms of any ln r."""
        p = cells.design.probability(theta, cells.offset)
        n = cells.total * p * (1 - p)
        prior = np.diag(cells.precision)
        return np.asarray(sum(((x * n[k, None]).T @ x for k, x in cells.chunks()), start=prior))

    def response(self, pool: Pool, index: IntArray, n_bins: int) -> BinnedResponse:
        """Return each bin's Σw²pq, Σw pq x and, of the events in the fit, Σw² pq x."""
        design, theta = self.design(pool), self.log_ratio
        p = design.probability(theta, self.offset(pool))
        return _binned_response(pool, index, n_bins, p, design, theta.size, self.used(pool))

    def _known_response(
        self, pool: Pool, index: IntArray, n_bins: int, p: FloatArray
    ) -> KnownResponse | None:
        """Return what the errors of what is known do to the bins and to the score of the fit."""
        modes = None if self.known is None else self.known.modes(pool)
        if modes is None:
            return None
        pq = p * (1 - p) * pool.weight * pool.sizes
        within, used = index >= 0, self.used(pool)
        response = _summed_rows(index[within], pq[within], modes[within], n_bins)
        score = np.zeros((0, modes.shape[1]))
        if self.in_sample:
            design, basis = self.design(pool).where(used), self._fit.terms.basis
            parts = [
                _summed_rows(level, sign * pq[used], modes[used], len(basis))
                for level, sign in zip(design.levels, design.signs, strict=True)
            ]
            score = basis.T @ np.sum(parts, axis=0)
        return KnownResponse(response, score)

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
            "given": None if self.known is None else self.known.source,
        }


def _summed_rows(place: IntArray, weights: FloatArray, rows: csr_array, size: int) -> FloatArray:
    """Return Σ weights · rows over those of each place, shape (size, columns)."""
    gather = csr_array((weights, (place, np.arange(place.size))), shape=(size, place.size))
    return np.asarray((gather @ rows).toarray())


def _binned_response(
    pool: Pool,
    index: IntArray,
    n_bins: int,
    p: FloatArray,
    design: Design,
    k: int,
    used: BoolArray,
) -> BinnedResponse:
    pq = p * (1 - p) * pool.sizes
    within = index >= 0
    place, own = index[within], design.where(within)

    def by_object(weights: FloatArray) -> FloatArray:
        return own.by_place(place, weights[within], n_bins, k)

    return BinnedResponse(
        own=summed(place, (pool.weight**2 * pq)[within], n_bins),
        response=by_object(pool.weight * pq),
        fitted=by_object(pool.weight**2 * pq * used),
    )
