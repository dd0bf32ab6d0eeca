"""What trades places in an event whose label changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from eμsym.arrays import BoolArray
from eμsym.errors import ConfigurationError
from eμsym.pool import Pool

Effect = Literal["label", "unchanged", "swapped", "flipped", "not comparable"]


@dataclass(frozen=True)
class OwnEffect:
    """What an exchange does to one column, whatever its name begins or ends with.

    Parameters
    ----------
    column : str
    effect : str
        "unchanged", "swapped", "flipped" or "not comparable".
    partner : str, optional
        The column that it changes places with, where it is swapped.

    Raises
    ------
    ConfigurationError
        If there is no such effect, or a swapped column has no partner.
    """

    column: str
    effect: Effect
    partner: str | None = None

    def __post_init__(self) -> None:
        known = [effect for effect in get_args(Effect) if effect != "label"]
        if self.effect not in known:
            raise ConfigurationError(
                f"column {self.column!r}: no exchange {self.effect!r}; there are {', '.join(known)}"
            )
        if (self.effect == "swapped") != (self.partner is not None):
            raise ConfigurationError(
                f"column {self.column!r}: is {self.effect} with {self.partner!r}; a swapped column "
                "has a partner, and no other one has"
            )


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
    own : tuple of OwnEffect
        Of single columns, such as those that a user has added, in place of what their names
        say. Two exchanges of the same particles are equal whatever they say here.

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
    own: tuple[OwnEffect, ...] = field(default=(), compare=False)

    def effect(self, column: str) -> Effect:
        """Return what the exchange does to a column."""
        if column == self.label:
            return "label"
        if (own := self._own(column)) is not None:
            return own.effect
        if column.endswith(self.not_comparable):
            return "not comparable"
        if self.partner(column) is not None:
            return "swapped"
        return "flipped" if column.endswith(self.flipped) else "unchanged"

    def dependence(self, column: str) -> str | None:
        """Return what a column depends on that a calibration must not see; None if on nothing."""
        effect = self.effect(column)
        if effect not in ("label", "swapped", "flipped"):
            return None
        of_leptons = ("electron_", "muon_") in self.swapped and column.startswith(
            ("electron_", "muon_")
        )
        return "which lepton is the electron" if of_leptons else "which sample an event is of"

    def partner(self, column: str) -> str | None:
        """Return the column that one changes places with; None if it stays."""
        if (own := self._own(column)) is not None:
            return own.partner
        for pair in self.swapped:
            for prefix, other in (pair, pair[::-1]):
                if column.startswith(prefix):
                    return other + column.removeprefix(prefix)
        return None

    def _own(self, column: str) -> OwnEffect | None:
        return next((own for own in self.own if own.column == column), None)

    def check_comparable(self, columns: Iterable[str]) -> None:
        """Refuse to compare what means one thing in A and another in B.

        Raises
        ------
        ConfigurationError
            If there is such a column.
        """
        for column in columns:
            if self.effect(column) == "not comparable":
                raise ConfigurationError(
                    f"column {column!r} is not comparable: what the exchange makes of it in an "
                    "event is not known, so A and B may differ in it without anything new"
                )

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
                columns[name] = np.where(changed, _other_sign(values), values)
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
            "own": [[own.column, own.effect, own.partner] for own in self.own],
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
            own=tuple(OwnEffect(*each) for each in content.get("own", ())),
        )


def _other_sign(values: Any) -> Any:
    """Return numbers with the other sign; of yes and no the other one."""
    return ~values if np.asarray(values).dtype == np.bool_ else -values


#: Electron and muon trade places: an eμ event becomes a μe event, and the reverse. The
#: isolation of a slot's lepton is measured, and cut on, in one way or the other.
LEPTONS = Exchange((("electron_", "muon_"),), "electron_leads", not_comparable=("_isolation",))
