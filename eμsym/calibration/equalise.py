"""The symmetry that a correction of the detector's e/μ difference leaves a pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from eμsym.calibration.calibrated import Calibrated, Correction, Known
from eμsym.calibration.correction_file import read_correction
from eμsym.calibration.efficiency_maps import EfficiencyMaps
from eμsym.calibration.efficiency_ratio import EfficiencyRatio, lepton_columns
from eμsym.calibration.event_list import EventList
from eμsym.calibration.pair_efficiencies import PairEfficiencies
from eμsym.calibration.self_calibration import self_calibrate
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
    exclude: Mapping[str, Sequence[float]] | None = None,
    control: Labelled | None = None,
    given: Any = None,
    **fit: Any,
) -> Calibrated:
    """Return the symmetry of a pair's labels under a correction; see `Pair.equalised`.

    Further arguments are those of `self_calibrate`.
    """
    raw = pair.symmetry.raw
    # Two arbitrary samples exchange nothing; under a correction their leptons do.
    exchange = raw.exchange if raw.exchange.swapped else LEPTONS
    if isinstance(correction, str) and correction == "self":
        if given is not None:
            return _on_top(pair, given, exclude, control, raw, exchange, fit)
        found = self_calibrate(pair if control is None else control, exclude=exclude, **fit)
        if control is None:
            return Calibrated(found.correction, found, "self", raw, exchange)
        unchecked = check_apart(found.ratio.events, pair.pool, "control")
        found = replace(found, control=True)
        return Calibrated(found.correction, found, "control", raw, exchange, unchecked)
    if exclude is not None or control is not None or given is not None or any(fit.values()):
        raise ConfigurationError(
            "exclude, control, given, bins, classes, edges and signed η are of a "
            "self-calibration; a correction from elsewhere has been fitted already"
        )
    elsewhere, source, unchecked = _from_elsewhere(correction, pair.pool)
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
    correction, source, unchecked = _from_elsewhere(given, pair.pool)
    known = Known(correction, source)
    found = self_calibrate(pair, exclude=exclude, offset=known.offset, **fit)
    return Calibrated(found.correction, found, "self", raw, exchange, unchecked, known)


def check_rule(rule: LabelRule | None, symmetry: Symmetry) -> None:
    """Raise a `ConfigurationError` if labels are not those whose efficiencies are modelled.

    r(pT, |η|) of the leading and the sub-leading lepton says how probable it is that the
    electron leads, `LEADING`, and nothing of other labels.

    Parameters
    ----------
    rule : LabelRule or None
        By which the pair's events were labelled; None if that is not recorded.
    symmetry : Symmetry
        Of the pair. If it exchanges anything, it must be what `LEADING` exchanges.
    """
    exchange = symmetry.raw.exchange
    # The column of labels is the user's to name, unless a rule names it.
    alike = replace(exchange, label=None) in (replace(LEPTONS, label=None), Exchange())
    if rule is not None:
        alike &= rule.ordered_by == LEADING.ordered_by and rule.exchange == LEADING.exchange
    if alike:
        return
    which = f"rule {rule.name!r}" if rule is not None else f"exchange of {exchange.label!r}"
    raise ConfigurationError(
        f"the pair's events are labelled by the {which}, and r(pT, |η|) of leading and "
        f"sub-leading leptons corrects the rule {LEADING.name!r} alone; compare them without "
        "a correction"
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


def _from_elsewhere(correction: Any, pool: Pool) -> tuple[Correction, str, str | None]:
    """Return a correction that needs no fit, what to call it, and what was not checked of it."""
    source = "given"
    if isinstance(correction, str | Path):
        source, correction = str(correction), read_correction(correction)
    pool.check_weights()
    if isinstance(correction, EfficiencyRatio):
        called = "the correction given" if source == "given" else source
        return correction, source, check_apart(correction.events, pool, called)
    if not isinstance(correction, EfficiencyMaps | PairEfficiencies):
        raise ConfigurationError(
            f"correction {correction!r}: give 'self', an EfficiencyRatio or a correctionlib file"
        )
    # Efficiencies that were measured one by one are no fit to the order of leptons.
    name = correction.path if source == "given" else source
    return correction.at(*lepton_columns(pool)), name, None
