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
class LabelRule:
    """What makes an event with an electron and a muon one of A or of B, as data.

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

    def __post_init__(self) -> None:
        if not self.exchange.label:
            raise ConfigurationError(
                f"label rule {self.name!r}: its exchange names no column of labels"
            )

    @property
    def column(self) -> str:
        """The column that is true for A."""
        return str(self.exchange.label)

    def to_dict(self) -> dict[str, Any]:
        """Return the rule for JSON, for `from_dict`."""
        return {
            "name": self.name,
            "ordered_by": self.ordered_by,
            "orders": list(self.orders),
            "names": list(self.names),
            "exchange": self.exchange.to_dict(),
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
        return cls(
            name=str(content["name"]),
            ordered_by=str(content["ordered_by"]),
            orders=(str(order_a), str(order_b)),
            names=(str(name_a), str(name_b)),
            exchange=Exchange.from_dict(content["exchange"]),
        )


#: A is eμ, where the electron leads, and B is μe, where the muon leads.
LEADING = LabelRule(
    name="leading",
    ordered_by="PT",
    orders=("emu", "mue"),
    names=("eμ", "μe"),
    exchange=LEPTONS,
)


def rule_of(results: Mapping[str, Any]) -> LabelRule:
    """Return the rule that the content of a ``results.json`` says; of old ones, `LEADING`.

    Raises
    ------
    KeyError, TypeError, ValueError, ConfigurationError
        If what it says is no rule.
    """
    return LabelRule.from_dict(results[LABEL_RULE]) if LABEL_RULE in results else LEADING
