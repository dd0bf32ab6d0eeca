"""The cuts of a dataset of control events: those of the configuration, with some of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from eμsym.errors import ConfigurationError
from eμsym.selection import ControlCuts, Cuts


def control_cuts(cuts: Cuts, given: Mapping[str, Any]) -> ControlCuts:
    """Return cuts with some of them replaced.

    Parameters
    ----------
    cuts : Cuts
    given : mapping of str to number or bool
        Names are those of `ControlCuts`.

    Raises
    ------
    ConfigurationError
        If there is no such cut, or it cannot have this value.
    """
    known = [field.name for field in fields(ControlCuts)]
    for name, value in given.items():
        if name not in known:
            raise ConfigurationError(f"no cut {name!r}; there are {', '.join(known)}")
        wanted = bool if name == "opposite_charge" else (int, float)
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            kind = "true or false" if wanted is bool else "a number"
            raise ConfigurationError(f"cuts.{name} = {value!r}: must be {kind}")
    return ControlCuts(**{**asdict(cuts), **given})
