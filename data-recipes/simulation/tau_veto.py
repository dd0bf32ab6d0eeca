"""Giving up Z → ττ before the τ decay, which is what takes the time.

Two thirds of the time of an event of Z → ττ are the decays of its two τ, with their spins.
Half of these end in two leptons of a flavour, and in half of what is left the τ are too soft,
or too far forward, for the leptons that the filter wants. Both can be known before.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from eμsym.errors import ConfigurationError
from eμsym.recipes.simulation.pythia_events import load_pythia

#: A lepton has at most 0.1 GeV more pT than its τ of 10 GeV, and is at most 0.1 away in η, so
#: these lose nothing of the filter's pT > 10 GeV and |η| < 2.6.
TAU_PT_MIN, TAU_ETA_MAX = 9.5, 2.7
DESCRIPTION = (
    f"Z → ττ with both τ → e or both → μ, or a τ of pT < {TAU_PT_MIN:g} GeV or |η| > "
    f"{TAU_ETA_MAX:g}, is given up before the τ decay, whatever else is in the event"
)
#: With this a veto ends the event, which is counted, not replaced.
SETTINGS = ("Check:abortIfVeto = on",)
_TAU, _ELECTRON, _MUON = 15, 11, 13
#: Where in the event record the boson of Pythia's own process is.
_RESONANCE = 5
#: How Pythia marks a decay channel: of a particle only, of an antiparticle only.
_PARTICLE, _ANTIPARTICLE = 2, 3


class TauVeto:
    """What gives up events of Z → ττ that cannot end in an electron and a muon.

    It first draws, by the branching ratios, to which of e and μ each τ decays, and gives up
    two of a flavour before the showers; then, after the showers, τ too soft or too far
    forward. What is left decays as drawn.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws one number an event.

    Attributes
    ----------
    n_vetoed : int
        Events given up so far.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.n_vetoed = 0
        self._rng = rng
        self._hook: Any = None  # Pythia does not keep it alive

    def attach(self, pythia: Any) -> None:
        """Let Pythia ask.

        Parameters
        ----------
        pythia : pythia8mc.Pythia
            Before ``init``, with the settings of Z → ττ read.

        Raises
        ------
        ConfigurationError
            If the τ may decay in other ways than to e and μ, one channel each.
        """
        for line in SETTINGS:
            pythia.readString(line)
        self._hook = _hook_class()(self, _leptonic_channels(pythia), self._rng)
        pythia.setUserHooksPtr(self._hook)


def _leptonic_channels(pythia: Any) -> dict[int, Any]:
    """Return the two open decay channels of the τ, by the code of the lepton."""
    entry = pythia.particleData.particleDataEntryPtr(_TAU)
    channels: dict[int, Any] = {}
    for channel in map(entry.channel, range(entry.sizeChannels())):
        if channel.onMode():
            codes = {abs(channel.product(k)) for k in range(channel.multiplicity())}
            channels[min(codes & {_ELECTRON, _MUON}, default=len(channels))] = channel
    if set(channels) != {_ELECTRON, _MUON}:
        raise ConfigurationError(
            "the τ of Z → ττ do not decay to e and μ alone; turn the filter off with --no-filter"
        )
    return channels


@cache
def _hook_class() -> type[Any]:
    """Return the class, once Pythia is there to derive it from."""

    class Hook(load_pythia().UserHooks):  # type: ignore[misc]
        def __init__(
            self, veto: TauVeto, channels: dict[int, Any], rng: np.random.Generator
        ) -> None:
            super().__init__()
            self._veto = veto
            self._electron, self._muon = channels[_ELECTRON], channels[_MUON]
            ratio = self._electron.bRatio() / (self._electron.bRatio() + self._muon.bRatio())
            self._two_electrons = ratio**2
            self._each_order = ratio * (1 - ratio)
            self._rng = rng

        def canVetoProcessLevel(self) -> bool:  # noqa: N802
            return True

        def doVetoProcessLevel(self, process: Any) -> bool:  # noqa: N802
            drawn = self._rng.random() - self._two_electrons
            if not 0 <= drawn < 2 * self._each_order:
                return self._give_up()
            # The τ⁻ is the particle.
            if drawn < self._each_order:
                self._electron.onMode(_PARTICLE)
                self._muon.onMode(_ANTIPARTICLE)
            else:
                self._electron.onMode(_ANTIPARTICLE)
                self._muon.onMode(_PARTICLE)
            return False

        def canVetoPartonLevel(self) -> bool:  # noqa: N802
            return True

        def doVetoPartonLevel(self, event: Any) -> bool:  # noqa: N802
            resonance = event[event[_RESONANCE].iBotCopyId()]
            for daughter in (resonance.daughter1(), resonance.daughter2()):
                tau = event[event[daughter].iBotCopyId()]
                if tau.pT() < TAU_PT_MIN or abs(tau.eta()) > TAU_ETA_MAX:
                    return self._give_up()
            return False

        def _give_up(self) -> bool:
            self._veto.n_vetoed += 1
            return True

    return Hook
