"""The pip-only generator: Pythia 8, a parametrised detector, Delphes' layout."""

from eμsym.recipes.simulation.production import SimulatedSample, simulate

__all__ = ["SimulatedSample", "simulate"]
