"""coffea processors and how they are run: Delphes files in, pairs out."""

from eμsym.processors.config import Binning, EMuConfig
from eμsym.processors.emu import EMuProcessor

__all__ = ["Binning", "EMuConfig", "EMuProcessor"]
