"""The formats of files that events are read from, each an object behind one seam."""

from eμsym.processors.formats.chunk import Chunk
from eμsym.processors.formats.delphes import DELPHES
from eμsym.processors.formats.flat import FLAT
from eμsym.processors.formats.known import FORMATS, format_named, most_like
from eμsym.processors.formats.nanoaod import NANOAOD
from eμsym.processors.formats.options import FormatOptions
from eμsym.processors.formats.physlite import PHYSLITE
from eμsym.processors.formats.quantities import Bit, Field, Quantity
from eμsym.processors.formats.seam import Format

__all__ = [
    "DELPHES",
    "FLAT",
    "FORMATS",
    "NANOAOD",
    "PHYSLITE",
    "Bit",
    "Chunk",
    "Field",
    "Format",
    "FormatOptions",
    "Quantity",
    "format_named",
    "most_like",
]
