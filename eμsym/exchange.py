"""What trades places in an event whose label changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from eμsym.arrays import BoolArray
from eμsym.pool import Pool

Effect = Literal["label", "unchanged", "swapped", "flipped", "not comparable"]


@dataclass(frozen=True)
class Exchange:
    """What trades places in an event whose label changes.

    Slots, such as the leading and the sub-leading lepton, stay what they are; what
    belongs to one of the particles goes where the particle goes.

    Parameters
    ----------
    swapped : tuple of (str, str)
        Beginnings of the names of columns that change places: ``electron_pt`` with
        ``muon_pt``, for ("electron_", "muon_").
    label : str, optional
        The column that says whether an event is A's.
    flipped : tuple of str
        Ends of the names of columns whose sign changes.
    not_comparable : tuple of str
        Ends of the names of columns that mean one thing in A and another in B, such as
        an isolation that is measured differently on the two particles.

    Examples
    --------
    >>> LEPTONS.partner("electron_pt"), LEPTONS.partner("lead_pt")
    ('muon_pt', None)
    >>> [LEPTONS.effect(name) for name in ("electron_pt", "lead_pt", "lead_isolation")]
    ['swapped', 'unchanged', 'not comparable']
    """

    swapped: tuple[tuple[str, str], ...] = ()
    label: str | None = None
    flipped: tuple[str, ...] = ()
    not_comparable: tuple[str, ...] = ()

    def effect(self, column: str) -> Effect:
        """Return what the exchange does to a column."""
        if column == self.label:
            return "label"
        if column.endswith(self.not_comparable):
            return "not comparable"
        if self.partner(column) is not None:
            return "swapped"
        return "flipped" if column.endswith(self.flipped) else "unchanged"

    def partner(self, column: str) -> str | None:
        """Return the column that one changes places with; None if it stays."""
        for pair in self.swapped:
            for prefix, other in (pair, pair[::-1]):
                if column.startswith(prefix):
                    return other + column.removeprefix(prefix)
        return None

    def read(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Return the columns with those that they change places with."""
        partners = ((name, self.partner(name)) for name in columns)
        return tuple(dict.fromkeys(name for pair in partners for name in pair if name))

    def changes(self, pool: Pool, columns: Iterable[str]) -> bool:
        """Return whether `apply` may change one of these columns of a pool."""
        return any(
            self.partner(name) in pool.columns or self.effect(name) in ("flipped", "label")
            for name in columns
        )

    def apply(self, pool: Pool, labels: BoolArray) -> Pool:
        """Return a pool of single events with other labels, and with what that exchanges."""
        columns: dict[str, Any] = {}
        changed = labels != pool.labels
        for name, values in pool.columns.items():
            partner = self.partner(name)
            if partner is not None and partner in pool.columns:
                columns[name] = np.where(changed, pool.columns[partner], values)
            elif self.effect(name) == "flipped":
                columns[name] = np.where(changed, -values, values)
        if self.label is not None and self.label in pool.columns:
            columns[self.label] = labels
        return pool.with_columns(columns).relabelled(labels)

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON, for `from_dict`."""
        return {
            "label": self.label,
            "swapped": [list(pair) for pair in self.swapped],
            "flipped": list(self.flipped),
            "not_comparable": list(self.not_comparable),
        }

    @classmethod
    def from_dict(cls, content: Any) -> Exchange:
        """Make it of what `to_dict` gave.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is not that.
        """
        return cls(
            swapped=tuple((str(one), str(other)) for one, other in content["swapped"]),
            label=None if content["label"] is None else str(content["label"]),
            flipped=tuple(map(str, content["flipped"])),
            not_comparable=tuple(map(str, content["not_comparable"])),
        )


#: Electron and muon trade places: an eμ event becomes a μe event, and the reverse. The
#: isolation of a slot's lepton is measured, and cut on, in one way or the other.
LEPTONS = Exchange((("electron_", "muon_"),), "electron_leads", not_comparable=("_isolation",))
