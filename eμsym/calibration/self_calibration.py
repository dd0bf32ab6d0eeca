"""The ratios of efficiencies from the pair itself: which events, which terms, and the fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eμsym.arrays import BoolArray, FloatArray
from eμsym.calibration.bradley_terry import Cells, fit_covariance, newton_fit, separated_bins
from eμsym.calibration.class_ratios import ClassRatios, class_of, classes_of
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, LeptonBins, object_columns
from eμsym.calibration.event_list import EventList
from eμsym.calibration.ratio_terms import RatioTerms, binned_terms, constant_term, smooth_terms
from eμsym.calibration.rule_ratios import RuleRatios
from eμsym.errors import ConfigurationError, DataError
from eμsym.exchange import LEPTONS, Exchange
from eμsym.label_rule import LEADING, LabelRule
from eμsym.pool import Pool
from eμsym.shown import Shown
from eμsym.symmetry import Labelled

#: Fewer events than this say nothing that the prior does not.
MIN_EVENTS = 20

Window = tuple[str, float, float]

#: What a fit gives: of the leading lepton, of other rules, and of classes of either.
Fitted = EfficiencyRatio | RuleRatios | ClassRatios


@dataclass(frozen=True, eq=False, repr=False)
class SelfCalibration(Shown):
    """Result of `self_calibrate`.

    Attributes
    ----------
    correction : EfficiencyRatio, RuleRatios or ClassRatios
        ln r at the levels with its covariance, and which events are in the fit; where a
        constant in ln r cancels or is a term of its own, Σ use · ln r = 0.
    terms : RatioTerms
        What ln r is made of.
    values : ndarray of float, shape (terms,)
        The fitted terms.
    n_events : int
        Events in the fit.
    n_informative : int
        Those whose efficiencies do not cancel: of eμ pairs with leptons at different levels.
    exclude : tuple of (str, float, float)
        Column, lower and upper edge of the window whose events were left out.
    control : bool
        Whether it was fitted to other events than those it corrects.
    """

    correction: Fitted
    terms: RatioTerms
    values: FloatArray
    n_events: int
    n_informative: int
    exclude: tuple[Window, ...] = ()
    control: bool = False

    @property
    def ratios(self) -> tuple[EfficiencyRatio, ...]:
        """The ratio of each group of objects, class by class."""
        return tuple(single_ratios(self.correction))

    @property
    def ratio(self) -> EfficiencyRatio:
        """The ratio; the first one if there are several."""
        return self.ratios[0]

    def to_dict(self) -> dict[str, Any]:
        """Return the fit and its covariance, for JSON."""
        classes = self.correction if isinstance(self.correction, ClassRatios) else None
        return {
            "ratio": self.correction.to_dict(),
            "by": None if classes is None else classes.column,
            "n_classes": None if classes is None else len(classes.classes),
            "n_terms": self.values.size,
            "n_events": self.n_events,
            "n_informative": self.n_informative,
            "exclude": {column: [low, high] for column, low, high in self.exclude},
            "control": self.control,
        }


def single_ratios(correction: Fitted) -> list[EfficiencyRatio]:
    """Return the ratios that a fit's result is made of."""
    if isinstance(correction, EfficiencyRatio):
        return [correction]
    found = []
    for part in correction.ratios:
        assert isinstance(part, EfficiencyRatio | RuleRatios)  # nothing else is fitted
        found += single_ratios(part)
    return found


def self_calibrate(
    pair: Labelled,
    *,
    rule: LabelRule = LEADING,
    exclude: Mapping[str, Sequence[float]] | None = None,
    bins: LeptonBins | None = None,
    by: str | None = None,
    abseta_edges: Sequence[float] | None = None,
    pt_edges: Sequence[float] = (),
    signed_eta: bool = False,
    offset: Callable[[Pool], FloatArray] | None = None,
) -> SelfCalibration:
    """Fit r(pT, η) = ε_μ/ε_e, or what the rule has in its place, to a pair's own labels.

    Parameters
    ----------
    pair : Pair
        Its raw events are taken. Needs the columns of pT, in GeV, and η of all objects of
        the rule: of eμ pairs ``lead_pt``, ``lead_eta``, ``sub_pt`` and ``sub_eta``.
    rule : LabelRule
        By which its events are labelled.
    exclude : mapping of str to (float, float), optional
        A window, column by column: events inside all of its ranges (the lower
        edge included) are left out of the fit, so that a signal there is not
        taken for a difference of efficiencies.
    bins : LeptonBins, optional
        r constant in these bins, and free. Default: smooth, see
        `eμsym.calibration.ratio_terms`.
    by : str, optional
        A column of few values: each class of events has an r of its own.
    abseta_edges : sequence of float, optional
        Where a smooth r may jump in |η|. Default: `CRACKS`.
    pt_edges : sequence of float
        Where it may jump in pT, in GeV: thresholds of triggers.
    signed_eta : bool
        Whether a smooth r may differ between η and −η.
    offset : callable, optional
        Gives what is known of ln P(eμ)/P(μe) of the events of a pool, on top of which r is
        fitted.

    Returns
    -------
    SelfCalibration

    Raises
    ------
    DataError
        If there are too few events; or, with `bins`, one is empty, or they cannot be
        compared with each other: no event does, or all of one bin's leptons are of one
        flavour.
    ConfigurationError
        If the window or the classes are of a column that is not there, or that the exchange
        changes, or edges do not rise, or signed η is asked for of a rule along the beam.

    Notes
    -----
    A logistic regression on counts by the levels of both leptons, with the terms' priors:
    convex, by Newton's method. Weighted events: the quasi-likelihood of the weighted sums,
    with the sandwich covariance.
    """
    windows = checked_windows(exclude, rule.exchange)
    if bins is not None and (abseta_edges is not None or len(pt_edges) or signed_eta):
        raise ConfigurationError(
            "edges in |η| and pT, and signed η, are of a smooth r; the bins have their own"
        )
    if signed_eta and rule.oriented_by is not None:
        raise ConfigurationError(
            f"signed η: {rule.name!r} compares η with −η, and its efficiencies have both signs"
        )
    pool = pair.pool
    used = ~inside(pool, windows)
    fitted = pool.where(used)
    object_columns(fitted, [term.slot for term in rule.objects])  # before all else: are they there?
    if len(fitted) < MIN_EVENTS:
        raise DataError(
            f"{len(fitted)} events are too few to calibrate with: {MIN_EVENTS} are needed; add "
            "events, or use a control region or a correction file"
        )
    classes: tuple[float, ...] = (0.0,)
    number = np.zeros(len(fitted), dtype=np.int64)
    if by is not None:
        classes = classes_of(pool, by, rule.exchange)
        number = class_of(fitted, by, classes)

    def terms_of(pt: FloatArray, eta: FloatArray) -> tuple[LeptonBins, RatioTerms]:
        if bins is not None:
            return bins, binned_terms(bins)
        return smooth_terms(
            pt, eta, abseta_edges=abseta_edges, pt_edges=pt_edges, signed=signed_eta
        )

    ratios, parts = [], []
    for i in range(len(classes)):
        mine = number == i
        chosen = mine if mine.any() else np.ones(mine.size, dtype=bool)
        ratio, terms = _nothing_fitted(rule, fitted.where(chosen), terms_of)
        ratios.append(ratio)
        parts.append(terms)
    empty = ratios[0] if by is None else ClassRatios(by, classes, tuple(ratios))
    known = None if offset is None else offset(fitted)
    joined = RatioTerms.joined(parts)
    return _fitted(empty, joined, fitted, windows, known, checked=bins is not None)


TermsOf = Callable[[FloatArray, FloatArray], tuple[LeptonBins, RatioTerms]]


def _nothing_fitted(
    rule: LabelRule, pool: Pool, terms_of: TermsOf
) -> tuple[EfficiencyRatio | RuleRatios, RatioTerms]:
    """Return ln r of zero for the objects of a rule, and the terms that it may have."""
    found, parts = [], []
    for group in rule.groups:
        slots = [term.slot for term in rule.objects if term.ratio == group]
        pt, eta = object_columns(pool, slots)
        if rule.oriented_by is not None:
            eta = np.abs(eta)
        bins, terms = terms_of(pt, eta)
        if rule.oriented_by is None:
            # What the mean of ln r is worth cancels, or is in the constant.
            terms = terms.centred(_use(bins, pt, eta))
        else:
            terms = terms.with_level()
        found.append(EfficiencyRatio(bins, np.zeros(len(bins)), np.zeros((len(bins),) * 2)))
        parts.append(terms)
    if like_leading(rule):
        return found[0], parts[0]
    if rule.constant:
        parts.append(constant_term(free=bool(np.all(np.isinf(parts[0].prior)))))
    ratios = RuleRatios(rule, tuple(found), 0.0 if rule.constant else None, None)
    return ratios, RatioTerms.joined(parts)


def like_leading(rule: LabelRule) -> bool:
    """Return whether a rule has the efficiencies of `LEADING`, whatever else it says."""
    alike = rule.objects == LEADING.objects and not rule.constant
    return alike and rule.oriented_by is None


def _use(bins: LeptonBins, pt: FloatArray, eta: FloatArray) -> FloatArray:
    """Return the share of the leptons that are at each level."""
    counts = np.bincount(bins.index(pt, eta).ravel(), minlength=len(bins))
    return np.asarray(counts / max(counts.sum(), 1))


def _fitted(
    correction: Fitted,
    terms: RatioTerms,
    pool: Pool,
    windows: tuple[Window, ...],
    known: FloatArray | None,
    *,
    checked: bool,
) -> SelfCalibration:
    design = correction.design(pool)
    cells = Cells.count(design, pool, terms, known)
    if checked and isinstance(correction, EfficiencyRatio):
        check_comparable(cells, correction.bins)
    values = newton_fit(cells)
    events = EventList.of(pool)
    found = with_terms(correction, terms, values, fit_covariance(values, cells), events)
    return SelfCalibration(
        correction=found,
        terms=terms,
        values=values,
        n_events=len(pool),
        n_informative=int(np.count_nonzero(design.informative)),
        exclude=windows,
    )


def with_terms(
    correction: Fitted,
    terms: RatioTerms,
    values: FloatArray,
    covariance: FloatArray,
    events: EventList | None,
) -> Fitted:
    """Return the ratio of fitted terms in place of another of the same levels.

    Parameters
    ----------
    correction : EfficiencyRatio, RuleRatios or ClassRatios
    terms : RatioTerms
    values : ndarray of float, shape (terms,)
    covariance : ndarray of float, shape (terms, terms)
    events : EventList or None
        In the fit.
    """
    root = np.linalg.cholesky(covariance) if covariance.size else covariance
    return correction.fitted(terms.basis @ values, (terms.basis @ root).T, events)


def recalibrated(old: SelfCalibration, values: FloatArray, cells: Cells) -> SelfCalibration:
    """Return a calibration whose terms were fitted to other labels of the same events."""
    covariance = fit_covariance(values, cells)
    correction = with_terms(old.correction, old.terms, values, covariance, old.ratio.events)
    return replace(old, correction=correction, values=values)


def checked_windows(
    exclude: Mapping[str, Sequence[float]] | None, exchange: Exchange = LEPTONS
) -> tuple[Window, ...]:
    """Return the window as (column, low, high), or raise a `ConfigurationError`."""
    windows = []
    for column, edges in (exclude or {}).items():
        try:
            low, high = (float(edge) for edge in edges)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"exclude {column}: give a lower and an upper edge, got {edges!r}"
            ) from error
        if not low < high:
            raise ConfigurationError(f"exclude {column}: {low:g} to {high:g} is no range")
        if (on := exchange.dependence(column)) is not None:
            raise ConfigurationError(
                f"exclude {column}: it changes with {on}; "
                "use a column that does not, as of the leading or sub-leading lepton"
            )
        windows.append((column, low, high))
    return tuple(windows)


def inside(pool: Pool, windows: Sequence[Window]) -> BoolArray:
    """Return which events of a pool are in the window; none if there is no window."""
    result = np.full(len(pool), bool(windows))
    for column, low, high in windows:
        if column not in pool.columns:
            raise ConfigurationError(f"exclude {column}: the events have no such column")
        values = pool.column(column)
        result &= (values >= low) & (values < high)
    return result


def check_comparable(cells: Cells, bins: LeptonBins) -> None:
    """Raise a `DataError` that names the bins whose ln r the events leave open."""
    groups, compared = separated_bins(cells)
    if len(groups) == 1:
        return
    lonely = np.concatenate(groups[1:])
    named = "; ".join(bins.label(k) for k in lonely[:3])
    more = f" and {lonely.size - 3} more" if lonely.size > 3 else ""
    reason = "all events have one order" if compared else "no event compares them"
    raise DataError(
        f"{lonely.size} of {len(bins)} bins cannot be calibrated, {reason} with the others: "
        f"{named}{more}; choose wider bins of pT and |η|"
    )
