"""The formats that are known, and which of them a file is of."""

from __future__ import annotations

from collections.abc import Callable, Collection

from eμsym.errors import ConfigurationError
from eμsym.processors.formats.delphes import DELPHES, delphes
from eμsym.processors.formats.flat import FLAT, flat
from eμsym.processors.formats.nanoaod import NANOAOD, nanoaod
from eμsym.processors.formats.options import FormatOptions
from eμsym.processors.formats.physlite import PHYSLITE, physlite
from eμsym.processors.formats.seam import Format

#: As they are read unless a user says otherwise.
FORMATS = (DELPHES, NANOAOD, PHYSLITE, FLAT)

_MAKERS: dict[str, Callable[[FormatOptions], Format]] = {
    "Delphes": delphes,
    "NanoAOD": nanoaod,
    "PHYSLITE": physlite,
    "flat": flat,
}


def format_named(name: str, options: FormatOptions) -> Format:
    """Return a format by its name, in letters of any case, as a user wants it read.

    Raises
    ------
    ConfigurationError
        If there is no such format, or it has no use for an option.
    InputFileError
        If a file that an option names cannot be read.
    """
    for known, make in _MAKERS.items():
        if known.lower() == name.lower():
            return make(options)
    raise ConfigurationError(f"format.name = {name!r}: there are {', '.join(_MAKERS)}")


def most_like(branches: Collection[str], container: str = "root") -> Format | None:
    """Return the format of which most of the needed branches are there; None if none is.

    Parameters
    ----------
    branches : collection of str
        Those of a file.
    container : str
        What the file is: ``root`` or ``parquet``.
    """
    shares = {
        known: sum(name in branches for name in known.branches) / len(known.branches)
        for known in FORMATS
        if known.container == container
    }
    best = max(shares, key=lambda known: shares[known])
    return best if shares[best] > 0 else None
