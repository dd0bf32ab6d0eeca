"""Named parts of the selected events, that a processed folder remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eμsym.errors import ConfigurationError
from eμsym.expression import Expression


@dataclass(frozen=True)
class Region:
    """A named part of the selected events.

    Parameters
    ----------
    name : str
        What to call it.
    where : str
        The condition, see `eμsym.expression.Expression`.

    Raises
    ------
    ConfigurationError
        If the name is empty, or the condition is none.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (as pydantic wants it)

    name: str
    where: str

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ConfigurationError("regions: a region without a name")
        try:
            Expression(self.where)
        except ConfigurationError as error:
            raise ConfigurationError(f"region {self.name!r}: {error}") from error

    @property
    def condition(self) -> Expression:
        """The condition."""
        return Expression(self.where)


def regions_of(processor: Mapping[str, Any]) -> dict[str, Region]:
    """Return the regions that the configuration in a ``results.json`` names.

    Raises
    ------
    KeyError, TypeError, AttributeError, ConfigurationError
        If what is there is none.
    """
    found = [Region(str(each["name"]), str(each["where"])) for each in processor.get("regions", ())]
    return {region.name: region for region in found}


def named(regions: Mapping[str, Region], name: str) -> Region:
    """Return one of the regions by its name.

    Raises
    ------
    ConfigurationError
        If it is not there; the message lists those that are.
    """
    if name not in regions:
        there = f"there are {', '.join(regions)}" if regions else "none was defined"
        raise ConfigurationError(
            f"no region {name!r}; {there}; define it as [[processor.regions]] with name and where, "
            "and process again"
        )
    return regions[name]
