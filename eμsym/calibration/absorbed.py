"""What a calibration from a pair's own labels takes up of a signal, and what it leaves."""

from __future__ import annotations

from eμsym.calibration.quality import SLOTS
from eμsym.calibration.self_calibration import like_leading
from eμsym.label_rule import LabelRule


def absorbed(rule: LabelRule) -> tuple[str, ...]:
    """Return a line for each kind of signal that a fit to a rule's labels takes up.

    Those of `LEADING` are told with the limits: how much of a signal is kept.

    Parameters
    ----------
    rule : LabelRule

    Examples
    --------
    >>> from eμsym.symmetries import LEPTON_JET
    >>> absorbed(LEPTON_JET)[0]
    'the fit takes up any ratio of the rates of e + jet and μ + jet: a rate is tested with ...'
    """
    if like_leading(rule) or not rule.terms:
        return ()
    a, b = rule.names
    lines = []
    if rule.constant:
        lines.append(
            f"the fit takes up any ratio of the rates of {a} and {b}: a rate is tested with "
            "efficiencies that are given alone (--equalise FILE)"
        )
    leptons = [SLOTS.get(term.slot, term.slot) for term in rule.objects]
    one = " or ".join(f"the {name}'s" for name in leptons)
    left = "other columns" if len(leptons) == 1 else "both of them, or on other columns"
    lines.append(
        f"it takes up what depends on {one} pT and |η| alone; it leaves what depends on {left}"
    )
    return tuple(lines)
