"""Which events are A, what the two samples are called, and what their exchange does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eμsym.errors import ConfigurationError
from eμsym.exchange import LEPTONS, Exchange

#: Where ``results.json`` says by which rule its events were labelled.
LABEL_RULE = "label_rule"


@dataclass(frozen=True)
class Term:
    """What one lepton's efficiency adds to ln P(A)/P(B): s ln r(k).

    Parameters
    ----------
    slot : str
        Beginning of the names of its columns: "lead" for ``lead_pt`` and ``lead_eta``.
    sign : int
        s, +1 or −1.
    ratio : str
        Which ratio of efficiencies r is; terms with the same name share it.
    """

    slot: str
    sign: int
    ratio: str = "r"


#: ln P(A)/P(B) = ln r(k_sub) − ln r(k_lead), r = ε_μ/ε_e.
_LEADING_TERMS = (Term("sub", 1), Term("lead", -1))


@dataclass(frozen=True)
class LabelRule:
    """What makes a selected event one of A or of B, as data.

    Parameters
    ----------
    name : str
    ordered_by : str
        Which of `eμsym.selection.LEPTON_FIELDS` puts the two leptons into their slots,
        the larger one first. A are the events whose electron comes first; ties are B's.
    orders : tuple of str
        Categories of the axis ``order`` of histograms, and steps of the cutflow, A first.
    names : tuple of str
        What to call A and B in tables and figures.
    exchange : Exchange
        What happens to the columns of an event whose label changes. It names the
        label's own, see `column`.
    selection : str
        What an event must have: see `eμsym.final_states.FINAL_STATES`.
    condition : str, optional
        An expression over the columns that is true for A. Default: what `ordered_by` and
        `selection` say.
    oriented_by : str, optional
        The η by whose sign every η is multiplied, so that the event's direction along the
        beam is that of one object.
    terms : tuple of Term
        How the leptons' efficiencies enter ln P(A)/P(B). Of an oriented rule each is times the
        sign of the lepton's η. Without any nothing can be calibrated.
    constant : bool
        Whether there is a further term that is the same for all events: what the mean of ln r
        is worth where it does not cancel, and any difference of the two rates.

    Raises
    ------
    ConfigurationError
        If the exchange names none.

    Examples
    --------
    >>> LEADING.orders, LEADING.names, LEADING.column
    (('emu', 'mue'), ('eμ', 'μe'), 'electron_leads')
    >>> LabelRule.from_dict(LEADING.to_dict()) == LEADING
    True
    """

    name: str
    ordered_by: str
    orders: tuple[str, str]
    names: tuple[str, str]
    exchange: Exchange
    selection: str = "emu"
    condition: str | None = None
    oriented_by: str | None = None
    terms: tuple[Term, ...] = ()
    constant: bool = False

    def __post_init__(self) -> None:
        if not self.exchange.label:
            raise ConfigurationError(
                f"label rule {self.name!r}: its exchange names no column of labels"
            )

    @property
    def column(self) -> str:
        """The column that is true for A."""
        return str(self.exchange.label)

    @property
    def objects(self) -> tuple[Term, ...]:
        """The terms in the order of their slots' names, however they are listed."""
        return tuple(sorted(self.terms, key=lambda term: term.slot))

    @property
    def groups(self) -> tuple[str, ...]:
        """The different ratios of efficiencies, in the order of `objects`."""
        return tuple(dict.fromkeys(term.ratio for term in self.objects))

    def to_dict(self) -> dict[str, Any]:
        """Return the rule for JSON, for `from_dict`."""
        return {
            "name": self.name,
            "ordered_by": self.ordered_by,
            "orders": list(self.orders),
            "names": list(self.names),
            "exchange": self.exchange.to_dict(),
            "selection": self.selection,
            "condition": self.condition,
            "oriented_by": self.oriented_by,
            "terms": [[term.slot, term.sign, term.ratio] for term in self.terms],
            "constant": self.constant,
        }

    @classmethod
    def from_dict(cls, content: Any) -> LabelRule:
        """Make the rule of what `to_dict` gave.

        Raises
        ------
        KeyError, TypeError, ValueError, ConfigurationError
            If it is not that.
        """
        (order_a, order_b), (name_a, name_b) = content["orders"], content["names"]
        exchange = Exchange.from_dict(content["exchange"])
        terms = tuple(Term(*term) for term in content.get("terms", ()))
        if "terms" not in content and exchange == LEPTONS:
            # Of an earlier version, which knew of no other.
            terms = _LEADING_TERMS
        return cls(
            name=str(content["name"]),
            ordered_by=str(content["ordered_by"]),
            orders=(str(order_a), str(order_b)),
            names=(str(name_a), str(name_b)),
            exchange=exchange,
            selection=str(content.get("selection", "emu")),
            condition=_text(content.get("condition")),
            oriented_by=_text(content.get("oriented_by")),
            terms=terms,
            constant=bool(content.get("constant", False)),
        )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


#: A is eμ, where the electron leads, and B is μe, where the muon leads.
LEADING = LabelRule(
    name="leading",
    ordered_by="PT",
    orders=("emu", "mue"),
    names=("eμ", "μe"),
    exchange=LEPTONS,
    terms=_LEADING_TERMS,
)


def rule_of(results: Mapping[str, Any]) -> LabelRule:
    """Return the rule that the content of a ``results.json`` says; of old ones, `LEADING`.

    Raises
    ------
    KeyError, TypeError, ValueError, ConfigurationError
        If what it says is no rule.
    """
    return LabelRule.from_dict(results[LABEL_RULE]) if LABEL_RULE in results else LEADING
