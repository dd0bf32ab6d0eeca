"""The formats of files that events are read from, each an object behind one seam."""

from eμsym.processors.formats.chunk import Chunk
from eμsym.processors.formats.delphes import DELPHES
from eμsym.processors.formats.quantities import Bit, Field, Quantity
from eμsym.processors.formats.seam import Format

__all__ = ["DELPHES", "Bit", "Chunk", "Field", "Format", "Quantity"]
