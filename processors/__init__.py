"""coffea processors and how they are run: files of events in, pairs out."""

from eμsym.processors.binning import Binning
from eμsym.processors.config import EMuConfig
from eμsym.processors.emu import EMuProcessor, SymmetryProcessor
from eμsym.processors.formats import DELPHES, Field, Format, FormatOptions
from eμsym.processors.own_columns import OwnColumn
from eμsym.symmetries import OwnSymmetry

__all__ = [
    "DELPHES",
    "Binning",
    "EMuConfig",
    "EMuProcessor",
    "Field",
    "Format",
    "FormatOptions",
    "OwnColumn",
    "OwnSymmetry",
    "SymmetryProcessor",
]
