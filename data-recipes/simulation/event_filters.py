"""Which generated events are worth a detector: filters, one for every final state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eμsym.recipes.simulation.atlas_card import JET_RADIUS
from eμsym.recipes.simulation.jets import cluster
from eμsym.recipes.simulation.particles import BoolArray, IntArray, Particles

#: Leptons must have more pT in GeV, and less |η|; the latter of the embedded sample.
LEPTON_PT_MIN, LEPTON_ETA_MAX = 10.0, 2.6
#: So must jets of particles: well below what is ever a jet in the detector.
JET_PT_MIN = 15.0
_ELECTRON, _MUON, _NEUTRINOS = 11, 13, (12, 14, 16)


@dataclass(frozen=True)
class EventFilter:
    """What a generated event must have.

    Attributes
    ----------
    description : str
        For the fileset.
    passes : callable
        (particles, n_events) → which events have it, shape (n_events,).
    """

    description: str
    passes: Callable[[Particles, int], BoolArray]


def has_electron_and_muon(particles: Particles, n_events: int) -> BoolArray:
    """Return which events have an electron and a muon, of whatever origin."""
    return (_leptons(particles, n_events, _ELECTRON) > 0) & (
        _leptons(particles, n_events, _MUON) > 0
    )


def has_two_of_a_flavour(particles: Particles, n_events: int) -> BoolArray:
    """Return which events have two electrons or two muons, of whatever origin."""
    return (_leptons(particles, n_events, _ELECTRON) > 1) | (
        _leptons(particles, n_events, _MUON) > 1
    )


def has_lepton_and_jet(particles: Particles, n_events: int) -> BoolArray:
    """Return which events have an electron or a muon, and a jet of the other particles.

    Raises
    ------
    ConfigurationError
        If FastJet is not installed.
    """
    lepton = np.zeros(n_events, dtype=bool)
    for code in (_ELECTRON, _MUON):
        lepton |= _leptons(particles, n_events, code) > 0
    seen = lepton[particles.event] & ~np.isin(np.abs(particles.pdg), _NEUTRINOS)
    for code in (_ELECTRON, _MUON):
        seen &= ~_are_leptons(particles, code)
    others = particles[seen]
    event, _, _ = cluster(
        others.event,
        np.vstack([others.momentum, others.energy]),
        n_events,
        radius=JET_RADIUS,
        pt_min=JET_PT_MIN,
    )
    return np.bincount(event, minlength=n_events) > 0


def _are_leptons(particles: Particles, code: int) -> BoolArray:
    of_kind = np.abs(particles.pdg) == code
    central = np.abs(particles.eta) < LEPTON_ETA_MAX
    return np.asarray(of_kind & central & (particles.pt > LEPTON_PT_MIN))


def _leptons(particles: Particles, n_events: int, code: int) -> IntArray:
    """Return how many hard and central electrons, or muons, there are."""
    return np.bincount(particles.event[_are_leptons(particles, code)], minlength=n_events)


_LEPTONS = f"in the final state with pT > {LEPTON_PT_MIN:g} GeV, |η| < {LEPTON_ETA_MAX:g}"
#: By the names of `eμsym.final_states.FINAL_STATES`.
FILTERS = {
    "emu": EventFilter(f"an electron and a muon {_LEPTONS}", has_electron_and_muon),
    "same_flavour": EventFilter(f"two electrons or two muons {_LEPTONS}", has_two_of_a_flavour),
    "one_lepton": EventFilter(
        f"an electron or a muon {_LEPTONS}, and a jet of the other particles, "
        f"R = {JET_RADIUS:g}, pT > {JET_PT_MIN:g} GeV",
        has_lepton_and_jet,
    ),
}
