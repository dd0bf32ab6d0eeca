"""The symmetry that a correction of the detector's e/μ difference leaves a pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.calibration.calibrated import Calibrated
from eμsym.calibration.correction_file import read_correction
from eμsym.calibration.corrections import Correction, Known
from eμsym.calibration.efficiency_maps import EfficiencyMaps
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, lepton_columns, object_columns
from eμsym.calibration.event_list import EventList
from eμsym.calibration.pair_efficiencies import PairEfficiencies
from eμsym.calibration.rule_ratios import RuleRatios
from eμsym.calibration.self_calibration import like_leading, self_calibrate
from eμsym.errors import ConfigurationError, DataError
from eμsym.exchange import LEPTONS, Exchange
from eμsym.label_rule import LEADING, LabelRule
from eμsym.pool import Pool
from eμsym.symmetry import Labelled, Symmetry

_NOT_CHECKED = "that none of the pair's own events are among them could not be checked"


def calibrated(
    pair: Labelled,
    correction: Any = "self",
    *,
    rule: LabelRule | None = None,
    exclude: Mapping[str, Sequence[float]] | None = None,
    control: Labelled | None = None,
    given: Any = None,
    **fit: Any,
) -> Calibrated:
    """Return the symmetry of a pair's labels under a correction; see `Pair.equalised`.

    Further arguments are those of `self_calibrate`. Without a rule it is `LEADING`'s.
    """
    raw = pair.symmetry.raw
    # Two arbitrary samples exchange nothing; under a correction their leptons do.
    exchange = raw.exchange if raw.exchange.swapped or rule is not None else LEPTONS
    fit["rule"] = rule = LEADING if rule is None else rule
    if isinstance(correction, str) and correction == "self":
        if given is not None:
            return _on_top(pair, given, exclude, control, raw, exchange, fit)
        found = self_calibrate(pair if control is None else control, exclude=exclude, **fit)
        if control is None:
            return Calibrated(found.correction, found, "self", raw, exchange)
        unchecked = check_apart(found.ratio.events, pair.pool, "control")
        found = replace(found, control=True)
        return Calibrated(found.correction, found, "control", raw, exchange, unchecked)
    own = any(value for name, value in fit.items() if name != "rule")
    if exclude is not None or control is not None or given is not None or own:
        raise ConfigurationError(
            "exclude, control, given, bins, classes, edges and signed η are of a "
            "self-calibration; a correction from elsewhere has been fitted already"
        )
    elsewhere, source, unchecked = _from_elsewhere(correction, pair.pool, rule)
    return Calibrated(elsewhere, None, source, raw, exchange, unchecked)


def _on_top(
    pair: Labelled,
    given: Any,
    exclude: Mapping[str, Sequence[float]] | None,
    control: Labelled | None,
    raw: Symmetry,
    exchange: Exchange,
    fit: Mapping[str, Any],
) -> Calibrated:
    """Return the symmetry with r fitted on top of efficiencies from elsewhere."""
    if control is not None:
        raise ConfigurationError(
            "control and given do not go together: on top of given efficiencies r is fitted to "
            "the pair's own events"
        )
    correction, source, unchecked = _from_elsewhere(given, pair.pool, fit["rule"])
    known = Known(correction, source)
    found = self_calibrate(pair, exclude=exclude, offset=known.offset, **fit)
    return Calibrated(found.correction, found, "self", raw, exchange, unchecked, known)


def check_rule(rule: LabelRule | None, symmetry: Symmetry) -> None:
    """Raise a `ConfigurationError` if it is not known which efficiencies labels depend on.

    Parameters
    ----------
    rule : LabelRule or None
        By which the pair's events were labelled; None if that is not recorded: then the
        pair must be one of eμ and μe.
    symmetry : Symmetry
        Of the pair. If it exchanges anything, it must be what the rule exchanges.
    """
    exchange = symmetry.raw.exchange
    # The column of labels is the user's to name, unless a rule names it.
    bare = replace(exchange, label=None)
    expected = LEPTONS if rule is None else rule.exchange
    if bare not in (replace(expected, label=None), Exchange()):
        which = f"exchange of {exchange.label!r}" if rule is None else f"rule {rule.name!r}"
        raise ConfigurationError(
            f"the pair's events are labelled by the {which}, and its symmetry exchanges something "
            "else: which efficiencies its labels depend on is not known; compare them without a "
            "correction"
        )
    if rule is None:
        return
    if not rule.terms:
        raise ConfigurationError(
            f"the rule {rule.name!r} names no efficiencies that its labels depend on: there is "
            "nothing to calibrate; name them (efficiencies = {lead = -1}), or compare without a "
            "correction"
        )
    for term in rule.objects:
        if rule.exchange.effect(f"{term.slot}_eta") == "flipped":
            raise ConfigurationError(
                f"the rule {rule.name!r} changes the sign of {term.slot}_eta, whose efficiency it "
                "names: what it is at η of either sign cannot be told of one event; let all η be "
                'along one object (oriented_by = "lead_eta"), or compare without a correction'
            )


def check_same_rule(rule: LabelRule | None, control: LabelRule | None) -> None:
    """Raise a `ConfigurationError` if control events are labelled by another rule than a pair's."""
    ours, theirs = (LEADING if each is None else each for each in (rule, control))
    if ours != theirs:
        raise ConfigurationError(
            f"control: its events are labelled by {theirs.name!r}, and the pair's by "
            f"{ours.name!r}; give one of the same rule"
        )


def check_apart(events: EventList | None, pool: Pool, source: str) -> str | None:
    """Refuse to correct events by a ratio that was fitted to some of them.

    Parameters
    ----------
    events : EventList or None
        The events of the fit; None if it is not known which.
    pool : Pool
        The events to correct.
    source : str
        What to call the correction.

    Returns
    -------
    str or None
        Why it cannot be told whether they share events, in one line; None if they do not.

    Raises
    ------
    DataError
        If they share events.
    """
    if events is None:
        return f"{source}: does not say which events it was fitted to; {_NOT_CHECKED}"
    shared = events.hold(pool)
    if shared is None:
        theirs, ours = (", ".join(names) or "nothing" for names in (events.known_by, pool.known_by))
        return (
            f"{source}: its events are known by {theirs}, and the pair's by {ours}; {_NOT_CHECKED}"
        )
    if not shared.any():
        return None
    told = " (as all their values agree)" if events.by_value else ""
    raise DataError(
        f"{source}: {np.count_nonzero(shared):,} of the pair's {len(pool):,} events are among the "
        f"{len(events):,} that it was fitted to{told}, whose fluctuations it has taken up; "
        "calibrate with 'self' (--equalise self), or leave those events out of one of the two"
    )


def _from_elsewhere(
    correction: Any, pool: Pool, rule: LabelRule
) -> tuple[Correction, str, str | None]:
    """Return a correction that needs no fit, what to call it, and what was not checked of it."""
    source = "given"
    if isinstance(correction, str | Path):
        source, correction = str(correction), read_correction(correction)
    pool.check_weights()
    called = "the correction given" if source == "given" else source
    if not isinstance(correction, EfficiencyRatio | EfficiencyMaps | PairEfficiencies):
        raise ConfigurationError(
            f"correction {correction!r}: give 'self', an EfficiencyRatio or a correctionlib file"
        )
    leading = like_leading(rule)
    if not leading:
        _check_of_rule(correction, called, rule)
    if isinstance(correction, EfficiencyRatio):
        unchecked = check_apart(correction.events, pool, called)
        return (correction if leading else RuleRatios.of_one(rule, correction)), source, unchecked
    # Efficiencies that were measured one by one are no fit to the order of leptons.
    name = correction.path if source == "given" else source
    if leading:
        return correction.at(*lepton_columns(pool)), name, None
    levels = correction.at(*object_columns(pool, [term.slot for term in rule.objects]))
    return RuleRatios.of_one(rule, levels), name, None


def _check_of_rule(
    correction: EfficiencyRatio | EfficiencyMaps | PairEfficiencies, called: str, rule: LabelRule
) -> None:
    """Refuse efficiencies that say nothing of the labels of a rule other than `LEADING`."""
    if not rule.exchange.swapped or rule.oriented_by is not None:
        raise ConfigurationError(
            f"{called}: is of muons against electrons, which the rule {rule.name!r} does not "
            "exchange; calibrate with 'self' (--equalise self)"
        )
    if isinstance(correction, PairEfficiencies):
        raise ConfigurationError(
            f"{called}: is of an electron and a muon together, and the rule {rule.name!r} needs "
            "those of single leptons: efficiency_electron and efficiency_muon"
        )
    if isinstance(correction, EfficiencyRatio) and sum(term.sign for term in rule.terms) != 0:
        raise ConfigurationError(
            f"{called}: has r up to a factor, which the rule {rule.name!r} needs; give the "
            "efficiencies themselves, efficiency_electron and efficiency_muon"
        )
