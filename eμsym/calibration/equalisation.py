r"""Pairs whose two orders are made comparable: weights, and what they add to the uncertainty.

With p the probability that an event of its kinematics is eμ (`eμsym.calibration.bradley_terry`),
an eμ event gets the weight 2(1 − p) and a μe event 2p: under the symmetry both
orders then expect the same, 2np(1 − p), of n events. The weights 1/(2p) and
1/(2(1 − p)) would do as well; those taken are bounded, have the smaller variance
(Li, Morgan and Zaslavsky, J. Am. Stat. Assoc. 113 (2018) 390), and make the
difference of the samples the residual of the fit, 2 Σ (y − p) with y = 1 for eμ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from hist import Hist

from eμsym.binned.nsigma import NSigma, nsigma
from eμsym.binned.yield_ratio import YieldRatio
from eμsym.calibration.bradley_terry import (
    BoolArray,
    IntArray,
    fit_covariance,
    information,
    inverse_information,
    probability,
    summed,
)
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins
from eμsym.calibration.self_calibration import (
    Comparisons,
    SelfCalibration,
    comparisons,
    lepton_columns,
    pool_column,
    pool_labels,
    pool_weight,
    self_calibrate,
)
from eμsym.counts import FloatArray
from eμsym.errors import ConfigurationError
from eμsym.pair import ORDER_COLUMN, Pair, Sample, joined_events

if TYPE_CHECKING:
    from eμsym.calibration.correction_file import EfficiencyMaps


@dataclass(frozen=True, eq=False)
class EqualisedPair(Pair):
    """A pair whose events carry the weights that make its two orders comparable.

    It is a `Pair` for every test; the stored histograms are those of the weighted
    events. Made by `Pair.equalised`.

    Attributes
    ----------
    raw : Pair
        The pair before.
    events : Comparisons
        The pool of events, A's first, and what stands for their efficiencies.
    log_ratio : ndarray of float, shape (k,)
        ln r of each bin of `events`.
    log_ratio_covariance : ndarray of float, shape (k, k), or None
        None if ln r is taken as exact.
    calibration : SelfCalibration or None
        None for a correction from elsewhere.
    source : str
        "self", "control", "given", or the file that the correction is from.
    """

    raw: Pair = field(kw_only=True)
    events: Comparisons = field(kw_only=True)
    log_ratio: FloatArray = field(kw_only=True)
    log_ratio_covariance: FloatArray | None = field(kw_only=True)
    calibration: SelfCalibration | None = field(kw_only=True)
    source: str = field(kw_only=True)

    @property
    def in_sample(self) -> bool:
        """Whether ln r was fitted to this pair's own events."""
        return self.calibration is not None and not self.calibration.control

    @property
    def probability(self) -> FloatArray:
        """P(eμ) of every event of the pool under the calibrated symmetry, shape (n,)."""
        return probability(self.log_ratio, self.events.lead, self.events.sub)

    def covariance(self, *axes: Any) -> FloatArray:
        r"""Return the covariance of A − B (or B − A) over bins, calibration included.

        .. math::
            \mathrm{cov}(D) = V - J_f F^{-1} J^T - J F^{-1} J_f^T + J C J^T,

        the variance of :math:`D_i - J_i F^{-1} s`: V is the events' own variance,
        s the score of the fit, J = −dD/dθ, C = cov(θ̂) and J_f = cov(D, s) the part
        of J from events that are in the fit. A correction from elsewhere leaves
        V + JCJᵀ; with all events in the fit it is V − JF⁻¹Jᵀ, for the fit has taken
        up part of the fluctuations.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.

        Returns
        -------
        ndarray of float, shape (bins, bins)
            Of the flattened bins.
        """
        index, shape = self.bin_index(*axes)
        return difference_covariance(self, index, int(np.prod(shape)))

    def nsigma(self, *axes: Any) -> NSigma:
        """Return Nσ of B − A, N(0,1) under the symmetry: see `eμsym.nsigma`.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.
        """
        a, b = self.hist(*axes)
        return nsigma(b, a, covariance=self.covariance(*axes))

    def yield_ratio(self, *axes: Any) -> YieldRatio:
        """Return the expected B/A of raw counts in every bin, for `eμsym.q0`.

        Take the counts from ``raw.hist(…)``: unlike weighted ones they are Poisson.
        For a signal in A, the ratio to give is ``yield_ratio(…).inverse()``.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.

        Raises
        ------
        DataError
            If the raw events are weighted.
        """
        from eμsym.calibration.yield_ratio import expected_ratio

        index, shape = self.bin_index(*axes)
        return expected_ratio(self, index, shape)

    def permuted(self, *, rng: np.random.Generator | int | None = None) -> Pair:
        """Return a pair with labels drawn as the calibrated symmetry has them, refitted.

        Unlike those of a plain pair, sizes are not kept: see `CalibratedSource`.
        """
        from eμsym.calibration.relabelling import CalibratedSource

        return CalibratedSource(self).draw(rng=rng)

    def bin_index(self, *axes: Any) -> tuple[IntArray, tuple[int, ...]]:
        """Return the flat bin of every event of the pool, −1 outside, and the bins' shape.

        Parameters
        ----------
        *axes : str, or hist axes
            As for `hist`.

        Raises
        ------
        DataError
            If there is no such histogram or column.
        """
        if len(axes) == 1 and isinstance(axes[0], str):
            axes = tuple(self.hist(axes[0])[0].axes)
        shape = tuple(len(axis) for axis in axes)
        places = np.stack([axis.index(pool_column(self.raw, axis.name)) for axis in axes])
        within = np.all((places >= 0) & (places < np.array(shape)[:, None]), axis=0)
        flat = np.ravel_multi_index(tuple(np.where(within, places, 0)), shape)
        return np.where(within, flat, -1), shape

    def to_dict(self) -> dict[str, Any]:
        """Return the correction with its covariance and quality, and the yields, for JSON."""
        return {
            "source": self.source,
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
            "yields": {
                "raw": [float(s.weight.sum()) for s in (self.raw.a, self.raw.b)],
                "equalised": [float(s.weight.sum()) for s in (self.a, self.b)],
            },
        }


def equalise(
    pair: Pair,
    correction: Any = "self",
    *,
    exclude: Mapping[str, Sequence[float]] | None = None,
    control: Pair | None = None,
    bins: LeptonBins | None = None,
) -> EqualisedPair:
    """Return a pair with weights that take the detector's e/μ difference out.

    See `Pair.equalised`.
    """
    if isinstance(pair, EqualisedPair):
        pair = pair.raw
    if isinstance(correction, str) and correction == "self":
        calibration = self_calibrate(
            pair if control is None else control, exclude=exclude, bins=bins
        )
        return _self_equalised(pair, calibration, control)
    if exclude is not None or control is not None or bins is not None:
        raise ConfigurationError(
            "exclude, control and bins are of a self-calibration; a correction from elsewhere "
            "has been fitted already"
        )
    return _corrected(pair, correction)


def _self_equalised(
    pair: Pair, calibration: SelfCalibration, control: Pair | None
) -> EqualisedPair:
    from dataclasses import replace

    from eμsym.calibration.self_calibration import inside

    if control is None:
        used = ~inside(pair, calibration.exclude)
    else:
        calibration = replace(calibration, control=True)
        used = np.zeros(pool_labels(pair).size, dtype=bool)
    ratio = calibration.ratio
    return build(
        pair,
        comparisons(pair, ratio.bins, used),
        ratio.log_ratio,
        ratio.covariance,
        calibration,
        "self" if control is None else "control",
    )


def _corrected(pair: Pair, correction: Any) -> EqualisedPair:
    """Equalise with an `EfficiencyRatio`, or with what a file holds."""
    source = "given"
    if isinstance(correction, str | Path):
        from eμsym.calibration.correction_file import read_correction

        source, correction = str(correction), read_correction(correction)
    pt, eta = lepton_columns(pair)
    used = np.zeros(pt.shape[1], dtype=bool)
    if isinstance(correction, EfficiencyRatio):
        events = comparisons(pair, correction.bins, used)
        return build(pair, events, correction.log_ratio, correction.covariance, None, source)
    if not hasattr(correction, "levels"):
        raise ConfigurationError(
            f"correction {correction!r}: give 'self', an EfficiencyRatio or a correctionlib file"
        )
    maps: EfficiencyMaps = correction
    index, theta, covariance = maps.levels(pt, eta)
    events = Comparisons(index[0], index[1], pool_labels(pair), pool_weight(pair), used, theta.size)
    return build(pair, events, theta, covariance, None, maps.path if source == "given" else source)


def build(
    raw: Pair,
    events: Comparisons,
    theta: FloatArray,
    covariance: FloatArray | None,
    calibration: SelfCalibration | None,
    source: str,
) -> EqualisedPair:
    """Return a pair with the weights that ln r = θ gives its events."""
    weight = order_weights(events.in_a, probability(theta, events.lead, events.sub))
    weight *= events.weight
    n_a = len(raw.a.require_events())
    a, b = (
        Sample(ak.with_field(sample.require_events(), weights, "weight"))
        for sample, weights in ((raw.a, weight[:n_a]), (raw.b, weight[n_a:]))
    )
    return EqualisedPair(
        _refilled(a, raw.a.histograms),
        _refilled(b, raw.b.histograms),
        raw.names,
        raw=raw,
        events=events,
        log_ratio=theta,
        log_ratio_covariance=covariance,
        calibration=calibration,
        source=source,
    )


def order_weights(in_a: BoolArray, p: FloatArray) -> FloatArray:
    """Return 2(1 − p) for events of A and 2p for those of B, shape (n,)."""
    return np.where(in_a, 2 * (1 - p), 2 * p)


def difference_covariance(pair: EqualisedPair, index: IntArray, n_bins: int) -> FloatArray:
    """Return cov(A − B) over bins; `index` is each event's bin, −1 outside: see `covariance`."""
    own, response, fitted = bin_sums(pair, index, n_bins)
    result = np.diag(own)
    if pair.in_sample:
        cells = pair.events.cells()
        inverse = inverse_information(information(pair.log_ratio, cells), cells.use)
        mixed = fitted @ inverse @ response.T
        result += response @ fit_covariance(pair.log_ratio, cells) @ response.T - mixed - mixed.T
    elif pair.log_ratio_covariance is not None:
        result += response @ pair.log_ratio_covariance @ response.T
    return 4 * result


def bin_sums(
    pair: EqualisedPair, index: IntArray, n_bins: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return each bin's Σw²pq, and Σw pq x and, of the events in the fit, Σw² pq x.

    Returns
    -------
    own : ndarray of float, shape (bins,)
    response, fitted : ndarray of float, shape (bins, k)
    """
    events = pair.events
    p = pair.probability
    pq = p * (1 - p)
    within = index >= 0

    def by_lepton(weights: FloatArray) -> FloatArray:
        size = n_bins * events.n_bins
        flat = index[within] * events.n_bins
        sums = summed(flat + events.sub[within], weights[within], size)
        sums -= summed(flat + events.lead[within], weights[within], size)
        return sums.reshape(n_bins, events.n_bins)

    own = summed(index[within], (events.weight**2 * pq)[within], n_bins)
    response = by_lepton(events.weight * pq)
    fitted = by_lepton(events.weight**2 * pq * events.used)
    return own, response, fitted


def _refilled(sample: Sample, histograms: Mapping[str, Hist]) -> Sample:
    """Return the sample with those of the histograms that its columns can fill."""
    columns = set(ak.fields(sample.require_events()))
    kept = {
        name: sample.fill(*histogram.axes)
        for name, histogram in histograms.items()
        if {axis.name for axis in histogram.axes} <= columns
    }
    return Sample(sample.events, kept)


def relabelled(pair: Pair, in_a: BoolArray) -> Pair:
    """Return the events of a pair with other labels, A's first.

    The leading lepton stays the leading one; which of the two is the electron is
    what changes. Columns ``electron_x`` and ``muon_x`` of the same x are exchanged,
    and ``electron_leads`` follows the label. Stored histograms are filled anew.

    Parameters
    ----------
    pair : Pair
    in_a : ndarray of bool, shape (n,)
        Of the pool, A's events first.
    """
    pool = joined_events(pair.a, pair.b)
    changed = in_a != pool_labels(pair)
    names = ak.fields(pool)
    columns = {name: pool[name] for name in names}
    for name in names:
        partner = name.replace("electron_", "muon_", 1)
        if name.startswith("electron_") and partner in columns:
            left, right = pool[name], pool[partner]
            columns[name] = ak.where(changed, right, left)
            columns[partner] = ak.where(changed, left, right)
    if ORDER_COLUMN in columns:
        columns[ORDER_COLUMN] = in_a
    pool = ak.zip(columns, depth_limit=1)
    a, b = (
        _refilled(Sample(pool[chosen]), sample.histograms)
        for chosen, sample in ((in_a, pair.a), (~in_a, pair.b))
    )
    return Pair(a, b, pair.names)
