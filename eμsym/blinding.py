"""Blinding: a window of columns whose events are in no figure, table or test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eμsym.errors import ConfigurationError


@dataclass(frozen=True)
class Blinding:
    """A window that is not to be looked at yet.

    Parameters
    ----------
    windows : mapping of str to (float, float)
        Range of each column, the lower end in it and the upper one not; what is inside all of
        them is hidden. Without any nothing is.

    Raises
    ------
    ConfigurationError
        If a range holds nothing.

    Examples
    --------
    >>> blinding = Blinding({"m_coll": (110, 140)})
    >>> str(blinding), blinding.where
    ('m_coll 110 to 140', 'not (m_coll >= 110.0 and m_coll < 140.0)')
    >>> bool(Blinding())
    False
    """

    windows: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for column, (low, high) in self.windows.items():
            if not low < high or abs(low) == float("inf") or abs(high) == float("inf"):
                raise ConfigurationError(
                    f"blinding: {column}={low:g}:{high:g} is no range; write the lower end first, "
                    "both finite, such as m_coll=110:140"
                )

    def __bool__(self) -> bool:
        return bool(self.windows)

    def __str__(self) -> str:
        return ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in self._sorted)

    @property
    def where(self) -> str:
        """The condition of the events that are left, see `eμsym.expression.Expression`."""
        inside = " and ".join(
            f"{name} >= {float(low)!r} and {name} < {float(high)!r}"
            for name, (low, high) in self._sorted
        )
        return f"not ({inside})" if inside else "true"

    def to_dict(self) -> dict[str, list[float]]:
        """Return the windows for JSON."""
        return {name: [float(low), float(high)] for name, (low, high) in self._sorted}

    @property
    def _sorted(self) -> list[tuple[str, tuple[float, float]]]:
        return sorted(self.windows.items())
