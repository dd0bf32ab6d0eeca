"""What an object or an event must pass, said in words: "cutBased >= 3 and convVeto"."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import awkward as ak

from eμsym.errors import ConfigurationError, InputFileError
from eμsym.processors.formats.quantities import Field, place_of

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_COMPARISON = re.compile(r"(?P<name>[A-Za-z]\w*)(?:\s*(?P<sign>[<>]=?|[=!]=)\s*(?P<value>\S+))?")

#: How a user says that there is no requirement at all.
NONE = "none"


@dataclass(frozen=True)
class Comparison:
    """A member that is compared with a number, or is a truth itself.

    Parameters
    ----------
    field : Field
    sign : str
        One of ``>=  <=  ==  !=  >  <``.
    value : float
    """

    field: Field
    sign: str = "!="
    value: float = 0.0

    def read(self, events: Any) -> ak.Array:
        """Return whether it holds, n * var * bool."""
        return _OPERATORS[self.sign](self.field.read(events), self.value)


@dataclass(frozen=True)
class Passes:
    """All of some comparisons.

    Parameters
    ----------
    comparisons : tuple of Comparison
        At least one.
    """

    comparisons: tuple[Comparison, ...]

    @property
    def name(self) -> str:
        """The members compared."""
        return ", ".join(each.field.name for each in self.comparisons)

    @property
    def branches(self) -> tuple[str, ...]:
        """Those of all members."""
        return tuple(name for each in self.comparisons for name in each.field.branches)

    def read(self, events: Any) -> ak.Array:
        """Return whether all hold, n * var * bool."""
        first, *others = (each.read(events) for each in self.comparisons)
        for other in others:
            first = first & other
        return first


def passes(option: str, text: str, field: Callable[[str], Field]) -> Passes | None:
    """Return what "cutBased >= 3 and convVeto" asks for; None of "none".

    Parameters
    ----------
    option : str
        What to call the text in an error.
    text : str
        Members, each alone (it must be true, or other than 0) or compared with a number,
        joined by "and".
    field : callable
        Where the member of that name stands.

    Raises
    ------
    ConfigurationError
        If it is not of that form.
    """
    if text.strip().lower() == NONE:
        return None
    comparisons = []
    for part in re.split(r"\s+and\s+", text.strip()):
        found = _COMPARISON.fullmatch(part.strip())
        try:
            if found is None:
                raise ValueError
            sign, value = found["sign"] or "!=", float(found["value"] or 0)
        except ValueError:
            raise ConfigurationError(
                f'{option} = {text!r}: {part!r} is no requirement; write it like "name", '
                '"name >= 3" or "name >= 3 and other"'
            ) from None
        comparisons.append(Comparison(field(found["name"]), sign, value))
    return Passes(tuple(comparisons))


@dataclass(frozen=True)
class AnyOf:
    """Events for which any of some branches is true: trigger paths.

    Parameters
    ----------
    names : tuple of str
        One with a question mark at its end need not be in every file.
    """

    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The first of them, for errors."""
        return self.names[0].removesuffix("?")

    @property
    def branches(self) -> tuple[str, ...]:
        """Those that must be there."""
        return tuple(name for name in self.names if not name.endswith("?"))

    @property
    def where_there(self) -> tuple[str, ...]:
        """Those that are read where a file has them."""
        return tuple(name.removesuffix("?") for name in self.names if name.endswith("?"))

    def read(self, events: Any) -> ak.Array:
        """Return whether any is true, n * bool.

        Raises
        ------
        InputFileError
            If a file has none of them.
        """
        asked = [Field(tuple(x.split("_", 1))) for x in (*self.branches, *self.where_there)]
        found = [each.read(events) for each in asked if each.is_in(events)]
        if not found:
            raise InputFileError(
                f"{place_of(events, 0)[0]}: has none of the triggers {', '.join(self.names)}; "
                "name one that it has"
            )
        fired = found[0]
        for other in found[1:]:
            fired = fired | other
        return fired
