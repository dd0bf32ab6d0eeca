"""coffea processors and how they are run: files of events in, pairs out."""

from eμsym.processors.config import Binning, EMuConfig, OwnColumn
from eμsym.processors.emu import EMuProcessor, SymmetryProcessor
from eμsym.processors.formats import DELPHES, Field, Format
from eμsym.symmetries import OwnSymmetry

__all__ = [
    "DELPHES",
    "Binning",
    "EMuConfig",
    "EMuProcessor",
    "Field",
    "Format",
    "OwnColumn",
    "OwnSymmetry",
    "SymmetryProcessor",
]
